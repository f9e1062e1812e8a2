package call

import (
	"fmt"
	"slices"
	"time"

	"b2bua/core/sip"
	"b2bua/media/sdp"
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
	switch req.Method { //nolint:exhaustive // everything that is not understood gets 405
	case sip.BYE:
		l.byeReceived(now, tx, req)
	case sip.INVITE:
		l.reinvited(now, tx, req)
	case sip.UPDATE:
		l.updated(now, tx, req)
	case sip.INFO, sip.OPTIONS:
		e.respond(tx, req, 200, "", "", sip.Header{Name: "Allow", Value: allow})
	case sip.NOTIFY, sip.PRACK: // no subscription, no reliable provisional response of ours exists
		e.respond(tx, req, 481, "", "")
	default:
		e.respond(tx, req, 405, "", "", sip.Header{Name: "Allow", Value: allow})
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

// reinvited is a re-INVITE: one that changes neither which streams run nor their direction towards the peer is answered here and
// not forwarded (spec 2.5). Streams that are new on this leg are refused.
func (l *leg) reinvited(now time.Time, tx TxID, req *sip.Message) {
	e, c := l.call.e, l.call
	switch {
	case l.re.ref != 0, c.state != stRunning && len(l.acks) == 0: // glare, or the other leg is not ready (RFC 3261 section 14.2)
		e.respond(tx, req, 491, "", "")
		return
	case len(l.acks) > 0: // an earlier INVITE of this leg is not finished
		e.respond(tx, req, 500, "", "", sip.Header{Name: "Retry-After", Value: fmt.Sprint(retryAfter(e))})
		return
	}
	l.dlg.UpdateTarget(req)
	ours, offered, err := l.reoffer(req)
	if err != nil {
		c.peerFault(l, "re-INVITE refused with 488, the call goes on as it was: "+err.Error())
		e.respond(tx, req, 488, "", "", warning(err)...)
		return
	}
	l.ours, l.offered = ours, offered
	l.acks[req.CSeq.Number] = tx
	e.server[tx] = l
	resp := e.response(req, 200, "", "")
	resp.Set("Allow", allow)
	l.describe(resp, ours)
	e.emit(SendResponse{Tx: tx, Msg: resp})
	c.note(l.side.String() + " sent a re-INVITE, answered locally: " + mediaNames(l.agreed))
	if !offered {
		l.passOn(now)
	}
}

// passOn tells the other leg when what it has agreed to no longer fits this one: nothing is transcoded, so a codec that went here
// must go there (decision 9).
func (l *leg) passOn(now time.Time) {
	o := l.other()
	if !sdp.Holds(o.agreed, l.agreed) {
		o.re.wanted = true
		o.maybeReinvite(now)
	}
}

// updated is UPDATE (RFC 3311); its offer is treated as that of a re-INVITE.
func (l *leg) updated(now time.Time, tx TxID, req *sip.Message) {
	e, c := l.call.e, l.call
	if len(req.Body) > 0 && (l.re.ref != 0 || l.offered || c.state != stRunning) { // RFC 3311 section 5.2
		e.respond(tx, req, 491, "", "")
		return
	}
	l.dlg.UpdateTarget(req)
	resp := e.response(req, 200, "", "")
	resp.Contact = []sip.Address{l.dlg.Contact}
	if len(req.Body) > 0 {
		ours, _, err := l.reoffer(req)
		if err != nil {
			c.peerFault(l, "UPDATE refused with 488, the call goes on as it was: "+err.Error())
			e.respond(tx, req, 488, "", "", warning(err)...)
			return
		}
		l.ours = ours
		l.describe(resp, ours)
	}
	e.emit(SendResponse{Tx: tx, Msg: resp})
	if len(req.Body) > 0 {
		l.passOn(now)
	}
}

// reoffer answers an offer made in mid-call; a re-INVITE without SDP gets an offer of what runs.
func (l *leg) reoffer(req *sip.Message) (ours *sdp.Session, offered bool, err error) {
	if len(req.Body) == 0 {
		return l.ours.Reissue(l.wantedDirections()...), true, nil
	}
	if !isSDP(req.ContentType) {
		return nil, false, fmt.Errorf("body of type %q, only %s is understood", req.ContentType, sdpType)
	}
	offer, err := sdp.Parse(req.Body)
	if err != nil {
		return nil, false, err
	}
	if err := sdp.CheckOffer(offer, l.call.e.cfg.Support); err != nil {
		return nil, false, err
	}
	if err := l.keepsEncryption(offer); err != nil {
		return nil, false, err
	}
	// What runs on this leg stays within what runs on both: only streams open in the media plane are answered.
	running := slices.Clone(l.other().agreed)
	ports := slices.Clone(l.ports)
	for len(ports) < len(offer.Media) {
		ports = append(ports, sdp.Ports{})
	}
	for i := range running {
		running[i].Direction = sdp.SendRecv // the other leg is not told, so it does not limit this one
		if i < len(l.call.streams) && !l.call.streams[i] {
			running[i].Enabled = false
		}
	}
	plan := sdp.AnswerPlan{
		Support: l.call.e.cfg.Support, Rand: l.call.e.cfg.Rand, SessionID: l.call.number, Previous: l.ours,
		Fingerprint: l.call.e.cfg.Fingerprint,
	}
	ours, agreed, err := sdp.NewAnswer(offer, running, plan, ports)
	if err != nil {
		return nil, false, err
	}
	l.theirs, l.agreed = offer, agreed
	l.setMedia()
	return ours, false, nil
}

// keepsEncryption: on a leg with encryption every live stream of a new offer must have some, or nothing of it is taken.
func (l *leg) keepsEncryption(offer *sdp.Session) error {
	if !slices.ContainsFunc(l.agreed, func(g sdp.Agreed) bool { return g.Enabled && g.Encryption != sdp.None }) {
		return nil
	}
	for i := range offer.Media {
		if m := &offer.Media[i]; m.Port != 0 && m.Kind != sdp.Other && m.Encryption() == sdp.None {
			return fmt.Errorf("%s is encrypted and stream %d (%s) of its new offer is plain RTP: never downgraded in mid-call", l.side, i+1, m.Type)
		}
	}
	return nil
}

// wantedDirections is what we offer when the peer asks for an offer: what the other leg permits, whatever this one held before
// (RFC 3264 section 8.4: the direction in an offer is the offerer's wish).
func (l *leg) wantedDirections() []sdp.Direction {
	out := make([]sdp.Direction, len(l.ours.Media))
	for i, g := range l.other().agreed {
		if i < len(out) {
			out[i] = g.Direction.Mirror()
		}
	}
	return out
}

// retryAfter is RFC 3261 section 14.2: between 0 and 10 seconds.
func retryAfter(e *Engine) int {
	var b [1]byte
	_, _ = e.cfg.Rand.Read(b[:])
	return int(b[0]) % 11
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
	h := Hop{URI: l.dlg.NextHop()}
	if !l.dlg.Routed() {
		h.Flow = l.flow
	}
	return h
}
