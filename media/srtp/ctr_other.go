//go:build !amd64

package srtp

// hasHardAES: the portable form serves.
const hasHardAES = false

type hardKey struct{}

func newHardKey([]byte) hardKey { return hardKey{} }

func (*hardKey) xor(*Scratch, []byte) {}

func (*hardKey) touch() uint64 { return 0 }
