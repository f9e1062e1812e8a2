package srtp

import "crypto/aes"

// Scratch is what a packet needs while it is worked on. All contexts of one thread may share one, so that it stays in the
// processor's cache while their own states come and go; a context that was given none makes its own.
type Scratch struct {
	hash   resumable
	state  [stateLen]byte // of the hash, as it is written and read
	tail   [2 * 64]byte   // the last blocks of a message
	iv     [aes.BlockSize]byte
	stream [64]byte
	nonce  [gcmNonce]byte
	aad    [rtcpClear + srtcpWord]byte
	tag    [20]byte
}

// NewScratch makes one.
func NewScratch() *Scratch {
	x := &Scratch{hash: newHash()}
	copy(x.state[:], stateMagic)
	x.state[stateLen-1] = 64 // one block was hashed; what counts is that none is begun
	return x
}
