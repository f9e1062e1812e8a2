package zrtp

import "fmt"

// Code is the code of an Error message (RFC 6189 section 5.9).
type Code uint32

// Codes.
const (
	CodeMalformed    Code = 0x10
	CodeSoftware     Code = 0x20
	CodeVersion      Code = 0x30
	CodeHello        Code = 0x40
	CodeHash         Code = 0x51
	CodeCipher       Code = 0x52
	CodeAgreement    Code = 0x53
	CodeAuthTag      Code = 0x54
	CodeSAS          Code = 0x55
	CodeNoSecret     Code = 0x56
	CodePublicValue  Code = 0x61
	CodeHVI          Code = 0x62
	CodeUntrustedSAS Code = 0x63
	CodeConfirmMAC   Code = 0x70
	CodeNonce        Code = 0x80
	CodeZID          Code = 0x90
	CodeSSRC         Code = 0x91
	CodeUnavailable  Code = 0xa0
	CodeTimeout      Code = 0xb0
	CodeNoClear      Code = 0x100
)

var codes = map[Code]string{
	CodeMalformed: "malformed packet", CodeSoftware: "software error", CodeVersion: "unsupported version",
	CodeHello: "Hello components do not match", CodeHash: "hash not supported", CodeCipher: "cipher not supported",
	CodeAgreement: "key agreement not supported", CodeAuthTag: "SRTP auth tag not supported", CodeSAS: "SAS type not supported",
	CodeNoSecret: "no shared secret, DH mode required", CodePublicValue: "bad public value", CodeHVI: "hash commitment does not match",
	CodeUntrustedSAS: "relayed SAS from an untrusted PBX", CodeConfirmMAC: "bad Confirm MAC: the two sides have different secrets",
	CodeNonce: "nonce used twice", CodeZID: "equal ZIDs", CodeSSRC: "SSRC collision", CodeUnavailable: "service unavailable",
	CodeTimeout: "no answer in time", CodeNoClear: "GoClear is not allowed",
}

// String is the number and its meaning.
func (c Code) String() string {
	if text, ok := codes[c]; ok {
		return fmt.Sprintf("0x%02X %s", uint32(c), text)
	}
	return fmt.Sprintf("0x%02X unknown", uint32(c))
}

// Failure is why a stream failed.
type Failure struct {
	Code   Code
	ByPeer bool   // the peer's Error, followed by silence
	Detail string // what it was about: a state, an algorithm
}

// String is the reason in words.
func (f Failure) String() string {
	from := "zrtp: "
	if f.ByPeer {
		from = "zrtp: peer says "
	}
	if f.Detail == "" {
		return from + f.Code.String()
	}
	return from + f.Code.String() + " (" + f.Detail + ")"
}
