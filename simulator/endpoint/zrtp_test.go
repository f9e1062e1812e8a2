package endpoint

import (
	"testing"

	"b2bua/media/zrtp"
	"b2bua/simulator/impair"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// agree waits until both ends of a call are secure on every stream, and wants them to have agreed on the same.
func agree(t *testing.T, a, b *Call) (ofA, ofB *ZRTPSummary) {
	t.Helper()
	for _, c := range []*Call{a, b} {
		require.NoError(t, c.WaitSummary(within(t), "keys of ZRTP", func(s Summary) bool {
			for _, m := range s.Streams {
				if m.Enabled && (m.ZRTP == nil || m.ZRTP.SAS == "") {
					return false
				}
			}
			return true
		}))
	}
	one, other := a.Summary(), b.Summary()
	assert.Equal(t, one.SAS(), other.SAS())
	for i, m := range one.Streams {
		assert.Equal(t, one.SAS(), m.ZRTP.SAS)
		assert.Equal(t, m.ZRTP.Agreement, other.Streams[i].ZRTP.Agreement)
		assert.Equal(t, m.Suite, other.Streams[i].Suite)
		assert.Equal(t, zrtpClient, m.ZRTP.Client)
		assert.Equal(t, "RTP/AVP", m.Profile)
	}
	return one.Audio().ZRTP, other.Audio().ZRTP
}

func TestZRTPWithVideo(t *testing.T) {
	t.Parallel()
	m := Media{Encryption: "zrtp", Video: []string{"VP8/90000"}, RTCPMux: true}
	marie, pauline := phone(t, Config{Name: "marie", Media: m}), phone(t, Config{Name: "pauline", Media: m})
	a, b := talk(t, marie, pauline, CallOptions{}, nil)
	hear(t, a, b)
	require.NoError(t, a.WaitVideo(within(t), pauline.Tone()))
	require.NoError(t, b.WaitVideo(within(t), marie.Tone()))
	z, _ := agree(t, a, b)
	assert.True(t, z.HashVerified)
	assert.Equal(t, "Mult", a.Summary().Video().ZRTP.Agreement)
	for _, s := range a.Summary().Streams {
		assert.Zero(t, s.Refused)
		assert.Empty(t, s.ZRTP.Alerts)
	}
	hash := a.local.Media[0].ZRTPHash
	assert.NotEqual(t, hash, a.local.Media[1].ZRTPHash)
	require.NoError(t, b.Reinvite(within(t), m))
	require.NoError(t, a.Reinvite(within(t), m))
	assert.Equal(t, hash, a.local.Media[0].ZRTPHash, "the Hello stays")
	for i, fault := range []string{FaultRenewed, FaultReplaced} {
		m.Fault = fault
		require.NoError(t, a.Reinvite(within(t), m))
		assert.NotEqual(t, hash, a.local.Media[0].ZRTPHash)
		for _, c := range []*Call{a, b} {
			require.NoError(t, c.WaitSummary(within(t), "another exchange", func(s Summary) bool { return s.Audio().Handshakes == i+2 && s.Video().Handshakes == i+2 }))
		}
		x, y := a.Summary().Audio().ZRTP, b.Summary().Audio().ZRTP
		assert.Equal(t, x.SAS, y.SAS)
		assert.Equal(t, fault == FaultReplaced, x.Agreement == "Mult")
		hear(t, a, b)
	}
}

func TestZRTPWishes(t *testing.T) {
	for _, c := range []struct {
		name             string
		a, b             Media
		agreement, suite string
	}{
		{"defaults", Media{}, Media{}, "", ""},
		{"elliptic curve of 384 bits", Media{ZRTP: ZRTP{Agreements: []string{"EC38"}, Ciphers: []string{"AES3"}}}, Media{ZRTP: ZRTP{Agreements: []string{"EC38"}}}, "EC38", "AEAD_AES_256_GCM"},
		{"tags of 80 bits", Media{ZRTP: ZRTP{Agreements: []string{"DH3k"}, Tags: []string{"HS80"}}}, Media{}, "DH3k", "AES_CM_128_HMAC_SHA1_80"},
		{"passive", Media{ZRTP: ZRTP{Passive: true}}, Media{}, "", ""},
		{"short datagrams", Media{ZRTP: ZRTP{MTU: 600, Agreements: []string{"X3M3"}}}, Media{ZRTP: ZRTP{MTU: 600, Agreements: []string{"X3M3"}}}, "X3M3", "AEAD_AES_256_GCM"},
		{"feedback", Media{AVPF: true}, Media{}, "", ""},
		{"no hash of the caller", Media{Fault: FaultNoHash}, Media{Fault: FaultNoHash}, "", ""},
		{"no hash of the callee", Media{}, Media{Fault: FaultNoHash}, "", ""},
		{"forged errors", Media{Fault: FaultForge}, Media{Fault: FaultForge}, "", ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			c.a.Encryption, c.b.Encryption = "zrtp", "zrtp"
			marie := phone(t, Config{Name: "marie", Media: c.a})
			pauline := phone(t, Config{Name: "pauline", Media: c.b})
			a, b := talk(t, marie, pauline, CallOptions{}, nil)
			hear(t, a, b)
			if c.a.AVPF {
				assert.Equal(t, "RTP/AVPF", a.Summary().Audio().Profile)
				return
			}
			z, other := agree(t, a, b)
			if c.agreement != "" {
				assert.Equal(t, c.agreement, z.Agreement)
				assert.Equal(t, c.suite, a.Summary().Audio().Suite)
			}
			if c.a.ZRTP.Passive {
				assert.False(t, z.Initiator)
				assert.True(t, other.Initiator)
			}
		})
	}
}

func TestZRTPOnALossyNetwork(t *testing.T) {
	t.Parallel()
	m := Media{Encryption: "zrtp"}
	bad := impair.Config{Seed: 2, Loss: 0.3, Duplicate: 0.2, Reorder: 0.2}
	marie, pauline := phone(t, Config{Name: "marie", Media: m, Impair: bad, Arriving: bad}), phone(t, Config{Name: "pauline", Media: m})
	a, b := talk(t, marie, pauline, CallOptions{}, nil)
	agree(t, a, b)
	for _, c := range []*Call{a, b} {
		require.NoError(t, c.WaitSummary(within(t), "some packets", func(s Summary) bool { return s.Audio().Received > 50 }))
		assert.NotZero(t, c.Summary().Audio().Lost)
	}
}

func TestZRTPFaults(t *testing.T) {
	for _, fault := range []string{FaultWrongHash, FaultSilent, FaultMute} {
		t.Run(fault, func(t *testing.T) {
			t.Parallel()
			marie := phone(t, Config{Name: "marie", Media: Media{Encryption: "zrtp"}})
			pauline := phone(t, Config{Name: "pauline", Media: Media{Encryption: "zrtp", Fault: fault}})
			a, b := talk(t, marie, pauline, CallOptions{}, nil)
			heard := a
			if fault != FaultWrongHash {
				heard = b
			}
			require.NoError(t, heard.WaitSummary(within(t), "packets of ZRTP", func(s Summary) bool { return s.Audio().ZRTP.Heard > 5 }))
			for _, c := range []*Call{a, b} {
				assert.Zero(t, c.Summary().Audio().Sent)
				assert.Empty(t, c.Summary().SAS())
			}
			if fault == FaultWrongHash {
				assert.Contains(t, a.Summary().Audio().ZRTP.Alerts, zrtp.HelloHashMismatch.String())
			}
		})
	}
	for _, bad := range []ZRTP{{Agreements: []string{"DH2k"}}, {Ciphers: []string{"AES12"}}, {Hashes: []string{"MD5"}}} {
		_, err := New(Config{AOR: "sip:x@example.org", Media: Media{Encryption: "zrtp", ZRTP: bad}})
		assert.Error(t, err)
	}
}

func TestZRTPRemembersPeers(t *testing.T) {
	for name, dir := range map[string]string{"in memory": "", "in a file": t.TempDir()} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			m := Media{Encryption: "zrtp"}
			marie := phone(t, Config{Name: "marie", Media: m, ZRTPCache: dir})
			pauline := phone(t, Config{Name: "pauline", Media: m})
			call := func() (ofA, ofB *ZRTPSummary) {
				a, b := talk(t, marie, pauline, CallOptions{}, nil)
				ofA, ofB = agree(t, a, b)
				require.NoError(t, a.ConfirmSAS(true))
				require.NoError(t, b.ConfirmSAS(true))
				require.NoError(t, a.HangUp())
				require.NoError(t, b.WaitReleased(within(t)))
				return ofA, ofB
			}
			first, _ := call()
			assert.False(t, first.Continuity || first.Mismatch || first.Verified)
			if dir != "" { // another run of the program
				require.NoError(t, marie.Close())
				marie = phone(t, Config{Name: "marie", Media: m, ZRTPCache: dir})
			}
			second, other := call()
			assert.True(t, second.Continuity && second.Verified && second.PeerVerified)
			assert.Equal(t, first.Peer, second.Peer)
			require.NoError(t, marie.Forget(within(t)))
			third, other3 := call()
			assert.False(t, third.Continuity || third.Mismatch || other3.Continuity)
			assert.True(t, other3.Mismatch)
			assert.Equal(t, other.Peer, other3.Peer, "the ZID stays")
		})
	}
}

func TestNoSASWithoutZRTP(t *testing.T) {
	t.Parallel()
	marie, pauline := phone(t, Config{Name: "marie"}), phone(t, Config{Name: "pauline", Media: Media{Encryption: "zrtp", Accept: []string{"any"}}})
	a, b := talk(t, marie, pauline, CallOptions{}, nil)
	hear(t, a, b)
	assert.Empty(t, b.Summary().SAS())
	assert.Nil(t, b.Summary().Audio().ZRTP)
	assert.Error(t, a.ConfirmSAS(true))
}
