package plane

import (
	"fmt"
	"net"
	"net/netip"
	"testing"

	"github.com/pion/rtcp"
	"github.com/stretchr/testify/require"

	"b2bua/media/dtls"
	"b2bua/media/relay"
	"b2bua/media/sdp"
)

var camera = sdp.Codec{PT: 98, Name: "VP8", Rate: 90000}

// pairOf are an audio and a video stream of one call: on leg A a browser with one transport, on leg B a phone for each.
type pairOf struct {
	t       testing.TB
	streams [2]*Stream
	browser *phone
	phones  [2]*phone
}

func newPair(t testing.TB, cfg Config, suite sdp.Suite) *pairOf {
	p := newPlane(t, cfg)
	x := &pairOf{t: t, browser: newPhone(t, suite, pcma)}
	for i, codec := range []sdp.Codec{pcma, camera} {
		var err error
		if i == 0 {
			x.streams[i], err = p.Open("test", sdp.Audio, loopback, loopback)
		} else {
			x.streams[i], err = p.OpenBeside(x.streams[0], sdp.Video, loopback, loopback)
		}
		require.NoError(t, err)
		x.phones[i] = newPhone(t, sdp.NoSuite, codec)
		x.phones[i].ports = x.streams[i].Ports(B)
		require.NoError(t, x.streams[i].Set(B, x.phones[i].agreed))
	}
	x.browser.agreed.Mux = true
	x.browser.ports = x.streams[0].Ports(A)
	x.join()
	return x
}

// agreed of leg A for stream i in the group of stream tag.
func (x *pairOf) agreed(i, tag int) sdp.Agreed {
	a := x.browser.agreed
	a.Codecs = []sdp.Codec{[]sdp.Codec{pcma, camera}[i]}
	a.Group = &sdp.Group{Tagged: tag, MID: []string{"a", "v"}[i], Extension: 4}
	if i != tag {
		a.SendKey, a.RecvKey = sdp.Crypto{}, sdp.Crypto{}
	}
	return a
}

func (x *pairOf) join() {
	require.NoError(x.t, x.streams[1].SetOn(A, x.agreed(1, 0), x.streams[0]))
	require.NoError(x.t, x.streams[0].Set(A, x.agreed(0, 0)))
}

// talk sends audio and video, or one of them, both ways over the one transport.
func (x *pairOf) talk(streams ...int) {
	x.t.Helper()
	for n := range 10 {
		for _, i := range streams {
			pt := []uint8{8, 98}[i]
			x.browser.ssrc = uint32(0x1000 + i)
			x.browser.say(pt, fmt.Sprint("to phone ", i, n))
			require.Equal(x.t, fmt.Sprint("to phone ", i, n), string(x.phones[i].hear().Payload))
			x.phones[i].say(pt, fmt.Sprint("to browser ", i, n))
			got := x.browser.hear()
			require.Equal(x.t, fmt.Sprint("to browser ", i, n), string(got.Payload))
			require.Equal(x.t, pt, got.PayloadType)
		}
	}
}

func TestGroup(t *testing.T) {
	drivers(t, func(t *testing.T, cfg Config) {
		for _, suite := range []sdp.Suite{sdp.NoSuite, sdp.AESCM128SHA180, sdp.AEADAES128GCM} {
			t.Run(fmt.Sprint(suite), func(t *testing.T) {
				cfg := cfg
				cfg.Loops = 3
				x := newPair(t, cfg, suite)
				x.talk(0, 1)
				require.Equal(t, uint64(10), x.streams[1].Stats(A).Packets)
				require.Equal(t, uint64(10), x.streams[0].Stats(A).Packets)
				require.Equal(t, local(x.browser.rtp), x.streams[1].Stats(A).Remote)
				x.browser.rtcp, x.browser.ports.RTCP = x.browser.rtp, x.browser.ports.RTP // rtcp-mux
				x.browser.report(&rtcp.SenderReport{SSRC: 0x1000}, &rtcp.SenderReport{SSRC: 0x1001, NTPTime: 7})
				for _, p := range x.phones {
					require.Len(t, p.readReport(), 1)
				}
			})
		}
	})
}

// Nobody listens on the port that a bundled stream keeps for itself.
func TestPortOfABundledStreamIsDeaf(t *testing.T) {
	drivers(t, func(t *testing.T, cfg Config) {
		x := newPair(t, cfg, sdp.NoSuite)
		x.talk(0, 1)
		shared := x.browser.ports
		x.browser.ports = x.streams[1].Ports(A)
		require.NotEqual(t, shared, x.browser.ports)
		before := x.streams[1].Stats(A).Packets
		for range 5 {
			x.browser.say(98, "lost")
		}
		x.browser.ports = shared
		x.talk(1)
		require.Equal(t, before+10, x.streams[1].Stats(A).Packets)
	})
}

// The stream whose transport it was ends, and the other goes on with its port, its key and the numbers under it.
func TestInherit(t *testing.T) {
	drivers(t, func(t *testing.T, cfg Config) {
		for _, suite := range []sdp.Suite{sdp.NoSuite, sdp.AESCM128SHA180} {
			x := newPair(t, cfg, suite)
			x.talk(0, 1)
			at, free := x.streams[0].Ports(A), x.streams[1].Ports(A)
			require.Error(t, x.streams[0].Inherit(A, x.streams[1]), "the wrong way round")
			require.NoError(t, x.streams[1].Inherit(A, x.streams[0]))
			require.Error(t, x.streams[1].Inherit(A, x.streams[1]), "itself")
			require.Equal(t, at, x.streams[1].Ports(A))
			require.Equal(t, free, x.streams[0].Ports(A))
			require.NoError(t, x.streams[1].Set(A, x.agreed(1, 1)))
			x.streams[0].Close()
			<-x.streams[0].Closed()
			x.talk(1)
			require.Zero(t, x.streams[1].Stats(A).Replayed+x.streams[1].Stats(A).AuthFailed)
		}
	})
}

// A stream that was not on the transport describes it from now on: another one than that which had it before, or the same one again.
func TestInheritByWhoJoins(t *testing.T) {
	drivers(t, func(t *testing.T, cfg Config) {
		for _, suite := range []sdp.Suite{sdp.NoSuite, sdp.AESCM128SHA180} {
			x := newPair(t, cfg, suite)
			x.talk(0, 1)
			at := x.streams[0].Ports(A)
			require.NoError(t, x.streams[1].Inherit(A, x.streams[0]))
			require.NoError(t, x.streams[1].Set(A, x.agreed(1, 1)))
			require.NoError(t, x.streams[0].Set(A, sdp.Agreed{Kind: sdp.Audio}))
			x.talk(1)
			require.NoError(t, x.streams[0].Inherit(A, x.streams[1]))
			require.Equal(t, at, x.streams[0].Ports(A))
			x.join()
			x.talk(0, 1)
			for _, st := range x.streams {
				got := st.Stats(A)
				require.Zero(t, got.Replayed+got.AuthFailed)
			}
		}
	})
}

// A stream of another call, or of another loop, cannot.
func TestInheritFromAStranger(t *testing.T) {
	drivers(t, func(t *testing.T, cfg Config) {
		x, y := newPair(t, cfg, sdp.NoSuite), newPair(t, cfg, sdp.NoSuite)
		require.Error(t, x.streams[0].Inherit(A, y.streams[0]))
		x.talk(0, 1)
	})
}

// A bundled stream leaves, and comes back.
func TestLeaveTheGroup(t *testing.T) {
	drivers(t, func(t *testing.T, cfg Config) {
		x := newPair(t, cfg, sdp.NoSuite)
		x.talk(0, 1)
		apart := x.agreed(1, 0)
		apart.Group = nil
		require.NoError(t, x.streams[1].Set(A, apart))
		shared := x.browser.ports
		x.browser.ports = x.streams[1].Ports(A)
		x.talk(1)
		x.browser.ports = shared
		x.talk(0)
		x.join()
		x.talk(0, 1)
	})
}

// However the streams of a group end, the others do.
func TestGroupEnds(t *testing.T) {
	drivers(t, func(t *testing.T, cfg Config) {
		for _, first := range []int{0, 1} {
			x := newPair(t, cfg, sdp.AESCM128SHA180)
			x.talk(0, 1)
			x.streams[first].Close()
			<-x.streams[first].Closed()
			if first == 1 {
				x.talk(0)
			}
			require.NoError(t, x.streams[1-first].Set(A, x.agreed(1-first, 1-first)))
			x.streams[1-first].Stats(A)
		}
	})
}

func TestGroupWantsStreamsBesideEachOther(t *testing.T) {
	p := newPlane(t, Config{Loops: 2})
	var streams [2]*Stream
	for i := range streams {
		var err error
		streams[i], err = p.Open("test", sdp.Audio, loopback, loopback)
		require.NoError(t, err)
		t.Cleanup(streams[i].Close)
	}
	a := newPhone(t, sdp.NoSuite, pcma).agreed
	a.Group = &sdp.Group{}
	require.ErrorIs(t, streams[1].SetOn(A, a, streams[0]), errApart)
	require.ErrorIs(t, streams[1].SetOn(A, a, streams[1]), errApart)
}

// One handshake secures all streams of the group, and its keys go with the transport.
func TestGroupWithDTLS(t *testing.T) {
	drivers(t, func(t *testing.T, cfg Config) {
		nodes := [2]*node{newNode(t, cfg, dtls.Config{}), newNode(t, cfg, dtls.Config{})}
		var video [2]*Stream
		var phones [2]*phone
		for i, n := range nodes {
			var err error
			video[i], err = n.plane.OpenBeside(n.stream, sdp.Video, loopback, loopback)
			require.NoError(t, err)
			t.Cleanup(video[i].Close)
			phones[i] = newPhone(t, sdp.NoSuite, camera)
			phones[i].ports = video[i].Ports(A)
			require.NoError(t, video[i].Set(A, phones[i].agreed))
		}
		set := func(tag int) {
			for i, n := range nodes {
				other := nodes[1-i]
				a := n.agreed(other, sdp.Ports{}, i == 0, true)
				at := [2]*Stream{other.stream, video[1-i]}[tag].Ports(B)
				a.Remote = netip.AddrPortFrom(at.Addr, at.RTP)
				a.RemoteRTCP = a.Remote
				v := a
				v.Codecs = []sdp.Codec{camera}
				a.Group, v.Group = &sdp.Group{Tagged: tag, MID: "a", Extension: 4}, &sdp.Group{Tagged: tag, MID: "v", Extension: 4}
				if tag == 0 {
					require.NoError(t, n.stream.Set(B, a))
					require.NoError(t, video[i].SetOn(B, v, n.stream))
				} else {
					require.NoError(t, video[i].Set(B, v))
				}
			}
		}
		see := func() {
			for n := range 5 {
				for i := range phones {
					phones[i].say(98, fmt.Sprint("picture ", i, n))
					require.Equal(t, fmt.Sprint("picture ", i, n), string(phones[1-i].hear().Payload))
				}
			}
		}
		set(0)
		for _, n := range nodes {
			n.events.wait(t, B, Secured, 1)
		}
		talk(t, nodes[0], nodes[1])
		see()
		for i, n := range nodes {
			require.NoError(t, video[i].Inherit(B, n.stream))
			n.stream.Close()
		}
		set(1)
		see()
		for i, n := range nodes {
			for _, ev := range n.events.find(B, Secured)[1:] {
				require.True(t, ev.Inherited, "no other handshake")
			}
			s := video[i].Stats(B)
			require.Zero(t, s.AuthFailed+s.Replayed)
		}
	})
}

// In the midst of a handshake: the one who inherits the transport gets its keys.
func TestInheritAHandshake(t *testing.T) {
	drivers(t, func(t *testing.T, cfg Config) {
		n, other := newNode(t, cfg, dtls.Config{}), newNode(t, cfg, dtls.Config{})
		video, err := n.plane.OpenBeside(n.stream, sdp.Video, loopback, loopback)
		require.NoError(t, err)
		t.Cleanup(video.Close)
		a := n.agreed(other, other.stream.Ports(B), true, true)
		a.Group = &sdp.Group{MID: "a"}
		require.NoError(t, n.stream.Set(B, a))
		require.NoError(t, video.SetOn(B, a, n.stream))
		require.NoError(t, video.Inherit(B, n.stream))
		n.stream.Close()
		require.NoError(t, video.Set(B, a))
		require.NoError(t, other.stream.Set(B, other.agreed(n, video.Ports(B), false, true)))
		got := n.events.wait(t, B, Secured, 1)
		require.Same(t, video, got[0].Stream)
		require.Equal(t, relay.RTP, got[0].Channel)
	})
}

// After a handshake: who inherits the transport tells of it, for the other one may have ended before anybody has heard.
func TestInheritedHandshakeIsTold(t *testing.T) {
	drivers(t, func(t *testing.T, cfg Config) {
		n, other := newNode(t, cfg, dtls.Config{}), newNode(t, cfg, dtls.Config{})
		video, err := n.plane.OpenBeside(n.stream, sdp.Video, loopback, loopback)
		require.NoError(t, err)
		t.Cleanup(video.Close)
		a := n.agreed(other, other.stream.Ports(B), true, true)
		a.Group = &sdp.Group{MID: "a"}
		require.NoError(t, n.stream.Set(B, a))
		require.NoError(t, video.SetOn(B, a, n.stream))
		require.NoError(t, other.stream.Set(B, other.agreed(n, n.stream.Ports(B), false, true)))
		first := n.events.wait(t, B, Secured, 1)[0]
		require.False(t, first.Inherited)
		require.NoError(t, video.Inherit(B, n.stream))
		n.stream.Close()
		got := n.events.wait(t, B, Secured, 2)
		require.Same(t, video, got[1].Stream)
		require.True(t, got[1].Inherited)
		require.Equal(t, first.Event, got[1].Event)
	})
}

func TestGroupUnderTraffic(t *testing.T) {
	drivers(t, func(t *testing.T, cfg Config) {
		x := newPair(t, cfg, sdp.NoSuite)
		x.talk(0, 1)
		stop, done := make(chan struct{}), make(chan struct{})
		conn, to := listen(t, loopback), netip.AddrPortFrom(x.browser.ports.Addr, x.browser.ports.RTP)
		go func() {
			defer close(done)
			for {
				select {
				case <-stop:
					return
				default:
					flood(conn, to)
				}
			}
		}()
		for i := range 50 {
			x.streams[1].Stats(A)
			if i%2 == 0 {
				require.NoError(t, x.streams[1].Set(A, x.agreed(1, 1)))
			} else {
				x.join()
			}
		}
		x.streams[0].Close()
		x.streams[1].Close()
		<-x.streams[1].Closed()
		close(stop)
		<-done
	})
}

func flood(conn *net.UDPConn, to netip.AddrPort) {
	for _, b := range [][]byte{{0x80, 98, 0, 1, 0, 0, 0, 1, 0, 0, 0, 1, 'x'}, {0x80, 200, 0, 1, 0, 0, 0, 1}, {0, 1, 2}, {22, 1}} {
		_, _ = conn.WriteToUDPAddrPort(b, to)
	}
}
