package redisfeed

import (
	"container/heap"
	"time"

	"b2bua/core/event"
)

// An account whose read fails while those of others succeed must not hold the others back: it has a rest of its own.

// running is a read under way.
type running struct {
	Read
	answers uint64 // Queue.answers when it began
	kind    kind
}

// kind of a read.
type kind uint8

const (
	fresh    kind = iota
	doubtful      // it failed before; the database may have been away
	own           // it failed while others were read
)

// refusal is an account whose last read failed.
type refusal struct {
	key     Key
	answers uint64 // Queue.answers at its last failure
	own     bool   // others were read in between: it is no matter of the database
	pause   time.Duration
	failed  time.Time // the last time
	due     time.Time
	place   int // in Queue.resting from 1; 0: not there
	toldAt  time.Time
}

// begin reads an account.
func (q *Queue) begin(k Key, of kind) {
	q.last++
	r := running{Read{q.last, k}, q.answers, of}
	q.running = append(q.running, r)
	q.emit(r.Read)
}

// readFailed tells whose fault it is: the account's if others were read since it failed before, else the database's, until somebody else is
// read. If others were read while it was, the database may have died since: it is read once more.
func (q *Queue) readFailed(now time.Time, r running, k Key, err error) {
	x := q.refused[k.URI]
	first := x == nil
	if first {
		x = &refusal{}
		q.refused[k.URI] = x
	}
	x.own = x.own || !first && q.answers > x.answers
	x.key, x.answers, x.failed = k, q.answers, now
	if !x.own {
		q.waiting[k.URI] = k.Identifier
		q.aside = append(q.aside, k.URI)
		if !first || q.answers == r.answers {
			q.failed(now, err)
		}
		return
	}
	x.pause = min(max(2*x.pause, firstPause), lastPause)
	x.due = now.Add(x.pause)
	heap.Push(&q.resting, x)
	q.tellRefused(now, x, err)
}

// sooner takes a new announcement of an account that rests: the change may be the repair.
func (q *Queue) sooner(k Key) bool {
	x := q.refused[k.URI]
	if x == nil || x.place == 0 {
		return false
	}
	x.key = k
	if at := x.failed.Add(firstPause); at.Before(x.due) {
		x.due = at
		heap.Fix(&q.resting, x.place-1)
	}
	return true
}

// retry reads an account that has rested. Only one of them is read at a time, however many there are: their reads may be slow.
func (q *Queue) retry(now time.Time) {
	if q.count(own) > 0 || len(q.running) == parallel || len(q.resting) == 0 || q.resting[0].due.After(now) {
		return
	}
	x, _ := heap.Pop(&q.resting).(*refusal)
	q.begin(x.key, own)
}

// readAside reads an account that failed before, the first of them.
func (q *Queue) readAside() {
	k := Key{q.aside[0], q.waiting[q.aside[0]]}
	q.aside = q.aside[1:]
	delete(q.waiting, k.URI)
	q.begin(k, doubtful)
}

// count is how many reads of a kind are under way.
func (q *Queue) count(of kind) (n int) {
	for i := range q.running {
		if q.running[i].kind == of {
			n++
		}
	}
	return n
}

// probe reads one account in spite of a pause: that others could not be read may have been their own fault.
func (q *Queue) probe(now time.Time) {
	if q.probes() && !now.Before(q.probeAt) && q.read() {
		q.probeAt = now.Add(firstPause)
	}
}

func (q *Queue) probes() bool {
	return q.count(fresh) == 0 && len(q.running) < parallel && q.head < len(q.order)
}

// readDeadline is when something may be read, if nothing is loaded.
func (q *Queue) readDeadline() time.Time {
	if len(q.running) == parallel {
		return time.Time{}
	}
	var at time.Time
	sooner := func(due time.Time) {
		if at.IsZero() || due.Before(at) {
			at = due
		}
	}
	if q.head < len(q.order) || len(q.aside) > 0 && q.count(doubtful) < mostDoubtful {
		sooner(q.pausedTo)
	}
	if q.probes() && q.probeAt.Before(q.pausedTo) {
		sooner(q.probeAt)
	}
	if len(q.resting) > 0 && q.count(own) == 0 {
		if q.resting[0].due.Before(q.pausedTo) {
			sooner(q.pausedTo)
		} else {
			sooner(q.resting[0].due)
		}
	}
	return at
}

// tellRefused tells it once, and every ten minutes, of a few accounts.
func (q *Queue) tellRefused(now time.Time, x *refusal, err error) {
	if !x.toldAt.IsZero() && now.Sub(x.toldAt) < tellAgain {
		return
	}
	if now.Sub(q.linesAt) >= badWindow {
		q.lines, q.linesAt = 0, now
	}
	if q.lines++; q.lines > badLines {
		return
	}
	x.toldAt = now
	q.say(event.Error, "account %s cannot be read from the database, others can (%s): it stays as it is; tried again by itself, every %v at the latest",
		x.key.URI, err, lastPause)
}

// refusals orders them by what is due first.
type refusals []*refusal

func (h refusals) Len() int           { return len(h) }
func (h refusals) Less(i, j int) bool { return h[i].due.Before(h[j].due) }
func (h refusals) Swap(i, j int) {
	h[i], h[j] = h[j], h[i]
	h[i].place, h[j].place = i+1, j+1
}

// Push is called by container/heap.
func (h *refusals) Push(v any) {
	x, _ := v.(*refusal)
	*h = append(*h, x)
	x.place = len(*h)
}

// Pop is called by container/heap.
func (h *refusals) Pop() any {
	old := *h
	x := old[len(old)-1]
	old[len(old)-1] = nil
	*h, x.place = old[:len(old)-1], 0
	return x
}
