package trenscrypter

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"b2bua/core/app"
	"b2bua/core/pattern"
	"b2bua/media/sdp"
)

// Names of the settings that hold the rules, for messages.
const (
	EncryptionKey = "outgoing-enc-regex"
	SuitesKey     = "outgoing-srtp-regex"
	WebRTCKey     = "webrtc-regex" // in section b2bua
)

// Rule is one pair of a list: what to do, and for which callees; or one regex of a list of them.
type Rule struct {
	Pair    int    // position in the list, from 1, skipped pairs counted
	Choice  string // first token as written: mode or suites; empty: there is none
	Pattern *pattern.Pattern
}

// String is the pair as written.
func (r Rule) String() string { return strings.TrimPrefix(r.Choice+" "+r.Pattern.String(), " ") }

// EncryptionRule is one pair of outgoing-enc-regex.
type EncryptionRule struct {
	Rule
	Encryption sdp.Encryption
}

// SuiteRule is one pair of outgoing-srtp-regex. Suites has at least one element, in the order to offer.
type SuiteRule struct {
	Rule
	Suites []sdp.Suite
}

// Problem is a pair that is skipped, or something that looks like a mistake.
type Problem struct {
	Pair    int    // from 1
	Token   string // what is wrong, as written
	Reason  string
	Fix     string // what to write instead
	Skipped bool   // false: only a warning
}

// ModeName is the name of an encryption in the settings.
func ModeName(e sdp.Encryption) string { return app.ModeName(e) }

// ParseMode reads the name of an encryption as the settings write it.
func ParseMode(name string) (sdp.Encryption, bool) { return app.ParseMode(name) }

type suiteEntry struct {
	name  string
	suite sdp.Suite
}

// suites are the names of outgoing-srtp-regex, spelt as in RFC 4568, 6188 and 7714. NoSuite: known, not supported.
var suites = []suiteEntry{
	{"AES_CM_128_HMAC_SHA1_80", sdp.AESCM128SHA180},
	{"AES_CM_128_HMAC_SHA1_32", sdp.AESCM128SHA132},
	{"AES_256_CM_HMAC_SHA1_80", sdp.AES256CMSHA180},
	{"AES_256_CM_HMAC_SHA1_32", sdp.AES256CMSHA132},
	{"AEAD_AES_128_GCM", sdp.AEADAES128GCM},
	{"AEAD_AES_256_GCM", sdp.AEADAES256GCM},
	{"AES_192_CM_HMAC_SHA1_80", sdp.NoSuite},
	{"AES_192_CM_HMAC_SHA1_32", sdp.NoSuite},
}

// SuiteName is the name of a suite in the settings.
func SuiteName(s sdp.Suite) string {
	for _, known := range suites {
		if known.suite == s && s != sdp.NoSuite {
			return known.name
		}
	}
	return "unknown"
}

// ParseEncryptionRules reads the tokens of outgoing-enc-regex: mode1 regex1 mode2 regex2 … An invalid pair is left out and
// reported. The limit is that of pattern.Compile.
func ParseEncryptionRules(tokens []string, limit time.Duration) ([]EncryptionRule, []Problem) {
	return pairs(tokens, limit, "mode", func(r Rule) (EncryptionRule, *Problem) {
		mode, ok := ParseMode(r.Choice)
		if !ok {
			return EncryptionRule{}, wrongMode(r)
		}
		return EncryptionRule{r, mode}, nil
	})
}

// ParseSuiteRules reads the tokens of outgoing-srtp-regex: suites1 regex1 suites2 regex2 … with each list of suites separated
// by semicolons. An invalid pair is left out and reported.
func ParseSuiteRules(tokens []string, limit time.Duration) ([]SuiteRule, []Problem) {
	return pairs(tokens, limit, "suite list", func(r Rule) (SuiteRule, *Problem) {
		list, wrong := parseSuites(r)
		return SuiteRule{r, list}, wrong
	})
}

// ParseWebRTCRules reads the tokens of webrtc-regex: regex1 regex2 … An invalid one is left out and reported.
func ParseWebRTCRules(tokens []string, limit time.Duration) ([]Rule, []Problem) {
	var rules []Rule
	var problems []Problem
	for i, token := range tokens {
		compiled, err := pattern.Compile(token, limit)
		if err != nil {
			problems = append(problems, wrongRegex(i+1, token, err))
			continue
		}
		rules = append(rules, Rule{Pair: i + 1, Pattern: compiled})
	}
	return rules, problems
}

// pairs walks a list two tokens at a time. Both tokens of a pair are checked, so that one look shows both mistakes.
func pairs[T any](tokens []string, limit time.Duration, first string, choose func(Rule) (T, *Problem)) ([]T, []Problem) {
	var rules []T
	var problems []Problem
	for i := 0; i+1 < len(tokens); i += 2 {
		number := i/2 + 1
		compiled, err := pattern.Compile(tokens[i+1], limit)
		rule, wrong := choose(Rule{number, tokens[i], compiled})
		if wrong != nil {
			problems = append(problems, *wrong)
		}
		if err != nil {
			problems = append(problems, wrongRegex(number, tokens[i+1], err))
		}
		if wrong == nil && err == nil {
			rules = append(rules, rule)
		}
	}
	if len(tokens)%2 == 1 {
		problems = append(problems, Problem{
			Pair: len(tokens)/2 + 1, Token: tokens[len(tokens)-1],
			Reason: "the list has an odd number of elements: the last one stands alone and is ignored",
			Fix:    fmt.Sprintf(`pairs of a %s and a regex, separated by spaces; a space within a regex is written \s`, first),
		})
	}
	return rules, problems
}

func wrongRegex(pair int, token string, err error) Problem {
	p := Problem{Pair: pair, Token: token, Reason: "list contains invalid regex (" + token + "): " + err.Error(), Fix: "a valid regex", Skipped: true}
	var syntax *pattern.SyntaxError
	if errors.As(err, &syntax) {
		p.Reason = fmt.Sprintf("list contains invalid regex (%s): %s at character %d", token, syntax.Problem, syntax.At+1)
		p.Fix = syntax.Fix
	}
	return p
}

func wrongMode(r Rule) *Problem {
	p := &Problem{
		Pair: r.Pair, Token: r.Choice, Reason: "list contains invalid encryption mode (" + r.Choice + ")",
		Fix: "zrtp, dtls-srtp, sdes or none, in lower case", Skipped: true,
	}
	switch guess := strings.ToLower(r.Choice); {
	case slices.Contains([]string{"dtsl-srtp", "dtls", "dtls_srtp", "dtlssrtp", "srtp-dtls", "dtsl"}, guess):
		p.Fix = "dtls-srtp"
	case slices.Contains([]string{"srtp", "sdes-srtp", "srtp-sdes"}, guess):
		p.Fix = "sdes"
	case slices.Contains([]string{"rtp", "clear", "plain", "avp"}, guess):
		p.Fix = "none"
	default:
		if _, ok := ParseMode(guess); ok {
			p.Fix = guess
		} else if _, err := pattern.Compile(r.Choice, time.Second); err == nil && strings.ContainsAny(r.Choice, `@*\`) {
			p.Fix = "a mode first, then its regex; this looks like a regex (a mode may be missing before it)"
		}
	}
	return p
}

// parseSuites reads a list separated by semicolons. One unknown name makes the pair invalid: offering less than was written
// would be a silent change of the operator's policy.
func parseSuites(r Rule) ([]sdp.Suite, *Problem) {
	wrong := func(reason, fix string) *Problem {
		return &Problem{Pair: r.Pair, Token: r.Choice, Reason: reason, Fix: fix, Skipped: true}
	}
	var list []sdp.Suite
	for name := range strings.SplitSeq(r.Choice, ";") {
		i := slices.IndexFunc(suites, func(s suiteEntry) bool { return s.name == name })
		switch {
		case name == "":
			return nil, wrong("the suite list has an empty element", "names separated by single semicolons, without blanks")
		case i < 0:
			return nil, wrong("list contains unknown SRTP suite ("+name+")", suiteFix(name))
		case suites[i].suite == sdp.NoSuite:
			return nil, wrong("the SRTP suite "+name+" is known but not supported",
				"AES_256_CM_HMAC_SHA1_80 (stronger) or AES_CM_128_HMAC_SHA1_80")
		case slices.Contains(list, suites[i].suite):
			return nil, wrong("the SRTP suite "+name+" is listed twice", "each suite once, the preferred one first")
		}
		list = append(list, suites[i].suite)
	}
	return list, nil
}

// suiteFix guesses the suite that was meant.
func suiteFix(name string) string {
	plain := func(s string) string {
		s = strings.ToUpper(strings.NewReplacer("-", "", "_", "", " ", "").Replace(s))
		return strings.ReplaceAll(strings.ReplaceAll(s, "AESCM256", "AES256CM"), "AES128CM", "AESCM128")
	}
	for _, s := range suites {
		if plain(s.name) == plain(name) && s.suite != sdp.NoSuite {
			return s.name
		}
	}
	var all []string
	for _, s := range suites {
		if s.suite != sdp.NoSuite {
			all = append(all, s.name)
		}
	}
	return "one of " + strings.Join(all, ", ")
}
