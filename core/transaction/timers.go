package transaction

import (
	"container/heap"
	"time"
)

// Timers are the values of RFC 3261 section 17.1.1.1; zero fields mean the RFC's.
type Timers struct {
	T1 time.Duration // round trip estimate, 500 ms; 64*T1 bounds every wait
	T2 time.Duration // longest interval between repetitions, 4 s
	T4 time.Duration // longest life of a message in the network, 5 s
}

func (t Timers) withDefaults() Timers {
	if t.T1 <= 0 {
		t.T1 = 500 * time.Millisecond
	}
	if t.T2 <= 0 {
		t.T2 = 4 * time.Second
	}
	if t.T4 <= 0 {
		t.T4 = 5 * time.Second
	}
	return t
}

// arm sets both timers of a transaction; zero times stop them.
func (e *Engine) arm(t *tx, next, expire time.Time) {
	t.next, t.expire = next, expire
	t.due = next
	if next.IsZero() || !expire.IsZero() && expire.Before(next) {
		t.due = expire
	}
	switch {
	case t.due.IsZero():
		if t.place >= 0 {
			heap.Remove(&e.heap, t.place)
		}
	case t.place >= 0:
		heap.Fix(&e.heap, t.place)
	default:
		heap.Push(&e.heap, t)
	}
}

// linger keeps a finished transaction for a while, so that it absorbs what is repeated; not at all for 0.
func (e *Engine) linger(now time.Time, t *tx, d time.Duration) {
	if d == 0 {
		e.remove(t)
		return
	}
	e.arm(t, time.Time{}, now.Add(d))
}

// unlessReliable is d on UDP and 0 on connections, as timers D, I, J and K are.
func (t *tx) unlessReliable(d time.Duration) time.Duration {
	if t.path.Reliable {
		return 0
	}
	return d
}

// timerHeap orders transactions by what is due first.
type timerHeap []*tx

func (h timerHeap) Len() int           { return len(h) }
func (h timerHeap) Less(i, j int) bool { return h[i].due.Before(h[j].due) }
func (h timerHeap) Swap(i, j int) {
	h[i], h[j] = h[j], h[i]
	h[i].place, h[j].place = i, j
}

// Push is called by container/heap.
func (h *timerHeap) Push(x any) {
	t, _ := x.(*tx)
	t.place = len(*h)
	*h = append(*h, t)
}

// Pop is called by container/heap.
func (h *timerHeap) Pop() any {
	old := *h
	t := old[len(old)-1]
	old[len(old)-1] = nil
	*h = old[:len(old)-1]
	t.place = -1
	return t
}
