package srtp

import (
	"crypto/hmac"
	"crypto/sha1"
	"encoding/binary"
	"testing"

	"github.com/stretchr/testify/require"
)

// TestMACAgainstLibrary: every length around the block borders, with and without the roll-over counter, one Scratch for two keys.
func TestMACAgainstLibrary(t *testing.T) {
	x := NewScratch()
	keys := [2][]byte{[]byte("0123456789abcdefghij"), []byte("another key, 20 byte")}
	macs := [2]mac{newMAC(x, keys[0]), newMAC(x, keys[1])}
	for n := range 400 {
		msg := make([]byte, n)
		for i := range msg {
			msg[i] = byte(i + n)
		}
		h := hmac.New(sha1.New, keys[n%2])
		h.Write(msg)
		require.Equal(t, h.Sum(nil), macs[n%2].sum(x, msg, 0, 0), "n = %d", n)
		h.Write(binary.BigEndian.AppendUint32(nil, 0x01020304))
		require.Equal(t, h.Sum(nil), macs[n%2].sum(x, msg, 0x01020304, rocLen), "n = %d with ROC", n)
	}
}
