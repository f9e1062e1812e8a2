package srtp

import (
	"crypto/aes"
	"crypto/cipher"
	"crypto/subtle"
	"encoding/binary"
)

// ctrKey is an AES key for the counter mode of RFC 3711 section 4.1.1, in place and without an allocation for a packet: the
// standard library's counter stream costs one, and its single blocks several times the cipher. hard is the form for the
// processor's own instructions where there are any, block the portable one.
type ctrKey struct {
	hard  hardKey
	block cipher.Block // nil: hard is used
}

func newCTRKey(k []byte) (ctrKey, error) {
	block, err := aes.NewCipher(k) // checks the length
	if err != nil {
		return ctrKey{}, err
	}
	if hasHardAES {
		return ctrKey{hard: newHardKey(k)}, nil
	}
	return ctrKey{block: block}, nil
}

// xor runs the key stream that starts at the counter block x.iv over b. The low 16 bits of the block count; they are zero.
func (k *ctrKey) xor(x *Scratch, b []byte) {
	if k.block == nil {
		k.hard.xor(x, b)
		return
	}
	for n := uint16(0); len(b) > 0; n++ {
		binary.BigEndian.PutUint16(x.iv[14:], n)
		k.block.Encrypt(x.stream[:aes.BlockSize], x.iv[:])
		b = b[subtle.XORBytes(b, b, x.stream[:aes.BlockSize]):]
	}
}

func (k *ctrKey) wipe() { *k = ctrKey{} }

func (k *ctrKey) touch() uint64 {
	if k.block != nil {
		return 1
	}
	return k.hard.touch()
}
