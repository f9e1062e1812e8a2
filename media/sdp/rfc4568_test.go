package sdp

import (
	"strings"
	"testing"

	"b2bua/media/sdes"

	"github.com/stretchr/testify/require"
)

// line makes an a=crypto line with a key of the right length.
func line(t *testing.T, tag int, suite Suite) string {
	t.Helper()
	c, err := sdes.New(tag, suite, seeded(int64(4000+tag))) // not the keys of our own plans
	require.NoError(t, err)
	return "a=crypto:" + c.Attribute()
}

// Section 5.1.2, spec 3.4: the suite answered is the first of the caller's list that is supported, under its tag.
func TestRFC4568AnswerPicksFirstUsable(t *testing.T) {
	for _, tc := range []struct {
		name  string
		lines []string
		tag   int
		suite Suite
	}{
		{"linphone's default order", []string{line(t, 1, AEADAES128GCM), line(t, 2, AESCM128SHA180)}, 1, AEADAES128GCM},
		{"row e", []string{line(t, 1, AESCM128SHA180), line(t, 2, AESCM128SHA132)}, 1, AESCM128SHA180},
		{"rows f and g", []string{line(t, 1, AES256CMSHA180), line(t, 2, AES256CMSHA132)}, 1, AES256CMSHA180},
		{"unsupported first", []string{"a=crypto:1 AES_192_CM_HMAC_SHA1_80 inline:AAAA", line(t, 9, AEADAES256GCM)}, 9, AEADAES256GCM},
		{"unencrypted first", []string{line(t, 1, AESCM128SHA180) + " UNENCRYPTED_SRTP", line(t, 2, AESCM128SHA132)}, 2, AESCM128SHA132},
		{"tag used twice", []string{line(t, 4, AESCM128SHA132), line(t, 4, AESCM128SHA180)}, 4, AESCM128SHA132},
	} {
		t.Run(tc.name, func(t *testing.T) {
			offer := parse(t, append([]string{"m=audio 4000 RTP/SAVP 0"}, tc.lines...)...)
			answer, agreed, err := NewAnswer(offer, nil, AnswerPlan{Rand: seeded(99)}, each(localA, 1))
			require.NoError(t, err)
			require.Len(t, answer.Media[0].Crypto, 1)
			require.Equal(t, tc.tag, answer.Media[0].Crypto[0].Tag)
			require.Equal(t, tc.suite, answer.Media[0].Crypto[0].Suite)
			require.Equal(t, SDES, agreed[0].Encryption)
			require.True(t, agreed[0].SendKey.Same(answer.Media[0].Crypto[0]))
			require.False(t, agreed[0].SendKey.Same(agreed[0].RecvKey), "the answered key is fresh")
		})
	}
}

func TestAnswerRepeatsTheSpellingOfTheOffer(t *testing.T) {
	l := strings.Replace(line(t, 1, AES256CMSHA180), "AES_256_CM", "AES_CM_256", 1)
	answer, _, err := NewAnswer(parse(t, "m=audio 4000 RTP/SAVP 0", l), nil, AnswerPlan{Rand: seeded(1)}, each(localA, 1))
	require.NoError(t, err)
	require.Contains(t, string(answer.Marshal()), "a=crypto:1 AES_CM_256_HMAC_SHA1_80 inline:")
	require.Equal(t, AES256CMSHA180, answer.Media[0].Crypto[0].Suite)
}

// Section 5.1.3: an answer picks one of the offered lines, by tag and suite; and nothing ever falls back to plain RTP.
func TestRFC4568AcceptRules(t *testing.T) {
	offer := ourOffer(t, OfferPlan{Encryption: SDES, Suites: []Suite{AES256CMSHA180, AES256CMSHA132}}, "m=audio 4000 RTP/AVP 0")
	const m = "m=audio 5000 RTP/SAVP 0"
	for _, tc := range []struct {
		name  string
		lines []string
		want  any
		suite Suite
	}{
		{"first", []string{m, line(t, 1, AES256CMSHA180)}, nil, AES256CMSHA180},
		{"second", []string{m, line(t, 2, AES256CMSHA132)}, nil, AES256CMSHA132},
		{"other spelling", []string{m, strings.Replace(line(t, 1, AES256CMSHA180), "256_CM", "CM_256", 1)}, nil, AES256CMSHA180},
		{"with MKI and lifetime", []string{m, line(t, 2, AES256CMSHA132) + "|2^31|1:4"}, nil, AES256CMSHA132},
		{"all lines repeated", []string{m, line(t, 2, AES256CMSHA132), line(t, 1, AES256CMSHA180)}, nil, AES256CMSHA132},
		{"tag of another suite", []string{m, line(t, 2, AES256CMSHA180)}, new(*KeyError), NoSuite},
		{"tag that was not offered", []string{m, line(t, 3, AES256CMSHA180)}, new(*KeyError), NoSuite},
		{"suite that was not offered", []string{m, line(t, 1, AESCM128SHA180)}, new(*KeyError), NoSuite},
		{"unencrypted", []string{m, line(t, 1, AES256CMSHA180) + " UNENCRYPTED_SRTP"}, new(*KeyError), NoSuite},
		{"no line", []string{m}, new(*KeyError), NoSuite},
		{"downgraded", []string{"m=audio 5000 RTP/AVP 0"}, new(*ProfileError), NoSuite},
		{"downgraded in profile only", []string{"m=audio 5000 RTP/AVP 0", line(t, 1, AES256CMSHA180)}, new(*ProfileError), NoSuite},
		{"DTLS instead", []string{"m=audio 5000 UDP/TLS/RTP/SAVP 0", "a=fingerprint:sha-256 AA"}, new(*ProfileError), NoSuite},
	} {
		t.Run(tc.name, func(t *testing.T) {
			agreed, err := Accept(offer, parse(t, tc.lines...))
			if tc.want != nil {
				require.ErrorAs(t, err, tc.want)
				code, text := Warning(err)
				require.Equal(t, 302, code)
				require.NotContains(t, text, "inline:")
				return
			}
			require.NoError(t, err)
			require.Equal(t, tc.suite, agreed[0].SendKey.Suite)
			require.Equal(t, tc.suite, agreed[0].RecvKey.Suite)
			require.Empty(t, agreed[0].SendKey.MKI)
		})
	}
}

// A peer that gives us our own key back, in an answer or in an offer of its own later, would have both directions under one
// keystream (RFC 3711 section 9.1).
func TestOurKeyIsNotTheirs(t *testing.T) {
	const audio = "m=audio 5000 RTP/SAVP 0"
	refused := func(err error) {
		t.Helper()
		require.ErrorAs(t, err, new(*StreamError))
		var key *KeyError
		require.ErrorAs(t, err, &key)
		code, text := Warning(err)
		require.Equal(t, 302, code)
		require.Contains(t, text, "repeats the key that is ours")
		require.NotContains(t, text, "inline")
	}
	offer := ourOffer(t, OfferPlan{Encryption: SDES}, "m=audio 4000 RTP/AVP 0")
	for i, c := range offer.Media[0].Crypto {
		_, err := Accept(offer, parse(t, audio, "a=crypto:"+c.Attribute()))
		refused(err)
		for k, other := range offer.Media[0].Crypto {
			if k != i && len(other.Key) == len(c.Key) {
				echo := other.Clone()
				echo.Key = c.Key.Clone()
				_, err := Accept(offer, parse(t, audio, "a=crypto:"+echo.Attribute()))
				refused(err)
			}
		}
		plan := AnswerPlan{Rand: seeded(77), Previous: offer}
		_, _, err = NewAnswer(parse(t, audio, "a=crypto:"+c.Attribute()), nil, plan, each(localA, 1))
		var none *NoStreamError
		require.ErrorAs(t, err, &none)
		refused(none.Streams[0])
	}
	// The re-INVITE of a caller that sends our answer back; its own key again is as right as ever.
	first := parse(t, audio, line(t, 1, AESCM128SHA180))
	answer, _, err := NewAnswer(first, nil, AnswerPlan{Rand: seeded(99)}, each(localA, 1))
	require.NoError(t, err)
	plan := AnswerPlan{Rand: seeded(98), Previous: answer}
	_, _, err = NewAnswer(reparse(t, answer), nil, plan, each(localA, 1))
	require.ErrorAs(t, err, new(*KeyError))
	_, agreed, err := NewAnswer(first, nil, plan, each(localA, 1))
	require.NoError(t, err)
	require.True(t, agreed[0].SendKey.Same(answer.Media[0].Crypto[0]))
}

// The matrix rows of spec 5.2 that exist: the suites of leg B are those of the rule, in its order, and only these.
func TestSuitesOfTheMatrix(t *testing.T) {
	for rule, want := range map[string]Suite{
		"AES_CM_128_HMAC_SHA1_80":                         AESCM128SHA180,
		"AES_256_CM_HMAC_SHA1_80;AES_256_CM_HMAC_SHA1_32": AES256CMSHA180,
		"AEAD_AES_256_GCM":                                AEADAES256GCM,
	} {
		var suites []Suite
		for name := range strings.SplitSeq(rule, ";") {
			s, err := ParseSuite(name)
			require.NoError(t, err)
			suites = append(suites, s)
		}
		offer := ourOffer(t, OfferPlan{Encryption: SDES, Suites: suites}, "m=audio 4000 RTP/AVP 0")
		require.Len(t, offer.Media[0].Crypto, len(suites))
		answer, _, err := NewAnswer(reparse(t, offer), nil, AnswerPlan{Rand: seeded(2)}, each(localA, 1))
		require.NoError(t, err)
		agreed, err := Accept(offer, reparse(t, answer))
		require.NoError(t, err)
		require.Equal(t, want, agreed[0].SendKey.Suite)
	}
}

func TestOfferedKeysDiffer(t *testing.T) {
	offer := ourOffer(t, OfferPlan{Encryption: SDES}, "m=audio 4000 RTP/AVP 0", "m=video 4002 RTP/AVP 31")
	seen := map[string]bool{}
	for _, m := range offer.Media {
		require.Len(t, m.Crypto, len(DefaultSuites))
		for i, c := range m.Crypto {
			require.Equal(t, DefaultSuites[i], c.Suite)
			require.False(t, seen[string(c.Key)])
			seen[string(c.Key)] = true
		}
	}
}

// Profiles of RFC 4585 and 5124: the feedback half may be dropped by the peer, the protection may not.
func TestFeedbackProfile(t *testing.T) {
	video := []string{"m=video 4000 RTP/AVPF 96", "a=rtpmap:96 VP8/90000", "a=rtcp-fb:96 nack pli", "a=rtcp-fb:* ccm fir", "a=rtcp-fb:96 transport-cc"}
	plain := ourOffer(t, OfferPlan{}, video...)
	require.Equal(t, "RTP/AVP", plain.Media[0].Proto)
	require.NotContains(t, string(plain.Marshal()), "rtcp-fb")

	offer := ourOffer(t, OfferPlan{Encryption: SDES, AVPF: true, Suites: []Suite{AESCM128SHA180}}, video...)
	require.Equal(t, "RTP/SAVPF", offer.Media[0].Proto)
	require.Equal(t, []string{"ccm fir", "nack pli"}, offer.Media[0].Codecs[0].Feedback)

	agreed, err := Accept(offer, parse(t, "m=video 5000 RTP/SAVPF 96", "a=rtpmap:96 VP8/90000", "a=rtcp-fb:96 nack pli",
		line(t, 1, AESCM128SHA180)))
	require.NoError(t, err)
	require.True(t, agreed[0].AVPF)
	require.Equal(t, []string{"nack pli"}, agreed[0].Codecs[0].Feedback)
	answer, _, err := NewAnswer(parse(t, video...), agreed, AnswerPlan{}, each(localA, 1))
	require.NoError(t, err)
	require.Contains(t, string(answer.Marshal()), "m=video 20000 RTP/AVPF 96\r\na=rtpmap:96 VP8/90000\r\na=rtcp-fb:96 nack pli\r\n")

	agreed, err = Accept(offer, parse(t, "m=video 5000 RTP/SAVP 96", "a=rtpmap:96 VP8/90000", line(t, 1, AESCM128SHA180)))
	require.NoError(t, err)
	require.False(t, agreed[0].AVPF)
}

func TestEncryptionDetection(t *testing.T) {
	const audio, fp, zh = "m=audio 4000 RTP/AVP 0", "a=fingerprint:sha-256 AA", "a=zrtp-hash:1.10 AA"
	crypto := line(t, 1, AESCM128SHA180)
	for _, tc := range []struct {
		name  string
		lines []string
		want  Encryption
	}{
		{"none", []string{audio}, None},
		{"best-effort SDES", []string{audio, crypto}, SDES},
		{"SDES", []string{"m=audio 4000 RTP/SAVP 0", crypto}, SDES},
		{"DTLS at session level", []string{fp, "m=audio 4000 UDP/TLS/RTP/SAVP 0"}, DTLS},
		{"DTLS before SDES", []string{audio, crypto, fp}, DTLS},
		{"ZRTP before all", []string{audio, crypto, fp, zh}, ZRTP},
		{"of the streams that are on", []string{audio, "m=video 0 RTP/AVP 31", zh}, None},
		{"strongest of two", []string{audio, "m=video 4002 RTP/SAVP 31", crypto}, SDES},
	} {
		t.Run(tc.name, func(t *testing.T) { require.Equal(t, tc.want, parse(t, tc.lines...).Encryption()) })
	}
	require.Equal(t, SDES, parse(t, audio, crypto, zh).EncryptionWith(Support{}))
	require.Equal(t, ZRTP, parse(t, audio, crypto, zh).EncryptionWith(Support{Encryptions: []Encryption{SDES, ZRTP}}))
}

func TestWhatCannotBeOfferedYet(t *testing.T) {
	for _, e := range []Encryption{DTLS, ZRTP} {
		_, err := NewOffer(parse(t, "m=audio 4000 RTP/AVP 0"), OfferPlan{Encryption: e, Rand: seeded(1)}, each(localB, 1))
		require.ErrorAs(t, err, new(*EncryptionError))
	}
	_, err := NewOffer(parse(t, "m=audio 4000 RTP/AVP 0"), OfferPlan{Encryption: SDES}, each(localB, 1))
	require.ErrorContains(t, err, "randomness")
	_, _, err = NewAnswer(parse(t, "m=audio 4000 RTP/SAVP 0", line(t, 1, AESCM128SHA180)), nil, AnswerPlan{}, each(localA, 1))
	require.ErrorContains(t, err, "randomness")
}
