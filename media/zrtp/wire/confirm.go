package wire

import "encoding/binary"

// Flags of a Confirm (RFC 6189 section 5.7).
const (
	FlagDisclosure = 0x01 // D: key material leaves the endpoint
	FlagAllowClear = 0x02 // A: GoClear would be accepted
	FlagVerified   = 0x04 // V: the SAS was compared, in an earlier call
	FlagEnrollment = 0x08 // E: a PBX offers to be trusted
)

// ConfirmSize is the length of a Confirm without a signature; BodySize that of its encrypted part.
const (
	ConfirmSize = confirmMin
	BodySize    = ConfirmSize - bodyStart
	bodyStart   = 36
)

// ConfirmFields are the parts of a Confirm1, Confirm2 or SASrelay. Parsed, Body aliases the message: it is encrypted.
type ConfirmFields struct {
	MAC  [8]byte // over Body
	IV   [16]byte
	Body []byte
}

// ParseConfirm reads a message that is known to be a Confirm1, Confirm2 or SASrelay.
func ParseConfirm(m []byte) ConfirmFields {
	return ConfirmFields{MAC: [8]byte(m[12:]), IV: [16]byte(m[20:]), Body: m[bodyStart:]}
}

// AppendConfirm appends a Confirm1 or Confirm2.
func AppendConfirm(dst []byte, t Type, c ConfirmFields) []byte {
	dst = appendStart(dst, t, bodyStart+len(c.Body))
	dst = append(dst, c.MAC[:]...)
	dst = append(dst, c.IV[:]...)
	return append(dst, c.Body...)
}

// ConfirmBody is the decrypted part of a Confirm.
type ConfirmBody struct {
	H0         [32]byte
	Flags      byte
	Expiration uint32 // seconds; 0xffffffff is for ever
	Signature  []byte // with its type; aliases the body
}

// String keeps H0, which authenticates the messages before it, out of print.
func (ConfirmBody) String() string { return "zrtp confirm body (redacted)" }

// GoString is String.
func (c ConfirmBody) GoString() string { return c.String() }

// ParseConfirmBody reads a decrypted body.
func ParseConfirmBody(b []byte) (ConfirmBody, error) {
	if len(b) < BodySize {
		return ConfirmBody{}, ErrConfirmBody
	}
	if BodySize+(int(b[33]&1)<<8|int(b[34]))*wordSize != len(b) {
		return ConfirmBody{}, ErrConfirmBody
	}
	return ConfirmBody{
		H0: [32]byte(b), Flags: b[35] & 15, Expiration: binary.BigEndian.Uint32(b[36:]), Signature: b[BodySize:],
	}, nil
}

// AppendConfirmBody appends a body to be encrypted.
func AppendConfirmBody(dst []byte, c ConfirmBody) []byte {
	n := len(c.Signature) / wordSize
	dst = append(dst, c.H0[:]...)
	dst = append(dst, 0, byte(n>>8&1), byte(n), c.Flags&15)
	dst = binary.BigEndian.AppendUint32(dst, c.Expiration)
	return append(dst, c.Signature[:n*wordSize]...)
}
