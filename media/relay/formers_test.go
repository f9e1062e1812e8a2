package relay

import (
	"bytes"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"b2bua/media/rtp"
	"b2bua/media/sdp"
	"b2bua/media/srtp"
)

// What was received under a key is not received again when the key comes back, however late and whatever was in force in between; and
// nobody who replays it gets the media.
func TestReplayUnderAKeyThatComesBackLate(t *testing.T) {
	first := agreed(addrB, sdp.AESCM128SHA180, 5, pcmu)
	under := func(seed uint64) sdp.Agreed { return agreed(addrB, sdp.AEADAES128GCM, seed, pcmu) }
	plain := agreed(addrB, sdp.NoSuite, 0, pcmu)
	for name, between := range map[string][]sdp.Agreed{
		"one": {under(50)}, "two": {under(50), under(60)}, "clear": {plain}, "clear after one": {under(50), plain},
		"handshake": {dtlsSide(addrB, true)},
	} {
		for _, each := range []time.Duration{time.Second, 10 * time.Second} {
			t.Run(name+" "+each.String(), func(t *testing.T) {
				x := newBench(t, agreed(addrA, sdp.NoSuite, 0, pcmu), first)
				w := x.wire(B, 0, 1, 9)
				kept := bytes.Clone(w)
				_, _, ok := x.deliver(start, addrB, B, w)
				require.True(t, ok)
				now := start
				for _, a := range append(between, first) {
					now = now.Add(each)
					x.apply(now, B, a)
					x.r.Tick(now)
				}
				require.Empty(t, x.r.Handle(now, evil, B, RTP, roomy(kept)).Packet)
				require.EqualValues(t, 1, x.r.Stats(B).Replayed)
				require.Equal(t, addrB, x.r.Handle(now, addrA, A, RTP, packet(0, 1, 3)).To)
				require.True(t, x.flows(now, addrB, B, 2, 9), "what is new")
			})
		}
	}
}

// A peer that never takes a key back may make as many as it likes.
func TestFormersAreBounded(t *testing.T) {
	x := newBench(t, agreed(addrA, sdp.NoSuite, 0, pcmu), agreed(addrB, sdp.AESCM128SHA180, 5, pcmu))
	now := start
	for i := range uint64(3 * maxFormers) {
		x.set(now, B, func() sdp.Agreed {
			a := agreed(addrB, sdp.AESCM128SHA180, 5, pcmu)
			a.RecvKey = key(sdp.AESCM128SHA180, 100+i)
			return a
		}())
		require.True(t, x.flows(now, addrB, B, uint16(i), 9))
		now = now.Add(time.Minute)
	}
	require.Len(t, x.r.sides[B].formers.list, maxFormers)
}

// A peer goes on with its roll-over counter under a new key (RFC 3711 section 3.3.1), or begins with 0 again: either is followed, and
// what is in flight under the old key, too.
func TestRollOverCounterOfThePeerAfterARekey(t *testing.T) {
	for _, suite := range []sdp.Suite{sdp.AESCM128SHA180, sdp.AEADAES128GCM} {
		for name, keeps := range map[string]bool{"kept": true, "from 0": false} {
			t.Run(suite.String()+" "+name, func(t *testing.T) {
				a := agreed(addrB, suite, 5, pcmu)
				x := newBench(t, agreed(addrA, sdp.NoSuite, 0, pcmu), a)
				for i := range 66000 {
					require.True(t, x.flows(start, addrB, B, uint16(i), 9))
				}
				flight := x.wire(B, 0, uint16(66000&0xffff), 9)
				a.RecvKey = key(suite, 50)
				x.apply(start, B, a)
				s, err := srtp.NewSender(a.RecvKey)
				require.NoError(t, err)
				if keeps {
					for i := 65000; i < 66000; i++ {
						_, err := s.Protect(packet(0, uint16(i), 9))
						require.NoError(t, err)
					}
				}
				_, _, ok := x.deliver(start, addrB, B, flight)
				require.True(t, ok, "in flight")
				forged := roomy(packet(0, uint16(66001&0xffff), 9))
				require.Empty(t, x.r.Handle(start, evil, B, RTP, append(forged, make([]byte, rtp.HeaderSize)...)).Packet)
				for i := 66001; i < 66300; i++ {
					w, err := s.Protect(packet(0, uint16(i), 9))
					require.NoError(t, err)
					_, _, ok := x.deliver(start, addrB, B, w)
					require.True(t, ok, i)
				}
			})
		}
	}
}
