package srtp

import (
	"crypto/sha1"
	"encoding"
	"encoding/binary"
	"hash"
)

// authKeyLen is the length of an HMAC-SHA1 session key, octets (RFC 3711 section 5.2).
const authKeyLen = 20

// The standard library's SHA-1 writes and reads its state as: magic, five words, the begun block, the length.
const (
	stateMagic = "sha\x01"
	stateLen   = len(stateMagic) + sha1.Size + sha1.BlockSize + 8
)

// resumable is a hash that can be put into a state; crypto/sha1 is one.
type resumable interface {
	hash.Hash
	encoding.BinaryAppender
	encoding.BinaryUnmarshaler
}

func newHash() resumable { return sha1.New().(resumable) } // TestStateOfSHA1 tells if a version of Go changes that

// mac is HMAC-SHA1 (RFC 2104) that starts from the two hashed key blocks: a packet costs neither their hashing nor an
// allocation, and the state of a key is 40 octets.
type mac struct{ inner, outer [sha1.Size]byte }

func newMAC(x *Scratch, key []byte) mac {
	return mac{keyBlock(x, key, 0x36), keyBlock(x, key, 0x5c)}
}

func keyBlock(x *Scratch, key []byte, pad byte) (state [sha1.Size]byte) {
	var b [sha1.BlockSize]byte
	copy(b[:], key)
	for i := range b {
		b[i] ^= pad
	}
	x.hash.Reset()
	x.hash.Write(b[:])
	clear(b[:])
	saved, _ := x.hash.AppendBinary(make([]byte, 0, stateLen)) // it has no error to tell
	copy(state[:], saved[len(stateMagic):])
	clear(saved)
	return state
}

// resume puts the hash behind the one block that led to the words.
func (x *Scratch) resume(words *[sha1.Size]byte) {
	copy(x.state[len(stateMagic):], words[:])
	_ = x.hash.UnmarshalBinary(x.state[:]) // refuses only what AppendBinary did not write
}

// sum authenticates a, with the roll-over counter behind it if rocLen is its length and not 0. The result is valid until the
// next use of x.
func (m *mac) sum(x *Scratch, a []byte, roc uint32, rocLen int) []byte {
	x.resume(&m.inner)
	x.hash.Write(a)
	if rocLen > 0 {
		binary.BigEndian.PutUint32(x.roc[:], roc)
		x.hash.Write(x.roc[:])
	}
	x.hash.Sum(x.tag[:0])
	x.resume(&m.outer)
	x.hash.Write(x.tag[:])
	x.hash.Sum(x.tag[:0])
	return x.tag[:]
}

func (m *mac) wipe() { *m = mac{} }
