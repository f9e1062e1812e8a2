package endpoint

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestDTLSRolesAndProfiles(t *testing.T) {
	for _, c := range []struct {
		name           string
		marie, pauline Media
		profile        string
	}{
		{"defaults", Media{}, Media{}, "UDP/TLS/RTP/SAVP"},
		{"passive answer", Media{}, Media{Setup: "passive"}, "UDP/TLS/RTP/SAVP"},
		{"active offer", Media{Setup: "active"}, Media{}, "UDP/TLS/RTP/SAVP"},
		{"passive offer", Media{Setup: "passive", RTCPMux: true}, Media{RTCPMux: true}, "UDP/TLS/RTP/SAVP"},
		{"feedback", Media{AVPF: true}, Media{}, "UDP/TLS/RTP/SAVPF"},
		{"the profile of SDES", Media{Profile: "RTP/SAVP", Suites: []string{"AEAD_AES_256_GCM"}}, Media{}, "RTP/SAVP"},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			c.marie.Encryption, c.pauline.Encryption = "dtls-srtp", "dtls"
			marie := phone(t, Config{Name: "marie", Media: c.marie})
			pauline := phone(t, Config{Name: "pauline", Media: c.pauline})
			a, b := talk(t, marie, pauline, CallOptions{}, nil)
			hear(t, a, b)
			for _, s := range []StreamSummary{a.Summary().Audio(), b.Summary().Audio()} {
				assert.Equal(t, "dtls-srtp", s.Encryption)
				assert.Equal(t, c.profile, s.Profile)
				assert.NotZero(t, s.Handshakes)
				assert.NotEmpty(t, s.Suite)
				if c.marie.Suites != nil {
					assert.Equal(t, c.marie.Suites[0], s.Suite)
				}
			}
		})
	}
}

func TestDTLSRenewedByReinvite(t *testing.T) {
	t.Parallel()
	m := Media{Encryption: "dtls-srtp"}
	marie, pauline := phone(t, Config{Name: "marie", Media: m}), phone(t, Config{Name: "pauline", Media: m})
	a, b := talk(t, marie, pauline, CallOptions{}, nil)
	hear(t, a, b)
	old := a.local.Media[0].Fingerprint
	require.NoError(t, a.Reinvite(within(t), m))
	assert.Equal(t, old, a.local.Media[0].Fingerprint, "the certificate stays")
	m.Fault = FaultRenewed
	require.NoError(t, a.Reinvite(within(t), m))
	assert.NotEqual(t, old, a.local.Media[0].Fingerprint)
	for _, c := range []*Call{a, b} {
		require.NoError(t, c.WaitSummary(within(t), "another handshake", func(s Summary) bool { return s.Audio().Handshakes == 4 }))
	}
	hear(t, a, b)
}

func TestDTLSFaults(t *testing.T) {
	t.Parallel()
	m := Media{Encryption: "dtls-srtp"}
	marie := phone(t, Config{Name: "marie", Media: m})
	pauline := phone(t, Config{Name: "pauline", Media: Media{Encryption: "dtls-srtp", Fault: FaultFingerprint}})
	a, _ := talk(t, marie, pauline, CallOptions{}, nil)
	require.NoError(t, a.WaitSummary(within(t), "the fault", func(s Summary) bool { return s.Audio().Fault != "" }))
	assert.Zero(t, a.Summary().Audio().Sent)
	for _, bad := range []Media{{Setup: "holdconn"}, {Fault: "none"}, {Encryption: "ssl"}} {
		_, err := New(Config{AOR: "sip:x@example.org", Media: bad})
		assert.Error(t, err)
	}
}

func TestWrongKeyOfSDES(t *testing.T) {
	t.Parallel()
	m := Media{Encryption: "sdes"}
	marie := phone(t, Config{Name: "marie", Media: Media{Encryption: "sdes", Fault: FaultKey}})
	pauline := phone(t, Config{Name: "pauline", Media: m})
	a, b := talk(t, marie, pauline, CallOptions{}, nil)
	for _, c := range []*Call{a, b} {
		require.NoError(t, c.WaitSummary(within(t), "refused packets", func(s Summary) bool { return s.Audio().Refused > 5 }))
		assert.Zero(t, c.Summary().Audio().Received)
	}
}
