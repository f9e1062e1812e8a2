package transaction

import (
	"slices"
	"strings"
	"time"

	"b2bua/core/sip"
)

// request is a request other than ACK and CANCEL: the start of a transaction or a repetition within one.
func (e *Engine) request(now time.Time, m *sip.Message, path Path) {
	key := keyOf(m, m.Method)
	if t := e.servers[key]; t != nil {
		// The path may have changed with a NAT's binding; repetitions go where the last request came from.
		if t.wire != nil { // the 2xx of an INVITE are repeated by the clock alone (RFC 6026 section 7.1)
			e.send(t, t.wire)
		}
		return
	}
	if e.crowded(m, path) {
		return
	}
	t := e.newServer(m, key, path)
	if m.Method == sip.INVITE {
		t.wire = sip.NewResponse(m, 100, "", "").Bytes()
		e.send(t, t.wire)
	} else {
		// A user that never answers must not leak: the client has given up by then (timer F).
		e.arm(t, time.Time{}, now.Add(64*e.timers.T1))
	}
	e.emit(Output{Kind: Request, Tx: t.id, Path: path, Msg: m})
}

// crowded refuses what exceeds the limits without keeping anything of it.
func (e *Engine) crowded(m *sip.Message, path Path) bool {
	quarters := 4
	if m.Method == sip.CANCEL || m.To.Tag() != "" {
		quarters = reserve
	}
	room := func(has, bound int) bool { return has*4 < bound*quarters }
	of := e.sources[path.Remote.Addr()]
	if of == nil {
		of = &source{}
	}
	if room(e.waiting, e.limits.Pending) && room(of.pending, e.limits.PendingPerSource) &&
		room(e.Len(), e.limits.Transactions) && room(of.all, e.limits.TransactionsPerSource) {
		return false
	}
	resp := sip.NewResponse(m, 503, "", sip.NewTag(e.rand))
	resp.Add("Retry-After", "10")
	e.Stateless(resp, path)
	return true
}

// Stateless sends a response that no transaction remembers.
func (e *Engine) Stateless(resp *sip.Message, path Path) {
	e.emit(Output{Kind: Send, Path: path, Wire: resp.Bytes()})
}

func (e *Engine) newServer(m *sip.Message, key serverKey, path Path) *tx {
	t := &tx{id: e.NewID(), kind: serverOther, method: m.Method, path: path, server: key.kept(), tag: strings.Clone(m.To.Tag()), pending: true}
	if m.Method == sip.INVITE {
		t.kind = serverInvite
	}
	e.add(t)
	return t
}

// Tag is the To tag that the engine puts on responses without one; a user that takes it as its dialog's tag has
// one tag on all responses, those to CANCEL included (RFC 3261 section 9.2).
func (e *Engine) Tag(id ID) string {
	t := e.byID[id]
	if t == nil || !t.kind.server() {
		return ""
	}
	if t.tag == "" {
		t.tag = sip.NewTag(e.rand)
	}
	return t.tag
}

// Respond sends a response. It does nothing when the transaction has its final response or is gone; but an INVITE that has a 2xx
// takes more of them with other To tags.
func (e *Engine) Respond(now time.Time, id ID, resp *sip.Message) {
	t := e.byID[id]
	if t == nil || !t.kind.server() || t.state >= completed && !t.further(resp, e.limits.Forks) {
		return
	}
	if resp.Status > 100 {
		if tag := resp.To.Tag(); tag != "" {
			if t.tag != tag {
				t.tag = strings.Clone(tag) // of a message, maybe
			}
		} else if resp.To.URI.Scheme != "" {
			resp = resp.Clone()
			resp.To = resp.To.WithTag(e.Tag(id))
		}
	}
	wire := resp.Bytes()
	e.send(t, wire)
	if resp.Status < 200 {
		t.state, t.wire = proceeding, wire
		return
	}
	e.settled(t)
	t.wire = wire
	switch {
	case t.kind == serverOther:
		t.state = completed
		e.linger(now, t, t.unlessReliable(64*e.timers.T1)) // timer J
	case resp.Status < 300:
		t.state, t.wire = accepted, nil
		t.oks = append(t.oks, success{tag: t.tag, wire: wire, next: now.Add(e.timers.T1), interval: e.timers.T1})
		e.armSuccesses(t, now.Add(64*e.timers.T1)) // timer L, anew for every fork
	default:
		t.state = completed
		var next time.Time
		if !t.path.Reliable { // timer G
			t.interval = e.timers.T1
			next = now.Add(t.interval)
		}
		e.arm(t, next, now.Add(64*e.timers.T1)) // timer H
	}
}

// ack ends the repetition of a failure; the ACK to a 2xx is the user's.
func (e *Engine) ack(now time.Time, m *sip.Message, path Path) {
	t := e.servers[keyOf(m, sip.INVITE)]
	switch {
	case t == nil || t.state == accepted:
		e.emit(Output{Kind: Request, Path: path, Msg: m})
	case t.state == completed:
		t.state, t.wire = confirmed, nil
		e.linger(now, t, t.unlessReliable(e.timers.T4)) // timer I
	}
}

// further tells whether a response is one more 2xx of an INVITE that forked.
func (t *tx) further(resp *sip.Message, most int) bool {
	tag := resp.To.Tag()
	return t.kind == serverInvite && t.state == accepted && resp.Status >= 200 && resp.Status < 300 && len(t.oks) < most &&
		tag != "" && !slices.ContainsFunc(t.oks, func(s success) bool { return s.tag == tag })
}

// repeatSuccesses repeats the 2xx that are due, on every transport (RFC 3261 section 13.3.1.4).
func (e *Engine) repeatSuccesses(now time.Time, t *tx) {
	for i := range t.oks {
		if s := &t.oks[i]; s.wire != nil && !s.next.After(now) {
			e.send(t, s.wire)
			s.interval = min(2*s.interval, e.timers.T2)
			s.next = now.Add(s.interval)
		}
	}
	e.armSuccesses(t, t.expire)
}

func (e *Engine) armSuccesses(t *tx, expire time.Time) {
	var next time.Time
	for _, s := range t.oks {
		if s.wire != nil && (next.IsZero() || s.next.Before(next)) {
			next = s.next
		}
	}
	e.arm(t, next, expire)
}

// Acked says that the ACK to the 2xx with that To tag came; no tag: to all of them.
func (e *Engine) Acked(invite ID, tag string) {
	t := e.byID[invite]
	if t == nil || !t.unacked() {
		return
	}
	for i := range t.oks {
		if tag == "" || t.oks[i].tag == tag {
			t.oks[i].wire = nil
		}
	}
	e.armSuccesses(t, t.expire)
}

// cancelRequest is RFC 3261 section 9.2.
func (e *Engine) cancelRequest(now time.Time, m *sip.Message, path Path) {
	key := keyOf(m, sip.CANCEL)
	if t := e.servers[key]; t != nil {
		if t.wire != nil {
			e.send(t, t.wire)
		}
		return
	}
	if e.crowded(m, path) {
		return
	}
	t := e.newServer(m, key, path)
	key.method = sip.INVITE
	invite := e.servers[key]
	if invite == nil {
		e.Respond(now, t.id, sip.NewResponse(m, 481, "", e.Tag(t.id)))
		return
	}
	e.Respond(now, t.id, sip.NewResponse(m, 200, "", e.Tag(invite.id)))
	if invite.state <= proceeding && !invite.cancelled {
		invite.cancelled = true
		e.emit(Output{Kind: Cancel, Tx: invite.id, Path: invite.path, Msg: m})
	}
}

// PathOf is where the messages of a transaction go.
func (e *Engine) PathOf(id ID) (Path, bool) {
	t := e.byID[id]
	if t == nil {
		return Path{}, false
	}
	return t.path, true
}
