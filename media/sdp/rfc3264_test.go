package sdp

import (
	"fmt"
	"net/netip"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// ourOffer is what leg B gets for a leg A that offered these lines.
func ourOffer(t *testing.T, plan OfferPlan, lines ...string) *Session {
	t.Helper()
	from := parse(t, lines...)
	plan.Rand, plan.SessionID = seeded(1), 1
	s, err := NewOffer(from, plan, each(localB, len(from.Media)))
	require.NoError(t, err)
	return s
}

// Section 6.1: the direction of an answer stays within the offer's, and the relay shows each end what the other one chose.
func TestRFC3264Directions(t *testing.T) {
	for _, tc := range []struct {
		offerA, answerB  Direction
		ourB, ourA       Direction // our own view of each leg
		describes, valid string
	}{
		{SendRecv, SendRecv, SendRecv, SendRecv, "both talk", ""},
		{SendRecv, SendOnly, RecvOnly, SendOnly, "B answers on hold: A is told sendonly (spec 2.4.6, mirrored)", ""},
		{SendRecv, RecvOnly, SendOnly, RecvOnly, "B only listens", ""},
		{SendRecv, Inactive, Inactive, Inactive, "B answers inactive", ""},
		{SendOnly, RecvOnly, SendOnly, RecvOnly, "A holds", ""},
		{SendOnly, Inactive, Inactive, Inactive, "A holds, B answers inactive", ""},
		{RecvOnly, SendOnly, RecvOnly, SendOnly, "A only listens", ""},
		{Inactive, Inactive, Inactive, Inactive, "nobody talks", ""},
		{SendOnly, SendRecv, SendOnly, RecvOnly, "B widens a sendonly offer: narrowed", ""},
		{SendOnly, SendOnly, Inactive, Inactive, "both send, nobody receives", ""},
		{RecvOnly, SendRecv, RecvOnly, SendOnly, "B widens a recvonly offer: narrowed", ""},
		{Inactive, SendRecv, Inactive, Inactive, "B widens an inactive offer: narrowed", ""},
	} {
		t.Run(tc.describes, func(t *testing.T) {
			a := parse(t, "m=audio 4000 RTP/AVP 0", "a="+tc.offerA.String())
			b, err := NewOffer(a, OfferPlan{Rand: seeded(1)}, each(localB, 1))
			require.NoError(t, err)
			require.Equal(t, tc.offerA, b.Media[0].Direction)
			agreedB, err := Accept(b, parse(t, "m=audio 5000 RTP/AVP 0", "a="+tc.answerB.String()))
			require.NoError(t, err)
			require.Equal(t, tc.ourB, agreedB[0].Direction)
			answer, agreedA, err := NewAnswer(a, agreedB, AnswerPlan{Rand: seeded(1)}, each(localA, 1))
			require.NoError(t, err)
			require.Equal(t, tc.ourA, agreedA[0].Direction)
			require.Contains(t, string(answer.Marshal()), "a="+tc.ourA.String()+"\r\n")
		})
	}
}

func TestDirectionAlgebra(t *testing.T) {
	all := []Direction{SendRecv, SendOnly, RecvOnly, Inactive}
	for _, d := range all {
		require.Equal(t, d, d.Mirror().Mirror())
		require.Equal(t, d.Sends(), d.Mirror().Receives())
		require.Equal(t, d, d.And(SendRecv))
		require.Equal(t, Inactive, d.And(Inactive))
		for _, e := range all {
			require.Equal(t, d.And(e), e.And(d))
		}
	}
}

// Section 8.4: the old way to hold, by an address of zeros.
func TestRFC3264HoldByAddress(t *testing.T) {
	for _, tc := range []struct {
		name  string
		lines []string
		want  Direction
	}{
		{"no attribute", []string{"m=audio 4000 RTP/AVP 0", "c=IN IP4 0.0.0.0"}, SendOnly},
		{"sendrecv", []string{"m=audio 4000 RTP/AVP 0", "c=IN IP4 0.0.0.0", "a=sendrecv"}, SendOnly},
		{"sendonly", []string{"m=audio 4000 RTP/AVP 0", "c=IN IP4 0.0.0.0", "a=sendonly"}, SendOnly},
		{"recvonly", []string{"m=audio 4000 RTP/AVP 0", "c=IN IP4 0.0.0.0", "a=recvonly"}, Inactive},
		{"inactive", []string{"m=audio 4000 RTP/AVP 0", "c=IN IP4 0.0.0.0", "a=inactive"}, Inactive},
		{"IPv6", []string{"m=audio 4000 RTP/AVP 0", "c=IN IP6 ::"}, SendOnly},
		{"ICE default candidate", []string{"m=audio 9 RTP/AVP 0", "c=IN IP4 0.0.0.0", "a=ice-ufrag:x"}, SendRecv},
	} {
		t.Run(tc.name, func(t *testing.T) {
			s := parse(t, tc.lines...)
			require.Equal(t, tc.want, s.Media[0].Direction)
			require.NoError(t, CheckOffer(s, Support{}))
			_, agreed, err := NewAnswer(s, nil, AnswerPlan{}, each(localA, 1))
			require.NoError(t, err)
			require.False(t, agreed[0].Remote.IsValid())
			require.Equal(t, tc.want.Mirror(), agreed[0].Direction)
		})
	}
}

// Section 6: what an answer must be to be one.
func TestRFC3264AnswerRules(t *testing.T) {
	offer := ourOffer(t, OfferPlan{}, "m=audio 4000 RTP/AVP 0 8", "m=video 4002 RTP/AVP 96", "a=rtpmap:96 VP8/90000")
	const audio, video = "m=audio 5000 RTP/AVP 0", "m=video 5002 RTP/AVP 96\r\na=rtpmap:96 VP8/90000"
	for _, tc := range []struct {
		name  string
		lines []string
		want  any // target of errors.As; nil: accepted
		live  []bool
	}{
		{"both", []string{audio, video}, nil, []bool{true, true}},
		{"video refused", []string{audio, "m=video 0 RTP/AVP 96"}, nil, []bool{true, false}},
		{"audio refused", []string{"m=audio 0 RTP/AVP 0", video}, nil, []bool{false, true}},
		{"all refused", []string{"m=audio 0 RTP/AVP 0", "m=video 0 RTP/AVP 96"}, new(*NoStreamError), nil},
		{"a section missing", []string{audio}, new(*SectionError), nil},
		{"a section too many", []string{audio, video, audio}, new(*SectionError), nil},
		{"sections swapped", []string{video, audio}, new(*SectionError), nil},
		{"a codec that was not offered", []string{"m=audio 5000 RTP/AVP 18", video}, new(*NoCodecError), nil},
		{"no codec at all", []string{"m=audio 5000 RTP/AVP", video}, new(*NoCodecError), nil},
		{"only part of the codecs offered", []string{"m=audio 5000 RTP/AVP 18 8", video}, nil, []bool{true, true}},
		{"secured although plain was offered", []string{"m=audio 5000 RTP/SAVP 0", video}, new(*ProfileError), nil},
		{"feedback although it was not offered", []string{"m=audio 5000 RTP/AVPF 0", video}, new(*ProfileError), nil},
		{"unknown profile", []string{"m=audio 5000 TCP/RTP/AVP 0", video}, new(*ProfileError), nil},
		{"host name as address", []string{"m=audio 5000 RTP/AVP 0\r\nc=IN IP4 phone.example.org", video}, new(*AddressError), nil},
		{"multicast", []string{"m=audio 5000 RTP/AVP 0\r\nc=IN IP4 224.2.1.1/127", video}, new(*AddressError), nil},
	} {
		t.Run(tc.name, func(t *testing.T) {
			agreed, err := Accept(offer, parse(t, tc.lines...))
			if tc.want != nil {
				require.ErrorAs(t, err, tc.want)
				code, text := Warning(err)
				require.GreaterOrEqual(t, code, 301)
				require.NotContains(t, text, `"`)
				return
			}
			require.NoError(t, err)
			for i, live := range tc.live {
				require.Equal(t, live, agreed[i].Enabled)
			}
		})
	}
	_, err := Accept(offer, nil)
	require.ErrorContains(t, err, "no session description")
}

// Section 6.1: an answerer may use numbers of its own for what it wants to receive.
func TestRFC3264RenumberedAnswer(t *testing.T) {
	lines := []string{"m=audio 4000 RTP/AVP 96 0 101", "a=rtpmap:96 opus/48000/2", "a=rtpmap:101 telephone-event/8000"}
	b := ourOffer(t, OfferPlan{}, lines...)
	agreedB, err := Accept(b, parse(t, "m=audio 5000 RTP/AVP 110 111", "a=rtpmap:110 OPUS/48000/2",
		"a=rtpmap:111 telephone-event/8000", "a=fmtp:110 stereo=1"))
	require.NoError(t, err)
	require.Len(t, agreedB[0].Codecs, 2)
	opus, events := agreedB[0].Codecs[0], agreedB[0].Codecs[1]
	require.Equal(t, []uint8{96, 110, 101, 111}, []uint8{opus.PT, opus.SendNumber(), events.PT, events.SendNumber()})

	_, agreedA, err := NewAnswer(parse(t, lines...), agreedB, AnswerPlan{}, each(localA, 1))
	require.NoError(t, err)
	require.Equal(t, []uint8{96, 96}, []uint8{agreedA[0].Codecs[0].PT, agreedA[0].Codecs[0].SendNumber()})
	require.Equal(t, "stereo=1", agreedA[0].Codecs[0].Fmtp)
	joined, ok := MatchCodec(agreedA[0].Codecs[1], agreedA[0].Codecs, agreedB[0].Codecs)
	require.True(t, ok)
	require.EqualValues(t, 111, joined.SendNumber())
}

// Retransmission formats name the number that they belong to (RFC 4588): it is translated with the codec.
func TestRenumberedReferences(t *testing.T) {
	lines := []string{
		"m=video 4000 RTP/AVP 96 97 102 103", "a=rtpmap:96 VP8/90000", "a=rtpmap:97 rtx/90000",
		"a=fmtp:97 apt=96;rtx-time=200", "a=rtpmap:102 H264/90000", "a=fmtp:102 packetization-mode=1",
		"a=rtpmap:103 rtx/90000", "a=fmtp:103 apt=102",
	}
	b := ourOffer(t, OfferPlan{}, lines...)
	agreedB, err := Accept(b, parse(t, "m=video 5000 RTP/AVP 120 121", "a=rtpmap:120 H264/90000",
		"a=fmtp:120 packetization-mode=1;profile-level-id=42e01f", "a=rtpmap:121 rtx/90000", "a=fmtp:121 apt=120;rtx-time=100"))
	require.NoError(t, err)
	answer, agreedA, err := NewAnswer(parse(t, lines...), agreedB, AnswerPlan{}, each(localA, 1))
	require.NoError(t, err)
	require.Equal(t, []string{"102", "103"}, answer.Media[0].formats())
	require.Equal(t, "apt=102;rtx-time=100", agreedA[0].Codecs[1].Fmtp)
}

// H.264: the same number without parameters is the codec that was offered; other parameters under it are not.
func TestAnswerWithoutDistinguishingParameters(t *testing.T) {
	lines := []string{"m=video 4000 RTP/AVP 97", "a=rtpmap:97 H264/90000", "a=fmtp:97 packetization-mode=1;profile-level-id=64001f"}
	b := ourOffer(t, OfferPlan{}, lines...)
	agreed, err := Accept(b, parse(t, "m=video 5000 RTP/AVP 97", "a=rtpmap:97 H264/90000"))
	require.NoError(t, err)
	require.Equal(t, "packetization-mode=1;profile-level-id=64001f", agreed[0].Codecs[0].Fmtp)
	_, err = Accept(b, parse(t, "m=video 5000 RTP/AVP 97", "a=rtpmap:97 H264/90000", "a=fmtp:97 packetization-mode=0"))
	require.ErrorAs(t, err, new(*NoCodecError))
}

// Section 6: a refused section keeps its place and its formats.
func TestForeignSectionsKeepTheirPlace(t *testing.T) {
	offer := parse(t, "m=text 4000 RTP/AVP 98", "a=rtpmap:98 t140/1000", "m=audio 4002 RTP/AVP 0",
		"m=application 4004 UDP/BFCP *", "m=image 4006 udptl t38")
	b := ourOffer(t, OfferPlan{}, "m=text 4000 RTP/AVP 98", "m=audio 4002 RTP/AVP 0", "m=application 4004 UDP/BFCP *",
		"m=image 4006 udptl t38")
	require.Equal(t, "text off; audio RTP/AVP 198.51.100.1:30004 sendrecv PCMU/8000,telephone-event/8000; application off; image off", b.String())
	answer, agreed, err := NewAnswer(offer, nil, AnswerPlan{}, each(localA, 4))
	require.NoError(t, err)
	require.Equal(t, []bool{false, true, false, false},
		[]bool{agreed[0].Enabled, agreed[1].Enabled, agreed[2].Enabled, agreed[3].Enabled})
	body := string(answer.Marshal())
	for _, line := range []string{"m=text 0 RTP/AVP 98", "m=audio 20004 RTP/AVP 0", "m=application 0 UDP/BFCP *", "m=image 0 udptl t38"} {
		require.Contains(t, body, line+"\r\n")
	}
}

// Section 8: the version grows by one with a change and stays without; the session id stays; no section ever disappears.
func TestRFC3264Versions(t *testing.T) {
	lines := []string{"m=audio 4000 RTP/AVP 0", "m=video 4002 RTP/AVP 96", "a=rtpmap:96 VP8/90000"}
	first := ourOffer(t, OfferPlan{Encryption: SDES}, lines...)
	again, err := NewOffer(parse(t, lines...), OfferPlan{Encryption: SDES, Rand: seeded(9), SessionID: 77, Previous: first},
		each(localB, 2))
	require.NoError(t, err)
	require.Equal(t, string(first.Marshal()), string(again.Marshal()), "same streams, same keys, same version")

	shorter, err := NewOffer(parse(t, lines[0]), OfferPlan{Encryption: SDES, Rand: seeded(9), Previous: first}, each(localB, 1))
	require.NoError(t, err)
	require.Equal(t, first.ID, shorter.ID)
	require.Equal(t, first.Version+1, shorter.Version)
	require.Len(t, shorter.Media, 2)
	require.Zero(t, shorter.Media[1].Port)
	require.True(t, first.Media[0].Crypto[0].Same(shorter.Media[0].Crypto[0]))

	held := reissue(first, SendOnly)
	require.Equal(t, first.Version+1, held.Version)
	require.Equal(t, []Direction{SendOnly, SendRecv}, []Direction{held.Media[0].Direction, held.Media[1].Direction})
	require.Equal(t, SendRecv, first.Media[0].Direction)
	require.Equal(t, first.Version, reissue(first).Version)
	held.Wipe()
	require.NotEqual(t, make([]byte, 30), []byte(first.Media[0].Crypto[0].Key))
}

// A change of suites keeps the keys of those that stay; an answer keeps its key while the suite stays.
func TestReofferKeepsKeys(t *testing.T) {
	first := ourOffer(t, OfferPlan{Encryption: SDES, Suites: []Suite{AESCM128SHA180, AEADAES128GCM}}, "m=audio 4000 RTP/AVP 0")
	next, err := NewOffer(parse(t, "m=audio 4000 RTP/AVP 0"), OfferPlan{
		Encryption: SDES, Suites: []Suite{AEADAES128GCM, AES256CMSHA180}, Rand: seeded(2), Previous: first,
	}, each(localB, 1))
	require.NoError(t, err)
	require.True(t, next.Media[0].Crypto[0].Same(first.Media[0].Crypto[1]))
	require.Equal(t, 1, next.Media[0].Crypto[0].Tag)

	offer := parse(t, "m=audio 4000 RTP/SAVP 0", "a=crypto:5 AES_CM_128_HMAC_SHA1_80 inline:"+key30)
	one, _, err := NewAnswer(offer, nil, AnswerPlan{Rand: seeded(3)}, each(localA, 1))
	require.NoError(t, err)
	two, agreed, err := NewAnswer(offer, nil, AnswerPlan{Rand: seeded(4), Previous: one}, each(localA, 1))
	require.NoError(t, err)
	require.Equal(t, string(one.Marshal()), string(two.Marshal()))
	require.True(t, agreed[0].SendKey.Same(one.Media[0].Crypto[0]))
}

func TestOfferWithoutDescription(t *testing.T) {
	require.NoError(t, CheckOffer(nil, Support{}))
	b, err := NewOffer(nil, OfferPlan{Encryption: SDES, Rand: seeded(1)}, each(localB, 1))
	require.NoError(t, err)
	require.Equal(t, "audio RTP/SAVP 198.51.100.1:30000 sendrecv opus/48000/2,PCMU/8000,PCMA/8000,telephone-event/8000,"+
		"telephone-event/48000 AES_CM_128_HMAC_SHA1_80,AES_CM_128_HMAC_SHA1_32,AES_256_CM_HMAC_SHA1_80,AES_256_CM_HMAC_SHA1_32",
		b.String())

	// Leg A's offer is then made from leg B's answer.
	answerB := parse(t, "m=audio 5000 RTP/AVP 8 101", "a=rtpmap:101 telephone-event/8000", "a=sendonly")
	a, err := NewOffer(answerB, OfferPlan{}, each(localA, 1))
	require.NoError(t, err)
	require.Equal(t, "audio RTP/AVP 192.0.2.1:20000 sendonly PCMA/8000,telephone-event/8000", a.String())
}

func TestCodecSettings(t *testing.T) {
	lines := []string{
		"m=audio 4000 RTP/AVP 96 97 0 101 102", "a=rtpmap:96 speex/16000", "a=rtpmap:97 SPEEX/8000",
		"a=rtpmap:101 telephone-event/8000", "a=rtpmap:102 telephone-event/16000",
		"m=video 4002 RTP/AVP 98 99 100", "a=rtpmap:98 VP8/90000", "a=rtpmap:99 H264/90000", "a=rtpmap:100 rtx/90000", "a=fmtp:100 apt=99",
	}
	support := Support{AudioCodec: "speex/8000", VideoCodec: "h264"}
	b, err := NewOffer(parse(t, lines...), OfferPlan{Support: support}, each(localB, 2))
	require.NoError(t, err)
	require.Equal(t, []string{"97", "101", "102"}, b.Media[0].formats())
	require.Equal(t, []string{"99", "100"}, b.Media[1].formats())

	answer, _, err := NewAnswer(parse(t, lines...), nil, AnswerPlan{Support: support}, each(localA, 2))
	require.NoError(t, err)
	require.Equal(t, []string{"97", "101", "102"}, answer.Media[0].formats())

	err = CheckOffer(parse(t, "m=audio 4000 RTP/AVP 0 101", "a=rtpmap:101 telephone-event/8000"), support)
	require.EqualError(t, err, "the offer has no usable stream: stream 1 (audio): no common codec: the peer has PCMU/8000, "+
		"and b2bua-server/audio-codec permits speex/8000 only")
	code, _ := Warning(err)
	require.Equal(t, 305, code)
}

func TestCheckOffer(t *testing.T) {
	for _, tc := range []struct {
		name  string
		lines []string
		want  any
		warn  int
	}{
		{"telephone events only", []string{"m=audio 4000 RTP/AVP 101", "a=rtpmap:101 telephone-event/8000"}, new(*NoCodecError), 305},
		{"dynamic number without a name", []string{"m=audio 4000 RTP/AVP 96"}, new(*NoCodecError), 305},
		{"all streams off", []string{"m=audio 0 RTP/AVP 0"}, new(*NoStreamError), 304},
		{"no section", nil, new(*NoStreamError), 304},
		{"foreign sections only", []string{"m=image 4000 udptl t38"}, new(*NoStreamError), 304},
		{"unknown profile", []string{"m=audio 4000 TCP/RTP/AVP 0"}, new(*ProfileError), 302},
		{"secure profile without keys", []string{"m=audio 4000 RTP/SAVP 0"}, new(*ProfileError), 302},
		{"no usable suite", []string{"m=audio 4000 RTP/SAVP 0", "a=crypto:1 F8_128_HMAC_SHA1_80 inline:AA"}, new(*NoSuiteError), 302},
		{"no usable suite, best effort", []string{"m=audio 4000 RTP/AVP 0", "a=crypto:1 F8_128_HMAC_SHA1_80 inline:AA"}, new(*NoSuiteError), 302},
		{"DTLS", []string{"m=audio 4000 UDP/TLS/RTP/SAVP 0", "a=fingerprint:sha-256 AA", "a=setup:actpass"}, new(*EncryptionError), 302},
		{"ZRTP", []string{"m=audio 4000 RTP/AVP 0", "a=zrtp-hash:1.10 AA"}, new(*EncryptionError), 302},
		{"host name", []string{"m=audio 4000 RTP/AVP 0", "c=IN IP4 phone.example.org"}, new(*AddressError), 301},
		{"multicast", []string{"m=audio 4000 RTP/AVP 0", "c=IN IP6 ff02::1"}, new(*AddressError), 301},
		{"broadcast", []string{"m=audio 4000 RTP/AVP 0", "c=IN IP4 255.255.255.255"}, new(*AddressError), 301},
		{"one of two is fine", []string{"m=audio 4000 RTP/AVP 96", "m=video 4002 RTP/AVP 31"}, nil, 0},
		{"keys for ZRTP and SDES", []string{"m=audio 4000 RTP/AVP 0", "a=zrtp-hash:1.10 AA", "a=crypto:1 AES_CM_128_HMAC_SHA1_80 inline:" + key30}, nil, 0},
	} {
		t.Run(tc.name, func(t *testing.T) {
			s := parse(t, tc.lines...)
			err := CheckOffer(s, Support{})
			if tc.want == nil {
				require.NoError(t, err)
				return
			}
			require.ErrorAs(t, err, tc.want)
			code, text := Warning(err)
			require.Equal(t, tc.warn, code)
			require.False(t, strings.ContainsAny(text, "\"\r\n\\"), text)
			_, err = NewOffer(s, OfferPlan{}, each(localB, len(s.Media)))
			if _, _, answerErr := NewAnswer(s, nil, AnswerPlan{Rand: seeded(1)}, each(localA, len(s.Media))); answerErr == nil {
				t.Fatalf("refused by CheckOffer and answered all the same (offer: %v)", err)
			}
		})
	}
}

// RFC 5761: multiplexing is agreed when offered, unless payload numbers stand in its way; never offered by us.
func TestRTCPMultiplexing(t *testing.T) {
	_, agreed, err := NewAnswer(parse(t, "m=audio 4000 RTP/AVP 0", "a=rtcp-mux", "a=rtcp:4711"), nil, AnswerPlan{}, each(localA, 1))
	require.NoError(t, err)
	require.True(t, agreed[0].Mux)
	require.Equal(t, agreed[0].Remote, agreed[0].RemoteRTCP)

	answer, agreed, err := NewAnswer(parse(t, "m=audio 4000 RTP/AVP 72", "a=rtpmap:72 opus/48000/2", "a=rtcp-mux"), nil,
		AnswerPlan{}, each(localA, 1))
	require.NoError(t, err)
	require.False(t, agreed[0].Mux)
	require.NotContains(t, string(answer.Marshal()), "rtcp-mux")

	require.NotContains(t, string(ourOffer(t, OfferPlan{}, "m=audio 4000 RTP/AVP 0", "a=rtcp-mux").Marshal()), "rtcp-mux")
}

// RFC 3605: RTCP on another port, or on another address.
func TestRTCPAttribute(t *testing.T) {
	for line, want := range map[string]string{
		"a=rtcp:4711":                     "203.0.113.9:4711",
		"a=rtcp:4711 IN IP4 203.0.113.10": "203.0.113.10:4711",
		"a=rtcp:4711 IN IP6 2001:db8::1":  "[2001:db8::1]:4711",
		"a=rtcp:99999":                    "203.0.113.9:4001",
		"a=rtcp:0":                        "203.0.113.9:4001",
		"a=rtcp:4711 IN IP4 not.an.addr":  "203.0.113.9:4001",
		"a=rtcp:4711 IN IP4 224.0.0.1":    "203.0.113.9:4001",
		"a=rtcp:4711 IN IP4 0.0.0.0":      "203.0.113.9:4001",
		"a=nothing":                       "203.0.113.9:4001",
	} {
		_, agreed, err := NewAnswer(parse(t, "m=audio 4000 RTP/AVP 0", line), nil, AnswerPlan{}, each(localA, 1))
		require.NoError(t, err)
		require.Equal(t, netip.MustParseAddrPort(want), agreed[0].RemoteRTCP, line)
	}
	odd := Ports{Addr: localA.Addr, RTP: 20000, RTCP: 20005}
	s, err := NewOffer(parse(t, "m=audio 4000 RTP/AVP 0"), OfferPlan{}, []Ports{odd})
	require.NoError(t, err)
	require.Contains(t, string(s.Marshal()), "a=rtcp:20005\r\n")
}

func TestHolds(t *testing.T) {
	agreed := func(names ...string) []Agreed {
		var list []Codec
		for i, n := range names {
			list = append(list, Codec{PT: uint8(96 + i), Name: n, Rate: 8000})
		}
		return []Agreed{{Enabled: len(names) > 0, Codecs: list}}
	}
	require.True(t, Holds(agreed("a", "b"), agreed("b", "a")))
	require.False(t, Holds(agreed("a", "b"), agreed("a")))
	require.False(t, Holds(agreed("a"), agreed("a", "b")))
	require.False(t, Holds(agreed("a"), agreed()))
	require.False(t, Holds(agreed("a"), append(agreed("a"), agreed("a")...)))
	require.True(t, Holds(agreed("a"), append(agreed("a"), agreed()...)), "a section that was refused")
	require.True(t, Holds(append(agreed("a"), agreed()...), agreed("a")), "a section that was refused")
}

// Section 8.3.2: a payload number keeps its meaning on its leg, whatever the other leg's new offer calls the codec.
func TestReofferKeepsNumbers(t *testing.T) {
	first := ourOffer(t, OfferPlan{}, "m=video 4000 RTP/AVP 96 97 98", "a=rtpmap:96 VP8/90000", "a=rtpmap:97 rtx/90000",
		"a=fmtp:97 apt=96", "a=rtpmap:98 AV1/90000")
	// Leg B's phone renumbers in its re-INVITE: 98 is VP8 now, 96 and 97 are new, 99 is free.
	next, err := NewOffer(parse(t, "m=video 4000 RTP/AVP 98 99 96 97 100", "a=rtpmap:98 VP8/90000", "a=rtpmap:99 rtx/90000",
		"a=fmtp:99 apt=98", "a=rtpmap:96 H264/90000", "a=rtpmap:97 rtx/90000", "a=fmtp:97 apt=96", "a=rtpmap:100 VP9/90000"),
		OfferPlan{Previous: first}, each(localB, 1))
	require.NoError(t, err)
	var got []string
	for _, c := range next.Media[0].Codecs {
		got = append(got, strings.TrimSpace(fmt.Sprint(c.PT, " ", c.Name, " ", c.Fmtp)))
	}
	require.Equal(t, []string{"96 VP8", "97 rtx apt=96", "99 H264", "100 rtx apt=99", "101 VP9"}, got)
}

func TestNoFreeNumber(t *testing.T) {
	previous := &Media{}
	for pt := range 128 {
		previous.Codecs = append(previous.Codecs, Codec{PT: uint8(pt), Name: "x" + fmt.Sprint(pt), Rate: 8000})
	}
	got := numbered([]Codec{{PT: 5, Name: "new", Rate: 8000}, {PT: 6, Name: "X100", Rate: 8000}}, previous)
	require.Equal(t, []Codec{{PT: 100, Name: "X100", Rate: 8000}}, got)
}
