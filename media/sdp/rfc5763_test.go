package sdp

import (
	"crypto/sha1"
	"crypto/sha512"
	"fmt"
	"net/netip"
	"os"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

const (
	dtlsAudio = "m=audio 4000 UDP/TLS/RTP/SAVP 0"
	savpAudio = "m=audio 4000 RTP/SAVP 0"
)

var (
	withDTLS   = Support{Encryptions: []Encryption{None, SDES, DTLS}}
	ourPrint   = FingerprintOf([]byte("our certificate"))
	theirPrint = FingerprintOf([]byte("their certificate"))
	theirLine  = "a=fingerprint:" + theirPrint.String()
)

func dtlsPlan() OfferPlan {
	return OfferPlan{Encryption: DTLS, Support: withDTLS, Fingerprint: ourPrint, SessionID: 1}
}

func dtlsOffer(t *testing.T) *Session {
	t.Helper()
	offer, err := NewOffer(parse(t, "m=audio 4000 RTP/AVP 0"), dtlsPlan(), each(localB, 1))
	require.NoError(t, err)
	return offer
}

func TestRFC5763Offer(t *testing.T) {
	require.Contains(t, string(dtlsOffer(t).Marshal()),
		"m=audio 30000 UDP/TLS/RTP/SAVP 0 101\r\na=rtpmap:0 PCMU/8000\r\n"+
			"a=rtpmap:101 telephone-event/8000\r\na=fmtp:101 0-15\r\na=sendrecv\r\na=fingerprint:"+ourPrint.String()+"\r\na=setup:actpass\r\n")
	plan := dtlsPlan()
	plan.AVPF = true
	offer, err := NewOffer(parse(t, "m=audio 4000 RTP/AVP 0"), plan, each(localB, 1))
	require.NoError(t, err)
	require.Equal(t, "UDP/TLS/RTP/SAVPF", offer.Media[0].Proto)

	plan.Fingerprint = Fingerprint{}
	_, err = NewOffer(parse(t, "m=audio 4000 RTP/AVP 0"), plan, each(localB, 1))
	require.ErrorIs(t, err, errNoCertificate)
	plan.Support = Support{}
	_, err = NewOffer(parse(t, "m=audio 4000 RTP/AVP 0"), plan, each(localB, 1))
	require.ErrorAs(t, err, new(*EncryptionError))
}

// The roles of an answer of ours: RFC 5763 section 5, RFC 4145 section 4.
func TestRFC5763AnswerRoles(t *testing.T) {
	for _, tc := range []struct {
		profile, setup string
		want           string // our a=setup, "": refused
	}{
		{dtlsAudio, "a=setup:actpass", "active"},
		{dtlsAudio, "a=setup:active", "passive"},
		{dtlsAudio, "a=setup:passive", "active"},
		{dtlsAudio, "a=setup:ACTPASS", "active"},
		{dtlsAudio, "a=x:", "passive"},
		{dtlsAudio, "a=setup:holdconn", ""},
		{dtlsAudio, "a=setup:first", ""},
		{dtlsAudio + "\r\na=rtcp-mux", "a=setup:actpass", "active"},
		{"m=audio 4000 UDP/TLS/RTP/SAVPF 0", "a=setup:actpass", "active"},
		{savpAudio, "a=setup:actpass", "active"},
		{"m=audio 4000 RTP/SAVPF 0", "a=setup:active", "passive"},
		{"m=audio 4000 RTP/AVP 0", "a=setup:passive", "active"}, // RFC 8643: best effort
		{"m=audio 4000 DTLS/UDP/RTP/SAVP 0", "a=setup:actpass", "active"},
	} {
		for _, level := range []string{"session", "media"} {
			t.Run(tc.profile+" "+tc.setup+" "+level, func(t *testing.T) {
				lines := []string{tc.profile, theirLine, tc.setup}
				if level == "session" {
					lines = []string{theirLine, tc.setup, tc.profile}
				}
				offer := parse(t, lines...)
				require.Equal(t, DTLS, offer.Encryption())
				answer, agreed, err := NewAnswer(offer, nil, AnswerPlan{Support: withDTLS, Fingerprint: ourPrint}, each(localA, 1))
				require.Equal(t, err == nil, CheckOffer(offer, withDTLS) == nil)
				if tc.want == "" {
					require.ErrorAs(t, err, new(*DTLSError))
					code, _ := Warning(err)
					require.Equal(t, 302, code)
					return
				}
				require.NoError(t, err)
				m := answer.Media[0]
				require.Equal(t, []string{offer.Media[0].Proto, tc.want, ourPrint.String()}, []string{m.Proto, m.Setup, m.Fingerprint})
				require.Equal(t, offer.Media[0].RTCPMux, agreed[0].Mux)
				require.Equal(t, DTLS, agreed[0].Encryption)
				require.Equal(t, tc.want == "active", agreed[0].DTLS.Active)
				require.True(t, agreed[0].DTLS.Fingerprint.Equal(theirPrint))
				require.True(t, agreed[0].DTLS.Accepts([]byte("their certificate")))
				require.False(t, agreed[0].DTLS.Accepts([]byte("another certificate")))
				require.Equal(t, NoSuite, agreed[0].SendKey.Suite)
				require.Contains(t, agreed[0].String(), "dtls-srtp 203.0.113.9:4000 sendrecv "+tc.want)
			})
		}
	}
}

// The roles that an answer to our actpass gives us, and answers that are none.
func TestRFC5763AcceptRoles(t *testing.T) {
	for _, tc := range []struct {
		lines  []string
		active bool
		want   any
	}{
		{[]string{dtlsAudio, theirLine, "a=setup:active"}, false, nil},
		{[]string{dtlsAudio, theirLine, "a=setup:passive"}, true, nil},
		{[]string{dtlsAudio, theirLine}, true, nil},
		{[]string{theirLine, "a=setup:active", dtlsAudio}, false, nil},
		{[]string{savpAudio, theirLine, "a=setup:active"}, false, nil},
		{[]string{"m=audio 4000 UDP/TLS/RTP/SAVPF 0", theirLine, "a=setup:active"}, false, new(*ProfileError)},
		{[]string{dtlsAudio, theirLine, "a=setup:actpass"}, false, new(*DTLSError)},
		{[]string{dtlsAudio, theirLine, "a=setup:holdconn"}, false, new(*DTLSError)},
		{[]string{dtlsAudio, "a=setup:active"}, false, new(*DTLSError)},
		{[]string{dtlsAudio, "a=setup:active", "a=fingerprint:sha-256 AA"}, false, new(*DTLSError)},
		{[]string{dtlsAudio, "a=setup:active", "a=fingerprint:md5 " + theirPrint.String()[8:]}, false, new(*DTLSError)},
		{[]string{savpAudio, "a=crypto:1 AES_CM_128_HMAC_SHA1_80 inline:" + key30}, false, new(*ProfileError)},
		{[]string{"m=audio 4000 RTP/AVP 0"}, false, new(*ProfileError)},
		{[]string{"m=audio 4000 RTP/AVP 0", theirLine, "a=setup:active"}, false, new(*ProfileError)},
	} {
		t.Run(strings.Join(tc.lines, " "), func(t *testing.T) {
			agreed, err := Accept(dtlsOffer(t), parse(t, tc.lines...))
			if tc.want != nil {
				require.ErrorAs(t, err, tc.want)
				code, _ := Warning(err)
				require.Equal(t, 302, code)
				return
			}
			require.NoError(t, err)
			require.Equal(t, &DTLSParams{Active: tc.active, Fingerprint: theirPrint}, agreed[0].DTLS)
		})
	}
}

// RFC 5763 section 6.6: who is client does not change with a re-offer of either end, nor does a description that changes nothing.
func TestRFC5763ReofferKeepsRole(t *testing.T) {
	for _, first := range []string{"active", "passive"} {
		t.Run("we offered, answered "+first, func(t *testing.T) {
			offer := dtlsOffer(t)
			answer := []string{dtlsAudio, theirLine, "a=setup:" + first}
			agreed, err := Accept(offer, parse(t, answer...))
			require.NoError(t, err)

			again := reissue(offer)
			require.Equal(t, string(offer.Marshal()), string(again.Marshal()))
			same, err := Accept(again, parse(t, answer...))
			require.NoError(t, err)
			require.True(t, same[0].DTLS.Same(agreed[0].DTLS))

			plan := AnswerPlan{Support: withDTLS, Fingerprint: ourPrint, Previous: again}
			_, same, err = NewAnswer(parse(t, dtlsAudio, theirLine, "a=setup:actpass"), nil, plan, each(localA, 1))
			require.NoError(t, err)
			require.True(t, same[0].DTLS.Same(agreed[0].DTLS))

			other, err := Accept(offer, parse(t, dtlsAudio, "a=fingerprint:"+ourPrint.String(), "a=setup:"+first))
			require.NoError(t, err)
			require.False(t, other[0].DTLS.Same(agreed[0].DTLS))
		})
		t.Run("they offered "+first, func(t *testing.T) {
			offer := parse(t, dtlsAudio, theirLine, "a=setup:"+first)
			answer, agreed, err := NewAnswer(offer, nil, AnswerPlan{Support: withDTLS, Fingerprint: ourPrint}, each(localB, 1))
			require.NoError(t, err)
			plan := dtlsPlan()
			plan.Previous = answer
			re, err := NewOffer(parse(t, "m=audio 4000 RTP/AVP 0"), plan, each(localB, 1))
			require.NoError(t, err)
			require.Equal(t, agreed[0].DTLS.String(), re.Media[0].Setup)
			same, err := Accept(re, parse(t, dtlsAudio, theirLine, "a=setup:"+first))
			require.NoError(t, err)
			require.True(t, same[0].DTLS.Same(agreed[0].DTLS))
			_, err = Accept(re, parse(t, dtlsAudio, theirLine, "a=setup:"+agreed[0].DTLS.String()))
			require.ErrorAs(t, err, new(*DTLSError))
			_, same, err = NewAnswer(parse(t, dtlsAudio, theirLine, "a=setup:actpass"), nil,
				AnswerPlan{Support: withDTLS, Fingerprint: ourPrint, Previous: answer}, each(localB, 1))
			require.NoError(t, err)
			require.True(t, same[0].DTLS.Same(agreed[0].DTLS))
		})
	}
}

// A stream that asks for protection never ends up without, but may have it another way.
func TestDTLSBesideSDES(t *testing.T) {
	const crypto = "a=crypto:1 AES_CM_128_HMAC_SHA1_80 inline:" + key30
	for _, tc := range []struct {
		name    string
		lines   []string
		support Support
		want    Encryption
		fails   bool
	}{
		{"DTLS first", []string{savpAudio, crypto, theirLine, "a=setup:actpass"}, withDTLS, DTLS, false},
		{"without DTLS here", []string{savpAudio, crypto, theirLine, "a=setup:actpass"}, Support{}, SDES, false},
		{"unusable fingerprint", []string{savpAudio, crypto, "a=fingerprint:md5 AA"}, withDTLS, SDES, false},
		{"unusable fingerprint alone", []string{savpAudio, "a=fingerprint:md5 AA"}, withDTLS, None, true},
		{"best effort, unusable fingerprint", []string{"m=audio 4000 RTP/AVP 0", "a=fingerprint:md5 AA"}, withDTLS, None, true},
		{"best effort, without DTLS here", []string{"m=audio 4000 RTP/AVP 0", theirLine}, Support{}, None, true},
		{"crypto in a DTLS profile", []string{dtlsAudio, crypto}, withDTLS, None, true},
	} {
		t.Run(tc.name, func(t *testing.T) {
			got, err := parse(t, tc.lines...).Media[0].choose(tc.support)
			require.Equal(t, tc.fails, err != nil, err)
			require.Equal(t, tc.want, got)
		})
	}
}

// RFC 8122 section 5: several hashes, several certificates, any letter case.
func TestRFC8122Fingerprints(t *testing.T) {
	der := []byte("a certificate")
	one, long := sha1.Sum(der), sha512.Sum512(der)
	weak, strong := Fingerprint{"sha-1", one[:]}, Fingerprint{"sha-512", long[:]}
	m := parse(t, dtlsAudio, "a=fingerprint:md5 00", "a=fingerprint:"+weak.String(), "a=fingerprint:"+strong.String(), theirLine,
		"a=fingerprint:"+strings.ToLower(Fingerprint{"sha-512", append([]byte{1}, long[1:]...)}.String())).Media[0]
	p, err := m.answerDTLS(roleOpen)
	require.NoError(t, err)
	require.True(t, p.Fingerprint.Equal(strong))
	require.Len(t, p.Also, 1)
	require.True(t, p.Accepts(der))
	require.False(t, p.Accepts([]byte("their certificate"))) // its SHA-256 is not what is checked
	for _, alg := range []string{"sha-1", "sha-224", "sha-256", "sha-384", "sha-512"} {
		f := Fingerprint{alg, digest(alg, der)}
		got, err := ParseFingerprint(strings.ToUpper(alg) + "  " + strings.ToLower(f.String()[len(alg)+1:]))
		require.NoError(t, err)
		require.True(t, got.Equal(f) && got.Matches(der) && !got.Matches(der[1:]))
	}
	require.False(t, Fingerprint{}.Matches(der))
	var many []string
	for range maxFingerprints + 1 {
		many = append(many, theirLine)
	}
	_, err = Parse([]byte(text(many...)))
	require.ErrorAs(t, err, new(*ParseError))
	_, err = Parse([]byte(text(append([]string{dtlsAudio}, many...)...)))
	require.ErrorAs(t, err, new(*ParseError))
}

// The captured offers through a call whose leg B is DTLS-SRTP.
func TestCapturedOffersToDTLS(t *testing.T) {
	for file, want := range map[string]Encryption{
		"linphone-dtls": DTLS, "browser-dtls": DTLS, "linphone-none": None, "linphone-srtp": SDES, "baresip-sdes": SDES,
		"cisco-best-effort": SDES, "asterisk-optimistic": SDES, "softphone-savpf": SDES,
	} {
		t.Run(file, func(t *testing.T) {
			body, err := os.ReadFile("testdata/offers/" + file + ".sdp")
			require.NoError(t, err)
			offer, err := Parse(body)
			require.NoError(t, err)
			require.NoError(t, CheckOffer(offer, withDTLS))
			n := len(offer.Media)
			plan := dtlsPlan()
			plan.AVPF = true
			offerB, err := NewOffer(offer, plan, each(localB, n))
			require.NoError(t, err)
			answerB, farB, err := NewAnswer(reparse(t, offerB), nil, AnswerPlan{Support: withDTLS, Fingerprint: theirPrint}, each(localA, n))
			require.NoError(t, err)
			nearB, err := Accept(offerB, reparse(t, answerB))
			require.NoError(t, err)
			require.NotEqual(t, farB[0].DTLS.Active, nearB[0].DTLS.Active)
			_, a, err := NewAnswer(offer, nearB, AnswerPlan{Support: withDTLS, Fingerprint: ourPrint, Rand: seeded(1)}, each(localA, n))
			require.NoError(t, err)
			require.Equal(t, want, a[0].Encryption)
		})
	}
}

// What is read as a fingerprint is written the same, and names a hash of the right length.
func FuzzFingerprint(f *testing.F) {
	f.Add(theirPrint.String(), "actpass")
	f.Add(strings.ToLower(theirPrint.String()), "active")
	f.Add("SHA-1 "+strings.Repeat("aB:", 19)+"00", "holdconn")
	f.Add("sha-512 0:1", "passive")
	f.Fuzz(func(t *testing.T, value, setup string) {
		got, err := ParseFingerprint(value)
		if err == nil {
			again, err := ParseFingerprint(got.String())
			if err != nil || !again.Equal(got) || len(got.Digest) != digestSizes[got.Algorithm] {
				t.Fatalf("%q: %v, %v", value, again, err)
			}
		}
		m := Media{Kind: Audio, Type: "audio", Port: 1, Proto: "RTP/SAVP", Fingerprint: value, Setup: setup}
		p, answerErr := m.answerDTLS(rolePassive)
		if answerErr == nil && (err != nil || p.Active != strings.EqualFold(setup, "passive")) {
			t.Fatalf("%q %q: %v", value, setup, p)
		}
		if answerErr != nil {
			_, _ = Warning(fmt.Errorf("wrapped: %w", answerErr))
		}
	})
}

// A peer that signals an address behind a NAT is left the first message: ours would not reach it.
func TestPeerBehindNATBegins(t *testing.T) {
	for _, tc := range []struct{ peer, own, setup, want string }{
		{"192.168.1.20", "203.0.113.1", "actpass", "passive"},
		{"10.1.2.3", "203.0.113.1", "actpass", "passive"},
		{"100.64.9.9", "203.0.113.1", "actpass", "passive"},
		{"192.168.1.20", "203.0.113.1", "passive", "active"},
		{"192.168.1.20", "192.168.1.1", "actpass", "active"},
		{"203.0.113.9", "203.0.113.1", "actpass", "active"},
		{"127.0.0.2", "127.0.0.1", "actpass", "active"},
		{"fd00::2", "2001:db8::1", "actpass", "passive"},
	} {
		t.Run(tc.peer+" "+tc.own+" "+tc.setup, func(t *testing.T) {
			peer := netip.MustParseAddr(tc.peer)
			family := "IP4"
			if peer.Is6() {
				family = "IP6"
			}
			offer := parse(t, "c=IN "+family+" "+tc.peer, dtlsAudio, theirLine, "a=setup:"+tc.setup)
			plan := AnswerPlan{Support: withDTLS, Fingerprint: ourPrint}
			answer, agreed, err := NewAnswer(offer, nil, plan, each(Ports{Addr: netip.MustParseAddr(tc.own), RTP: 20000, RTCP: 20001}, 1))
			require.NoError(t, err)
			require.Equal(t, tc.want, answer.Media[0].Setup)
			require.Equal(t, tc.want == "active", agreed[0].DTLS.Active)
			plan.Previous = answer
			again, _, err := NewAnswer(offer, nil, plan, each(Ports{Addr: netip.MustParseAddr(tc.own), RTP: 20000, RTCP: 20001}, 1))
			require.NoError(t, err)
			require.Equal(t, tc.want, again.Media[0].Setup, "the role stays")
		})
	}
}
