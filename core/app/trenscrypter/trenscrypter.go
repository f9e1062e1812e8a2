// Package trenscrypter decides the media encryption of leg B from ordered tables of patterns over the callee's address.
//
// The callee stays the same on both legs: leg B is placed to the To address of leg A, from leg A's From address, through the
// outbound proxy. The first rule of outgoing-enc-regex that matches the callee's URI chooses the encryption; without one it
// is leg A's. When it is SDES, the first rule of outgoing-srtp-regex chooses the suites (spec 3.1); when it is DTLS-SRTP, a match of
// webrtc-regex makes leg B one for a browser, with feedback (AVPF) and BUNDLE.
//
// An App is immutable, Decide is pure and looks at each rule at most once.
package trenscrypter

import (
	"fmt"
	"slices"
	"strings"

	"b2bua/core/app"
	"b2bua/core/sip"
	"b2bua/media/sdp"
)

// statusNotAcceptable is what every refusal of this application is answered with (spec 2.4.7).
const statusNotAcceptable = 488

// Config is what an App decides by.
type Config struct {
	Encryption    []EncryptionRule
	Suites        []SuiteRule
	WebRTC        []Rule           // callees that are browsers
	OutboundProxy *sip.Address     // nil: the callee's URI is the next hop
	Supported     []sdp.Encryption // what this build can do on a leg
}

// App is the application.
type App struct{ cfg Config }

var _ app.Application = (*App)(nil)

// New makes the application; the slices must not be changed afterwards.
func New(cfg Config) *App { return &App{cfg} }

// Decide chooses how leg B is placed.
func (a *App) Decide(f app.Facts) app.Decision {
	d, _ := a.decide(f, nil)
	return d
}

// Step is one rule that was looked at while deciding.
type Step struct {
	Setting string // EncryptionKey, SuitesKey or WebRTCKey
	Rule    Rule
	Matched bool
	Err     error // the pattern could not be evaluated
}

// Explanation is a decision with the way to it.
type Explanation struct {
	Subject  string // the string that the patterns were applied to
	Steps    []Step // in the order they were looked at; rules after a match are not
	Decision app.Decision
}

// Explain decides, and tells which rules were looked at.
func (a *App) Explain(f app.Facts) Explanation {
	e := Explanation{Subject: Subject(f.To.URI)}
	e.Decision, e.Steps = a.decide(f, []Step{})
	return e
}

// decide notes its steps when steps is not nil.
func (a *App) decide(f app.Facts, steps []Step) (app.Decision, []Step) {
	s := search{subject: Subject(f.To.URI), shown: f.To.URI.Redacted(), steps: steps}
	d := app.Decision{Callee: sip.Address{Display: f.To.Display, URI: f.To.URI}, From: sip.Address{Display: f.From.Display, URI: f.From.URI}}
	d.Callee.URI.Headers = "" // a Request-URI has none (RFC 3261 table 1)

	d.Encryption = f.Encryption
	why := fmt.Sprintf("no rule of %s matches %s: %s as on leg A", EncryptionKey, s.shown, ModeName(f.Encryption))
	if i := find(&s, EncryptionKey, a.cfg.Encryption, func(r EncryptionRule) Rule { return r.Rule }); i >= 0 {
		rule := a.cfg.Encryption[i]
		d.Encryption = rule.Encryption
		why = describe(EncryptionKey, rule.Rule)
	}
	if s.failed != nil {
		return refuse(s.failure()), s.steps
	}
	if !slices.Contains(a.cfg.Supported, d.Encryption) {
		return refuse(fmt.Sprintf("leg B to %s needs %s (%s), which this build does not support; it supports %s",
			s.shown, ModeName(d.Encryption), why, a.supported())), s.steps
	}
	if d.Encryption == sdp.SDES {
		d.Suites = slices.Clone(sdp.DefaultSuites)
		if i := find(&s, SuitesKey, a.cfg.Suites, func(r SuiteRule) Rule { return r.Rule }); i >= 0 {
			d.Suites = slices.Clone(a.cfg.Suites[i].Suites)
			why += ", " + describe(SuitesKey, a.cfg.Suites[i].Rule)
		}
		if s.failed != nil {
			return refuse(s.failure()), s.steps
		}
	}
	if d.Encryption == sdp.DTLS {
		if i := find(&s, WebRTCKey, a.cfg.WebRTC, func(r Rule) Rule { return r }); i >= 0 {
			d.AVPF, d.Bundle = true, true
			why += ", " + describe(WebRTCKey, a.cfg.WebRTC[i])
		}
		if s.failed != nil {
			return refuse(s.failure()), s.steps
		}
	}
	if a.cfg.OutboundProxy != nil {
		d.Proxy, d.ProxyFrom = *a.cfg.OutboundProxy, "b2bua-server/outbound-proxy"
	}
	d.Why = why
	return d, s.steps
}

func describe(setting string, r Rule) string {
	return fmt.Sprintf("%s rule %d (%v)", setting, r.Pair, r)
}

func refuse(why string) app.Decision {
	return app.Decision{Refusal: &app.Refusal{Status: statusNotAcceptable, Why: why}, Why: why}
}

func (a *App) supported() string {
	names := make([]string, 0, len(a.cfg.Supported))
	for _, e := range a.cfg.Supported {
		names = append(names, ModeName(e))
	}
	return strings.Join(names, ", ")
}

// search is the walk over the rules for one callee.
type search struct {
	subject string
	shown   string // the same without a password, for the log
	steps   []Step
	failed  *Step // the rule that could not be evaluated
}

// find is the index of the first rule that matches, -1 for none. A rule that can't be evaluated ends the search: that it
// would not have matched is unknown, and guessing might send the call with less protection than asked for (decision 13).
func find[T any](s *search, setting string, rules []T, rule func(T) Rule) int {
	for i := range rules {
		r := rule(rules[i])
		ok, err := r.Pattern.Match(s.subject)
		step := Step{setting, r, ok, err}
		if s.steps != nil {
			s.steps = append(s.steps, step)
		}
		if err != nil {
			s.failed = &step
			return -1
		}
		if ok {
			return i
		}
	}
	return -1
}

func (s *search) failure() string {
	subject := s.shown
	if len(subject) > 80 {
		subject = subject[:80] + "…"
	}
	return fmt.Sprintf("%s could not be applied to %s: %v", describe(s.failed.Setting, s.failed.Rule), subject, s.failed.Err)
}
