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

// isRestOfHello tells whether a datagram starts with a fragment of a ClientHello that is not its first (RFC 6347 section 4.2.3), and that of a
// message which may be one: longer ones are nobody's.
func isRestOfHello(b []byte) bool {
	const n = recordHeader + handshakeHeader
	if len(b) < n || b[0] != typeHandshake || b[3] != 0 || b[4] != 0 || b[recordHeader] != clientHello {
		return false
	}
	length := int(b[14])<<16 | int(b[15])<<8 | int(b[16])
	offset := int(b[19])<<16 | int(b[20])<<8 | int(b[21])
	size := int(b[22])<<16 | int(b[23])<<8 | int(b[24])
	return offset > 0 && size > 0 && offset+size <= length && length <= maxHello && n+size <= len(b)
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
