package register

import (
	"time"

	"b2bua/core/event"
	"b2bua/core/sip"
)

// registrar is one next hop with the accounts that register there.
type registrar struct {
	alarm         // the next probe while it is down
	name          string
	uri           sip.URI
	contact       *sip.URI      // the last one of share
	urgent, fresh list          // wait for room: who has a binding to lose, and the others
	silent        list          // failed without an answer; wait for a probe to succeed
	good          list          // registered, and nothing under way
	checker       *registration // one of good that is asked because another one got no answer
	unanswered    int           // requests that count in the window
	users         int
	answered      time.Time // the last response
	down          bool
	brief         bool      // it grants so short a time that it was told
	since         time.Time // of down
	why           failure   // of down

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
	if h.users--; h.users > 0 {
		return
	}
	e.set(&h.alarm, time.Time{})
	delete(e.hops, h.name)
}

// move follows a changed registrar.
func (e *Engine) move(r *registration, to sip.URI) {
	old := r.hop
	old.unchecked(r)
	r.hop, r.goal = e.registrar(to), nil
	e.release(old)
}

// unchecked ends the check of whether the registrar is there without a result.
func (h *registrar) unchecked(r *registration) {
	if h.checker == r {
		h.checker = nil
	}
}

// enqueue starts an attempt as soon as the window has room. One at a registrar that is taken to be down is left to the probes, unless
// there is a binding to lose.
func (e *Engine) enqueue(now time.Time, r *registration) {
	r.leave()
	h := r.hop
	if h.down && !r.bound(now) {
		e.hold(now, r)
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
	for h.unanswered < window {
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

// hold leaves an account to the probes of a registrar that is down.
func (e *Engine) hold(now time.Time, r *registration) {
	r.phase = idle
	e.set(&r.alarm, time.Time{})
	if r.removed || e.stopping { // nobody there to be told
		e.conclude(r)
		return
	}
	r.hop.silent.push(r)
	e.become(r, Status{Failed, r.hop.why.reason})
	e.settle(now, r, false)
	if r.hop.place == 0 {
		e.set(&r.hop.alarm, now.Add(e.probeAfter(r.hop)))
	}
}

// probeAfter makes every silent account wait for about the usual rest, and any of them for the registrar's answer not much longer than
// probeEvery.
func (e *Engine) probeAfter(h *registrar) time.Duration {
	return e.between(max(e.cfg.Retry/time.Duration(max(h.silent.n, 1)), min(probeEvery, e.cfg.Retry)), 1, 1+retryJitter)
}

// fired sends a probe.
func (h *registrar) fired(e *Engine, now time.Time) {
	if r := h.silent.pop(); r != nil {
		e.attempt(now, r)
		e.set(&h.alarm, now.Add(e.probeAfter(h)))
	}
}

// silence notes that a request got no answer; it tells whether the registrar is down: nobody else got an answer meanwhile, and one of the
// registered accounts, if there are any, gets none either.
func (e *Engine) silence(now time.Time, r *registration, f failure) bool {
	h := r.hop
	if h.answered.After(r.sentAt) {
		return false
	}
	switch {
	case h.down:
		h.why = f
		return true
	case h.checker == r:
	case h.checker != nil:
		return false
	case h.good.n > 0:
		h.checker = h.good.pop()
		e.attempt(now, h.checker)
		return false
	}
	h.checker, h.why = nil, f
	h.down, h.since = true, now
	e.tell(event.RegistrarDown{Registrar: h.name, Accounts: h.users, Why: f.why})
	for q := h.fresh.pop(); q != nil; q = h.fresh.pop() {
		e.hold(now, q)
	}
	return true
}

// alive notes an answer, whatever it says. All that waited for it go on; those that failed repeatedly in a short silence are likely to be
// ignored alone, and rest.
func (e *Engine) alive(now time.Time, h *registrar) {
	h.answered, h.checker = now, nil
	if !h.down {
		return
	}
	h.down = false
	e.set(&h.alarm, time.Time{})
	e.tell(event.RegistrarUp{Registrar: h.name, Accounts: h.silent.n})
	long := now.Sub(h.since) >= 2*e.cfg.Retry
	for n := h.silent.n; n > 0; n-- {
		r := h.silent.pop()
		if long || r.failures <= 1 {
			e.enqueue(now, r)
			continue
		}
		e.set(&r.alarm, now.Add(e.retryIn(r, h.why)))
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
