//go:build linux

package load

import (
	"fmt"
	"maps"
	"time"
)

// burst is calls with DTLS-SRTP or ZRTP beside the others. They are set up while the packets of the others begin to flow; when all are
// answered, their handshakes start at once. They have sockets of their own, which the measurement does not read. A nil one does nothing.
type burst struct {
	s        *signaller
	all      []call // those of the burst behind the others
	next     int    // to be placed
	placing  time.Time
	due      time.Time // when the handshakes may start
	first    time.Time // when they did
	finished time.Time
}

const (
	placeRate = 400 // calls per second, which is not the question
	perStep   = 50  // handshakes started in a millisecond
)

// newBurst takes the calls behind the ordinary ones out of the signaller's sight.
func newBurst(cfg *Config, s *signaller) *burst {
	if cfg.Burst == 0 {
		return nil
	}
	b := &burst{s: s, all: s.calls, next: cfg.Calls}
	s.calls = s.calls[:cfg.Calls]
	s.keying.hold = true
	return b
}

// place begins with the calls.
func (b *burst) place() {
	if b != nil {
		b.placing, b.s.calls = time.Now(), b.all
	}
}

// after lets the handshakes start later on.
func (b *burst) after(d time.Duration) {
	if b != nil {
		b.due = time.Now().Add(d)
	}
}

// step goes on with what is due. It is called about every millisecond.
func (b *burst) step() {
	if b == nil || b.placing.IsZero() || !b.finished.IsZero() {
		return
	}
	now := time.Now()
	begun := len(b.all) - b.s.cfg.Burst
	for b.next < len(b.all) && b.next-begun < int(now.Sub(b.placing).Seconds()*placeRate) {
		b.s.start(&b.all[b.next])
		b.next++
	}
	k := b.s.keying
	if b.next < len(b.all) || b.due.IsZero() || now.Before(b.due) || !b.s.settled(up) {
		return
	}
	if b.first.IsZero() {
		b.first = now
	}
	for n := 0; n < perStep && len(k.held) > 0; n++ {
		if err := k.held[0](); err != nil {
			k.failures[err.Error()]++
		}
		k.held = k.held[1:]
	}
	if len(k.held) == 0 && k.waiting == 0 {
		b.finished = now
	}
}

// over tells whether nothing more is to be waited for.
func (b *burst) over() bool {
	return b == nil || !b.finished.IsZero() || time.Since(b.due) > 3*burstLimit
}

func (b *burst) tell(r *Result) {
	if b == nil {
		return
	}
	k := b.s.keying
	o := &BurstResult{By: orText(b.s.cfg.BurstBy, "dtls"), Handshakes: b.s.cfg.Burst, Failures: map[string]int{}}
	maps.Copy(o.Failures, k.failures)
	failed := 0
	for _, n := range k.failures {
		failed += n
	}
	o.Complete = k.started - k.waiting - failed
	if k.waiting > 0 {
		o.Failures["handshake: not complete"] = k.waiting
	}
	if b.finished.IsZero() {
		o.Failures[fmt.Sprintf("not over after %v", 3*burstLimit)]++
	} else {
		o.Seconds = b.finished.Sub(b.first).Seconds()
	}
	r.Burst = o
}
