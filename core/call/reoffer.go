package call

import (
	"fmt"
	"slices"
	"time"

	"b2bua/core/sip"
	"b2bua/media/sdp"
)

// updatePatience is how long an UPDATE may wait for the other leg: its sender gives up after 64*T1 = 32 s (RFC 3261 section
// 17.1.2.2), and some sooner. A re-INVITE waits as long as ours on the other leg, Config.Linger.
const updatePatience = 20 * time.Second

// exchange is an offer of one leg in mid-call whose answer is held back until the other leg has followed it (spec 2.5).
type exchange struct {
	leg     *leg
	tx      TxID
	req     *sip.Message
	offer   *sdp.Session
	before  []heading // of leg, for the case that the offer comes to nothing
	opening int       // MediaOpen outputs whose answer is missing
	timer   *timer
}

// reinvited is a re-INVITE of a peer.
func (l *leg) reinvited(now time.Time, tx TxID, req *sip.Message) {
	e, c := l.call.e, l.call
	switch {
	case l.re.ref != 0, c.state != stRunning && len(l.acks) == 0: // glare, or the other leg is not ready (RFC 3261 section 14.2)
		e.respond(tx, req, 491, "", "")
	case len(l.acks) > 0, c.asking != nil && c.asking.leg == l: // an earlier INVITE of this leg is not finished
		l.tooSoon(tx, req)
	case c.asking != nil: // ours on this leg is about to go
		e.respond(tx, req, 491, "", "")
	case len(req.Body) == 0:
		l.offerAgain(tx, req)
	default:
		l.reoffered(now, tx, req)
	}
}

// updated is UPDATE (RFC 3311); its offer is treated as that of a re-INVITE.
func (l *leg) updated(now time.Time, tx TxID, req *sip.Message) {
	e, c := l.call.e, l.call
	switch {
	case len(req.Body) == 0:
		l.dlg.UpdateTarget(req)
		resp := e.response(req, 200, "", "")
		resp.Contact = []sip.Address{l.dlg.Contact}
		e.emit(SendResponse{Tx: tx, Msg: resp})
	case c.asking != nil && c.asking.leg == l:
		l.tooSoon(tx, req)
	case l.re.ref != 0 || l.offered || c.asking != nil || c.state != stRunning: // RFC 3311 section 5.2
		e.respond(tx, req, 491, "", "")
	default:
		l.reoffered(now, tx, req)
	}
}

// tooSoon is the answer to an offer that came before an earlier one was done with: 500 with a delay between 0 and 10 seconds
// (RFC 3261 section 14.2, RFC 3311 section 5.2).
func (l *leg) tooSoon(tx TxID, req *sip.Message) {
	var b [1]byte
	_, _ = l.call.e.cfg.Rand.Read(b[:])
	l.call.e.respond(tx, req, 500, "", "", sip.Header{Name: "Retry-After", Value: fmt.Sprint(int(b[0]) % 11)})
}

// reoffered decides who answers an offer: what changes neither which streams run nor needs another codec is answered here, the
// rest as the other leg has it (spec 2.5).
func (l *leg) reoffered(now time.Time, tx TxID, req *sip.Message) {
	offer, err := l.readOffer(req)
	switch {
	case err != nil:
		l.refuseOffer(tx, req, err)
	case l.concernsOther(offer):
		l.ask(now, tx, req, offer)
	default:
		if l.answerReoffer(tx, req, offer) {
			l.call.note(fmt.Sprintf("%s sent a re-INVITE, answered locally: %s", l.side, mediaNames(l.agreed)))
			l.call.superviseKeys(now)
			l.passOn(now)
		}
	}
}

func (l *leg) refuseOffer(tx TxID, req *sip.Message, err error) {
	name := "re-INVITE"
	if req.Method != sip.INVITE {
		name = string(req.Method)
	}
	l.call.peerFault(l, fmt.Sprintf("%s refused with 488, the call goes on as it was: %v", name, err))
	l.call.e.respond(tx, req, 488, "", "", warning(err)...)
}

// readOffer takes an offer of mid-call, or tells why nothing of it is taken.
func (l *leg) readOffer(req *sip.Message) (*sdp.Session, error) {
	if !isSDP(req.ContentType) {
		return nil, fmt.Errorf("body of type %q, only %s is understood", req.ContentType, sdpType)
	}
	offer, err := sdp.Parse(req.Body)
	if err != nil {
		return nil, err
	}
	if err := sdp.CheckOffer(offer, l.call.e.cfg.Support); err != nil {
		return nil, err
	}
	for i := range offer.Media {
		if err := l.fits(i, &offer.Media[i]); err != nil {
			return nil, err
		}
	}
	return offer, nil
}

// fits: a stream that runs stays what it is, and its encryption may only become stronger; a new one is no weaker than the leg. Whoever
// could change the signalling of a call in progress would else choose how it is protected.
func (l *leg) fits(i int, m *sdp.Media) error {
	if m.Port == 0 || m.Kind == sdp.Other {
		return nil
	}
	mode := l.mode
	if l.runs(i) {
		if mode = l.agreed[i].Encryption; m.Kind != l.agreed[i].Kind {
			return fmt.Errorf("stream %d is %s and is offered as %s; a stream of another kind needs a section of its own", i+1, l.agreed[i].Kind, m.Type)
		}
	}
	if l.speaksZRTP(i) {
		mode = sdp.ZRTP
	}
	enc, err := m.Choose(l.call.e.cfg.Support)
	if err != nil {
		return nil //nolint:nilerr // what cannot be used at all is refused in the answer
	}
	if enc >= mode || enc == sdp.None && l.speaksZRTP(i) { // a=zrtp-hash is optional: what runs with ZRTP goes on with it
		return nil
	}
	what := enc.String()
	if enc == sdp.None {
		what = "plain RTP"
	}
	return fmt.Errorf("%s is encrypted (%s) and stream %d (%s) of its new offer is %s: never downgraded in mid-call", l.side, mode, i+1, m.Type, what)
}

// concernsOther tells whether an offer adds or removes a stream, or shares no codec with what the other leg has.
func (l *leg) concernsOther(offer *sdp.Session) bool {
	o := l.other()
	for i := range max(len(offer.Media), len(l.agreed)) {
		wanted := i < len(offer.Media) && l.call.e.cfg.Support.Usable(&offer.Media[i])
		if wanted != l.runs(i) || wanted && (!o.runs(i) || !offer.Media[i].Shares(o.agreed[i])) {
			return true
		}
	}
	return false
}

// ask holds the answer back and puts the offer to the other leg.
func (l *leg) ask(now time.Time, tx TxID, req *sip.Message, offer *sdp.Session) {
	c := l.call
	patience := c.e.cfg.Linger
	if req.Method == sip.INVITE {
		c.e.server[tx] = l
	} else {
		patience = min(patience, updatePatience)
	}
	x := &exchange{leg: l, tx: tx, req: req, offer: offer, before: slices.Clone(l.headings)}
	x.timer = c.e.timers.after(now.Add(patience), c, func(now time.Time) {
		c.peerFault(l.other(), fmt.Sprintf("no answer to a re-INVITE within %s: %s keeps the streams that it has", patience, l.side))
		c.abandonOther()
		c.answerAsked(now)
	})
	c.asking, c.rounds = x, 0
	l.theyOffered(offer)
	c.note(fmt.Sprintf("%s offers other streams (%s), %s is asked", l.side, streamNames(offer), l.other().side))
	c.openMore(now, x)
}

// askOther sends the re-INVITE to the other leg, as soon as that is free.
func (c *call) askOther(now time.Time) {
	x := c.asking
	if !x.leg.concernsOther(x.offer) { // there were no ports for what it adds
		c.answerAsked(now)
		return
	}
	o := x.leg.other()
	o.re.wanted = true
	o.maybeReinvite(now)
}

func (c *call) asksFor(tx TxID) bool { return c.asking != nil && c.asking.tx == tx }

// stopAsking takes the held answer off the call's mind.
func (c *call) stopAsking() *exchange {
	x := c.asking
	c.asking = nil
	x.leg.other().infos.wished = false // else it has asked by now
	c.e.timers.stop(x.timer)
	delete(c.e.server, x.tx)
	return x
}

// answerAsked gives the held answer: with the streams that the other leg has now. It tells whether there was one.
func (c *call) answerAsked(now time.Time) bool {
	x := c.stopAsking()
	l := x.leg
	if !l.answerReoffer(x.tx, x.req, x.offer) {
		l.headings, l.infos.wished = x.before, false
		return false
	}
	c.note(fmt.Sprintf("%s is answered: %s", l.side, mediaNames(l.agreed)))
	c.superviseKeys(now)
	return true
}

// unask ends an exchange whose asker no longer wants the answer, status 0: nor any other one.
func (c *call) unask(now time.Time, status int, why string) {
	c.abandonOther()
	x := c.stopAsking()
	x.leg.headings, x.leg.infos.wished = x.before, false
	c.note(why)
	if status != 0 {
		c.e.respond(x.tx, x.req, status, "", "")
	}
	x.leg.maybeReinvite(now)
	c.closeUnused()
}

// abandonOther takes the re-INVITE on the other leg back. An answer that crosses makes that leg outdated, and so another one.
func (c *call) abandonOther() {
	o := c.asking.leg.other()
	o.re.wanted = o.re.restore
	if o.re.ref != 0 && o.re.asked == c.asking {
		c.e.timers.stop(o.re.tired)
		c.e.emit(SendCancel{Ref: o.re.ref})
	}
}

// answerReoffer answers an offer of mid-call within what the other leg has: 200, or 488 if nothing is left; then all stays.
func (l *leg) answerReoffer(tx TxID, req *sip.Message, offer *sdp.Session) bool {
	e, c := l.call.e, l.call
	for i := range offer.Media {
		c.slot(i)
	}
	peer := sdp.Declared(l.other().agreed, l.other().theirs)
	for i := range peer {
		peer[i].Direction = l.permits(i).Mirror()
		peer[i].Enabled = peer[i].Enabled && i < len(c.streams) && c.streams[i]
	}
	plan := sdp.AnswerPlan{Support: e.cfg.Support, Rand: e.cfg.Rand, SessionID: c.number, Previous: l.ours, Fingerprint: e.cfg.Fingerprint, Through: c.through}
	ours, agreed, err := sdp.NewAnswer(offer, peer, plan, l.hashed(sdp.None, offer))
	if err != nil {
		l.refuseOffer(tx, req, err)
		return false
	}
	l.dlg.UpdateTarget(req)
	ours.After(l.undone)
	l.ours, l.undone, l.re.restore, c.rounds = ours, nil, false, 0
	l.theyOffered(offer)
	l.agree(offer, agreed)
	resp := e.response(req, 200, "", "")
	if req.Method == sip.INVITE {
		l.expectAck(tx, req, resp)
	}
	l.describe(resp, ours)
	e.emit(SendResponse{Tx: tx, Msg: resp})
	l.askLater()
	return true
}

// expectAck notes that a 200 to a re-INVITE is to be acknowledged.
func (l *leg) expectAck(tx TxID, req, resp *sip.Message) {
	resp.Set("Allow", l.call.e.allow())
	l.acks[req.CSeq.Number] = tx
	l.call.e.server[tx] = l
}

// offerAgain answers a re-INVITE without a description by an offer of what runs on the other leg: the ACK's answer may take less of
// it, or more than this leg had (RFC 3261 section 14.2).
func (l *leg) offerAgain(tx TxID, req *sip.Message) {
	e := l.call.e
	ours, err := l.newOffer(l.permits)
	if err != nil {
		l.refuseOffer(tx, req, err)
		return
	}
	l.dlg.UpdateTarget(req)
	l.former, l.ours, l.undone, l.offered = l.ours, ours, nil, true
	resp := e.response(req, 200, "", "")
	l.expectAck(tx, req, resp)
	l.describe(resp, ours)
	e.emit(SendResponse{Tx: tx, Msg: resp})
	l.call.note(fmt.Sprintf("%s asked for an offer and got one", l.side))
}

// passOn tells the other leg when what it has agreed to no longer fits this one.
func (l *leg) passOn(now time.Time) {
	o := l.other()
	o.re.wanted = o.re.wanted || o.outdated()
	o.maybeReinvite(now)
	l.call.closeUnused()
}
