package zrtp

import (
	"time"

	"b2bua/media/zrtp/alg"
)

// Deadline is when the stream wants a Tick; false: not now. Ask after each Handle of any stream of the session.
func (st *Stream) Deadline() (time.Time, bool) {
	var at time.Time
	for _, t := range [...]time.Time{st.helloAt, st.repeatAt, st.silentAt, st.graceAt, st.decideAt} {
		if !t.IsZero() && (at.IsZero() || t.Before(at)) {
			at = t
		}
	}
	return at, !at.IsZero()
}

func (st *Stream) tick() {
	now := st.session.now
	due := func(t *time.Time) bool {
		if t.IsZero() || now.Before(*t) {
			return false
		}
		*t = time.Time{}
		return true
	}
	if due(&st.graceAt) {
		if st.session.trial == st { // refused
			st.decide()
			return
		}
		st.failed(Failure{Code: st.graceCode, ByPeer: true, Detail: "in state " + st.state.String()})
		return
	}
	if due(&st.silentAt) {
		st.stalled()
	}
	if due(&st.decideAt) {
		st.decide()
	}
	if due(&st.helloAt) {
		st.askAgain()
	}
	if due(&st.repeatAt) {
		st.again()
	}
}

// ask begins with the first Hello.
func (st *Stream) ask() {
	st.state = discover
	st.helloCount, st.helloSince = 0, st.session.now
	st.askAgain()
}

// askAgain sends a Hello on the schedule of T1, then slowly to a peer that is there or has to be.
func (st *Stream) askAgain() {
	now := st.session.now
	insist := st.seen || st.peerHash != nil || st.session.config.Required
	switch {
	case st.helloCount < helloSends:
		st.helloAt = now.Add(min(helloFirst<<st.helloCount, helloMax))
	case insist && now.Sub(st.helloSince) < helloEnd:
		st.helloAt = now.Add(helloSlow)
		st.missed()
	default:
		st.helloAt = time.Time{}
		st.state = quiet
		st.missed()
		return
	}
	st.helloCount++
	st.send(&st.hello)
}

// missed tells once that nobody has answered.
func (st *Stream) missed() {
	if st.peer.hello == nil && !st.nobody {
		st.nobody = true
		st.out(NoPeer{})
	}
}

// repeat sends a message, and again on the schedule of T2 until it is answered.
func (st *Stream) repeat(m *message) {
	st.repeated, st.repeatCount, st.repeatMax = m, 0, repeats
	st.repeatAt = st.session.now.Add(repeatFirst)
	st.send(m)
}

func (st *Stream) again() {
	if st.repeatCount < st.repeatMax {
		st.repeatCount++
		wait := min(repeatFirst<<st.repeatCount, repeatMax)
		if st.state == conf2Sent && st.repeatCount == st.repeatMax {
			wait = linger
		}
		st.repeatAt = st.session.now.Add(wait)
		st.send(st.repeated)
		return
	}
	switch {
	case st.state == errorSent:
		st.state = dead
	case st.confirmBad:
		st.refuse(CodeConfirmMAC, "after repetitions")
	default:
		st.fail(CodeTimeout, "in state "+st.state.String())
	}
}

// touch notes that the peer said something that fits.
func (st *Stream) touch() {
	st.graceAt, st.heard = time.Time{}, st.session.now
	if st.role == alg.Responder && (st.state == dh1Sent || st.state == conf1Sent) {
		st.silentAt = st.session.now.Add(silence)
	}
}

// stalled ends the wait for an initiator.
func (st *Stream) stalled() {
	if st.confirmBad {
		st.refuse(CodeConfirmMAC, "after repetitions")
		return
	}
	st.alert(Stalled)
	st.abandon()
}

// rate bounds what a stranger makes us send.
type rate struct {
	since time.Time
	n     int
}

type answer uint8

const (
	answerHello answer = iota
	answerPing
	answerError
	answerAgain // a repeated request
	sendError
	otherHello
	answerKinds
)

func (st *Stream) may(a answer) bool {
	r := &st.answers[a]
	if now := st.session.now; now.Sub(r.since) >= time.Second {
		r.since, r.n = now, 0
	}
	r.n++
	return r.n <= answersPerSecond
}
