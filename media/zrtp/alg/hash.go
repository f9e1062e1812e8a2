package alg

import (
	"crypto/hmac"
	"crypto/sha256"
	"crypto/sha512"
	"crypto/subtle"
	"encoding/binary"
	"fmt"
	"hash"
	"log/slog"
)

// Hash is the negotiated hash with its HMAC (RFC 6189 section 5.1.2). The zero value is SHA256.
type Hash uint8

// Hashes.
const (
	SHA256 Hash = iota
	SHA384
	SHA512
	hashCount
)

var hashes = [hashCount]struct {
	code Code
	size int
	make func() hash.Hash
}{
	SHA256: {S256, sha256.Size, sha256.New},
	SHA384: {S384, sha512.Size384, sha512.New384},
	SHA512: {S512, sha512.Size, sha512.New},
}

// HashOf finds the hash by its code.
func HashOf(c Code) (Hash, bool) {
	for h := range hashCount {
		if hashes[h].code == c {
			return h, true
		}
	}
	return SHA256, false
}

// Code names the hash.
func (h Hash) Code() Code { return hashes[h].code }

// String is the code's name.
func (h Hash) String() string { return h.Code().String() }

// Size is the length of its output, octets.
func (h Hash) Size() int { return hashes[h].size }

// Sum hashes the parts as one text.
func (h Hash) Sum(parts ...[]byte) []byte {
	d := hashes[h].make()
	for _, p := range parts {
		d.Write(p)
	}
	return d.Sum(nil)
}

// MAC is the HMAC over the parts as one text, untruncated.
func (h Hash) MAC(key []byte, parts ...[]byte) []byte {
	d := hmac.New(hashes[h].make, key)
	for _, p := range parts {
		d.Write(p)
	}
	return d.Sum(nil)
}

// KDF derives bits from ki (RFC 6189 section 4.5.1). More than the hash has cannot be asked for; bits is a multiple of 8.
// The number of bits is part of what is hashed: a shorter key is no prefix of a longer one.
func (h Hash) KDF(ki []byte, label string, context []byte, bits int) Secret {
	var counter, length [4]byte
	binary.BigEndian.PutUint32(counter[:], 1)
	binary.BigEndian.PutUint32(length[:], uint32(bits))
	return h.MAC(ki, counter[:], []byte(label), []byte{0}, context, length[:])[:bits/8]
}

// MAC8 is a MAC as messages carry it: the first 64 bits.
type MAC8 [8]byte

// short is the MAC under the negotiated hash, truncated.
func (h Hash) short(key []byte, parts ...[]byte) (m MAC8) {
	copy(m[:], h.MAC(key, parts...))
	return m
}

// Equal compares in constant time.
func (m MAC8) Equal(n MAC8) bool { return subtle.ConstantTimeCompare(m[:], n[:]) == 1 }

// Image is an element of a hash chain. Only the last one, H3, is public from the start.
type Image [32]byte

// Format prints "[redacted]" whatever the verb: all but H3 are secret until they are sent.
func (i Image) Format(f fmt.State, verb rune) { Secret(i[:]).Format(f, verb) }

// LogValue is "[redacted]".
func (i Image) LogValue() slog.Value { return Secret(i[:]).LogValue() }

// MarshalText is "[redacted]", also in JSON.
func (i Image) MarshalText() ([]byte, error) { return Secret(i[:]).MarshalText() }

// Next is the image after this one (RFC 6189 section 9: always SHA-256, whatever was negotiated).
func (i Image) Next() Image { return sha256.Sum256(i[:]) }

// Equal compares in constant time.
func (i Image) Equal(j Image) bool { return subtle.ConstantTimeCompare(i[:], j[:]) == 1 }

// MAC authenticates a message without its MAC field; the key is the image below the one that the message reveals.
func (i Image) MAC(message []byte) MAC8 { return SHA256.short(i[:], message) }

// Chain is the hash chain of one stream: H0 to H3 by index.
type Chain [4]Image

// NewChain computes the chain above h0, 32 random octets.
func NewChain(h0 Image) (c Chain) {
	c[0] = h0
	for i := 1; i < len(c); i++ {
		c[i] = c[i-1].Next()
	}
	return c
}

// Wipe overwrites the chain.
func (c *Chain) Wipe() { clear(c[:]) }

// HelloHash is the value of a=zrtp-hash for a Hello message (RFC 6189 section 8), without packet header and CRC.
func HelloHash(hello []byte) [32]byte { return sha256.Sum256(hello) }

// HVI is the hash commitment of the initiator: its whole DHPart2 and the responder's whole Hello (RFC 6189 section 4.4.1.1).
func HVI(h Hash, dhpart2, responderHello []byte) (v [32]byte) {
	copy(v[:], h.Sum(dhpart2, responderHello))
	return v
}
