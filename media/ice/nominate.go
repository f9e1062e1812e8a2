package ice

import (
	"net/netip"
	"time"
)

// pair is the selected one of a component. Its local half is the port that the check came to.
type pair struct {
	remote   netip.AddrPort
	priority uint32
	asked    time.Time // last nominated
	outdated bool      // nominated before the restart, or by who knows whom
}

// votes are the nominations of a component by the peer that there is now.
type votes struct {
	begun  time.Time      // the first
	left   netip.AddrPort // selected before
	seen   time.Time      // when left was left, or nominated since
	rivals time.Time      // several pairs were nominated in turns; zero: never
	wanted netip.AddrPort // refused because of that: it may be the last word of a peer that nominates once
	moves  int            // since counted
	since  time.Time
}

// nominate selects a pair by a check with USE-CANDIDATE. A peer of RFC 5245 may nominate with every check of its list, and the best of them
// counts (RFC 5245 section 11.1.1); later the newest counts, because a peer that moves has no better address any more.
func (a *Agent) nominate(now time.Time, c Component, from netip.AddrPort, priority uint32) (changed bool) {
	p, v := &a.pairs[c-1], &a.votes[c-1]
	if v.begun.IsZero() {
		v.begun = now
	}
	v.note(now, from)
	switch {
	case !p.remote.IsValid(), p.outdated:
		a.renewed[c-1] = a.renewed[c-1] || p.outdated
		changed = true
	case p.remote == from:
		v.wanted = netip.AddrPort{}
	case !v.wins(now, p, priority):
		if v.contested(now) {
			v.rivals, v.wanted = now, from
		}
		return false
	default:
		changed = true
		v.move(now, p.remote)
	}
	*p = pair{remote: from, priority: priority, asked: now}
	return changed
}

// note tells rivals from a move: who moves does not nominate what it has left.
func (v *votes) note(now time.Time, from netip.AddrPort) {
	if from != v.left {
		return
	}
	if now.Sub(v.seen) < rivalry {
		v.rivals = now
	}
	v.seen = now
}

func (v *votes) contested(now time.Time) bool {
	return !v.rivals.IsZero() && now.Sub(v.rivals) < rivalry
}

// wins tells whether a pair takes the place of the selected one.
func (v *votes) wins(now time.Time, p *pair, priority uint32) bool {
	if now.Sub(v.since) > moveWindow {
		v.moves, v.since = 0, now
	}
	if v.moves >= maxMoves {
		v.rivals = now
		return false
	}
	switch {
	case priority > p.priority:
		return true
	case v.contested(now):
		return now.Sub(p.asked) >= abandoned
	}
	return priority == p.priority || now.Sub(v.begun) >= listTakes
}

func (v *votes) move(now time.Time, left netip.AddrPort) {
	v.moves++
	v.left, v.seen, v.wanted = left, now, netip.AddrPort{}
}

// waited tells whether any check from there stands for the nomination that was refused.
func (a *Agent) waited(now time.Time, c Component, from netip.AddrPort) bool {
	return from == a.votes[c-1].wanted && now.Sub(a.pairs[c-1].asked) >= abandoned
}
