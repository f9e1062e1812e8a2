package relay

import "net/netip"

// maxChecked addresses of a channel may send plain RTP: a peer checks from a few, and speaks from one.
const maxChecked = 4

// path is where ICE has a side's packets go, by channel. Nil: the peer does no checks.
type path struct {
	selected [2]netip.AddrPort
	checked  [2][maxChecked]netip.AddrPort // the newest
	next     [2]uint8
}

// knows tells whether the peer has shown to be at an address.
func (p *path) knows(ch Channel, from netip.AddrPort) bool {
	if p == nil {
		return false
	}
	for i := range p.checked[ch] {
		if p.checked[ch][i] == from {
			return true
		}
	}
	return from == p.selected[ch]
}

// alien tells whether what comes from there in clear is not the peer's: it checks its addresses, and this is none of them. One that has
// agreed to ICE and checks nothing is served by symmetric RTP.
func (p *path) alien(ch Channel, from netip.AddrPort) bool {
	return p != nil && p.checked[ch][0].IsValid() && !p.knows(ch, from)
}

func (p *path) add(ch Channel, from netip.AddrPort) {
	for i := range p.checked[ch] {
		if p.checked[ch][i] == from {
			return
		}
	}
	p.checked[ch][p.next[ch]] = from
	p.next[ch] = (p.next[ch] + 1) % maxChecked
}

// iceTarget is where a channel's packets go before the peer has nominated a pair: not to an address on the mere word of a description
// (RFC 8445 section 12.1), but where the peer is heard.
func (s *side) iceTarget(ch Channel) netip.AddrPort {
	if ch == RTCP && s.mux {
		ch = RTP
	}
	switch selected := s.path.selected[ch]; {
	case selected.IsValid():
		return selected
	case ch == RTCP:
		return s.control
	case s.latch.source.IsValid():
		return s.latch.source
	}
	return s.latch.proven
}

// Checked tells that the peer of a side has shown to be at an address, by a check with our password. selected: it has nominated the pair,
// and the packets of the channel go there from now on, whatever the description says and wherever media comes from.
func (r *Relay) Checked(on Side, ch Channel, from netip.AddrPort, selected bool) {
	s := &r.sides[on]
	if r.closed || s.path == nil {
		return
	}
	s.path.add(ch, from)
	s.stats.Checks++
	if !selected {
		return
	}
	s.path.selected[ch] = from
	if ch == RTP {
		s.stats.Remote = from
	}
	r.notify(Event{Kind: PathSelected, Side: on, Channel: ch, Addr: from})
}

// Path is where a channel's packets go by ICE; invalid: not by ICE.
func (r *Relay) Path(on Side, ch Channel) netip.AddrPort {
	s := &r.sides[on]
	if s.path == nil {
		return netip.AddrPort{}
	}
	return s.path.selected[ch]
}

// Alien tells whether what is neither RTP nor RTCP comes from where the peer is not.
func (r *Relay) Alien(on Side, ch Channel, from netip.AddrPort) bool {
	return r.sides[on].path.alien(ch, from)
}
