package register

import (
	"time"

	"b2bua/core/sip"
)

// registrar is one next hop with the accounts that register there.
type registrar struct {
	alarm         // the next probe while accounts wait for an answer
	name          string
	uri           sip.URI
	contact       *sip.URI      // the last one of share
	urgent, fresh list          // wait for room: who has a binding to lose, and the others
	silent        [2]list       // got no answer and wait for anybody's: who was registered here before, and the others
	good          list          // registered, and nothing under way
	checker       *registration // one of good that is asked because another one got no answer
	probe         *registration // one of silent that is asked
	probes        int           // since down
	unanswered    int           // requests that count in the window
	users         int
	byes          int // farewells; they are no accounts
	unsaid        int // of them, failed
	whyUnsaid     string
	answered      time.Time // the last response
	down          bool
	returning     bool      // those in silent are waked, some at a time
	brief         bool      // it grants so short a time that it was told
	since         time.Time // of down
	why           failure   // of down
	missing       int       // accounts whose next outcome says whether they are back
	back          comeback
	doubted       time.Time // the last probe because of a call
	away          time.Time // when its transport refused a request: who was registered before may not be any more; zero: never since its answer
	renewing      bool      // those are registered again, some at a time

	lines     int // told since linesFrom
	linesFrom time.Time
	untold    int
}

func (e *Engine) registrar(u sip.URI) *registrar {
	name := u.String()
	h := e.hops[name]
	if h == nil {
		h = &registrar{name: name, uri: u}
		h.fire = h
		e.hops[name] = h
	}
	h.users++
	return h
}

// release forgets a registrar that nobody uses any more.
func (e *Engine) release(h *registrar) {
	h.users--
	e.tidy(h)
}

func (e *Engine) tidy(h *registrar) {
	if h.users+h.byes > 0 {
		return
	}
	e.set(&h.alarm, time.Time{})
	delete(e.hops, h.name)
}

// move follows a changed registrar.
func (e *Engine) move(now time.Time, r *registration, to sip.URI) {
	e.detach(now, r)
	old := r.hop
	r.hop, r.goal = e.registrar(to), nil
	e.release(old)
	e.stay(now, r)
}

// enqueue starts an attempt as soon as the window has room. One at a registrar that is taken to be down is left to the probes.
func (e *Engine) enqueue(now time.Time, r *registration) {
	r.leave()
	h := r.hop
	if h.down {
		e.hold(now, r, h.why.reason)
		return
	}
	r.phase = queued
	e.set(&r.alarm, time.Time{})
	if r.bound(now) {
		e.set(&r.alarm, r.until)
		h.urgent.push(r)
	} else {
		h.fresh.push(r)
	}
	e.pump(now, h)
}

func (e *Engine) pump(now time.Time, h *registrar) {
	for h.unanswered < window && !h.down {
		r := h.urgent.pop()
		if r == nil && h.unanswered < windowNew {
			r = h.fresh.pop()
		}
		if r == nil {
			return
		}
		e.attempt(now, r)
	}
}

// line tells whether one more line about an account of the registrar is printed at the normal level, and how many were not.
func (h *registrar) line(now time.Time) (ok bool, untold int) {
	if now.Sub(h.linesFrom) >= linesEvery {
		h.linesFrom, h.lines = now, 0
	}
	if h.lines >= linesPer {
		h.untold++
		return false, 0
	}
	h.lines++
	untold, h.untold = h.untold, 0
	return true, untold
}
