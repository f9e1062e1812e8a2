package relay

import (
	"net/netip"
	"time"

	"b2bua/media/rtp"
)

// Bounds of plain RTP's latch, where nothing proves who sends. They let a peer move (a NAT that maps anew, a media server
// that takes over) and a stranger not take the stream while the peer speaks.
const (
	moveSame     = 200 * time.Millisecond // silence after which the same stream may go on from another address
	moveAny      = 2 * time.Second        // silence after which any stream may
	returnWithin = 10 * time.Second       // for so long the source before may come back at once
	formerWithin = 2 * time.Second        // for so long after a new Remote the old source gives way to any other
	moveWindow   = 10 * time.Second       // at most maxMoves in one
	maxMoves     = 5
	plausible    = 3000 // sequence numbers that one stream may advance during a move
)

// Times of Settled: the peer was heard that shortly ago, and has had the latch so long when it is not the signalled one.
const (
	settledHeard = 250 * time.Millisecond
	settledAge   = 2 * time.Second
)

// latch is where a side's RTP really comes from (symmetric RTP, RFC 4961).
type latch struct {
	source    netip.AddrPort
	ssrc      uint32
	seq       uint16
	last      time.Time
	signalled netip.AddrPort
	proven    netip.AddrPort // where a handshake was made
	since     time.Time

	prev      netip.AddrPort // the source before, after a move without proof
	prevSSRC  uint32
	prevUntil time.Time

	former      netip.AddrPort // the source under the Remote before
	formerUntil time.Time

	moves   int
	counted time.Time
}

// reset forgets the source because another address was signalled.
func (l *latch) reset(now time.Time, signalled netip.AddrPort) {
	*l = latch{signalled: signalled, former: l.source, formerUntil: now.Add(formerWithin)}
}

// target is where to send: to the source once there is one. A peer that signals 0.0.0.0 wants nothing (RFC 3264 8.4).
func (l *latch) target() netip.AddrPort {
	if l.signalled.Addr().IsUnspecified() && l.signalled.IsValid() {
		return netip.AddrPort{}
	}
	if l.source.IsValid() {
		return l.source
	}
	if l.proven.IsValid() {
		return l.proven
	}
	return usable(l.signalled)
}

// admit tells whether a packet may come from there, and whether that moved the latch.
func (l *latch) admit(now time.Time, from netip.AddrPort, h rtp.Header, authentic bool) (ok, moved bool) {
	if from != l.source {
		if !authentic && !l.mayMove(now, from, h) {
			return false, false
		}
		l.move(now, from, authentic)
		moved = true
	}
	l.hear(now, from, h)
	return true, moved
}

// hear takes note of a packet that was accepted. It may be of one who is heard beside the source.
func (l *latch) hear(now time.Time, from netip.AddrPort, h rtp.Header) {
	if h.SSRC != l.ssrc || int16(h.Seq-l.seq) > 0 {
		l.ssrc, l.seq = h.SSRC, h.Seq
	}
	if from == l.source {
		l.last = now
	}
}

func (l *latch) mayMove(now time.Time, from netip.AddrPort, h rtp.Header) bool {
	if now.Sub(l.counted) > moveWindow {
		l.moves, l.counted = 0, now
	}
	if l.moves >= maxMoves {
		return false
	}
	quiet := now.Sub(l.last)
	switch {
	case !l.source.IsValid(), from == l.signalled:
		return true
	case l.source == l.former && now.Before(l.formerUntil):
		return true
	case from == l.prev && h.SSRC == l.prevSSRC && now.Before(l.prevUntil):
		return true
	case h.SSRC == l.ssrc && int16(h.Seq-l.seq) > 0 && h.Seq-l.seq < plausible:
		return quiet >= moveSame
	}
	return quiet >= moveAny
}

// move takes over another source. The one before may come back only when it has lost the latch by silence.
func (l *latch) move(now time.Time, from netip.AddrPort, authentic bool) {
	l.moves++
	if l.source.IsValid() && !authentic && from != l.prev && from != l.signalled && l.source != l.former {
		l.prev, l.prevSSRC, l.prevUntil = l.source, l.ssrc, now.Add(returnWithin)
	} else {
		l.prev = netip.AddrPort{}
	}
	l.source, l.since = from, now
}

// settled tells whether no other source than the present one needs to be heard.
func (l *latch) settled(now time.Time, authentic bool) bool {
	if !l.source.IsValid() || now.Sub(l.last) > settledHeard {
		return false
	}
	if l.source == l.former && l.source != l.signalled { // another one is about to speak, and may have to be heard before this one stops
		return false
	}
	if l.prev.IsValid() && now.Before(l.prevUntil) {
		return false
	}
	return authentic || l.source == l.signalled || now.Sub(l.since) >= settledAge
}
