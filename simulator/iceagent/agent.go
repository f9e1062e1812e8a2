// Package iceagent is a controlling full agent (RFC 8445) with one host candidate on each component and network, for peers that are lite.
//
// It checks every candidate of the peer, nominates the best one that answers (regular nomination), and then asks for consent (RFC 7675). It
// has no socket and no clock: what it wants sent is returned. Its intervals are short, because tests are.
package iceagent

import (
	"crypto/rand"
	"encoding/binary"
	"net/netip"
	"slices"
	"time"

	"github.com/pion/stun/v3"

	"b2bua/media/ice"
)

const (
	repeat  = 100 * time.Millisecond // of a check without an answer
	settle  = 60 * time.Millisecond  // after the first answer: a better candidate may answer, too
	consent = 250 * time.Millisecond
	later   = 80 * time.Millisecond // of two networks the first, which may be spoken from meanwhile, is checked so long after the second
)

// Config of an Agent.
type Config struct {
	Local, Remote ice.Credentials
	Candidates    []ice.Candidate // the peer's
	Components    int
	Networks      int // that it is on, 2 at most; 0 is 1
	Favours       int // the one whose pair it nominates
}

// Datagram to be sent.
type Datagram struct {
	Network   int
	Component ice.Component
	To        netip.AddrPort
	B         []byte
}

// Stats so far.
type Stats struct {
	Consents uint64 // checks answered after the nomination
	Refused  int    // code of the newest error response
}

// Agent is one stream's.
type Agent struct {
	cfg      Config
	pairs    []*pair
	begun    bool
	selected [2]*pair
	first    [2]time.Time // when a pair was first answered
	stats    Stats
}

type pair struct {
	network   int
	component ice.Component
	remote    ice.Candidate
	valid     bool
	nominate  bool
	due       time.Time
	sent      map[[stun.TransactionIDSize]byte]bool // true: with USE-CANDIDATE
}

// New makes an agent for candidates that it can reach.
func New(cfg Config) *Agent {
	a := &Agent{cfg: cfg}
	for _, c := range cfg.Candidates {
		if c.UDP() && c.Addr.Addr().IsValid() && c.Component >= ice.RTP && int(c.Component) <= cfg.Components {
			for network := range max(1, cfg.Networks) {
				a.pairs = append(a.pairs, &pair{network: network, component: c.Component, remote: c, sent: map[[stun.TransactionIDSize]byte]bool{}})
			}
		}
	}
	slices.SortStableFunc(a.pairs, func(p, q *pair) int { return int(int64(q.remote.Priority) - int64(p.remote.Priority)) })
	return a
}

// Same tells whether the configuration has the same credentials, so that the agent goes on.
func (a *Agent) Same(cfg Config) bool {
	return a.cfg.Local.Same(cfg.Local) && a.cfg.Remote.Same(cfg.Remote)
}

// Selected is where a component's media goes; invalid: not known yet.
func (a *Agent) Selected(c ice.Component) netip.AddrPort {
	if p := a.selected[c-1]; p != nil {
		return p.remote.Addr
	}
	return netip.AddrPort{}
}

// Valid tells whether a component has a pair on a network that was answered: it may be spoken from there.
func (a *Agent) Valid(network int, c ice.Component) bool {
	return slices.ContainsFunc(a.pairs, func(p *pair) bool { return p.network == network && p.component == c && p.valid })
}

// Stats so far.
func (a *Agent) Stats() Stats { return a.stats }

// Due lists the checks to be sent by now.
func (a *Agent) Due(now time.Time) (out []Datagram) {
	for _, p := range a.pairs {
		if !a.begun && a.cfg.Networks > 1 && p.network == 0 {
			p.due = now.Add(later)
		}
		i := p.component - 1
		switch {
		case now.Before(p.due):
			continue
		case a.selected[i] == p:
			p.due = now.Add(consent)
		case a.selected[i] != nil || p.valid && !a.best(now, p):
			continue
		default:
			p.nominate = p.valid
			p.due = now.Add(repeat)
		}
		out = append(out, Datagram{Network: p.network, Component: p.component, To: p.remote.Addr, B: a.check(p)})
	}
	a.begun = true
	return out
}

// best tells whether a valid pair is to be nominated.
func (a *Agent) best(now time.Time, p *pair) bool {
	patience := settle
	if a.cfg.Networks > 1 {
		patience += later
	}
	if p.network != a.cfg.Favours || now.Sub(a.first[p.component-1]) < patience {
		return false
	}
	i := slices.IndexFunc(a.pairs, func(q *pair) bool { return q.network == p.network && q.component == p.component && q.valid })
	return a.pairs[i] == p
}

func (a *Agent) check(p *pair) []byte {
	var priority, role [8]byte
	binary.BigEndian.PutUint32(priority[:], 110<<24|65535<<8|uint32(256-int(p.component)))
	_, _ = rand.Read(role[:])
	list := []stun.Setter{
		stun.TransactionID, stun.BindingRequest, stun.NewUsername(a.cfg.Remote.Ufrag + ":" + a.cfg.Local.Ufrag),
		stun.RawAttribute{Type: stun.AttrPriority, Value: priority[:4]},
		stun.RawAttribute{Type: stun.AttrICEControlling, Value: role[:]},
	}
	if p.nominate {
		list = append(list, stun.RawAttribute{Type: stun.AttrUseCandidate})
	}
	m, err := stun.Build(append(list, stun.NewShortTermIntegrity(string(a.cfg.Remote.Pwd)), stun.Fingerprint)...)
	if err != nil {
		return nil
	}
	if len(p.sent) > 50 {
		clear(p.sent)
	}
	p.sent[m.TransactionID] = p.nominate
	return m.Raw
}

// Receive takes a response. True: a pair was selected by it.
func (a *Agent) Receive(now time.Time, network int, c ice.Component, from netip.AddrPort, b []byte) bool {
	m := &stun.Message{Raw: append([]byte(nil), b...)}
	if !stun.IsMessage(b) || m.Decode() != nil {
		return false
	}
	i := slices.IndexFunc(a.pairs, func(p *pair) bool { _, ours := p.sent[m.TransactionID]; return ours })
	if i < 0 {
		return false
	}
	p := a.pairs[i]
	if p.network != network || p.component != c || p.remote.Addr != from { // RFC 8445 section 7.2.5.2.1: not symmetric
		return false
	}
	nominated := p.sent[m.TransactionID]
	delete(p.sent, m.TransactionID)
	if m.Type == stun.BindingError {
		var code stun.ErrorCodeAttribute
		if code.GetFrom(m) == nil {
			a.stats.Refused = int(code.Code)
		}
		return false
	}
	if m.Type != stun.BindingSuccess || stun.Fingerprint.Check(m) != nil || stun.MessageIntegrity(a.cfg.Remote.Pwd).Check(m) != nil {
		return false
	}
	return a.succeed(now, p, nominated)
}

func (a *Agent) succeed(now time.Time, p *pair, nominated bool) bool {
	k := p.component - 1
	if a.selected[k] == p {
		a.stats.Consents++
		return false
	}
	if !p.valid {
		p.valid, p.due = true, now
		if a.first[k].IsZero() || p.network == a.cfg.Favours && a.cfg.Networks > 1 {
			a.first[k] = now
		}
	}
	if !nominated || a.selected[k] != nil {
		return false
	}
	a.selected[k], p.due = p, now.Add(consent)
	return true
}
