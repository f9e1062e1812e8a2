package srtp

import (
	"bytes"
	"crypto/aes"
	"crypto/cipher"
	"encoding/hex"
	"fmt"
	"math/rand/v2"
	"testing"

	"github.com/stretchr/testify/require"
)

// TestKeyExpansion is FIPS 197 appendix A.1 and A.3: the last words of the schedules.
func TestKeyExpansion(t *testing.T) {
	for key, last := range map[string]string{
		"2b7e151628aed2a6abf7158809cf4f3c":                                 "d014f9a8c9ee2589e13f0cc8b6630ca6",
		"603deb1015ca71be2b73aef0857d77811f352c073b6108d72d9810a30914dff4": "fe4890d1e6188d0b046df344706c631e",
	} {
		raw, err := hex.DecodeString(key)
		require.NoError(t, err)
		block, err := aes.NewCipher(raw)
		require.NoError(t, err)
		if hasHardAES {
			require.Equal(t, last, hex.EncodeToString(lastRoundKey(newHardKey(raw))))
		}
		k, err := newCTRKey(raw)
		require.NoError(t, err)
		checkCTR(t, &k, block, make([]byte, 16), 16)
	}
	_, err := newCTRKey(make([]byte, 15))
	require.Error(t, err)
}

// checkCTR compares with the standard library's counter mode.
func checkCTR(t *testing.T, k *ctrKey, block cipher.Block, iv []byte, n int) {
	t.Helper()
	text := make([]byte, n+8)
	for i := range text {
		text[i] = byte(i*7 + n)
	}
	want := bytes.Clone(text)
	cipher.NewCTR(block, iv).XORKeyStream(want[:n], want[:n])
	x := NewScratch()
	copy(x.iv[:], iv)
	k.xor(x, text[:n])
	require.Equal(t, want, text, "n = %d", n)
}

// TestCounterAgainstLibrary: every length of a packet, both key lengths, both forms.
func TestCounterAgainstLibrary(t *testing.T) {
	random := rand.NewChaCha8([32]byte{1})
	for _, size := range []int{16, 32} {
		key, iv := make([]byte, size), make([]byte, 16)
		_, _ = random.Read(key)
		block, err := aes.NewCipher(key)
		require.NoError(t, err)
		k, err := newCTRKey(key)
		require.NoError(t, err)
		for name, k := range map[string]ctrKey{"own": k, "portable": {block: block}} {
			t.Run(fmt.Sprint(name, size), func(t *testing.T) {
				for n := range 1600 {
					_, _ = random.Read(iv)
					iv[14], iv[15] = 0, 0
					checkCTR(t, &k, block, iv, n)
				}
				checkCTR(t, &k, block, iv, 1<<16)
			})
		}
	}
}

// TestStateOfSHA1 is the form in which crypto/sha1 writes its state, which the authentication relies on.
func TestStateOfSHA1(t *testing.T) {
	x := NewScratch()
	x.hash.Reset()
	x.hash.Write(make([]byte, 64))
	b, err := x.hash.AppendBinary(nil)
	require.NoError(t, err)
	want := x.state
	copy(want[len(stateMagic):], b[len(stateMagic):][:20])
	require.Equal(t, want[:], b)
}

// FuzzCounter: any key, counter block and text.
func FuzzCounter(f *testing.F) {
	f.Add([]byte("0123456789abcdef"), []byte("salt and an index"), 172)
	f.Add(bytes.Repeat([]byte{0xff}, 32), bytes.Repeat([]byte{0xff}, 14), 65)
	f.Fuzz(func(t *testing.T, key, salt []byte, n int) {
		if len(key) != 16 && len(key) != 32 || n < 0 || n > 2048 {
			return
		}
		block, err := aes.NewCipher(key)
		require.NoError(t, err)
		k, err := newCTRKey(key)
		require.NoError(t, err)
		iv := make([]byte, 16)
		copy(iv[:14], salt)
		checkCTR(t, &k, block, iv, n)
	})
}
