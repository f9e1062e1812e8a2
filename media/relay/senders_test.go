package relay

import (
	"fmt"
	"net/netip"
	"testing"

	"github.com/stretchr/testify/require"

	"b2bua/media/sdp"
)

// A key that comes back after several others goes on with its indices, of SRTP and of SRTCP: nothing is sent twice under one.
func TestNoKeystreamTwice(t *testing.T) {
	for _, suite := range suites[1:] {
		t.Run(suite.String(), func(t *testing.T) {
			x := newBench(t, agreed(addrA, suite, 100, pcmu), agreed(addrB, sdp.NoSuite, 0, pcmu))
			seen := map[string]bool{}
			seq := uint16(65000)
			talk := func(key uint64) {
				for range 200 {
					seq++
					out := x.r.Handle(start, addrB, B, RTP, packet(0, seq, 8))
					if key == 100 { // the same numbers again, and past the roll-over
						seal := fmt.Sprintf("%x", out.Packet)
						require.False(t, seen[seal])
						seen[seal] = true
					}
					out = x.r.Handle(start, netip.AddrPortFrom(addrB.Addr(), 6001), B, RTCP, roomy(rr(t, 8)))
					require.NotEmpty(t, out.Packet)
					seal := fmt.Sprintf("%d %x", key, out.Packet)
					require.False(t, seen[seal], "the same report under the same index")
					seen[seal] = true
				}
			}
			talk(100)
			for _, key := range []uint64{200, 300, 400, 100, 200, 100, 300, 100, 400, 200} {
				x.apply(start, A, agreed(addrA, suite, key, pcmu))
				talk(key)
			}
			x.apply(start, A, agreed(addrA, sdp.NoSuite, 0, pcmu))
			x.apply(start, A, agreed(addrA, suite, 100, pcmu))
			talk(100)
		})
	}
}

// The far end follows a key that came back over a roll-over under the others, as its own counter does.
func TestRollOverUnderAKeyThatComesBack(t *testing.T) {
	a := agreed(addrA, sdp.AESCM128SHA180, 1, pcmu)
	x := newBench(t, a, agreed(addrB, sdp.NoSuite, 0, pcmu))
	for i := range 1<<16 + 10 {
		require.True(t, x.flows(start, addrB, B, uint16(i), 8))
	}
	for _, seed := range []uint64{31, 41, 51} {
		x.apply(start, A, agreed(addrA, sdp.AEADAES128GCM, seed, pcmu))
	}
	x.apply(start, A, a)
	require.True(t, x.flows(start, addrB, B, 10, 8))
}

// One key too many mutes the leg at most; the ones before are as good as ever, and all are wiped at the end.
func TestSendKeysAreBounded(t *testing.T) {
	with := func(i int) sdp.Agreed {
		return agreed(addrA, sdp.AESCM128SHA180, uint64(1000+10*i), pcmu)
	}
	x := newBench(t, with(0), agreed(addrB, sdp.NoSuite, 0, pcmu))
	var ring Keyring
	admit := func(a sdp.Agreed) error {
		p, err := Prepare(a)
		require.NoError(t, err)
		return ring.Admit(p)
	}
	sent := func(seq uint16) bool {
		return len(x.r.Handle(start, addrB, B, RTP, packet(0, seq, 8)).Packet) > 0
	}
	for i := range maxSendKeys {
		require.NoError(t, admit(with(i)))
		x.apply(start, A, with(i))
		require.True(t, sent(uint16(i)))
	}
	require.ErrorIs(t, admit(with(maxSendKeys)), errSendKeys)
	x.apply(start, A, with(maxSendKeys))
	require.False(t, sent(100), "and not in clear")
	require.NoError(t, admit(with(3)))
	require.NoError(t, admit(agreed(addrA, sdp.NoSuite, 0, pcmu)))
	x.apply(start, A, with(3))
	require.True(t, sent(101))
	list := x.r.sides[A].sent.list
	require.Len(t, list, maxSendKeys)
	x.r.Close()
	for _, s := range list {
		_, err := s.Protect(packet(0, 102, 8))
		require.Error(t, err)
	}
}
