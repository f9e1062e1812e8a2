package call

import (
	"errors"
	"fmt"

	"b2bua/core/dialog"
	"b2bua/core/digest"
	"b2bua/core/event"
	"b2bua/core/sip"
)

// The account that places leg B: what it lends to the call, and what is given back.

// takeLine counts the call on the account that was decided on, from before leg B exists to the end of leg A (spec 4.6).
func (c *call) takeLine() {
	if c.line = c.decision.Account; c.line != nil {
		c.line.Take()
	}
}

// releaseLine counts it out, once, whatever ended the call.
func (c *call) releaseLine() {
	if c.line != nil {
		c.line.Release()
		c.line = nil
	}
}

// lineName is what the call leaves by.
func (c *call) lineName() event.Line {
	if c.decision.Account == nil {
		return event.Line{}
	}
	return event.Line{Provider: c.decision.Provider, Account: c.decision.Account.URI()}
}

// lineNumber is the account whose connection carries this leg, 0 for none.
func (l *leg) lineNumber() uint64 {
	d := &l.call.decision
	if l.side == SideA || d.Account == nil || d.OwnHop {
		return 0
	}
	return d.Account.Number()
}

// contactB is the Contact of leg B: what the account is registered by when that is a GRUU, which leads to us from anywhere, else
// its user at the connection that carries the message (spec 2.3.1).
func (c *call) contactB() sip.Address {
	d := &c.decision
	if d.Account == nil || d.OwnHop {
		return contactOf(d.From)
	}
	u, err := sip.ParseURI(d.Account.Contact())
	switch {
	case err != nil || u.User == "": // it is not registered
		return contactOf(d.From)
	case u.Params.Has("gr"):
		return sip.Address{URI: u}
	}
	return contactOf(sip.Address{URI: sip.URI{Scheme: u.Scheme, User: u.User}})
}

// maxChallenges bounds how often one request is repeated with credentials: proxies on the way, times stale nonces.
const maxChallenges = 4

// challenged repeats a request of leg B that was answered by 401 or 407, with the credentials of its account; false: the answer
// stands.
func (e *Engine) challenged(ref Ref, p *pending, resp *sip.Message) bool {
	l := p.leg
	if resp.Status != 401 && resp.Status != 407 || p.asked == maxChallenges || p.final || !l.stillWants(ref, p) {
		return false
	}
	client := l.credentials()
	if client == nil {
		return false
	}
	again, err := client.Answer(p.msg, resp)
	if err != nil {
		l.authErr = err
		return false
	}
	l.authErr = nil
	p.asked++
	*p.msg = *again // who holds the request sees what was sent last: its ACK has that number
	if l.dlg != nil && l.dlg.ID().CallID == p.msg.CallID {
		l.dlg.Again(p.msg)
	} else {
		p.msg.CSeq.Number++
	}
	l.call.note(fmt.Sprintf("%s: %s answered by %d is repeated with credentials of %s", l.side, p.method, resp.Status, l.call.decision.Account.URI()))
	e.emit(SendRequest{Ref: ref, Msg: p.msg, Hop: p.hop})
	return true
}

// stillWants tells whether a request that was not accepted is still to be made.
func (l *leg) stillWants(ref Ref, p *pending) bool {
	switch {
	case p.method == sip.BYE:
		return true
	case p.method == sip.INVITE && p.msg.To.Tag() == "":
		return ref == l.ref && l.call.state == stCalling
	default:
		return l.call.state != stOver
	}
}

// credentials of this leg, nil when it has none.
func (l *leg) credentials() *digest.Client {
	d := &l.call.decision
	if l.auth != nil || l.side == SideA || d.Account == nil {
		return l.auth
	}
	if c, ok := d.Account.Credentials(); ok {
		l.auth = digest.NewClient([]digest.Credentials{c}, l.call.e.cfg.Rand)
	}
	return l.auth
}

// authorize puts credentials on a request for who asked for them before in this call.
func (l *leg) authorize(req *sip.Message) {
	if l.auth == nil {
		return
	}
	if err := l.auth.Authorize(req); err != nil {
		l.call.note(fmt.Sprintf("%s: no credentials on %s: %v", l.side, req.Method, err))
	}
}

// ack of a 2xx carries the credentials of its INVITE: it cannot be challenged (RFC 3261 section 22.1).
func (l *leg) ack(dlg *dialog.Dialog, invite *sip.Message) *sip.Message {
	m := l.dress(dlg.Ack(invite.CSeq.Number))
	for _, name := range []string{"Authorization", "Proxy-Authorization"} {
		for _, value := range invite.Values(name) {
			m.Add(name, value)
		}
	}
	return m
}

// unauthorized says what a 401 or 407 that stands has to do with the account.
func (l *leg) unauthorized(resp *sip.Message) string {
	a := l.call.decision.Account
	if resp.Status != 401 && resp.Status != 407 || a == nil {
		return ""
	}
	switch {
	case l.authErr == nil && l.auth == nil:
		return fmt.Sprintf("; account %s has no secret to answer it with", a.URI())
	case errors.Is(l.authErr, digest.ErrNoCredentials):
		c, _ := a.Credentials()
		return fmt.Sprintf("; account %s has credentials for realm %q, which it did not ask for (%v): set the realm of the account", a.URI(), c.Realm, l.authErr)
	case errors.Is(l.authErr, digest.ErrAlgorithm):
		return fmt.Sprintf("; account %s: %v; give it a secret that is clrtxt, or a hash by the algorithm that is wanted", a.URI(), l.authErr)
	case l.authErr != nil:
		return fmt.Sprintf("; account %s: %v", a.URI(), l.authErr)
	}
	return fmt.Sprintf("; account %s answered %d challenges in vain", a.URI(), maxChallenges)
}
