package relay

import (
	"bytes"
	"math/rand/v2"
	"net/netip"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"b2bua/media/rtp"
	"b2bua/media/sdp"
	"b2bua/media/srtp"
)

var (
	start   = time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)
	addrA   = netip.MustParseAddrPort("192.0.2.1:4000")
	addrB   = netip.MustParseAddrPort("198.51.100.2:6000")
	natA    = netip.MustParseAddrPort("203.0.113.7:1111")
	evil    = netip.MustParseAddrPort("203.0.113.66:666")
	pcmu    = sdp.Codec{PT: 0, Name: "PCMU", Rate: 8000}
	opusA   = sdp.Codec{PT: 96, Name: "opus", Rate: 48000, Channels: 2}
	opusB   = sdp.Codec{PT: 111, Name: "OPUS", Rate: 48000, Channels: 2}
	eventsA = sdp.Codec{PT: 101, Name: "telephone-event", Rate: 8000}
	eventsB = sdp.Codec{PT: 97, Name: "telephone-event", Rate: 8000}
)

func after(d time.Duration) time.Time { return start.Add(d) }

func key(suite sdp.Suite, seed uint64) sdp.Crypto {
	k := make(sdp.Secret, srtp.KeyLen(suite))
	r := rand.New(rand.NewPCG(seed, 1))
	for i := range k {
		k[i] = byte(r.Uint32())
	}
	return sdp.Crypto{Tag: 1, Suite: suite, Key: k}
}

// agreed is a leg as the relay sees it. Its keys are seed (ours) and seed+1 (theirs).
func agreed(remote netip.AddrPort, suite sdp.Suite, seed uint64, codecs ...sdp.Codec) sdp.Agreed {
	a := sdp.Agreed{Enabled: true, Remote: remote, RemoteRTCP: netip.AddrPortFrom(remote.Addr(), remote.Port()+1), Codecs: codecs}
	if suite != sdp.NoSuite {
		a.Encryption, a.SendKey, a.RecvKey = sdp.SDES, key(suite, seed), key(suite, seed+1)
	}
	return a
}

// bench is a relay with a peer on each leg that knows the keys.
type bench struct {
	t      testing.TB
	r      *Relay
	events []Event
	beside []Output // given to Config.Send
	send   [2]*srtp.Sender
	recv   [2]*srtp.Receiver
	mux    [2]bool
}

func newBench(t testing.TB, a, b sdp.Agreed) *bench {
	x := &bench{t: t}
	x.r = New(Config{NoMedia: 30 * time.Second, Hold: time.Hour, Notify: func(e Event) { x.events = append(x.events, e) }, Send: func(o Output) { x.beside = append(x.beside, o) }})
	x.set(start, A, a)
	x.set(start, B, b)
	return x
}

func (x *bench) set(now time.Time, on Side, a sdp.Agreed) {
	p, err := Prepare(a)
	require.NoError(x.t, err)
	x.r.Apply(now, on, p)
	x.send[on], x.recv[on], x.mux[on] = nil, nil, a.Mux
	if a.RecvKey.Suite != sdp.NoSuite {
		x.send[on], err = srtp.NewSender(a.RecvKey)
		require.NoError(x.t, err)
	}
	if a.SendKey.Suite != sdp.NoSuite {
		x.recv[on], err = srtp.NewReceiver(a.SendKey)
		require.NoError(x.t, err)
	}
}

// apply sets a side and leaves the peer's contexts.
func (x *bench) apply(now time.Time, on Side, a sdp.Agreed) {
	p, err := Prepare(a)
	require.NoError(x.t, err)
	x.r.Apply(now, on, p)
}

func packet(pt uint8, seq uint16, ssrc uint32) []byte {
	b := make([]byte, 172, 172+Headroom)
	b[0], b[1] = 0x80, pt
	rtp.SetLine(b, seq, uint32(seq)*160, ssrc)
	for i := 12; i < len(b); i++ {
		b[i] = byte(i)
	}
	return b
}

// wire is a packet of a peer as it leaves it.
func (x *bench) wire(on Side, pt uint8, seq uint16, ssrc uint32) []byte {
	b := packet(pt, seq, ssrc)
	if s := x.send[on]; s != nil {
		var err error
		b, err = s.Protect(b)
		require.NoError(x.t, err)
	}
	return b
}

// begins is the number of the first packet that goes out for a source that begins at seq: SRTP begins in the lower half.
func begins(to sdp.Suite, seq uint16) uint16 {
	if to != sdp.NoSuite {
		return seq & 0x7fff
	}
	return seq
}

func roomy(b []byte) []byte {
	out := make([]byte, len(b), len(b)+Headroom)
	copy(out, b)
	return out
}

// talk sends a packet of a peer and returns what the other peer gets.
func (x *bench) talk(now time.Time, from netip.AddrPort, on Side, pt uint8, seq uint16, ssrc uint32) (rtp.Header, Output, bool) {
	return x.deliver(now, from, on, x.wire(on, pt, seq, ssrc))
}

func (x *bench) deliver(now time.Time, from netip.AddrPort, on Side, wire []byte) (rtp.Header, Output, bool) {
	x.t.Helper()
	out := x.r.Handle(now, from, on, RTP, roomy(wire))
	if len(out.Packet) == 0 {
		return rtp.Header{}, out, false
	}
	require.Equal(x.t, on.Other(), out.Side)
	require.Equal(x.t, RTP, out.Ch)
	b := bytes.Clone(out.Packet)
	if r := x.recv[on.Other()]; r != nil {
		var err error
		b, err = r.Unprotect(b)
		require.NoError(x.t, err)
	}
	require.Equal(x.t, packet(0, 0, 0)[12:], b[12:])
	h, err := rtp.Parse(b)
	require.NoError(x.t, err)
	return h, out, true
}

func (x *bench) flows(now time.Time, from netip.AddrPort, on Side, seq uint16, ssrc uint32) bool {
	x.t.Helper()
	_, _, ok := x.talk(now, from, on, 0, seq, ssrc)
	return ok
}
