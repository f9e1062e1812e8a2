package srtp

import (
	"crypto/sha1"
	"encoding"
	"hash"
)

// authKeyLen is the length of an HMAC-SHA1 session key, octets (RFC 3711 section 5.2).
const authKeyLen = 20

// resumable is a hash that can be put back into a state; crypto/sha1 is one.
type resumable interface {
	hash.Hash
	encoding.BinaryAppender
	encoding.BinaryUnmarshaler
}

// mac is HMAC-SHA1 (RFC 2104) that starts from the two hashed key blocks: a packet costs neither their hashing nor an
// allocation. The hash object is shared by the two keys of a transform.
type mac struct {
	hash         resumable
	inner, outer []byte // states of the hash after the key block
	digest       []byte
}

func newMAC(h resumable, key []byte) (mac, error) {
	m := mac{hash: h, digest: make([]byte, 0, sha1.Size)}
	var err error
	if m.inner, err = keyBlock(h, key, 0x36); err != nil {
		return mac{}, err
	}
	m.outer, err = keyBlock(h, key, 0x5c)
	return m, err
}

func keyBlock(h resumable, key []byte, pad byte) ([]byte, error) {
	var b [sha1.BlockSize]byte
	copy(b[:], key)
	for i := range b {
		b[i] ^= pad
	}
	h.Reset()
	h.Write(b[:])
	clear(b[:])
	return h.AppendBinary(make([]byte, 0, 96))
}

// sum authenticates a followed by b. The result is valid until the next sum.
func (m *mac) sum(a, b []byte) []byte {
	// UnmarshalBinary refuses only what AppendBinary did not write.
	_ = m.hash.UnmarshalBinary(m.inner)
	m.hash.Write(a)
	m.hash.Write(b)
	m.digest = m.hash.Sum(m.digest[:0])
	_ = m.hash.UnmarshalBinary(m.outer)
	m.hash.Write(m.digest)
	m.digest = m.hash.Sum(m.digest[:0])
	return m.digest
}

func (m *mac) wipe() {
	clear(m.inner)
	clear(m.outer)
	clear(m.digest[:cap(m.digest)])
	m.hash.Reset()
}
