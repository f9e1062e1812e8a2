package wire

import (
	"encoding/binary"
	"hash/crc32"
)

// Sizes of the framing in octets (RFC 6189 section 5).
const (
	HeaderSize         = 12
	FragmentHeaderSize = 20
	CRCSize            = 4
	MinPacket          = 28   // a message without fields: HelloACK
	MaxPacket          = 3072 // what bzrtp takes; every message we know is shorter
	wordSize           = 4
)

const cookie = 0x5a525450 // "ZRTP"

// First octets: bzrtp insists on exactly these, RFC 6189 has the receiver ignore the lower bits.
const (
	firstWhole    = 0x10
	firstFragment = 0x11 // bzrtp's extension
)

var castagnoli = crc32.MakeTable(crc32.Castagnoli)

// Packet is what a datagram holds. Message and Fragment alias it.
type Packet struct {
	Sequence uint16
	SSRC     uint32
	Message  []byte   // a whole message, or nil
	Fragment Fragment // with Data, if Message is nil
}

// Is reports whether a datagram is to be taken for ZRTP (RFC 7983 section 7, and the cookie): cheap enough to ask for each.
func Is(p []byte) bool {
	return len(p) >= MinPacket && p[0]>>4 == 1 && binary.BigEndian.Uint32(p[4:]) == cookie
}

// Parse checks the frame of a datagram: size, cookie, CRC, and that the length inside fits. The message is still to be checked.
func Parse(p []byte) (Packet, error) {
	if len(p) < MinPacket || len(p) > MaxPacket {
		return Packet{}, ErrSize
	}
	if !Is(p) {
		return Packet{}, ErrNotZRTP
	}
	body := p[:len(p)-CRCSize]
	if binary.LittleEndian.Uint32(p[len(body):]) != crc32.Checksum(body, castagnoli) {
		return Packet{}, ErrCRC
	}
	out := Packet{Sequence: binary.BigEndian.Uint16(p[2:]), SSRC: binary.BigEndian.Uint32(p[8:])}
	if p[0] == firstFragment {
		f, err := parseFragment(body)
		out.Fragment = f
		return out, err
	}
	out.Message = body[HeaderSize:]
	if words(out.Message)*wordSize != len(out.Message) {
		return Packet{}, ErrLength
	}
	return out, nil
}

// AppendPacket appends a datagram with a whole message.
func AppendPacket(dst []byte, sequence uint16, ssrc uint32, message []byte) []byte {
	start := len(dst)
	dst = appendHeader(dst, firstWhole, sequence, ssrc)
	dst = append(dst, message...)
	return appendCRC(dst, start)
}

// Repair overwrites the CRC of a datagram with the right one: for tools that alter packets.
func Repair(p []byte) {
	if n := len(p) - CRCSize; n >= 0 {
		binary.LittleEndian.PutUint32(p[n:], crc32.Checksum(p[:n], castagnoli))
	}
}

func appendHeader(dst []byte, first byte, sequence uint16, ssrc uint32) []byte {
	dst = append(dst, first, 0)
	dst = binary.BigEndian.AppendUint16(dst, sequence)
	dst = binary.BigEndian.AppendUint32(dst, cookie)
	return binary.BigEndian.AppendUint32(dst, ssrc)
}

// appendCRC writes the CRC low-order octet first, as SCTP does (RFC 6189 section 5 refers to RFC 4960 appendix B).
func appendCRC(dst []byte, start int) []byte {
	return binary.LittleEndian.AppendUint32(dst, crc32.Checksum(dst[start:], castagnoli))
}

// words is the length field of a message of at least four octets.
func words(m []byte) int { return int(binary.BigEndian.Uint16(m[2:])) }
