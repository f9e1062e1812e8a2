//go:build linux

package load

import (
	"context"
	"slices"
	"time"
)

// control sets up and releases the calls of a run: by SIP through a B2BUA, or by rtpengine's NG protocol.
type control interface {
	place(ctx context.Context, stay phase) error // all calls, until each is over or stays as it shall
	up() int                                     // calls that are up
	step(ms int)                                 // what has to be answered meanwhile
	releaseAll()
	tell(r *Result, seconds float64, stay phase) // figures of place
	end(r *Result)                               // figures of the whole run
	close()
}

func (s *signaller) place(ctx context.Context, stay phase) error {
	s.now = time.Now().UnixNano()
	s.slot = s.now / slotTime
	start, begun, looked := s.now, 0, s.now
	for ctx.Err() == nil {
		if stay == up { // closed loop over set-ups: what is up does not count as in progress
			begun = s.paceSetup(begun, start)
		} else {
			begun = s.pace(begun, start)
		}
		s.step(1)
		if begun == len(s.calls) && s.now-looked > int64(time.Millisecond) {
			looked = s.now
			if s.settled(stay) {
				break
			}
		}
	}
	return nil
}

// up counts the calls that are up.
func (s *signaller) up() (n int) {
	for i := range s.calls {
		if s.calls[i].phase == up {
			n++
		}
	}
	return n
}

// releaseAll ends what is up, not all at once.
func (s *signaller) releaseAll() {
	limit := time.Now().Add(2 * s.cfg.Timeout)
	for i := range s.calls {
		if c := &s.calls[i]; c.phase == up {
			c.acked = true
			s.release(c)
		}
		if i%8 == 7 {
			s.step(0)
		}
	}
	for !s.settled(done) && time.Now().Before(limit) {
		s.step(1)
	}
}

func (s *signaller) tell(r *Result, seconds float64, stay phase) {
	n := s.completed
	if stay == up {
		n = len(s.latencies)
	}
	r.Answered, r.PerSecond = len(s.latencies), float64(n)/seconds
	r.setup(s.latencies)
	r.Repeated, r.Reinvites, r.Strange = s.repeated, s.reinvites, s.strange
}

func (s *signaller) end(r *Result) {
	r.Completed, r.Failures, r.EndedByDUT = s.completed, s.failures, s.endedByDUT
}

func (s *signaller) close() { s.wires.close() }

// setup notes quantiles of the set-up times, ns.
func (r *Result) setup(times []int64) {
	slices.Sort(times)
	r.SetupP50, r.SetupP99, r.SetupMax = ms(quantile(times, 0.5)), ms(quantile(times, 0.99)), ms(quantile(times, 1))
}
