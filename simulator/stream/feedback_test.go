package stream

import (
	"testing"
	"time"

	"b2bua/media/sdp"
	"b2bua/simulator/impair"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestReplaySendsTheSameBytes(t *testing.T) {
	a, b := open(t, sdp.Audio, 400, impair.Config{}), open(t, sdp.Audio, 1000, impair.Config{})
	assert.Zero(t, a.Replay(5), "nothing was sent yet")
	connect(t, a, b, sdp.Codec{Name: "PCMU", Rate: 8000}, sdp.AESCM128SHA180)
	a.wait(t, "some packets sent", func(s Stats) bool { return s.Sent > 10 })
	b.wait(t, "some packets", func(s Stats) bool { return s.Received > 5 })
	assert.Equal(t, 3, a.Replay(3))
	b.wait(t, "duplicates", func(s Stats) bool { return s.Duplicates == 3 })
}

func TestOnlyTheNewestPacketsAreKept(t *testing.T) {
	var s Stream
	for n := range 3 * maxRecent {
		out := [][]byte{{byte(n)}, {byte(n), 1}}
		s.keep(out)
		require.LessOrEqual(t, len(s.recent), maxRecent)
		require.Equal(t, out[1], s.recent[len(s.recent)-1])
	}
	s.keep(make([][]byte, 2*maxRecent))
	assert.Len(t, s.recent, maxRecent)
}

func TestFeedbackNeedsAnAgreement(t *testing.T) {
	s := Stream{set: true, rx: newReceiver()}
	for kind, want := range map[string]string{"pli": `"nack pli" was not agreed on`, "fir": `"ccm fir" was not agreed on`, "sli": "write pli, fir or nack"} {
		assert.ErrorContains(t, s.Feedback(kind), want)
	}
	s.agreed = sdp.Agreed{AVPF: true, Codecs: []sdp.Codec{{Name: "VP8", Rate: 90000, Feedback: []string{"nack pli", "ccm fir", "nack"}}}}
	assert.ErrorContains(t, s.Feedback("pli"), "nothing was received")
	s.rx.count(time.Now(), header{ssrc: 7, seq: 9}, sdp.Codec{}, 90000)
	peer := Stream{set: true, rx: newReceiver()}
	for n, kind := range []string{"pli", "fir", "nack"} {
		p, err := s.buildFeedback(kind)
		require.NoError(t, err)
		peer.control(time.Now(), channelRTCP, p)
		assert.Equal(t, n+1, peer.rx.feedback)
		assert.Equal(t, min(n+1, 2), peer.rx.pictures)
	}
}
