package register

import (
	"time"

	"b2bua/core/event"
)

// Work on many accounts is done some at a time, so that whoever owns the engine gets to do something else in between.

// chore is such work; step does some of it and tells whether that was the rest.
type chore interface {
	step(e *Engine, now time.Time) (done bool)
}

// begin does the first step at once.
func (e *Engine) begin(now time.Time, c chore) {
	if !c.step(e, now) {
		e.chores = append(e.chores, c)
	}
}

// work goes on with the chore that has waited longest.
func (e *Engine) work(now time.Time) {
	if len(e.chores) == 0 {
		return
	}
	c := e.chores[0]
	e.chores[0] = nil
	if e.chores = e.chores[1:]; !c.step(e, now) {
		e.chores = append(e.chores, c)
	}
}

// loss is a connection that is gone.
type loss struct {
	flow     uint64
	at       string
	accounts int
}

func (l *loss) step(e *Engine, now time.Time) bool {
	for range atOnce {
		r := e.flows[l.flow]
		if r == nil {
			break
		}
		e.alight(r)
		if r.phase != idle || !r.status.Available() || r.removed || e.stopping {
			continue // its request ends by itself
		}
		l.accounts, l.at = l.accounts+1, r.hop.name
		e.become(r, Status{State: Refreshing})
		if d := r.lossDelay(now); d > 0 {
			e.set(&r.alarm, now.Add(d))
			continue
		}
		e.enqueue(now, r)
	}
	if e.flows[l.flow] != nil {
		return false
	}
	if l.accounts > 0 {
		e.tell(event.RegistrationsLost{Registrar: l.at, Accounts: l.accounts})
	}
	return true
}

// falling holds those that wait for room at a registrar that does not answer.
type falling struct{ h *registrar }

func (f *falling) step(e *Engine, now time.Time) bool {
	h := f.h
	for range atOnce {
		if !h.down { // it answers again
			return true
		}
		r := h.urgent.pop()
		if r == nil {
			r = h.fresh.pop()
		}
		if r == nil {
			return true
		}
		e.hold(now, r, h.why.reason)
	}
	return false
}

// returning wakes those that waited for a registrar.
type returning struct {
	h    *registrar
	fell bool
}

func (c *returning) step(e *Engine, now time.Time) bool {
	h := c.h
	h.returning = false
	for range atOnce {
		if h.down || h.held() == 0 { // all of them wait again, or nobody does
			return true
		}
		r := h.silent[0].pop()
		if r == nil {
			r = h.silent[1].pop()
		}
		e.resume(now, r, c.fell)
	}
	h.returning = h.held() > 0
	return !h.returning
}

// renewing registers those again that a registrar may have forgotten, as it was away since. The list is in the order in which they were
// registered. Pools keep their distance.
type renewing struct{ h *registrar }

func (c *renewing) step(e *Engine, now time.Time) bool {
	h := c.h
	h.renewing = true
	for range atOnce {
		r := h.good.head
		if h.down || r == nil || r.made.After(h.away) {
			if h.renewing = false; !h.down {
				h.away = time.Time{}
			}
			return true
		}
		if r.leave(); r.pool.throttle > 0 { // the alarm of its refresh stays
			r.pool.waiting.push(r)
			e.admit(now, r.pool)
		} else {
			e.enqueue(now, r)
		}
	}
	return false
}
