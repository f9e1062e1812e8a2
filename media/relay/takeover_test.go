package relay

import (
	"net/netip"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"b2bua/media/sdp"
)

var addrA2 = netip.MustParseAddrPort("192.0.2.77:4700")

// goes tells where a packet of leg B is sent.
func (x *bench) goes(now time.Time, seq uint16) netip.AddrPort {
	x.t.Helper()
	_, out, ok := x.talk(now, addrB, B, 0, seq, 9)
	require.True(x.t, ok)
	return out.To
}

// takenOver is what follows once side A has the keys of a second phone at addrA2, while the first one at addrA sends on under its own.
func takenOver(t *testing.T, x *bench, first *bench) {
	t.Helper()
	speaks := func(now time.Time, seq uint16) bool {
		_, _, ok := x.deliver(now, addrA, A, first.wire(A, 0, seq, 7))
		return ok
	}
	require.Equal(t, addrA2, x.goes(start, 100), "where the second phone is")
	require.True(t, speaks(start, 50), "what was in flight")
	require.Equal(t, addrA2, x.goes(start, 101), "it does not tell where to send to")
	_, settled := x.r.Settled(start, A)
	require.False(t, settled)

	require.True(t, x.flows(after(time.Second), addrA2, A, 1000, 8))
	for i := range uint16(3) {
		require.False(t, speaks(after(time.Second), 51+i), "the second phone is heard now, and nobody else")
		require.Equal(t, addrA2, x.goes(after(time.Second), 102+i))
	}
	require.EqualValues(t, 3, x.r.Stats(A).Strangers)
	require.True(t, x.flows(after(time.Second), natA, A, 1001, 8), "the second phone may move")
	require.Equal(t, natA, x.goes(after(time.Second), 110))
	require.False(t, speaks(after(time.Minute), 60))
	require.EqualValues(t, 1, x.r.Stats(A).AuthFailed)
}

// A user has two phones. The first one sends early media, the second one picks up: the first does not know that yet, and sends on.
func TestAnotherPhoneWithSDES(t *testing.T) {
	first := newBench(t, agreed(addrA, sdp.AESCM128SHA180, 1, pcmu), agreed(addrB, sdp.NoSuite, 0, pcmu))
	x := newBench(t, agreed(addrA, sdp.AESCM128SHA180, 1, pcmu), agreed(addrB, sdp.NoSuite, 0, pcmu))
	_, _, ok := x.deliver(start, addrA, A, first.wire(A, 0, 1, 7))
	require.True(t, ok)
	require.Equal(t, addrA, x.goes(start, 1))

	second := agreed(addrA2, sdp.AESCM128SHA180, 1, pcmu) // ours is the same for both
	second.RecvKey = key(sdp.AESCM128SHA180, 5)
	x.set(start, A, second)
	takenOver(t, x, first)
}

func TestAnotherPhoneWithDTLS(t *testing.T) {
	for _, mux := range []bool{true, false} {
		first := newBench(t, dtlsSide(addrA, mux), agreed(addrB, sdp.NoSuite, 0, pcmu))
		first.secure(start, RTP, addrA, sdp.AESCM128SHA180, 1)
		x := newBench(t, dtlsSide(addrA, mux), agreed(addrB, sdp.NoSuite, 0, pcmu))
		x.secure(start, RTP, addrA, sdp.AESCM128SHA180, 1)
		_, _, ok := x.deliver(start, addrA, A, first.wire(A, 0, 1, 7))
		require.True(t, ok)

		x.apply(start, A, dtlsSide(addrA2, mux))
		_, _, ok = x.deliver(start, addrA, A, first.wire(A, 0, 2, 7))
		require.True(t, ok, "the first is heard until the second has keys")
		x.secure(start, RTP, addrA2, sdp.AESCM128SHA180, 5)
		takenOver(t, x, first)
	}
}

// RTCP of the first phone tells as little where to send reports.
func TestReportsOfAnotherPhone(t *testing.T) {
	first := newBench(t, agreed(addrA, sdp.AESCM128SHA180, 1, pcmu), agreed(addrB, sdp.NoSuite, 0, pcmu))
	x := newBench(t, agreed(addrA, sdp.AESCM128SHA180, 1, pcmu), agreed(addrB, sdp.NoSuite, 0, pcmu))
	second := agreed(addrA2, sdp.AESCM128SHA180, 1, pcmu)
	second.RecvKey = key(sdp.AESCM128SHA180, 5)
	x.set(start, A, second)
	theirs, err := first.send[A].ProtectRTCP(roomy(rr(t, 7)))
	require.NoError(t, err)
	require.NotEmpty(t, x.r.Handle(start, netip.AddrPortFrom(addrA.Addr(), addrA.Port()+1), A, RTCP, roomy(theirs)).Packet)
	out := x.r.Handle(start, netip.AddrPortFrom(addrB.Addr(), addrB.Port()+1), B, RTCP, roomy(rr(t, 9)))
	require.Equal(t, second.RemoteRTCP, out.To)
}
