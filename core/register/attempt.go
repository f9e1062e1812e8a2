package register

import (
	"strconv"
	"time"

	"b2bua/core/digest"
	"b2bua/core/sip"
)

// attempt sends the REGISTER that is due: one that binds, or one that un-binds at the end.
func (e *Engine) attempt(now time.Time, r *registration) {
	r.ending = r.removed || e.stopping
	r.rounds, r.interval = 0, false
	if !r.slot {
		r.slot = true
		r.hop.unanswered++
	}
	if !r.bound(now) && (r.status.State != Failed || r.ending) {
		e.become(r, Status{State: Progress})
	}
	m := e.message(r)
	if r.client != nil { // without credentials the registrar asks for them
		_ = r.client.Authorize(m)
	}
	e.ask(now, r, m)
}

// ask sends one request of an attempt.
func (e *Engine) ask(now time.Time, r *registration, m *sip.Message) {
	r.cseq++
	m.CSeq = sip.CSeq{Number: r.cseq, Method: sip.REGISTER}
	e.lastRef++
	r.ref, r.pending, r.phase, r.sentAt = e.lastRef, m, asked, now
	e.refs[r.ref] = r
	e.set(&r.alarm, now.Add(slotPatience))
	e.emit(SendRequest{Ref: r.ref, Msg: m, Hop: Hop{URI: r.hop.uri, Key: r.key, Flow: r.flow}})
}

// message is a REGISTER as RFC 3261 section 10.2 wants it: to the domain, one Call-ID and a rising CSeq for all of a registration.
func (e *Engine) message(r *registration) *sip.Message {
	id := r.identity()
	contact := sip.Address{URI: sip.URI{Scheme: "sip", User: id.URI.User}}
	expires := r.expires
	if r.ending {
		expires = 0
		if r.contact != nil {
			contact.URI = r.bindingContact()
		}
	}
	if e.cfg.Instance != "" {
		contact.Params = contact.Params.With("+sip.instance", `"<`+e.cfg.Instance+`>"`)
	}
	m := &sip.Message{
		Method: sip.REGISTER, URI: sip.URI{Scheme: id.URI.Scheme, Host: id.URI.Host, Port: id.URI.Port},
		From: id.WithTag(r.tag), To: id.WithTag(""), CallID: r.callID, MaxForwards: 70, Contact: []sip.Address{contact},
	}
	m.Add("Expires", strconv.Itoa(int(expires/time.Second)))
	m.Add("Supported", "path")
	if e.cfg.UserAgent != "" {
		m.Add("User-Agent", e.cfg.UserAgent)
	}
	return m
}

// challenged answers a 401 or 407; when it can't, the error says why.
func (e *Engine) challenged(now time.Time, r *registration, req, resp *sip.Message) error {
	if r.client == nil {
		r.client = digest.NewClient(r.credentials, e.cfg.Rand)
	}
	if r.rounds >= maxRounds {
		return digest.ErrRefused
	}
	m, err := r.client.Answer(req, resp)
	if err != nil {
		return err //nolint:wrapcheck // told with the account
	}
	r.rounds++
	e.ask(now, r, m)
	return nil
}

// fired is the end of a rest, of the time that an unanswered request counts, or of a binding.
func (r *registration) fired(e *Engine, now time.Time) {
	switch r.phase {
	case idle:
		if r.farewell && !r.bound(now) {
			r.leave()
			e.unsaid(now, r, r.hop.why.why)
			return
		}
		e.enqueue(now, r)
	case queued:
		e.expire(now, r)
	case asked:
		if !now.Before(r.sentAt.Add(slotPatience)) {
			e.vacate(now, r)
		}
		e.expire(now, r)
		if r.phase == asked && r.bound(now) {
			e.set(&r.alarm, r.until)
		}
	case over:
	}
}

// expire notes the end of a binding that could not be renewed in time.
func (e *Engine) expire(now time.Time, r *registration) {
	if r.status.Available() && !r.bound(now) {
		e.become(r, Status{State: Progress})
	}
}

// vacate gives the place in the window back.
func (e *Engine) vacate(now time.Time, r *registration) {
	if !r.slot {
		return
	}
	r.slot = false
	r.hop.unanswered--
	e.pump(now, r.hop)
}
