package stream

import (
	"fmt"
	"testing"
	"time"

	"b2bua/media/sdp"
	"b2bua/simulator/impair"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

var pcmu = sdp.Codec{PT: 0, Name: "PCMU", Rate: 8000}

func identity(t *testing.T) *Identity {
	t.Helper()
	i, err := NewIdentity(time.Now())
	require.NoError(t, err)
	return i
}

// connectDTLS joins two ends whose identities are known to each other; a is active.
func connectDTLS(t *testing.T, a, b *end, ia, ib *Identity, mux bool) {
	t.Helper()
	toB, toA := agreed(b, pcmu), agreed(a, pcmu)
	toB.Encryption, toB.Mux, toB.DTLS = sdp.DTLS, mux, &sdp.DTLSParams{Active: true, Fingerprint: ib.Fingerprint()}
	toA.Encryption, toA.Mux, toA.DTLS = sdp.DTLS, mux, &sdp.DTLSParams{Fingerprint: ia.Fingerprint()}
	require.NoError(t, a.Set(toB))
	require.NoError(t, b.Set(toA))
}

func hears(hertz float64) func(Stats) bool {
	return func(s Stats) bool { return s.Now.Hertz == hertz && s.Now.Confidence > 0.8 && s.RTCP > 0 }
}

func TestDTLSInEveryProfile(t *testing.T) {
	for _, p := range dtlsProfiles {
		for _, mux := range []bool{false, true} {
			t.Run(fmt.Sprintf("%s mux %v", p.suite, mux), func(t *testing.T) {
				t.Parallel()
				a, b := open(t, sdp.Audio, 400, impair.Config{}), open(t, sdp.Audio, 1000, impair.Config{})
				ia, ib := identity(t), identity(t)
				a.SetDTLS(DTLS{Identity: ia, Suites: []sdp.Suite{p.suite}})
				b.SetDTLS(DTLS{Identity: ib})
				connectDTLS(t, a, b, ia, ib, mux)
				st := a.wait(t, "b's tone at a", hears(1000))
				b.wait(t, "a's tone at b", hears(400))
				assert.Zero(t, st.Refused)
				assert.Equal(t, p.suite, st.Suite)
				assert.Equal(t, map[bool]int{true: 1, false: 2}[mux], st.Handshakes)
				a.mu.Lock()
				defer a.mu.Unlock()
				assert.Less(t, HeardInClear(a.wire).Confidence, 0.8)
			})
		}
	}
}

func TestDTLSOverABadNetwork(t *testing.T) {
	t.Parallel()
	bad := impair.Config{Seed: 3, Loss: 0.15, Duplicate: 0.1, Reorder: 0.1}
	a, b := open(t, sdp.Audio, 400, bad), open(t, sdp.Audio, 1000, bad)
	ia, ib := identity(t), identity(t)
	a.SetDTLS(DTLS{Identity: ia})
	b.SetDTLS(DTLS{Identity: ib})
	connectDTLS(t, a, b, ia, ib, true)
	for _, e := range []*end{a, b} {
		e.wait(t, "packets", func(s Stats) bool { return s.Received > 50 })
	}
}

func TestDTLSRefusesAnotherCertificate(t *testing.T) {
	t.Parallel()
	a, b := open(t, sdp.Audio, 400, impair.Config{}), open(t, sdp.Audio, 1000, impair.Config{})
	ia, ib := identity(t), identity(t)
	a.SetDTLS(DTLS{Identity: ia})
	b.SetDTLS(DTLS{Identity: identity(t)})
	connectDTLS(t, a, b, ia, ib, true)
	st := a.wait(t, "the refusal", func(s Stats) bool { return s.Fault != "" })
	assert.Contains(t, st.Fault, "certificate")
	assert.Zero(t, st.Sent, "nothing is sent without keys")
}

func TestDTLSRenewedCertificate(t *testing.T) {
	t.Parallel()
	a, b := open(t, sdp.Audio, 400, impair.Config{}), open(t, sdp.Audio, 1000, impair.Config{})
	ia, ib := identity(t), identity(t)
	a.SetDTLS(DTLS{Identity: ia})
	b.SetDTLS(DTLS{Identity: ib})
	connectDTLS(t, a, b, ia, ib, true)
	a.wait(t, "b's tone at a", hears(1000))
	before := b.wait(t, "a's tone at b", hears(400))
	connectDTLS(t, a, b, ia, ib, true)
	assert.Equal(t, 1, b.Stats().Handshakes, "nothing changed")
	ia = identity(t)
	a.SetDTLS(DTLS{Identity: ia})
	connectDTLS(t, a, b, ia, ib, true)
	b.wait(t, "another handshake and a's tone", func(s Stats) bool {
		return s.Handshakes == 2 && s.Received > before.Received+20 && hears(400)(s)
	})
}

func TestDTLSNeverStarted(t *testing.T) {
	t.Parallel()
	a, b := open(t, sdp.Audio, 400, impair.Config{}), open(t, sdp.Audio, 1000, impair.Config{})
	ia, ib := identity(t), identity(t)
	a.SetDTLS(DTLS{Identity: ia, Silent: true})
	b.SetDTLS(DTLS{Identity: ib})
	connectDTLS(t, a, b, ia, ib, true)
	a.Close()
	b.Close()
	assert.Zero(t, a.Stats().Sent+b.Stats().Sent)
	assert.Empty(t, a.wire)
}

func TestIdentityIsNotPrinted(t *testing.T) {
	t.Parallel()
	i := identity(t)
	assert.Equal(t, i.Fingerprint().String(), fmt.Sprintf("%v", i))
	assert.Equal(t, i.Fingerprint().String(), fmt.Sprintf("%#v", i))
}
