package event

import (
	"testing"

	"github.com/stretchr/testify/assert"
)

func TestZRTPLine(t *testing.T) {
	z := ZRTP{SAS: "e8yz", Hash: "S256", Cipher: "AES1", Agreement: "X255", Client: "BZRTPv1.1", ZID: "0102030405060708090a0b0c"}
	line := Secured{Call: Call{Number: 7, A: "x", B: "y"}, Leg: "leg A", What: "audio zrtp AES_CM_128_HMAC_SHA1_80", ZRTP: &z}
	assert.Equal(t, Message, line.Level())
	assert.Equal(t, `call 7 (leg A x, leg B y): leg A: secured: audio zrtp AES_CM_128_HMAC_SHA1_80, SAS e8yz, agreement X255, hash S256, cipher AES1, `+
		`continuity first call, verified no, peer "BZRTPv1.1" ZID 0102030405060708090a0b0c`, line.Text())

	z.Continuity, z.Verified, z.HashVerified = true, true, true
	assert.Contains(t, line.Text(), ", continuity yes, verified by us only, zrtp-hash right, peer ")
	z.Verified, z.PeerVerified, z.Mismatch = false, true, true
	assert.Contains(t, line.Text(), ", continuity MISMATCH, verified by the phone only, ")
	z.Verified, z.PeerMitM, z.Disclosure, z.AuxMismatch = true, true, true, true
	assert.Contains(t, line.Text(), ", verified yes, zrtp-hash right, auxiliary secret differs, the phone is a PBX, the phone gives keys away, peer ")
	z.Agreement = Multistream
	assert.Equal(t, "SAS e8yz as before", z.String())
}

func TestCompared(t *testing.T) {
	c := Compared{Call: Call{Number: 7, A: "x"}, Leg: "leg B", SAS: "e8yz", Same: true}
	assert.Equal(t, Message, c.Level())
	assert.Equal(t, "call 7 (leg A x): leg B: the SAS e8yz was compared and is the same: the phone is verified", c.Text())
	c.Same = false
	assert.Equal(t, Warning, c.Level())
	assert.Contains(t, c.Text(), "leg B: the phone shows another SAS than e8yz: ")
}

func TestSuspicionIsAWarning(t *testing.T) {
	s := Suspicion{Call: Call{Number: 7, A: "x"}, Stream: 1, Leg: "leg B", What: "an Error message came"}
	assert.Equal(t, Warning, s.Level())
	assert.Equal(t, "call 7 (leg A x): leg B: ZRTP of stream 1: an Error message came", s.Text())
}
