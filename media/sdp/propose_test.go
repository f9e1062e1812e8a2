package sdp

import (
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func proposal(t *testing.T) (OfferPlan, *Session, *Session) {
	t.Helper()
	plan := dtlsPlan()
	plan.Bundle, plan.AVPF, plan.Rand, plan.Support.ICE, plan.Support.Bundle = true, true, seeded(1), true, true
	from := parse(t, "m=audio 4000 RTP/AVP 0", "m=video 4002 RTP/AVP 96", "a=rtpmap:96 VP8/90000")
	offer, err := NewOffer(from, plan, each(localB, 2))
	require.NoError(t, err)
	return plan, from, offer
}

// answered is what a browser says: on one transport, or, where port is another one, on two.
func answered(t *testing.T, port, group string) *Session {
	t.Helper()
	lines := strings.Split("a=rtcp-mux|"+theirLine+"|a=setup:active|a=ice-ufrag:abcd|a=ice-pwd:aaaaaaaaaaaaaaaaaaaaaaaa", "|")
	candidate := func(port string) string { return "a=candidate:1 1 udp 2130706431 192.0.2.10 " + port + " typ host" }
	audio := append([]string{group, "m=audio 4000 UDP/TLS/RTP/SAVPF 0", "c=IN IP4 192.0.2.10", "a=mid:0", "a=extmap:1 " + extensionMID, candidate("4000")}, lines...)
	video := append([]string{"m=video " + port + " UDP/TLS/RTP/SAVPF 96", "c=IN IP4 192.0.2.10", "a=rtpmap:96 VP8/90000", "a=mid:1", "a=extmap:1 " + extensionMID}, lines...)
	if port != "4000" {
		video = append(video, candidate(port))
	}
	return parse(t, slices.DeleteFunc(append(audio, video...), func(line string) bool { return line == "" })...)
}

// Whatever is answered to a proposal: each stream that rides does so on one that is there, and a second answer to it is taken as if it
// were the first.
func FuzzProposal(f *testing.F) {
	const audio, video = "v=0\r\no=- 1 1 IN IP4 192.0.2.10\r\ns=-\r\nc=IN IP4 192.0.2.10\r\nt=0 0\r\na=group:BUNDLE 0 1\r\nm=audio 4000 UDP/TLS/RTP/SAVPF 0\r\na=mid:0\r\n",
		"m=video 4000 UDP/TLS/RTP/SAVPF 96\r\na=rtpmap:96 VP8/90000\r\na=mid:1\r\n"
	keys := "a=rtcp-mux\r\n" + theirLine + "\r\na=setup:active\r\na=ice-ufrag:abcd\r\na=ice-pwd:aaaaaaaaaaaaaaaaaaaaaaaa\r\n"
	f.Add([]byte(audio+keys+video+keys), []byte(audio+keys+video+"a=rtcp-mux\r\n"))
	f.Add([]byte(audio+keys+strings.Replace(video, "4000", "0", 1)), []byte(strings.Replace(audio, "BUNDLE 0 1", "BUNDLE 1", 1)+keys+video+keys))
	f.Fuzz(func(t *testing.T, first, second []byte) {
		_, _, offer := proposal(t)
		accept := func(offer *Session, body []byte) []Agreed {
			answer, err := Parse(body)
			if err != nil {
				return nil
			}
			agreed, err := Accept(offer, answer)
			if err == nil {
				checkBundle(t, offer, agreed)
			}
			return agreed
		}
		accept(offer, first)
		again := accept(offer, second)
		_, _, fresh := proposal(t)
		require.Equal(t, accept(fresh, second), again)
	})
}

// RFC 9143 section 7.2.1: each section has its own transport and rtcp-mux, and the group names all.
func TestProposedBundle(t *testing.T) {
	_, _, offer := proposal(t)
	text := string(offer.Marshal())
	for _, line := range []string{
		"a=group:BUNDLE 0 1\r\n", "m=audio 30000 UDP/TLS/RTP/SAVPF", "m=video 30004 UDP/TLS/RTP/SAVPF", "a=mid:0\r\n", "a=mid:1\r\n",
		"a=extmap:1 urn:ietf:params:rtp-hdrext:sdes:mid\r\n",
	} {
		assert.Contains(t, text, line)
	}
	for _, line := range []string{"a=rtcp-mux\r\n", "a=ice-ufrag:", "a=fingerprint:"} {
		assert.Equal(t, 2, strings.Count(text, line), line)
	}
}

func TestProposedBundleIsAccepted(t *testing.T) {
	plan, from, offer := proposal(t)
	agreed, err := Accept(offer, answered(t, "4000", "a=group:BUNDLE 0 1"))
	require.NoError(t, err)
	for i := range agreed {
		require.NotNil(t, agreed[i].Group)
		assert.Equal(t, Group{Tagged: 0, MID: []string{"0", "1"}[i], Extension: 1}, *agreed[i].Group)
		assert.True(t, agreed[i].Mux)
		assert.Equal(t, uint16(4000), agreed[i].Remote.Port())
	}
	assert.True(t, agreed[1].Rides(1))
	require.NotNil(t, agreed[0].ICE)

	plan.Previous, plan.Running = offer, agreed
	again, err := NewOffer(from, plan, each(localB, 2))
	require.NoError(t, err)
	text := string(again.Marshal())
	assert.Contains(t, text, "m=video 30000 UDP/TLS/RTP/SAVPF", "on the transport of audio from now on")
	assert.Equal(t, 1, strings.Count(text, "a=ice-ufrag:"))
	assert.Contains(t, text, "a=group:BUNDLE 0 1\r\n")
}

// Who does not know groups, or does not want one, has a transport for each stream.
func TestProposedBundleIsNotTaken(t *testing.T) {
	_, _, offer := proposal(t)
	agreed, err := Accept(offer, answered(t, "4002", ""))
	require.NoError(t, err)
	for i := range agreed {
		assert.Nil(t, agreed[i].Group)
		assert.NotNil(t, agreed[i].ICE)
		assert.NotNil(t, agreed[i].DTLS)
	}
	assert.Equal(t, uint16(4002), agreed[1].Remote.Port())
	assert.Empty(t, offer.Bundle)
}

// One branch of a fork takes the group, the next does not, and a third does again.
func TestProposedBundleOfAFork(t *testing.T) {
	_, _, offer := proposal(t)
	text := string(offer.Marshal())
	for _, c := range []struct {
		port, group string
		rides       bool
	}{{"4000", "a=group:BUNDLE 0 1", true}, {"4002", "", false}, {"4000", "a=group:BUNDLE 0 1", true}} {
		agreed, err := Accept(offer, answered(t, c.port, c.group))
		require.NoError(t, err)
		assert.Equal(t, c.rides, agreed[1].Rides(1))
		assert.Equal(t, !c.rides, agreed[1].ICE != nil)
		again := offer.Clone()
		again.restore()
		assert.Equal(t, text, string(again.Marshal()))
	}
	offer.Forget(1)
	assert.Nil(t, offer.proposal.Media[1].ICE)
}

func TestNothingIsProposedWithoutDTLS(t *testing.T) {
	plan, from, _ := proposal(t)
	for _, e := range []Encryption{None, SDES} {
		plan.Encryption = e
		offer, err := NewOffer(from, plan, each(localB, 2))
		require.NoError(t, err)
		assert.NotContains(t, string(offer.Marshal()), "BUNDLE")
	}
	plan.Encryption, plan.Support.Bundle = DTLS, false
	offer, err := NewOffer(from, plan, each(localB, 2))
	require.NoError(t, err)
	assert.NotContains(t, string(offer.Marshal()), "BUNDLE")
}

// A browser that was called with two transports, or has once offered them, answers with the second port as before, and with no fingerprint
// where our offer has none.
func TestAnswerOnOneTransportWithAnotherPort(t *testing.T) {
	plan, from, offer := proposal(t)
	agreed, err := Accept(offer, answered(t, "4002", "a=group:BUNDLE 0 1"))
	require.NoError(t, err)
	require.True(t, agreed[1].Rides(1))
	assert.Equal(t, uint16(4000), agreed[1].Remote.Port())

	plan.Previous, plan.Running = offer, agreed
	again, err := NewOffer(from, plan, each(localB, 2))
	require.NoError(t, err)
	answer := parse(t, "a=group:BUNDLE 0 1",
		"m=audio 4000 UDP/TLS/RTP/SAVPF 0", "c=IN IP4 192.0.2.10", "a=mid:0", "a=ice-ufrag:abcd", "a=ice-pwd:aaaaaaaaaaaaaaaaaaaaaaaa",
		"a=candidate:1 1 udp 2130706431 192.0.2.10 4000 typ host", theirLine, "a=setup:passive", "a=rtcp-mux",
		"m=video 4002 UDP/TLS/RTP/SAVPF 96", "c=IN IP4 192.0.2.10", "a=rtpmap:96 VP8/90000", "a=mid:1", "a=ice-ufrag:abcd",
		"a=ice-pwd:aaaaaaaaaaaaaaaaaaaaaaaa", "a=candidate:1 1 udp 2130706431 192.0.2.10 4002 typ host", "a=rtcp-mux")
	agreed, err = Accept(again, answer)
	require.NoError(t, err)
	require.True(t, agreed[1].Rides(1))
	assert.Equal(t, DTLS, agreed[1].Encryption)
	assert.Equal(t, uint16(4000), agreed[1].Remote.Port())
}
