package transaction

import (
	"time"
)

// What the loss of a connection does is decided here and nowhere else:
//
//	client, no final response               fails at once; its user is told and may know another way
//	client INVITE with a 2xx                stays: repeated and forked 2xx come to our listening address then, and their ACK finds its own way
//	client, any other final response        ends
//	server, no final response               fails at once: who asked is gone, and what it asked for must not go on
//	server INVITE, final response not       the response goes out again, once, by a new connection (RFC 3261 section 18.2.2);
//	  acknowledged                          without one, or when that is lost too, it fails
//	server, any other final response        ends: a client whose connection broke has given up (RFC 3261 section 17.1.4)
//
// "Fails" is told to the user where something is still expected: all but the failure response to an INVITE.

// nowhere is the flow of transactions that wait for a new connection or do not need one.
const nowhere = 0

// FlowLost says that a connection is gone.
func (e *Engine) FlowLost(flow uint64, err error) {
	key := lane{flow: flow}
	for t := e.flows[key]; t != nil; t = e.flows[key] {
		switch {
		case t.kind == clientInvite && t.state == accepted:
			e.relay(t, nowhere)
		case t.kind == serverInvite && !t.moved && (t.state == completed || t.unacked()):
			o := Output{Kind: Reconnect, Tx: t.id, Path: t.path, SentBy: t.server.sentBy, Err: err}
			t.moved = true
			e.relay(t, nowhere)
			e.emit(o)
		default:
			e.fail(t, err)
		}
	}
}

// Reconnected answers Reconnect: the response goes out by that path. SendFailed is the other answer.
func (e *Engine) Reconnected(now time.Time, id ID, path Path) {
	t := e.byID[id]
	if t == nil || t.path.Flow != nowhere {
		return
	}
	e.unplace(t)
	t.path = path
	e.place(t)
	if t.state == completed {
		e.send(t, t.wire)
		return
	}
	for i := range t.oks {
		if s := &t.oks[i]; s.wire != nil {
			e.send(t, s.wire)
			s.interval = e.timers.T1
			s.next = now.Add(s.interval)
		}
	}
	e.armSuccesses(t, t.expire)
}

// relay puts a transaction on another flow.
func (e *Engine) relay(t *tx, flow uint64) {
	e.unplace(t)
	t.path.Flow = flow
	e.place(t)
}
