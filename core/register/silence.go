package register

import (
	"time"

	"b2bua/core/event"
)

// A registrar that is silent, and its return.

// comeback is what became of the accounts that waited for a registrar.
type comeback struct {
	at   time.Time // of its first answer; zero: none runs
	all  int
	good int
	last time.Time // when the last good one was registered
}

// held is how many accounts wait for an answer.
func (h *registrar) held() int { return h.silent[0].n + h.silent[1].n }

// hold leaves an account to the probes of a registrar that does not answer.
func (e *Engine) hold(now time.Time, r *registration, reason Reason) {
	h := r.hop
	r.phase = idle
	e.set(&r.alarm, time.Time{})
	if r.farewell && !e.stopping {
		e.keepBye(now, r)
		return
	}
	if r.removed || e.stopping { // nobody there to be told
		e.stays(now, r, h.why.why)
		e.conclude(now, r)
		return
	}
	if h.probe == r {
		h.probe = nil
	}
	which := 0
	if r.made.IsZero() {
		which = 1
	}
	h.silent[which].push(r)
	if !r.missed {
		r.missed = true
		h.missing++
	}
	e.become(r, Status{Failed, reason})
	e.settle(now, r, false)
	e.arm(now, h)
}

// keepBye has a farewell wait for its registrar as long as there is something to un-register.
func (e *Engine) keepBye(now time.Time, r *registration) {
	h := r.hop
	if h.probe == r {
		h.probe = nil
	}
	if !r.bound(now) {
		e.unsaid(now, r, h.why.why)
		return
	}
	h.silent[0].push(r)
	e.set(&r.alarm, r.until)
	e.arm(now, h)
}

// arm sets the time of the next probe, unless one is under way.
func (e *Engine) arm(now time.Time, h *registrar) {
	if h.place == 0 && h.probe == nil && h.held() > 0 && !h.returning {
		wait := min(probeFirst<<min(h.probes, 8), probeEvery, e.cfg.Retry)
		e.set(&h.alarm, now.Add(e.between(wait, 1-probeJitter, 1)))
	}
}

// fired sends a probe.
func (h *registrar) fired(e *Engine, now time.Time) {
	switch {
	case h.held() == 0 || h.probe != nil || h.returning:
	case h.down:
		l := &h.silent[h.probes%2] // by turns, as a registrar may ignore all of one kind
		if l.n == 0 {
			l = &h.silent[1-h.probes%2]
		}
		e.ring(now, l.pop())
	default:
		if h.checker == nil && !e.check(now, h) { // who was asked changed or was removed meanwhile
			e.fall(now, h)
		}
		e.arm(now, h)
	}
}

// ring makes an attempt that is the probe of its registrar.
func (e *Engine) ring(now time.Time, r *registration) {
	r.hop.probe = r
	r.hop.probes++
	e.set(&r.hop.alarm, time.Time{})
	e.attempt(now, r)
}

// silence notes that a request got no answer; it tells whether that is, or may be, the registrar's silence rather than one account's: nobody
// else got an answer meanwhile. Whoever was answered soon after the request was sent proves nothing: the registrar may have died then.
func (e *Engine) silence(now time.Time, r *registration, f failure) bool {
	h := r.hop
	if h.answered.Sub(r.sentAt) > now.Sub(r.sentAt)/2 {
		return false
	}
	if h.checker != nil && h.checker != r {
		return true // will be known soon
	}
	h.why = f
	if !h.down && (h.checker == r || !e.check(now, h)) {
		e.fall(now, h)
	}
	return true
}

// check asks one of the registered accounts, if there are any, whether the registrar answers.
func (e *Engine) check(now time.Time, h *registrar) bool {
	h.checker = h.good.pop()
	if h.checker == nil {
		return false
	}
	e.attempt(now, h.checker)
	return true
}

// fall takes the registrar for dead.
func (e *Engine) fall(now time.Time, h *registrar) {
	h.checker, h.probes, h.back, h.returning = nil, 0, comeback{}, false
	h.down, h.since = true, now
	e.set(&h.alarm, time.Time{})
	e.tell(event.RegistrarDown{Registrar: h.name, Accounts: h.users, Why: h.why.why})
	e.begin(now, &falling{h})
	e.arm(now, h)
}

// alive notes an answer, whatever it says. All that waited for it go on.
func (e *Engine) alive(now time.Time, h *registrar) {
	h.answered, h.checker, h.probe = now, nil, nil
	fell := h.down
	if fell {
		h.down = false
		if h.back = (comeback{}); h.missing > 0 {
			h.back = comeback{at: now, all: h.missing}
		}
		e.tell(event.RegistrarUp{Registrar: h.name, Accounts: h.missing, After: now.Sub(h.since), Probes: h.probes})
	}
	e.set(&h.alarm, time.Time{})
	if !h.away.IsZero() && !h.renewing {
		e.begin(now, &renewing{h})
	}
	if h.held() > 0 && !h.returning {
		e.begin(now, &returning{h, fell})
	}
	if fell {
		e.pump(now, h)
	}
}

// resume is the turn of an account that waited. Who never was registered keeps the distance of its pool (spec 4.10); who got no answer twice
// while others did is ignored alone, and rests.
func (e *Engine) resume(now time.Time, r *registration, fell bool) {
	switch {
	case !fell && r.failures > 1:
		e.found(now, r, false)
		wait := e.between(e.cfg.Retry, 1, 1+retryJitter)
		e.report(now, r, failure{reason: r.status.Reason, why: r.why, silent: true}, wait)
		e.set(&r.alarm, now.Add(wait))
	case r.made.IsZero() && r.pool.throttle > 0:
		r.pool.waiting.push(r)
		e.admit(now, r.pool)
	default:
		e.enqueue(now, r)
	}
}

// found is an outcome after a silence; the last one is told.
func (e *Engine) found(now time.Time, r *registration, good bool) {
	if !r.missed {
		return
	}
	h := r.hop
	r.missed = false
	h.missing--
	b := &h.back
	if b.at.IsZero() {
		return
	}
	if good {
		b.good++
		b.last = now
	}
	if h.missing == 0 {
		e.tell(event.RegistrarRecovered{Registrar: h.name, Accounts: b.all, Registered: b.good, After: max(b.last.Sub(b.at), 0)})
		*b = comeback{}
	}
}

// detach ends what an account does for its registrar, and the reverse.
func (e *Engine) detach(now time.Time, r *registration) {
	h := r.hop
	e.found(now, r, false)
	if h.checker == r { // the alarm asks another one
		h.checker = nil
	}
	if h.probe == r {
		h.probe = nil
		e.arm(now, h)
	}
}
