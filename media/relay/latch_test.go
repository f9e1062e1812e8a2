package relay

import (
	"net/netip"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"b2bua/media/sdp"
)

func plain(t *testing.T) *bench {
	return newBench(t, agreed(addrA, sdp.NoSuite, 0, pcmu), agreed(addrB, sdp.NoSuite, 0, pcmu))
}

func TestPeerBehindNAT(t *testing.T) {
	x := plain(t)
	require.True(t, x.flows(start, natA, A, 1, 7))
	_, out, ok := x.talk(start, addrB, B, 0, 1, 8)
	require.True(t, ok)
	require.Equal(t, natA, out.To)
}

// A stranger can take a plain stream neither while the peer speaks nor right after.
func TestHijackOfPlainRTP(t *testing.T) {
	x := plain(t)
	for i := range 100 {
		now := after(time.Duration(i) * 20 * time.Millisecond)
		require.True(t, x.flows(now, addrA, A, uint16(i), 7))
		require.False(t, x.flows(now, evil, A, uint16(1000+i), 666))
		require.False(t, x.flows(now, evil, A, uint16(i+1), 7), "with the peer's own SSRC and next number")
	}
	require.False(t, x.flows(after(2100*time.Millisecond), evil, A, 2000, 666))
	require.Equal(t, addrA, x.r.Stats(A).Remote)
	require.EqualValues(t, 201, x.r.Stats(A).Strangers)
	// After a long silence it can, but the peer comes back at once, and then stays.
	now := after(10 * time.Second)
	require.True(t, x.flows(now, evil, A, 1, 666))
	require.True(t, x.flows(now.Add(20*time.Millisecond), addrA, A, 100, 7))
	for i := range 10 {
		require.False(t, x.flows(now.Add(time.Duration(21+i)*time.Millisecond), evil, A, uint16(2+i), 666))
	}
}

func TestReturnOfANattedPeer(t *testing.T) {
	x := plain(t)
	require.True(t, x.flows(start, natA, A, 1, 7))
	require.True(t, x.flows(after(3*time.Second), evil, A, 1, 666))
	require.False(t, x.flows(after(3100*time.Millisecond), natA, A, 2, 9), "not the same stream")
	require.True(t, x.flows(after(3200*time.Millisecond), natA, A, 3, 7))
	require.False(t, x.flows(after(3300*time.Millisecond), evil, A, 2, 666))
}

// The first packet came from a stranger: the signalled address has the better claim.
func TestSignalledAddressWins(t *testing.T) {
	x := plain(t)
	require.True(t, x.flows(start, evil, A, 1, 666))
	require.True(t, x.flows(start, addrA, A, 1, 7))
	require.False(t, x.flows(start, evil, A, 2, 666))
	require.Len(t, x.events, 2)
}

// A NAT that maps anew moves the stream: after 200 ms for the same one, after two seconds for any.
func TestMoves(t *testing.T) {
	moved := netip.MustParseAddrPort("203.0.113.7:2222")
	x := plain(t)
	require.True(t, x.flows(start, natA, A, 10, 7))
	require.False(t, x.flows(after(100*time.Millisecond), moved, A, 11, 7))
	require.False(t, x.flows(after(250*time.Millisecond), moved, A, 9, 7), "does not go on")
	require.True(t, x.flows(after(250*time.Millisecond), moved, A, 12, 7))
	require.False(t, x.flows(after(2*time.Second), natA, A, 1, 99))
	require.True(t, x.flows(after(2300*time.Millisecond), natA, A, 1, 99))
}

func TestMovesAreBounded(t *testing.T) {
	x := plain(t)
	for i := range 20 {
		from := netip.AddrPortFrom(natA.Addr(), uint16(3000+i))
		ok := x.flows(after(time.Duration(i)*210*time.Millisecond), from, A, uint16(i), 7)
		require.Equal(t, i < maxMoves, ok, i)
	}
	require.True(t, x.flows(after(moveWindow+5*time.Second), natA, A, 30, 7))
}

// SRTP proves who sends: an authentic packet moves the stream at once, a forged one never.
func TestSecuredMoves(t *testing.T) {
	x := newBench(t, agreed(addrA, sdp.AESCM128SHA132, 1, pcmu), agreed(addrB, sdp.NoSuite, 0, pcmu))
	_, _, ok := x.deliver(start, evil, A, packet(0, 1, 7))
	require.False(t, ok)
	for i := range 40 {
		from := netip.AddrPortFrom(natA.Addr(), uint16(3000+i/2))
		require.True(t, x.flows(after(time.Duration(i)*20*time.Millisecond), from, A, uint16(i), 7))
		_, out, _ := x.talk(start, addrB, B, 0, uint16(i), 8)
		require.Equal(t, from, out.To)
	}
}

// A new description moves the stream at once, though the old source still speaks.
func TestNewRemote(t *testing.T) {
	x := plain(t)
	require.True(t, x.flows(start, addrA, A, 1, 7))
	x.apply(after(time.Second), A, agreed(natA, sdp.NoSuite, 0, pcmu))
	_, out, ok := x.talk(after(time.Second), addrB, B, 0, 1, 8)
	require.True(t, ok)
	require.Equal(t, natA, out.To)
	require.True(t, x.flows(after(time.Second), addrA, A, 2, 7), "still in flight")
	behind := netip.MustParseAddrPort("203.0.113.9:5")
	require.True(t, x.flows(after(1020*time.Millisecond), behind, A, 1, 70), "the new one, behind a NAT")
	require.False(t, x.flows(after(1040*time.Millisecond), addrA, A, 3, 7))
	require.True(t, x.flows(after(1060*time.Millisecond), behind, A, 2, 70))
}

func TestSettled(t *testing.T) {
	x := plain(t)
	settled := func(at time.Duration) bool { _, ok := x.r.Settled(after(at), A); return ok }
	require.False(t, settled(0))
	x.flows(start, addrA, A, 1, 7)
	require.True(t, settled(100*time.Millisecond), "the signalled address")
	require.False(t, settled(300*time.Millisecond), "silent")
	x.flows(after(5*time.Second), natA, A, 1, 8)
	require.False(t, settled(5*time.Second), "the source before may still come back")
	for i := range uint16(700) {
		x.flows(after(5*time.Second+time.Duration(i)*20*time.Millisecond), natA, A, 2+i, 8)
	}
	to, ok := x.r.Settled(after(19*time.Second), A)
	require.True(t, ok)
	require.Equal(t, natA, to)
}

// Who speaks on from where the peer was before a new description keeps nobody else from being heard, however late.
func TestFormerSourceNeverSettles(t *testing.T) {
	for _, suite := range []sdp.Suite{sdp.NoSuite, sdp.AESCM128SHA180} {
		x := newBench(t, agreed(addrA, suite, 1, pcmu), agreed(addrB, sdp.NoSuite, 10, pcmu))
		require.True(t, x.flows(start, addrA, A, 1, 7))
		x.apply(start, A, agreed(natA, suite, 1, pcmu))
		for i := range uint16(500) {
			now := after(time.Duration(i) * 20 * time.Millisecond)
			require.True(t, x.flows(now, addrA, A, 2+i, 7))
			_, ok := x.r.Settled(now, A)
			require.False(t, ok, "the peer said that it is elsewhere now")
		}
		x.flows(after(10*time.Second), natA, A, 900, 77)
		to, ok := x.r.Settled(after(10*time.Second), A)
		require.True(t, ok)
		require.Equal(t, natA, to)
	}
}
