package sipbridge

import (
	"fmt"

	"b2bua/core/account"
	"b2bua/core/app"
	"b2bua/core/sip"
)

// What is decided beside calls: where a transfer leads (spec 4.6.3), and what becomes of SUBSCRIBE and NOTIFY (spec 4.7). None of
// them takes a slot.

// Transfer is the address that a transfer leads to on the other leg. The facts are those of the REFER: To is its Refer-To address,
// From who sent it, RequestURI that of the leg's call. current is the account of the call, which strategy Random stays with. The
// first provider that yields an address wins; availability is not asked for. ok is false when none does: Refer-To stays as it is.
func (b *Bridge) Transfer(f app.Facts, current *account.Account) (to sip.Address, why string, ok bool) {
	v := values{from: &f.From, to: &f.To, request: &f.RequestURI}
	subject := f.RequestURI.Canonical()
	for _, p := range b.providers {
		if matched, err := p.triggers(subject); err != nil || !matched {
			continue
		}
		v.account, v.identity, v.alias = p.accountOf(&v, current), nil, nil
		if v.account == nil {
			continue
		}
		if a, valid := parseRendered(p.to.render(&v)); valid {
			return a, fmt.Sprintf("provider %q, account %s", p.name, v.account.URI()), true
		}
	}
	return sip.Address{}, "no provider has an address for the target of the transfer", false
}

func (p *Provider) triggers(subject string) (bool, error) {
	if p.trigger == nil {
		return true, nil
	}
	return p.trigger.Match(subject)
}

// accountOf is the account that a provider would use, available or not; current is kept where any would do.
func (p *Provider) accountOf(v *values, current *account.Account) *account.Account {
	switch {
	case p.find != nil:
		return p.find.index.Find(p.find.source.render(v))
	case current != nil && current.Pool() == p.pool:
		return current
	default:
		return nil
	}
}

// Subscribe decides on a SUBSCRIBE like on a call, except that patterns are applied to its resource, the To URI, and that the
// account's identity is who is called (spec 2.15.1). A Decision without Refusal has Account, Callee and Proxy.
func (b *Bridge) Subscribe(f app.Facts) app.Decision {
	v := values{from: &f.From, to: &f.To, request: &f.RequestURI}
	subject := f.To.URI.Canonical()
	var steps []step
	for _, p := range b.providers {
		s := p.handle(&v, subject, b.opt.Random)
		steps = append(steps, s)
		switch {
		case s.outcome == notTriggered, s.outcome == notFound && !p.decline:
		case s.outcome == found:
			d := app.Decision{Account: s.account, Provider: p.name, Callee: s.account.Identity(), From: f.From, Why: s.String()}
			d.Proxy, d.ProxyFrom = s.account.Route()
			return d
		default:
			return refuse(s.refusal())
		}
	}
	return refuse(nobody(steps))
}

// Notification is how a NOTIFY is sent on (spec 2.15.3).
type Notification struct {
	Account *account.Account
	Target  sip.URI     // the account's alias: Request-URI, To and From
	Proxy   sip.Address // of outgoingNotify
	Why     string
}

// Notify decides on a NOTIFY outside of any bridged subscription: the first provider that triggers, finds an account with an alias
// and has outgoingNotify sends it on; onAccountNotFound counts as nextProvider. ok is false when nobody does.
func (b *Bridge) Notify(f app.Facts) (n Notification, ok bool) {
	v := values{from: &f.From, to: &f.To, request: &f.RequestURI}
	subject := f.To.URI.Canonical()
	for _, p := range b.providers {
		if p.notify.URI.IsZero() {
			continue
		}
		s := p.handle(&v, subject, b.opt.Random)
		if s.outcome != found && s.outcome != unavailable {
			continue
		}
		target, err := sip.ParseURI(s.account.Alias())
		if err != nil {
			continue
		}
		return Notification{Account: s.account, Target: target, Proxy: p.notify, Why: s.String()}, true
	}
	return Notification{}, false
}
