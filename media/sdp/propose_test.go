package sdp

import (
	"fmt"
	"slices"
	"strconv"
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
	audio := append([]string{group, "m=audio 4000 UDP/TLS/RTP/SAVPF 0", "c=IN IP4 192.0.2.10", "a=mid:0", "a=extmap:4 " + extensionMID, candidate("4000")}, lines...)
	video := append([]string{"m=video " + port + " UDP/TLS/RTP/SAVPF 96", "c=IN IP4 192.0.2.10", "a=rtpmap:96 VP8/90000", "a=mid:1", "a=extmap:4 " + extensionMID}, lines...)
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
		"a=extmap:4 urn:ietf:params:rtp-hdrext:sdes:mid\r\n",
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
		assert.Equal(t, Group{Tagged: 0, MID: []string{"0", "1"}[i], Extension: 4}, *agreed[i].Group)
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

// codecLines are the formats of a description's sections as they are written.
func codecLines(s *Session) (lines [][]string) {
	for _, m := range s.Media {
		var list []string
		for _, c := range m.Codecs {
			list = append(list, strings.TrimSpace(fmt.Sprint(c.PT, " ", c.Name, " ", c.Fmtp)))
		}
		lines = append(lines, list)
	}
	return lines
}

// RFC 9143 section 9.1.1: one number has one meaning in the group. The first section keeps its numbers.
func TestProposedNumbers(t *testing.T) {
	plan, _, _ := proposal(t)
	from := parse(t, "m=audio 4000 RTP/AVP 96 101", "a=rtpmap:96 opus/48000/2", "a=rtpmap:101 telephone-event/48000",
		"m=video 4002 RTP/AVP 96 97 98 99", "a=rtpmap:96 VP8/90000", "a=rtpmap:97 rtx/90000", "a=fmtp:97 apt=96", "a=rtpmap:98 VP9/90000", "a=rtpmap:99 rtx/90000", "a=fmtp:99 apt=98",
		"m=video 4004 RTP/AVP 96 98 97", "a=rtpmap:96 VP8/90000", "a=rtpmap:98 VP9/90000", "a=rtpmap:97 rtx/90000", "a=fmtp:97 apt=98")
	offer, err := NewOffer(from, plan, each(localB, 3))
	require.NoError(t, err)
	assert.Equal(t, []string{"0", "1", "2"}, offer.Bundle)
	lines := codecLines(offer)
	require.Len(t, lines, 3)
	assert.Contains(t, lines[0], "96 opus")
	assert.Equal(t, []string{"100 VP8", "97 rtx apt=100", "98 VP9", "99 rtx apt=98"}, lines[1])
	assert.Equal(t, []string{"102 VP8", "98 VP9", "103 rtx apt=98"}, lines[2])
	checkMeanings(t, offer)
	for i := range from.Media { // packets still find their codec
		for _, c := range from.Media[i].Codecs {
			_, ok := MatchCodec(c, from.Media[i].Codecs, offer.Media[i].Codecs)
			assert.True(t, ok, c)
		}
	}

	plan.Bundle = false
	offer, err = NewOffer(from, plan, each(localB, 3))
	require.NoError(t, err)
	assert.Contains(t, codecLines(offer)[1], "96 VP8", "each on its own transport has its own numbers")
}

// A section for whose codecs no numbers are left has a transport of its own.
func TestProposedNumbersAreUsedUp(t *testing.T) {
	plan, _, _ := proposal(t)
	section := func(media, codec string, from, to int) []string {
		var lines []string
		numbers := ""
		for pt := from; pt <= to; pt++ {
			numbers += " " + strconv.Itoa(pt)
			lines = append(lines, fmt.Sprintf("a=rtpmap:%d %s%d/90000", pt, codec, pt))
		}
		return append([]string{"m=" + media + " RTP/AVP" + numbers}, lines...)
	}
	from := parse(t, slices.Concat(section("video 4000", "A", 96, 127), section("video 4002", "B", 96, 124), section("video 4004", "C", 96, 127))...)
	offer, err := NewOffer(from, plan, each(localB, 3))
	require.NoError(t, err)
	assert.Equal(t, []string{"0", "1"}, offer.Bundle)
	checkMeanings(t, offer)
	assert.Equal(t, uint8(35), offer.Media[1].Codecs[0].PT)
	assert.Len(t, offer.Media[1].Codecs, 29)
	assert.Equal(t, uint8(96), offer.Media[2].Codecs[0].PT)
	assert.Len(t, offer.Media[2].Codecs, 32)
}

// A stream that is new in the group leaves the numbers of the others alone, and those keep theirs.
func TestNumbersOfAStreamThatJoins(t *testing.T) {
	plan, _, _ := proposal(t)
	audio, video := []string{"m=audio 4000 RTP/AVP 96", "a=rtpmap:96 opus/48000/2"}, []string{"m=video 4002 RTP/AVP 96 97", "a=rtpmap:96 VP8/90000", "a=rtpmap:97 rtx/90000", "a=fmtp:97 apt=96"}
	offer, err := NewOffer(parse(t, audio...), plan, each(localB, 1))
	require.NoError(t, err)
	lines := strings.Split("a=rtcp-mux|"+theirLine+"|a=setup:active|a=ice-ufrag:abcd|a=ice-pwd:aaaaaaaaaaaaaaaaaaaaaaaa|a=candidate:1 1 udp 2130706431 192.0.2.10 4000 typ host", "|")
	agreed, err := Accept(offer, parse(t, append([]string{"a=group:BUNDLE 0", "m=audio 4000 UDP/TLS/RTP/SAVPF 96", "a=rtpmap:96 opus/48000/2", "a=mid:0"}, lines...)...))
	require.NoError(t, err)

	plan.Previous, plan.Running = offer, agreed
	both := parse(t, slices.Concat(audio, video)...)
	again, err := NewOffer(both, plan, each(localB, 2))
	require.NoError(t, err)
	require.Equal(t, []string{"0", "b1"}, again.Bundle)
	checkMeanings(t, again)
	before := codecLines(again)
	assert.Contains(t, before[0], "96 opus")

	again.Media[1].Port = again.Media[0].Port // as if it was accepted
	plan.Previous = again
	both = parse(t, slices.Concat([]string{"m=audio 4000 RTP/AVP 97", "a=rtpmap:97 opus/48000/2", "a=fmtp:97 useinbandfec=1"}, video)...)
	third, err := NewOffer(both, plan, each(localB, 2))
	require.NoError(t, err)
	assert.Equal(t, before[1], codecLines(third)[1])
	assert.Contains(t, codecLines(third)[0], "96 opus useinbandfec=1", "the same number, whatever the other leg calls it now")
}

// checkMeanings holds a description of ours to RFC 9143 section 9.1.1.
func checkMeanings(t *testing.T, s *Session) {
	t.Helper()
	means := meanings{}
	for i := range s.Media {
		if s.rides(i) {
			for _, c := range s.Media[i].Codecs {
				require.False(t, means.differs(c), "%d in section %d", c.PT, i)
			}
			means.note(s.Media[i].Codecs)
		}
	}
}
