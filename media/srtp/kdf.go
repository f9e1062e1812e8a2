package srtp

import (
	"crypto/aes"
	"crypto/cipher"
	"encoding/binary"
)

// Key derivation labels (RFC 3711 section 4.3.1 and 4.3.2).
const (
	labelRTPKey   = 0
	labelRTPAuth  = 1
	labelRTPSalt  = 2
	labelRTCPKey  = 3
	labelRTCPAuth = 4
	labelRTCPSalt = 5
)

// derive is the AES-CM pseudo-random function of RFC 3711 section 4.3.3 (AES-256: RFC 6188 section 3) with a key derivation
// rate of zero. A 96-bit salt is padded with zeros on the right (RFC 7714 section 11). The result is n octets.
func derive(master cipher.Block, salt []byte, label byte, n int) []byte {
	var x [aes.BlockSize]byte
	copy(x[:], salt)
	x[7] ^= label
	out := make([]byte, (n+aes.BlockSize-1)/aes.BlockSize*aes.BlockSize)
	for i := 0; i*aes.BlockSize < n; i++ {
		binary.BigEndian.PutUint16(x[14:], uint16(i))
		master.Encrypt(out[i*aes.BlockSize:], x[:])
	}
	return out[:n]
}
