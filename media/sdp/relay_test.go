package sdp

import (
	"math/rand"
	"net/netip"
	"testing"

	"github.com/stretchr/testify/require"
)

var (
	localA = Ports{Addr: netip.MustParseAddr("192.0.2.1"), RTP: 20000, RTCP: 20001}
	localB = Ports{Addr: netip.MustParseAddr("198.51.100.1"), RTP: 30000, RTCP: 30001}
)

// seeded is randomness that a test can repeat.
func seeded(seed int64) *rand.Rand { return rand.New(rand.NewSource(seed)) }

func parse(t *testing.T, lines ...string) *Session {
	t.Helper()
	s, err := Parse([]byte(text(lines...)))
	require.NoError(t, err)
	return s
}

// text puts a session level before sections.
func text(lines ...string) string {
	s := "v=0\r\no=- 1 1 IN IP4 203.0.113.9\r\ns=-\r\nc=IN IP4 203.0.113.9\r\nt=0 0\r\n"
	for _, l := range lines {
		s += l + "\r\n"
	}
	return s
}

func each(p Ports, n int) []Ports {
	list := make([]Ports, n)
	for i := range list {
		list[i] = Ports{Addr: p.Addr, RTP: p.RTP + uint16(4*i), RTCP: p.RTCP + uint16(4*i)}
	}
	return list
}

const key30 = "WVNfX19zZW1jdGwgKCkgewkyMjA7fQp9CnVubGVz"

func TestRelaySDESToNone(t *testing.T) {
	offerA := parse(t,
		"m=audio 4000 RTP/SAVP 96 0 101", "a=rtpmap:96 opus/48000/2", "a=fmtp:96 useinbandfec=1",
		"a=rtpmap:101 telephone-event/8000", "a=x-secret:1", "a=ptime:20",
		"a=crypto:1 AEAD_AES_192_GCM inline:AAAA", "a=crypto:2 AES_CM_128_HMAC_SHA1_32 inline:"+key30)
	require.NoError(t, CheckOffer(offerA, Support{}))
	require.Equal(t, SDES, offerA.Encryption())

	offerB, err := NewOffer(offerA, OfferPlan{Rand: seeded(1), SessionID: 7}, each(localB, 1))
	require.NoError(t, err)
	require.Equal(t, "v=0\r\no=- 7 1 IN IP4 198.51.100.1\r\ns=-\r\nc=IN IP4 198.51.100.1\r\nt=0 0\r\n"+
		"m=audio 30000 RTP/AVP 96 0 101\r\na=rtpmap:96 opus/48000/2\r\na=fmtp:96 useinbandfec=1\r\na=rtpmap:0 PCMU/8000\r\n"+
		"a=rtpmap:101 telephone-event/8000\r\na=ptime:20\r\na=sendrecv\r\n", string(offerB.Marshal()))

	answerB := parse(t, "m=audio 5000 RTP/AVP 0 101", "a=rtpmap:101 telephone-event/8000", "a=fmtp:101 0-16")
	agreedB, err := Accept(offerB, answerB)
	require.NoError(t, err)
	require.Equal(t, None, agreedB[0].Encryption)
	require.Equal(t, "203.0.113.9:5000", agreedB[0].Remote.String())
	require.Equal(t, "203.0.113.9:5001", agreedB[0].RemoteRTCP.String())

	answerA, agreedA, err := NewAnswer(offerA, agreedB, AnswerPlan{Rand: seeded(2), SessionID: 8}, each(localA, 1))
	require.NoError(t, err)
	require.Equal(t, "audio RTP/SAVP 192.0.2.1:20000 sendrecv PCMU/8000,telephone-event/8000 AES_CM_128_HMAC_SHA1_32",
		answerA.String())
	require.Equal(t, 2, agreedA[0].SendKey.Tag)
	require.Equal(t, AESCM128SHA132, agreedA[0].RecvKey.Suite)
	require.Len(t, agreedA[0].SendKey.Key, 30)
	require.NotEqual(t, []byte(agreedA[0].SendKey.Key), []byte(agreedA[0].RecvKey.Key))
	require.Contains(t, string(answerA.Marshal()), "a=fmtp:101 0-16\r\n")
}
