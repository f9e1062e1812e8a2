package rtp

import "encoding/binary"

// Rewriter changes compound RTCP packets that go one way between two legs.
type Rewriter struct {
	Own      *Flow      // what the writer of the packet sends: the packet goes the same way
	Reported *Flow      // what the writer receives: the packet speaks of its outgoing numbers
	Received *Reception // how the original of Reported is received, for extended sequence numbers
	// NoFeedback: the receiving leg, or the writer's, has not agreed on feedback (AVPF): packets of it are taken out.
	NoFeedback bool
}

// Rewrite makes the SSRCs, timestamps and sequence numbers of a valid compound packet those of the receiving leg, in place.
// BYE is taken out: our outgoing stream outlives its sources and ends with the call. What is left may be empty; it is if nothing
// stands in front that a compound packet may begin with.
func (w Rewriter) Rewrite(b []byte) []byte {
	out := b[:0]
	for len(b) > 0 {
		p, rest, err := nextRTCP(b)
		if err != nil {
			break
		}
		b = rest
		if p[1] == typeBYE || w.NoFeedback && isFeedback(p[1]) {
			continue
		}
		w.packet(p)
		out = append(out, p...) // never ahead of what is still to be read
	}
	if len(out) > 0 && !startsRTCP(out[1]) {
		return out[:0]
	}
	return out
}

// isFeedback tells the packet types of RFC 4585 section 6.1: NACK, TMMBR, transport-wide congestion control; PLI, SLI, FIR, REMB.
func isFeedback(t byte) bool { return t == typeRTPFB || t == typePSFB }

func (w Rewriter) packet(p []byte) {
	end := len(p)
	if p[0]&0x20 != 0 {
		end -= int(p[end-1])
	}
	p = p[:end]
	count := int(p[0] & 0x1f)
	switch p[1] {
	case typeSR:
		if l := w.Own.outgoing(word(p[4:])); l != nil {
			setWord(p[16:], word(p[16:])+l.cur.tsOff)
		}
		w.own(p[4:])
		w.blocks(p[senderInfo:], count)
	case typeRR:
		w.own(p[4:])
		w.blocks(p[8:], count)
	case typeSDES:
		walkSDES(p, count, w.own)
	case typeAPP:
		w.own(p[4:])
	case typeRTPFB:
		w.own(p[4:])
		w.transportFeedback(p, count)
	case typePSFB:
		w.own(p[4:])
		w.payloadFeedback(p, count)
	case typeXR:
		w.own(p[4:])
		w.extended(p[8:])
	}
}

func word(b []byte) uint32       { return binary.BigEndian.Uint32(b) }
func setWord(b []byte, v uint32) { binary.BigEndian.PutUint32(b, v) }

// own maps an SSRC field of the writer.
func (w Rewriter) own(b []byte) {
	if l := w.Own.outgoing(word(b)); l != nil {
		setWord(b, l.ssrc)
	}
}

// reported maps an SSRC field that names a stream which the writer receives, and returns its line.
func (w Rewriter) reported(b []byte) *Line {
	l := w.Reported.incoming(word(b))
	if l != nil {
		setWord(b, l.cur.ssrc)
	}
	return l
}

func (w Rewriter) blocks(b []byte, count int) {
	for ; count > 0 && len(b) >= reportBlock; count-- {
		if l := w.reported(b); l != nil && l.cur.seqOff != 0 {
			seq := uint16(word(b[8:])) - l.cur.seqOff
			setWord(b[8:], w.Received.extend(seq))
		}
		b = b[reportBlock:]
	}
}

// transportFeedback is RFC 4585 section 6.2: generic NACK (1), and RFC 5104 section 4.2: TMMBR (3), TMMBN (4).
func (w Rewriter) transportFeedback(p []byte, format int) {
	l := w.reported(p[8:])
	fci := p[12:]
	switch format {
	case 1:
		for ; l != nil && len(fci) >= 4; fci = fci[4:] {
			binary.BigEndian.PutUint16(fci, binary.BigEndian.Uint16(fci)-l.cur.seqOff)
		}
	case 3, 4:
		for ; len(fci) >= 8; fci = fci[8:] {
			w.reported(fci)
		}
	}
}

// payloadFeedback is RFC 4585 section 6.3 and RFC 5104 section 4.3: FIR (4), TSTR (5), TSTN (6), VBCM (7, one entry is
// read), REMB inside an application message (15).
func (w Rewriter) payloadFeedback(p []byte, format int) {
	w.reported(p[8:])
	fci := p[12:]
	switch format {
	case 4, 5, 6:
		for ; len(fci) >= 8; fci = fci[8:] {
			w.reported(fci)
		}
	case 7:
		if len(fci) >= 8 {
			w.reported(fci)
		}
	case 15:
		if len(fci) < 8 || string(fci[:4]) != "REMB" {
			return
		}
		n := int(fci[4])
		for fci = fci[8:]; n > 0 && len(fci) >= 4; n-- {
			w.reported(fci)
			fci = fci[4:]
		}
	}
}

// extended walks the report blocks of RFC 3611 section 4 that name a source: loss (1), duplicates (2), receipt times (3),
// DLRR (5), statistics (6), VoIP metrics (7).
func (w Rewriter) extended(b []byte) {
	for len(b) >= 4 {
		n := 4 * (int(binary.BigEndian.Uint16(b[2:])) + 1)
		if n > len(b) {
			return
		}
		block := b[:n]
		b = b[n:]
		switch block[0] {
		case 1, 2, 3, 6:
			if len(block) < 12 {
				continue
			}
			if l := w.reported(block[4:]); l != nil {
				for _, at := range [...]int{8, 10} {
					binary.BigEndian.PutUint16(block[at:], binary.BigEndian.Uint16(block[at:])-l.cur.seqOff)
				}
			}
		case 5:
			for sub := block[4:]; len(sub) >= 12; sub = sub[12:] {
				w.reported(sub)
			}
		case 7:
			if len(block) >= 8 {
				w.reported(block[4:])
			}
		}
	}
}
