package relay

import (
	"net/netip"
	"slices"
	"time"

	"b2bua/media/rtp"
)

// Bounds of what is remembered of a peer with ICE.
const (
	// maxChecked addresses of a channel: a phone with two networks, both families and a relay for each has some ten; it speaks from two.
	maxChecked = 16
	// overtaken is for how long who was heard before the first check is heard on: its own check is on the way (RFC 8445 section 7.3:
	// media may be faster), and comes some pacing intervals later if the peer has several candidates.
	overtaken = 2 * time.Second
	// inFlight is for how long the addresses before a restart are heard once the peer has nominated a pair anew: until our response is
	// there, it sends from those (RFC 8445 section 9).
	inFlight = 2 * time.Second
)

// path is where ICE has a side's packets go, and from where they may come in clear, by channel. Nil: the peer does no checks.
//
// Media goes to the selected pair only, and comes from any that is valid (RFC 8445 section 12.1): the peer may speak from all of its
// candidates before it has nominated one, and what is in flight then comes from there. Such packets are those of one stream, not moves.
type path struct {
	selected [2]netip.AddrPort
	listed   [2][]netip.AddrPort // candidates of the description: the peer is prepared to be there, and says so where it is protected
	checked  [2][]netip.AddrPort // the newest is the last
	former   [2][]netip.AddrPort // checked before a restart
	stranger [2]bool             // former are another phone's, which answered our offer before this one
	gone     [2]time.Time        // of former; zero: not before the peer has nominated anew
	heard    [2]netip.AddrPort   // before the first check
	doubted  [2]time.Time        // of heard
}

// knows tells whether the peer has shown to be at an address.
func (p *path) knows(ch Channel, from netip.AddrPort) bool {
	if p == nil {
		return false
	}
	return from == p.selected[ch] || slices.Contains(p.checked[ch], from) || slices.Contains(p.former[ch], from)
}

// decides tells whether the peer checks its addresses. One that has agreed to ICE and checks nothing is served by symmetric RTP.
func (p *path) decides(ch Channel) bool {
	return p != nil && len(p.checked[ch])+len(p.former[ch]) > 0
}

// alien tells whether what comes from there in clear is not the peer's: it checks its addresses, and this is none of them, no candidate of
// its description, and not where it spoke from before the first check.
func (p *path) alien(ch Channel, from netip.AddrPort) bool {
	return p.decides(ch) && !p.knows(ch, from) && from != p.heard[ch] && !slices.Contains(p.listed[ch], from)
}

// remember puts an address at the end; the one that was checked longest ago gives way.
func remember(list []netip.AddrPort, a netip.AddrPort) []netip.AddrPort {
	if i := slices.Index(list, a); i >= 0 {
		copy(list[i:], list[i+1:])
		list[len(list)-1] = a
		return list
	}
	if len(list) == maxChecked {
		copy(list, list[1:])
		list[len(list)-1] = a
		return list
	}
	return append(list, a)
}

// nominated ends what was before: another phone at once, the same one after what is in flight.
func (p *path) nominated(now time.Time, ch Channel, to netip.AddrPort) {
	p.selected[ch] = to
	if p.gone[ch].IsZero() {
		p.gone[ch] = now.Add(inFlight)
	}
	if p.stranger[ch] {
		p.former[ch], p.stranger[ch] = p.former[ch][:0], false
	}
}

func (p *path) tick(now time.Time) {
	if p == nil {
		return
	}
	for ch := range p.former {
		if len(p.former[ch]) > 0 && !p.gone[ch].IsZero() && now.After(p.gone[ch]) {
			p.former[ch] = p.former[ch][:0]
		}
		if p.heard[ch].IsValid() && now.After(p.doubted[ch]) {
			p.heard[ch] = netip.AddrPort{}
		}
	}
}

// restart: what is checked from now on counts, and what was until then is good as long as nothing is nominated. Where another phone is
// now, the pair of the one before is no pair of its.
func (p *path) restart(another bool) {
	if another {
		p.selected = [2]netip.AddrPort{}
	}
	for ch := range p.checked {
		for _, a := range p.checked[ch] {
			p.former[ch] = remember(p.former[ch], a)
		}
		p.checked[ch], p.gone[ch], p.stranger[ch] = p.checked[ch][:0], time.Time{}, another
	}
}

// iceTarget is where a channel's packets go before the peer has nominated a pair: not to an address on the mere word of a description
// (RFC 8445 section 12.1), but where the peer is heard.
func (s *side) iceTarget(ch Channel) netip.AddrPort {
	if ch == RTCP && s.mux {
		ch = RTP
	}
	heard := s.latch.source
	if ch == RTCP {
		heard = s.control
	}
	switch selected := s.path.selected[ch]; {
	case selected.IsValid():
		return selected
	case heard.IsValid() && (s.secure || !s.path.alien(ch, heard)):
		return heard
	case ch == RTCP:
		return netip.AddrPort{}
	}
	return s.latch.proven
}

// admitByPath is admit where checks tell who the peer is.
func (r *Relay) admitByPath(now time.Time, from netip.AddrPort, on Side, h rtp.Header, authentic bool) bool {
	s := &r.sides[on]
	p, l := s.path, &s.latch
	if !authentic && p.alien(RTP, from) {
		return false
	}
	p.supersede(from, h.SSRC != l.ssrc)
	if from != l.source && !p.stays(now, from, l) {
		first := !l.source.IsValid()
		l.source, l.since, l.prev = from, now, netip.AddrPort{}
		if !p.selected[RTP].IsValid() {
			s.stats.Remote = from
		}
		if first || !p.selected[RTP].IsValid() {
			r.notify(Event{Kind: Latched, Side: on, Addr: from})
		}
	}
	l.hear(now, from, h)
	return true
}

// supersede is told of a packet of the peer: another phone is not heard beside it, nor a stream that began before the first check.
func (p *path) supersede(from netip.AddrPort, another bool) {
	if !p.stranger[RTP] && (!another || !p.heard[RTP].IsValid()) || p.rank(RTP, from) == 0 {
		return
	}
	if p.stranger[RTP] {
		p.former[RTP], p.stranger[RTP] = p.former[RTP][:0], false
	}
	if another && from != p.heard[RTP] {
		p.heard[RTP] = netip.AddrPort{}
	}
}

// stays tells whether a packet from elsewhere leaves the source where it is: before the peer has nominated a pair the source is where we
// send to, and shall not follow every packet of one that speaks from two addresses.
func (p *path) stays(now time.Time, from netip.AddrPort, l *latch) bool {
	if !l.source.IsValid() {
		return false
	}
	was, is := p.rank(RTP, l.source), p.rank(RTP, from)
	return is < was || is == was && now.Sub(l.last) < moveSame
}

// leavePath ends ICE. A peer that keeps its address is still where its pair was.
func (s *side) leavePath() {
	if to := s.path.selected[RTP]; to.IsValid() && s.latch.source.IsValid() {
		s.latch.source = to
	}
	if to := s.path.selected[RTCP]; to.IsValid() && s.control.IsValid() {
		s.control = to
	}
	s.path = nil
}

// rank compares claims to be where the peer is.
func (p *path) rank(ch Channel, a netip.AddrPort) int {
	switch {
	case a == p.selected[ch]:
		return 3
	case slices.Contains(p.checked[ch], a):
		return 2
	case slices.Contains(p.listed[ch], a):
		return 1
	}
	return 0
}

// Check is what a check with our password says about its source.
type Check uint8

// Checks.
const (
	Former    Check = iota // under credentials from before a restart, or by another phone that was offered the same ones
	Valid                  // the peer is there
	Nominated              // and packets of the channel go there from now on, whatever the description says and wherever media comes from
)

// Checked tells that the peer of a side has shown to be at an address, by a check with our password.
func (r *Relay) Checked(now time.Time, on Side, ch Channel, from netip.AddrPort, check Check) {
	s := &r.sides[on]
	if r.closed || s.path == nil {
		return
	}
	p := s.path
	s.stats.Checks++
	if check == Former {
		if p.gone[ch].IsZero() && !slices.Contains(p.checked[ch], from) {
			p.former[ch] = remember(p.former[ch], from)
		}
		return
	}
	if !p.decides(ch) {
		p.heard[ch], p.doubted[ch] = s.latch.source, now.Add(overtaken)
		if ch == RTCP {
			p.heard[ch] = s.control
		}
	}
	p.checked[ch] = remember(p.checked[ch], from)
	if check != Nominated {
		return
	}
	p.nominated(now, ch, from)
	if ch == RTP {
		s.stats.Remote = from
	}
	r.notify(Event{Kind: PathSelected, Side: on, Channel: ch, Addr: from})
}

// Restarted tells that a side's credentials are new (RFC 8445 section 9), or that another peer has them: what was checked until now is
// good until a pair is nominated anew.
func (r *Relay) Restarted(on Side, another bool) {
	s := &r.sides[on]
	if r.closed {
		return
	}
	if another {
		s.unplace()
	}
	if s.path != nil {
		s.path.restart(another)
	}
}

// Path is where a channel's packets go by ICE; invalid: not by ICE.
func (r *Relay) Path(on Side, ch Channel) netip.AddrPort {
	s := &r.sides[on]
	if s.path == nil {
		return netip.AddrPort{}
	}
	return s.path.selected[ch]
}

// Alien tells whether what is neither RTP nor RTCP comes from where the peer is not. A key exchange is with one phone: what another one that
// was offered the same credentials sends belongs to none.
func (r *Relay) Alien(on Side, ch Channel, from netip.AddrPort) bool {
	p := r.sides[on].path
	return p.alien(ch, from) || p != nil && p.stranger[ch] && p.rank(ch, from) == 0
}
