package sdp

import (
	"bytes"
	"os"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

var (
	withZRTP  = Support{Encryptions: []Encryption{None, SDES, DTLS, ZRTP}}
	ourHello  = ZRTPHash([32]byte{1, 2, 3})
	helloHash = [32]byte{0xfe, 0xdc, 31: 0xba}
	helloLine = "a=zrtp-hash:" + ZRTPHash(helloHash)
)

func withHello(p Ports, n int) []Ports {
	ports := each(p, n)
	for i := range ports {
		ports[i].ZRTPHash = ourHello
	}
	return ports
}

func zrtpPlan() OfferPlan { return OfferPlan{Encryption: ZRTP, Support: withZRTP, SessionID: 1} }

func zrtpOffer(t *testing.T) *Session {
	t.Helper()
	offer, err := NewOffer(parse(t, "m=audio 4000 RTP/AVP 0", helloLine), zrtpPlan(), withHello(localB, 1))
	require.NoError(t, err)
	return offer
}

// RFC 6189 section 8.
func TestRFC6189Value(t *testing.T) {
	const digits = "fe30efd02423cb054e50efd0248742ac7a52c8f91bc2df881ae642c371ba46df"
	for _, value := range []string{"1.10 " + digits, "1.10 " + strings.ToUpper(digits), "1.10  " + digits + " ", "1.11 " + digits, "1.1 " + digits} {
		hash, err := ParseZRTPHash(value)
		require.NoError(t, err, value)
		require.Equal(t, "1.10 "+digits, ZRTPHash(hash))
	}
	for value, why := range map[string]string{
		"":                     `version "" is not one that we speak (1.10)`,
		"1.00 " + digits:       `version "1.00" is not one that we speak (1.10)`,
		"2.10 " + digits:       `version "2.10" is not one that we speak (1.10)`,
		"1.100 " + digits:      `version "1.100" is not one that we speak (1.10)`,
		digits:                 "is not one that we speak (1.10)",
		"1.10":                 "0 characters where a hash has 64 hexadecimal digits",
		"1.10 " + digits[2:]:   "62 characters where a hash has 64 hexadecimal digits",
		"1.10 " + digits + "0": "65 characters where a hash has 64 hexadecimal digits",
		"1.10 g" + digits[1:]:  "the hash has characters that are no hexadecimal digits",
	} {
		hash, err := ParseZRTPHash(value)
		require.ErrorAs(t, err, new(*ZRTPError))
		require.ErrorContains(t, err, why)
		require.Zero(t, hash)
	}
}

func TestRFC6189Offer(t *testing.T) {
	body := string(zrtpOffer(t).Marshal())
	require.Contains(t, body, "m=audio 30000 RTP/AVP 0 101\r\n")
	require.Contains(t, body, "a=zrtp-hash:"+ourHello+"\r\n")
	require.NotContains(t, body, helloLine, "the hash of leg A's phone stays on leg A")

	plan := zrtpPlan()
	plan.AVPF = true
	offer, err := NewOffer(parse(t, "m=audio 4000 RTP/AVP 0"), plan, withHello(localB, 1))
	require.NoError(t, err)
	require.Equal(t, "RTP/AVPF", offer.Media[0].Proto)

	plan.Encryption = None
	offer, err = NewOffer(parse(t, "m=audio 4000 RTP/AVP 0", helloLine), plan, withHello(localB, 1))
	require.NoError(t, err)
	require.NotContains(t, string(offer.Marshal()), "zrtp-hash")

	_, err = NewOffer(parse(t, "m=audio 4000 RTP/AVP 0"), zrtpPlan(), each(localB, 1))
	require.ErrorIs(t, err, errNoHello)
}

func TestRFC6189Answer(t *testing.T) {
	offer := parse(t, "m=audio 4000 RTP/AVP 0", helloLine)
	answer, agreed, err := NewAnswer(offer, nil, AnswerPlan{Support: withZRTP}, withHello(localA, 1))
	require.NoError(t, err)
	require.Contains(t, string(answer.Marshal()), "m=audio 20000 RTP/AVP 0\r\n")
	require.Contains(t, string(answer.Marshal()), "a=zrtp-hash:"+ourHello+"\r\n")
	require.Equal(t, ZRTP, agreed[0].Encryption)
	require.Equal(t, &ZRTPParams{PeerHash: helloHash, HasHash: true}, agreed[0].ZRTP)
	require.Contains(t, agreed[0].String(), "zrtp 203.0.113.9:4000 sendrecv hash")

	_, _, err = NewAnswer(offer, nil, AnswerPlan{Support: withZRTP}, each(localA, 1))
	require.ErrorIs(t, err, errNoHello)

	answer, agreed, err = NewAnswer(parse(t, "m=audio 4000 RTP/AVP 0"), nil, AnswerPlan{Support: withZRTP}, withHello(localA, 1))
	require.NoError(t, err)
	require.NotContains(t, string(answer.Marshal()), "zrtp-hash")
	require.Equal(t, None, agreed[0].Encryption)
	require.Nil(t, agreed[0].ZRTP)
}

// A hash that nothing can be compared to does not end ZRTP, which works without one; the reason is kept.
func TestRFC6189HashThatCannotBeUsed(t *testing.T) {
	other := "a=zrtp-hash:2.00 " + strings.Repeat("ab", 40)
	for _, tc := range []struct {
		name   string
		lines  []string
		fault  string
		usable bool
	}{
		{"short", []string{"a=zrtp-hash:1.10 AA"}, "2 characters", false},
		{"another version", []string{other}, "is not one that we speak", false},
		{"ours after another version", []string{other, helloLine}, "", true},
		{"ours before another version", []string{helloLine, other}, "", true},
		{"two of ours", []string{helloLine, "a=zrtp-hash:" + ourHello}, "", true},
	} {
		t.Run(tc.name, func(t *testing.T) {
			theirs := parse(t, append([]string{"m=audio 4000 RTP/AVP 0"}, tc.lines...)...)
			_, agreed, err := NewAnswer(theirs, nil, AnswerPlan{Support: withZRTP}, withHello(localA, 1))
			require.NoError(t, err)
			accepted, err := Accept(zrtpOffer(t), theirs)
			require.NoError(t, err)
			for _, a := range []Agreed{agreed[0], accepted[0]} {
				require.Equal(t, ZRTP, a.Encryption)
				require.Equal(t, tc.usable, a.ZRTP.HasHash)
				require.Contains(t, a.ZRTP.Fault, tc.fault)
				if tc.usable {
					require.Empty(t, a.ZRTP.Fault)
					require.Equal(t, helloHash, a.ZRTP.PeerHash)
				}
			}
		})
	}
}

// Each stream has a Hello of its own.
func TestRFC6189OneHashForTwoStreams(t *testing.T) {
	for name, lines := range map[string][]string{
		"session level": {helloLine, "m=audio 4000 RTP/AVP 0", "m=video 4002 RTP/AVP 31"},
		"media level":   {"m=audio 4000 RTP/AVP 0", helloLine, "m=video 4002 RTP/AVP 31", helloLine},
	} {
		t.Run(name, func(t *testing.T) {
			_, agreed, err := NewAnswer(parse(t, lines...), nil, AnswerPlan{Support: withZRTP}, withHello(localA, 2))
			require.NoError(t, err)
			for _, a := range agreed {
				require.Equal(t, ZRTP, a.Encryption)
				require.False(t, a.ZRTP.HasHash)
				require.Contains(t, a.ZRTP.Fault, "several streams")
			}
		})
	}
	_, agreed, err := NewAnswer(parse(t, helloLine, "m=audio 4000 RTP/AVP 0"), nil, AnswerPlan{Support: withZRTP}, withHello(localA, 1))
	require.NoError(t, err)
	require.True(t, agreed[0].ZRTP.HasHash, "one stream: it cannot be another's")
}

func TestRFC6189Accept(t *testing.T) {
	agreed, err := Accept(zrtpOffer(t), parse(t, "m=audio 5000 RTP/AVP 0", helloLine))
	require.NoError(t, err)
	require.Equal(t, ZRTP, agreed[0].Encryption)
	require.Equal(t, &ZRTPParams{PeerHash: helloHash, HasHash: true}, agreed[0].ZRTP)

	agreed, err = Accept(zrtpOffer(t), parse(t, "m=audio 5000 RTP/AVP 0"))
	require.NoError(t, err, "the attribute is optional")
	require.Equal(t, ZRTP, agreed[0].Encryption, "the Hello decides")
	require.Equal(t, &ZRTPParams{}, agreed[0].ZRTP)

	_, err = Accept(zrtpOffer(t), parse(t, "m=audio 5000 RTP/SAVP 0", line(t, 1, AESCM128SHA180)))
	require.ErrorAs(t, err, new(*ProfileError))
}

func TestRFC6189SecureProfile(t *testing.T) {
	crypto := line(t, 1, AESCM128SHA180)
	e, err := parse(t, "m=audio 4000 RTP/SAVP 0", helloLine, crypto).Media[0].Choose(withZRTP)
	require.NoError(t, err)
	require.Equal(t, SDES, e)
	_, err = parse(t, "m=audio 4000 RTP/SAVP 0", helloLine).Media[0].Choose(withZRTP)
	require.ErrorAs(t, err, new(*ProfileError))
	require.ErrorContains(t, err, "keys by ZRTP need RTP/AVP")
}

// A re-INVITE without the attribute does not end the encryption of a stream that has it, and ours repeats it.
func TestRFC6189Reinvite(t *testing.T) {
	offer := zrtpOffer(t)
	agreed, err := Accept(offer, parse(t, "m=audio 5000 RTP/AVP 0", helloLine))
	require.NoError(t, err)

	answer, again, err := NewAnswer(parse(t, "m=audio 5000 RTP/AVP 0", "a=sendonly"), nil,
		AnswerPlan{Support: withZRTP, Previous: offer}, withHello(localB, 1))
	require.NoError(t, err)
	require.Equal(t, ZRTP, again[0].Encryption)
	require.False(t, again[0].ZRTP.HasHash)
	require.Contains(t, string(answer.Marshal()), "a=zrtp-hash:"+ourHello)

	plan := OfferPlan{Encryption: None, Support: withZRTP, Previous: offer, Running: agreed}
	next, err := NewOffer(parse(t, "m=audio 4000 RTP/AVP 0"), plan, withHello(localB, 1))
	require.NoError(t, err)
	require.Contains(t, string(next.Marshal()), "a=zrtp-hash:"+ourHello)
	require.Equal(t, offer.Version, next.Version)
	local := withHello(localB, 1)
	local[0].ZRTPHash = ZRTPHash([32]byte{9})
	next, err = NewOffer(parse(t, "m=audio 4000 RTP/AVP 0"), plan, local)
	require.NoError(t, err)
	require.Equal(t, offer.Version+1, next.Version, "another Hello")

	offer.Forget(0)
	require.Empty(t, offer.Media[0].ZRTPHash)
	_, plain, err := NewAnswer(parse(t, "m=audio 5000 RTP/AVP 0"), nil, AnswerPlan{Support: withZRTP, Previous: offer}, withHello(localB, 1))
	require.NoError(t, err)
	require.Equal(t, None, plain[0].Encryption, "another stream")
}

// Where the phones agree with each other, their hashes and numbers go through, and nothing is added.
func TestRFC6189Through(t *testing.T) {
	a := parse(t, "m=audio 4000 RTP/AVP 96 0", "a=rtpmap:96 opus/48000/2", helloLine)
	plan := zrtpPlan()
	plan.Through = true
	ports := each(localB, 1)
	ports[0].ZRTPHash = a.Media[0].ZRTPHash
	offer, err := NewOffer(a, plan, ports)
	require.NoError(t, err)
	require.Contains(t, string(offer.Marshal()), "m=audio 30000 RTP/AVP 96 0\r\n")
	require.Contains(t, string(offer.Marshal()), helloLine)

	b := parse(t, "m=audio 5000 RTP/AVP 97 0", "a=rtpmap:97 opus/48000/2", "a=zrtp-hash:"+ourHello)
	agreed, err := Accept(offer, b)
	require.NoError(t, err)
	require.True(t, agreed[0].ZRTP.Through)
	require.Len(t, agreed[0].Codecs, 1, "opus has another number there")

	for _, hash := range []string{b.Media[0].ZRTPHash, ""} {
		ports = each(localA, 1)
		ports[0].ZRTPHash = hash
		answer, mine, err := NewAnswer(a, agreed, AnswerPlan{Support: withZRTP, Through: true}, ports)
		require.NoError(t, err)
		require.True(t, mine[0].ZRTP.Through)
		require.Equal(t, ZRTP, mine[0].Encryption)
		require.Equal(t, hash != "", bytes.Contains(answer.Marshal(), []byte("a=zrtp-hash:"+ourHello)))
		require.Contains(t, string(answer.Marshal()), "m=audio 20000 RTP/AVP 0\r\n")
	}
}

// The descriptions of linphone-cli are read as what they are.
func TestLinphoneOfferZRTP(t *testing.T) {
	body, err := os.ReadFile("testdata/offers/linphone-zrtp.sdp")
	require.NoError(t, err)
	s, err := Parse(body)
	require.NoError(t, err)
	require.Equal(t, ZRTP, s.EncryptionWith(withZRTP))
	_, agreed, err := NewAnswer(s, nil, AnswerPlan{Support: withZRTP}, withHello(localA, len(s.Media)))
	require.NoError(t, err)
	require.True(t, agreed[0].ZRTP.HasHash)
}

func FuzzZRTPHash(f *testing.F) {
	for _, s := range []string{ourHello, "", "1.10", "1.10 AA", "2.00 " + strings.Repeat("a", 64), strings.ToUpper(ourHello), "1.1\t" + ourHello} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, value string) {
		hash, err := ParseZRTPHash(value)
		if err != nil {
			_ = err.Error()
			return
		}
		again, err := ParseZRTPHash(ZRTPHash(hash))
		if err != nil || again != hash {
			t.Fatalf("%q: read as %x, written and read as %x (%v)", value, hash, again, err)
		}
	})
}
