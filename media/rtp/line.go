package rtp

import "time"

// Bounds of the sequence number checks (RFC 3550 appendix A.1).
const (
	maxMisorder = 100
	maxDropout  = 3000
)

// Fate is what becomes of a packet on a Line.
type Fate uint8

// Fates. Switched is the first packet of another source on the same line.
const (
	Drop Fate = iota
	Continue
	Switched
)

// Line is one outgoing stream: it keeps one SSRC, and sequence numbers and timestamps that go on, while the sources that
// feed it change. The first source passes unchanged. The zero value is ready.
type Line struct {
	started bool
	ssrc    uint32
	cur     feed
	prev    feed // late packets of the source before still find their place
	outSeq  uint16
	outTS   uint32
	at      time.Time // when outTS was first sent: an event has one timestamp for all of its packets
	badSeq  int32     // the number that would prove a restart, -1: none (RFC 3550 appendix A.1)
}

// feed is one incoming source and how far its numbers are from the line's.
type feed struct {
	valid  bool
	moved  bool   // seqOff changed not long ago
	lately uint16 // from this number on it is the present one, if moved
	ssrc   uint32
	maxSeq uint16
	seqOff uint16
	tsOff  uint32
	moves  *moves // nil: seqOff never changed
}

// Started tells whether the line has begun.
func (l *Line) Started() bool { return l.started }

// SSRC is the outgoing SSRC; not ok before the first packet.
func (l *Line) SSRC() (uint32, bool) { return l.ssrc, l.started }

// Begin makes h the first packet of a line with an SSRC of its own, at a sequence number of its own. The timestamps are the source's.
func (l *Line) Begin(h Header, ssrc uint32, seq uint16) {
	if !l.started {
		*l = Line{started: true, ssrc: ssrc, badSeq: -1, outSeq: seq - 1}
		l.cur = feed{valid: true, ssrc: h.SSRC, maxSeq: h.Seq - 1, seqOff: seq - h.Seq}
	}
}

// Map gives a packet its place on the line. rate is the clock rate of the packet's codec, Hz.
func (l *Line) Map(now time.Time, h Header, rate int) (seq uint16, ts uint32, f Fate) {
	f = Continue
	switch {
	case !l.started:
		l.Begin(h, h.SSRC, h.Seq)
	case l.cur.valid && h.SSRC == l.cur.ssrc:
		if f = l.follow(h); f == Switched {
			l.takeOver(now, h, rate)
		}
	case l.prev.valid && h.SSRC == l.prev.ssrc && near(h.Seq, l.prev.maxSeq):
		return l.prev.place(h)
	default:
		l.takeOver(now, h, rate)
		f = Switched
	}
	if f == Drop {
		return 0, 0, Drop
	}
	seq, ts = h.Seq+l.cur.seqOff, h.Timestamp+l.cur.tsOff
	if int16(h.Seq-l.cur.maxSeq) > 0 {
		if ts != l.outTS || l.at.IsZero() {
			l.outTS, l.at = ts, now
		}
		l.cur.maxSeq, l.outSeq = h.Seq, seq
		if l.cur.moved && h.Seq-l.cur.lately > forgetMoves {
			l.cur.moves.forget()
			l.cur.moved = false
		}
		return seq, ts, f
	}
	if l.cur.moved {
		return l.cur.place(h)
	}
	return seq, ts, f
}

// place is where a late packet goes.
func (f *feed) place(h Header) (seq uint16, ts uint32, fate Fate) {
	off, ok := f.moves.offset(h.Seq, f.seqOff)
	if !ok {
		return 0, 0, Drop
	}
	return h.Seq + off, h.Timestamp + f.tsOff, Continue
}

// near tells whether a number is not newer than the newest of its source, nor far behind.
func near(seq, newest uint16) bool {
	d := int16(seq - newest)
	return d <= 0 && d > -maxMisorder
}

// follow checks a number against the source's own. One far behind is dropped, two in a row are a restart.
func (l *Line) follow(h Header) Fate {
	if d := int16(h.Seq - l.cur.maxSeq); d > -maxMisorder {
		if d > 0 {
			l.badSeq = -1
		}
		return Continue
	}
	if l.badSeq == int32(h.Seq) {
		return Switched
	}
	l.badSeq = int32(h.Seq + 1)
	return Drop
}

// takeOver continues the line with another source: the next number, and the timestamp moved on by the time that passed.
func (l *Line) takeOver(now time.Time, h Header, rate int) {
	passed := l.passed(now, rate)
	memory := l.prev.moves.forget()
	l.prev = l.cur
	l.prev.valid = l.prev.valid && l.prev.ssrc != h.SSRC
	l.cur = feed{
		valid:  true,
		ssrc:   h.SSRC,
		maxSeq: h.Seq - 1,
		seqOff: l.outSeq + 1 - h.Seq,
		tsOff:  l.outTS + passed - h.Timestamp,
		moves:  memory,
	}
	l.badSeq = -1
}

// Flow is what goes one way between two legs: the media line, and beside it the retransmissions of RFC 4588, which have an
// SSRC of their own.
type Flow struct {
	Media, Repair Line
}

// outgoing finds the line that a source feeds.
func (f *Flow) outgoing(source uint32) *Line {
	for _, l := range [...]*Line{&f.Media, &f.Repair} {
		if l.started && (l.cur.valid && l.cur.ssrc == source || l.prev.valid && l.prev.ssrc == source) {
			return l
		}
	}
	return nil
}

// incoming finds the line that has an outgoing SSRC.
func (f *Flow) incoming(ssrc uint32) *Line {
	for _, l := range [...]*Line{&f.Media, &f.Repair} {
		if l.started && l.cur.valid && l.ssrc == ssrc {
			return l
		}
	}
	return nil
}

// Has tells whether one of the lines has an outgoing SSRC.
func (f *Flow) Has(ssrc uint32) bool {
	return f.Media.started && f.Media.ssrc == ssrc || f.Repair.started && f.Repair.ssrc == ssrc
}

// Fed tells whether an SSRC is a source of one of the lines.
func (f *Flow) Fed(source uint32) bool { return f.outgoing(source) != nil }

// OriginalSeq is a sequence number of the media line for an original sequence number inside a retransmission
// (RFC 4588 section 4).
func (f *Flow) OriginalSeq(osn uint16) uint16 { return osn + f.Media.cur.seqOff }
