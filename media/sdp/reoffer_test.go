package sdp

import (
	"testing"

	"github.com/stretchr/testify/require"
)

const (
	audioLine = "m=audio 4000 RTP/AVP 8"
	videoLine = "m=video 4002 RTP/AVP 96"
	vp8       = "a=rtpmap:96 VP8/90000"
)

// Section 8.1 and 8.2 of RFC 3264: a section that is off stays what it was, and may be used for something else later.
func TestReofferSlots(t *testing.T) {
	first := ourOffer(t, OfferPlan{}, audioLine, videoLine, vp8)
	off, err := NewOffer(parse(t, audioLine, "m=application 0 UDP/BFCP *"), OfferPlan{Previous: first}, each(localB, 2))
	require.NoError(t, err)
	require.Equal(t, "video", off.Media[1].Type)
	require.Zero(t, off.Media[1].Port)
	require.Equal(t, first.Version+1, off.Version)

	again, err := NewOffer(parse(t, audioLine, "m=audio 4006 RTP/AVP 0", videoLine, vp8), OfferPlan{Previous: off}, each(localB, 3))
	require.NoError(t, err)
	require.Equal(t, []string{"audio", "audio", "video"}, []string{again.Media[0].Type, again.Media[1].Type, again.Media[2].Type})
	require.NotZero(t, again.Media[1].Port)
}

// What runs on a leg keeps its encryption whatever the plan says for new streams; a new one never gets less than the plan.
func TestReofferKeepsEncryptionOfEachStream(t *testing.T) {
	from := parse(t, audioLine, videoLine, vp8, "m=video 4004 RTP/AVP 96", vp8)
	running := []Agreed{
		{Kind: Audio, Enabled: true, Encryption: SDES, SendKey: Crypto{Suite: AEADAES256GCM}},
		{Kind: Video, Enabled: true, AVPF: true},
		{Kind: Video},
	}
	offer, err := NewOffer(from, OfferPlan{Encryption: SDES, Rand: seeded(1), Running: running}, each(localB, 3))
	require.NoError(t, err)
	require.Equal(t, SDES, offer.Media[0].Encryption())
	require.Len(t, offer.Media[0].Crypto, 1)
	require.Equal(t, AEADAES256GCM, offer.Media[0].Crypto[0].Suite)
	require.Equal(t, "RTP/AVPF", offer.Media[1].Proto)
	require.Equal(t, "RTP/SAVP", offer.Media[2].Proto)
	require.Len(t, offer.Media[2].Crypto, len(DefaultSuites))
}

// One version never stands for two descriptions, also where one of them was refused.
func TestVersionAfterRefusal(t *testing.T) {
	running := ourOffer(t, OfferPlan{}, audioLine)
	refused, err := NewOffer(parse(t, audioLine, videoLine, vp8), OfferPlan{Previous: running}, each(localB, 2))
	require.NoError(t, err)
	require.Equal(t, running.Version+1, refused.Version)

	same, err := NewOffer(parse(t, audioLine, videoLine, vp8), OfferPlan{Previous: running}, each(localB, 2))
	require.NoError(t, err)
	same.After(refused)
	require.Equal(t, refused.Marshal(), same.Marshal(), "tried again")

	back, err := NewOffer(parse(t, audioLine), OfferPlan{Previous: running}, each(localB, 1))
	require.NoError(t, err)
	back.After(nil)
	require.Equal(t, running.Version, back.Version)
	back.After(refused)
	require.Equal(t, refused.Version+1, back.Version)
}

func TestShares(t *testing.T) {
	offer := parse(t, "m=audio 4000 RTP/AVP 8 101", "a=rtpmap:101 telephone-event/8000", "m=video 0 RTP/AVP 96", vp8, "m=text 4004 RTP/AVP 98")
	pcma, pcmu := Codec{PT: 8, Name: "PCMA", Rate: 8000}, Codec{PT: 0, Name: "PCMU", Rate: 8000}
	events := Codec{PT: 101, Name: "telephone-event", Rate: 8000}
	audio := &offer.Media[0]
	require.True(t, audio.Shares(Agreed{Enabled: true, Codecs: []Codec{pcmu, pcma}}))
	require.False(t, audio.Shares(Agreed{Codecs: []Codec{pcma}}), "switched off there")
	require.False(t, audio.Shares(Agreed{Enabled: true, Codecs: []Codec{pcmu, events}}), "events alone are no medium")

	require.True(t, Support{}.Usable(audio))
	require.False(t, Support{AudioCodec: "speex/8000"}.Usable(audio))
	require.False(t, Support{}.Usable(&offer.Media[1]))
	require.False(t, Support{}.Usable(&offer.Media[2]))
}

// reissue is an offer of the same streams, keys included: with the directions given, one per section, a missing one unchanged.
func reissue(s *Session, directions ...Direction) *Session {
	next := s.Clone()
	for i := range next.Media {
		if i < len(directions) && next.Media[i].live() {
			next.Media[i].Direction = directions[i]
		}
	}
	next.follow(s)
	return next
}
