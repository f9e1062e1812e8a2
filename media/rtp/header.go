package rtp

import (
	"encoding/binary"
	"errors"
)

// HeaderSize is the length of the fixed RTP header, octets (RFC 3550 section 5.1).
const HeaderSize = 12

// Errors of Parse. They are values, so that a flood of bad packets allocates nothing.
var (
	ErrShort   = errors.New("rtp: packet is shorter than its header says")
	ErrVersion = errors.New("rtp: version is not 2")
	ErrPadding = errors.New("rtp: padding is longer than the payload")
)

// Header is what a relay reads of an RTP header.
type Header struct {
	PT        uint8
	Marker    bool
	Padding   bool
	Seq       uint16
	Timestamp uint32
	SSRC      uint32
	Size      int // octets of the header with CSRC list and extension: the payload starts here
}

// Parse reads and checks the header of a packet whose payload may still be encrypted: the padding count, which is
// encrypted too, is checked by CheckPadding.
func Parse(b []byte) (Header, error) {
	if len(b) < HeaderSize {
		return Header{}, ErrShort
	}
	if b[0]>>6 != 2 {
		return Header{}, ErrVersion
	}
	size := HeaderSize + 4*int(b[0]&0x0f)
	if b[0]&0x10 != 0 {
		if len(b) < size+4 {
			return Header{}, ErrShort
		}
		size += 4 + 4*int(binary.BigEndian.Uint16(b[size+2:]))
	}
	if len(b) < size {
		return Header{}, ErrShort
	}
	return Header{
		PT:        b[1] & 0x7f,
		Marker:    b[1]&0x80 != 0,
		Padding:   b[0]&0x20 != 0,
		Seq:       binary.BigEndian.Uint16(b[2:]),
		Timestamp: binary.BigEndian.Uint32(b[4:]),
		SSRC:      binary.BigEndian.Uint32(b[8:]),
		Size:      size,
	}, nil
}

// CheckPadding checks the padding count of a clear packet.
func CheckPadding(b []byte, h Header) error {
	if !h.Padding {
		return nil
	}
	if n := len(b) - h.Size; n == 0 || int(b[len(b)-1]) > n || b[len(b)-1] == 0 {
		return ErrPadding
	}
	return nil
}

// SetPT writes the payload type and leaves the marker.
func SetPT(b []byte, pt uint8) { b[1] = b[1]&0x80 | pt&0x7f }

// SetLine writes sequence number, timestamp and SSRC.
func SetLine(b []byte, seq uint16, ts, ssrc uint32) {
	binary.BigEndian.PutUint16(b[2:], seq)
	binary.BigEndian.PutUint32(b[4:], ts)
	binary.BigEndian.PutUint32(b[8:], ssrc)
}

// Class is what a datagram on a media port is, by its first octet.
type Class uint8

// Classes (RFC 7983 section 7, RFC 5764 section 5.1.2).
const (
	ClassUnknown Class = iota
	ClassSTUN
	ClassZRTP
	ClassDTLS
	ClassTURN
	ClassRTP // RTP or RTCP
)

// Classify tells the protocols on one port apart.
func Classify(b []byte) Class {
	if len(b) == 0 {
		return ClassUnknown
	}
	switch c := b[0]; {
	case c <= 3:
		return ClassSTUN
	case c >= 16 && c <= 19:
		return ClassZRTP
	case c >= 20 && c <= 63:
		return ClassDTLS
	case c >= 64 && c <= 79:
		return ClassTURN
	case c >= 128 && c <= 191:
		return ClassRTP
	}
	return ClassUnknown
}

// IsRTCP tells RTCP from RTP on a multiplexed port: packet types 192 to 223 (RFC 5761 section 4).
func IsRTCP(b []byte) bool { return len(b) >= 2 && b[1] >= 192 && b[1] <= 223 }
