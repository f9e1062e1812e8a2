package ice

import (
	"net/netip"
	"slices"
	"strings"
)

// Params is what one stream of one leg agreed on ICE.
type Params struct {
	Local Credentials
	// Peer is the name of the other end; empty: not known. Another one under the same credentials of ours is another phone: a proxy has
	// forked the offer.
	Peer string
	// Listed are the peer's candidates by its description, by component (RTP first): their priorities decide between several nominations.
	Listed [2][]Listed
	// PeerLite: the peer sends no checks, and nobody nominates. Each end sends to the default address of the other.
	PeerLite bool
}

// Agent is the lite agent of one stream on one leg, for both of its components.
type Agent struct {
	params  Params
	former  Credentials // before a restart
	renewed [2]bool     // by component: the former ones are not answered any more
	pairs   [2]pair
	votes   [2]votes
	proper  bool // the peer writes its name into its checks
}

// New makes an agent. It keeps no reference to p's memory.
func New(p Params) *Agent {
	a := &Agent{params: Params{Local: p.Local.Clone()}}
	a.describe(p)
	return a
}

// describe takes over what the peer's description says.
func (a *Agent) describe(p Params) {
	a.params.Peer, a.params.PeerLite = strings.Clone(p.Peer), p.PeerLite
	for i := range p.Listed {
		a.params.Listed[i] = slices.Clone(p.Listed[i])
	}
}

// rank is the priority of a candidate: that of the description, and of one that is not there what the check says (RFC 8445 section 7.3.1.3). In
// the checks of most agents a relayed candidate has the same as a host.
func (a *Agent) rank(c Component, from netip.AddrPort, priority uint32) uint32 {
	for _, k := range a.params.Listed[c-1] {
		if k.Addr == from {
			return k.Priority
		}
	}
	return priority
}

// Change is what new parameters mean.
type Change uint8

// Changes.
const (
	None        Change = iota
	Restart            // of the same peer, or of both ends (RFC 8445 section 9)
	AnotherPeer        // has our credentials, and the selected pair is none of its
)

// Update tells the agent what was agreed anew. Other credentials of our own are a restart (RFC 8445 section 9): the former ones are
// answered and the selected pair stays until the peer has nominated one with the new. Another name of the peer alone is another peer.
func (a *Agent) Update(p Params) Change {
	change := None
	switch {
	case !p.Local.Same(a.params.Local):
		change = Restart
		a.former.Pwd.Wipe()
		a.former, a.params.Local = a.params.Local, p.Local.Clone()
		a.renewed = [2]bool{}
		for i := range a.pairs {
			a.pairs[i].outdated = true
		}
	case p.Peer != "" && a.params.Peer != "" && p.Peer != a.params.Peer:
		change = AnotherPeer
		a.pairs = [2]pair{}
	}
	if change != None {
		a.votes, a.proper = [2]votes{}, false
	}
	a.describe(p)
	return change
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
	// Checked: the peer has shown that it is at the source, by a check with our password. One of another phone that was offered the same is
	// answered and means nothing.
	Checked bool
	// Former: under credentials from before a restart.
	Former bool
	// Selected: the source is where the component's media goes from now on. It is told once, and again after a restart.
	Selected bool
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
