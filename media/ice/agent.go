package ice

import (
	"net/netip"
	"time"
)

// Params is what one stream of one leg agreed on ICE.
type Params struct {
	Local Credentials
	// PeerLite: the peer sends no checks, and nobody nominates. Each end sends to the default address of the other.
	PeerLite bool
}

// Agent is the lite agent of one stream on one leg, for both of its components.
type Agent struct {
	params  Params
	former  Credentials // before a restart
	renewed [2]bool     // by component: the former ones are not answered any more
	pairs   [2]pair
}

// pair is the selected one of a component. Its local half is the port that the check came to.
type pair struct {
	remote   netip.AddrPort
	priority uint32
	at       time.Time // of its last nomination
	former   bool      // nominated before the restart
}

// New makes an agent. It keeps no reference to p's memory.
func New(p Params) *Agent { return &Agent{params: p.clone()} }

func (p Params) clone() Params {
	p.Local = p.Local.Clone()
	return p
}

// Update tells the agent what was agreed anew. Other credentials of our own are a restart (RFC 8445 section 9): the former ones are
// answered and the selected pair stays until the peer has nominated one with the new.
func (a *Agent) Update(p Params) {
	if p.Local.Same(a.params.Local) {
		a.params.PeerLite = p.PeerLite
		return
	}
	a.former.Pwd.Wipe()
	a.former, a.params = a.params.Local, p.clone()
	a.renewed = [2]bool{}
	for i := range a.pairs {
		a.pairs[i].former = true
	}
}

// Selected is where a component's media goes; invalid: the peer has not said so yet.
func (a *Agent) Selected(c Component) netip.AddrPort { return a.pairs[c-1].remote }

// Wipe overwrites the passwords.
func (a *Agent) Wipe() {
	a.params.Local.Pwd.Wipe()
	a.former.Pwd.Wipe()
}

// Result is what a datagram means for the path.
type Result struct {
	// Checked: the peer has shown that it is at the source, by a check with our password.
	Checked bool
	// Selected: the source is where the component's media goes from now on. It is told once.
	Selected bool
}

// nominate selects a pair by a check with USE-CANDIDATE.
func (a *Agent) nominate(now time.Time, c Component, from netip.AddrPort, priority uint32) (changed bool) {
	p := &a.pairs[c-1]
	switch {
	case p.remote == from:
	case !p.remote.IsValid(), p.former, priority >= p.priority, now.Sub(p.at) >= nominationHolds:
		changed = true
	default:
		return false
	}
	if p.former {
		a.renewed[c-1] = true
	}
	*p = pair{remote: from, priority: priority, at: now}
	return changed
}

// knows tells whether a name is ours, or was before the last restart.
func (a *Agent) knows(ufrag []byte) bool {
	return len(ufrag) > 0 && (string(ufrag) == a.params.Local.Ufrag || string(ufrag) == a.former.Ufrag)
}

// password finds the one that a request's first half of the user name belongs to.
func (a *Agent) password(c Component, ufrag []byte) (pwd Secret, current bool) {
	switch string(ufrag) {
	case a.params.Local.Ufrag:
		return a.params.Local.Pwd, true
	case a.former.Ufrag:
		if !a.renewed[c-1] && len(ufrag) > 0 {
			return a.former.Pwd, false
		}
	}
	return nil, false
}
