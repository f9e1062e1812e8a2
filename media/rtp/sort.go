package rtp

import "encoding/binary"

// Streams tells the streams of one transport apart, by a number from 0 to 31; -1: none of them.
type Streams interface {
	// Source is the stream that the peer sends with an SSRC.
	Source(ssrc uint32) int
	// Sink is the stream that the peer is sent with an SSRC.
	Sink(ssrc uint32) int
}

// itemMID is the SDES item of RFC 9143 section 15.1.
const itemMID = 15

// Addressees are the streams that a valid compound packet speaks of, a bit for each (RFC 9143 section 9.2); 0: nobody knows.
func Addressees(b []byte, s Streams) (set uint32) {
	for len(b) > 0 {
		p, rest, err := nextRTCP(b)
		if err != nil {
			return set
		}
		set |= addressees(unpadded(p), s)
		b = rest
	}
	return set
}

func unpadded(p []byte) []byte {
	if p[0]&0x20 != 0 {
		return p[:len(p)-int(p[len(p)-1])]
	}
	return p
}

func bit(stream int) uint32 {
	if stream < 0 || stream > 31 {
		return 0
	}
	return 1 << stream
}

// addressees of one packet of a compound.
func addressees(p []byte, s Streams) (set uint32) {
	count := int(p[0] & 0x1f)
	switch p[1] {
	case typeSR:
		set = bit(s.Source(word(p[4:]))) | sinks(p[senderInfo:], reportBlock, count, s)
	case typeRR:
		set = bit(s.Source(word(p[4:]))) | sinks(p[8:], reportBlock, count, s)
	case typeSDES:
		walkSDES(p, count, func(ssrc []byte) { set |= bit(s.Source(word(ssrc))) })
	case typeBYE:
		for b := p[rtcpHeader:]; count > 0 && len(b) >= 4; count, b = count-1, b[4:] {
			set |= bit(s.Source(word(b)))
		}
	case typeAPP:
		set = bit(s.Source(word(p[4:])))
	case typeRTPFB, typePSFB:
		set = feedbackFor(p, s)
	case typeXR:
		set = bit(s.Source(word(p[4:]))) | extendedFor(p[8:], s)
	}
	return set
}

// sinks are the streams that the first words of a list's entries name.
func sinks(b []byte, size, count int, s Streams) (set uint32) {
	for ; count > 0 && len(b) >= size; count-- {
		set |= bit(s.Sink(word(b)))
		b = b[size:]
	}
	return set
}

// feedbackFor is whom a feedback message is for: the targets in it, or its media source, or who else its writer sends to.
func feedbackFor(p []byte, s Streams) (set uint32) {
	fci, format := p[12:], int(p[0]&0x1f)
	const all = 1 << 16
	switch {
	case p[1] == typeRTPFB && format == 3, p[1] == typePSFB && (format == 4 || format == 5): // TMMBR, FIR, TSTR
		set = sinks(fci, 8, all, s)
	case p[1] == typePSFB && format == 7 && len(fci) >= 8: // VBCM
		set = bit(s.Sink(word(fci)))
	case p[1] == typePSFB && format == 15 && len(fci) >= 8 && string(fci[:4]) == "REMB":
		set = sinks(fci[8:], 4, int(fci[4]), s)
	case p[1] == typeRTPFB && format == 4, p[1] == typePSFB && format == 6: // TMMBN, TSTN: about what the writer sends
		for ; len(fci) >= 8; fci = fci[8:] {
			set |= bit(s.Source(word(fci)))
		}
	}
	if set == 0 {
		set = bit(s.Sink(word(p[8:])))
	}
	if set == 0 {
		set = bit(s.Source(word(p[4:])))
	}
	return set
}

// extendedFor is whom the report blocks of RFC 3611 section 4 are for; see Rewriter.extended.
func extendedFor(b []byte, s Streams) (set uint32) {
	for len(b) >= 4 {
		n := 4 * (int(binary.BigEndian.Uint16(b[2:])) + 1)
		if n > len(b) {
			break
		}
		block := b[4:n]
		switch b[0] {
		case 1, 2, 3, 6, 7:
			set |= sinks(block, 4, 1, s)
		case 5:
			set |= sinks(block, 12, len(block)/12, s)
		}
		b = b[n:]
	}
	return set
}

// Extract appends to out what a valid compound packet says to one of several addressees: a report with the blocks about this stream
// alone, as a receiver report if the sender of the packet is another stream; of source descriptions and the rest what names it. out is
// not longer than b afterwards than it was before.
func Extract(out, b []byte, stream int, s Streams) []byte {
	for len(b) > 0 {
		p, rest, err := nextRTCP(b)
		if err != nil {
			return out
		}
		b = rest
		p = unpadded(p)
		switch {
		case p[1] == typeSR || p[1] == typeRR:
			out = extractReport(out, p, stream, s)
		case p[1] == typeSDES:
			out = extractSDES(out, p, stream, s)
		case addressees(p, s)&bit(stream) != 0:
			start := len(out)
			out = append(out, p...)
			out[start] &^= 0x20
			setLength(out[start:])
		}
	}
	return out
}

func setLength(p []byte) { binary.BigEndian.PutUint16(p[2:], uint16(len(p)/4-1)) }

func extractReport(out, p []byte, stream int, s Streams) []byte {
	count, start, blocks := int(p[0]&0x1f), len(out), p[8:]
	owner := s.Source(word(p[4:])) == stream
	if p[1] == typeSR {
		blocks = p[senderInfo:]
	}
	if p[1] == typeSR && owner {
		out = append(out, p[:senderInfo]...)
	} else {
		out = append(out, p[:8]...)
		out[start+1] = typeRR
	}
	n := byte(0)
	for ; count > 0 && len(blocks) >= reportBlock; count-- {
		if s.Sink(word(blocks)) == stream {
			out = append(out, blocks[:reportBlock]...)
			n++
		}
		blocks = blocks[reportBlock:]
	}
	if n == 0 && !owner {
		return out[:start]
	}
	out[start] = 0x80 | n
	setLength(out[start:])
	return out
}

func extractSDES(out, p []byte, stream int, s Streams) []byte {
	start, n := len(out), byte(0)
	out = append(out, p[:rtcpHeader]...)
	eachChunk(p, func(chunk []byte) {
		if s.Source(word(chunk)) == stream {
			out = append(out, chunk...)
			n++
		}
	})
	if n == 0 {
		return out[:start]
	}
	out[start] = 0x80 | n
	setLength(out[start:])
	return out
}

// eachChunk calls f with each chunk of a valid SDES packet.
func eachChunk(p []byte, f func(chunk []byte)) {
	at, count := rtcpHeader, int(p[0]&0x1f)
	for ; count > 0 && at+4 <= len(p); count-- {
		start := at
		for at += 4; at < len(p) && p[at] != 0; {
			if at+1 >= len(p) {
				return
			}
			at += 2 + int(p[at+1])
		}
		at = (at/4 + 1) * 4
		if at > len(p) {
			return
		}
		f(p[start:at])
	}
}

// Farewells calls f with each SSRC that a valid compound packet says goodbye of (RFC 3550 section 6.6).
func Farewells(b []byte, f func(ssrc uint32)) {
	for len(b) > 0 {
		p, rest, err := nextRTCP(b)
		if err != nil {
			return
		}
		b = rest
		if p[1] != typeBYE {
			continue
		}
		count := int(p[0] & 0x1f)
		for p = p[rtcpHeader:]; count > 0 && len(p) >= 4; count, p = count-1, p[4:] {
			f(word(p))
		}
	}
}

// Mappings calls f with each SSRC that a valid compound packet tells the a=mid of (RFC 9143 section 15.1).
func Mappings(b []byte, f func(ssrc uint32, mid []byte)) {
	for len(b) > 0 {
		p, rest, err := nextRTCP(b)
		if err != nil {
			return
		}
		b = rest
		if p[1] != typeSDES {
			continue
		}
		eachChunk(unpadded(p), func(chunk []byte) {
			for at := 4; at+1 < len(chunk) && chunk[at] != 0; at += 2 + int(chunk[at+1]) {
				if end := at + 2 + int(chunk[at+1]); chunk[at] == itemMID && end <= len(chunk) {
					f(word(chunk), chunk[at+2:end])
				}
			}
		})
	}
}
