package sdp

import (
	"bytes"
	"fmt"
	"log/slog"
	"net/netip"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestParseIsLiberal(t *testing.T) {
	const want = "audio RTP/AVP 192.0.2.5:4000 sendrecv PCMU/8000"
	for name, body := range map[string]string{
		"bare line feeds":        "v=0\no=- 1 1 IN IP4 192.0.2.5\ns=-\nc=IN IP4 192.0.2.5\nt=0 0\nm=audio 4000 RTP/AVP 0\n",
		"no final line end":      "v=0\r\no=- 1 1 IN IP4 192.0.2.5\r\ns=-\r\nc=IN IP4 192.0.2.5\r\nt=0 0\r\nm=audio 4000 RTP/AVP 0",
		"no s= and t=":           "v=0\r\no=- 1 1 IN IP4 192.0.2.5\r\nc=IN IP4 192.0.2.5\r\nm=audio 4000 RTP/AVP 0\r\n",
		"no o=":                  "v=0\r\nc=IN IP4 192.0.2.5\r\nm=audio 4000 RTP/AVP 0\r\n",
		"empty lines":            "v=0\r\n\r\nc=IN IP4 192.0.2.5\r\n\r\nm=audio 4000 RTP/AVP 0\r\n\r\n",
		"blanks at line ends":    "v=0 \r\nc=IN IP4 192.0.2.5 \r\nm=audio 4000 RTP/AVP 0  \r\n",
		"blank after the sign":   "v= 0\r\nc= IN IP4 192.0.2.5\r\nm= audio 4000 RTP/AVP 0\r\n",
		"c= after a=":            "v=0\r\nm=audio 4000 RTP/AVP 0\r\na=sendrecv\r\nc=IN IP4 192.0.2.5\r\n",
		"unknown line types":     "v=0\r\ny=1\r\nc=IN IP4 192.0.2.5\r\nk=clear:x\r\nm=audio 4000 RTP/AVP 0\r\nx=y\r\n",
		"unknown bandwidth":      "v=0\r\nc=IN IP4 192.0.2.5\r\nb=X-YZ:1\r\nm=audio 4000 RTP/AVP 0\r\nb=foo\r\n",
		"port count":             "v=0\r\nc=IN IP4 192.0.2.5\r\nm=audio 4000/2 RTP/AVP 0\r\n",
		"profile in lower case":  "v=0\r\nc=IN IP4 192.0.2.5\r\nm=audio 4000 RTP/AVP 0\r\na=rtpmap:0 PCMU/8000/1\r\n",
		"format that is no type": "v=0\r\nc=IN IP4 192.0.2.5\r\nm=audio 4000 RTP/AVP x 0 300 0 -1\r\n",
		"rtpmap that is none":    "v=0\r\nc=IN IP4 192.0.2.5\r\nm=audio 4000 RTP/AVP 96 97 98 99 0\r\na=rtpmap:96\r\na=rtpmap:97 x\r\na=rtpmap:98 x/0\r\na=rtpmap:99 x/1/2/3\r\n",
		"codec name in no ASCII": "v=0\r\nc=IN IP4 192.0.2.5\r\nm=audio 4000 RTP/AVP 96 0\r\na=rtpmap:96 p\xc3\xa9/8000\r\n",
		"IPv4 inside IPv6":       "v=0\r\nc=IN IP6 ::ffff:192.0.2.5\r\nm=audio 4000 RTP/AVP 0\r\n",
	} {
		t.Run(name, func(t *testing.T) {
			s, err := Parse([]byte(body))
			require.NoError(t, err)
			require.Equal(t, want, s.String())
		})
	}
}

func TestParseRefuses(t *testing.T) {
	head := "v=0\r\nc=IN IP4 192.0.2.5\r\n"
	for name, tc := range map[string]struct {
		body string
		line int
		want string
	}{
		"empty":                  {"", 0, "no v=0 line"},
		"not SDP":                {"hello", 1, "x=value"},
		"another version":        {"v=1\r\n", 1, "version"},
		"NUL":                    {head + "a=\x00\r\n", 3, "control characters"},
		"carriage return inside": {head + "a=x\ra=y\r\n", 3, "control characters"},
		"short m=":               {head + "m=audio 4000\r\n", 3, "without type, port and profile"},
		"port":                   {head + "m=audio 65536 RTP/AVP 0\r\n", 3, "65535"},
		"negative port":          {head + "m=audio -1 RTP/AVP 0\r\n", 3, "65535"},
		"body":                   {strings.Repeat("a=xxxxxxxxxxxxxx\r\n", 2000), 0, "at most"},
		"lines":                  {strings.Repeat("\r\n", 1025), 1025, "1024 lines"},
		"line length":            {head + "a=" + strings.Repeat("x", 8192) + "\r\n", 3, "longer"},
		"sections":               {head + strings.Repeat("m=audio 0 RTP/AVP 0\r\n", 17), 19, "16 m= sections"},
		"formats":                {head + "m=audio 0 RTP/AVP" + strings.Repeat(" 0", 65) + "\r\n", 3, "64 formats"},
		"crypto lines":           {head + "m=audio 1 RTP/SAVP 0\r\n" + strings.Repeat("a=crypto:x\r\n", 25), 28, "24 a=crypto"},
		"bandwidth lines":        {head + "m=audio 1 RTP/SAVP 0\r\n" + strings.Repeat("b=AS:1\r\n", 9), 12, "8 b= lines"},
		"m= not in ASCII":        {head + "m=audi\xc3\xb3 1 RTP/AVP 0\r\n", 3, "not in ASCII"},
		"word of an m= line":     {head + "m=audio 1 " + strings.Repeat("x", 65) + " 0\r\n", 3, "longer than 64"},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := Parse([]byte(tc.body))
			var fault *ParseError
			require.ErrorAs(t, err, &fault)
			require.Equal(t, tc.line, fault.Line)
			require.ErrorContains(t, err, tc.want)
			code, _ := Warning(err)
			require.Equal(t, 399, code)
		})
	}
}

func TestParseDetails(t *testing.T) {
	s, err := Parse([]byte("v=0\r\no=alice 12345678901234567890123 7 IN IP6 2001:db8::5\r\ns=Call\r\nc=IN IP6 2001:db8::5\r\nt=0 0\r\n" +
		"a=inactive\r\na=setup:passive\r\na=fingerprint:sha-256 AA\r\na=crypto:1 ignored here\r\n" +
		"m=audio 4000 RTP/AVP 96 9 8\r\nb=AS:64\r\na=rtpmap:96 opus/48000/2\r\na=rtpmap:96 twice/8000\r\na=fmtp:96 a=1\r\n" +
		"a=fmtp:96 b=2\r\na=ptime:20.0\r\na=maxptime:99999\r\na=mid:a1\r\na=sendonly\r\na=zrtp-hash:1.10 BB\r\na=setup:active\r\n" +
		"m=video 0 RTP/AVP 31\r\nc=IN IP4 192.0.2.6/127\r\n"))
	require.NoError(t, err)
	require.Equal(t, "alice", s.User)
	require.NotZero(t, s.ID)
	require.EqualValues(t, 7, s.Version)
	a, v := s.Media[0], s.Media[1]
	require.Equal(t, Codec{PT: 96, Name: "opus", Rate: 48000, Channels: 2, Fmtp: "a=1"}, a.Codecs[0])
	require.Equal(t, []string{"opus/48000/2", "G722/8000", "PCMA/8000"}, names(a.Codecs))
	require.Equal(t, []int{20, 0}, []int{a.Ptime, a.MaxPtime})
	require.Equal(t, []string{"a1", "sendonly", "1.10 BB", "active", "sha-256 AA"},
		[]string{a.Label, a.Direction.String(), a.ZRTPHash, a.Setup, a.Fingerprint})
	require.Equal(t, netip.MustParseAddr("2001:db8::5"), a.Addr)
	require.Equal(t, []string{"64"}, []string{strings.TrimPrefix(a.Bandwidth[0], "AS:")})
	require.Equal(t, Inactive, v.Direction)
	require.Equal(t, "passive", v.Setup)
	require.Equal(t, netip.MustParseAddr("192.0.2.6"), v.Addr)
	require.Empty(t, a.Crypto)
	require.Empty(t, a.Skipped)
}

func TestIPv6Legs(t *testing.T) {
	local := []Ports{{Addr: netip.MustParseAddr("2001:db8::1"), RTP: 20000, RTCP: 20001}}
	s, err := NewOffer(parse(t, "m=audio 4000 RTP/AVP 0"), OfferPlan{}, local)
	require.NoError(t, err)
	require.Contains(t, string(s.Marshal()), "IN IP6 2001:db8::1\r\nt=0 0\r\nm=audio 20000")
	require.Equal(t, local[0].Addr, reparse(t, s).Media[0].Addr)
}

// Sections may be on different addresses; each then has its own c= line.
func TestSectionsOnDifferentAddresses(t *testing.T) {
	local := []Ports{localA, localB}
	s, err := NewOffer(parse(t, "m=audio 4000 RTP/AVP 0", "m=video 4002 RTP/AVP 31"), OfferPlan{}, local)
	require.NoError(t, err)
	back := reparse(t, s)
	require.Equal(t, localA.Addr, back.Media[0].Addr)
	require.Equal(t, localB.Addr, back.Media[1].Addr)
}

func TestUnknownAttributesStayWhereTheyAre(t *testing.T) {
	offer := parse(t, "a=x-session:1", "m=audio 4000 RTP/AVP 0", "a=filtered-out-custom-media-attribute", "a=label:1",
		"a=candidate:1 1 UDP 1 192.0.2.1 4000 typ host", "a=extmap:1 urn:x", "a=ssrc:1 cname:x", "i=title", "b=RR:1")
	b, err := NewOffer(offer, OfferPlan{}, each(localB, 1))
	require.NoError(t, err)
	a, _, err := NewAnswer(offer, nil, AnswerPlan{}, each(localA, 1))
	require.NoError(t, err)
	for _, body := range []string{string(a.Marshal()), string(b.Marshal())} {
		for _, word := range []string{"x-session", "filtered", "label", "candidate", "extmap", "ssrc", "title", "RR"} {
			require.NotContains(t, body, word)
		}
	}
}

func TestWords(t *testing.T) {
	for _, e := range []Encryption{None, SDES, DTLS, ZRTP} {
		back, err := ParseEncryption(e.String())
		require.NoError(t, err)
		require.Equal(t, e, back)
	}
	_, err := ParseEncryption("dtsl-srtp")
	require.EqualError(t, err, `unknown media encryption "dtsl-srtp": write one of none, sdes, dtls-srtp, zrtp`)
	for _, d := range []Direction{SendRecv, SendOnly, RecvOnly, Inactive} {
		back, ok := parseDirection(d.String())
		require.True(t, ok)
		require.Equal(t, d, back)
	}
	require.Equal(t, []string{"audio", "video", "other", "Kind(9)", "Direction(9)", "Encryption(9)", "Suite(99)"}, []string{
		Audio.String(), Video.String(), Other.String(), Kind(9).String(), Direction(9).String(), Encryption(9).String(), Suite(99).String(),
	})
}

func TestCodecIdentity(t *testing.T) {
	h264 := func(fmtp string) Codec { return Codec{Name: "H264", Rate: 90000, Fmtp: fmtp} }
	for _, tc := range []struct {
		a, b Codec
		same bool
	}{
		{Codec{Name: "opus", Rate: 48000, Channels: 2}, Codec{PT: 111, Name: "OPUS", Rate: 48000, Channels: 2, Fmtp: "stereo=1"}, true},
		{Codec{Name: "opus", Rate: 48000, Channels: 2}, Codec{Name: "opus", Rate: 48000}, false},
		{Codec{Name: "L16", Rate: 44100}, Codec{Name: "L16", Rate: 44100, Channels: 1}, true},
		{Codec{Name: "telephone-event", Rate: 8000}, Codec{Name: "telephone-event", Rate: 48000}, false},
		{h264(""), h264("packetization-mode=0"), true},
		{h264("packetization-mode=1"), h264("packetization-mode=0"), false},
		{h264("profile-level-id=42e01f"), h264("profile-level-id=428016"), true},
		{h264("profile-level-id=42e01f"), h264("Profile-Level-Id=64001F"), false},
		{Codec{Name: "AMR", Rate: 8000}, Codec{Name: "AMR", Rate: 8000, Fmtp: "mode-set=0,2; octet-align=1"}, false},
		{Codec{Name: "AMR", Rate: 8000, Fmtp: "octet-align=0"}, Codec{Name: "AMR", Rate: 8000, Fmtp: "mode-set=7"}, true},
		{Codec{Name: "VP9", Rate: 90000}, Codec{Name: "VP9", Rate: 90000, Fmtp: "profile-id=2"}, false},
	} {
		require.Equal(t, tc.same, tc.a.Same(tc.b), "%+v %+v", tc.a, tc.b)
		require.Equal(t, tc.same, tc.b.Same(tc.a))
	}
}

// No printer shows a key of any type that holds one, and no error quotes a line that may hold one.
func TestNoKeyIsPrinted(t *testing.T) {
	offer := parse(t, "m=audio 4000 RTP/SAVP 0", "a=crypto:1 AES_CM_128_HMAC_SHA1_80 inline:"+key30,
		"a=crypto:2 AES_192_CM_HMAC_SHA1_80 inline:"+key30, "a=crypto:3 AES_CM_128_HMAC_SHA1_80 inline:"+key30+" X="+key30)
	answer, agreed, err := NewAnswer(offer, nil, AnswerPlan{Rand: seeded(1)}, each(localA, 1))
	require.NoError(t, err)
	theirs, ours := agreed[0].RecvKey.Key, agreed[0].SendKey.Key
	values := []any{
		offer, *offer, offer.Media, &offer.Media[0], answer, *answer, agreed, agreed[0], &agreed[0], theirs, ours,
		agreed[0].SendKey,
		struct{ A []Agreed }{agreed},
		map[string]Agreed{"a": agreed[0]},
	}
	for _, v := range values {
		var out bytes.Buffer
		for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%q", "%x", "%d"} {
			fmt.Fprintf(&out, verb, v)
		}
		slog.New(slog.NewTextHandler(&out, nil)).Info("x", "v", v)
		slog.New(slog.NewJSONHandler(&out, nil)).Info("x", "v", v)
		for _, key := range []Secret{theirs, ours} {
			require.NotContains(t, out.String(), string(key))
			require.NotContains(t, out.String(), fmt.Sprintf("%x", []byte(key[:8])))
			require.NotContains(t, out.String(), strings.Trim(fmt.Sprintf("%v", []byte(key[:8])), "[]"))
			require.NotContains(t, out.String(), strings.ReplaceAll(strings.Trim(fmt.Sprintf("%v", []byte(key[:8])), "[]"), " ", ","))
			require.NotContains(t, out.String(), strings.Trim(strings.TrimPrefix(fmt.Sprintf("%#v", []byte(key[:4])), "[]byte"), "{}"))
		}
		require.NotContains(t, out.String(), key30[:12])
	}
	for _, body := range []string{"a=crypto:1 X inline:" + key30 + "\x01", "crypto:1 X inline:" + key30, "m=audio " + key30 + " RTP/SAVP 0"} {
		_, err := Parse([]byte("v=0\r\n" + body))
		require.Error(t, err)
		require.NotContains(t, err.Error(), key30[:12])
	}
}

func TestWipe(t *testing.T) {
	offer := parse(t, "m=audio 4000 RTP/SAVP 0", "a=crypto:1 AES_CM_128_HMAC_SHA1_80 inline:"+key30)
	answer, agreed, err := NewAnswer(offer, nil, AnswerPlan{Rand: seeded(1)}, each(localA, 1))
	require.NoError(t, err)
	offer.Wipe()
	answer.Wipe()
	(*Session)(nil).Wipe()
	zeros := make([]byte, 30)
	require.Equal(t, zeros, []byte(answer.Media[0].Crypto[0].Key))
	require.NotEqual(t, zeros, []byte(agreed[0].SendKey.Key))
	require.NotEqual(t, zeros, []byte(agreed[0].RecvKey.Key))
	agreed[0].Wipe()
	require.Equal(t, zeros, []byte(agreed[0].SendKey.Key))
	require.Equal(t, zeros, []byte(agreed[0].RecvKey.Key))
}
