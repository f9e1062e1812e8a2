package dtls

import "encoding/binary"

// Octets of DTLS 1.2 that are read before the library sees a datagram (RFC 6347 sections 4.1, 4.2.1, 4.2.2).
const (
	recordHeader    = 13
	handshakeHeader = 12
	typeHandshake   = 22
	clientHello     = 1
	serverHello     = 2
	helloVerify     = 3
	randomSize      = 32
	maxHello        = 16384 // octets; the largest keys of today, and room
)

// hello is what matters of a ClientHello.
type hello struct {
	random [randomSize]byte
	cookie []byte
}

// message is the body of a handshake message that starts a datagram in clear; whole: it is not a fragment.
func message(b []byte, kind byte) (body []byte, whole, ok bool) {
	const n = recordHeader + handshakeHeader
	if len(b) < n || b[0] != typeHandshake || b[3] != 0 || b[4] != 0 || b[recordHeader] != kind {
		return nil, false, false
	}
	length := int(b[14])<<16 | int(b[15])<<8 | int(b[16])
	offset := int(b[19])<<16 | int(b[20])<<8 | int(b[21])
	size := int(b[22])<<16 | int(b[23])<<8 | int(b[24])
	if offset != 0 || n+size > len(b) || int(binary.BigEndian.Uint16(b[11:])) < handshakeHeader+size {
		return nil, false, false
	}
	return b[n : n+size], size == length, true
}

// hellos gives the records at the start of a datagram that hold fragments of a ClientHello in clear and nothing else, and the number of these
// (RFC 6347 section 4.2.3). Messages that are longer than one may be are nobody's.
func hellos(b []byte) (records []byte, fragments int) {
	end := 0
	for len(b)-end >= recordHeader {
		r := b[end:]
		size := recordHeader + int(binary.BigEndian.Uint16(r[11:]))
		if r[0] != typeHandshake || r[3] != 0 || r[4] != 0 || size > len(r) {
			break
		}
		n := helloFragments(r[recordHeader:size])
		if n == 0 {
			break
		}
		end, fragments = end+size, fragments+n
	}
	return b[:end], fragments
}

// helloFragments counts the fragments in a record; 0: something else is in it.
func helloFragments(b []byte) (n int) {
	for ; len(b) > 0; n++ {
		if len(b) < handshakeHeader || b[0] != clientHello {
			return 0
		}
		length := int(b[1])<<16 | int(b[2])<<8 | int(b[3])
		offset := int(b[6])<<16 | int(b[7])<<8 | int(b[8])
		size := int(b[9])<<16 | int(b[10])<<8 | int(b[11])
		if size == 0 || offset+size > length || length > maxHello || handshakeHeader+size > len(b) {
			return 0
		}
		b = b[handshakeHeader+size:]
	}
	return n
}

// parseHello reads the start of a ClientHello.
func parseHello(b []byte) (hello, bool) {
	var h hello
	body, _, ok := message(b, clientHello)
	if !ok || len(body) < 2+randomSize+1 {
		return h, false
	}
	copy(h.random[:], body[2:])
	rest := body[2+randomSize:]
	id := int(rest[0])
	if len(rest) < 1+id+1 {
		return h, false
	}
	rest = rest[1+id:]
	n := int(rest[0])
	if len(rest) < 1+n {
		return h, false
	}
	h.cookie = rest[1 : 1+n]
	return h, true
}

// parseCookie reads a HelloVerifyRequest.
func parseCookie(b []byte) ([]byte, bool) {
	body, whole, ok := message(b, helloVerify)
	if !ok || !whole || len(body) < 3 || len(body) != 3+int(body[2]) {
		return nil, false
	}
	return body[3:], true
}

// isAnswer tells whether a datagram is what a server answers a ClientHello with.
func isAnswer(b []byte) bool {
	_, _, hello := message(b, serverHello)
	_, ok := parseCookie(b)
	return hello || ok
}
