package plane

import (
	"fmt"
	"net"
	"net/netip"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"b2bua/media/sdp"
)

// eventually waits for a condition of another goroutine.
func eventually(t testing.TB, what string, ok func() bool) {
	t.Helper()
	require.Eventually(t, ok, 30*time.Second, 2*time.Millisecond, what)
}

// next waits for an event.
func next(t *testing.T, told <-chan Event) Event {
	t.Helper()
	select {
	case e := <-told:
		return e
	case <-time.After(10 * time.Second):
		require.FailNow(t, "no event")
		return Event{}
	}
}

func TestNothingIsLeft(t *testing.T) {
	drivers(t, func(t *testing.T, cfg Config) {
		before := fds(t)
		p, err := New(cfg)
		require.NoError(t, err)
		var last *Stream
		for range 50 {
			last, err = p.Open("x", sdp.Audio, loopback, loopback)
			require.NoError(t, err)
		}
		require.Equal(t, 50, p.Streams())
		last.Close()
		last.Close()
		<-last.Closed()
		eventually(t, "one stream less", func() bool { return p.Streams() == 49 })
		require.NoError(t, p.Close())
		require.NoError(t, p.Close())
		require.Zero(t, p.Streams())
		require.ErrorIs(t, last.Set(A, sdp.Agreed{}), ErrClosed)
		require.Zero(t, last.Stats(A))
		_, err = p.Open("x", sdp.Audio, loopback, loopback)
		require.ErrorIs(t, err, ErrClosed)
		require.Equal(t, before, fds(t))
	})
}

func TestPortsArePairs(t *testing.T) {
	drivers(t, func(t *testing.T, cfg Config) {
		cfg.Audio, cfg.Video = PortRange{41000, 41007}, PortRange{41101, 41105}
		p := newPlane(t, cfg)
		seen := map[uint16]bool{}
		open := func(kind sdp.Kind) (*Stream, error) { return p.Open("call-1", kind, loopback, loopback) }
		a, err := open(sdp.Audio)
		require.NoError(t, err)
		b, err := open(sdp.Audio)
		require.NoError(t, err)
		for _, st := range []*Stream{a, b} {
			for _, side := range []Side{A, B} {
				ports := st.Ports(side)
				require.Zero(t, ports.RTP%2)
				require.Equal(t, ports.RTP+1, ports.RTCP)
				require.Equal(t, loopback, ports.Addr)
				require.False(t, seen[ports.RTP])
				seen[ports.RTP] = true
			}
		}
		_, err = open(sdp.Audio)
		require.EqualError(t, err, "media plane: call call-1, leg A: all 4 port pairs of audio-port=41000-41007 are in use on 127.0.0.1; "+
			"a call takes one pair on each leg: widen audio-port in [b2bua-server]")
		v, err := open(sdp.Video)
		require.NoError(t, err)
		require.ElementsMatch(t, []uint16{41102, 41104}, []uint16{v.Ports(A).RTP, v.Ports(B).RTP})
		freed := a.Ports(A).RTP
		a.Close()
		<-a.Closed()
		c, err := open(sdp.Audio)
		require.NoError(t, err)
		require.Contains(t, []uint16{c.Ports(A).RTP, c.Ports(B).RTP}, freed)
		_, err = open(sdp.Other)
		require.ErrorContains(t, err, "only audio and video")
	})
}

// A failed Open gives back what it had.
func TestHalfOpen(t *testing.T) {
	p := newPlane(t, Config{Audio: PortRange{41010, 41011}})
	before := fds(t)
	for range 3 {
		_, err := p.Open("c", sdp.Audio, loopback, loopback)
		require.ErrorContains(t, err, "leg B: the only port pair of audio-port=41010-41011 is in use on 127.0.0.1")
	}
	require.Equal(t, before, fds(t))
	_, err := p.Open("c", sdp.Audio, netip.MustParseAddr("192.0.2.77"), loopback)
	require.ErrorContains(t, err, "leg A: cannot bind 192.0.2.77:41010")
	_, err = p.Open("c", sdp.Audio, netip.Addr{}, loopback)
	require.ErrorContains(t, err, "no local address")
	st, err := p.Open("c", sdp.Audio, loopback, netip.MustParseAddr("127.0.44.1"))
	require.NoError(t, err, "the legs have addresses of their own")
	require.Equal(t, st.Ports(A).RTP, st.Ports(B).RTP)
}

func TestPortSettings(t *testing.T) {
	for _, v := range []struct {
		r    PortRange
		want string
	}{
		{PortRange{41021, 41021}, ""},
		{PortRange{0, 0}, ""},
		{PortRange{0, 7}, ""},
		{PortRange{9, 8}, "the range ends before it starts"},
		{PortRange{65535, 65535}, "RTCP needs the next port"},
		{PortRange{41001, 41002}, "no even port"},
	} {
		p, err := New(Config{Audio: v.r, Loops: 1})
		if v.want != "" {
			require.ErrorContains(t, err, v.want)
			continue
		}
		require.NoError(t, err)
		if v.r.Min == 41021 {
			st, err := p.Open("c", sdp.Audio, loopback, netip.MustParseAddr("127.0.44.2"))
			require.NoError(t, err)
			require.Equal(t, sdp.Ports{Addr: loopback, RTP: 41021, RTCP: 41022}, st.Ports(A))
		}
		require.NoError(t, p.Close())
	}
}

// A port that another process holds is passed over.
func TestBusyPort(t *testing.T) {
	drivers(t, func(t *testing.T, cfg Config) {
		at := netip.MustParseAddr("127.0.44.3")
		for _, port := range []uint16{41030, 41033} {
			c, err := net.ListenUDP("udp4", net.UDPAddrFromAddrPort(netip.AddrPortFrom(at, port)))
			require.NoError(t, err)
			defer func() { _ = c.Close() }()
		}
		cfg.Audio = PortRange{41030, 41035}
		p := newPlane(t, cfg)
		st, err := p.Open("c", sdp.Audio, at, loopback)
		require.NoError(t, err)
		require.EqualValues(t, 41034, st.Ports(A).RTP)
	})
}

func TestIPv6(t *testing.T) {
	v6 := netip.IPv6Loopback()
	drivers(t, func(t *testing.T, cfg Config) {
		p := newPlane(t, cfg)
		a, b := newPhone(t, sdp.NoSuite, pcma), newPhone(t, sdp.NoSuite, pcma)
		b.rtp, b.rtcp = listen(t, v6), listen(t, v6)
		b.agreed.Remote, b.agreed.RemoteRTCP = local(b.rtp), local(b.rtcp)
		st, err := p.Open("c", sdp.Audio, loopback, v6)
		require.NoError(t, err)
		a.ports, b.ports = st.Ports(A), st.Ports(B)
		require.NoError(t, st.Set(A, a.agreed))
		require.NoError(t, st.Set(B, b.agreed))
		for range 3 {
			a.say(8, "six")
			require.Equal(t, "six", string(b.hear().Payload))
			b.say(8, "four")
			require.Equal(t, "four", string(a.hear().Payload))
		}
		require.Equal(t, local(b.rtp), st.Stats(B).Remote)
	})
}

// A peer whose port is closed answers with ICMP errors: the stream goes on, and hears the peer when it is there again.
func TestPeerRefuses(t *testing.T) {
	drivers(t, func(t *testing.T, cfg Config) {
		p := newPlane(t, cfg)
		a, b := newPhone(t, sdp.NoSuite, pcma), newPhone(t, sdp.NoSuite, pcma)
		st := call(t, p, a, b)
		b.say(8, "latch")
		require.Equal(t, "latch", string(a.hear().Payload))
		at := local(b.rtp)
		require.NoError(t, b.rtp.Close())
		for i := range 50 {
			a.say(8, "to nobody")
			want := uint64(i + 1)
			eventually(t, "handled", func() bool { return st.Stats(A).Packets == want })
		}
		var err error
		b.rtp, err = net.ListenUDP("udp4", net.UDPAddrFromAddrPort(at))
		require.NoError(t, err)
		defer func() { _ = b.rtp.Close() }()
		a.say(8, "back")
		require.Equal(t, "back", string(b.hear().Payload))
		b.say(8, "again")
		require.Equal(t, "again", string(a.hear().Payload))
	})
}

func TestOversizedAndShort(t *testing.T) {
	drivers(t, func(t *testing.T, cfg Config) {
		p := newPlane(t, cfg)
		a, b := newPhone(t, sdp.NoSuite, pcma), newPhone(t, sdp.AESCM128SHA180, pcma)
		st := call(t, p, a, b)
		to := netip.AddrPortFrom(a.ports.Addr, a.ports.RTP)
		for _, n := range []int{maxDatagram + 1, 9000, 0, 1, 11} {
			junk := make([]byte, n)
			if n > 0 {
				junk[0] = 0x80
			}
			_, err := a.rtp.WriteToUDPAddrPort(junk, to)
			require.NoError(t, err)
		}
		b.recv = nil
		whole := a.packet(8, string(make([]byte, maxDatagram-12)))
		_, err := a.rtp.WriteToUDPAddrPort(whole, to)
		require.NoError(t, err)
		buf := make([]byte, 4096)
		n, _, err := b.rtp.ReadFromUDPAddrPort(buf)
		require.NoError(t, err)
		require.Equal(t, maxDatagram+10, n, "the longest packet has room for its tag")
		s := st.Stats(A)
		require.EqualValues(t, 2, s.Oversized)
		require.EqualValues(t, 2, s.Malformed)
		require.EqualValues(t, 1, s.Other)
	})
}

// While the peer speaks no other source gets through; once it is silent it may come from elsewhere.
func TestPinAndMove(t *testing.T) {
	drivers(t, func(t *testing.T, cfg Config) {
		var mu sync.Mutex
		var latched []netip.AddrPort
		cfg.Notify = func(e Event) {
			mu.Lock()
			defer mu.Unlock()
			if e.Kind == Latched && e.Side == A {
				latched = append(latched, e.Addr)
			}
		}
		p := newPlane(t, cfg)
		a, b := newPhone(t, sdp.AESCM128SHA180, pcma), newPhone(t, sdp.NoSuite, pcma)
		st := call(t, p, a, b)
		evil := listen(t, loopback)
		for i := range 30 {
			a.say(8, fmt.Sprint(i))
			require.Equal(t, fmt.Sprint(i), string(b.hear().Payload))
			_, _ = evil.WriteToUDPAddrPort([]byte("\x80\x08forged packet, forged packet"), netip.AddrPortFrom(a.ports.Addr, a.ports.RTP))
			time.Sleep(10 * time.Millisecond) // the pace of a phone, so that the loop's clock ticks
		}
		first := local(a.rtp)
		require.Equal(t, first, st.Stats(A).Remote)
		a.rtp = listen(t, loopback) // moved: the old address is silent
		eventually(t, "moved", func() bool {
			a.say(8, "moved")
			return st.Stats(A).Remote == local(a.rtp)
		})
		b.say(8, "follows")
		require.Equal(t, "follows", string(a.hear().Payload))
		mu.Lock()
		defer mu.Unlock()
		require.Equal(t, []netip.AddrPort{first, local(a.rtp)}, latched)
	})
}

func TestNoMediaIsTold(t *testing.T) {
	drivers(t, func(t *testing.T, cfg Config) {
		told := make(chan Event, 10)
		cfg.NoMedia, cfg.Notify = 200*time.Millisecond, func(e Event) {
			select {
			case told <- e:
			default:
			}
		}
		p := newPlane(t, cfg)
		st := call(t, p, newPhone(t, sdp.NoSuite, pcma), newPhone(t, sdp.NoSuite, pcma))
		e := next(t, told)
		require.Equal(t, NoMedia, e.Kind)
		require.Equal(t, "test", e.Call)
		require.Same(t, st, e.Stream)
	})
}

// A peer that names an address which the leg cannot reach is told of once; the stream lives.
func TestUnroutable(t *testing.T) {
	drivers(t, func(t *testing.T, cfg Config) {
		told := make(chan Event, 10)
		cfg.Notify = func(e Event) { told <- e }
		p := newPlane(t, cfg)
		a, b := newPhone(t, sdp.NoSuite, pcma), newPhone(t, sdp.NoSuite, pcma)
		reachable := b.agreed
		b.agreed.Remote = netip.MustParseAddrPort("[2001:db8::1]:4000") // on an IPv4 leg
		st := call(t, p, a, b)
		a.say(8, "lost")
		require.Equal(t, Latched, next(t, told).Kind)
		e := next(t, told)
		require.Equal(t, Unroutable, e.Kind)
		require.Equal(t, B, e.Side)
		require.Equal(t, b.agreed.Remote, e.Addr)
		require.EqualValues(t, 1, e.Count)
		require.NoError(t, st.Set(B, reachable))
		a.say(8, "found")
		require.Equal(t, "found", string(b.hear().Payload))
		require.EqualValues(t, 1, st.Stats(B).SendFailed)
	})
}

func TestSetRefusesBadKeys(t *testing.T) {
	p := newPlane(t, Config{})
	a, b := newPhone(t, sdp.NoSuite, pcma), newPhone(t, sdp.NoSuite, pcma)
	st := call(t, p, a, b)
	bad := a.agreed
	bad.SendKey = sdp.Crypto{Suite: sdp.AESCM128SHA180, Key: []byte("short")}
	require.Error(t, st.Set(A, bad))
	a.say(8, "unchanged")
	require.Equal(t, "unchanged", string(b.hear().Payload))
}

// Streams are opened, set, asked and closed while packets come in on all of them.
func TestCloseUnderTraffic(t *testing.T) {
	drivers(t, func(t *testing.T, cfg Config) {
		before := fds(t)
		cfg.Loops = 2
		p, err := New(cfg)
		require.NoError(t, err)
		out := listen(t, loopback)
		var wg sync.WaitGroup
		for i := range 4 {
			wg.Go(func() {
				suite := sdp.NoSuite
				if i%2 == 1 {
					suite = sdp.AESCM128SHA180
				}
				for range 15 {
					a, b := newPhone(t, suite, pcma), newPhone(t, sdp.AEADAES128GCM, pcma)
					st, err := p.Open("c", sdp.Audio, loopback, loopback)
					if err != nil {
						t.Error(err)
						return
					}
					to := [2]netip.AddrPort{netip.AddrPortFrom(loopback, st.Ports(A).RTP), netip.AddrPortFrom(loopback, st.Ports(B).RTP)}
					stop := make(chan struct{})
					var sending sync.WaitGroup
					sending.Go(func() {
						for {
							select {
							case <-stop:
								return
							default:
								_, _ = out.WriteToUDPAddrPort(a.packet(8, "x"), to[0])
								_, _ = out.WriteToUDPAddrPort(b.packet(8, "x"), to[1])
							}
						}
					})
					if st.Set(A, a.agreed) != nil || st.Set(B, b.agreed) != nil {
						t.Error("not set")
					}
					deadline := time.Now().Add(10 * time.Second)
					for st.Stats(B).Sent < 20 && time.Now().Before(deadline) {
						_ = st.Set(A, a.agreed)
					}
					if st.Stats(B).Sent < 20 {
						t.Error("nothing flows")
					}
					st.Close()
					if st.Stats(A).Packets == 0 {
						t.Error("no last statistics")
					}
					close(stop)
					sending.Wait()
					for _, c := range []*net.UDPConn{a.rtp, a.rtcp, b.rtp, b.rtcp} {
						_ = c.Close()
					}
				}
			})
		}
		wg.Wait()
		require.NoError(t, p.Close())
		require.Equal(t, before+1, fds(t))
	})
}
