package redisfeed

import (
	"errors"
	"fmt"
	"slices"
	"time"

	"b2bua/core/event"
)

// Job names a piece of work on the database; 0 is none.
type Job uint64

// Work is an output of a Queue. Each Load and Read ends with Done.
type Work interface{ queueOutput() }

// Load reads all accounts of the pool.
type Load struct{ Job Job }

// Read reads one account.
type Read struct {
	Job Job
	Key Key
}

// Cancel wants a job to end soon; its Done is still awaited.
type Cancel struct{ Job Job }

func (Load) queueOutput()     {}
func (Read) queueOutput()     {}
func (Cancel) queueOutput()   {}
func (Happened) queueOutput() {}

// Queue is the work that is due on the database of one pool.
type Queue struct {
	pool string
	last Job

	want     bool // a load is due
	loading  Job  // the one that runs; 0: none
	stale    bool // it is cancelled, another follows
	noSooner time.Time
	loadedAt time.Time // start of the last load

	waiting map[string]string // by URI: the identifier of the last announcement
	order   []string          // of waiting, first come first
	head    int
	aside   []string          // of waiting, instead of order: failed once, it is not known whose fault that was
	running []running         // at most parallel
	again   map[string]string // announced while being read

	refused map[string]*refusal // by URI: the last read failed
	resting refusals            // of refused: those that fail while others do not
	answers uint64              // of the database
	probeAt time.Time           // when an account may be read in spite of the pause
	lines   int                 // about refusals since linesAt
	linesAt time.Time

	pausedTo time.Time // the database does not answer
	pause    time.Duration
	downAt   time.Time // since when; zero: it answers
	told     string    // of that time
	toldAt   time.Time
	readAt   time.Time // last answer; zero: no load was complete yet
	stopped  bool
	outputs  []Work
	drained  int
}

// NewQueue makes the queue of a pool, named for the log.
func NewQueue(pool string) *Queue {
	return &Queue{pool: pool, waiting: map[string]string{}, again: map[string]string{}, refused: map[string]*refusal{}}
}

// Poll is the next output; false when there is none.
func (q *Queue) Poll() (Work, bool) {
	if q.drained == len(q.outputs) {
		clear(q.outputs)
		q.outputs, q.drained = q.outputs[:0], 0
		return nil, false
	}
	q.drained++
	return q.outputs[q.drained-1], true
}

// Reload wants everything read, by a load that begins from now on: one that runs is cancelled.
func (q *Queue) Reload(now time.Time) {
	q.want, q.noSooner = true, time.Time{}
	q.forget()
	if q.loading != 0 && !q.stale {
		q.stale = true
		q.emit(Cancel{q.loading})
	}
	q.start(now)
}

// forget drops what waits: the load that is to come reads it.
func (q *Queue) forget() {
	clear(q.waiting)
	clear(q.again)
	clear(q.refused)
	q.order, q.head, q.aside, q.resting = nil, 0, nil, nil
}

// Update wants one account read, from now on. The identifier of the last announcement counts.
func (q *Queue) Update(now time.Time, k Key) {
	if q.want || q.stopped {
		return // covered by the load that has not begun
	}
	if q.loading == 0 && q.reading(k.URI) {
		q.again[k.URI] = k.Identifier
		return
	}
	if !q.sooner(k) {
		q.add(k)
	}
	if q.Waiting() > maxPending {
		q.overflow()
	}
	q.start(now)
}

func (q *Queue) reading(uri string) bool {
	return slices.ContainsFunc(q.running, func(r running) bool { return r.Key.URI == uri })
}

func (q *Queue) add(k Key) {
	if _, ok := q.waiting[k.URI]; !ok {
		q.order = append(q.order, k.URI)
	}
	q.waiting[k.URI] = k.Identifier
}

// overflow: reading all is less work than reading so many.
func (q *Queue) overflow() {
	q.forget()
	q.want = true
	q.noSooner = q.loadedAt.Add(loadEvery)
	q.say(event.Warning, "more than %d accounts have changed and wait to be read from the database: all are loaded anew instead", maxPending)
}

// Done ends a job. An error means that the database could not be asked; it is asked again later.
func (q *Queue) Done(now time.Time, j Job, err error) {
	if i := slices.IndexFunc(q.running, func(r running) bool { return r.Job == j }); i >= 0 {
		r := q.running[i]
		q.running = slices.Delete(q.running, i, i+1)
		q.readDone(now, r, err)
	} else if j == q.loading && j != 0 {
		q.loading = 0
		switch {
		case q.stale: // another one is due, whatever became of it
			q.stale = false
		case err != nil:
			q.want, q.noSooner = true, time.Time{}
			q.forget()
			q.failed(now, err)
		default:
			q.answered(now)
		}
	}
	q.start(now)
}

func (q *Queue) readDone(now time.Time, r running, err error) {
	k := r.Key
	id, again := q.again[k.URI]
	if again {
		delete(q.again, k.URI)
		k.Identifier = id
	}
	_, waits := q.waiting[k.URI]
	switch {
	case err == nil:
		delete(q.refused, k.URI)
		if again {
			q.add(k)
		}
		if q.loading == 0 && !q.want {
			q.answered(now)
		}
	case waits || q.want: // it is read anyway
		q.failed(now, err)
	default:
		q.readFailed(now, r, k, err)
	}
}

// failed: a pause, longer each time. Jobs that were under way together count once.
func (q *Queue) failed(now time.Time, err error) {
	if now.Before(q.pausedTo) || q.stopped {
		return
	}
	q.pause = min(max(2*q.pause, firstPause), lastPause)
	q.pausedTo = now.Add(q.pause)
	if q.downAt.IsZero() {
		q.downAt = now
	}
	q.tellFailed(now, err)
}

// Adviser is an error that knows what to do about it.
type Adviser interface{ Advice() string }

// tellFailed tells it once, and when the reason changes, and every ten minutes.
func (q *Queue) tellFailed(now time.Time, err error) {
	since, advice, why := "", "", err.Error()
	var adviser Adviser
	if errors.As(err, &adviser) && adviser.Advice() != "" {
		advice = "; " + adviser.Advice()
	}
	switch {
	case q.told == "":
	case q.told != why && now.Sub(q.toldAt) >= tellChange, now.Sub(q.toldAt) >= tellAgain:
		since = ", since " + q.downAt.Format(time.DateTime)
	default:
		return
	}
	q.told, q.toldAt = why, now
	what := "the pool is not loaded yet, calls that need its accounts are declined"
	if !q.readAt.IsZero() {
		what = "its accounts stay as they were read at " + q.readAt.Format(time.DateTime)
	}
	q.say(event.Error, "the database cannot be asked%s (%s): %s; tried again by itself, every %v at the latest%s", since, why, what, lastPause, advice)
}

func (q *Queue) answered(now time.Time) {
	if !q.downAt.IsZero() {
		q.say(event.Message, "the database answers again, after %v", now.Sub(q.downAt).Round(time.Millisecond))
	}
	q.pause, q.pausedTo, q.downAt, q.told = 0, time.Time{}, time.Time{}, ""
	q.readAt = now
	q.answers++
}

// Advance does what is due.
func (q *Queue) Advance(now time.Time) { q.start(now) }

// Deadline is when Advance is due; zero when never.
func (q *Queue) Deadline() time.Time {
	switch {
	case q.stopped || q.loading != 0:
		return time.Time{}
	case q.want:
		if q.noSooner.After(q.pausedTo) {
			return q.noSooner
		}
		return q.pausedTo
	}
	return q.readDeadline()
}

// start begins what can begin: a load alone, or reads.
func (q *Queue) start(now time.Time) {
	paused := now.Before(q.pausedTo)
	switch {
	case q.stopped || q.loading != 0:
	case q.want:
		if !paused && !now.Before(q.noSooner) {
			q.load(now)
		}
	case paused:
		q.probe(now)
	default:
		q.retry(now)
		for q.count(doubtful) < mostDoubtful && len(q.running) < parallel && len(q.aside) > 0 {
			q.readAside()
		}
		for len(q.running) < parallel && q.read() {
			continue
		}
	}
}

func (q *Queue) load(now time.Time) {
	q.forget()
	for _, r := range q.running { // may still bring what is older than what the load brings
		q.add(r.Key)
	}
	q.last++
	q.want, q.loading, q.loadedAt = false, q.last, now
	q.emit(Load{q.last})
}

// read begins with the account that has waited longest; one that is being read waits for that.
func (q *Queue) read() bool {
	for q.head < len(q.order) {
		uri := q.order[q.head]
		q.order[q.head] = ""
		q.head++
		k := Key{uri, q.waiting[uri]}
		delete(q.waiting, uri)
		if q.reading(uri) {
			q.again[uri] = k.Identifier
			continue
		}
		q.begin(k, fresh)
		q.compact()
		return true
	}
	q.compact()
	return false
}

// compact gives the room of what has gone back.
func (q *Queue) compact() {
	if q.head == len(q.order) {
		q.order, q.head = nil, 0
	} else if q.head > 1024 && q.head > len(q.order)/2 {
		q.order, q.head = append([]string(nil), q.order[q.head:]...), 0
	}
}

// Waiting is the number of accounts that wait to be read.
func (q *Queue) Waiting() int { return len(q.waiting) + len(q.again) + len(q.resting) }

// Stop cancels what runs; nothing follows.
func (q *Queue) Stop() {
	q.stopped, q.want = true, false
	q.forget()
	if q.loading != 0 && !q.stale {
		q.emit(Cancel{q.loading})
	}
	for _, r := range q.running {
		q.emit(Cancel{r.Job})
	}
}

// Idle says that no job is under way.
func (q *Queue) Idle() bool { return q.loading == 0 && len(q.running) == 0 }

func (q *Queue) emit(w Work) { q.outputs = append(q.outputs, w) }

func (q *Queue) say(at event.Level, format string, args ...any) {
	q.emit(Happened{Line{at, "pool " + q.pool + ": " + fmt.Sprintf(format, args...)}})
}
