package sdp

import (
	"bytes"
	"fmt"
	"math/rand"
	"strings"
	"testing"

	"b2bua/media/sdes"

	"github.com/stretchr/testify/require"
)

// randomBody writes an offer as some phone might.
func randomBody(r *rand.Rand) string {
	audio := []string{
		"opus/48000/2", "PCMU/8000", "PCMA/8000", "G722/8000", "speex/16000", "AMR/8000", "telephone-event/8000",
		"telephone-event/48000", "iLBC/8000", "CN/8000",
	}
	video := []string{"VP8/90000", "H264/90000", "rtx/90000", "H264/90000", "VP9/90000", "AV1/90000"}
	fmtps := map[string][]string{
		"H264/90000": {"packetization-mode=1;profile-level-id=42e01f", "packetization-mode=0", "profile-level-id=64001f;packetization-mode=1"},
		"AMR/8000":   {"octet-align=1", ""}, "VP9/90000": {"profile-id=0", "profile-id=2"}, "opus/48000/2": {"useinbandfec=1", ""},
	}
	attributes := []string{
		"a=ptime:20", "a=maxptime:60", "a=rtcp-mux", "a=rtcp:4999", "a=mid:x", "a=x-unknown:1", "b=AS:100",
		"a=rtcp-fb:* nack pli", "a=sendonly", "a=recvonly", "a=inactive", "c=IN IP4 0.0.0.0", "c=IN IP6 2001:db8::7",
	}
	var lines []string
	for range 1 + r.Intn(4) {
		kind := []string{"audio", "video", "audio", "image"}[r.Intn(4)]
		names := audio
		if kind == "video" {
			names = video
		}
		proto := []string{"RTP/AVP", "RTP/SAVP", "RTP/AVPF", "RTP/SAVPF", "UDP/TLS/RTP/SAVP", "udptl"}[r.Intn(6)]
		var formats, more []string
		for i := range 1 + r.Intn(6) {
			n := r.Intn(len(names))
			pt := fmt.Sprint(96 + i)
			formats = append(formats, pt)
			more = append(more, "a=rtpmap:"+pt+" "+names[n])
			if f := fmtps[names[n]]; f != nil {
				more = append(more, "a=fmtp:"+pt+" "+f[r.Intn(len(f))])
			}
			if strings.HasPrefix(names[n], "rtx") {
				more = append(more, fmt.Sprintf("a=fmtp:%s apt=%d", pt, 96+r.Intn(6)))
			}
		}
		for range r.Intn(4) {
			more = append(more, attributes[r.Intn(len(attributes))])
		}
		if r.Intn(3) > 0 {
			for tag := range 1 + r.Intn(3) {
				suites := sdes.Suites()
				c, _ := sdes.New(tag+1, suites[r.Intn(len(suites))], r)
				more = append(more, "a=crypto:"+c.Attribute())
			}
		}
		port := 4000 * min(1, r.Intn(5))
		lines = append(lines, fmt.Sprintf("m=%s %d %s %s", kind, port, proto, strings.Join(formats, " ")))
		lines = append(lines, more...)
	}
	return text(lines...)
}

// randomPlan is some way to place leg B.
func randomPlan(r *rand.Rand) OfferPlan {
	p := OfferPlan{Encryption: []Encryption{None, SDES}[r.Intn(2)], AVPF: r.Intn(2) == 0, Rand: r, SessionID: 5}
	if r.Intn(2) == 0 {
		p.Suites = []Suite{sdes.Suites()[r.Intn(6)], sdes.Suites()[r.Intn(6)]}
	}
	if r.Intn(4) == 0 {
		p.Support.AudioCodec = []string{"opus/48000", "PCMU/8000", "speex"}[r.Intn(3)]
	}
	return p
}

// Whatever is offered: if it passes the check, a leg B that answers by the rules is accepted, leg A is answered, and the two
// results fit each other.
func TestRandomCalls(t *testing.T) {
	calls := 0
	for seed := range int64(3000) {
		r := seeded(seed)
		body := randomBody(r)
		if relayOnce(t, []byte(body), r) {
			calls++
		}
		if t.Failed() {
			t.Fatalf("seed %d:\n%s", seed, body)
		}
	}
	require.Greater(t, calls, 1000, "too few random offers lead to a call")
}

// relayOnce bridges one call; false when the offer is refused.
func relayOnce(t *testing.T, body []byte, r *rand.Rand) bool {
	t.Helper()
	offerA, err := Parse(body)
	if err != nil {
		return false
	}
	plan := randomPlan(r)
	n := len(offerA.Media)
	checked := CheckOffer(offerA, plan.Support)
	offerB, err := NewOffer(offerA, plan, each(localB, n))
	if checked != nil || err != nil {
		if checked == nil {
			// A stream's protection is leg A's matter, its codecs are leg B's too.
			t.Errorf("passed the check, yet no offer to leg B: %v", err)
		}
		return false
	}
	wire, err := Parse(offerB.Marshal())
	require.NoError(t, err)
	require.Len(t, wire.Media, n)
	takes := randomTakes(wire, r)
	answerB, _, err := NewAnswer(wire, takes, AnswerPlan{Rand: r}, each(localA, n))
	if err != nil {
		return false // it took no stream
	}
	answerB, err = Parse(answerB.Marshal())
	require.NoError(t, err)
	agreedB, err := Accept(offerB, answerB)
	if err != nil {
		t.Errorf("a proper answer is not accepted: %v", err)
		return false
	}
	answerA, agreedA, err := NewAnswer(offerA, agreedB, AnswerPlan{Support: plan.Support, Rand: r}, each(localA, n))
	if err != nil {
		t.Errorf("leg B answered, and leg A cannot be: %v", err)
		return false
	}
	requireFit(t, offerA, answerA, agreedA, agreedB, plan)
	return true
}

// randomTakes is a phone's choice among the streams and codecs offered to it.
func randomTakes(offer *Session, r *rand.Rand) []Agreed {
	var takes []Agreed
	for _, m := range offer.Media {
		a := Agreed{Enabled: r.Intn(5) > 0, AVPF: true, Direction: Direction(r.Intn(4))}
		for _, i := range r.Perm(len(m.Codecs)) {
			if r.Intn(4) > 0 {
				a.Codecs = append(a.Codecs, m.Codecs[i])
			}
		}
		takes = append(takes, a)
	}
	return takes
}

func requireFit(t *testing.T, offerA, answerA *Session, a, b []Agreed, plan OfferPlan) {
	t.Helper()
	require.Len(t, a, len(offerA.Media))
	require.Len(t, answerA.Media, len(offerA.Media))
	for i := range a {
		m := answerA.Media[i]
		require.Equal(t, offerA.Media[i].Type, m.Type)
		require.Equal(t, offerA.Media[i].Proto, m.Proto)
		require.Equal(t, a[i].Enabled, m.Port != 0)
		require.Equal(t, b[i].Enabled, a[i].Enabled)
		if !a[i].Enabled {
			continue
		}
		require.True(t, b[i].Enabled)
		require.Equal(t, plan.Encryption, b[i].Encryption)
		require.Equal(t, offerA.Media[i].Encryption(), a[i].Encryption)
		for _, side := range []Agreed{a[i], b[i]} {
			secure := side.Encryption == SDES
			require.Equal(t, secure, side.SendKey.Suite != NoSuite)
			require.Equal(t, side.SendKey.Suite, side.RecvKey.Suite)
			require.False(t, secure && bytes.Equal(side.SendKey.Key, side.RecvKey.Key))
			require.NotEmpty(t, side.Codecs)
		}
		for _, c := range a[i].Codecs {
			offered, ok := byNumber(offerA.Media[i].Codecs, c.PT)
			require.True(t, ok)
			require.True(t, offered.alike(c))
			_, ok = MatchCodec(c, a[i].Codecs, b[i].Codecs)
			require.True(t, ok, "no way to send %v to leg B", c)
		}
		if a[i].Direction.Sends() {
			require.True(t, offerA.Media[i].Direction.Receives())
			require.True(t, b[i].Direction.Receives(), "we send to A what B does not send")
		}
		if a[i].Direction.Receives() {
			require.True(t, offerA.Media[i].Direction.Sends())
			require.True(t, b[i].Direction.Sends())
		}
	}
	_, err := Parse(answerA.Marshal())
	require.NoError(t, err)
}

// However a session is changed, our offers on one leg keep its identity, and every payload number its meaning.
func TestRandomReoffers(t *testing.T) {
	pairs := 0
	for seed := range int64(3000) {
		r := seeded(seed)
		plan := randomPlan(r)
		var previous *Session
		for range 3 {
			from, err := Parse([]byte(randomBody(r)))
			require.NoError(t, err)
			plan.Previous = previous
			next, err := NewOffer(from, plan, each(localB, len(from.Media)))
			if err != nil {
				continue
			}
			if previous != nil {
				requireSuccessor(t, previous, next, seed)
				pairs++
			}
			previous = next
		}
	}
	require.Greater(t, pairs, 1000)
}

func requireSuccessor(t *testing.T, previous, next *Session, seed int64) {
	t.Helper()
	require.Equal(t, previous.ID, next.ID)
	require.LessOrEqual(t, next.Version-previous.Version, uint64(1))
	require.GreaterOrEqual(t, len(next.Media), len(previous.Media))
	for i := range next.Media {
		seen := map[uint8]bool{}
		for _, c := range next.Media[i].Codecs {
			require.False(t, seen[c.PT], "seed %d: number %d twice", seed, c.PT)
			seen[c.PT] = true
			if i >= len(previous.Media) {
				continue
			}
			old, ok := byNumber(previous.Media[i].Codecs, c.PT)
			require.True(t, !ok || old.Same(c), "seed %d: number %d was %v and is %v", seed, c.PT, old, c)
		}
	}
}
