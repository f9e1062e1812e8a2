package call

import (
	"fmt"
	"time"

	"b2bua/core/sip"
	"b2bua/media/sdp"
)

// reinvite is a re-INVITE of ours on one leg.
type reinvite struct {
	wanted bool // to be sent when the dialog is free
	ref    Ref  // under way
	offer  *sdp.Session
	tired  *timer // no final response yet
}

// maybeReinvite sends the re-INVITE that is wanted on this leg once nothing else is under way on it.
func (l *leg) maybeReinvite(now time.Time) {
	c := l.call
	if !l.re.wanted || l.re.ref != 0 || c.state != stRunning || len(l.acks) > 0 {
		return
	}
	l.re.wanted = false
	plan := sdp.OfferPlan{
		Encryption: encryptionOf(l.agreed), Suites: suitesOf(l.agreed), Support: c.e.cfg.Support, Rand: c.e.cfg.Rand, SessionID: c.number, Previous: l.ours,
		Fingerprint: c.e.cfg.Fingerprint,
	}
	offer, err := sdp.NewOffer(l.other().running(), plan, l.ports)
	if err != nil {
		c.note(fmt.Sprintf("no re-INVITE on %s: %v", l.side, err))
		return
	}
	l.re.offer = offer
	req := l.newRequest(sip.INVITE)
	l.describe(req, offer)
	ref := c.e.start(l, req, l.hop(), func(now time.Time, resp *sip.Message, err error) { l.reinviteOutcome(now, req, resp, err) })
	l.re.ref = ref
	// A 100 and nothing more would leave the dialog blocked for ever: nobody is asked here, so 64*T1 is enough.
	l.re.tired = c.e.timers.after(now.Add(c.e.cfg.Linger), c, func(time.Time) { c.e.emit(SendCancel{Ref: ref}) })
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
			c.end(now, ending{why: fmt.Sprintf("%s did not answer a re-INVITE: %v", l.side, err), reasons: reasonSIP(408, "Request Timeout")})
		}
	case resp.Status < 200:
	case resp.Status < 300:
		l.dlg.UpdateTarget(resp)
		c.e.emit(SendAck{Ref: ref, Msg: l.dress(l.dlg.Ack(req.CSeq.Number)), Hop: l.hop()})
		c.e.timers.after(now.Add(c.e.cfg.Linger), l.call, func(time.Time) { c.e.forget(ref) })
		l.re.ref = 0
		if c.state != stOver {
			l.ours = l.re.offer
			if err := l.take(resp); err != nil {
				c.end(now, ending{why: fmt.Sprintf("%s's answer to a re-INVITE cannot be used: %v", l.side, err), reasons: reasonSIP(488, "No usable answer")})
			}
		}
	default:
		c.e.forget(ref)
		l.re.ref = 0
		l.reinviteRefused(now, resp)
	}
}

// reinviteRefused: 481 and 408 end the dialog (RFC 3261 section 14.1), 491 is tried again, all else leaves the session as it was.
func (l *leg) reinviteRefused(now time.Time, resp *sip.Message) {
	c := l.call
	if c.state == stOver {
		return
	}
	switch resp.Status {
	case 408, 481:
		c.end(now, ending{why: fmt.Sprintf("%s answered %d to a re-INVITE", l.side, resp.Status), reasons: reasonSIP(resp.Status, resp.Reason)})
	case 491:
		l.re.wanted = true
		c.e.timers.after(now.Add(l.glareDelay()), c, func(now time.Time) { l.maybeReinvite(now) })
	default:
		c.peerFault(l, fmt.Sprintf("re-INVITE refused with %d %s, the call goes on as it was", resp.Status, resp.Reason))
	}
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

func encryptionOf(agreed []sdp.Agreed) sdp.Encryption {
	for _, g := range agreed {
		if g.Enabled {
			return g.Encryption
		}
	}
	return sdp.None
}

func suitesOf(agreed []sdp.Agreed) []sdp.Suite {
	for _, g := range agreed {
		if g.Enabled && g.SendKey.Suite != sdp.NoSuite {
			return []sdp.Suite{g.SendKey.Suite}
		}
	}
	return nil
}
