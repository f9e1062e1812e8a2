package sdp

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// twoProtected is our offer of audio and video by SDES, and what it says of the video's key.
func twoProtected(t *testing.T) (plan OfferPlan, from, offer *Session, key Crypto) {
	t.Helper()
	from = parse(t, audioLine, videoLine, vp8)
	plan = OfferPlan{Encryption: SDES, Suites: []Suite{AESCM128SHA180}, Rand: seeded(1), SessionID: 1}
	offer, err := NewOffer(from, plan, each(localB, 2))
	require.NoError(t, err)
	return plan, from, offer, offer.Media[1].Crypto[0].Clone()
}

func sdesAnswer(t *testing.T, video string) *Session {
	t.Helper()
	return parse(t, "m=audio 5000 RTP/SAVP 8", line(t, 1, AESCM128SHA180), "m=video "+video+" RTP/SAVP 96", vp8, "a=crypto:1 AES_CM_128_HMAC_SHA1_80 inline:"+otherKey30)
}

// otherKey30 has 30 octets.
const otherKey30 = "d0RmdmcmVCspeEc3QGZiNWpVLFJhQX1cfHAwJSoj"

// RFC 3711 section 9.1: a stream that the peer refused in between has another key when it is offered again, also in our answer.
func TestTheKeyOfARefusedStreamIsNotUsedAgain(t *testing.T) {
	plan, from, first, key := twoProtected(t)
	_, err := Accept(first, sdesAnswer(t, "5002"))
	require.NoError(t, err)
	plan.Previous = first
	hold, err := NewOffer(from, plan, each(localB, 2))
	require.NoError(t, err)
	require.True(t, hold.Media[1].Crypto[0].Same(key), "while it runs the key stays")
	_, err = Accept(hold, sdesAnswer(t, "0"))
	require.NoError(t, err)

	plan.Previous = hold
	again, err := NewOffer(from, plan, each(localB, 2))
	require.NoError(t, err)
	assert.False(t, again.Media[1].Crypto[0].Same(key))
	assert.True(t, again.Media[0].Crypto[0].Same(first.Media[0].Crypto[0]), "what runs on keeps its own")
	assert.Equal(t, hold.Version+1, again.Version)

	answer, _, err := NewAnswer(sdesAnswer(t, "5002"), nil, AnswerPlan{Rand: seeded(2), Previous: hold}, each(localB, 2))
	require.NoError(t, err)
	assert.False(t, answer.Media[1].Crypto[0].Same(key))

	_, err = Accept(hold, sdesAnswer(t, "5002")) // of another branch of a fork
	require.NoError(t, err)
	again, err = NewOffer(from, plan, each(localB, 2))
	require.NoError(t, err)
	assert.True(t, again.Media[1].Crypto[0].Same(key))
}

// What the media plane has closed is forgotten whatever both ends said of it.
func TestForget(t *testing.T) {
	plan, from, first, key := twoProtected(t)
	plan.Support = iceSupport()
	_, err := Accept(first, sdesAnswer(t, "5002"))
	require.NoError(t, err)
	plan.Previous = first
	running, err := NewOffer(from, plan, each(localB, 2))
	require.NoError(t, err)
	secret := running.Media[1].Crypto[0].Key
	running.Forget(1)
	running.Forget(7)
	(*Session)(nil).Forget(0)
	assert.Equal(t, make(Secret, len(secret)), secret, "wiped")

	plan.Previous = running
	again, err := NewOffer(from, plan, each(localB, 2))
	require.NoError(t, err)
	assert.False(t, again.Media[1].Crypto[0].Same(key))
	assert.Equal(t, running.Version+1, again.Version)
}

// A new association and new checks begin with the choice of the role, and other credentials.
func TestForgetDTLSAndICE(t *testing.T) {
	plan := dtlsPlan()
	plan.Support.ICE, plan.Rand, plan.SessionID = true, seeded(1), 1
	from := parse(t, "m=audio 4000 RTP/AVP 0")
	first, err := NewOffer(from, plan, each(localB, 1))
	require.NoError(t, err)
	before := first.Media[0].ICE.clone()
	_, err = Accept(first, parse(t, dtlsAudio, theirLine, "a=setup:passive"))
	require.NoError(t, err)
	require.Equal(t, roleActive, first.Media[0].ourRole())
	first.Forget(0)
	require.Equal(t, roleOpen, first.Media[0].ourRole())

	plan.Previous = first
	again, err := NewOffer(from, plan, each(localB, 1))
	require.NoError(t, err)
	assert.Equal(t, setupActpass, again.Media[0].Setup)
	require.NotNil(t, again.Media[0].ICE)
	assert.False(t, again.Media[0].ICE.Same(before.Credentials))
}
