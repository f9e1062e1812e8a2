package main

import (
	"cmp"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"
)

// step is one line of a script: what is done how long after the answer.
type step struct {
	at       time.Duration
	action   string
	argument string
}

// String is what parseScript reads.
func (s step) String() string {
	return strings.TrimRight(fmt.Sprintf("%v %s %s", s.at, s.action, s.argument), " ")
}

// verb is an action that a script may name.
type verb struct {
	name     string
	takes    []string // the words that may follow; nil: see optional and digits
	digits   bool     // digits of a telephone follow
	most     int      // a number of 1 to most follows
	optional bool     // it may stand alone
	help     string
}

// verbs in the order of the help.
var verbs = []verb{
	{name: "hold", takes: []string{"sendonly", "inactive"}, optional: true, help: "re-INVITE with sendonly, or inactive"},
	{name: "resume", help: "re-INVITE with the direction of --direction"},
	{name: "reinvite", help: "re-INVITE that changes nothing"},
	{name: "update", help: "UPDATE with the same description (RFC 3311)"},
	{name: "video", takes: []string{"on", "off"}, help: "re-INVITE that adds or takes away video (the other side needs --video)"},
	{name: "dtmf", digits: true, help: "digits as telephone events (RFC 4733)"},
	{name: "info", digits: true, help: "digits as INFO with application/dtmf-relay, one after the other"},
	{name: "rekey", takes: []string{"keep"}, optional: true, help: "re-INVITE with new SDES keys, a new DTLS certificate, or a new ZRTP session (keep: new streams in the session that there is)"},
	{name: "confirm", takes: []string{"yes", "no"}, help: "the users have compared the SAS of ZRTP: it is the same, or not"},
	{name: "restart-ice", help: "re-INVITE with new ICE credentials (needs --ice)"},
	{name: "rebind", help: "other media ports without a word, as a NAT that forgot"},
	{name: "source", help: "go on as another RTP source: new SSRC"},
	{name: "replay", most: 128, help: "the newest 1 to 128 packets once more, byte for byte"},
	{name: "feedback", takes: []string{"pli", "fir", "nack"}, help: "RTCP feedback about the video received (needs --avpf and --video)"},
	{name: "picture", help: "INFO that asks for a whole picture (RFC 5168)"},
	{name: "hangup", help: "end the call"},
}

// maxSteps bounds a script.
const maxSteps = 1000

// maxDigits of one step.
const maxDigits = 64

// parseScript reads "2s hold, 4s resume, 5s dtmf 123#" and puts it in the order of time.
func parseScript(text string) ([]step, error) {
	var out []step
	for _, part := range strings.Split(text, ",") {
		words := strings.Fields(part)
		if len(words) == 0 {
			continue
		}
		s, err := parseStep(words)
		if err != nil {
			return nil, fmt.Errorf("--do: %q: %w", strings.Join(words, " "), err)
		}
		if out = append(out, s); len(out) > maxSteps {
			return nil, fmt.Errorf("--do: more than %d steps", maxSteps)
		}
	}
	slices.SortStableFunc(out, func(a, b step) int { return cmp.Compare(a.at, b.at) })
	return out, nil
}

func parseStep(words []string) (step, error) {
	at, err := time.ParseDuration(words[0])
	switch {
	case err != nil:
		return step{}, fmt.Errorf("%q is no time: write for example '2s hold' or '500ms dtmf 1'", words[0])
	case at < 0 || at > 24*time.Hour:
		return step{}, fmt.Errorf("%v: a time from 0s to 24h after the answer is needed", at)
	case len(words) == 1:
		return step{}, fmt.Errorf("what is to be done at %v? Write one of %s", at, verbNames())
	}
	i := slices.IndexFunc(verbs, func(v verb) bool { return v.name == words[1] })
	if i < 0 {
		return step{}, fmt.Errorf("%q is no action: write one of %s", words[1], verbNames())
	}
	s := step{at: at, action: words[1]}
	if len(words) > 3 {
		return step{}, fmt.Errorf("%q is too much: a comma stands between two steps", strings.Join(words[3:], " "))
	}
	if len(words) == 3 {
		s.argument = words[2]
	}
	s.argument, err = verbs[i].argument(s.argument)
	return s, err
}

// argument checks what follows a verb, and gives it its one form.
func (v verb) argument(word string) (string, error) {
	switch {
	case word == "" && (v.optional || v.takes == nil && !v.digits && v.most == 0):
		return "", nil
	case v.digits:
		word = strings.ToUpper(word)
		if word == "" || len(word) > maxDigits || strings.Trim(word, "0123456789*#ABCD") != "" {
			return "", fmt.Errorf("%s needs 1 to %d digits of 0-9 * # A-D", v.name, maxDigits)
		}
	case v.most > 0:
		n, err := strconv.Atoi(word)
		if err != nil || n < 1 || n > v.most {
			return "", fmt.Errorf("%s needs a number from 1 to %d", v.name, v.most)
		}
		word = strconv.Itoa(n)
	case v.takes == nil:
		return "", fmt.Errorf("%s stands alone: %q is too much", v.name, word)
	case !slices.Contains(v.takes, word):
		return "", fmt.Errorf("%s needs one of %s", v.name, strings.Join(v.takes, ", "))
	}
	return word, nil
}

func verbNames() string {
	var names []string
	for _, v := range verbs {
		names = append(names, v.name)
	}
	return strings.Join(names, ", ")
}

// scriptHelp is the part of --help that lists the actions.
func scriptHelp() string {
	var b strings.Builder
	b.WriteString("Actions of --do, each with the time after the answer, as in --do '2s hold, 4s resume, 5s dtmf 123#, 7s video on':\n\n")
	for _, v := range verbs {
		name := v.name
		switch {
		case v.digits:
			name += " DIGITS"
		case v.most > 0:
			name += " N"
		case v.optional:
			name += " [" + strings.Join(v.takes, "|") + "]"
		case v.takes != nil:
			name += " " + strings.Join(v.takes, "|")
		}
		fmt.Fprintf(&b, "  %-26s %s\n", name, v.help)
	}
	return b.String()
}
