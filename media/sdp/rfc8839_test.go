package sdp

import (
	"crypto/rand"
	"fmt"
	"net/netip"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"b2bua/media/ice"
)

const iceHead = "v=0\r\no=- 1 1 IN IP4 192.0.2.9\r\ns=-\r\nc=IN IP4 192.0.2.9\r\nt=0 0\r\n"

const iceAudio = "m=audio 4000 RTP/AVP 8\r\na=ice-ufrag:8hhY\r\na=ice-pwd:asd88fgpdd777uzjYhagZg\r\n" +
	"a=candidate:1 1 UDP 2130706431 192.0.2.9 4000 typ host\r\na=candidate:1 2 UDP 2130706430 192.0.2.9 4001 typ host\r\n"

func iceSupport(nat ...string) Support {
	s := Support{Encryptions: []Encryption{None, SDES, DTLS}, ICE: true}
	for _, a := range nat {
		s.NAT = append(s.NAT, netip.MustParseAddr(a))
	}
	return s
}

var iceAt = []Ports{{Addr: netip.MustParseAddr("198.51.100.1"), RTP: 30000, RTCP: 30001}}

func iceAnswer(t *testing.T, offer string, plan AnswerPlan) (string, *Session, Agreed) {
	t.Helper()
	theirs, err := Parse([]byte(offer))
	require.NoError(t, err)
	plan.Rand = rand.Reader
	ours, agreed, err := NewAnswer(theirs, nil, plan, iceAt)
	require.NoError(t, err)
	return string(ours.Marshal()), ours, agreed[0]
}

func TestAnOfferWithICEIsAnsweredWithICELite(t *testing.T) {
	text, ours, a := iceAnswer(t, iceHead+iceAudio, AnswerPlan{Support: iceSupport()})
	require.NotNil(t, a.ICE)
	assert.False(t, a.ICE.PeerLite)
	assert.Equal(t, "8hhY", a.ICE.Peer)
	assert.Equal(t, [2][]ice.Listed{
		{{Addr: netip.MustParseAddrPort("192.0.2.9:4000"), Priority: 2130706431}}, {{Addr: netip.MustParseAddrPort("192.0.2.9:4001"), Priority: 2130706430}},
	}, a.ICE.Listed)
	assert.Equal(t, 1, strings.Count(text, "\r\na=ice-lite\r\n"))
	assert.Less(t, strings.Index(text, "a=ice-lite"), strings.Index(text, "m="), "session level")
	assert.Contains(t, text, "\r\na=ice-options:ice2\r\n")
	assert.Contains(t, text, "\r\na=ice-ufrag:"+a.ICE.Local.Ufrag+"\r\na=ice-pwd:"+string(a.ICE.Local.Pwd)+"\r\n"+
		"a=candidate:1 1 UDP 2130706431 198.51.100.1 30000 typ host\r\na=candidate:1 2 UDP 2130706430 198.51.100.1 30001 typ host\r\n")
	assert.NotContains(t, text, "end-of-candidates")
	assert.NotContains(t, fmt.Sprintf("%v %+v", ours, a), string(a.ICE.Local.Pwd))
	got, err := Parse([]byte(text))
	require.NoError(t, err)
	assert.True(t, got.Media[0].ICE.Lite)
	assert.Len(t, got.Media[0].ICE.Candidates, 2)

	text, _, _ = iceAnswer(t, iceHead+iceAudio+"a=rtcp-mux\r\na=ice-options:trickle ice2\r\n", AnswerPlan{Support: iceSupport()})
	assert.Equal(t, 1, strings.Count(text, "a=candidate:"), "one component")
	assert.Contains(t, text, "a=rtcp-mux\r\n")
	assert.Contains(t, text, "a=end-of-candidates\r\n")
}

func TestWhoGetsNoICE(t *testing.T) {
	for name, offer := range map[string]string{
		"no ICE offered":        iceHead + "m=audio 4000 RTP/AVP 8\r\n",
		"no password":           iceHead + "m=audio 4000 RTP/AVP 8\r\na=ice-ufrag:8hhY\r\n",
		"a short password":      iceHead + "m=audio 4000 RTP/AVP 8\r\na=ice-ufrag:8hhY\r\na=ice-pwd:short\r\n",
		"a user name too short": iceHead + "m=audio 4000 RTP/AVP 8\r\na=ice-ufrag:8hh\r\na=ice-pwd:asd88fgpdd777uzjYhagZg\r\n",
	} {
		text, _, a := iceAnswer(t, offer, AnswerPlan{Support: iceSupport("203.0.113.1")})
		assert.Nil(t, a.ICE, name)
		assert.NotContains(t, text, "ice", name)
		assert.NotContains(t, text, "candidate", name)
		assert.NotContains(t, text, "203.0.113.1", name)
	}
	text, _, a := iceAnswer(t, iceHead+iceAudio, AnswerPlan{})
	assert.Nil(t, a.ICE, "enable-ice=false")
	assert.NotContains(t, text, "ice")
	assert.NotContains(t, text, "candidate")
}

func TestAMediaAddressThatIsNoCandidateIsAMismatch(t *testing.T) {
	moved := strings.Replace(iceHead, "c=IN IP4 192.0.2.9", "c=IN IP4 203.0.113.77", 1)
	text, _, a := iceAnswer(t, moved+iceAudio, AnswerPlan{Support: iceSupport()})
	assert.Nil(t, a.ICE, "somebody on the way relays the media")
	assert.Contains(t, text, "a=ice-mismatch\r\n")
	assert.NotContains(t, text, "a=ice-lite")
	assert.Equal(t, netip.MustParseAddrPort("203.0.113.77:4000"), a.Remote)

	for name, offer := range map[string]string{
		"trickled later": strings.Replace(iceHead, "c=IN IP4 192.0.2.9", "c=IN IP4 0.0.0.0", 1) +
			"m=audio 9 RTP/AVP 8\r\na=ice-ufrag:8hhY\r\na=ice-pwd:asd88fgpdd777uzjYhagZg\r\na=ice-options:trickle\r\n",
		"behind names": strings.Replace(iceHead, "c=IN IP4 192.0.2.9", "c=IN IP4 0.0.0.0", 1) +
			"m=audio 9 RTP/AVP 8\r\na=ice-ufrag:8hhY\r\na=ice-pwd:asd88fgpdd777uzjYhagZg\r\na=candidate:1 1 udp 5 0b4a.local 4000 typ host\r\n",
		"of the session": iceHead + "a=ice-ufrag:8hhY\r\na=ice-pwd:asd88fgpdd777uzjYhagZg\r\nm=audio 4000 RTP/AVP 8\r\na=candidate:1 1 udp 5 192.0.2.9 4000 typ host\r\n",
		"one component":  iceHead + "m=audio 4000 RTP/AVP 8\r\na=ice-ufrag:8hhY\r\na=ice-pwd:asd88fgpdd777uzjYhagZg\r\na=candidate:1 1 udp 5 192.0.2.9 4000 typ host\r\n",
		"and junk":       iceHead + iceAudio + "a=candidate:x\r\na=candidate:1 1 TCP 5 192.0.2.9 9 typ host tcptype active\r\na=remote-candidates:1 198.51.100.1 30000\r\na=ice-pacing:50\r\n",
	} {
		_, ours, a := iceAnswer(t, offer, AnswerPlan{Support: iceSupport()})
		assert.NotNil(t, a.ICE, name)
		assert.Equal(t, SendRecv, ours.Media[0].Direction, name)
	}
}

func TestNATAddressesAreCandidates(t *testing.T) {
	support := iceSupport("203.0.113.1", "2001:db8::1")
	text := natAnswer(t, support)
	assert.Contains(t, text, "\r\nc=IN IP4 198.51.100.1\r\n")
	assert.Regexp(t, `o=- \d+ \d+ IN IP4 198\.51\.100\.1\r\n`, text)
	support.NATInSDP = true
	text = natAnswer(t, support)
	assert.Contains(t, text, "\r\nc=IN IP4 203.0.113.1\r\n")
	assert.Regexp(t, `o=- \d+ \d+ IN IP4 203\.0\.113\.1\r\n`, text)
}

// natAnswer is our description to a peer with ICE.
func natAnswer(t *testing.T, support Support) string {
	t.Helper()
	text, _, _ := iceAnswer(t, iceHead+iceAudio, AnswerPlan{Support: support})
	assert.NotContains(t, text, "2001:db8::1", "the other family")
	assert.Contains(t, text, "a=candidate:1 1 UDP 2130706431 198.51.100.1 30000 typ host\r\na=candidate:1 2 UDP 2130706430 198.51.100.1 30001 typ host\r\n"+
		"a=candidate:2 1 UDP 2130706175 203.0.113.1 30000 typ host\r\na=candidate:2 2 UDP 2130706174 203.0.113.1 30001 typ host\r\n")
	assert.NotContains(t, text, "a=rtcp:")
	got, err := Parse([]byte(text))
	require.NoError(t, err)
	assert.False(t, got.Media[0].mismatched(false))
	return text
}

// A peer without ICE, inside the NAT perhaps, gets the address that the port is bound to.
func TestNATAddressForPeersWithoutICEOnlyWhereItIsAskedFor(t *testing.T) {
	support := iceSupport("203.0.113.1", "203.0.113.2")
	plain := iceHead + "m=audio 4000 RTP/AVP 8\r\n"
	theirs, err := Parse([]byte(plain))
	require.NoError(t, err)
	for inSDP, want := range map[bool]string{false: "198.51.100.1", true: "203.0.113.1"} {
		support.NATInSDP = inSDP
		text, _, _ := iceAnswer(t, plain, AnswerPlan{Support: support})
		assert.Contains(t, text, "\r\nc=IN IP4 "+want+"\r\n")
		assert.NotContains(t, text, "a=candidate")
		offer, err := NewOffer(theirs, OfferPlan{Support: support, Rand: rand.Reader, SessionID: 1}, iceAt)
		require.NoError(t, err)
		assert.Contains(t, string(offer.Marshal()), "\r\nc=IN IP4 "+want+"\r\n")
	}
	sleeping, err := NewOffer(theirs, OfferPlan{Support: support, Rand: rand.Reader, SessionID: 1}, []Ports{{Addr: netip.IPv4Unspecified(), RTP: 30000}})
	require.NoError(t, err)
	assert.Contains(t, string(sleeping.Marshal()), "\r\nc=IN IP4 0.0.0.0\r\n")
}

func TestARestartGetsNewCredentialsAndNothingElseDoes(t *testing.T) {
	_, first, a := iceAnswer(t, iceHead+iceAudio, AnswerPlan{Support: iceSupport()})
	_, second, b := iceAnswer(t, strings.ReplaceAll(iceHead, "1 1 IN", "1 2 IN")+iceAudio, AnswerPlan{Support: iceSupport(), Previous: first})
	assert.True(t, a.ICE.Local.Same(b.ICE.Local))
	assert.Equal(t, first.Version, second.Version)
	restart := strings.NewReplacer("8hhY", "9uB6", "asd88", "YH75F").Replace(iceAudio)
	_, third, c := iceAnswer(t, iceHead+restart, AnswerPlan{Support: iceSupport(), Previous: second})
	assert.NotEqual(t, a.ICE.Local.Ufrag, c.ICE.Local.Ufrag)
	assert.False(t, a.ICE.Local.Same(c.ICE.Local))
	assert.Equal(t, second.Version+1, third.Version)

	again := reissue(third)
	assert.Equal(t, string(third.Marshal()), string(again.Marshal()))
	again.Wipe()
	assert.True(t, third.Media[0].ICE.Same(c.ICE.Local), "a copy has memory of its own")
}

func TestTheSecondLegIsOfferedICE(t *testing.T) {
	from, err := Parse([]byte(iceHead + iceAudio))
	require.NoError(t, err)
	plan := OfferPlan{Support: iceSupport(), Rand: rand.Reader, SessionID: 1}
	offer, err := NewOffer(from, plan, iceAt)
	require.NoError(t, err)
	text := string(offer.Marshal())
	assert.Contains(t, text, "a=ice-lite\r\n")
	assert.NotContains(t, text, "8hhY", "nothing of the other leg's")
	assert.NotContains(t, text, "192.0.2.9")

	answer := func(s string) []Agreed {
		theirs, err := Parse([]byte(s))
		require.NoError(t, err)
		agreed, err := Accept(offer, theirs)
		require.NoError(t, err)
		return agreed
	}
	assert.Nil(t, answer(iceHead + "m=audio 4000 RTP/AVP 8\r\n")[0].ICE)
	assert.Nil(t, answer(strings.Replace(iceHead, "c=IN IP4 192.0.2.9", "c=IN IP4 203.0.113.77", 1) + iceAudio)[0].ICE)
	assert.Nil(t, answer(iceHead + iceAudio + "a=ice-mismatch\r\n")[0].ICE)
	assert.True(t, answer(iceHead + "a=ice-lite\r\n" + iceAudio)[0].ICE.PeerLite)
	agreed := answer(iceHead + iceAudio)
	require.NotNil(t, agreed[0].ICE)
	assert.True(t, agreed[0].ICE.Local.Same(offer.Media[0].ICE.Credentials))
	assert.Equal(t, "8hhY", agreed[0].ICE.Peer)
	assert.Len(t, agreed[0].ICE.Listed[0], 1)
	other := answer(iceHead + strings.Replace(iceAudio, "8hhY", "fork", 1))[0].ICE
	assert.Equal(t, "fork", other.Peer, "another phone, with the same credentials of ours")
	assert.True(t, other.Local.Same(agreed[0].ICE.Local))

	plan.Previous = offer
	again, err := NewOffer(from, plan, iceAt)
	require.NoError(t, err)
	assert.Equal(t, string(offer.Marshal()), string(again.Marshal()), "we do not restart")
	offer.Media[0].ICE = nil
	again, err = NewOffer(from, plan, iceAt)
	require.NoError(t, err)
	assert.Nil(t, again.Media[0].ICE, "what began without goes on without")

	plan = OfferPlan{Rand: rand.Reader, SessionID: 1}
	offer, err = NewOffer(from, plan, iceAt)
	require.NoError(t, err)
	assert.NotContains(t, string(offer.Marshal()), "ice")
}

// A wish for a whole picture is converted where only one leg has a feedback profile; the rest needs both.
func TestFeedbackOfOneLeg(t *testing.T) {
	const wishes = "a=rtcp-fb:* nack pli\r\na=rtcp-fb:* ccm fir\r\na=rtcp-fb:* nack\r\n"
	vp8 := Codec{PT: 96, Name: "VP8", Rate: 90000, Feedback: []string{"nack pli", "nack"}}
	for proto, feedback := range map[string]bool{"RTP/AVPF": true, "RTP/AVP": false} {
		from, err := Parse([]byte(iceHead + "m=audio 4002 " + proto + " 0\r\nm=video 4000 " + proto + " 96 97\r\na=rtpmap:96 VP8/90000\r\na=rtpmap:97 rtx/90000\r\na=fmtp:97 apt=96\r\n" + wishes))
		require.NoError(t, err)
		at := []Ports{iceAt[0], {Addr: iceAt[0].Addr, RTP: 30010, RTCP: 30011}}
		offer, err := NewOffer(from, OfferPlan{AVPF: true, SessionID: 1}, at)
		require.NoError(t, err)
		want := []string{"nack pli", "ccm fir"}
		if feedback {
			want = append(want, "nack")
		} else {
			assert.Empty(t, offer.Media[0].Codecs[0].Feedback, "audio has no picture")
			assert.Empty(t, offer.Media[1].Codecs[1].Feedback, "nor has a retransmission")
		}
		assert.ElementsMatch(t, want, offer.Media[1].Codecs[0].Feedback, proto)
		offer, err = NewOffer(from, OfferPlan{SessionID: 1}, at)
		require.NoError(t, err)
		assert.NotContains(t, string(offer.Marshal()), "rtcp-fb", proto)

		for legB, want := range map[bool][]string{true: {"nack pli", "nack"}, false: {"nack pli", "ccm fir"}} {
			peer := []Agreed{{}, {Enabled: true, Codecs: []Codec{vp8}, AVPF: legB}}
			answer, _, err := NewAnswer(from, peer, AnswerPlan{}, at)
			require.NoError(t, err)
			if !feedback {
				want = nil
			}
			assert.ElementsMatch(t, want, answer.Media[1].Codecs[0].Feedback, "%s, leg B %v", proto, legB)
		}
	}
}
