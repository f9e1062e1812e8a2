package plane

import (
	"fmt"
	"math/rand"
	"net"
	"net/netip"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/pion/rtcp"
	"github.com/pion/rtp"
	"github.com/stretchr/testify/require"

	"b2bua/media/dtls"
	"b2bua/media/relay"
	"b2bua/media/sdp"
)

func newHandshaker(t testing.TB, cfg dtls.Config) *dtls.Handshaker {
	t.Helper()
	cert, warning, err := dtls.LoadCertificate("", time.Now())
	require.NoError(t, err)
	require.NoError(t, warning)
	cfg.Certificate = cert
	h, err := dtls.New(cfg)
	require.NoError(t, err)
	t.Cleanup(h.Close)
	return h
}

// events of a plane.
type events struct {
	mu      sync.Mutex
	list    []Event
	secured func()
}

func (e *events) add(ev Event) {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.list = append(e.list, ev)
	if f := e.secured; f != nil && ev.Kind == Secured {
		e.secured = nil
		f()
	}
}

// onSecured runs f in the loop, at the first moment.
func (e *events) onSecured(f func()) {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.secured = f
}

func (e *events) find(side Side, kind EventKind) []Event {
	e.mu.Lock()
	defer e.mu.Unlock()
	var out []Event
	for _, ev := range e.list {
		if ev.Side == side && ev.Kind == kind {
			out = append(out, ev)
		}
	}
	return out
}

func (e *events) wait(t testing.TB, side Side, kind EventKind, n int) []Event {
	t.Helper()
	require.Eventually(t, func() bool { return len(e.find(side, kind)) >= n }, 20*time.Second, time.Millisecond,
		"side %s: %d times %s", side, n, kind)
	return e.find(side, kind)
}

// node is a plane with its handshaker and one stream: plain on A, DTLS on B.
type node struct {
	plane  *Plane
	hands  *dtls.Handshaker
	stream *Stream
	phone  *phone
	events *events
}

func newNode(t testing.TB, cfg Config, hands dtls.Config) *node {
	t.Helper()
	n := &node{hands: newHandshaker(t, hands), events: &events{}, phone: newPhone(t, sdp.NoSuite, pcma, events8k)}
	cfg.DTLS, cfg.Notify = n.hands, n.events.add
	n.plane = newPlane(t, cfg)
	var err error
	n.stream, err = n.plane.Open("test", sdp.Audio, loopback, loopback)
	require.NoError(t, err)
	t.Cleanup(n.stream.Close)
	n.phone.ports = n.stream.Ports(A)
	require.NoError(t, n.stream.Set(A, n.phone.agreed))
	return n
}

// agreed with the other node, whose ports are given.
func (n *node) agreed(other *node, at sdp.Ports, active, mux bool) sdp.Agreed {
	a := sdp.Agreed{
		Enabled: true, Encryption: sdp.DTLS, Codecs: []sdp.Codec{pcma, events8k}, Mux: mux,
		Remote: netip.AddrPortFrom(at.Addr, at.RTP), RemoteRTCP: netip.AddrPortFrom(at.Addr, at.RTCP),
		DTLS: &sdp.DTLSParams{Active: active, Fingerprint: other.hands.Fingerprint()},
	}
	if mux {
		a.RemoteRTCP = a.Remote
	}
	return a
}

func (n *node) secure(t testing.TB, other *node, active, mux bool) {
	t.Helper()
	require.NoError(t, n.stream.Set(B, n.agreed(other, other.stream.Ports(B), active, mux)))
}

// talk sends both ways until all has come, and reports by RTCP.
func talk(t testing.TB, a, b *node) {
	t.Helper()
	for i := range 20 {
		a.phone.say(8, fmt.Sprint("to b ", i))
		require.Equal(t, fmt.Sprint("to b ", i), string(b.phone.hear().Payload))
		b.phone.say(8, fmt.Sprint("to a ", i))
		require.Equal(t, fmt.Sprint("to a ", i), string(a.phone.hear().Payload))
	}
	a.phone.report(&rtcp.SenderReport{SSRC: a.phone.ssrc, NTPTime: 1}, &rtcp.SourceDescription{Chunks: []rtcp.SourceDescriptionChunk{{Source: a.phone.ssrc, Items: []rtcp.SourceDescriptionItem{{Type: rtcp.SDESCNAME, Text: "a@example"}}}}})
	require.IsType(t, &rtcp.SenderReport{}, b.phone.readReport()[0])
}

func TestDTLSBetweenPlanes(t *testing.T) {
	drivers(t, func(t *testing.T, cfg Config) {
		for _, mux := range []bool{true, false} {
			t.Run(fmt.Sprintf("mux=%t", mux), func(t *testing.T) {
				a, b := newNode(t, cfg, dtls.Config{}), newNode(t, cfg, dtls.Config{})
				a.secure(t, b, true, mux)
				b.secure(t, a, false, mux)
				want := []relay.Channel{relay.RTP}
				if !mux {
					want = append(want, relay.RTCP)
				}
				for _, n := range []*node{a, b} {
					var got []relay.Channel
					for _, e := range n.events.wait(t, B, Secured, len(want)) {
						got = append(got, e.Channel)
						require.Equal(t, sdp.AEADAES128GCM, e.Suite)
					}
					slices.Sort(got)
					require.Equal(t, want, got)
				}
				talk(t, a, b)
				s := a.stream.Stats(B)
				require.Zero(t, s.AuthFailed+s.NotReady+s.Malformed+s.Unsent)
				require.Empty(t, a.events.find(B, SecureFailed))
			})
		}
	})
}

// What is sent before the keys are there is not sent in clear, and clear packets are not taken.
func TestNothingInClear(t *testing.T) {
	drivers(t, func(t *testing.T, cfg Config) {
		n := newNode(t, cfg, dtls.Config{})
		peer := newPhone(t, sdp.NoSuite, pcma)
		peer.ports = n.stream.Ports(B)
		agreed := n.agreed(n, sdp.Ports{Addr: loopback, RTP: local(peer.rtp).Port(), RTCP: local(peer.rtcp).Port()}, true, false)
		require.NoError(t, n.stream.Set(B, agreed))
		for range 50 {
			n.phone.say(8, "secret")
			peer.say(8, "clear")
		}
		require.Eventually(t, func() bool { return n.stream.Stats(B).NotReady == 50 && n.stream.Stats(B).Unsent == 50 }, 30*time.Second, time.Millisecond)
		buf := make([]byte, 2048)
		for range 3 { // ClientHello, and its repetitions
			require.NoError(t, peer.rtp.SetReadDeadline(time.Now().Add(30*time.Second)))
			k, _, err := peer.rtp.ReadFromUDPAddrPort(buf)
			require.NoError(t, err)
			require.EqualValues(t, 22, buf[0])
			require.NotContains(t, string(buf[:k]), "secret")
		}
		require.Zero(t, n.stream.Stats(A).Sent)
	})
}

// lossy forwards datagrams between two sides that each talk to its own port, and loses some.
type lossy struct {
	conns [2]*net.UDPConn
}

func newLossy(t testing.TB, seed int64, percent int, ends [2]netip.AddrPort) *lossy {
	l := &lossy{conns: [2]*net.UDPConn{listen(t, loopback), listen(t, loopback)}}
	for i := range l.conns {
		r := rand.New(rand.NewSource(seed + int64(i)))
		go func() {
			buf := make([]byte, 2048)
			for {
				n, _, err := l.conns[i].ReadFromUDPAddrPort(buf)
				if err != nil {
					return
				}
				if buf[0] < 64 && r.Intn(100) < percent {
					continue
				}
				_, _ = l.conns[1-i].WriteToUDPAddrPort(buf[:n], ends[1-i])
			}
		}()
	}
	return l
}

func TestDTLSWithLoss(t *testing.T) {
	for seed := range int64(4) {
		t.Run(fmt.Sprint(seed), func(t *testing.T) {
			a, b := newNode(t, Config{}, dtls.Config{Flight: 30 * time.Millisecond}), newNode(t, Config{}, dtls.Config{Flight: 30 * time.Millisecond})
			pa, pb := a.stream.Ports(B), b.stream.Ports(B)
			l := newLossy(t, seed, 25, [2]netip.AddrPort{netip.AddrPortFrom(pa.Addr, pa.RTP), netip.AddrPortFrom(pb.Addr, pb.RTP)})
			// Each node sees the other at the port of the line in between.
			require.NoError(t, a.stream.Set(B, a.agreed(b, sdp.Ports{Addr: loopback, RTP: local(l.conns[0]).Port()}, true, true)))
			require.NoError(t, b.stream.Set(B, b.agreed(a, sdp.Ports{Addr: loopback, RTP: local(l.conns[1]).Port()}, false, true)))
			a.events.wait(t, B, Secured, 1)
			b.events.wait(t, B, Secured, 1)
			talk(t, a, b)
		})
	}
}

// The side that has its keys first sends at once: nothing of it is lost, in either role.
func TestNothingLostAtTheStart(t *testing.T) {
	drivers(t, func(t *testing.T, cfg Config) {
		for round := range 20 {
			a, b := newNode(t, cfg, dtls.Config{}), newNode(t, cfg, dtls.Config{})
			sender, receiver := a, b
			if round%2 == 1 {
				sender, receiver = b, a
			}
			sender.events.onSecured(func() {
				for i := range 5 {
					sender.phone.say(8, fmt.Sprint("at once ", i))
				}
			})
			a.secure(t, b, true, true)
			b.secure(t, a, false, true)
			for i := range 5 {
				require.Equal(t, fmt.Sprint("at once ", i), string(receiver.phone.hear().Payload))
			}
		}
	})
}

func TestWrongFingerprint(t *testing.T) {
	drivers(t, func(t *testing.T, cfg Config) {
		a, b := newNode(t, cfg, dtls.Config{}), newNode(t, cfg, dtls.Config{})
		a.secure(t, b, true, true)
		wrong := b.agreed(a, a.stream.Ports(B), false, true)
		wrong.DTLS.Fingerprint = sdp.FingerprintOf([]byte("another"))
		require.NoError(t, b.stream.Set(B, wrong))
		require.ErrorIs(t, b.events.wait(t, B, SecureFailed, 1)[0].Err, dtls.ErrFingerprint)
		require.ErrorContains(t, a.events.wait(t, B, SecureFailed, 1)[0].Err, "BadCertificate")
		require.Empty(t, a.events.find(B, Secured))
		require.Empty(t, b.events.find(B, Secured))
		a.phone.say(8, "x")
		require.Eventually(t, func() bool { return a.stream.Stats(B).Unsent == 1 }, 30*time.Second, time.Millisecond)

		// The description that is right after all starts anew.
		a.secure(t, b, true, true)
		b.secure(t, a, false, true)
		a.events.wait(t, B, Secured, 1)
		b.events.wait(t, B, Secured, 1)
		talk(t, a, b)
	})
}

// A peer that starts before its description is here need not repeat itself: the repetitions of this one come after a minute.
func TestHelloBeforeTheAnswer(t *testing.T) {
	drivers(t, func(t *testing.T, cfg Config) {
		a, b := newNode(t, cfg, dtls.Config{Flight: time.Minute}), newNode(t, cfg, dtls.Config{})
		a.secure(t, b, true, true)
		require.Eventually(t, func() bool { return b.stream.Stats(B).Other == 1 }, 30*time.Second, time.Millisecond)
		b.secure(t, a, false, true)
		a.events.wait(t, B, Secured, 1)
		b.events.wait(t, B, Secured, 1)
	})
}

// A re-INVITE that changes nothing leaves the association alone; another certificate makes a new one, without a gap.
func TestReoffer(t *testing.T) {
	drivers(t, func(t *testing.T, cfg Config) {
		a, b := newNode(t, cfg, dtls.Config{}), newNode(t, cfg, dtls.Config{})
		a.secure(t, b, true, true)
		b.secure(t, a, false, true)
		a.events.wait(t, B, Secured, 1)
		b.events.wait(t, B, Secured, 1)
		talk(t, a, b)
		before := a.stream.Stats(B).Other
		hold := a.agreed(b, b.stream.Ports(B), true, true)
		hold.Remote, hold.RemoteRTCP = netip.AddrPort{}, netip.AddrPort{}
		hold.Direction = sdp.SendOnly
		require.NoError(t, a.stream.Set(B, hold))
		a.secure(t, b, true, true)
		b.secure(t, a, false, true)
		talk(t, a, b)
		require.Equal(t, before, a.stream.Stats(B).Other, "a new handshake was made")
		require.Len(t, a.events.find(B, Secured), 1)

		// The far end is another device now. Until that is secure the keys of the former one stay in force.
		c := newNode(t, cfg, dtls.Config{Flight: 30 * time.Millisecond})
		a.secure(t, c, true, true)
		b.phone.say(8, "still here")
		require.Equal(t, "still here", string(a.phone.hear().Payload))
		c.secure(t, a, false, true)
		c.events.wait(t, B, Secured, 1)
		a.events.wait(t, B, Secured, 2)
		b.phone.say(8, "in flight")
		require.Equal(t, "in flight", string(a.phone.hear().Payload))
		c.phone.say(8, "new")
		require.Equal(t, "new", string(a.phone.hear().Payload))
		talk(t, a, c)
		require.Zero(t, a.stream.Stats(B).AuthFailed+c.stream.Stats(B).AuthFailed)
	})
}

// A burst of handshakes beside streams that flow: none of their packets is lost.
func TestManyHandshakes(t *testing.T) {
	const calls, talkers = 100, 20 // two handshakes for each call
	count := &events{}
	p := newPlane(t, Config{DTLS: newHandshaker(t, dtls.Config{PerSecond: 1000}), Notify: count.add})
	stop := make(chan struct{})
	var wg sync.WaitGroup
	for range talkers {
		a, b := newPhone(t, sdp.NoSuite, pcma), newPhone(t, sdp.AESCM128SHA180, pcma)
		call(t, p, a, b)
		wg.Go(func() {
			pace := time.NewTicker(5 * time.Millisecond) // a flood would be cut off
			defer pace.Stop()
			for {
				select {
				case <-stop:
					return
				case <-pace.C:
				}
				a.say(8, "running")
				if string(b.hear().Payload) != "running" {
					t.Error("a packet of a running stream was lost")
				}
			}
		})
	}
	shown := p.cfg.DTLS.Fingerprint()
	var streams []*Stream
	for range calls {
		st, err := p.Open("burst", sdp.Audio, loopback, loopback)
		require.NoError(t, err)
		t.Cleanup(st.Close)
		streams = append(streams, st)
	}
	for i, st := range streams { // leg A of each speaks to leg B of the next
		next, before := streams[(i+1)%calls].Ports(B), streams[(i+calls-1)%calls].Ports(A)
		for side, at := range []sdp.Ports{next, before} {
			require.NoError(t, st.Set(Side(side), sdp.Agreed{
				Enabled: true, Encryption: sdp.DTLS, Mux: true, Codecs: []sdp.Codec{pcma}, Remote: netip.AddrPortFrom(at.Addr, at.RTP),
				DTLS: &sdp.DTLSParams{Active: side == 0, Fingerprint: shown},
			}))
		}
	}
	count.wait(t, A, Secured, calls)
	count.wait(t, B, Secured, calls)
	close(stop)
	wg.Wait()
	require.Empty(t, count.find(A, SecureFailed))
}

// Streams close while nobody answers their handshakes, and nothing of these is left (TestMain looks).
func TestCloseWhileHandshakesRun(t *testing.T) {
	drivers(t, func(t *testing.T, cfg Config) {
		const calls = 50
		told := &events{}
		cfg.DTLS, cfg.Notify = newHandshaker(t, dtls.Config{}), told.add
		p := newPlane(t, cfg)
		silent := listen(t, loopback)
		greeted := map[netip.AddrPort]bool{}
		var streams []*Stream
		for range calls {
			st, err := p.Open("silent", sdp.Audio, loopback, loopback)
			require.NoError(t, err)
			streams = append(streams, st)
			require.NoError(t, st.Set(A, sdp.Agreed{
				Enabled: true, Encryption: sdp.DTLS, Mux: true, Codecs: []sdp.Codec{pcma}, Remote: local(silent),
				DTLS: &sdp.DTLSParams{Active: true, Fingerprint: cfg.DTLS.Fingerprint()},
			}))
		}
		buf := make([]byte, 2048)
		for len(greeted) < calls { // all are under way
			require.NoError(t, silent.SetReadDeadline(time.Now().Add(20*time.Second)))
			_, from, err := silent.ReadFromUDPAddrPort(buf)
			require.NoError(t, err)
			greeted[from] = true
		}
		for _, st := range streams {
			st.Close()
		}
		require.Empty(t, told.find(A, Secured))
		require.Empty(t, told.find(A, SecureFailed))
	})
}

func TestSetRefusesDTLSWithoutMeans(t *testing.T) {
	seen := &events{}
	p := newPlane(t, Config{Notify: seen.add})
	st, err := p.Open("test", sdp.Audio, loopback, loopback)
	require.NoError(t, err)
	defer st.Close()
	params := &sdp.DTLSParams{Fingerprint: sdp.FingerprintOf(nil)}
	require.ErrorContains(t, st.Set(A, sdp.Agreed{Enabled: true, Encryption: sdp.DTLS, DTLS: params}), "handshaker")
	p.cfg.DTLS = newHandshaker(t, dtls.Config{})
	require.ErrorContains(t, st.Set(A, sdp.Agreed{Enabled: true, Encryption: sdp.DTLS}), "fingerprint")
	h := newHandshaker(t, dtls.Config{})
	h.Close()
	p.cfg.DTLS = h
	require.NoError(t, st.Set(A, sdp.Agreed{Enabled: true, Encryption: sdp.DTLS, DTLS: params}))
	require.ErrorIs(t, seen.wait(t, A, SecureFailed, 1)[0].Err, dtls.ErrClosed)
}

// The packet path of a secured stream allocates nothing.
func TestSecuredStreamAllocatesNothing(t *testing.T) {
	a, b := newNode(t, Config{portable: true}, dtls.Config{}), newNode(t, Config{portable: true}, dtls.Config{})
	a.secure(t, b, true, true)
	b.secure(t, a, false, true)
	a.events.wait(t, B, Secured, 1)
	b.events.wait(t, B, Secured, 1)
	talk(t, a, b)
	from := local(a.phone.rtp)
	buf := make([]byte, 0, bufferSize)
	h := a.stream.home.(*netHome)
	seq := a.phone.seq
	require.Zero(t, testing.AllocsPerRun(200, func() {
		seq++
		p := rtpPacket(buf, seq, a.phone.ssrc)
		h.mu.Lock()
		a.stream.receive(time.Now(), from, A, relay.RTP, p)
		h.mu.Unlock()
	}))
}

func rtpPacket(buf []byte, seq uint16, ssrc uint32) []byte {
	h := rtp.Header{Version: 2, PayloadType: 8, SequenceNumber: seq, Timestamp: uint32(seq) * 160, SSRC: ssrc}
	buf = buf[:172]
	_, _ = h.MarshalTo(buf)
	return buf
}
