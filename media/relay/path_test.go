package relay

import (
	"net/netip"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"b2bua/media/ice"
	"b2bua/media/sdp"
)

var (
	wlan   = netip.MustParseAddrPort("192.0.2.10:4000")
	bridge = netip.MustParseAddrPort("172.17.0.1:4000")
)

// checking is a leg whose peer has ICE, with candidates.
func checking(suite sdp.Suite, at ...netip.AddrPort) sdp.Agreed {
	a := agreed(addrA, suite, 1, pcmu)
	if len(at) > 0 {
		a.Remote = at[0]
	}
	a.ICE = new(ice.Params)
	for _, k := range at {
		a.ICE.Listed[0] = append(a.ICE.Listed[0], ice.Listed{Addr: k})
		a.ICE.Listed[1] = append(a.ICE.Listed[1], ice.Listed{Addr: netip.AddrPortFrom(k.Addr(), k.Port()+1)})
	}
	return a
}

var bothWays = map[string]sdp.Suite{"clear": sdp.NoSuite, "srtp": sdp.AESCM128SHA180}

func withICE(t *testing.T, run func(t *testing.T, x *bench, suite sdp.Suite)) {
	for name, suite := range bothWays {
		t.Run(name, func(t *testing.T) {
			run(t, newBench(t, checking(suite, wlan, bridge), agreed(addrB, sdp.NoSuite, 10, pcmu)), suite)
		})
	}
}

// count is how many events of a kind side A had.
func (x *bench) count(kind EventKind) (n int) {
	for _, e := range x.events {
		if e.Kind == kind && e.Side == A {
			n++
		}
	}
	return n
}

// A phone on two networks speaks from one, checks from the other first, and nominates either.
func TestMediaOvertakesItsCheck(t *testing.T) {
	for _, nominated := range []netip.AddrPort{wlan, bridge} {
		withICE(t, func(t *testing.T, x *bench, suite sdp.Suite) {
			seq := uint16(0)
			speaks := func(at time.Duration, from netip.AddrPort, why string) {
				t.Helper()
				seq++
				require.True(t, x.flows(after(at), from, A, seq, 7), why)
			}
			speaks(0, wlan, "before any check")
			require.Equal(t, wlan, x.goes(start, 1))
			x.r.Checked(after(20*time.Millisecond), A, RTP, bridge, Valid)
			speaks(20*time.Millisecond, wlan, "its own check is on the way")
			speaks(30*time.Millisecond, bridge, "a valid pair may be used")
			seq++
			require.Equal(t, suite != sdp.NoSuite, x.flows(after(30*time.Millisecond), evil, A, seq, 7), "a stranger in clear, or one who has the key")
			x.r.Checked(after(60*time.Millisecond), A, RTP, wlan, Valid)
			speaks(70*time.Millisecond, wlan, "checked")
			x.r.Checked(after(100*time.Millisecond), A, RTP, nominated, Nominated)
			require.Equal(t, nominated, x.goes(after(100*time.Millisecond), 2))
			seq = 1000
			for i := range 50 {
				at := time.Duration(100+20*i) * time.Millisecond
				speaks(at, [...]netip.AddrPort{wlan, bridge}[i%2], "from either pair, in whatever order")
				require.Equal(t, nominated, x.goes(after(at), uint16(3+i)))
				x.r.Tick(after(at))
			}
			require.Equal(t, nominated, x.r.Stats(A).Remote)
			require.LessOrEqual(t, x.count(Latched), 2, "one stream, no moves")
			require.Equal(t, 1, x.count(PathSelected))
			if suite == sdp.NoSuite {
				require.EqualValues(t, 1, x.r.Stats(A).Strangers)
			} else {
				require.Zero(t, x.r.Stats(A).Strangers)
			}
		})
	}
}

// Before there is a selected pair we answer to one address, and change it when the peer does.
func TestTheTargetDoesNotFlutter(t *testing.T) {
	withICE(t, func(t *testing.T, x *bench, _ sdp.Suite) {
		x.r.Checked(start, A, RTP, wlan, Valid)
		x.r.Checked(start, A, RTP, bridge, Valid)
		for i := range uint16(40) {
			now := after(time.Duration(i) * 20 * time.Millisecond)
			require.True(t, x.flows(now, [...]netip.AddrPort{bridge, wlan}[i%2], A, i, 7))
			require.Equal(t, bridge, x.goes(now, i))
		}
		require.Equal(t, 1, x.count(Latched))
		for i := range uint16(40) {
			now := after(time.Second + time.Duration(i)*20*time.Millisecond)
			require.True(t, x.flows(now, wlan, A, 40+i, 7))
		}
		require.Equal(t, wlan, x.goes(after(2*time.Second), 100), "silent there for 200 ms")
		require.Equal(t, 2, x.count(Latched))
	})
}

// All that a phone with many networks has checked is its own, RTCP likewise, and no more are remembered than that.
func TestManyAddresses(t *testing.T) {
	x := newBench(t, checking(sdp.NoSuite), agreed(addrB, sdp.NoSuite, 0, pcmu))
	at := func(i int) netip.AddrPort { return netip.AddrPortFrom(natA.Addr(), uint16(2000+i)) }
	for i := range 3 * maxChecked {
		x.r.Checked(start, A, RTP, at(i), Valid)
		x.r.Checked(start, A, RTCP, at(i), Valid)
	}
	for i := range 3 * maxChecked {
		newest := i >= 2*maxChecked
		require.Equal(t, newest, x.flows(start, at(i), A, uint16(i), 7), i)
		require.Equal(t, newest, len(x.r.Handle(start, at(i), A, RTCP, roomy(rr(t, 9))).Packet) > 0, i)
	}
	x.r.Checked(start, A, RTP, at(2*maxChecked), Valid) // once more
	x.r.Checked(start, A, RTP, at(0), Valid)
	require.True(t, x.flows(start, at(2*maxChecked), A, 1000, 7))
	require.False(t, x.flows(start, at(2*maxChecked+1), A, 1001, 7), "the one whose check is the oldest gave way")
}

// Behind a NAT no candidate tells where a phone speaks from. Who spoke before the first check is heard for a moment, unless he turns out to be
// another one than who checks.
func TestHeardBeforeTheFirstCheck(t *testing.T) {
	x := newBench(t, checking(sdp.NoSuite, wlan), agreed(addrB, sdp.NoSuite, 0, pcmu))
	require.True(t, x.flows(start, natA, A, 1, 7))
	x.r.Checked(start, A, RTP, addrA2, Valid)
	require.True(t, x.flows(after(20*time.Millisecond), natA, A, 2, 7))
	require.Equal(t, natA, x.goes(after(20*time.Millisecond), 1))
	require.True(t, x.flows(after(40*time.Millisecond), addrA2, A, 3, 7), "the same stream from where it has checked")
	require.Equal(t, addrA2, x.goes(after(40*time.Millisecond), 2))
	require.True(t, x.flows(after(60*time.Millisecond), natA, A, 4, 7))
	require.Equal(t, addrA2, x.goes(after(60*time.Millisecond), 3), "that is proven, this is not")
	require.False(t, x.flows(after(60*time.Millisecond), evil, A, 5, 7))
	x.r.Tick(after(overtaken + time.Millisecond))
	require.False(t, x.flows(after(overtaken+time.Millisecond), natA, A, 5, 7), "its check never came")

	x = newBench(t, checking(sdp.NoSuite, wlan), agreed(addrB, sdp.NoSuite, 0, pcmu))
	require.True(t, x.flows(start, evil, A, 1, 666))
	x.r.Checked(start, A, RTP, natA, Valid)
	require.True(t, x.flows(start, natA, A, 1, 7))
	require.False(t, x.flows(start, evil, A, 2, 666), "another stream")
	require.Equal(t, natA, x.goes(start, 1))
	x.r.Checked(start, A, RTP, natA, Nominated)
	require.Equal(t, natA, x.goes(start, 2))
}

// A stranger who spoke first is not sent to once the peer has checked, though the peer has not said yet where it wants its packets.
func TestAStrangerBeforeTheFirstCheckIsNotSentTo(t *testing.T) {
	x := newBench(t, checking(sdp.NoSuite, wlan), agreed(addrB, sdp.NoSuite, 0, pcmu))
	require.True(t, x.flows(start, evil, A, 1, 666))
	x.r.Checked(start, A, RTP, natA, Valid)
	x.r.Tick(after(overtaken + time.Millisecond))
	_, _, ok := x.talk(after(3*time.Second), addrB, B, 0, 1, 8)
	require.False(t, ok)
	require.EqualValues(t, 1, x.r.Stats(A).Unsent)
}

func TestRTCPFromValidPairs(t *testing.T) {
	for name, suite := range bothWays {
		for _, mux := range []bool{false, true} {
			t.Run(name, func(t *testing.T) {
				a := checking(suite, wlan, bridge)
				a.Mux = mux
				x := newBench(t, a, agreed(addrB, sdp.NoSuite, 10, pcmu))
				ch, port := RTCP, uint16(1)
				if mux {
					ch, port = RTP, 0
				}
				reports := func(from netip.AddrPort) bool {
					b := roomy(rr(t, 9))
					if x.send[A] != nil {
						var err error
						b, err = x.send[A].ProtectRTCP(b)
						require.NoError(t, err)
					}
					return len(x.r.Handle(start, netip.AddrPortFrom(from.Addr(), from.Port()+port), A, ch, b).Packet) > 0
				}
				x.r.Checked(start, A, RTP, bridge, Valid)
				require.True(t, reports(wlan), "a candidate")
				x.r.Checked(start, A, ch, netip.AddrPortFrom(natA.Addr(), natA.Port()+port), Nominated)
				for range 3 {
					require.True(t, reports(natA))
					require.True(t, reports(bridge))
					require.True(t, reports(wlan))
				}
				require.Equal(t, suite != sdp.NoSuite, reports(evil))
				out := x.r.Handle(start, netip.AddrPortFrom(addrB.Addr(), addrB.Port()+1), B, RTCP, roomy(rr(t, 7)))
				require.Equal(t, netip.AddrPortFrom(natA.Addr(), natA.Port()+port), out.To, "the selected pair")
			})
		}
	}
}

// In a restart media goes on both ways on the pair before, until a new one is nominated and what is in flight has come.
func TestMediaGoesOnThroughARestart(t *testing.T) {
	lte := netip.MustParseAddrPort("203.0.113.90:9000")
	x := newBench(t, checking(sdp.NoSuite), agreed(addrB, sdp.NoSuite, 0, pcmu))
	x.r.Checked(start, A, RTP, natA, Nominated)
	require.True(t, x.flows(start, natA, A, 1, 7))
	again := checking(sdp.NoSuite)
	again.Remote = lte
	x.apply(after(time.Second), A, again)
	x.r.Restarted(A, false)
	require.True(t, x.flows(after(10*time.Second), natA, A, 2, 7), "however long it takes")
	require.Equal(t, natA, x.goes(after(10*time.Second), 1))
	x.r.Checked(after(11*time.Second), A, RTP, lte, Valid)
	require.True(t, x.flows(after(11*time.Second), lte, A, 3, 7))
	require.Equal(t, natA, x.goes(after(11*time.Second), 2))
	x.r.Checked(after(11*time.Second), A, RTP, addrA2, Former)
	require.True(t, x.flows(after(11*time.Second), addrA2, A, 4, 7))
	x.r.Checked(after(12*time.Second), A, RTP, lte, Nominated)
	require.Equal(t, lte, x.goes(after(12*time.Second), 3))
	require.True(t, x.flows(after(12*time.Second), natA, A, 5, 7), "in flight")
	x.r.Tick(after(12*time.Second + inFlight))
	require.True(t, x.flows(after(12*time.Second+inFlight), natA, A, 6, 7))
	x.r.Tick(after(12*time.Second + inFlight + 1))
	x.r.Checked(after(15*time.Second), A, RTP, natA, Former)
	require.False(t, x.flows(after(15*time.Second), natA, A, 7, 7), "who has the address now is not the peer")
	require.True(t, x.flows(after(15*time.Second), lte, A, 8, 7))
	require.Equal(t, lte, x.goes(after(15*time.Second), 4))
}

// The offer was forked: the phone that sent early media with ICE gives way to the one that answers, at once when that one is heard.
func TestAnotherPhoneWithICE(t *testing.T) {
	for _, spoke := range []bool{true, false} {
		x := newBench(t, checking(sdp.NoSuite, wlan), agreed(addrB, sdp.NoSuite, 0, pcmu))
		x.r.Checked(start, A, RTP, wlan, Nominated)
		require.True(t, x.flows(start, wlan, A, 1, 7))
		x.apply(after(time.Second), A, checking(sdp.NoSuite, addrA2))
		x.r.Restarted(A, true)
		require.True(t, x.flows(after(time.Second), wlan, A, 2, 7), "as long as nobody else is heard")
		if spoke {
			require.True(t, x.flows(after(time.Second), addrA2, A, 1, 70))
		} else {
			x.r.Checked(after(time.Second), A, RTP, addrA2, Nominated)
		}
		require.Equal(t, addrA2, x.goes(after(time.Second), 1))
		require.False(t, x.flows(after(time.Second), wlan, A, 3, 7))
		require.Equal(t, addrA2, x.goes(after(time.Second), 2))
	}
}

// A peer that goes on without ICE is where its pair was, as long as it does not say otherwise.
func TestWithoutICEAnyMore(t *testing.T) {
	for _, moved := range []bool{false, true} {
		x := newBench(t, checking(sdp.NoSuite, wlan), agreed(addrB, sdp.NoSuite, 0, pcmu))
		x.r.Checked(start, A, RTP, bridge, Nominated)
		require.True(t, x.flows(start, wlan, A, 1, 7))
		a, want := agreed(wlan, sdp.NoSuite, 0, pcmu), bridge
		if moved {
			a.Remote, want = addrA2, addrA2
		}
		x.apply(start, A, a)
		require.Equal(t, want, x.goes(start, 1))
	}
}

func TestChecksAndPacketsOfAPathCostNoMemory(t *testing.T) {
	x := newBench(t, checking(sdp.NoSuite, wlan, bridge), agreed(addrB, sdp.NoSuite, 0, pcmu))
	x.r.cfg.Notify = nil
	for _, from := range []netip.AddrPort{wlan, bridge, natA} {
		x.r.Checked(start, A, RTP, from, Nominated)
	}
	b, seq := packet(0, 0, 7), uint16(0)
	require.Zero(t, testing.AllocsPerRun(500, func() {
		for _, from := range []netip.AddrPort{wlan, bridge, natA} {
			seq++
			b[2], b[3] = byte(seq>>8), byte(seq)
			x.r.Checked(start, A, RTP, from, Valid)
			x.r.Handle(start, from, A, RTP, b)
			b = b[:172]
		}
	}))
}
