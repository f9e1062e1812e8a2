package plane

import (
	"net/netip"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"b2bua/media/ice"
	"b2bua/media/rtp"
	"b2bua/media/sdp"
	"b2bua/media/zrtp"
	"b2bua/media/zrtp/alg"
)

// legs is how many legs a plane has in ZRTP.
func legs(p *Plane) int {
	p.zrtp.mu.Lock()
	defer p.zrtp.mu.Unlock()
	return len(p.zrtp.legs)
}

// A call ends at any moment of an exchange, and leaves nothing.
func TestZRTPEndsAtAnyMoment(t *testing.T) {
	drivers(t, func(t *testing.T, cfg Config) {
		for _, whole := range []bool{false, true} {
			for k := range 5 { // of ten messages
				reached := make(chan struct{})
				var seen atomic.Int32
				n, p := oneZRTP(t, cfg, zrtpPhoneConfig{drop: func(_ bool, b []byte) bool {
					if rtp.Classify(b) == rtp.ClassZRTP && seen.Add(1) == int32(2*k+1) {
						close(reached)
					}
					return false
				}})
				require.NoError(t, n.stream.Set(B, p.agreed()))
				p.start(n.stream.Ports(B))
				<-reached
				if whole {
					require.NoError(t, n.plane.Close())
				} else {
					n.stream.Close()
					<-n.stream.Closed()
				}
				require.Zero(t, legs(n.plane))
				require.ErrorIs(t, n.stream.ConfirmSAS(B, true), ErrNotSecure)
				require.Empty(t, n.stream.ZRTPHash(B))
			}
		}
	})
}

func TestZRTPBusy(t *testing.T) {
	drivers(t, func(t *testing.T, cfg Config) {
		z := zrtpConfig(t, "b2bua", quick())
		z.JobsPerSecond = 1
		n, p := newZRTPNode(t, cfg, z, 1), newZRTPPhone(t, zrtpPhoneConfig{name: "phone"})
		release := make(chan struct{})
		free := sync.OnceFunc(func() { close(release) })
		t.Cleanup(free)
		var blocked atomic.Int32
		block := task{job: &zrtp.Job{}, gone: func() bool {
			blocked.Add(1)
			<-release
			return true
		}}
		works := n.plane.zrtp.works
		for i := range works.hands { // first all that work, then the queue
			require.True(t, works.add(block))
			require.Eventually(t, func() bool { return int(blocked.Load()) == i+1 }, 30*time.Second, time.Millisecond)
		}
		for works.add(block) {
			continue // until it is full
		}
		require.NoError(t, n.stream.Set(B, p.agreed()))
		p.start(n.stream.Ports(B))
		n.events.wait(t, B, SecureFailed, 1)
		ev := n.events.find(B, SecureFailed)[0]
		require.ErrorIs(t, ev.Err, ErrZRTPBusy)
		require.True(t, ev.Retried)
		free()
		n.events.wait(t, B, Secured, 1)
		speak(t, n.phone, p)
	})
}

func TestZRTPAgreementsAreSpread(t *testing.T) {
	w := newWorkshop(50, 2)
	defer w.close()
	before := time.Now()
	for range agreementsBurst + 3 {
		require.True(t, w.turn())
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	require.GreaterOrEqual(t, w.next.Sub(before), 2*w.every)
	require.Equal(t, 800, w.limit)
}

func TestZRTPWorkshopCloses(t *testing.T) {
	w := newWorkshop(1, 1)
	for range agreementsBurst + 1 {
		require.True(t, w.turn())
	}
	for range 2 {
		require.True(t, w.add(task{job: &zrtp.Job{}, gone: func() bool { return false }}))
	}
	require.Eventually(t, func() bool { return len(w.ready) == 1 }, 30*time.Second, time.Millisecond) // one waits for its turn
	w.close()
}

// A flood of what looks like ZRTP waits nowhere.
func TestZRTPFlood(t *testing.T) {
	drivers(t, func(t *testing.T, cfg Config) {
		n, p := oneZRTP(t, cfg, zrtpPhoneConfig{})
		require.NotEmpty(t, n.stream.ZRTPHash(B))
		require.NoError(t, n.stream.Set(B, p.agreed()))
		e := n.stream.exchangeOf(B)
		release := make(chan struct{})
		require.True(t, e.leg.desk.post(func(time.Time) { <-release }))
		p.to = netip.AddrPortFrom(n.stream.Ports(B).Addr, n.stream.Ports(B).RTP)
		for i := range 100 {
			p.write([]byte{0x10, 0, 0, byte(i), 'Z', 'R', 'T', 'P', 0, 0, 0, 7})
		}
		require.Eventually(t, func() bool { return n.stream.Stats(B).Other == 100 }, 30*time.Second, time.Millisecond)
		require.LessOrEqual(t, e.waiting.Load(), int32(maxWaiting))
		close(release)
		n.connect(t, p)
		require.Zero(t, e.waiting.Load())
	})
}

// With ICE the Hellos go where the peer has nominated, and not to the address that its description names.
func TestZRTPFollowsThePath(t *testing.T) {
	drivers(t, func(t *testing.T, cfg Config) {
		n, p := oneZRTP(t, cfg, zrtpPhoneConfig{})
		a := p.agreed()
		elsewhere := listen(t, loopback)
		a.Remote, a.RemoteRTCP = local(elsewhere), local(elsewhere)
		a.ICE = &ice.Params{Local: oldCredentials.Clone()}
		require.NoError(t, n.stream.Set(B, a))
		at := netip.AddrPortFrom(n.stream.Ports(B).Addr, n.stream.Ports(B).RTP)
		probe(t, p.conn, at, oldCredentials, nominate)
		p.start(n.stream.Ports(B))
		n.events.wait(t, B, Secured, 1)
		p.secure()
		speak(t, n.phone, p)
		require.NoError(t, elsewhere.SetReadDeadline(time.Now()))
		_, _, err := elsewhere.ReadFromUDPAddrPort(make([]byte, 100))
		require.ErrorContains(t, err, "timeout")
	})
}

// Peers that keep secrets for each URI find those of the one that they see.
func TestZRTPPresentsAURI(t *testing.T) {
	drivers(t, func(t *testing.T, cfg Config) {
		alice, bob := zrtpConfig(t, "alice", quick()), zrtpConfig(t, "bob", quick())
		bob.Client = "BZRTPv1.1"
		for _, uri := range []string{"sip:one@example.org", "sip:two@example.org"} {
			x, y := newZRTPNode(t, cfg, alice, 1), newZRTPNode(t, cfg, bob, 1)
			x.stream.Present(B, uri)
			join(t, x, y, true)
			x.events.wait(t, B, Secured, 1)
			require.NoError(t, x.plane.Close())
			require.NoError(t, y.plane.Close())
			alice.Cache.(*memory).wg.Wait()
			r, err := alice.Cache.(*memory).Load(zrtp.Key{Own: alice.ZID, Peer: bob.ZID, URI: uri})
			require.NoError(t, err)
			require.Equal(t, "BZRTPv1.1", r.Client)
		}
		r, err := alice.Cache.(*memory).Load(zrtp.Key{Own: alice.ZID, Peer: bob.ZID})
		require.NoError(t, err)
		require.Equal(t, zrtp.Record{}, r)
	})
}

// All agreements that we offer.
func TestZRTPAgreements(t *testing.T) {
	for _, code := range zrtp.DefaultLists()[alg.KindAgreement] {
		if code == alg.Mult {
			continue
		}
		t.Run(code.String(), func(t *testing.T) {
			l := zrtp.DefaultLists()
			l[alg.KindAgreement] = []alg.Code{code, alg.Mult}
			n := newZRTPNode(t, Config{}, zrtpConfig(t, "b2bua", l), 1)
			p := newZRTPPhone(t, zrtpPhoneConfig{name: "phone", lists: l})
			r := n.connect(t, p)
			require.Equal(t, code, r.Suite.Agreement)
			speak(t, n.phone, p)
		})
	}
}

// A side that works without encryption is told nothing when its peer begins and does not go on.
func TestZRTPOnPlainSideGivenUp(t *testing.T) {
	drivers(t, func(t *testing.T, cfg Config) {
		n, p := oneZRTP(t, cfg, zrtpPhoneConfig{})
		plain := p.agreed()
		plain.Encryption, plain.ZRTP, plain.MayZRTP = sdp.None, nil, true
		require.NoError(t, n.stream.Set(B, plain))
		p.drop = func(out bool, b []byte) bool { return out && zrtpType(b) > 2 }
		p.start(n.stream.Ports(B))
		require.Eventually(t, func() bool { return legs(n.plane) == 1 }, 30*time.Second, time.Millisecond)
		p.write(p.packet("plain", true))
		require.Equal(t, "plain", string(n.phone.hear().Payload))
		n.phone.say(8, "plain")
		require.Eventually(t, func() bool { return p.inClear() == 1 }, 30*time.Second, time.Millisecond)
		n.stream.Close()
		<-n.stream.Closed()
		require.Empty(t, n.events.find(B, SecureFailed))
		require.Zero(t, legs(n.plane))
	})
}

// What has begun is finished first, however many wait to begin. What nobody waits for takes nobody's turn.
func TestZRTPSecondHalvesGoFirst(t *testing.T) {
	w := newWorkshop(1, 1)
	for range agreementsBurst - 1 {
		require.True(t, w.turn())
	}
	begin, order := make(chan struct{}), make(chan int, 100)
	var waiting atomic.Bool
	require.True(t, w.add(task{job: &zrtp.Job{}, gone: func() bool {
		waiting.Store(true)
		<-begin
		return true
	}}))
	require.Eventually(t, waiting.Load, 30*time.Second, time.Millisecond)
	add := func(n int, begun bool) bool {
		return w.add(task{job: &zrtp.Job{}, begun: begun, gone: func() bool { order <- n; return true }})
	}
	for i := range w.limit {
		require.True(t, add(i, false))
	}
	require.False(t, add(0, false))
	require.True(t, add(100, true), "there is a place for what has begun")
	require.True(t, add(101, true))
	close(begin)
	for _, want := range []int{100, 101, 0, 1, 2} {
		require.Equal(t, want, <-order)
	}
	w.close()
}
