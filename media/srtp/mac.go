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
	b := x.tail[:sha1.BlockSize]
	clear(b)
	copy(b, key)
	for i := range b {
		b[i] ^= pad
	}
	x.hash.Reset()
	x.hash.Write(b)
	clear(b)
	x.save()
	copy(state[:], x.words())
	return state
}

// words are the five words of the hash in x.state.
func (x *Scratch) words() []byte { return x.state[len(stateMagic):][:sha1.Size] }

func (x *Scratch) save() { _, _ = x.hash.AppendBinary(x.state[:0]) } // it has no error to tell

// resume puts the hash behind one whole block that led to the words.
func (x *Scratch) resume(words *[sha1.Size]byte) {
	copy(x.words(), words[:])
	_ = x.hash.UnmarshalBinary(x.state[:]) // refuses only what AppendBinary did not write
}

// sum authenticates a followed by the n octets of b. The message is padded here (RFC 3174 section 4), so that the hash sees whole
// blocks only and copies nothing. The result is valid until the next use of x.
func (m *mac) sum(x *Scratch, a []byte, b uint32, n int) []byte {
	x.resume(&m.inner)
	whole := len(a) &^ (sha1.BlockSize - 1)
	if whole > 0 {
		x.hash.Write(a[:whole])
	}
	t := append(x.tail[:0], a[whole:]...)
	if n > 0 {
		t = binary.BigEndian.AppendUint32(t, b)
	}
	x.hash.Write(pad(t, sha1.BlockSize+len(a)+n))
	x.save()

	t = append(x.tail[:0], x.words()...)
	x.resume(&m.outer)
	x.hash.Write(pad(t, sha1.BlockSize+sha1.Size))
	x.save()
	copy(x.tag[:], x.words())
	return x.tag[:]
}

// pad fills up the last blocks of a message of n octets in all. t's capacity is two blocks.
func pad(t []byte, n int) []byte {
	size := sha1.BlockSize
	if len(t) > sha1.BlockSize-9 {
		size = 2 * sha1.BlockSize
	}
	used := len(t)
	t = t[:size]
	clear(t[used:])
	t[used] = 0x80
	binary.BigEndian.PutUint64(t[size-8:], uint64(n)*8)
	return t
}

func (m *mac) wipe() { *m = mac{} }
