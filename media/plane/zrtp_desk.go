package plane

import (
	pq "container/heap"
	"sync"
	"time"
)

// desk is the goroutine of some legs: their engines belong to it.
type desk struct {
	mu     sync.Mutex
	queue  []func(now time.Time)
	closed bool
	wake   chan struct{}
	done   chan struct{}

	timers alarms
}

func newDesk() *desk {
	d := &desk{wake: make(chan struct{}, 1), done: make(chan struct{})}
	go d.run()
	return d
}

// post runs f on the desk, after what was posted before. False: it is closed, f will not run.
func (d *desk) post(f func(now time.Time)) bool {
	d.mu.Lock()
	if d.closed {
		d.mu.Unlock()
		return false
	}
	d.queue = append(d.queue, f)
	d.mu.Unlock()
	d.ring()
	return true
}

func (d *desk) ring() {
	select {
	case d.wake <- struct{}{}:
	default:
	}
}

// close ends the desk after what is queued, and waits.
func (d *desk) close() {
	d.mu.Lock()
	d.closed = true
	d.mu.Unlock()
	d.ring()
	<-d.done
}

func (d *desk) run() {
	defer close(d.done)
	t := time.NewTimer(time.Hour)
	defer t.Stop()
	for {
		closed := d.work()
		if closed {
			return
		}
		if len(d.timers) > 0 {
			t.Reset(time.Until(d.timers[0].at))
		} else {
			t.Reset(time.Hour)
		}
		select {
		case <-d.wake:
		case <-t.C:
		}
	}
}

// work does what was posted and what is due.
func (d *desk) work() (closed bool) {
	d.mu.Lock()
	queue := d.queue
	d.queue, closed = nil, d.closed
	d.mu.Unlock()
	for _, f := range queue {
		f(time.Now())
	}
	for now := time.Now(); len(d.timers) > 0 && !now.Before(d.timers[0].at); now = time.Now() {
		e := d.timers[0]
		d.set(e, time.Time{})
		e.leg.mu.Lock()
		e.tick(now)
		e.leg.mu.Unlock()
	}
	return closed
}

// set asks for a tick of an exchange; zero: for none.
func (d *desk) set(e *negotiation, at time.Time) {
	switch scheduled := e.place >= 0; {
	case at.IsZero() && scheduled:
		pq.Remove(&d.timers, e.place)
	case at.IsZero():
	case scheduled:
		e.at = at
		pq.Fix(&d.timers, e.place)
	default:
		e.at = at
		pq.Push(&d.timers, e)
	}
}

// alarms is a heap by time.
type alarms []*negotiation

func (a alarms) Len() int           { return len(a) }
func (a alarms) Less(i, j int) bool { return a[i].at.Before(a[j].at) }
func (a alarms) Swap(i, j int) {
	a[i], a[j] = a[j], a[i]
	a[i].place, a[j].place = i, j
}

// Push implements heap.Interface.
func (a *alarms) Push(x any) {
	e := x.(*negotiation)
	e.place = len(*a)
	*a = append(*a, e)
}

// Pop implements heap.Interface.
func (a *alarms) Pop() any {
	old := *a
	e := old[len(old)-1]
	old[len(old)-1] = nil
	*a, e.place = old[:len(old)-1], -1
	return e
}
