package call

import (
	"strings"
	"time"

	"b2bua/core/dialog"
	"b2bua/core/sip"
)

// request is a request inside the dialog of this leg.
func (l *leg) request(now time.Time, tx TxID, req *sip.Message) {
	e, c := l.call.e, l.call
	if req.Method == sip.ACK {
		l.acknowledged(now, req)
		return
	}
	if c.state == stOver && req.Method != sip.BYE { // an ended dialog only answers what crossed its BYE
		e.respond(tx, req, 481, "", "")
		return
	}
	if status, err := l.dlg.Receive(req); status != 0 {
		c.peerFault(l, err.Error())
		e.respond(tx, req, status, "", "")
		return
	}
	if n := nearOf(req, e.from); n.Flow != 0 {
		l.near = n
	}
	switch req.Method { //nolint:exhaustive // everything that is not understood gets 405
	case sip.BYE:
		l.byeReceived(now, tx, req)
	case sip.INVITE:
		l.reinvited(now, tx, req)
	case sip.UPDATE:
		l.updated(now, tx, req)
	case sip.INFO:
		l.info(tx, req)
	case sip.OPTIONS:
		e.respond(tx, req, 200, "", "", sip.Header{Name: "Allow", Value: e.allow()})
	case sip.REFER:
		l.refer(now, tx, req)
	case sip.NOTIFY:
		l.notified(tx, req)
	case sip.PRACK: // no reliable provisional response of ours exists
		e.respond(tx, req, 481, "", "")
	default:
		e.respond(tx, req, 405, "", "", sip.Header{Name: "Allow", Value: e.allow()})
	}
}

// byeReceived: answered at once on its own leg, then the other leg is ended (spec 2.4.5).
func (l *leg) byeReceived(now time.Time, tx TxID, req *sip.Message) {
	c := l.call
	c.e.respond(tx, req, 200, "", "")
	if c.state == stOver {
		return // BYEs crossed
	}
	reasons := relayableReasons(req)
	why := l.side.String() + " hung up"
	if len(reasons) > 0 {
		why += " (" + reasons[0].Value + ")"
	}
	if c.state < stConfirming { // a BYE inside the early dialog (RFC 3261 section 15) asks for the same as CANCEL
		c.callerGone(now, 487, why, reasons)
		return
	}
	c.end(now, ending{why: why, reasons: reasons, by: l})
}

// newRequest is a request of ours inside the leg's dialog.
func (l *leg) newRequest(m sip.Method) *sip.Message { return l.dress(l.dlg.Request(m)) }

// dress puts on what every request of a leg carries: our name and, on leg B, the mark of the bridge (spec 2.3 step 4).
func (l *leg) dress(req *sip.Message) *sip.Message {
	req.Set("User-Agent", l.call.e.cfg.UserAgent)
	if l.side == SideB && req.Method == sip.INVITE {
		req.Set(bridgeHeader, bridgeValue)
	}
	return req
}

// hop of a request inside the leg's dialog. A caller without proxies in between is reached by the connection it opened: behind
// a NAT there is no other way (RFC 3261 section 18.2.2 in spirit; flows of RFC 5626).
func (l *leg) hop() Hop {
	h := l.hopOf(l.dlg, l.near)
	if l.side == SideA && !l.dlg.Routed() {
		h.Flow = l.near.Flow
	}
	return h
}

// hopOf is the hop of a request inside a dialog whose peer spoke from there.
func (l *leg) hopOf(dlg *dialog.Dialog, from Near) Hop {
	return Hop{URI: dlg.NextHop(), Account: l.lineNumber(), Near: from, First: l.first}
}

// nearOf is where a message came from. Who opened a connection is reached by it, if it says so or if it uses TLS: there a new one
// would have to prove a name, which the address that a peer puts in Route or Contact is not (RFC 5923 sections 5 and 8).
func nearOf(m *sip.Message, from Source) Near {
	if !from.Reliable {
		return Near{}
	}
	n := Near{Flow: from.Flow, Peer: from.Peer, Name: from.Name}
	if len(m.Via) == 0 || m.Status != 0 {
		return n
	}
	via := &m.Via[0]
	secure := strings.EqualFold(via.Transport, "TLS")
	if !secure && !via.Params.Has("alias") {
		return n
	}
	switch n.Listens = via.Port; {
	case n.Listens != 0:
	case secure:
		n.Listens = 5061
	default:
		n.Listens = 5060
	}
	return n
}
