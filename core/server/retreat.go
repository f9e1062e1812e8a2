package server

import (
	"fmt"
	"strings"
	"time"

	"b2bua/core/register"
)

// awaitLast waits for the last answers: patience is that for those to BYEs, and how long un-registrations may stand still.
func (s *server) awaitLast(idle <-chan struct{}, patience time.Duration, until time.Time) {
	r := retreat{began: time.Now(), patience: patience, until: until}
	for {
		left := make(chan int, 1)
		if s.stack.Do(func(time.Time) { left <- s.lines.pending() }) != nil {
			return
		}
		on, line := r.look(time.Now(), <-left)
		if line != "" {
			s.log.Info(line)
		}
		if !on {
			return
		}
		await(idle, nil, min(patience/8, time.Until(until)))
		select {
		case <-idle:
			return
		default:
		}
	}
}

// retreat decides how long a stop goes on waiting, and what it tells meanwhile.
type retreat struct {
	began, until time.Time
	patience     time.Duration
	all, left    int // accounts
	moved        time.Time
	told         time.Time
}

// many accounts take longer than an operator likes to wait without a word.
const many = 1000

// look takes the number of accounts that are still to be un-registered.
func (r *retreat) look(now time.Time, left int) (on bool, line string) {
	if r.moved.IsZero() {
		r.all, r.told = left, now
		if left >= many {
			line = fmt.Sprintf("stopping: %d accounts are un-registered, for %s at most (b2bua::timers/shutdown-timeout)", left, r.until.Sub(now).Round(100*time.Millisecond))
		}
	}
	if r.moved.IsZero() || left != r.left {
		r.left, r.moved = left, now
	}
	if !now.Before(r.until) {
		return false, line
	}
	if now.Sub(r.told) >= time.Second && r.all >= many && left > 0 {
		r.told = now
		line = fmt.Sprintf("stopping: %d of %d accounts are un-registered", r.all-left, r.all)
	}
	if left == 0 {
		return now.Sub(r.began) < r.patience, line
	}
	return now.Sub(r.moved) < r.patience, line
}

// left are the accounts that a stop could not un-register.
func (l *lines) left() []register.Left {
	if l == nil {
		return nil
	}
	return l.engine.Left()
}

// mostLeft registrars are named at a stop.
const mostLeft = 5

// stayed tells which accounts could not be un-registered, where and why.
func stayed(list []register.Left) string {
	all := 0
	var parts []string
	for i, l := range list {
		if all += l.Accounts; i >= mostLeft {
			continue
		}
		names := strings.Join(l.Names, ", ")
		if l.Accounts > len(l.Names) {
			names += ", …"
		}
		parts = append(parts, fmt.Sprintf("%d at %s (%s): %s", l.Accounts, l.Registrar, names, l.Why))
	}
	if n := len(list) - mostLeft; n > 0 && list[len(list)-1].Registrar == "" {
		parts = append(parts, "the rest at other registrars")
	} else if n > 0 {
		parts = append(parts, fmt.Sprintf("the rest at %d other registrars", n))
	}
	return fmt.Sprintf("%d accounts could not be un-registered: %s", all, strings.Join(parts, "; "))
}
