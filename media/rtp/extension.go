package rtp

import "encoding/binary"

// MaxExtension is what SetExtension adds at most, octets.
const MaxExtension = 4 + 20

// Profiles of header extensions (RFC 8285 sections 4.2 and 4.3).
const (
	oneByteProfile  = 0xbede
	twoByteProfile  = 0x1000
	twoByteAppbits  = 0x000f
	maxOneByteValue = 16
)

// Extension is the value of the header extension element with a number, in either form of RFC 8285; nil: there is none. It lies in b,
// whose header Parse has checked.
func Extension(b []byte, id uint8) []byte {
	if b[0]&0x10 == 0 {
		return nil
	}
	at := HeaderSize + 4*int(b[0]&0x0f)
	profile := binary.BigEndian.Uint16(b[at:])
	end := at + 4 + 4*int(binary.BigEndian.Uint16(b[at+2:]))
	at += 4
	switch {
	case profile == oneByteProfile:
		return oneByte(b[at:end], id)
	case profile&^twoByteAppbits == twoByteProfile:
		return twoByte(b[at:end], id)
	}
	return nil
}

func oneByte(b []byte, id uint8) []byte {
	for len(b) > 0 {
		if b[0] == 0 { // padding
			b = b[1:]
			continue
		}
		n, this := int(b[0]&0x0f)+1, b[0]>>4
		if this == 15 || 1+n > len(b) { // RFC 8285 section 4.2: what follows number 15 is not read
			return nil
		}
		if this == id {
			return b[1 : 1+n]
		}
		b = b[1+n:]
	}
	return nil
}

func twoByte(b []byte, id uint8) []byte {
	for len(b) > 0 {
		if b[0] == 0 {
			b = b[1:]
			continue
		}
		if len(b) < 2 || 2+int(b[1]) > len(b) {
			return nil
		}
		n := int(b[1])
		if b[0] == id {
			return b[2 : 2+n]
		}
		b = b[2+n:]
	}
	return nil
}

// CutExtension takes the header extension off a packet whose header Parse has checked. What is left lies in b, at its end.
func CutExtension(b []byte) []byte {
	if b[0]&0x10 == 0 {
		return b
	}
	fixed := HeaderSize + 4*int(b[0]&0x0f)
	size := 4 + 4*int(binary.BigEndian.Uint16(b[fixed+2:]))
	b[0] &^= 0x10
	copy(b[size:], b[:fixed])
	return b[size:]
}

// SetExtension makes one element in the one-byte form the only header extension of a packet, in place: whatever stood there was agreed
// with somebody else. id is 1 to 14, value has 1 to 16 octets. A packet without the room for it behind its end stays as it is.
func SetExtension(b []byte, id uint8, value []byte) []byte {
	h, err := Parse(b)
	if err != nil || len(value) == 0 || len(value) > maxOneByteValue || id == 0 || id > 14 {
		return b
	}
	fixed := HeaderSize + 4*int(b[0]&0x0f)
	words := (1 + len(value) + 3) / 4
	size := fixed + 4 + 4*words
	n := len(b) - h.Size + size
	if n > cap(b) {
		return b
	}
	out := b[:max(n, len(b))]
	copy(out[size:n], b[h.Size:])
	out = out[:n]
	out[0] |= 0x10
	binary.BigEndian.PutUint16(out[fixed:], oneByteProfile)
	binary.BigEndian.PutUint16(out[fixed+2:], uint16(words))
	element := out[fixed+4 : size]
	clear(element)
	element[0] = id<<4 | byte(len(value)-1)
	copy(element[1:], value)
	return out
}
