package register

import (
	"container/heap"
	"time"
)

// alarm is one moment at which something is due for a registration, a registrar or a pool; it stands in the heap once at most.
type alarm struct {
	due   time.Time
	place int // in the heap from 1; 0: not there
	fire  firing
}

type firing interface {
	fired(e *Engine, now time.Time)
}

// set moves the alarm; the zero time switches it off.
func (e *Engine) set(a *alarm, due time.Time) {
	a.due = due
	switch {
	case due.IsZero():
		if a.place > 0 {
			heap.Remove(&e.heap, a.place-1)
		}
	case a.place > 0:
		heap.Fix(&e.heap, a.place-1)
	default:
		heap.Push(&e.heap, a)
	}
}

// alarms orders them by what is due first.
type alarms []*alarm

func (h alarms) Len() int           { return len(h) }
func (h alarms) Less(i, j int) bool { return h[i].due.Before(h[j].due) }
func (h alarms) Swap(i, j int) {
	h[i], h[j] = h[j], h[i]
	h[i].place, h[j].place = i+1, j+1
}

// Push is called by container/heap.
func (h *alarms) Push(x any) {
	a, _ := x.(*alarm)
	*h = append(*h, a)
	a.place = len(*h)
}

// Pop is called by container/heap.
func (h *alarms) Pop() any {
	old := *h
	a := old[len(old)-1]
	old[len(old)-1] = nil
	*h = old[:len(old)-1]
	a.place = 0
	return a
}
