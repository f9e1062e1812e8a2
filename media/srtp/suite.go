package srtp

import (
	"crypto/aes"
	"crypto/cipher"
	"errors"
	"fmt"

	"b2bua/media/sdp"
)

// Errors of the packet path: values, so that a flood of bad packets allocates nothing.
var (
	ErrShort     = errors.New("srtp: packet is too short for its suite")
	ErrAuth      = errors.New("srtp: authentication failed")
	ErrReplay    = errors.New("srtp: index was seen already or is older than the replay window")
	ErrRoom      = errors.New("srtp: buffer has no room for the authentication tag")
	ErrSources   = errors.New("srtp: too many SSRCs under one sending key")
	ErrExhausted = errors.New("srtp: packet index is used up, the key must be changed")
	ErrWiped     = errors.New("srtp: keys are wiped")
)

// MaxMKI is the longest master key identifier, octets (RFC 4568 section 6.1).
const MaxMKI = 128

// MaxOverhead is what Protect or ProtectRTCP adds at most, octets: GCM tag, SRTCP index, MKI.
const MaxOverhead = 16 + 4 + MaxMKI

// params of a suite, octets.
type params struct {
	key, salt        int
	rtpTag, rtcpTag  int
	authenticatedEnc bool
}

// SRTCP keeps 80 bits where SRTP has 32 (RFC 4568 section 6.2.2, RFC 6188 section 2).
func suiteParams(s sdp.Suite) (params, bool) {
	switch s {
	case sdp.AESCM128SHA180:
		return params{16, 14, 10, 10, false}, true
	case sdp.AESCM128SHA132:
		return params{16, 14, 4, 10, false}, true
	case sdp.AES256CMSHA180:
		return params{32, 14, 10, 10, false}, true
	case sdp.AES256CMSHA132:
		return params{32, 14, 4, 10, false}, true
	case sdp.AEADAES128GCM:
		return params{16, 12, 16, 16, true}, true
	case sdp.AEADAES256GCM:
		return params{32, 12, 16, 16, true}, true
	case sdp.NoSuite:
	}
	return params{}, false
}

// Option changes what a suite says.
type Option func(*params)

// EqualTags gives SRTCP the tag of SRTP, against RFC 3711 section 3.4: what the implementations of ZRTP do with 32 bits, because RFC 6189
// section 5.1.4 has one length for both.
func EqualTags(p *params) { p.rtcpTag = p.rtpTag }

// KeyLen is the length of master key and salt together that a suite takes, octets; 0 for NoSuite.
func KeyLen(s sdp.Suite) int {
	p, _ := suiteParams(s)
	return p.key + p.salt
}

// checkKey checks the keying material. The errors never show the key.
func checkKey(c sdp.Crypto, options []Option) (params, error) {
	p, ok := suiteParams(c.Suite)
	if !ok {
		return p, fmt.Errorf("srtp: suite %d is not one that SRTP can use", uint8(c.Suite))
	}
	if len(c.Key) != p.key+p.salt {
		return p, fmt.Errorf("srtp: suite %d takes %d octets of master key and salt, not %d", uint8(c.Suite), p.key+p.salt, len(c.Key))
	}
	if len(c.MKI) > MaxMKI {
		return p, fmt.Errorf("srtp: MKI of %d octets exceeds %d", len(c.MKI), MaxMKI)
	}
	for _, o := range options {
		o(&p)
	}
	return p, nil
}

// masterKey is the cipher that session keys are derived with, and the salt.
func masterKey(c sdp.Crypto, p params) (cipher.Block, []byte, error) {
	master, err := aes.NewCipher(c.Key[:p.key])
	return master, c.Key[p.key:], err
}
