package register

import (
	"slices"
	"time"
)

// Wait is what an account waits for instead of a moment.
type Wait uint8

// What there is to wait for.
const (
	ForTime      Wait = iota // Standing.Next, or nothing any more
	ForAnswer                // its request is under way
	ForRegistrar             // the registrar answers nobody; Standing.Next is when it is asked, zero: it is being asked
	ForTurn                  // registrations of its pool are spaced, or too many of the registrar's are unanswered
)

// Standing is how a registration is, for people.
type Standing struct {
	Status
	Why      string    // what the last failure was since the last success, and what to do; empty: none
	Failures int       // in a row
	Waits    Wait      // what has to come before the next attempt
	Next     time.Time // the next refresh, attempt or probe of the registrar; zero: not known
	Until    time.Time // end of the binding; zero: none
}

// Standing of an account; the zero value for an unknown one.
func (e *Engine) Standing(id ID) Standing {
	r := e.byID[id]
	if r == nil {
		return Standing{}
	}
	h := r.hop
	s := Standing{Status: r.status, Why: r.why, Failures: int(r.failures), Until: r.until}
	if r.former {
		s.Until = time.Time{}
	}
	if r.status.State == Failed && r.why == "" {
		s.Why = h.why.why
	}
	switch {
	case r.phase == asked:
		s.Waits = ForAnswer
	case r.in == &h.silent[0], r.in == &h.silent[1]:
		if s.Waits = ForRegistrar; h.place > 0 {
			s.Next = h.due
		}
	case r.phase == queued, r.in == &r.pool.waiting:
		s.Waits = ForTurn
	case r.phase == idle && r.place > 0:
		s.Next = r.due
	}
	return s
}

// SilentRegistrar is one that does not answer.
type SilentRegistrar struct {
	Name     string
	Accounts int       // in all
	Waiting  int       // for its answer
	Since    time.Time // that it is known
	Why      string    // what the last request met
	Next     time.Time // when it is asked again; zero: it is being asked
}

// Silent are the registrars that do not answer, those of most waiting accounts first, at most that many.
func (e *Engine) Silent(most int) []SilentRegistrar {
	var out []SilentRegistrar
	for _, h := range e.hops {
		if !h.down {
			continue
		}
		s := SilentRegistrar{Name: h.name, Accounts: h.users, Waiting: h.missing, Since: h.since, Why: h.why.why}
		if h.place > 0 {
			s.Next = h.due
		}
		out = append(out, s)
	}
	slices.SortFunc(out, func(a, b SilentRegistrar) int {
		if a.Waiting != b.Waiting {
			return b.Waiting - a.Waiting
		}
		return a.Since.Compare(b.Since)
	})
	return out[:min(len(out), most)]
}
