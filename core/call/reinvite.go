package call

import (
	"errors"
	"fmt"
	"time"

	"b2bua/core/sip"
	"b2bua/core/transaction"
	"b2bua/media/sdp"
)

const (
	// maxGlares is how often a re-INVITE is repeated after a 491 (RFC 3261 section 14.1): each time the peer had one of its own
	// under way, which takes seconds at most.
	maxGlares = 8
	// maxRounds of re-INVITEs in which each leg's answer makes the other one outdated. Two that know what they want need one.
	maxRounds = 4
)

// reinvite is a re-INVITE of ours on one leg.
type reinvite struct {
	wanted bool // to be sent when the dialog is free
	ref    Ref  // under way
	offer  *sdp.Session
	asked  *exchange // of the other leg, which waits for the answer
	tired  *timer    // no final response yet
	glares int
	// notBefore is when it may be sent again after a 491 (RFC 3261 section 14.1): also what happens meanwhile does not make it earlier.
	notBefore time.Time
	// restore: the peer took an offer of ours by an answer that nobody can use, and is to be brought back to the session that runs.
	restore bool
}

// maybeReinvite sends the re-INVITE that is wanted on this leg once nothing else is under way on it, and once it is known what to
// offer.
func (l *leg) maybeReinvite(now time.Time) {
	c, x := l.call, l.call.asking
	if !l.re.wanted || l.re.ref != 0 || now.Before(l.re.notBefore) || c.state != stRunning || len(l.acks) > 0 || x != nil && (x.leg == l || x.opening > 0) {
		return
	}
	l.re.wanted, l.re.asked = false, x
	if x == nil && !l.re.restore && !l.outdated() {
		return
	}
	offer, err := l.nextOffer(x)
	if err != nil {
		c.note(fmt.Sprintf("no re-INVITE on %s: %v", l.side, err))
		if x != nil {
			c.answerAsked(now)
		}
		return
	}
	l.re.offer = offer
	req := l.newRequest(sip.INVITE)
	l.describe(req, offer)
	ref := c.e.start(l, req, l.hop(), func(now time.Time, resp *sip.Message, err error) { l.reinviteOutcome(now, req, resp, err) })
	l.re.ref = ref
	// A 100 and nothing more would leave the dialog blocked for ever: 64*T1 is enough to ask somebody.
	l.re.tired = c.e.timers.after(now.Add(c.e.cfg.Linger), c, func(time.Time) { c.e.emit(SendCancel{Ref: ref}) })
}

// nextOffer of a re-INVITE: what the other leg asks for, else the session that is to be restored, else what the other leg has.
func (l *leg) nextOffer(x *exchange) (*sdp.Session, error) {
	if x == nil && l.re.restore {
		former := l.running()
		if l.undone != nil { // the peer has all sections of that one, and none may disappear (RFC 3264 section 8)
			taken := l.undone.Clone()
			for i := len(former.Media); i < len(taken.Media); i++ {
				taken.Media[i].Port = 0
				former.Media = append(former.Media, taken.Media[i])
			}
		}
		return l.offerOf(former, func(i int) sdp.Direction { return l.heading(i).asked })
	}
	return l.newOffer(l.wants)
}

// newOffer describes for this leg what the other one has, or asks for.
func (l *leg) newOffer(direction func(int) sdp.Direction) (*sdp.Session, error) {
	c, o := l.call, l.other()
	var from *sdp.Session
	if c.asking != nil && c.asking.leg == o {
		from = c.asking.offer.Clone()
	} else {
		from = o.running()
	}
	return l.offerOf(from, direction)
}

// offerOf puts a description, which it uses up, to this leg.
func (l *leg) offerOf(from *sdp.Session, direction func(int) sdp.Direction) (*sdp.Session, error) {
	c := l.call
	for i := range from.Media {
		from.Media[i].Direction = direction(i)
	}
	plan := sdp.OfferPlan{
		Encryption: l.mode, Suites: suitesOf(l.agreed), AVPF: feedbackOf(l.agreed), Support: c.e.cfg.Support, Rand: c.e.cfg.Rand,
		SessionID: c.number, Previous: l.ours, Running: l.agreed, Fingerprint: c.e.cfg.Fingerprint,
		Through: c.through,
	}
	offer, err := sdp.NewOffer(from, plan, l.hashed(l.mode, nil))
	from.Wipe()
	if err != nil {
		return nil, err
	}
	offer.After(l.undone)
	return offer, nil
}

func (l *leg) reinviteOutcome(now time.Time, req, resp *sip.Message, err error) {
	c, ref := l.call, l.re.ref
	if err != nil || resp.Status >= 200 {
		c.e.timers.stop(l.re.tired)
	}
	switch {
	case err != nil:
		l.re.ref = 0
		if c.state != stOver {
			l.reinviteFailed(now, err)
		}
	case resp.Status < 200:
	case resp.Status < 300:
		l.dlg.UpdateTarget(resp)
		c.e.emit(SendAck{Ref: ref, Msg: l.ack(l.dlg, req), Hop: l.hop()})
		c.e.timers.after(now.Add(c.e.cfg.Linger), l.call, func(time.Time) { c.e.forget(ref) })
		l.re.ref = 0
		if c.state != stOver {
			l.reinviteAccepted(now, resp)
		}
	default:
		c.e.forget(ref)
		l.re.ref = 0
		if c.state != stOver {
			l.reinviteRefused(now, resp.Status, resp.Reason)
		}
	}
}

// reinviteFailed: no answer at all ends the dialog as a 408 does (RFC 3261 section 12.2.1.2), a transport that fails counts as 503
// (section 8.1.3.1).
func (l *leg) reinviteFailed(now time.Time, err error) {
	var timeout *transaction.TimeoutError
	if !errors.As(err, &timeout) {
		l.reinviteRefused(now, 503, fmt.Sprintf("(it cannot be reached: %v)", err))
		return
	}
	l.call.end(now, ending{why: fmt.Sprintf("%s did not answer a re-INVITE: %v", l.side, err), reasons: reasonSIP(408, "Request Timeout")})
}

func (l *leg) reinviteAccepted(now time.Time, resp *sip.Message) {
	former := l.ours
	l.ours = l.re.offer
	if err := l.take(resp); err != nil {
		l.misanswered(now, former, l.re.restore && l.re.asked == nil, fmt.Errorf("its answer to a re-INVITE cannot be used: %w", err))
		return
	}
	restored := l.re.restore && l.re.asked == nil
	l.undone, l.re.restore = nil, false
	if !restored {
		l.followed(now)
		return
	}
	l.re.glares = 0
	l.call.note(l.side.String() + " is back in the session that it had")
	l.call.goOn(now, l)
}

// misanswered: the peer took an offer of ours by an answer that cannot be used. The former session stays, who asked gets that, and
// the peer, which believes in another one, is offered it again: once.
func (l *leg) misanswered(now time.Time, former *sdp.Session, final bool, err error) {
	c, x := l.call, l.re.asked
	l.re.asked, l.re.glares = nil, 0
	l.ours, l.undone = former, l.ours
	if final {
		c.end(now, ending{
			why: fmt.Sprintf("%s does not come back to the session that it had: %v", l.side, err), reasons: reasonSIP(488, "No usable answer"),
		})
		return
	}
	c.peerFault(l, err.Error()+"; it is asked back to the session that it had, and the call goes on")
	l.re.restore, l.re.wanted = true, true
	if x != nil && x == c.asking {
		c.answerAsked(now)
	}
	c.goOn(now, l)
}

// goOn with what waits for the dialog of l, or for the end of its re-INVITE.
func (c *call) goOn(now time.Time, l *leg) {
	l.maybeReinvite(now)
	l.other().maybeReinvite(now)
	c.closeUnused()
}

// followed goes on after this leg took an offer of ours: the one who asked is answered, or the other leg follows if the answer
// was less than what it has. If nobody waits any more, this leg follows the other one again.
func (l *leg) followed(now time.Time) {
	c, o, x := l.call, l.other(), l.re.asked
	l.re.asked, l.re.glares = nil, 0
	c.superviseKeys(now)
	l.re.wanted = l.re.wanted || l.misdirected() // a hold or a resume meanwhile
	switch {
	case x != nil && x == c.asking:
		if c.answerAsked(now) {
			o.passOn(now)
		} else {
			l.re.wanted = true
		}
	case x != nil:
		l.re.wanted = true
	case o.outdated():
		if c.rounds++; c.rounds > maxRounds {
			c.note("the legs do not come to terms, no further re-INVITE until one of them offers something")
			break
		}
		o.re.wanted = true
	}
	c.goOn(now, l)
}

// reinviteRefused: 481 and 408 end the dialog (RFC 3261 section 14.1), 491 is tried again, all else leaves the session as it was. That
// of a peer which is not in that session any more cannot stay, though.
func (l *leg) reinviteRefused(now time.Time, status int, phrase string) {
	c, x := l.call, l.re.asked
	l.re.asked, l.undone = nil, l.re.offer
	switch {
	case status == 408, status == 481:
		c.end(now, ending{why: fmt.Sprintf("%s answered %d to a re-INVITE", l.side, status), reasons: reasonSIP(status, phrase)})
		return
	case status == 491 && l.re.glares < maxGlares:
		l.re.glares++
		l.re.wanted = true
		l.re.notBefore = now.Add(l.glareDelay())
		c.e.timers.after(l.re.notBefore, c, l.maybeReinvite)
		return
	case l.re.restore && x == nil:
		c.end(now, ending{
			why:     fmt.Sprintf("%s does not come back to the session that it had: re-INVITE refused with %d %s", l.side, status, phrase),
			reasons: reasonSIP(488, "No usable answer"),
		})
		return
	}
	l.re.glares = 0
	l.re.wanted = l.re.wanted || l.re.restore
	if status != 487 || x == c.asking { // else it was taken back
		c.peerFault(l, fmt.Sprintf("re-INVITE refused with %d %s, the call goes on as it was", status, phrase))
	}
	if x != nil && x == c.asking {
		c.answerAsked(now)
	}
	c.goOn(now, l)
}

// glareDelay is RFC 3261 section 14.1: 2.1 to 4 s for who made the Call-ID, 0 to 2 s for the other, in units of 10 ms.
func (l *leg) glareDelay() time.Duration {
	var b [1]byte
	_, _ = l.call.e.cfg.Rand.Read(b[:])
	if l.side == SideB {
		return 2100*time.Millisecond + time.Duration(int(b[0])%191)*10*time.Millisecond
	}
	return time.Duration(int(b[0])%201) * 10 * time.Millisecond
}

// feedbackOf tells whether the leg uses a feedback profile.
func feedbackOf(agreed []sdp.Agreed) bool {
	for _, g := range agreed {
		if g.Enabled && g.AVPF {
			return true
		}
	}
	return false
}

func suitesOf(agreed []sdp.Agreed) []sdp.Suite {
	for _, g := range agreed {
		if g.Enabled && g.SendKey.Suite != sdp.NoSuite {
			return []sdp.Suite{g.SendKey.Suite}
		}
	}
	return nil
}
