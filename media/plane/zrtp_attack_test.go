package plane

import (
	"fmt"
	"net/netip"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"b2bua/media/sdp"
	"b2bua/media/zrtp"
	"b2bua/media/zrtp/wire"
)

// oneZRTP is a plane with a plain phone on A, and a phone with ZRTP that will be on B.
func oneZRTP(t testing.TB, cfg Config, c zrtpPhoneConfig) (*zrtpNode, *zrtpPhone) {
	t.Helper()
	n := newZRTPNode(t, cfg, zrtpConfig(t, "b2bua", quick()), 1)
	c.name = "phone"
	return n, newZRTPPhone(t, c)
}

// speak sends both ways until all has come.
func speak(t testing.TB, a *phone, b *zrtpPhone) {
	t.Helper()
	for i := range 10 {
		a.say(8, fmt.Sprint("to b ", i))
		require.Equal(t, fmt.Sprint("to b ", i), string(b.hear().Payload))
		b.say(fmt.Sprint("to a ", i))
		require.Equal(t, fmt.Sprint("to a ", i), string(a.hear().Payload))
	}
}

// connect makes the side B agree with the phone, and waits until both are secure.
func (n *zrtpNode) connect(t testing.TB, p *zrtpPhone) *zrtp.Report {
	t.Helper()
	before := len(n.events.find(B, Secured))
	require.NoError(t, n.stream.Set(B, p.agreed()))
	p.start(n.stream.Ports(B))
	r := n.events.wait(t, B, Secured, before+1)[before].ZRTP
	require.Equal(t, p.secure().SAS, r.SAS)
	return r
}

func TestZRTPPhone(t *testing.T) {
	drivers(t, func(t *testing.T, cfg Config) {
		n, p := oneZRTP(t, cfg, zrtpPhoneConfig{})
		r := n.connect(t, p)
		require.True(t, r.HashVerified)
		speak(t, n.phone, p)
		require.Zero(t, p.inClear())
		require.Equal(t, p.stream.SSRC(), n.phone.lastSSRC(t, p))
	})
}

// lastSSRC is the SSRC that the other phone sees as ours.
func (p *phone) lastSSRC(t testing.TB, from *zrtpPhone) uint32 {
	t.Helper()
	from.say("ssrc")
	return p.hear().SSRC
}

// The line to the phone has the SSRC that our ZRTP packets name.
func TestZRTPNamesTheSSRCOfMedia(t *testing.T) {
	drivers(t, func(t *testing.T, cfg Config) {
		named := make(chan uint32, 1)
		n, p := oneZRTP(t, cfg, zrtpPhoneConfig{drop: func(out bool, b []byte) bool {
			if w, err := wire.Parse(b); err == nil && !out {
				select {
				case named <- w.SSRC:
				default:
				}
			}
			return false
		}})
		n.connect(t, p)
		n.phone.say(8, "x")
		require.Equal(t, <-named, p.hear().SSRC)
	})
}

func TestZRTPInClearIsDropped(t *testing.T) {
	drivers(t, func(t *testing.T, cfg Config) {
		n, p := oneZRTP(t, cfg, zrtpPhoneConfig{})
		require.NoError(t, n.stream.Set(B, p.agreed()))
		p.to = netip.AddrPortFrom(n.stream.Ports(B).Addr, n.stream.Ports(B).RTP)
		p.write(p.packet("media in clear, as long as a tag", true))
		n.phone.say(8, "clear")
		require.Eventually(t, func() bool { s := n.stream.Stats(B); return s.NotReady == 1 && s.Unsent == 1 }, 30*time.Second, time.Millisecond)
		n.connect(t, p)
		p.write(p.packet("media in clear, as long as a tag", true))
		require.Eventually(t, func() bool { return n.stream.Stats(B).AuthFailed == 1 }, 30*time.Second, time.Millisecond)
		speak(t, n.phone, p)
		require.Zero(t, p.inClear())
	})
}

func TestZRTPWrongHash(t *testing.T) {
	drivers(t, func(t *testing.T, cfg Config) {
		n, p := oneZRTP(t, cfg, zrtpPhoneConfig{})
		a := p.agreed()
		a.ZRTP.PeerHash[0] ^= 1
		require.NoError(t, n.stream.Set(B, a))
		p.start(n.stream.Ports(B))
		ev := n.events.wait(t, B, Suspicious, 1)[0]
		require.ErrorContains(t, ev.Err, "Hello does not match a=zrtp-hash")
		require.Empty(t, n.events.find(B, Secured))

		require.NoError(t, n.stream.Set(B, p.agreed())) // the right one after all
		n.events.wait(t, B, Secured, 1)
		speak(t, n.phone, p)
	})
}

func TestZRTPSilence(t *testing.T) {
	drivers(t, func(t *testing.T, cfg Config) {
		n, p := oneZRTP(t, cfg, zrtpPhoneConfig{})
		require.NoError(t, n.stream.Set(B, p.agreed()))
		ev := n.events.wait(t, B, SecureFailed, 1)[0]
		require.ErrorIs(t, ev.Err, ErrNoZRTP)
		require.True(t, ev.Retried)
		p.start(n.stream.Ports(B)) // late, as after a long ringing
		n.events.wait(t, B, Secured, 1)
		speak(t, n.phone, p)
	})
}

func TestZRTPForgedErrors(t *testing.T) {
	drivers(t, func(t *testing.T, cfg Config) {
		at := make(chan netip.AddrPort, 1)
		var n *zrtpNode
		stranger := listen(t, loopback)
		forge := func() {
			for _, code := range []uint32{0x10, 0x61, 0xa0} {
				_, _ = stranger.WriteToUDPAddrPort(wire.AppendPacket(nil, 0x7fff, 0x1000, wire.AppendFailure(nil, code)), <-at)
			}
		}
		n, p := oneZRTP(t, cfg, zrtpPhoneConfig{ssrc: 0x1000, drop: func(out bool, _ []byte) bool {
			if out {
				forge()
			}
			return false
		}})
		done := make(chan struct{})
		t.Cleanup(func() { close(done) })
		go func() {
			for {
				select {
				case at <- netip.AddrPortFrom(n.stream.Ports(B).Addr, n.stream.Ports(B).RTP):
				case <-done:
					return
				}
			}
		}()
		n.connect(t, p)
		speak(t, n.phone, p)
	})
}

func TestZRTPLoss(t *testing.T) {
	drivers(t, func(t *testing.T, cfg Config) {
		for seed := range int64(4) {
			t.Run(fmt.Sprint(seed), func(t *testing.T) {
				t.Parallel()
				n, p := oneZRTP(t, cfg, zrtpPhoneConfig{drop: losing(seed, 0.3)})
				n.connect(t, p)
				speak(t, n.phone, p)
			})
		}
	})
}

// The phone's Conf2ACK is lost, each time: its media proves as well that it has the keys.
func TestZRTPMediaStandsForConf2ACK(t *testing.T) {
	drivers(t, func(t *testing.T, cfg Config) {
		z := zrtpConfig(t, "b2bua", quick())
		n := newZRTPNode(t, cfg, z, 1)
		p := newZRTPPhone(t, zrtpPhoneConfig{name: "phone", passive: true, drop: func(out bool, b []byte) bool {
			return out && zrtpType(b) == wire.Conf2ACK
		}})
		require.NoError(t, n.stream.Set(B, p.agreed()))
		p.start(n.stream.Ports(B))
		p.secure()
		require.Empty(t, n.events.find(B, Secured))
		p.say("here")
		n.events.wait(t, B, Secured, 1)
		require.Equal(t, "here", string(n.phone.hear().Payload))
		speak(t, n.phone, p)
	})
}

// The phone is behind a NAT: what it signals cannot be reached, and its packets tell where it is.
func TestZRTPBehindNAT(t *testing.T) {
	drivers(t, func(t *testing.T, cfg Config) {
		for name, remote := range map[string]netip.AddrPort{"elsewhere": local(listen(t, loopback)), "unknown": {}} {
			t.Run(name, func(t *testing.T) {
				n, p := oneZRTP(t, cfg, zrtpPhoneConfig{})
				a := p.agreed()
				a.Remote, a.RemoteRTCP = remote, remote
				require.NoError(t, n.stream.Set(B, a))
				p.start(n.stream.Ports(B))
				n.events.wait(t, B, Secured, 1)
				p.secure()
				n.phone.say(8, "found")
				require.Equal(t, "found", string(p.hear().Payload))
				speak(t, n.phone, p)
			})
		}
	})
}

// Another phone answers the same offer of ours: another session, by the Hello that the offer has told.
func TestZRTPAnotherPeer(t *testing.T) {
	drivers(t, func(t *testing.T, cfg Config) {
		n, p := oneZRTP(t, cfg, zrtpPhoneConfig{})
		hash, err := sdp.ParseZRTPHash(n.stream.ZRTPHash(B))
		require.NoError(t, err)
		first := n.connect(t, p)
		speak(t, n.phone, p)

		other := newZRTPPhone(t, zrtpPhoneConfig{name: "other"})
		other.stream.Handle(time.Now(), zrtp.PeerHash{Hash: hash})
		heard, quiet := n.phone.listenFor("new"), p.chatter()
		second := n.connect(t, other)
		other.secure()
		quiet()
		other.say("new")
		heard()
		require.NotEqual(t, first.Peer, second.Peer)
		require.True(t, other.secure().HashVerified)
		speak(t, n.phone, other)
		require.Zero(t, other.inClear())
	})
}

// The same without a=zrtp-hash: the Hello at the new address tells. One from elsewhere, or without a new address, does not.
func TestZRTPAnotherPeerWithoutHash(t *testing.T) {
	drivers(t, func(t *testing.T, cfg Config) {
		n, p := oneZRTP(t, cfg, zrtpPhoneConfig{})
		without := func(p *zrtpPhone) sdp.Agreed {
			a := p.agreed()
			a.ZRTP = &sdp.ZRTPParams{}
			return a
		}
		require.NoError(t, n.stream.Set(B, without(p)))
		p.start(n.stream.Ports(B))
		n.events.wait(t, B, Secured, 1)
		p.secure()
		speak(t, n.phone, p)

		stranger := newZRTPPhone(t, zrtpPhoneConfig{name: "stranger"})
		stranger.start(n.stream.Ports(B))
		other := newZRTPPhone(t, zrtpPhoneConfig{name: "other"})
		require.NoError(t, n.stream.Set(B, without(other)))
		before := n.stream.Stats(B).Other
		require.Eventually(t, func() bool { return n.stream.Stats(B).Other > before+2 }, 30*time.Second, time.Millisecond)
		require.Len(t, n.events.find(B, Secured), 1)

		heard, quiet := n.phone.listenFor("new"), p.chatter()
		require.Eventually(t, func() bool { return len(n.events.find(B, Latched)) > 1 }, 30*time.Second, time.Millisecond)
		other.start(n.stream.Ports(B))
		second := n.events.wait(t, B, Secured, 2)[1].ZRTP
		other.secure()
		quiet()
		other.say("new")
		heard()
		require.Equal(t, other.secure().SAS, second.SAS)
		speak(t, n.phone, other)
	})
}

// Without a=zrtp-hash a stranger was first; the phone is where it said, and is heard.
func TestZRTPStrangerFirst(t *testing.T) {
	drivers(t, func(t *testing.T, cfg Config) {
		n, p := oneZRTP(t, cfg, zrtpPhoneConfig{})
		a := p.agreed()
		a.ZRTP = &sdp.ZRTPParams{}
		require.NoError(t, n.stream.Set(B, a))
		stranger := newZRTPPhone(t, zrtpPhoneConfig{name: "stranger", drop: func(out bool, b []byte) bool {
			return out && zrtpType(b) != wire.Hello && zrtpType(b) != wire.HelloACK // has us wait for the rest
		}})
		stranger.start(n.stream.Ports(B))
		require.Eventually(t, stranger.met, 30*time.Second, time.Millisecond)
		p.start(n.stream.Ports(B))
		require.Equal(t, p.secure().SAS, n.events.wait(t, B, Secured, 1)[0].ZRTP.SAS)
		speak(t, n.phone, p)
	})
}

// Branches of a fork of which only one writes a=zrtp-hash: the phone that answers is another one than that of the early media.
func TestZRTPForkOfOneHash(t *testing.T) {
	for name, hashes := range map[string][2]bool{"the second": {false, true}, "the first": {true, false}} {
		t.Run(name, func(t *testing.T) {
			drivers(t, func(t *testing.T, cfg Config) {
				n, early := oneZRTP(t, cfg, zrtpPhoneConfig{})
				phones := [2]*zrtpPhone{early, newZRTPPhone(t, zrtpPhoneConfig{name: "other"})}
				for i, p := range phones {
					a := p.agreed()
					if !hashes[i] {
						a.ZRTP = &sdp.ZRTPParams{}
					}
					require.NoError(t, n.stream.Set(B, a))
					p.start(n.stream.Ports(B))
					r := n.events.wait(t, B, Secured, i+1)[i].ZRTP
					require.Equal(t, p.secure().SAS, r.SAS)
					require.Equal(t, hashes[i], r.HashVerified)
					require.Len(t, n.events.find(B, Unsecured), i)
					speak(t, n.phone, p)
				}
			})
		})
	}
}

// A re-INVITE that changes nothing, moves the phone or says nothing of ZRTP keeps the keys.
func TestZRTPSetAgain(t *testing.T) {
	drivers(t, func(t *testing.T, cfg Config) {
		n, p := oneZRTP(t, cfg, zrtpPhoneConfig{})
		n.connect(t, p)
		speak(t, n.phone, p)
		held := p.agreed()
		held.Remote, held.RemoteRTCP, held.Direction = netip.AddrPort{}, netip.AddrPort{}, sdp.SendOnly
		silent := p.agreed()
		silent.ZRTP = &sdp.ZRTPParams{}
		for _, a := range []sdp.Agreed{p.agreed(), held, silent} {
			require.NoError(t, n.stream.Set(B, a))
		}
		speak(t, n.phone, p)
		require.Len(t, n.events.find(B, Secured), 1)
		require.Empty(t, n.events.find(B, SecureFailed))
	})
}
