package sipbridge

import (
	"fmt"
	"slices"
	"strings"

	"b2bua/core/account"
	"b2bua/core/app"
	"b2bua/core/sip"
	"b2bua/media/sdp"
)

// statusNotAcceptable is what every refusal of this application is answered with (spec 2.4.7).
const statusNotAcceptable = 488

var (
	_ app.Application = (*Bridge)(nil)
	_ app.Transfers   = (*Bridge)(nil)
)

// Decide chooses provider and account, and how leg B is placed (spec 4.5, 4.6).
func (b *Bridge) Decide(f app.Facts) app.Decision {
	d, _ := b.decide(f)
	return d
}

// Step is what one provider that was asked did with the call.
type Step struct {
	Provider string
	Outcome  string // in words
}

// Explanation is a decision with the way to it.
type Explanation struct {
	Subject  string // the Request-URI that the patterns were applied to
	Steps    []Step // the last is the provider that handled the call, if one did
	Decision app.Decision
}

// Explain decides, and tells what each provider did.
func (b *Bridge) Explain(f app.Facts) Explanation {
	d, steps := b.decide(f)
	e := Explanation{Subject: f.RequestURI.Canonical(), Decision: d}
	for _, s := range steps {
		e.Steps = append(e.Steps, Step{s.provider.name, s.String()})
	}
	return e
}

// outcome of one provider.
type outcome uint8

const (
	notTriggered outcome = iota
	failedTrigger
	notFound
	unavailable
	found
)

// step is an outcome with what is needed to put it into words.
type step struct {
	provider *Provider
	outcome  outcome
	subject  string           // of notTriggered: the Request-URI
	key      string           // of notFound and found by FindInPool
	near     *account.Account // of notFound: one that the key misses by its parameters
	account  *account.Account // of unavailable and found
	obstacle account.Obstacle
	err      error // of failedTrigger
}

func (b *Bridge) decide(f app.Facts) (app.Decision, []step) {
	v := values{from: &f.From, to: &f.To, request: &f.RequestURI}
	subject := f.RequestURI.Canonical()
	steps := make([]step, 0, 4)
	for _, p := range b.providers {
		s := p.handle(&v, subject, b.opt.Random)
		steps = append(steps, s)
		switch {
		case s.outcome == notTriggered, s.outcome == notFound && !p.decline:
		case s.outcome == found:
			return b.place(&s, &v), steps
		default:
			return refuse(s.refusal()), steps
		}
	}
	return refuse(nobody(steps)), steps
}

// handle asks one provider.
func (p *Provider) handle(v *values, subject string, random func(int) int) step {
	s := step{provider: p, subject: subject}
	if p.trigger != nil {
		ok, err := p.trigger.Match(subject)
		if err != nil { // it never counts as "no match" (decision 13)
			s.outcome, s.err = failedTrigger, err
			return s
		}
		if !ok {
			return s
		}
	}
	if p.find == nil {
		s.account = p.pool.Pick(random)
	} else {
		s.key = p.find.source.render(v)
		s.account = p.find.index.Find(s.key)
	}
	switch {
	case s.account == nil:
		s.outcome, s.near = notFound, p.near(s.key)
	case !s.account.Available():
		s.outcome, s.obstacle = unavailable, s.account.Unavailable()
	default:
		s.outcome = found
	}
	return s
}

// near is the account that a key would find without its parameters.
func (p *Provider) near(key string) *account.Account {
	if i := strings.IndexByte(key, ';'); p.find != nil && i > 0 {
		return p.find.index.Find(key[:i])
	}
	return nil
}

// place composes leg B.
func (b *Bridge) place(s *step, v *values) app.Decision {
	p := s.provider
	v.account, v.identity, v.alias = s.account, nil, nil
	d := app.Decision{Account: s.account, Provider: p.name, AVPF: p.avpf, Encryption: p.encryption, Why: s.String()}
	if !slices.Contains(b.opt.Supported, d.Encryption) {
		return refuse(fmt.Sprintf("%s, but mediaEncryption %s of provider %q is not supported by this build", s, app.ModeName(d.Encryption), p.name))
	}
	if d.Encryption == sdp.SDES {
		d.Suites = slices.Clone(sdp.DefaultSuites)
	}
	for _, side := range []struct {
		name     string
		template *Template
		into     *sip.Address
	}{{"From", p.from, &d.From}, {"To", p.to, &d.Callee}} {
		text := side.template.render(v)
		a, ok := parseRendered(text)
		if !ok {
			return refuse(fmt.Sprintf("%s, but this would be an attempt to send a request with an invalid URI in its '%s' header: '%s' (outgoingInvite.%s of the provider is %s)",
				s, side.name, clip(text), strings.ToLower(side.name), side.template))
		}
		*side.into = a
	}
	if !p.proxy.URI.IsZero() {
		d.OwnHop = true
		d.Proxy, d.ProxyFrom = p.proxy, fmt.Sprintf("outgoingInvite.outboundProxy of provider %q", p.name)
	} else {
		d.Proxy, d.ProxyFrom = s.account.Route()
	}
	return d
}

func refuse(why string) app.Decision {
	return app.Decision{Refusal: &app.Refusal{Status: statusNotAcceptable, Why: why}, Why: why}
}

// nobody is the refusal when all providers passed.
func nobody(steps []step) string {
	if len(steps) == 0 {
		return "the providers file has no provider: add one"
	}
	const told = 8
	var b strings.Builder
	b.WriteString("no provider takes this call")
	for i := range steps {
		if i == told && len(steps) > told+1 {
			fmt.Fprintf(&b, "; and %d more", len(steps)-told)
			break
		}
		separator := "; "
		if i == 0 {
			separator = ": "
		}
		b.WriteString(separator + steps[i].String())
	}
	return b.String()
}

// refusal is why a provider declines.
func (s *step) refusal() string {
	if s.outcome == notFound {
		return s.String() + " (onAccountNotFound is decline)"
	}
	return s.String()
}

// String is what the provider did, in words that name provider, account and reason.
func (s *step) String() string {
	p := s.provider
	name := fmt.Sprintf("provider %q", p.name)
	switch s.outcome {
	case notTriggered:
		return fmt.Sprintf("%s: pattern %s does not match %s", name, p.trigger, clip(s.subject))
	case failedTrigger:
		return fmt.Sprintf("%s: pattern %s could not be applied: %v", name, clip(p.trigger.String()), s.err)
	case notFound:
		return name + s.missing()
	case unavailable:
		return fmt.Sprintf("%s: account %s is found%s, but %s", name, s.account.URI(), s.how(), s.account.Why(s.obstacle))
	case found:
		return fmt.Sprintf("%s, account %s%s", name, s.account.URI(), s.how())
	}
	return name
}

// how an account was chosen.
func (s *step) how() string {
	if f := s.provider.find; f != nil {
		return fmt.Sprintf(" by %s = %s", f.by, clip(s.key))
	}
	return fmt.Sprintf(" (at random from pool %q)", s.provider.pool.Name())
}

func (s *step) missing() string {
	p := s.provider
	pool := p.pool
	switch {
	case pool.Len() == 0 && pool.Lacking() != "":
		return fmt.Sprintf(": pool %q has no accounts: %s", pool.Name(), pool.Lacking())
	case pool.Len() == 0:
		return fmt.Sprintf(": pool %q has no accounts", pool.Name())
	case p.find == nil:
		why := ""
		for a := range pool.All() {
			why = fmt.Sprintf("account %s for one: %s", a.URI(), a.Why(a.Unavailable()))
			break
		}
		return fmt.Sprintf(": none of the %d accounts of pool %q is available, %s", pool.Len(), pool.Name(), why)
	case s.key == "":
		return fmt.Sprintf(": source %s is empty for this call", p.find.source)
	case s.near != nil:
		return fmt.Sprintf(": no account of pool %q has %s = %s; %s has it but for the parameters: a source such as sip:{from.user}@{from.hostport} leaves them out",
			pool.Name(), p.find.by, clip(s.key), s.near.URI())
	}
	lacking := ""
	if why := pool.Lacking(); why != "" {
		lacking = " (" + why + ")"
	}
	return fmt.Sprintf(": no account of pool %q has %s = %s%s", pool.Name(), p.find.by, clip(s.key), lacking)
}
