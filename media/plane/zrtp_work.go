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
	job  *zrtp.Job
	gone func() bool // nobody waits for it any more
	done func(*zrtp.Job)
}

// workshop runs tasks on a few goroutines, at a limited rate, in order. One processor stays for the packets.
type workshop struct {
	every time.Duration
	hands int
	tasks chan task
	stop  chan struct{}
	wg    sync.WaitGroup

	mu   sync.Mutex
	next time.Time // when the next task may begin
}

func newWorkshop(perSecond, cpus int) *workshop {
	if perSecond <= 0 {
		perSecond = agreementsPerSecond * cpus
	}
	w := &workshop{
		hands: max(1, cpus-1), every: time.Second / time.Duration(perSecond*parts),
		tasks: make(chan task, max(1, perSecond*parts*int(agreementsWait/time.Second))), stop: make(chan struct{}),
	}
	for range w.hands {
		w.wg.Go(w.run)
	}
	return w
}

// add queues a task; false: too many wait.
func (w *workshop) add(t task) bool {
	select {
	case w.tasks <- t:
		return true
	default:
		return false
	}
}

func (w *workshop) run() {
	for {
		select {
		case <-w.stop:
			return
		case t := <-w.tasks:
			if t.gone() || !w.turn() {
				t.job.Wipe()
				continue
			}
			t.job.Run()
			t.done(t.job)
		}
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
	for {
		select {
		case t := <-w.tasks:
			t.job.Wipe()
		default:
			return
		}
	}
}
