package srtp

import (
	"bufio"
	"bytes"
	"crypto/aes"
	"encoding/hex"
	"os"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"b2bua/media/sdp"
)

func unhex(t testing.TB, s string) []byte {
	t.Helper()
	b, err := hex.DecodeString(strings.Join(strings.Fields(s), ""))
	require.NoError(t, err)
	return b
}

// room gives a packet the capacity that Protect wants.
func room(b []byte) []byte {
	out := make([]byte, len(b), len(b)+MaxOverhead)
	copy(out, b)
	return out
}

// The key derivations of RFC 3711 appendix B.3 and RFC 6188 section 7.2.
func TestDerive(t *testing.T) {
	for _, v := range []struct{ name, key, salt, cipher, sessionSalt, auth string }{
		{
			"RFC 3711 B.3", "E1F97A0D3E018BE0D64FA32C06DE4139", "0EC675AD498AFEEBB6960B3AABE6",
			"C61E7A93744F39EE10734AFE3FF7A087", "30CBBC08863D8C85D49DB34A9AE1", "CEBE321F6FF7716B6FD4AB49AF256A156D38BAA4",
		},
		{
			"RFC 6188 7.2", "f0f04914b513f2763a1b1fa130f10e2998f6f6e43e4309d1e622a0e332b9f1b6", "3b04803de51ee7c96423ab5b78d2",
			"5ba1064e30ec51613cad926c5a28ef731ec7fb397f70a960653caf06554cd8c4", "fa31791685ca444a9e07c6c64e93",
			"fd9c32d39ed5fbb5a9dc96b30818454d1313dc05",
		},
	} {
		t.Run(v.name, func(t *testing.T) {
			master, err := aes.NewCipher(unhex(t, v.key))
			require.NoError(t, err)
			salt := unhex(t, v.salt)
			require.Equal(t, unhex(t, v.cipher), derive(master, salt, labelRTPKey, len(v.key)/2))
			require.Equal(t, unhex(t, v.sessionSalt), derive(master, salt, labelRTPSalt, 14))
			require.Equal(t, unhex(t, v.auth), derive(master, salt, labelRTPAuth, authKeyLen))
		})
	}
}

// The key streams of RFC 3711 appendix B.2 and RFC 6188 section 7.1.
func TestCounterMode(t *testing.T) {
	for _, v := range []struct{ name, key, salt, stream string }{
		{
			"RFC 3711 B.2", "2B7E151628AED2A6ABF7158809CF4F3C", "F0F1F2F3F4F5F6F7F8F9FAFBFCFD0000",
			"E03EAD0935C95E80E166B16DD92B4EB4 D23513162B02D0F72A43A2FE4A5F97AB 41E95B3BB0A2E8DD477901E4FCA894C0",
		},
		{
			"RFC 6188 7.1", "57f82fe3613fd170a85ec93c40b1f0922ec4cb0dc025b58272147cc438944a98", "f0f1f2f3f4f5f6f7f8f9fafbfcfd0000",
			"92bdd28a93c3f52511c677d08b5515a4 9da71b2378a854f67050756ded165bac 63c4868b7096d88421b563b8c94c9a31",
		},
	} {
		t.Run(v.name, func(t *testing.T) {
			ctr, err := newCTRKey(unhex(t, v.key))
			require.NoError(t, err)
			k, x, want := &cmKeys{ctr: ctr, salt: [aes.BlockSize]byte(unhex(t, v.salt))}, NewScratch(), unhex(t, v.stream)
			got := make([]byte, len(want))
			k.counter(x, got, 0, 0)
			require.Equal(t, want, got)
			got = make([]byte, 21) // a part of a block at the end
			k.counter(x, got, 0, 0)
			require.Equal(t, want[:21], got)
		})
	}
}

// RFC 7714 sections 16 and 17: session keys are given there, so the derivation is left out.
func TestGCM(t *testing.T) {
	const rtpClear = `8040f17b 8041f8d3 5501a0b2 47616c6c 69612065 7374206f 6d6e6973 20646976 69736120 696e2070 61727465 73207472 6573`
	const rtcpText = `81c8000d 4d617273 4e545031 4e545032 52545020 0000042a 0000e930 4c756e61 deadbeef deadbeef deadbeef deadbeef deadbeef`
	for _, v := range []struct{ name, key, rtp, rtcp string }{
		{
			"AES-128", "000102030405060708090a0b0c0d0e0f",
			`8040f17b 8041f8d3 5501a0b2 f24de3a3 fb34de6c acba861c 9d7e4bca be633bd5 0d294e6f 42a5f47a 51c7d19b 36de3adf 8833899d 7f27beb1 6a9152cf 765ee439 0cce`,
			`81c8000d 4d617273 63e94885 dcdab67c a727d766 2f6b7e99 7ff5c0f7 6c06f32d c676a5f1 730d6fda 4ce09b46 86303ded 0bb9275b c84aa458 96cf4d2f c5abf872 45d9eade 800005d4`,
		},
		{
			"AES-256", "000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f",
			`8040f17b 8041f8d3 5501a0b2 32b1de78 a822fe12 ef9f78fa 332e33aa b1801238 9a58e2f3 b50b2a02 76ffae0f 1ba63799 b87b7aa3 db36dfff d6b0f9bb 7878d7a7 6c13`,
			`81c8000d 4d617273 d50ae4d1 f5ce5d30 4ba297e4 7d470c28 2c3ece5d bffe0a50 a2eaa5c1 110555be 8415f658 c61de047 6f1b6fad 1d1eb30c 4446839f 57ff6f6c b26ac3be 800005d4`,
		},
	} {
		t.Run(v.name, func(t *testing.T) {
			g := gcmWithSessionKey(t, unhex(t, v.key))
			require.Equal(t, unhex(t, v.rtp), g.sealRTP(NewScratch(), room(unhex(t, rtpClear)), 12, 0x5501a0b2, 0xf17b))
			require.Equal(t, unhex(t, v.rtcp), g.sealRTCP(NewScratch(), room(unhex(t, rtcpText)), 0x4d617273, 0x5d4))
			got, err := g.openRTP(NewScratch(), unhex(t, v.rtp), 12, 0x5501a0b2, 0xf17b)
			require.NoError(t, err)
			require.Equal(t, unhex(t, rtpClear), got)
			got, err = g.openRTCP(NewScratch(), unhex(t, v.rtcp), 0x4d617273, 0x5d4)
			require.NoError(t, err)
			require.Equal(t, unhex(t, rtcpText), got)
		})
	}
}

func gcmWithSessionKey(t *testing.T, key []byte) *gcm {
	// AEAD objects of the given session key, by way of a transform whose derived ones are replaced.
	c := sdp.Crypto{Suite: sdp.AEADAES128GCM, Key: bytes.Repeat([]byte{1}, 28)}
	g := &gcm{}
	require.NoError(t, g.init(c, params{16, 12, 16, 16, true}))
	block, err := aes.NewCipher(key)
	require.NoError(t, err)
	g.rtp, err = aead(block)
	require.NoError(t, err)
	g.rtcp = g.rtp
	g.rtpSalt = [gcmNonce]byte(unhex(t, "517569642070726f2071756f"))
	g.rtcpSalt = g.rtpSalt
	return g
}

// TestLibsrtp opens what libsrtp2 protected and protects the same packets to the same octets: all suites, with and without
// MKI, RTP with and without extension over a roll-over with late packets, RTCP. testdata/libsrtp2.c makes the file.
func TestLibsrtp(t *testing.T) {
	f, err := os.Open("testdata/libsrtp2.txt")
	require.NoError(t, err)
	defer func() { _ = f.Close() }()
	var c sdp.Crypto
	var s *Sender
	var r *Receiver
	suites, packets := 0, 0
	sc := bufio.NewScanner(f)
	for sc.Scan() {
		w := strings.Fields(sc.Text())
		switch w[0] {
		case "suite":
			suite, err := sdp.ParseSuite(w[1])
			require.NoError(t, err)
			c = sdp.Crypto{Suite: suite}
			if w[2] != "-" {
				c.MKI = unhex(t, w[2])
			}
			suites++
		case "key":
			c.Key = unhex(t, w[1])
			s, err = NewSender(c)
			require.NoError(t, err)
			r, err = NewReceiver(c)
			require.NoError(t, err)
		case "rtp", "rtcp":
			protect, open := s.Protect, r.Unprotect
			if w[0] == "rtcp" {
				protect, open = s.ProtectRTCP, r.UnprotectRTCP
			}
			plain, wire := unhex(t, w[1]), unhex(t, w[2])
			got, err := protect(room(plain))
			require.NoError(t, err)
			require.Equal(t, wire, got, "suite %d, %s packet %d", c.Suite, w[0], packets)
			got, err = open(bytes.Clone(wire))
			require.NoError(t, err)
			require.Equal(t, plain, got)
			_, err = open(bytes.Clone(wire))
			require.ErrorIs(t, err, ErrReplay)
			packets++
		}
	}
	require.NoError(t, sc.Err())
	require.Equal(t, 12, suites)
	require.Equal(t, 12*(22+3), packets)
}
