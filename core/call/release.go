package call

import (
	"fmt"
	"slices"
	"time"

	"b2bua/core/event"
	"b2bua/core/sip"
)

// ending is why and how a call ends.
type ending struct {
	why     string
	status  int          // final status for leg A if it was not answered; 0: 500
	phrase  string       // its reason phrase, "" the standard one
	reasons []sip.Header // Reason of BYE, CANCEL and of the final status
	headers []sip.Header // more for the final status only
	by      *leg         // the leg that ended by itself (BYE, failure): nothing more is sent on it, but for A's final status
	silent  *leg         // the leg that gets its BYE without the Reason
	kind    endKind
}

// endKind chooses the event: the end of a call that was ours to refuse, that leg B failed, or any other.
type endKind uint8

const (
	endReleased endKind = iota
	endRefused
	endFailed
)

// end ends both legs, each as its own state demands, frees the media and takes the call out of the table.
func (c *call) end(now time.Time, w ending) {
	if c.state == stOver {
		return
	}
	c.e.timers.stop(c.ringing)
	c.e.timers.stop(c.longest)
	c.e.timers.stop(c.keyless)
	c.endTransfers(w.by)
	c.report(now, w)
	c.become(stOver)
	c.releaseLine()
	if x := c.asking; x != nil { // RFC 3261 section 15.1.2
		c.stopAsking()
		c.e.respond(x.tx, x.req, 487, "", "")
	}
	c.endA(w)
	c.endB(w)
	c.e.emit(MediaClose{Call: c.number, Index: AllStreams})
	delete(c.e.calls, c.number)
	c.e.timers.after(now.Add(c.e.cfg.Linger), c, func(time.Time) { c.purge() })
	for _, l := range []*leg{c.a, c.b} {
		l.strip()
	}
}

func (c *call) report(now time.Time, w ending) {
	name := c.name()
	switch w.kind {
	case endRefused:
		c.e.tell(event.Refused{Call: name, From: c.facts.From.URI.Redacted(), To: c.facts.To.URI.Redacted(), Peer: c.peer, Status: w.status, Why: w.why, Line: c.lineName()})
	case endFailed:
		c.e.tell(event.Failed{Call: name, To: c.decision.Callee.URI.Redacted(), Status: w.status, Why: w.why, Line: c.lineName()})
	case endReleased:
		ev := event.Released{Call: name, Why: w.why, Duration: now.Sub(c.started), LegB: c.saidB()}
		if !c.answered.IsZero() {
			ev.Answered, ev.Duration = true, now.Sub(c.answered)
		}
		c.e.tell(ev)
	}
}

// saidB is what leg B had said before its final response: callers who give up at a trunk that is silent look the same as
// callers who tire of the ringing.
func (c *call) saidB() string {
	switch b := c.b; {
	case b.state == legIdle:
		return "had not been placed yet"
	case b.heard == 0:
		return "had not sent anything, by " + c.hopName()
	case b.heard == 100:
		return "had sent 100, but did not ring"
	default:
		return fmt.Sprintf("was ringing (%d)", b.heard)
	}
}

func (c *call) endA(w ending) {
	a := c.a
	switch a.state {
	case legInviting, legEarly:
		status := w.status
		if status == 0 {
			status = 500
		}
		headers := w.headers
		if w.by != a { // who cancels need not be told why
			headers = slices.Concat(w.reasons, headers)
		}
		delete(c.e.server, a.tx)
		c.e.respond(a.tx, a.invite, status, w.phrase, a.tag, headers...)
		a.become(legOver)
	case legAnswered:
		if w.by == a {
			a.become(legOver)
			return
		}
		// RFC 3261 section 15: the callee sends no BYE before the ACK. unacknowledged and the ACK both lead on from here.
		a.held = a.reasonsFor(w)
		a.become(legEnding)
	case legUp:
		if w.by != a {
			a.bye(a.reasonsFor(w))
		}
		a.become(legOver)
	case legIdle, legCancelled, legEnding, legOver:
	}
}

func (c *call) endB(w ending) {
	b := c.b
	switch b.state {
	case legInviting, legEarly:
		if w.by == b {
			b.become(legOver)
			return
		}
		b.become(legCancelled)
		c.e.emit(SendCancel{Ref: b.ref, Headers: w.reasons})
	case legAnswered, legUp:
		if w.by != b {
			b.bye(b.reasonsFor(w))
		}
		b.become(legOver)
	case legIdle, legCancelled, legEnding, legOver:
		if b.state == legIdle {
			b.become(legOver)
		}
	}
}

func (l *leg) reasonsFor(w ending) []sip.Header {
	if w.silent == l {
		return nil
	}
	return w.reasons
}

// become is the only way into a leg's state. A leg that owes a BYE counts as a request that is still to be answered.
func (l *leg) become(s legState) {
	if owes := s == legEnding; owes != (l.state == legEnding) {
		if owes {
			l.call.e.waiting++
		} else {
			l.call.e.waiting--
		}
	}
	l.state = s
}

// bye sends BYE; whatever it brings, the leg is over.
func (l *leg) bye(reasons []sip.Header) {
	e := l.call.e
	req := l.newRequest(sip.BYE)
	req.Other = append(req.Other, reasons...)
	e.start(l, req, l.hop(), func(time.Time, *sip.Message, error) {})
}

// unacknowledged: our 2xx to an INVITE of this leg never got its ACK, or leg A's final response could not be delivered.
func (l *leg) unacknowledged(now time.Time, tx TxID, err error) {
	c := l.call
	switch {
	case l.state == legEnding:
		l.bye(l.held)
		l.become(legOver)
	case l.state == legOver:
	case c.asksFor(tx): // its connection is gone, and the answer with it
		c.unask(now, 0, fmt.Sprintf("%s cannot get the answer to its re-INVITE: %v", l.side, err))
	case c.state < stConfirming && l.tx == tx:
		c.callerGone(now, 408, fmt.Sprintf("the caller cannot be reached any more: %v", err), nil)
	default:
		if l.state == legAnswered {
			l.become(legUp) // the BYE may go now (RFC 3261 section 13.3.1.4)
		}
		c.end(now, ending{why: fmt.Sprintf("%s never acknowledged our answer: %v", l.side, err), reasons: reasonSIP(408, "No ACK")})
	}
}

// strip lets go of all that an ended leg does not need to answer a late message.
func (l *leg) strip() {
	for i := range l.agreed {
		l.agreed[i].Wipe()
	}
	l.ours.Wipe()
	l.theirs.Wipe()
	l.undone.Wipe()
	l.former.Wipe()
	l.re.offer.Wipe()
	l.re.offer, l.former = nil, nil
	l.theirs, l.ours, l.undone, l.agreed, l.ports, l.headings, l.infos = nil, nil, nil, nil, nil, nil, infos{}
	if l.state == legOver && l.side == SideA {
		l.invite = &sip.Message{CallID: l.invite.CallID}
	}
}

// purge ends the after-life: the dialogs are unknown from now on (481).
func (c *call) purge() {
	for _, l := range []*leg{c.a, c.b} {
		if l.state == legEnding { // neither ACK nor its failure came: the BYE goes now
			l.bye(l.held)
			l.become(legOver)
		}
		if l.dlg != nil {
			delete(c.e.dialogs, l.dlg.ID())
		}
		if l.ref != 0 && l.state == legOver {
			c.e.forget(l.ref)
		}
	}
	delete(c.e.server, c.a.tx)
}
