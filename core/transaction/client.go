package transaction

import (
	"strings"
	"time"

	"b2bua/core/sip"
)

// Request sends a request whose top Via, with a branch of its own, is in place, under an ID of NewID.
// The ID may be one whose earlier attempt failed; what is left of that attempt reports nothing any more.
func (e *Engine) Request(now time.Time, id ID, req *sip.Message, path Path) {
	if old := e.byID[id]; old != nil {
		old.id, old.internal = 0, true
	}
	e.start(now, id, req, path, false)
}

func (e *Engine) start(now time.Time, id ID, req *sip.Message, path Path, internal bool) {
	t := &tx{id: id, method: req.Method, kind: clientOther, path: path, internal: internal, wire: req.Bytes()}
	t.client = clientKey{branch: req.Via[0].Branch(), method: req.Method}
	if req.Method == sip.INVITE {
		t.kind, t.request = clientInvite, req
	}
	e.add(t)
	e.send(t, t.wire)
	var next time.Time
	if !path.Reliable { // timers A and E
		t.interval = e.timers.T1
		next = now.Add(t.interval)
	}
	e.arm(t, next, now.Add(64*e.timers.T1)) // timers B and F
}

// response is what RFC 3261 sections 17.1.1.2 and 17.1.2.2 do; a response that matches nothing is dropped.
func (e *Engine) response(now time.Time, m *sip.Message) {
	t := e.clients[clientKey{branch: m.Via[0].Branch(), method: m.CSeq.Method}]
	if t == nil {
		return
	}
	switch {
	case t.kind == clientOther:
		e.otherResponse(now, t, m)
	case m.Status < 200:
		e.inviteProvisional(now, t, m)
	case m.Status < 300:
		e.inviteSuccess(now, t, m)
	default:
		e.inviteFailure(now, t, m)
	}
}

func (e *Engine) up(t *tx, m *sip.Message) {
	if !t.internal {
		e.emit(Output{Kind: Response, Tx: t.id, Path: t.path, Msg: m})
	}
}

func (e *Engine) otherResponse(now time.Time, t *tx, m *sip.Message) {
	switch {
	case t.state >= completed:
		return
	case m.Status < 200:
		t.state = proceeding
		if !t.path.Reliable && t.interval < e.timers.T2 {
			t.interval = e.timers.T2
			e.arm(t, now.Add(t.interval), t.expire)
		}
		e.up(t, m)
	default:
		t.state = completed
		e.up(t, m)
		e.remove(t) // timer K would only absorb repetitions, and a response without transaction is dropped just the same
	}
}

func (e *Engine) inviteProvisional(now time.Time, t *tx, m *sip.Message) {
	if t.state > proceeding {
		return
	}
	if t.state == calling {
		t.state, t.wire = proceeding, nil
		e.arm(t, time.Time{}, time.Time{})
	}
	e.up(t, m)
	if t.wantCancel {
		e.sendCancel(now, t)
	}
}

func (e *Engine) inviteFailure(now time.Time, t *tx, m *sip.Message) {
	switch t.state {
	case calling, proceeding:
		ack := ackFor(t.request, m)
		t.state, t.wire, t.request, t.extra = completed, ack.Bytes(), nil, nil
		e.send(t, t.wire)
		e.up(t, m)
		e.linger(now, t, t.unlessReliable(64*e.timers.T1)) // timer D, 32 s
	case completed:
		e.send(t, t.wire)
	case confirmed, accepted:
	}
}

// inviteSuccess is RFC 6026 section 8.4: the transaction stays for the repeated and the forked 2xx.
func (e *Engine) inviteSuccess(now time.Time, t *tx, m *sip.Message) {
	switch t.state {
	case calling, proceeding:
		t.state, t.wire, t.request, t.extra = accepted, nil, nil, nil
		e.arm(t, time.Time{}, now.Add(64*e.timers.T1)) // timer M
	case accepted:
	case completed, confirmed:
		return
	}
	tag := m.To.Tag()
	for i := range t.acks {
		if a := &t.acks[i]; a.tag == tag {
			if a.wire != nil {
				e.emit(Output{Kind: SendAck, Tx: t.id, Path: a.path, Wire: a.wire})
			}
			return
		}
	}
	if len(t.acks) < e.limits.Forks {
		t.acks = append(t.acks, storedAck{tag: strings.Clone(tag)})
		e.up(t, m)
	}
}

// Ack sends the ACK to a 2xx and repeats it for every repetition of that 2xx (RFC 3261 section 13.2.2.4).
func (e *Engine) Ack(invite ID, ack *sip.Message, path Path) {
	wire := ack.Bytes()
	e.emit(Output{Kind: SendAck, Tx: invite, Path: path, Wire: wire})
	t := e.byID[invite]
	if t == nil || t.kind != clientInvite || t.state != accepted {
		return
	}
	for i := range t.acks {
		if t.acks[i].tag == ack.To.Tag() {
			t.acks[i].path, t.acks[i].wire = path, wire
			return
		}
	}
}

// ackFor builds the ACK to a response of 300 and above (RFC 3261 section 17.1.1.3).
func ackFor(invite, resp *sip.Message) *sip.Message {
	return &sip.Message{
		Method: sip.ACK, URI: invite.URI, Via: invite.Via[:1:1], From: invite.From, To: resp.To, CallID: invite.CallID,
		CSeq: sip.CSeq{Number: invite.CSeq.Number, Method: sip.ACK}, MaxForwards: 70, Route: invite.Route,
	}
}

// Cancel gives an INVITE up. The CANCEL is held back until a provisional response came (RFC 3261 section 9.1);
// without a final response within 64*T1 of it the INVITE fails. A final response that came first makes it void.
func (e *Engine) Cancel(now time.Time, invite ID, extra []sip.Header) {
	t := e.byID[invite]
	if t == nil || t.kind != clientInvite || t.state > proceeding || t.wantCancel {
		return
	}
	t.wantCancel, t.extra = true, extra
	if t.state == proceeding {
		e.sendCancel(now, t)
	}
}

func (e *Engine) sendCancel(now time.Time, t *tx) {
	if t.cancelled {
		return
	}
	t.cancelled = true
	invite := t.request
	cancel := &sip.Message{
		Method: sip.CANCEL, URI: invite.URI, Via: invite.Via[:1:1], From: invite.From, To: invite.To, CallID: invite.CallID,
		CSeq: sip.CSeq{Number: invite.CSeq.Number, Method: sip.CANCEL}, MaxForwards: 70, Route: invite.Route, Other: t.extra,
	}
	if agent, ok := invite.Header("User-Agent"); ok {
		cancel.Add("User-Agent", agent)
	}
	e.start(now, e.NewID(), cancel, t.path, true)
	e.arm(t, time.Time{}, now.Add(64*e.timers.T1))
}
