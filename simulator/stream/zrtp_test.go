package stream

import (
	"crypto/rand"
	"fmt"
	"testing"

	"b2bua/media/sdp"
	"b2bua/media/zrtp"
	"b2bua/media/zrtp/alg"
	"b2bua/media/zrtp/wire"
	"b2bua/simulator/impair"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// party is one side of a call with ZRTP.
type party struct {
	zid   alg.ZID
	cache *zrtp.Memory
	lists zrtp.Lists
	mtu   int
}

func newParty(t *testing.T) *party {
	t.Helper()
	p := &party{cache: new(zrtp.Memory), lists: zrtp.DefaultLists()}
	_, err := rand.Read(p.zid[:])
	require.NoError(t, err)
	return p
}

func (p *party) leg(t *testing.T) *Leg {
	t.Helper()
	l, err := NewLeg(zrtp.Config{ZID: p.zid, Client: "sipsim", Lists: p.lists, Expiration: zrtp.Forever, Required: true, MTU: p.mtu}, p.cache)
	require.NoError(t, err)
	t.Cleanup(l.Close)
	return l
}

// connectZRTP joins streams that are in the same order on both sides.
func connectZRTP(t *testing.T, la, lb *Leg, a, b []*end, more func(za, zb *ZRTP)) {
	t.Helper()
	for i := range a {
		ha, err := a[i].HelloHash(la, false)
		require.NoError(t, err)
		hb, err := b[i].HelloHash(lb, false)
		require.NoError(t, err)
		za, zb := ZRTP{Leg: la, Hash: &hb}, ZRTP{Leg: lb, Hash: &ha}
		if more != nil {
			more(&za, &zb)
		}
		a[i].SetZRTP(za)
		b[i].SetZRTP(zb)
		toA, toB := agreed(a[i], pcmu), agreed(b[i], pcmu)
		toA.Encryption, toB.Encryption = sdp.ZRTP, sdp.ZRTP
		require.NoError(t, a[i].Set(toB))
		require.NoError(t, b[i].Set(toA))
	}
}

func isSecure(s Stats) bool { return s.ZRTP.Secure }

// sameReport wants both ends of a stream to have seen the same.
func sameReport(t *testing.T, a, b *end) ZRTPReport {
	t.Helper()
	ra, rb := a.wait(t, "security at a", isSecure), b.wait(t, "security at b", isSecure)
	assert.Equal(t, ra.ZRTP.SAS, rb.ZRTP.SAS)
	assert.Len(t, ra.ZRTP.SAS, 4)
	assert.Equal(t, ra.ZRTP.Suite, rb.ZRTP.Suite)
	assert.Equal(t, ra.Suite, rb.Suite)
	return ra.ZRTP
}

func TestZRTPInEveryAgreement(t *testing.T) {
	for _, agreement := range []alg.Code{alg.X255, alg.EC25, alg.DH3k, alg.EC38, alg.X448, alg.X1M1} {
		for _, cipher := range []alg.Code{alg.AES1, alg.AES3} {
			t.Run(fmt.Sprintf("%s %s", agreement, cipher), func(t *testing.T) {
				t.Parallel()
				pa, pb := newParty(t), newParty(t)
				pa.lists[alg.KindHash] = []alg.Code{alg.S384, alg.S256}
				pa.lists[alg.KindAgreement], pa.lists[alg.KindCipher] = []alg.Code{agreement, alg.Mult}, []alg.Code{cipher}
				pb.lists = pa.lists
				la, lb := pa.leg(t), pb.leg(t)
				a := []*end{open(t, sdp.Audio, 400, impair.Config{}), open(t, sdp.Audio, 520, impair.Config{})}
				b := []*end{open(t, sdp.Audio, 1000, impair.Config{}), open(t, sdp.Audio, 1600, impair.Config{})}
				connectZRTP(t, la, lb, a, b, nil)
				r := sameReport(t, a[0], b[0])
				assert.Equal(t, agreement, r.Suite.Agreement)
				assert.True(t, r.HashVerified)
				assert.Equal(t, r.SAS, sameReport(t, a[1], b[1]).SAS, "one SAS for all streams")
				for i, hz := range []float64{1000, 1600} {
					st := a[i].wait(t, "the tone at a", hears(hz))
					b[i].wait(t, "the tone at b", hears([]float64{400, 520}[i]))
					assert.Zero(t, st.Refused)
					a[i].mu.Lock()
					assert.Less(t, HeardInClear(a[i].wire).Confidence, 0.8)
					a[i].mu.Unlock()
				}
			})
		}
	}
}

func TestZRTPOverABadNetwork(t *testing.T) {
	for name, c := range map[string]struct {
		bad       impair.Config
		mtu       int
		agreement alg.Code
	}{
		"30 percent lost both ways": {impair.Config{Seed: 5, Loss: 0.3, Duplicate: 0.1, Reorder: 0.1}, 0, alg.X255},
		"everything twice":          {impair.Config{Seed: 5, Duplicate: 1, Reorder: 0.5}, 0, alg.DH3k},
		"fragments":                 {impair.Config{Seed: 5, Loss: 0.1, Duplicate: 0.1, Reorder: 0.1}, 600, alg.X1M1},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			pa, pb := newParty(t), newParty(t)
			pa.mtu, pb.mtu = c.mtu, c.mtu
			pa.lists[alg.KindAgreement] = []alg.Code{c.agreement, alg.Mult}
			pb.lists = pa.lists
			a, b := openWith(t, Config{Kind: sdp.Audio, Impair: c.bad, Arriving: c.bad}, 400), open(t, sdp.Audio, 1000, impair.Config{})
			connectZRTP(t, pa.leg(t), pb.leg(t), []*end{a}, []*end{b}, nil)
			sameReport(t, a, b)
			for _, e := range []*end{a, b} {
				st := e.wait(t, "packets", func(s Stats) bool { return s.Received > 100 })
				if c.bad.Duplicate == 1 {
					assert.NotZero(t, st.Duplicates)
				} else {
					assert.NotZero(t, st.Lost)
				}
			}
		})
	}
}

func TestZRTPRemembers(t *testing.T) {
	t.Parallel()
	pa, pb := newParty(t), newParty(t)
	call := func() (ZRTPReport, ZRTPReport, *Leg, *Leg) {
		la, lb := pa.leg(t), pb.leg(t)
		a, b := open(t, sdp.Audio, 400, impair.Config{}), open(t, sdp.Audio, 1000, impair.Config{})
		connectZRTP(t, la, lb, []*end{a}, []*end{b}, nil)
		sameReport(t, a, b)
		return a.Stats().ZRTP, b.Stats().ZRTP, la, lb
	}
	a, b, la, lb := call()
	assert.False(t, a.Continuity || a.Mismatch || b.Continuity || b.Mismatch)
	la.Confirm(true)
	lb.Confirm(true)
	a, b, _, _ = call()
	assert.True(t, a.Continuity && b.Continuity && a.Verified && a.PeerVerified && b.Verified && b.PeerVerified)
	*pb.cache = zrtp.Memory{}
	a, b, _, _ = call()
	assert.True(t, a.Mismatch)
	assert.False(t, a.Continuity || b.Continuity || b.Mismatch)
	assert.Contains(t, a.Alerts, zrtp.CacheMismatch.String())
}

func TestZRTPFaults(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		spoil func(za, zb *ZRTP)
		ok    bool
	}{
		"without hash":  {func(za, zb *ZRTP) { za.Hash, zb.Hash = nil, nil }, true},
		"forged errors": {func(za, zb *ZRTP) { za.Forge, zb.Forge = true, true }, true},
		"silent":        {func(za, _ *ZRTP) { za.Silent = true }, false},
		"mute":          {func(za, _ *ZRTP) { za.Mute = true }, false},
		"wrong hash":    {func(_, zb *ZRTP) { zb.Hash = new([32]byte) }, false},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			a, b := open(t, sdp.Audio, 400, impair.Config{}), open(t, sdp.Audio, 1000, impair.Config{})
			connectZRTP(t, newParty(t).leg(t), newParty(t).leg(t), []*end{a}, []*end{b}, c.spoil)
			if c.ok {
				sameReport(t, a, b)
				a.wait(t, "b's tone at a", hears(1000))
				return
			}
			heard := b
			if name != "wrong hash" {
				heard = a
			}
			heard.wait(t, "many packets of ZRTP", func(s Stats) bool { return s.ZRTP.Heard > 8 })
			for _, e := range []*end{a, b} {
				assert.Zero(t, e.Stats().Sent)
				assert.False(t, e.Stats().ZRTP.Secure)
				e.mu.Lock()
				for _, p := range e.wire {
					assert.True(t, wire.Is(p), "nothing but ZRTP is sent without keys")
				}
				e.mu.Unlock()
			}
		})
	}
}

func TestZRTPOfARenewedStream(t *testing.T) {
	t.Parallel()
	la, lb := newParty(t).leg(t), newParty(t).leg(t)
	a, b := open(t, sdp.Audio, 400, impair.Config{}), open(t, sdp.Audio, 1000, impair.Config{})
	connectZRTP(t, la, lb, []*end{a}, []*end{b}, nil)
	first := sameReport(t, a, b)
	before, err := a.HelloHash(la, false)
	require.NoError(t, err)
	connectZRTP(t, la, lb, []*end{a}, []*end{b}, nil)
	for _, e := range []struct {
		*end
		leg *Leg
	}{{a, la}, {b, lb}} {
		_, err := e.HelloHash(e.leg, true)
		require.NoError(t, err)
	}
	after, err := a.HelloHash(la, false)
	require.NoError(t, err)
	assert.NotEqual(t, before, after)
	connectZRTP(t, la, lb, []*end{a}, []*end{b}, nil)
	for _, e := range []*end{a, b} {
		n := e.wait(t, "another exchange", func(s Stats) bool { return s.Handshakes == 2 })
		assert.Equal(t, first.SAS, n.ZRTP.SAS)
		e.wait(t, "packets under the new keys", func(s Stats) bool { return s.Received > n.Received+20 })
	}
}

func TestZRTPNeedsASession(t *testing.T) {
	t.Parallel()
	a := open(t, sdp.Audio, 400, impair.Config{})
	to := agreed(a, pcmu)
	to.Encryption = sdp.ZRTP
	assert.ErrorContains(t, a.Set(to), "without a session")
	_, err := NewLeg(zrtp.Config{}, new(zrtp.Memory))
	require.Error(t, err)
	l := newParty(t).leg(t)
	l.Close()
	_, err = a.HelloHash(l, false)
	require.Error(t, err)
	a.SetZRTP(ZRTP{Leg: l})
	require.NoError(t, a.Set(to))
}
