package rtp

import "time"

// What a line carries besides its source: packets of our own between the source's, and packets of the source left out. The numbers
// after them move, those before keep their place, so that a late packet neither collides with what was sent nor fills a wrong gap.

// forgetMoves is how many packets after the newest change all are forgotten: a late packet is not that late, and half a cycle after a
// change its number would compare as one that lies ahead.
const forgetMoves = 1 << 14

// moves are the newest changes of a feed's seqOff.
type moves struct {
	ring [64]move
	next int
	n    int
}

// move: numbers of the source before from had the offset off.
type move struct{ from, off uint16 }

func (m *moves) add(from, off uint16) {
	if m.n > 0 {
		if last := &m.ring[(m.next+len(m.ring)-1)%len(m.ring)]; last.from == from {
			return // two changes at one place: what lies before keeps the older offset
		}
	}
	m.ring[m.next] = move{from, off}
	m.next = (m.next + 1) % len(m.ring)
	m.n = min(m.n+1, len(m.ring))
}

// offset is the one that a number had; newest is the present one. Not ok: it was too long ago, or the number's place was given away.
func (m *moves) offset(seq, newest uint16) (uint16, bool) {
	off := newest
	if m == nil {
		return off, true
	}
	for i := range m.n {
		v := m.ring[(m.next+2*len(m.ring)-1-i)%len(m.ring)]
		if int16(seq-v.from) >= 0 {
			return off, true
		}
		off = v.off
	}
	return off, m.n < len(m.ring)
}

// forget empties them for another source, and keeps the memory.
func (m *moves) forget() *moves {
	if m != nil {
		m.n = 0
	}
	return m
}

// Start begins a line that has no source yet with numbers of our own.
func (l *Line) Start(now time.Time, ssrc uint32, seq uint16, ts uint32) {
	if !l.started {
		*l = Line{started: true, ssrc: ssrc, badSeq: -1, outSeq: seq - 1, outTS: ts, at: now}
	}
}

// Insert takes the next sequence number for a packet of our own, whose timestamp is ts.
func (l *Line) Insert(now time.Time, ts uint32) (seq uint16) {
	l.outSeq++
	if ts != l.outTS {
		l.outTS, l.at = ts, now
	}
	if l.cur.valid {
		l.move(l.cur.maxSeq+1, 1)
	}
	return l.outSeq
}

// Skip leaves a packet of the source out: the line closes up.
func (l *Line) Skip(h Header) {
	if !l.started || !l.cur.valid || h.SSRC != l.cur.ssrc || int16(h.Seq-l.cur.maxSeq) <= 0 {
		return // its place is a gap already, or was never on this line
	}
	l.outSeq = h.Seq + l.cur.seqOff - 1
	l.cur.maxSeq, l.badSeq = h.Seq, -1
	l.move(h.Seq+1, ^uint16(0))
}

func (l *Line) move(from, by uint16) {
	if l.cur.moves == nil {
		l.cur.moves = &moves{}
	}
	l.cur.moves.add(from, l.cur.seqOff)
	l.cur.moved, l.cur.lately = true, from
	l.cur.seqOff += by
}

// Clock is the line's timestamp of this moment. rate is its clock rate, Hz.
func (l *Line) Clock(now time.Time, rate int) uint32 { return l.outTS + l.passed(now, rate) }

func (l *Line) passed(now time.Time, rate int) uint32 {
	return uint32(max(1, now.Sub(l.at).Microseconds()*int64(rate)/1e6))
}
