package alg

import (
	"fmt"

	"b2bua/media/sdes"
)

// Cipher is the block cipher of Confirm and SRTP. The zero value is AES128.
type Cipher uint8

// Ciphers.
const (
	AES128 Cipher = iota
	AES256
)

// CipherOf finds the cipher by its code.
func CipherOf(c Code) (Cipher, bool) {
	if c == AES3 {
		return AES256, true
	}
	return AES128, c == AES1
}

// Code names the cipher.
func (c Cipher) Code() Code {
	if c == AES256 {
		return AES3
	}
	return AES1
}

// KeyLen is the length of its key, octets.
func (c Cipher) KeyLen() int { return c.Code().keyLen() }

func (c Code) keyLen() int {
	if c == AES3 {
		return 32
	}
	return 16
}

// String is the code's name.
func (c Cipher) String() string { return c.Code().String() }

// Suite is what a Commit chose, all of it known to this package.
type Suite struct {
	Hash      Hash
	Cipher    Cipher
	AuthTag   Code
	Agreement Code
	SAS       Code
}

// UnsupportedError is a Commit's choice that cannot be followed.
type UnsupportedError struct {
	Kind Kind
	Code Code
	With Code // the agreement that forbids it, 0: unknown altogether
}

// Error implements error.
func (e *UnsupportedError) Error() string {
	if e.With != 0 {
		return fmt.Sprintf("zrtp: %s %q cannot be combined with key agreement %s", e.Kind, e.Code.String(), e.With)
	}
	return fmt.Sprintf("zrtp: %s %q is not supported", e.Kind, e.Code.String())
}

// Alarm is the code for an Error message (RFC 6189 section 5.9).
func (e *UnsupportedError) Alarm() uint32 { return kinds[e.Kind].alarm }

// NewSuite checks the five codes of a Commit. The error is *UnsupportedError.
func NewSuite(codes [Kinds]Code) (Suite, error) {
	for k := range Kinds {
		if !k.Supports(codes[k]) {
			return Suite{}, &UnsupportedError{Kind: k, Code: codes[k]}
		}
	}
	s := Suite{AuthTag: codes[KindAuthTag], Agreement: codes[KindAgreement], SAS: codes[KindSAS]}
	s.Hash, _ = HashOf(codes[KindHash])
	s.Cipher, _ = CipherOf(codes[KindCipher])
	// RFC 6189 section 5.1.5: EC38 must be used with S384.
	if s.Agreement == EC38 && s.Hash != SHA384 {
		return Suite{}, &UnsupportedError{Kind: KindHash, Code: codes[KindHash], With: EC38}
	}
	return s, nil
}

// Codes is the suite as a Commit carries it.
func (s Suite) Codes() [Kinds]Code {
	return [Kinds]Code{s.Hash.Code(), s.Cipher.Code(), s.AuthTag, s.Agreement, s.SAS}
}

// String is the suite for a log.
func (s Suite) String() string {
	c := s.Codes()
	return fmt.Sprintf("%s %s %s %s %s", c[KindAgreement], c[KindHash], c[KindCipher], c[KindAuthTag], c[KindSAS])
}

// SRTP is the suite that the media is protected with. With HS32 the peers of the field shorten the tag of SRTCP to 32 bits
// too, which RFC 3711 does not allow: never choose it where there is another.
func (s Suite) SRTP() sdes.Suite {
	strong := s.Cipher == AES256
	switch {
	case s.AuthTag == GCM && strong:
		return sdes.AEADAES256GCM
	case s.AuthTag == GCM:
		return sdes.AEADAES128GCM
	case s.AuthTag == HS80 && strong:
		return sdes.AES256CMSHA180
	case s.AuthTag == HS80:
		return sdes.AESCM128SHA180
	case strong:
		return sdes.AES256CMSHA132
	}
	return sdes.AESCM128SHA132
}
