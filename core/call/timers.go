package call

import (
	"container/heap"
	"time"
)

// timer is something to do at a time, unless it was stopped.
type timer struct {
	at   time.Time
	call *call
	run  func(now time.Time)
	pos  int // in the heap; -1: not in it
}

// timers is a heap of them, the earliest first.
type timers struct{ h timerHeap }

func (t *timers) after(at time.Time, c *call, run func(time.Time)) *timer {
	x := &timer{at: at, call: c, run: run}
	heap.Push(&t.h, x)
	return x
}

func (t *timers) stop(x *timer) {
	if x != nil && x.pos >= 0 {
		heap.Remove(&t.h, x.pos)
	}
}

func (t *timers) next() (time.Time, bool) {
	if len(t.h) == 0 {
		return time.Time{}, false
	}
	return t.h[0].at, true
}

func (t *timers) due(now time.Time) (*timer, bool) {
	if len(t.h) == 0 || t.h[0].at.After(now) {
		return nil, false
	}
	return heap.Pop(&t.h).(*timer), true
}

type timerHeap []*timer

func (h timerHeap) Len() int           { return len(h) }
func (h timerHeap) Less(i, j int) bool { return h[i].at.Before(h[j].at) }
func (h timerHeap) Swap(i, j int) {
	h[i], h[j] = h[j], h[i]
	h[i].pos, h[j].pos = i, j
}

func (h *timerHeap) Push(x any) {
	t := x.(*timer)
	t.pos = len(*h)
	*h = append(*h, t)
}

func (h *timerHeap) Pop() any {
	old := *h
	t := old[len(old)-1]
	old[len(old)-1] = nil
	*h = old[:len(old)-1]
	t.pos = -1
	return t
}
