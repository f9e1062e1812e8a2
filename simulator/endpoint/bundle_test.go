package endpoint

import (
	"fmt"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestBundleBetweenPhones(t *testing.T) {
	for _, policy := range []string{BundleBalanced, BundleMax} {
		for _, m := range []Media{{}, {Encryption: "sdes"}, {Encryption: "dtls-srtp"}, {Encryption: "dtls-srtp", AVPF: true}} {
			t.Run(fmt.Sprint(policy, " ", m.Encryption, m.AVPF), func(t *testing.T) {
				t.Parallel()
				m.Bundle, m.Video = policy, []string{"VP8/90000"}
				a, b := talk(t, phone(t, Config{Name: "marie", Media: m}), phone(t, Config{Name: "pauline", Media: m}), CallOptions{}, nil)
				hear(t, a, b)
				for _, c := range []*Call{a, b} {
					require.NoError(t, c.WaitPackets(within(t), "video", 20))
					s := c.Summary()
					assert.Equal(t, s.Audio().Local, s.Video().Local)
					assert.Equal(t, s.Audio().ReceivedFrom, s.Video().ReceivedFrom)
					assert.Zero(t, s.Video().Refused+s.Audio().Refused)
				}
				assert.Contains(t, string(a.offer.Marshal()), "a=group:BUNDLE 0 1\r\n")
				assert.Contains(t, string(b.local.Marshal()), "a=group:BUNDLE 0 1\r\n")

				m.Audio = []string{}
				require.NoError(t, a.Reinvite(within(t), m))
				require.NoError(t, b.WaitPackets(within(t), "video", 20))
				assert.False(t, b.Summary().Audio().Enabled)
				m.Audio = nil
				require.NoError(t, a.Reinvite(within(t), m))
				hear(t, a, b)
				assert.Equal(t, a.Summary().Audio().Local, a.Summary().Video().Local)
			})
		}
	}
}

func TestBundlePolicies(t *testing.T) {
	_, err := New(Config{AOR: "sip:x@example.org", Media: Media{Bundle: "max"}})
	assert.ErrorContains(t, err, "write balanced or max-bundle")
}
