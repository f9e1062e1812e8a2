package alg

import (
	"crypto/aes"
	"crypto/cipher"
	"crypto/subtle"
	"errors"
)

// ErrConfirm is a Confirm or SASrelay whose MAC does not fit: the two sides have different secrets, or somebody changed it
// (Error 0x70, RFC 6189 section 5.9).
var ErrConfirm = errors.New("zrtp: confirm MAC does not fit")

// IV starts the encryption of one Confirm or SASrelay, random for each message that is made.
type IV [aes.BlockSize]byte

// Seal encrypts text in place, the part of Confirm or SASrelay behind the IV, and returns the MAC over what came out
// (RFC 6189 section 5.7).
func (d *Direction) Seal(iv IV, text []byte) (MAC8, error) {
	if err := cfb(d.ZRTPKey, iv, text, false); err != nil {
		return MAC8{}, err
	}
	return d.Hash.short(d.MACKey, text), nil
}

// Open checks the MAC, and only then decrypts text in place. The error is ErrConfirm if the MAC does not fit.
func (d *Direction) Open(mac MAC8, iv IV, text []byte) error {
	if !mac.Equal(d.Hash.short(d.MACKey, text)) {
		return ErrConfirm
	}
	return cfb(d.ZRTPKey, iv, text, true)
}

// ClearMAC authenticates GoClear (RFC 6189 section 5.11).
func (d *Direction) ClearMAC() MAC8 { return d.Hash.short(d.MACKey, []byte("GoClear ")) }

// cfb is AES with feedback of full blocks (NIST SP 800-38A section 6.3), the last one cut to what is left of the text.
func cfb(key Secret, iv IV, text []byte, decrypt bool) error {
	block, err := aes.NewCipher(key)
	if err != nil {
		return errors.New("zrtp: Confirm key has the length of no AES key")
	}
	return cfbBlocks(block, iv, text, decrypt)
}

func cfbBlocks(block cipher.Block, feedback IV, text []byte, decrypt bool) error {
	var stream IV
	defer clear(stream[:])
	for len(text) > 0 {
		block.Encrypt(stream[:], feedback[:])
		n := min(len(text), aes.BlockSize)
		if decrypt {
			copy(feedback[:], text[:n])
		}
		subtle.XORBytes(text[:n], text[:n], stream[:n])
		if !decrypt {
			copy(feedback[:], text[:n])
		}
		text = text[n:]
	}
	return nil
}
