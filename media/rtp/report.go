package rtp

import "time"

// Reports is what the sender and receiver reports of a compound packet say (RFC 3550 section 6.4).
type Reports struct {
	Sent   bool   // there is a sender report
	SentAt uint32 // its time: the middle 32 bits of the NTP timestamp

	Block       bool          // there is a report about the stream asked for
	Fraction    uint8         // lost since the one before, of 256
	Lost        int32         // in all, without duplicates
	Jitter      uint32        // clock units
	LastSR      uint32        // SentAt of the newest report the writer got; 0: none
	SinceLastSR time.Duration // how long the writer has had it

	Picture bool // the writer asks for a whole picture: PLI (RFC 4585 section 6.3.1) or FIR (RFC 5104 section 4.3.1)
}

// ReadReports reads a valid compound packet. about is the SSRC of the stream that the writer receives.
func ReadReports(b []byte, about uint32) (r Reports) {
	for len(b) > 0 {
		p, rest, err := nextRTCP(b)
		if err != nil {
			return r
		}
		b = rest
		count := int(p[0] & 0x1f)
		switch p[1] {
		case typeSR:
			r.Sent, r.SentAt = true, word(p[8:])<<16|word(p[12:])>>16
			r.blocks(p[senderInfo:], count, about)
		case typeRR:
			r.blocks(p[8:], count, about)
		case typePSFB:
			r.Picture = r.Picture || count == formatPLI || count == formatFIR
		}
	}
	return r
}

// Formats of payload-specific feedback.
const (
	formatPLI = 1
	formatFIR = 4
)

// PutPictureLoss writes a compound packet of PictureLossSize octets that asks the source media for a whole picture.
func PutPictureLoss(b []byte, sender, media uint32) {
	copy(b, []byte{0x80, typeRR, 0, 1})
	setWord(b[4:], sender)
	copy(b[8:], []byte{0x80 | formatPLI, typePSFB, 0, 2})
	setWord(b[12:], sender)
	setWord(b[16:], media)
}

// PictureLossSize is what PutPictureLoss writes, octets.
const PictureLossSize = 20

func (r *Reports) blocks(b []byte, count int, about uint32) {
	for ; count > 0 && len(b) >= reportBlock; count-- {
		if word(b) == about {
			r.Block, r.Fraction, r.Jitter, r.LastSR = true, b[4], word(b[12:]), word(b[16:])
			r.Lost = int32(word(b[4:])<<8) >> 8 // 24 bits with a sign
			r.SinceLastSR = time.Duration(word(b[20:])) * time.Second / 65536
		}
		b = b[reportBlock:]
	}
}

// maxPath is the longest round trip that is believed: a peer's clock or arithmetic is wrong above it.
const maxPath = 10 * time.Second

// RoundTrip measures the round trip to one peer: it remembers the sender reports that were sent there and finds them in what the peer
// reports (RFC 3550 section 6.4.1, figure 2). The zero value is ready.
type RoundTrip struct {
	sent [4]sentReport // a peer reports about the newest, or the one before
	next int
	trip time.Duration // smoothed
	ok   bool
}

type sentReport struct {
	at    time.Time
	stamp uint32
}

// Sent notes a sender report that goes to the peer.
func (p *RoundTrip) Sent(now time.Time, r Reports) {
	if r.Sent && r.SentAt != 0 {
		p.sent[p.next] = sentReport{now, r.SentAt}
		p.next = (p.next + 1) % len(p.sent)
	}
}

// Reported takes what the peer reports.
func (p *RoundTrip) Reported(now time.Time, r Reports) {
	if !r.Block || r.LastSR == 0 {
		return
	}
	for _, s := range p.sent {
		if s.stamp != r.LastSR {
			continue
		}
		trip := now.Sub(s.at) - r.SinceLastSR
		switch {
		case trip < 0 || trip > maxPath:
		case !p.ok:
			p.trip, p.ok = trip, true
		default:
			p.trip += (trip - p.trip) / 8 // as TCP smooths it (RFC 6298 section 2)
		}
		return
	}
}

// Smoothed is the round trip; 0: not known.
func (p *RoundTrip) Smoothed() time.Duration { return p.trip }
