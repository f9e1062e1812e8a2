package stream

import (
	"bytes"
	"crypto/rand"
	"net/netip"
	"sync"
	"testing"
	"time"

	"b2bua/media/sdes"
	"b2bua/media/sdp"
	"b2bua/simulator/impair"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// end is one side of a test call.
type end struct {
	*Stream
	changed chan struct{}
	mu      sync.Mutex
	wire    [][]byte // what it sent
}

func open(t *testing.T, kind sdp.Kind, hertz float64, bad impair.Config) *end {
	t.Helper()
	return openWith(t, Config{Kind: kind, Impair: bad}, hertz)
}

func openWith(t *testing.T, cfg Config, hertz float64) *end {
	t.Helper()
	e := &end{changed: make(chan struct{}, 1)}
	cfg.IP, cfg.Tone, cfg.Rand = netip.MustParseAddr("127.0.0.1"), hertz, rand.Reader
	cfg.Notify = func() {
		select {
		case e.changed <- struct{}{}:
		default:
		}
	}
	cfg.Record = func(_ time.Time, sent bool, _, _ netip.AddrPort, p []byte) {
		if sent {
			e.mu.Lock()
			e.wire = append(e.wire, bytes.Clone(p))
			e.mu.Unlock()
		}
	}
	s, err := Open(cfg)
	require.NoError(t, err)
	t.Cleanup(s.Close)
	e.Stream = s
	return e
}

// wait until ok accepts the statistics.
func (e *end) wait(t *testing.T, what string, ok func(Stats) bool) Stats {
	t.Helper()
	deadline := time.After(30 * time.Second)
	for {
		if st := e.Stats(); ok(st) {
			return st
		}
		select {
		case <-e.changed:
		case <-deadline:
			t.Fatalf("%s did not happen: %+v", what, e.Stats())
		}
	}
}

func agreed(to *end, codec sdp.Codec) sdp.Agreed {
	p := to.Ports()
	return sdp.Agreed{
		Enabled: true, Codecs: []sdp.Codec{codec, {PT: 101, Name: "telephone-event", Rate: 8000}},
		Remote: netip.AddrPortFrom(p.Addr, p.RTP), RemoteRTCP: netip.AddrPortFrom(p.Addr, p.RTCP),
	}
}

func connect(t *testing.T, a, b *end, codec sdp.Codec, suite sdp.Suite) {
	t.Helper()
	toB, toA := agreed(b, codec), agreed(a, codec)
	if suite != sdp.NoSuite {
		ka, err := sdes.New(1, suite, rand.Reader)
		require.NoError(t, err)
		kb, err := sdes.New(1, suite, rand.Reader)
		require.NoError(t, err)
		toB.Encryption, toB.SendKey, toB.RecvKey = sdp.SDES, ka, kb
		toA.Encryption, toA.SendKey, toA.RecvKey = sdp.SDES, kb, ka
	}
	require.NoError(t, a.Set(toB))
	require.NoError(t, b.Set(toA))
}

func TestToneCrossesInEverySuite(t *testing.T) {
	for _, suite := range append(sdes.Suites(), sdp.NoSuite) {
		t.Run(suite.String(), func(t *testing.T) {
			t.Parallel()
			a, b := open(t, sdp.Audio, 400, impair.Config{}), open(t, sdp.Audio, 1000, impair.Config{})
			connect(t, a, b, sdp.Codec{PT: 8, Name: "PCMA", Rate: 8000}, suite)
			st := a.wait(t, "b's tone at a", func(s Stats) bool { return s.Now.Hertz == 1000 && s.Now.Confidence > 0.8 && s.RTCP > 0 })
			b.wait(t, "a's tone at b", func(s Stats) bool { return s.Now.Hertz == 400 && s.Now.Confidence > 0.8 })
			assert.Zero(t, st.Refused)
			assert.Zero(t, st.Lost)
			assert.Equal(t, 1, st.SSRCs)
			assert.Greater(t, st.MOS, 4.0)
			assert.Equal(t, b.Stats().Local, st.From)
			a.mu.Lock()
			defer a.mu.Unlock()
			heard := HeardInClear(a.wire)
			assert.Equal(t, suite == sdp.NoSuite, heard.Confidence > 0.8, "clear audio on the wire: %v", heard)
			assert.Equal(t, suite == sdp.NoSuite, bytes.Contains(a.wire[0], plainStart))
		})
	}
}

// plainStart is how the tone of 400 Hz begins in PCMA.
var plainStart = func() []byte {
	s := newSender(1, 1, Config{Tone: 400})
	s.codec = sdp.Codec{PT: 8, Name: "PCMA", Rate: 8000}
	return bytes.Clone(s.next(false)[12:44])
}()

func TestMarkedCodecsCross(t *testing.T) {
	for _, c := range []sdp.Codec{{PT: 96, Name: "opus", Rate: 48000, Channels: 2}, {PT: 97, Name: "VP8", Rate: 90000}, {PT: 98, Name: "H264", Rate: 90000}} {
		t.Run(c.Name, func(t *testing.T) {
			t.Parallel()
			kind := sdp.Video
			if c.Name == "opus" {
				kind = sdp.Audio
			}
			a, b := open(t, kind, 400, impair.Config{}), open(t, kind, 1000, impair.Config{})
			connect(t, a, b, c, sdp.AEADAES128GCM)
			a.wait(t, "b's mark at a", func(s Stats) bool { return s.Now.Hertz == 1000 })
			b.wait(t, "a's mark at b", func(s Stats) bool { return s.Now.Hertz == 400 })
		})
	}
}

func TestForeignPacketsAreRefused(t *testing.T) {
	a, b := open(t, sdp.Audio, 400, impair.Config{}), open(t, sdp.Audio, 1000, impair.Config{})
	connect(t, a, b, sdp.Codec{PT: 0, Name: "PCMU", Rate: 8000}, sdp.AESCM128SHA180)
	toA := agreed(a, sdp.Codec{PT: 0, Name: "PCMU", Rate: 8000})
	require.NoError(t, b.Set(toA)) // b now sends in clear
	a.wait(t, "refusal of clear packets", func(s Stats) bool { return s.Refused > 10 })
}

func TestDirectionSilencesTheSender(t *testing.T) {
	a, b := open(t, sdp.Audio, 400, impair.Config{}), open(t, sdp.Audio, 1000, impair.Config{})
	codec := sdp.Codec{PT: 0, Name: "PCMU", Rate: 8000}
	toB := agreed(b, codec)
	toB.Direction = sdp.RecvOnly
	require.NoError(t, a.Set(toB))
	require.NoError(t, b.Set(agreed(a, codec)))
	a.wait(t, "b's packets", func(s Stats) bool { return s.Received > 10 })
	assert.Zero(t, a.Stats().Sent)
	b.wait(t, "a's receiver report", func(s Stats) bool { return s.RTCP > 0 })
}

// What was heard before a stream was configured anew is no proof that it works since.
func TestHeardSinceSet(t *testing.T) {
	for kind, codec := range map[sdp.Kind]sdp.Codec{sdp.Audio: {PT: 0, Name: "PCMU", Rate: 8000}, sdp.Video: {PT: 97, Name: "VP8", Rate: 90000}} {
		a, b := open(t, kind, 400, impair.Config{}), open(t, kind, 1000, impair.Config{})
		connect(t, a, b, codec, sdp.NoSuite)
		heard := func(s Stats) bool { return s.Now.Hertz == 1000 }
		a.wait(t, "b's tone at a", heard)
		require.NoError(t, b.Set(sdp.Agreed{Kind: kind}))
		require.NoError(t, a.Set(sdp.Agreed{Kind: kind}))
		require.NoError(t, a.Set(agreed(b, codec)))
		assert.False(t, heard(a.Stats()), "b is switched off")
		require.NoError(t, b.Set(agreed(a, codec)))
		a.wait(t, "b's tone at a, again", heard)
	}
}

func TestImpairmentsAreCounted(t *testing.T) {
	a := open(t, sdp.Audio, 400, impair.Config{Seed: 4, Loss: 0.2, Duplicate: 0.2, Reorder: 0.1})
	b := open(t, sdp.Audio, 1000, impair.Config{})
	connect(t, a, b, sdp.Codec{PT: 0, Name: "PCMU", Rate: 8000}, sdp.AESCM128SHA132)
	st := b.wait(t, "a bad line", func(s Stats) bool { return s.Lost > 3 && s.Duplicates > 3 && s.Reordered > 1 })
	assert.Less(t, st.MOS, 3.5)
	assert.Greater(t, st.Loss, 0.02)
}

func TestSequenceNumbers(t *testing.T) {
	r := newReceiver()
	codec := sdp.Codec{PT: 0, Rate: 8000}
	feed := func(seqs ...uint16) {
		for _, n := range seqs {
			r.count(time.Unix(1000, 0), header{ssrc: 1, seq: n}, codec, 8000)
		}
	}
	feed(65533, 65534, 0, 65535, 1, 1, 3) // across the wrap: one reordered, one double, one lost
	st := r.stats()
	assert.EqualValues(t, 1, st.Lost)
	assert.EqualValues(t, 1, st.Reordered)
	assert.EqualValues(t, 1, st.Duplicates)
	feed(2, 65532)
	assert.Zero(t, r.stats().Lost)
	for i := range uint32(maxSources + 5) {
		r.count(time.Unix(1000, 0), header{ssrc: i + 100, seq: 7}, codec, 8000)
	}
	assert.Equal(t, maxSources, r.stats().SSRCs, "strangers can't make it grow")
}

func TestHeaderParsing(t *testing.T) {
	p := append([]byte{0xb1, 0x80, 0, 1, 0, 0, 0, 2, 0, 0, 0, 3, 9, 9, 9, 9, 0, 0, 0, 1, 8, 8, 8, 8}, 'x', 'y', 0, 0, 3)
	h, ok := parseHeader(p)
	require.True(t, ok)
	assert.Equal(t, "xy", string(h.payload), "CSRC, extension and padding are taken off")
	assert.EqualValues(t, 3, h.ssrc)
	for i := range p {
		parseHeader(p[:i])
	}
	_, ok = parseHeader([]byte("INVITE sip:"))
	assert.False(t, ok)
}

func FuzzHeader(f *testing.F) {
	f.Add([]byte{0xb1, 0x80, 0, 1, 0, 0, 0, 2, 0, 0, 0, 3, 9, 9, 9, 9, 0, 0, 0, 1, 8, 8, 8, 8, 'x', 0, 2})
	f.Add([]byte{0x80, 0, 0, 1, 0, 0, 0, 2, 0, 0, 0, 3})
	f.Fuzz(func(t *testing.T, p []byte) {
		if h, ok := parseHeader(p); ok && len(h.payload) > len(p)-12 {
			t.Fatal("payload larger than its packet")
		}
		readMark(p)
	})
}

func TestEvents(t *testing.T) {
	r := newReceiver()
	event := sdp.Codec{PT: 101, Name: "telephone-event", Rate: 8000}
	for i, digit := range []byte{1, 1, 1, 11, 15, 200} {
		r.listen(time.Time{}, header{timestamp: uint32(max(i, 2)), payload: []byte{digit, 0, 0, 0}}, event)
	}
	assert.Equal(t, "1#D", r.stats().Events)
}

func TestDialledDigitsArriveOnce(t *testing.T) {
	a, b := open(t, sdp.Audio, 400, impair.Config{}), open(t, sdp.Audio, 1000, impair.Config{})
	assert.Error(t, a.Dial("1"), "nothing is negotiated yet")
	connect(t, a, b, sdp.Codec{PT: 0, Name: "PCMU", Rate: 8000}, sdp.AESCM128SHA180)
	require.NoError(t, a.Dial("1#d"))
	assert.Error(t, a.Dial("x"))
	st := b.wait(t, "three digits", func(s Stats) bool { return len(s.Events) == 3 })
	assert.Equal(t, "1#D", st.Events)
	b.wait(t, "the tone again", func(s Stats) bool { return s.Now.Hertz == 400 && s.Now.Confidence > 0.8 })
	assert.Zero(t, b.Stats().Lost)
}

func TestCloseIsIdempotent(t *testing.T) {
	a := open(t, sdp.Audio, 400, impair.Config{})
	a.Close()
	a.Close()
	assert.Error(t, a.Set(sdp.Agreed{Enabled: true, Encryption: sdp.SDES}), "no key")
}

// Packets of one event share its timestamp (RFC 4733 section 2.5.1.2); those of a former one may come late, or be repeated by somebody.
func TestEventsCountOnce(t *testing.T) {
	r := newReceiver()
	for _, e := range []struct {
		ssrc, timestamp uint32
		digit           byte
	}{{1, 0xffffff00, 1}, {1, 0xffffff00, 1}, {1, 0x20, 2}, {1, 0xffffff00, 1}, {1, 0x140, 11}, {1, 0x20, 2}, {2, 0x10, 2}} {
		r.event(header{ssrc: e.ssrc, timestamp: e.timestamp, payload: []byte{e.digit, 0x0a, 0, 160}})
	}
	assert.Equal(t, "12#2", r.stats().Events)
}
