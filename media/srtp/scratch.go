package srtp

import (
	"crypto/aes"
	"crypto/sha1"
)

// Scratch is what a packet needs while it is worked on. All contexts of one thread may share one, so that it stays in the
// processor's cache while their own states come and go; a context that was given none makes its own.
type Scratch struct {
	hash   resumable
	state  [stateLen]byte // of the hash behind one block, as it is read
	roc    [rocLen]byte
	iv     [aes.BlockSize]byte
	stream [64]byte
	nonce  [gcmNonce]byte
	aad    [rtcpClear + srtcpWord]byte
	tag    [sha1.Size]byte
	spare  []byte // copy of a packet that is tried under two indices
}

// NewScratch makes one.
func NewScratch() *Scratch {
	x := &Scratch{hash: newHash()}
	copy(x.state[:], stateMagic)
	x.state[stateLen-1] = sha1.BlockSize
	return x
}
