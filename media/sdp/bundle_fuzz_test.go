package sdp

import (
	"slices"
	"testing"

	"github.com/stretchr/testify/require"
)

// Two offers of one leg, one after the other, and an offer of ours behind: each stream that rides does so on one that is there, has
// rtcp-mux and describes the transport, and nothing of a transport stands anywhere else.
func FuzzBundle(f *testing.F) {
	for _, keys := range []string{"", cryptoLine, dtlsLines} {
		profile := "RTP/AVPF"
		if keys == dtlsLines {
			profile = "UDP/TLS/RTP/SAVPF"
		}
		f.Add([]byte(browser(profile, keys)), []byte(browser(profile, keys)), int64(1))
	}
	f.Fuzz(func(t *testing.T, first, second []byte, seed int64) {
		var previous *Session
		for _, body := range [][]byte{first, second} {
			offer, err := Parse(body)
			if err != nil {
				return
			}
			plan := AnswerPlan{Rand: seeded(seed), Support: bundleSupport, Fingerprint: FingerprintOf([]byte("ours")), Previous: previous}
			ours, agreed, err := NewAnswer(offer, nil, plan, bundlePorts())
			if err != nil {
				return
			}
			checkBundle(t, ours, agreed)
			again, err := Parse(ours.Marshal())
			require.NoError(t, err)
			require.Equal(t, ours.Bundle, again.Bundle)
			next, err := NewOffer(offer, OfferPlan{Rand: seeded(seed), Support: bundleSupport, Previous: ours, Running: agreed, Fingerprint: plan.Fingerprint}, bundlePorts())
			if err == nil && next.tagged() >= 0 {
				for i := range next.Media {
					if i != next.tagged() && next.rides(i) {
						checkRider(t, &next.Media[i], &next.Media[next.tagged()])
					}
				}
			}
			previous = ours
		}
	})
}

func checkBundle(t *testing.T, ours *Session, agreed []Agreed) {
	for i := range agreed {
		a := &agreed[i]
		if a.Group == nil {
			continue
		}
		k := a.Group.Tagged
		require.True(t, agreed[k].Enabled && !agreed[k].Rides(k), "%d rides on %d", i, k)
		require.Equal(t, agreed[k].Encryption, a.Encryption)
		require.NotEqual(t, ZRTP, a.Encryption)
		require.True(t, slices.Contains(ours.Bundle, ours.Media[i].Label))
		if a.Rides(i) {
			require.True(t, agreed[k].Mux && a.Mux)
			require.Nil(t, a.ICE)
			require.Zero(t, a.SendKey.Suite)
			checkRider(t, &ours.Media[i], &ours.Media[k])
		}
	}
}

func checkRider(t *testing.T, m, tagged *Media) {
	require.Equal(t, tagged.Port, m.Port)
	require.Empty(t, m.Crypto)
	require.Nil(t, m.ICE)
	require.Empty(t, m.Fingerprint+m.Setup)
	require.True(t, m.RTCPMux)
}
