package sdp

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

const muxed = "a=rtcp-mux"

// A leg that agreed on one port for RTP and RTCP keeps it in offers of ours, with the other port for the case that the peer does no longer
// (RFC 5761 section 5.1.1).
func TestReofferKeepsRTCPMux(t *testing.T) {
	plan := dtlsPlan()
	plan.Support.ICE, plan.Rand, plan.SessionID = true, seeded(1), 1
	local := []Ports{{Addr: localA.Addr, RTP: 30000, RTCP: 30004}}
	credentials := []string{"a=ice-ufrag:abcd", "a=ice-pwd:aaaaaaaaaaaaaaaaaaaaaaaa", "a=candidate:1 1 udp 2130706431 192.0.2.10 4000 typ host"}
	theirs := func(lines ...string) *Session {
		return parse(t, append([]string{"m=audio 4000 UDP/TLS/RTP/SAVP 0", "c=IN IP4 192.0.2.10", theirLine}, append(lines, credentials...)...)...)
	}
	from := parse(t, "m=audio 4000 RTP/AVP 0", "a=sendonly")

	answer, agreed, err := NewAnswer(theirs(muxed, "a=setup:actpass"), nil,
		AnswerPlan{Support: plan.Support, Rand: plan.Rand, Fingerprint: ourPrint}, local)
	require.NoError(t, err)
	require.True(t, agreed[0].Mux)
	text := string(answer.Marshal())
	assert.NotContains(t, text, "a=rtcp:")
	assert.Equal(t, 1, strings.Count(text, "a=candidate:"))

	plan.Previous, plan.Running = answer, agreed
	offer, err := NewOffer(from, plan, local)
	require.NoError(t, err)
	text = string(offer.Marshal())
	assert.Contains(t, text, muxed+"\r\n")
	assert.Contains(t, text, "a=rtcp:30004\r\n")
	assert.Equal(t, 2, strings.Count(text, "a=candidate:"))
	agreed, err = Accept(offer, theirs(muxed, "a=setup:passive"))
	require.NoError(t, err)
	assert.True(t, agreed[0].Mux)

	plan.Previous = offer
	again, err := NewOffer(from, plan, local)
	require.NoError(t, err)
	assert.Equal(t, string(offer.Marshal()), string(again.Marshal()), "nothing has changed")
	agreed, err = Accept(again, theirs("a=setup:passive"))
	require.NoError(t, err)
	assert.False(t, agreed[0].Mux)
	assert.Equal(t, uint16(4001), agreed[0].RemoteRTCP.Port())

	plan.Previous = again
	apart, err := NewOffer(from, plan, local)
	require.NoError(t, err)
	assert.NotContains(t, string(apart.Marshal()), muxed, "who did not agree is not asked again")
	assert.Equal(t, again.Version+1, apart.Version)
}

// Browsers refuse an offer without (RFC 8834 section 4.5). Who does not know it has a port for RTCP.
func TestOfferToABrowserHasRTCPMux(t *testing.T) {
	plan := dtlsPlan()
	plan.AVPF = true
	from := parse(t, "m=audio 4000 RTP/AVP 0")
	local := []Ports{{Addr: localA.Addr, RTP: 30000, RTCP: 30004}}
	for _, lines := range [][]string{{muxed}, nil} {
		offer, err := NewOffer(from, plan, local)
		require.NoError(t, err)
		assert.Contains(t, string(offer.Marshal()), muxed+"\r\n")
		assert.Contains(t, string(offer.Marshal()), "a=rtcp:30004\r\n")
		agreed, err := Accept(offer, parse(t, append([]string{"m=audio 4000 UDP/TLS/RTP/SAVPF 0", theirLine, "a=setup:active"}, lines...)...))
		require.NoError(t, err)
		assert.Equal(t, lines != nil, agreed[0].Mux)
	}
	offer, err := NewOffer(parse(t, "m=audio 4000 RTP/AVP 77", "a=rtpmap:77 opus/48000/2"), plan, local)
	require.NoError(t, err)
	assert.NotContains(t, string(offer.Marshal()), muxed, "its number looks like RTCP")
	for _, e := range []Encryption{None, SDES, DTLS} {
		for _, avpf := range []bool{true, false} {
			plan := plan
			plan.Encryption, plan.AVPF, plan.Rand = e, avpf, seeded(1)
			offer, err := NewOffer(from, plan, local)
			require.NoError(t, err)
			assert.Equal(t, e == DTLS && avpf, strings.Contains(string(offer.Marshal()), muxed), "%v, feedback %v", e, avpf)
		}
	}
}

// Numbers that look like RTCP keep the ports apart (RFC 5761 section 4).
func TestReofferWithoutMuxForNumbersOfRTCP(t *testing.T) {
	answer, agreed, err := NewAnswer(parse(t, "m=audio 4000 RTP/AVP 0", muxed), nil, AnswerPlan{}, each(localA, 1))
	require.NoError(t, err)
	offer, err := NewOffer(parse(t, "m=audio 4000 RTP/AVP 72", "a=rtpmap:72 opus/48000/2"), OfferPlan{Previous: answer, Running: agreed}, each(localA, 1))
	require.NoError(t, err)
	assert.NotContains(t, string(offer.Marshal()), muxed)
}
