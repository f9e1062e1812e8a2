package plane

import (
	"net/netip"
	"testing"

	"github.com/stretchr/testify/require"

	"b2bua/media/sdp"
)

// A peer that names one of the stream's own ports is refused; the leg stays as it was, or silent if it was never set.
func TestOwnPortsAreRefused(t *testing.T) {
	drivers(t, func(t *testing.T, cfg Config) {
		p := newPlane(t, cfg)
		a, b := newPhone(t, sdp.NoSuite, pcma), newPhone(t, sdp.NoSuite, pcma)
		st := call(t, p, a, b)
		for side, phone := range [...]*phone{a, b} {
			for _, own := range [...]sdp.Ports{st.Ports(A), st.Ports(B)} {
				for _, port := range [...]uint16{own.RTP, own.RTCP} {
					media, control, implied, mapped := phone.agreed, phone.agreed, phone.agreed, phone.agreed
					media.Remote = netip.AddrPortFrom(own.Addr, port)
					control.RemoteRTCP = netip.AddrPortFrom(own.Addr, port)
					implied.Remote, implied.RemoteRTCP = netip.AddrPortFrom(own.Addr, port-1), netip.AddrPort{}
					mapped.Remote = netip.AddrPortFrom(netip.AddrFrom16(own.Addr.As16()), port)
					for _, bad := range [...]sdp.Agreed{media, control, implied, mapped} {
						var err *OwnPortError
						require.ErrorAs(t, st.Set(Side(side), bad), &err)
						require.Equal(t, "test", err.Call)
						require.Equal(t, Side(side), err.Side)
						require.ErrorContains(t, err, "our own port")
					}
				}
			}
		}
		a.say(8, "as before")
		require.Equal(t, "as before", string(b.hear().Payload))
		b.say(8, "and back")
		require.Equal(t, "and back", string(a.hear().Payload))

		fresh, err := p.Open("fresh", sdp.Audio, loopback, loopback)
		require.NoError(t, err)
		defer fresh.Close()
		a.ports = fresh.Ports(A)
		require.NoError(t, fresh.Set(A, a.agreed))
		evil := b.agreed
		evil.Remote = netip.AddrPortFrom(loopback, fresh.Ports(A).RTP)
		require.Error(t, fresh.Set(B, evil))
		a.say(8, "nowhere")
		eventually(t, "dropped", func() bool { return fresh.Stats(B).Unsent == 1 })
		require.EqualValues(t, 1, fresh.Stats(A).Packets)
	})
}

// bridge makes the side of a stream send to a port of another one.
func bridge(t *testing.T, from *Stream, side Side, to *Stream, at Side) {
	t.Helper()
	ports := to.Ports(at)
	require.NoError(t, from.Set(side, sdp.Agreed{
		Enabled: true, Codecs: []sdp.Codec{pcma},
		Remote: netip.AddrPortFrom(ports.Addr, ports.RTP), RemoteRTCP: netip.AddrPortFrom(ports.Addr, ports.RTCP),
	}))
}

// A circle over several streams, from one packet, ends at the bound and is told of once.
func TestCirclesEnd(t *testing.T) {
	drivers(t, func(t *testing.T, cfg Config) {
		told := make(chan Event, 100)
		cfg.perTick, cfg.Loops = 20, 1
		cfg.Notify = func(e Event) {
			if e.Kind == Flooded {
				told <- e
			}
		}
		p := newPlane(t, cfg)
		ring := make([]*Stream, 3)
		for i := range ring {
			var err error
			ring[i], err = p.Open("ring", sdp.Audio, loopback, loopback)
			require.NoError(t, err)
		}
		for i, st := range ring {
			following := ring[(i+1)%len(ring)]
			bridge(t, st, B, following, A)
			bridge(t, following, A, st, B)
		}
		a := newPhone(t, sdp.NoSuite, pcma)
		a.ports = ring[0].Ports(A)
		a.say(8, "for ever")
		e := next(t, told)
		require.EqualValues(t, 1, e.Count)
		require.Equal(t, "ring", e.Call)
		counts := func() (packets, flooded uint64) {
			for _, st := range ring {
				packets += st.Stats(A).Packets + st.Stats(B).Packets
				flooded += st.Stats(A).Flooded + st.Stats(B).Flooded
			}
			return packets, flooded
		}
		packets, flooded := counts()
		require.EqualValues(t, 1, flooded, "the only packet")
		for range 100 { // nothing is under way any more
			now, _ := counts()
			require.Equal(t, packets, now)
		}
		require.Empty(t, told)
	})
}

// Calls that pass through the process twice, or more often, are bridged over its own ports.
func TestChainOfStreams(t *testing.T) {
	drivers(t, func(t *testing.T, cfg Config) {
		p := newPlane(t, cfg)
		a, b := newPhone(t, sdp.NoSuite, pcma), newPhone(t, sdp.NoSuite, pcma)
		chain := make([]*Stream, 3)
		for i := range chain {
			var err error
			chain[i], err = p.Open("chain", sdp.Audio, loopback, loopback)
			require.NoError(t, err)
			if i > 0 {
				bridge(t, chain[i-1], B, chain[i], A)
				bridge(t, chain[i], A, chain[i-1], B)
			}
		}
		a.ports, b.ports = chain[0].Ports(A), chain[2].Ports(B)
		require.NoError(t, chain[0].Set(A, a.agreed))
		require.NoError(t, chain[2].Set(B, b.agreed))
		for range 50 {
			a.say(8, "along")
			require.Equal(t, "along", string(b.hear().Payload))
			b.say(8, "back")
			require.Equal(t, "back", string(a.hear().Payload))
		}
	})
}

// A leg that changes keys without end keeps the last that was admitted.
func TestSetRefusesKeysWithoutEnd(t *testing.T) {
	p := newPlane(t, Config{})
	a, b := newPhone(t, sdp.NoSuite, pcma), newPhone(t, sdp.AESCM128SHA180, pcma)
	st := call(t, p, a, b)
	var err error
	n := 0
	for ; err == nil && n < 1000; n++ {
		next := b.agreed
		next.SendKey.Key = testKey(byte(100+n), 30)
		err = st.Set(B, next)
	}
	require.ErrorContains(t, err, "call test, leg B")
	require.ErrorContains(t, err, "keys of ours")
	require.Less(t, n, 100)
	require.NoError(t, st.Set(B, b.agreed))
	a.say(8, "still")
	require.Equal(t, "still", string(b.hear().Payload))
}
