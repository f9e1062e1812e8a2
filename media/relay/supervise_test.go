package relay

import (
	"net/netip"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"b2bua/media/ice"
	"b2bua/media/sdp"
)

// A side on hold has the hold limit, whoever put it there; after the hold the short one again.
func TestHoldLimit(t *testing.T) {
	nowhere := netip.AddrPortFrom(netip.IPv4Unspecified(), 4000)
	for name, tc := range map[string]struct {
		remote    netip.AddrPort
		direction sdp.Direction
		hold      bool
	}{
		"running":                   {addrA, sdp.SendRecv, false},
		"we hold":                   {addrA, sdp.SendOnly, true},
		"the peer holds":            {addrA, sdp.RecvOnly, true},
		"both hold":                 {addrA, sdp.Inactive, true},
		"0.0.0.0":                   {nowhere, sdp.SendRecv, true},
		"::":                        {netip.AddrPortFrom(netip.IPv6Unspecified(), 4000), sdp.SendRecv, true},
		"0.0.0.0, as sdp leaves it": {netip.AddrPort{}, sdp.SendRecv, true},
	} {
		t.Run(name, func(t *testing.T) {
			x := newBench(t, agreed(addrA, sdp.NoSuite, 0, pcmu), agreed(addrB, sdp.NoSuite, 0, pcmu))
			lost := func(at time.Duration) bool {
				x.events = nil
				x.r.Handle(after(at), netip.AddrPortFrom(addrB.Addr(), 6001), B, RTCP, roomy(rr(t, 8)))
				x.r.Tick(after(at))
				return len(x.events) > 0
			}
			a := agreed(tc.remote, sdp.NoSuite, 0, pcmu)
			a.Direction = tc.direction
			x.apply(start, A, a)
			require.Equal(t, tc.hold, x.r.Stats(A).Wanted.IsZero())
			require.Equal(t, !tc.hold, lost(31*time.Second))
			require.Equal(t, !tc.hold, lost(time.Hour-time.Second))
			require.True(t, lost(time.Hour))
			x.apply(after(time.Hour), A, agreed(addrA, sdp.NoSuite, 0, pcmu))
			require.Equal(t, after(map[bool]time.Duration{true: time.Hour}[tc.hold]), x.r.Stats(A).Wanted)
			require.False(t, lost(time.Hour+29*time.Second))
			require.True(t, lost(time.Hour+30*time.Second))
		})
	}
}

// A phone that sends RTCP only, as one with a muted microphone, is there.
func TestControlAloneIsLife(t *testing.T) {
	for _, suite := range []sdp.Suite{sdp.NoSuite, sdp.AESCM128SHA180} {
		x := newBench(t, agreed(addrA, suite, 1, pcmu), agreed(addrB, suite, 10, pcmu))
		for s := range 600 {
			now := after(time.Duration(s) * time.Second)
			for side, from := range [...]netip.AddrPort{addrA, addrB} {
				if s%25 == 0 {
					b := roomy(rr(t, uint32(side)))
					if x.send[side] != nil {
						var err error
						b, err = x.send[side].ProtectRTCP(b)
						require.NoError(t, err)
					}
					x.r.Handle(now, netip.AddrPortFrom(from.Addr(), from.Port()+1), Side(side), RTCP, b)
				}
			}
			x.r.Tick(now)
		}
		require.Empty(t, x.events)
		x.r.Tick(after(605 * time.Second))
		require.Len(t, x.events, 2, "and is gone when that stops, too")
	}
}

// Who floods a port from elsewhere is heard so often and no more, and silences nobody: on a leg with ICE, which must hear all sources,
// and on any leg before and after the peer's media came.
func TestFloodFromElsewhere(t *testing.T) {
	checking := agreed(addrA, sdp.AESCM128SHA180, 5, pcmu)
	checking.ICE = &ice.Params{}
	for name, a := range map[string]sdp.Agreed{"ICE": checking, "srtp": agreed(addrA, sdp.AEADAES128GCM, 5, pcmu), "plain": agreed(addrA, sdp.NoSuite, 0, pcmu)} {
		t.Run(name, func(t *testing.T) {
			x := newBench(t, a, agreed(addrB, sdp.NoSuite, 0, pcmu))
			x.r.cfg.PerTick = 20
			peer := addrA
			if a.ICE != nil {
				peer = natA
				x.r.Checked(start, A, RTP, natA, Nominated)
			}
			seq := uint16(0)
			for range 50 {
				for range 5 {
					for range 100 {
						x.r.Handle(start, evil, A, RTP, roomy([]byte{0xff}))
						x.r.Handle(start, evil, A, RTCP, roomy([]byte{0xff}))
					}
					seq++
					require.True(t, x.flows(start, peer, A, seq, 9))
					report := roomy(rr(t, 9))
					if x.send[A] != nil {
						report, _ = x.send[A].ProtectRTCP(report)
					}
					require.NotEmpty(t, x.r.Handle(start, netip.AddrPortFrom(addrA.Addr(), 4001), A, RTCP, report).Packet)
				}
				x.r.Tick(start)
			}
			require.EqualValues(t, 50*2*20, x.r.Stats(A).Other)
			require.EqualValues(t, 50*2*480, x.r.Stats(A).Flooded)
		})
	}
}

// A port takes so many datagrams between two Ticks and no more, whatever they are; the other ports have bounds of their own.
func TestPerTick(t *testing.T) {
	x := &bench{t: t}
	x.r = New(Config{PerTick: 10, Notify: func(e Event) { x.events = append(x.events, e) }})
	x.set(start, A, agreed(addrA, sdp.NoSuite, 0, pcmu))
	x.set(start, B, agreed(addrB, sdp.NoSuite, 0, pcmu))
	seq := uint16(0)
	say := func(n int) (through int) {
		for range n {
			seq++
			if x.flows(start, addrA, A, seq, 7) {
				through++
			}
		}
		return through
	}
	require.Equal(t, 10, say(10))
	x.r.Tick(start)
	require.Equal(t, 10, say(25))
	require.True(t, x.flows(start, addrB, B, 1, 8))
	require.NotEmpty(t, x.r.Handle(start, netip.AddrPortFrom(addrA.Addr(), 4001), A, RTCP, roomy(rr(t, 7))).Packet)
	x.events = nil
	x.r.Tick(start)
	require.Equal(t, []Event{{Kind: Flooded, Side: A, Addr: addrA, Count: 15}}, x.events)
	require.Equal(t, 10, say(20))
	x.r.Tick(start)
	require.Len(t, x.events, 1, "once")
	require.EqualValues(t, 25, x.r.Stats(A).Flooded)
	require.Zero(t, x.r.Stats(B).Flooded)
	for range 20 {
		x.r.Handle(start, evil, B, RTP, roomy([]byte("junk")))
	}
	require.EqualValues(t, 10, x.r.Stats(B).Other)
	require.EqualValues(t, 10, x.r.Stats(B).Flooded)
}
