package wire

import "encoding/binary"

// Version is the only version of the protocol there is.
var Version = Code{'1', '.', '1', '0'}

// ParseFailure reads the code of an Error (RFC 6189 section 5.9).
func ParseFailure(m []byte) uint32 { return binary.BigEndian.Uint32(m[12:]) }

// AppendFailure appends an Error.
func AppendFailure(dst []byte, code uint32) []byte {
	return binary.BigEndian.AppendUint32(appendStart(dst, Failure, forms[Failure].min), code)
}

// ParseGoClear reads the MAC of a GoClear.
func ParseGoClear(m []byte) [8]byte { return [8]byte(m[12:]) }

// AppendGoClear appends a GoClear.
func AppendGoClear(dst []byte, mac [8]byte) []byte {
	return append(appendStart(dst, GoClear, forms[GoClear].min), mac[:]...)
}

// PingFields are the fields of a Ping.
type PingFields struct {
	Version  Code
	Endpoint [8]byte
}

// ParsePing reads a message that is known to be a Ping.
func ParsePing(m []byte) PingFields {
	return PingFields{Version: Code(m[12:]), Endpoint: [8]byte(m[16:])}
}

// AppendPing appends a Ping.
func AppendPing(dst []byte, p PingFields) []byte {
	dst = append(appendStart(dst, Ping, forms[Ping].min), p.Version[:]...)
	return append(dst, p.Endpoint[:]...)
}

// PingACKFields are the fields of a PingACK.
type PingACKFields struct {
	Version  Code
	Endpoint [8]byte // of who answers
	Asked    [8]byte // of the Ping
	SSRC     uint32  // of the packet of the Ping
}

// ParsePingACK reads a message that is known to be a PingACK.
func ParsePingACK(m []byte) PingACKFields {
	return PingACKFields{
		Version: Code(m[12:]), Endpoint: [8]byte(m[16:]), Asked: [8]byte(m[24:]), SSRC: binary.BigEndian.Uint32(m[32:]),
	}
}

// AppendPingACK appends a PingACK.
func AppendPingACK(dst []byte, p PingACKFields) []byte {
	dst = append(appendStart(dst, PingACK, forms[PingACK].min), p.Version[:]...)
	dst = append(dst, p.Endpoint[:]...)
	dst = append(dst, p.Asked[:]...)
	return binary.BigEndian.AppendUint32(dst, p.SSRC)
}
