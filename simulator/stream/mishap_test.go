package stream

import (
	"testing"
	"time"

	"b2bua/media/sdp"
	"b2bua/simulator/impair"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestRebindSendsFromOtherPorts(t *testing.T) {
	t.Parallel()
	a, b := open(t, sdp.Audio, 400, impair.Config{}), open(t, sdp.Audio, 1000, impair.Config{})
	connect(t, a, b, pcmu, sdp.AESCM128SHA180)
	b.wait(t, "a's tone at b", hears(400))
	was, ports := a.Stats().Local, a.Ports()
	require.NoError(t, a.Rebind())
	b.wait(t, "packets from the other port", func(s Stats) bool { return s.From == a.Stats().Local && s.From != was })
	assert.Equal(t, ports, a.Ports(), "the description knows nothing of it")
	n := a.Stats().Received
	b.Stream.mu.Lock()
	toA := b.agreed
	b.Stream.mu.Unlock()
	toA.Remote = a.Stats().Local
	require.NoError(t, b.Set(toA))
	a.wait(t, "packets at the other port", func(s Stats) bool { return s.Received > n+5 })
	a.Close()
	assert.Error(t, a.Rebind())
}

func TestRestartIsAnotherSource(t *testing.T) {
	t.Parallel()
	a, b := open(t, sdp.Audio, 400, impair.Config{}), open(t, sdp.Audio, 1000, impair.Config{})
	connect(t, a, b, pcmu, sdp.NoSuite)
	b.wait(t, "a's tone at b", hears(400))
	require.NoError(t, a.Restart(0))
	b.wait(t, "two sources", func(s Stats) bool { return s.SSRCs == 2 && s.HeardSSRC == a.Stats().SSRC })
	require.NoError(t, a.Restart(b.Stats().SSRC))
	b.wait(t, "our own SSRC", func(s Stats) bool { return s.SSRCs == 3 && s.HeardSSRC == s.SSRC })
}

// A phone that comes back to an SSRC, as after a collision that was none, goes on with its numbers.
func TestSourceThatComesBackGoesOn(t *testing.T) {
	t.Parallel()
	a, b := open(t, sdp.Audio, 400, impair.Config{}), open(t, sdp.Audio, 1000, impair.Config{})
	connect(t, a, b, pcmu, sdp.AESCM128SHA180)
	b.wait(t, "a's tone at b", hears(400))
	now := func() (uint32, place) {
		a.Stream.mu.Lock()
		defer a.Stream.mu.Unlock()
		return a.tx.ssrc, a.tx.place
	}
	require.NoError(t, a.Restart(0))
	first := b.Stats().HeardSSRC
	b.wait(t, "another source", func(s Stats) bool { return s.HeardSSRC != first })
	a.Stream.mu.Lock()
	was := a.tx.former[first]
	a.Stream.mu.Unlock()
	require.NoError(t, a.Restart(first))
	ssrc, at := now()
	require.Equal(t, first, ssrc)
	require.Less(t, at.seq-was.seq, uint16(10))
	n := b.Stats().Received
	st := b.wait(t, "the first source again", func(s Stats) bool { return s.HeardSSRC == first && s.Received > n+20 })
	assert.Equal(t, 2, st.SSRCs)
	assert.Zero(t, st.Refused)
	assert.Zero(t, st.Lost)
}

func TestSequenceWraps(t *testing.T) {
	t.Parallel()
	cfg := Config{Kind: sdp.Audio, SSRC: 7, Sequence: 65500}
	a, b := openWith(t, cfg, 400), open(t, sdp.Audio, 1000, impair.Config{})
	connect(t, a, b, pcmu, sdp.AEADAES128GCM)
	st := b.wait(t, "packets after the wrap", func(s Stats) bool { return s.Received > 50 })
	assert.Zero(t, st.Lost+st.Refused)
	assert.Equal(t, uint32(7), st.HeardSSRC)
}

func TestLatePackets(t *testing.T) {
	t.Parallel()
	m := impair.New(impair.Config{Late: 1})
	now := time.Unix(0, 0)
	m.Push(now, []byte{1})
	at, held := m.Deadline()
	assert.True(t, held)
	assert.Equal(t, impair.LateBy, at.Sub(now))
}
