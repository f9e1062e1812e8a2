package plane

import (
	"context"
	"errors"
	"net/netip"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"b2bua/media/sdes"
	"b2bua/media/sdp"
	"b2bua/media/zrtp"
	"b2bua/media/zrtp/alg"
)

// A stream that is opened later joins the session of its leg, without another key agreement.
func TestZRTPLateStream(t *testing.T) {
	drivers(t, func(t *testing.T, cfg Config) {
		a := newZRTPNode(t, cfg, zrtpConfig(t, "alice", quick()), 1)
		b := newZRTPNode(t, cfg, zrtpConfig(t, "bob", quick()), 1)
		join(t, a, b, true)
		a.events.wait(t, B, Secured, 1)
		b.events.wait(t, B, Secured, 1)
		a.open(t, a.plane)
		b.open(t, b.plane)
		ofA, ofB := a.offer(t, 1, true), b.offer(t, 1, true)
		require.NoError(t, a.streams[1].Set(B, ofB))
		require.NoError(t, b.streams[1].Set(B, ofA))
		late := a.events.wait(t, B, Secured, 2)
		b.events.wait(t, B, Secured, 2)
		require.Equal(t, a.streams[1], late[1].Stream)
		require.Equal(t, late[0].ZRTP.SAS, late[1].ZRTP.SAS)
		require.Equal(t, alg.Mult, late[1].ZRTP.Suite.Agreement)
		exchangeMedia(t, a.phones[1], b.phones[1])

		a.streams[0].Close() // the session outlives the stream that made it
		b.streams[0].Close()
		exchangeMedia(t, a.phones[1], b.phones[1])
	})
}

// A phone's new Hello in mid-call is a new stream in its session, or a new session; which of the two only its Commit tells, or what it
// makes of ours.
func TestZRTPPeerBeginsAnew(t *testing.T) {
	drivers(t, func(t *testing.T, cfg Config) {
		for name, c := range map[string]struct{ keep, passive bool }{
			"same session": {true, false}, "same session, passive": {true, true}, "new session": {false, false}, "new session, passive": {false, true},
		} {
			t.Run(name, func(t *testing.T) {
				t.Parallel()
				n, p := oneZRTP(t, cfg, zrtpPhoneConfig{passive: c.passive})
				hash, err := sdp.ParseZRTPHash(n.stream.ZRTPHash(B))
				require.NoError(t, err)
				first := n.connect(t, p)
				speak(t, n.phone, p)
				for i := range 2 {
					p.renew(c.keep)
					require.NoError(t, n.stream.Set(B, p.agreed()))
					p.meet(hash)
					p.secure()
					r := n.events.wait(t, B, Secured, i+2)[i+1].ZRTP
					require.Equal(t, p.secure().SAS, r.SAS)
					require.Equal(t, c.keep, r.SAS == first.SAS)
					require.Equal(t, c.keep, r.Suite.Agreement == alg.Mult)
					speak(t, n.phone, p)
				}
				require.NoError(t, n.stream.ConfirmSAS(B, true))
				require.Empty(t, n.events.find(B, SecureFailed))
				require.Zero(t, p.inClear())
			})
		}
	})
}

// again makes one more call between two configurations, with planes of their own.
func again(t *testing.T, cfg Config, a, b *ZRTPConfig) (x, y *zrtpNode, rx, ry *zrtp.Report) {
	t.Helper()
	x, y = newZRTPNode(t, cfg, a, 1), newZRTPNode(t, cfg, b, 1)
	join(t, x, y, true)
	rx, ry = x.events.wait(t, B, Secured, 1)[0].ZRTP, y.events.wait(t, B, Secured, 1)[0].ZRTP
	return x, y, rx, ry
}

func TestZRTPContinuity(t *testing.T) {
	drivers(t, func(t *testing.T, cfg Config) {
		alice, bob := zrtpConfig(t, "alice", quick()), zrtpConfig(t, "bob", quick())
		x, y, rx, _ := again(t, cfg, alice, bob)
		require.False(t, rx.Continuity)
		require.NoError(t, x.stream.ConfirmSAS(B, true))
		require.NoError(t, y.stream.ConfirmSAS(B, true))
		require.ErrorIs(t, x.stream.ConfirmSAS(A, true), ErrNotSecure)
		require.NoError(t, x.plane.Close())
		require.NoError(t, y.plane.Close())
		require.ErrorIs(t, x.stream.ConfirmSAS(B, true), ErrNotSecure)

		x, y, rx, ry := again(t, cfg, alice, bob)
		for _, r := range []*zrtp.Report{rx, ry} {
			require.True(t, r.Continuity)
			require.True(t, r.Verified)
			require.False(t, r.Mismatch)
		}
		require.NoError(t, x.plane.Close())
		require.NoError(t, y.plane.Close())

		bob.Cache.(*memory).wg.Wait()
		lost := zrtpConfig(t, "bob", quick())
		lost.ZID = bob.ZID
		x, _, rx, ry = again(t, cfg, alice, lost)
		require.True(t, rx.Mismatch)
		require.False(t, ry.Mismatch, "nothing is known there")
		require.NotEmpty(t, x.events.find(B, Suspicious))
	})
}

// broken is a cache whose disk has gone.
type broken struct{ now bool }

var errDisk = errors.New("the disk has gone")

func (b broken) Lookup(_ context.Context, _ zrtp.Key, done func(zrtp.Record, error)) error {
	if b.now {
		return errDisk
	}
	go done(zrtp.Record{}, errDisk)
	return nil
}

func (b broken) Write(_ context.Context, _ zrtp.Key, _ zrtp.Update, done func(error)) error {
	if b.now {
		return errDisk
	}
	go done(errDisk)
	return nil
}

func TestZRTPWithoutCache(t *testing.T) {
	drivers(t, func(t *testing.T, cfg Config) {
		for name, cache := range map[string]ZRTPCache{"none": nil, "broken": broken{}, "refuses": broken{now: true}} {
			t.Run(name, func(t *testing.T) {
				alice, bob := zrtpConfig(t, "alice", quick()), zrtpConfig(t, "bob", quick())
				alice.Cache = cache
				x, y, rx, _ := again(t, cfg, alice, bob)
				require.False(t, rx.Continuity)
				exchangeMedia(t, x.phone, y.phone)
			})
		}
	})
}

// A phone that kept its keys while its stream was off says nothing when it comes back, and whoever waits for the keys hears of them.
func TestZRTPStreamComesBack(t *testing.T) {
	drivers(t, func(t *testing.T, cfg Config) {
		n, p := oneZRTP(t, cfg, zrtpPhoneConfig{})
		r := n.connect(t, p)
		off := p.agreed()
		off.Enabled = false
		require.NoError(t, n.stream.Set(B, off))
		require.NoError(t, n.stream.Set(B, p.agreed()))
		require.Equal(t, r.SAS, n.events.wait(t, B, Secured, 2)[1].ZRTP.SAS)
		speak(t, n.phone, p)
		require.NoError(t, n.stream.Set(B, p.agreed()))
		speak(t, n.phone, p)
		require.Len(t, n.events.find(B, Secured), 2, "it was not off")
	})
}

// Decision 12: a phone without a=zrtp-hash on a leg without encryption begins all the same.
func TestZRTPOnPlainSide(t *testing.T) {
	drivers(t, func(t *testing.T, cfg Config) {
		n, p := oneZRTP(t, cfg, zrtpPhoneConfig{})
		plain := p.agreed()
		plain.Encryption, plain.ZRTP, plain.MayZRTP = sdp.None, nil, true
		require.NoError(t, n.stream.Set(B, plain))
		p.to = netip.AddrPortFrom(n.stream.Ports(B).Addr, n.stream.Ports(B).RTP)
		p.write(p.packet("plain", true))
		require.Equal(t, "plain", string(n.phone.hear().Payload))
		n.phone.say(8, "plain")

		stranger := newZRTPPhone(t, zrtpPhoneConfig{name: "stranger"})
		stranger.start(n.stream.Ports(B))
		p.start(n.stream.Ports(B))
		r := n.events.wait(t, B, Secured, 1)[0].ZRTP
		require.Equal(t, p.secure().SAS, r.SAS)
		speak(t, n.phone, p)
		require.Equal(t, 1, p.inClear(), "the one before")

		p.write(p.packet("media in clear, as long as a tag", true))
		require.NoError(t, n.stream.Set(B, plain)) // a re-INVITE knows nothing of it
		speak(t, n.phone, p)
		require.EqualValues(t, 1, n.stream.Stats(B).AuthFailed)
		require.Empty(t, n.events.find(B, SecureFailed))

		off := plain
		off.Enabled = false
		require.NoError(t, n.stream.Set(B, off))
		require.NoError(t, n.stream.Set(B, plain)) // it is back, in clear, until the phone begins again
		again := newZRTPPhone(t, zrtpPhoneConfig{name: "phone"})
		plain.Remote, plain.RemoteRTCP = local(again.conn), local(again.conn)
		require.NoError(t, n.stream.Set(B, plain))
		again.start(n.stream.Ports(B))
		require.Equal(t, again.secure().SAS, n.events.wait(t, B, Secured, 2)[1].ZRTP.SAS)
		speak(t, n.phone, again)
	})
}

func TestZRTPNotOnEverySide(t *testing.T) {
	drivers(t, func(t *testing.T, cfg Config) {
		n, p := oneZRTP(t, cfg, zrtpPhoneConfig{})
		plain := p.agreed()
		plain.Encryption, plain.ZRTP = sdp.None, nil
		require.NoError(t, n.stream.Set(B, plain))
		p.start(n.stream.Ports(B))
		p.write(p.packet("plain", true))
		require.Equal(t, "plain", string(n.phone.hear().Payload))
		require.Eventually(t, func() bool { return n.stream.Stats(B).Other > 3 }, 30*time.Second, time.Millisecond)
		p.mu.Lock()
		defer p.mu.Unlock()
		require.True(t, p.stream.Heard().IsZero(), "nobody has answered")
		require.Empty(t, n.plane.zrtp.legs)
	})
}

// Both phones agree with each other, and have the same SAS.
func TestZRTPThrough(t *testing.T) {
	drivers(t, func(t *testing.T, cfg Config) {
		p := newPlane(t, cfg) // it needs nothing of ZRTP
		st, err := p.Open("call", sdp.Audio, loopback, loopback)
		require.NoError(t, err)
		t.Cleanup(st.Close)
		phones := [2]*zrtpPhone{newZRTPPhone(t, zrtpPhoneConfig{name: "a"}), newZRTPPhone(t, zrtpPhoneConfig{name: "b"})}
		for side, ph := range phones {
			a := ph.agreed()
			a.ZRTP.Through = true
			require.NoError(t, st.Set(Side(side), a))
			ph.stream.Handle(time.Now(), zrtp.PeerHash{Hash: phones[1-side].stream.HelloHash()})
		}
		for side, ph := range phones {
			ph.start(st.Ports(Side(side)))
		}
		require.Equal(t, phones[A].secure().SAS, phones[B].secure().SAS)
		require.True(t, phones[A].secure().HashVerified)
		for side, ph := range phones {
			ph.say("through")
			got := phones[1-side].hear()
			require.Equal(t, "through", string(got.Payload))
			require.Equal(t, ph.stream.SSRC(), got.SSRC)
			require.Equal(t, ph.seq, got.SequenceNumber)
		}
		require.EqualValues(t, 1, st.Stats(A).Packets)
		require.EqualValues(t, 1, st.Stats(A).Sent)
		require.Equal(t, local(phones[A].conn), st.Stats(A).Remote)
	})
}

// The kind of encryption of a side changes in the middle of the call.
func TestZRTPToSDESAndBack(t *testing.T) {
	drivers(t, func(t *testing.T, cfg Config) {
		n, p := oneZRTP(t, cfg, zrtpPhoneConfig{})
		n.connect(t, p)
		speak(t, n.phone, p)
		hash := n.stream.ZRTPHash(B)

		plain := newPhone(t, sdes.AESCM128SHA180, pcma, events8k)
		plain.ports = n.stream.Ports(B)
		require.NoError(t, n.stream.Set(B, plain.agreed))
		plain.say(8, "SDES")
		require.Equal(t, "SDES", string(n.phone.hear().Payload))
		require.NotEqual(t, hash, n.stream.ZRTPHash(B), "the exchange has ended")

		next := newZRTPPhone(t, zrtpPhoneConfig{name: "next"})
		n.connect(t, next)
		speak(t, n.phone, next)
	})
}

func TestZRTPSetRefuses(t *testing.T) {
	drivers(t, func(t *testing.T, cfg Config) {
		p := newZRTPPhone(t, zrtpPhoneConfig{name: "phone"})
		st, err := newPlane(t, cfg).Open("call", sdp.Audio, loopback, loopback)
		require.NoError(t, err)
		t.Cleanup(st.Close)
		require.ErrorContains(t, st.Set(B, p.agreed()), "not configured")
		require.Empty(t, st.ZRTPHash(B))
		n, _ := oneZRTP(t, cfg, zrtpPhoneConfig{})
		a := p.agreed()
		a.ZRTP = nil
		require.ErrorContains(t, n.stream.Set(B, a), "without what was agreed")
		n.stream.Close()
		require.Empty(t, n.stream.ZRTPHash(B))
		require.ErrorIs(t, n.stream.Set(B, p.agreed()), ErrClosed)
		_, err = New(Config{ZRTP: &ZRTPConfig{}})
		require.ErrorContains(t, err, "the ZID is zero")
	})
}
