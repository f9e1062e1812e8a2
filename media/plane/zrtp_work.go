package plane

import (
	"sync"
	"time"

	"b2bua/media/zrtp"
)

// Limits of decision 20.
const (
	agreementsPerSecond = 100 // for each processor
	agreementsBurst     = 20 * parts
	parts               = 2 // an agreement is the making of a key and the use of the peer's
	// agreementsWait is how long one may wait for its turn: a later one would exceed the time that a leg has to be secure.
	agreementsWait = 8 * time.Second
)

// task is public-key work of an exchange.
type task struct {
	job   *zrtp.Job
	begun bool        // the second half of an agreement
	gone  func() bool // nobody waits for it any more
	done  func(*zrtp.Job)
}

// workshop runs tasks on a few goroutines, at a limited rate, in order: first those of agreements that have begun, so that under load
// some are finished in time instead of all too late. One processor stays for the packets.
type workshop struct {
	every time.Duration
	hands int
	limit int // of each queue
	ready chan struct{}
	stop  chan struct{}
	wg    sync.WaitGroup

	mu     sync.Mutex
	next   time.Time // when the next task may begin
	queues [parts][]task
}

func newWorkshop(perSecond, cpus int) *workshop {
	if perSecond <= 0 {
		perSecond = agreementsPerSecond * cpus
	}
	limit := max(1, perSecond*parts*int(agreementsWait/time.Second))
	w := &workshop{
		hands: max(1, cpus-1), every: time.Second / time.Duration(perSecond*parts), limit: limit,
		ready: make(chan struct{}, parts*limit), stop: make(chan struct{}),
	}
	for range w.hands {
		w.wg.Go(w.run)
	}
	return w
}

// add queues a task; false: too many wait.
func (w *workshop) add(t task) bool {
	q := &w.queues[1]
	if t.begun {
		q = &w.queues[0]
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	if len(*q) >= w.limit {
		return false
	}
	*q = append(*q, t)
	w.ready <- struct{}{} // there is one place for each task
	return true
}

// take gives the task whose turn it is.
func (w *workshop) take() (t task) {
	w.mu.Lock()
	defer w.mu.Unlock()
	for i := range w.queues {
		if q := &w.queues[i]; len(*q) > 0 {
			t, (*q)[0] = (*q)[0], task{}
			*q = (*q)[1:]
			return t
		}
	}
	return t
}

func (w *workshop) run() {
	for turn := false; ; {
		select {
		case <-w.stop:
			return
		case <-w.ready:
		}
		if !turn && !w.turn() { // before the choice: what comes meanwhile may be more urgent
			return
		}
		t := w.take()
		if turn = t.gone(); turn { // for the next one
			t.job.Wipe()
			continue
		}
		t.job.Run()
		t.done(t.job)
	}
}

// turn waits until a task may begin; false: the workshop is closed.
func (w *workshop) turn() bool {
	w.mu.Lock()
	now := time.Now()
	if earliest := now.Add(-agreementsBurst * w.every); w.next.Before(earliest) {
		w.next = earliest
	}
	wait := w.next.Sub(now)
	w.next = w.next.Add(w.every)
	w.mu.Unlock()
	if wait <= 0 {
		return true
	}
	t := time.NewTimer(wait)
	defer t.Stop()
	select {
	case <-w.stop:
		return false
	case <-t.C:
		return true
	}
}

// close ends the goroutines; what waits is not done.
func (w *workshop) close() {
	close(w.stop)
	w.wg.Wait()
	for _, q := range w.queues {
		for _, t := range q {
			t.job.Wipe()
		}
	}
}
