package rtp

import (
	"encoding/binary"
	"errors"
)

// RTCP packet types (RFC 3550 section 12.1, RFC 4585 section 6.1, RFC 3611 section 2).
const (
	typeSR    = 200
	typeRR    = 201
	typeSDES  = 202
	typeBYE   = 203
	typeAPP   = 204
	typeRTPFB = 205
	typePSFB  = 206
	typeXR    = 207
)

// Lengths, octets.
const (
	rtcpHeader  = 4
	reportBlock = 24
	senderInfo  = 28 // header, SSRC and sender information of an SR
)

// ErrRTCP is any compound packet that breaks the rules of RFC 3550 appendix A.2 or RFC 5506.
var ErrRTCP = errors.New("rtp: malformed RTCP packet")

// ValidRTCP checks a clear compound packet: versions, that the lengths add up, that each packet is as long as its count
// says, that only the last one is padded, that it starts with a report, with BYE or, reduced in size, with feedback (RFC 5506).
func ValidRTCP(b []byte) error {
	if len(b) < 8 || !startsRTCP(b[1]) {
		return ErrRTCP
	}
	for len(b) > 0 {
		p, rest, err := nextRTCP(b)
		if err != nil {
			return err
		}
		if !validPacket(p, len(rest) == 0) {
			return ErrRTCP
		}
		b = rest
	}
	return nil
}

func startsRTCP(t byte) bool {
	switch t {
	case typeSR, typeRR, typeRTPFB, typePSFB, typeAPP, typeXR, typeBYE: // libre's farewell begins with BYE, against RFC 3550 section 6.1
		return true
	}
	return false
}

func nextRTCP(b []byte) (p, rest []byte, err error) {
	if len(b) < rtcpHeader || b[0]>>6 != 2 {
		return nil, nil, ErrRTCP
	}
	n := 4 * (int(binary.BigEndian.Uint16(b[2:])) + 1)
	if n > len(b) {
		return nil, nil, ErrRTCP
	}
	return b[:n], b[n:], nil
}

func validPacket(p []byte, last bool) bool {
	if p[0]&0x20 != 0 {
		pad := int(p[len(p)-1])
		if !last || pad == 0 || pad%4 != 0 || pad > len(p)-rtcpHeader {
			return false
		}
		p = p[:len(p)-pad]
	}
	count := int(p[0] & 0x1f)
	switch p[1] {
	case typeSR:
		return len(p) >= senderInfo+count*reportBlock
	case typeRR:
		return len(p) >= 8+count*reportBlock
	case typeSDES:
		return walkSDES(p, count, func([]byte) {})
	case typeBYE:
		return len(p) >= rtcpHeader+4*count
	case typeAPP, typeRTPFB, typePSFB:
		return len(p) >= 12
	case typeXR:
		return len(p) >= 8
	}
	return true
}

// walkSDES calls f with each chunk's SSRC field, and tells whether there are count whole chunks.
func walkSDES(p []byte, count int, f func(ssrc []byte)) bool {
	at := rtcpHeader
	for range count {
		if at+4 > len(p) {
			return false
		}
		f(p[at : at+4])
		at += 4
		for {
			if at >= len(p) {
				return false
			}
			if p[at] == 0 { // end of the list, padded to the next word (RFC 3550 section 6.5)
				at = (at/4 + 1) * 4
				break
			}
			if at+1 >= len(p) {
				return false
			}
			at += 2 + int(p[at+1])
		}
	}
	return at <= len(p)
}
