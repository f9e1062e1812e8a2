package main

import (
	"cmp"
	"context"
	"fmt"
	"io"
	"strings"

	"b2bua/core/app"
	"b2bua/core/app/sipbridge"
	"b2bua/core/app/trenscrypter"
	"b2bua/core/config"
	"b2bua/core/server"
	"b2bua/core/sip"
	"b2bua/media/sdp"
)

// explainCmd is `b2bua explain`.
type explainCmd struct {
	Callee string `arg:"" help:"Address in the To header of the call, such as sip:bob@example.org or '<sip:bob@example.org;gr=1>'."`
	From   string `placeholder:"ADDRESS" default:"sip:alice@example.org" help:"Address in the From header."`
	URI    string `name:"request-uri" placeholder:"URI" help:"Request-URI, which the patterns of sip-bridge are applied to. Default: the callee."`
	LegA   string `placeholder:"MODE" help:"Media encryption that the caller offers: none, sdes, dtls-srtp or zrtp. Default: none."`
	JSON   bool   `name:"json" help:"Print JSON."`
}

// Help is shown by b2bua explain --help.
func (explainCmd) Help() string {
	return `The rules are those of the configuration (-c, --set), the decision is the one that the running server would take.

Examples:
  b2bua explain sip:bob@example.org -c b2bua.conf
  b2bua explain 'sip:bob@example.org;gr=urn:uuid:1' --leg-a sdes --json
  b2bua explain sip:bob@x.org -s 'b2bua-server::trenscrypter/outgoing-enc-regex=sdes .*@x\.org'

The exit status is 0 when the call would be placed and 2 when it would be refused.

A rule must match the whole URI, parameters included; put single quotes around it in a shell.`
}

// explanation is the JSON of `b2bua explain --json`.
type explanation struct {
	Callee     string     `json:"callee"`              // the string that the rules are applied to
	LegA       string     `json:"legA"`                // encryption of leg A
	Rules      []step     `json:"rules"`               // of trenscrypter, in the order they were looked at
	Providers  []provider `json:"providers,omitempty"` // of sip-bridge, likewise
	Account    string     `json:"account,omitempty"`
	To         string     `json:"to,omitempty"` // of leg B, with sip-bridge
	Refused    int        `json:"refused"`      // SIP status, 0: the call is placed
	Encryption string     `json:"encryption"`   // of leg B
	Suites     []string   `json:"suites"`       // of leg B, with SDES
	From       string     `json:"from"`
	Route      []string   `json:"route"`
	Why        string     `json:"why"`
	Skipped    []skipped  `json:"skipped,omitempty"` // rules that could not be read
	Notes      []string   `json:"notes,omitempty"`   // what somebody may expect and does not get
}

// skipped is a rule that takes no part in decisions.
type skipped struct {
	Setting string `json:"setting"`
	Rule    int    `json:"rule"`
	Problem string `json:"problem"`
}

type step struct {
	Setting string `json:"setting"`
	Rule    int    `json:"rule"`
	Text    string `json:"text"`
	Matched bool   `json:"matched"`
	Error   string `json:"error,omitempty"`
}

// provider is a provider that was asked.
type provider struct {
	Name    string `json:"name"`
	Outcome string `json:"outcome"`
}

func (e *explainCmd) run(ctx context.Context, cfg *config.Config, unread []config.Finding, out io.Writer) error {
	facts, err := e.facts()
	if err != nil {
		return err
	}
	var x explanation
	if cfg.B2BUA.Application == config.AppSIPBridge {
		bridge, err := server.ExplainBridge(ctx, cfg, facts)
		if err != nil {
			return &configError{err.Error()}
		}
		x = explainBridge(facts, bridge)
	} else {
		decision, err := server.Explain(ctx, cfg, facts)
		if err != nil {
			return &configError{err.Error()}
		}
		x = explain(cfg, facts, decision)
		for _, f := range unread {
			x.Skipped = append(x.Skipped, skipped{f.Key, f.Pair, f.Problem})
		}
	}
	if e.JSON {
		err = printJSON(out, x)
	} else {
		_, err = io.WriteString(out, x.text(e.LegA == ""))
	}
	if err == nil && x.Refused != 0 {
		return errRefused
	}
	return err
}

func (e *explainCmd) facts() (app.Facts, error) {
	mode, ok := trenscrypter.ParseMode(cmp.Or(e.LegA, "none"))
	if !ok {
		return app.Facts{}, fmt.Errorf("--leg-a %s: write none, sdes, dtls-srtp or zrtp", e.LegA)
	}
	to, err := address(e.Callee)
	if err != nil {
		return app.Facts{}, fmt.Errorf("the callee %s is not a SIP address (%w); write for example sip:bob@example.org", e.Callee, err)
	}
	from, err := address(e.From)
	if err != nil {
		return app.Facts{}, fmt.Errorf("--from %s is not a SIP address (%w); write for example sip:alice@example.org", e.From, err)
	}
	request := to
	if e.URI != "" {
		if request, err = address(e.URI); err != nil {
			return app.Facts{}, fmt.Errorf("--request-uri %s is not a SIP URI (%w); write for example sip:bob@example.org", e.URI, err)
		}
	}
	return app.Facts{To: to, From: from, RequestURI: request.URI, Encryption: mode}, nil
}

// address takes the parameters of a bare URI for the URI's, as whoever types it means them.
func address(text string) (sip.Address, error) {
	if !strings.Contains(text, "<") {
		text = "<" + text + ">"
	}
	return sip.ParseAddress(text)
}

// explainBridge is explain for the other application.
func explainBridge(facts app.Facts, e sipbridge.Explanation) explanation {
	x := explanation{Callee: e.Subject, LegA: trenscrypter.ModeName(facts.Encryption), Rules: []step{}}
	for _, s := range e.Steps {
		x.Providers = append(x.Providers, provider{s.Provider, s.Outcome})
	}
	x.decided(e.Decision)
	if a := e.Decision.Account; a != nil {
		x.Account, x.To = a.URI(), e.Decision.Callee.String()
	}
	return x
}

// explain puts the decision and the rules that were looked at together.
func explain(cfg *config.Config, facts app.Facts, d app.Decision) explanation {
	x := explanation{
		Callee: trenscrypter.Subject(facts.To.URI), LegA: trenscrypter.ModeName(facts.Encryption), Rules: []step{},
	}
	all := []sdp.Encryption{sdp.None, sdp.SDES, sdp.DTLS, sdp.ZRTP}
	rules := trenscrypter.New(trenscrypter.Config{Encryption: cfg.Trenscrypter.Encryption, Suites: cfg.Trenscrypter.Suites, WebRTC: cfg.Trenscrypter.WebRTC, Supported: all})
	for _, s := range rules.Explain(facts).Steps {
		one := step{Setting: s.Setting, Rule: s.Rule.Pair, Text: s.Rule.String(), Matched: s.Matched}
		if s.Err != nil {
			one.Error = s.Err.Error()
		}
		x.Rules = append(x.Rules, one)
	}
	x.decided(d)
	if d.Refusal == nil && d.Encryption != sdp.DTLS {
		for _, r := range cfg.Trenscrypter.WebRTC {
			if matched, err := r.Pattern.Match(x.Callee); matched && err == nil {
				x.Notes = append(x.Notes, fmt.Sprintf("%s rule %d (%v) matches, but leg B is %s: no effect; it takes a rule of %s that says dtls-srtp",
					trenscrypter.WebRTCKey, r.Pair, r, x.Encryption, trenscrypter.EncryptionKey))
				break
			}
		}
	}
	return x
}

// decided puts in what a decision says.
func (x *explanation) decided(d app.Decision) {
	x.Suites, x.Route, x.Why = []string{}, []string{}, d.Why
	if d.Refusal != nil {
		x.Refused, x.Why = d.Refusal.Status, d.Refusal.Why
		return
	}
	x.Encryption, x.From = trenscrypter.ModeName(d.Encryption), d.From.String()
	for _, s := range d.Suites {
		x.Suites = append(x.Suites, trenscrypter.SuiteName(s))
	}
	for _, r := range d.Route() {
		x.Route = append(x.Route, r.String())
	}
}

// text is the explanation for people; assumed says that nobody told leg A's encryption.
func (x explanation) text(assumed bool) string {
	var b strings.Builder
	hint := ""
	if assumed {
		hint = "  (assumed; for a caller that encrypts add --leg-a sdes, dtls-srtp or zrtp)"
	}
	fmt.Fprintf(&b, "The rules are applied to  %s\nEncryption of leg A       %s%s\n\n", x.Callee, x.LegA, hint)
	for _, p := range x.Providers {
		b.WriteString(p.Outcome + "\n")
	}
	if len(x.Rules) == 0 && len(x.Providers) == 0 && len(x.Skipped) == 0 {
		b.WriteString("There are no rules (b2bua-server::trenscrypter/outgoing-enc-regex).\n")
	}
	for _, s := range x.Skipped {
		fmt.Fprintf(&b, "SKIPPED   %s rule %d: %s\n", s.Setting, s.Rule, s.Problem)
	}
	for _, r := range x.Rules {
		outcome := "no match"
		switch {
		case r.Error != "":
			outcome = "ERROR"
		case r.Matched:
			outcome = "MATCH"
		}
		fmt.Fprintf(&b, "%-8s  %s rule %d: %s\n", outcome, r.Setting, r.Rule, r.Text)
	}
	b.WriteByte('\n')
	if x.Refused != 0 {
		fmt.Fprintf(&b, "The call is refused with %d: %s\n", x.Refused, x.Why)
		return b.String()
	}
	if x.Account != "" {
		fmt.Fprintf(&b, "Account                   %s  (taken as registered, with a free line)\nTo                        %s\n", x.Account, x.To)
	}
	fmt.Fprintf(&b, "Encryption of leg B       %s\n", x.Encryption)
	if len(x.Suites) > 0 {
		fmt.Fprintf(&b, "Suites offered            %s\n", strings.Join(x.Suites, ", "))
	}
	route := strings.Join(x.Route, ", ")
	if route == "" {
		route = "directly to the callee's address"
	}
	fmt.Fprintf(&b, "Sent to                   %s\nFrom                      %s\nBecause                   %s\n", route, x.From, x.Why)
	for _, note := range x.Notes {
		fmt.Fprintf(&b, "But                       %s\n", note)
	}
	return b.String()
}
