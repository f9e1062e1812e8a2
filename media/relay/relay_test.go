package relay

import (
	"bytes"
	"fmt"
	"math/rand/v2"
	"net/netip"
	"testing"
	"time"

	"github.com/pion/rtcp"
	"github.com/stretchr/testify/require"

	"b2bua/media/rtp"
	"b2bua/media/sdp"
	"b2bua/media/srtp"
)

var suites = []sdp.Suite{
	sdp.NoSuite, sdp.AESCM128SHA180, sdp.AESCM128SHA132, sdp.AES256CMSHA180, sdp.AES256CMSHA132, sdp.AEADAES128GCM, sdp.AEADAES256GCM,
}

// modes runs a test for every pair of encryptions.
func modes(t testing.TB, f func(name string, a, b sdp.Suite)) {
	t.Helper()
	for _, a := range suites {
		for _, b := range suites {
			f(fmt.Sprintf("%v-%v", a, b), a, b)
		}
	}
}

func TestBothWaysInEveryMode(t *testing.T) {
	modes(t, func(name string, a, b sdp.Suite) {
		t.Run(name, func(t *testing.T) {
			x := newBench(t, agreed(addrA, a, 1, opusA, pcmu, eventsA), agreed(addrB, b, 10, opusB, pcmu, eventsB))
			for i := range 300 {
				seq := uint16(65400 + i) // past a roll-over
				h, out, ok := x.talk(after(time.Duration(i)*20*time.Millisecond), addrA, A, 96, seq, 7)
				require.True(t, ok)
				require.Equal(t, addrB, out.To)
				require.Equal(t, rtp.Header{PT: 111, Seq: begins(b, 65400) + uint16(i), Timestamp: uint32(seq) * 160, SSRC: 7, Size: 12}, h)
				h, out, ok = x.talk(after(time.Duration(i)*20*time.Millisecond), addrB, B, 97, seq, 8)
				require.True(t, ok)
				require.Equal(t, addrA, out.To)
				require.EqualValues(t, 101, h.PT)
			}
			s := x.r.Stats(A)
			require.EqualValues(t, 300, s.Packets)
			require.EqualValues(t, 300, s.Sent)
			require.EqualValues(t, 300*172, s.Octets)
			require.EqualValues(t, 300*172, s.SentOctets)
			require.Zero(t, s.Lost)
			require.Equal(t, addrA, s.Remote)
			require.Equal(t, []Event{{Kind: Latched, Side: A, Addr: addrA}, {Kind: Latched, Side: B, Addr: addrB}}, x.events)
		})
	})
}

// The roll-over counters of both legs go on over 2^16 packets, with loss and reordering on the way in.
func TestRollOverWithLoss(t *testing.T) {
	rnd := rand.New(rand.NewPCG(3, 4))
	x := newBench(t, agreed(addrA, sdp.AESCM128SHA180, 1, pcmu), agreed(addrB, sdp.AEADAES128GCM, 10, pcmu))
	var held []byte
	got := 0
	const total = 1<<16 + 5000
	for i := range total {
		now := after(time.Duration(i) * time.Millisecond)
		w := x.wire(A, 0, uint16(i), 7)
		switch rnd.IntN(10) {
		case 0: // lost
			continue
		case 1: // late by one
			if held == nil {
				held = bytes.Clone(w)
				continue
			}
		}
		if _, _, ok := x.deliver(now, addrA, A, w); ok {
			got++
		}
		if held != nil {
			_, _, ok := x.deliver(now, addrA, A, held)
			require.True(t, ok)
			got++
			held = nil
		}
	}
	s := x.r.Stats(A)
	require.EqualValues(t, got, s.Packets)
	require.EqualValues(t, total-got, s.Lost)
	require.Zero(t, s.AuthFailed)
}

// A peer that hears a source from its tenth packet on, past the roll-over of the source's own numbers, follows it all the same: it
// takes the roll-over counter for 0, and so it is. Nothing else about the packets changes.
func TestFirstPacketsMissed(t *testing.T) {
	for _, suite := range suites[1:] {
		t.Run(suite.String(), func(t *testing.T) {
			x := newBench(t, agreed(addrA, sdp.NoSuite, 0, pcmu), agreed(addrB, suite, 10, pcmu))
			for i := range 300 {
				now, seq := after(time.Duration(i)*20*time.Millisecond), uint16(65530+i)
				out := x.r.Handle(now, addrA, A, RTP, packet(0, seq, 7))
				require.NotEmpty(t, out.Packet)
				if i < 10 {
					continue
				}
				b, err := x.recv[B].Unprotect(bytes.Clone(out.Packet))
				require.NoError(t, err)
				h, err := rtp.Parse(b)
				require.NoError(t, err)
				require.Equal(t, rtp.Header{Seq: uint16(32762 + i), Timestamp: uint32(seq) * 160, SSRC: 7, Size: 12}, h)
			}
		})
	}
}

// Two packets that changed places keep their numbers, also in the half of a cycle that begins ten minutes after a played digit.
func TestReorderingLongAfterADigit(t *testing.T) {
	for _, suite := range []sdp.Suite{sdp.NoSuite, sdp.AESCM128SHA180} {
		t.Run(suite.String(), func(t *testing.T) {
			x := newBench(t, agreed(addrA, sdp.NoSuite, 0, pcmu), agreed(addrB, suite, 10, pcmu, eventsB))
			now, seq := start, uint16(100)
			say := func(n uint16) uint16 {
				now = now.Add(20 * time.Millisecond)
				h, _, ok := x.talk(now, addrA, A, 0, n, 7)
				require.True(t, ok, n)
				return h.Seq
			}
			say(99)
			require.True(t, x.r.Play(now, B, 5, Seed{1, 1, 1}))
			for range 12 {
				now = now.Add(50 * time.Millisecond)
				x.steps(now)
			}
			for range 33000 {
				say(seq)
				seq++
			}
			for range 100 {
				newer := say(seq + 1)
				require.Equal(t, newer-1, say(seq))
				seq += 2
			}
		})
	}
}

func TestUnknownPayloadType(t *testing.T) {
	x := newBench(t, agreed(addrA, sdp.NoSuite, 0, pcmu, opusA), agreed(addrB, sdp.NoSuite, 0, pcmu))
	_, _, ok := x.talk(start, addrA, A, 33, 1, 7) // not negotiated: not even latched
	require.False(t, ok)
	require.Empty(t, x.events)
	_, _, ok = x.talk(start, addrA, A, 96, 2, 7) // the other leg has no opus
	require.False(t, ok)
	require.EqualValues(t, 2, x.r.Stats(A).Unmapped)
	require.True(t, x.flows(start, addrA, A, 3, 7))
}

func TestRenumberedAnswer(t *testing.T) {
	renumbered := opusB
	renumbered.SendPT, renumbered.Renumbered = 120, true
	x := newBench(t, agreed(addrA, sdp.NoSuite, 0, opusA), agreed(addrB, sdp.NoSuite, 0, renumbered))
	h, _, ok := x.talk(start, addrA, A, 96, 1, 7)
	require.True(t, ok)
	require.EqualValues(t, 120, h.PT)
	for i, pt := range []uint8{111, 120} { // as it should, and as some do
		h, _, ok = x.talk(start, addrB, B, pt, uint16(i), 8)
		require.True(t, ok)
		require.EqualValues(t, 96, h.PT)
	}
}

func TestDirections(t *testing.T) {
	dirs := []sdp.Direction{sdp.SendRecv, sdp.SendOnly, sdp.RecvOnly, sdp.Inactive}
	for _, da := range dirs {
		for _, db := range dirs {
			a, b := agreed(addrA, sdp.NoSuite, 0, pcmu), agreed(addrB, sdp.AESCM128SHA180, 10, pcmu)
			a.Direction, b.Direction = da, db
			x := newBench(t, a, b)
			require.Equal(t, receives(da) && sends(db), x.flows(start, addrA, A, 1, 7), "%v %v", da, db)
			require.Equal(t, receives(db) && sends(da), x.flows(start, addrB, B, 1, 8), "%v %v", da, db)
			require.Len(t, x.events, 2, "what is not relayed still latches")
			// RTCP flows all the same.
			out := x.r.Handle(start, netip.AddrPortFrom(addrA.Addr(), addrA.Port()+1), A, RTCP, roomy(rr(t, 7)))
			require.NotEmpty(t, out.Packet)
		}
	}
}

func TestDisabledAndHalfSet(t *testing.T) {
	x := &bench{t: t, r: New(Config{})}
	require.False(t, x.flows(start, addrA, A, 1, 7))
	require.EqualValues(t, 1, x.r.Stats(A).NotReady)
	x.set(start, A, agreed(addrA, sdp.NoSuite, 0, pcmu))
	require.False(t, x.flows(start, addrA, A, 1, 7))
	require.EqualValues(t, 1, x.r.Stats(B).Unsent)
	off := agreed(addrB, sdp.NoSuite, 0, pcmu)
	off.Enabled = false
	x.set(start, B, off)
	require.False(t, x.flows(start, addrA, A, 2, 7))
	x.set(start, B, agreed(netip.MustParseAddrPort("0.0.0.0:6000"), sdp.NoSuite, 0, pcmu))
	require.False(t, x.flows(start, addrA, A, 3, 7), "hold of RFC 2543")
	x.set(start, B, agreed(addrB, sdp.NoSuite, 0, pcmu))
	require.True(t, x.flows(start, addrA, A, 4, 7))
}

// A secured leg neither accepts nor sends anything in clear, with or without keys.
func TestNothingInClear(t *testing.T) {
	for _, e := range []sdp.Encryption{sdp.SDES, sdp.DTLS, sdp.ZRTP} {
		keyless := agreed(addrA, sdp.NoSuite, 0, pcmu)
		keyless.Encryption = e
		x := newBench(t, keyless, agreed(addrB, sdp.NoSuite, 0, pcmu))
		require.False(t, x.flows(start, addrA, A, 1, 7))
		require.False(t, x.flows(start, addrB, B, 1, 8))
		require.EqualValues(t, 1, x.r.Stats(A).NotReady)
		require.Zero(t, x.r.Stats(A).Sent)
		require.Empty(t, x.r.Handle(start, addrB, B, RTCP, roomy(rr(t, 8))).Packet)
		require.Empty(t, x.r.Handle(start, addrA, A, RTCP, roomy(rr(t, 7))).Packet)
	}
	x := newBench(t, agreed(addrA, sdp.AESCM128SHA180, 1, pcmu), agreed(addrB, sdp.NoSuite, 0, pcmu))
	for i := range 10 {
		_, _, ok := x.deliver(start, addrA, A, packet(0, uint16(i), 7))
		require.False(t, ok)
	}
	require.Empty(t, x.r.Handle(start, addrA, A, RTCP, roomy(rr(t, 7))).Packet)
	require.EqualValues(t, 11, x.r.Stats(A).AuthFailed)
	require.Empty(t, x.events, "a forged packet latches nothing")
}

func TestReplay(t *testing.T) {
	x := newBench(t, agreed(addrA, sdp.AEADAES128GCM, 1, pcmu), agreed(addrB, sdp.NoSuite, 0, pcmu))
	var seen [][]byte
	for i := range 20 {
		w := bytes.Clone(x.wire(A, 0, uint16(i), 7))
		seen = append(seen, w)
		_, _, ok := x.deliver(start, addrA, A, w)
		require.True(t, ok)
	}
	for _, w := range seen {
		_, _, ok := x.deliver(start.Add(time.Minute), evil, A, w)
		require.False(t, ok)
	}
	s := x.r.Stats(A)
	require.EqualValues(t, 20, s.Replayed)
	require.Equal(t, addrA, s.Remote, "a replayed packet moves nothing")
	// A plain peer's duplicate must not be protected a second time, neither may another payload with the same number.
	require.True(t, func() bool {
		y := newBench(t, agreed(addrA, sdp.NoSuite, 0, pcmu), agreed(addrB, sdp.AESCM128SHA180, 10, pcmu))
		return y.flows(start, addrA, A, 1, 7) && !y.flows(start, addrA, A, 1, 7) && y.r.Stats(A).Late == 1
	}())
}

// A re-INVITE changes the keys while packets fly: those under the old key are taken for some seconds, and our own change at once.
func TestRekeyLosesNothing(t *testing.T) {
	x := newBench(t, agreed(addrA, sdp.AESCM128SHA180, 1, pcmu), agreed(addrB, sdp.NoSuite, 0, pcmu))
	require.True(t, x.flows(start, addrA, A, 1, 7))
	flight := [][]byte{bytes.Clone(x.wire(A, 0, 2, 7)), bytes.Clone(x.wire(A, 0, 3, 7)), bytes.Clone(x.wire(A, 0, 4, 7)), bytes.Clone(x.wire(A, 0, 5, 7))}
	x.set(start, A, agreed(addrA, sdp.AEADAES256GCM, 21, pcmu))
	_, _, ok := x.deliver(after(time.Second), addrA, A, flight[0])
	require.True(t, ok)
	require.True(t, x.flows(after(time.Second), addrA, A, 10, 7), "under the new key")
	_, _, ok = x.deliver(after(2*time.Second), addrA, A, flight[1])
	require.True(t, ok)
	_, _, ok = x.deliver(after(2*time.Second), addrA, A, flight[1])
	require.False(t, ok, "replayed under the old key")
	require.True(t, x.flows(after(2*time.Second), addrB, B, 1, 8), "to A under our new key")
	_, _, ok = x.deliver(after(oldKeyFor+time.Second), addrA, A, flight[2])
	require.False(t, ok)
	x.r.Tick(after(oldKeyFor + 2*time.Second))
	require.Nil(t, x.r.sides[A].keys[RTP].old)
	require.True(t, x.flows(after(oldKeyFor+time.Second), addrA, A, 11, 7))
}

// The same keys again (hold and resume, a refreshed session) keep counters and window.
func TestSameKeysKeepTheirState(t *testing.T) {
	a := agreed(addrA, sdp.AESCM128SHA180, 1, pcmu)
	x := newBench(t, a, agreed(addrB, sdp.AESCM128SHA180, 10, pcmu))
	for i := range 3 * 1000 {
		require.True(t, x.flows(start, addrA, A, uint16(64000+i), 7))
		require.True(t, x.flows(start, addrB, B, uint16(64000+i), 8))
		if i%500 == 0 {
			x.apply(start, A, a)
			x.apply(start, B, agreed(addrB, sdp.AESCM128SHA180, 10, pcmu))
		}
	}
	require.Len(t, x.events, 2)
}

// A re-INVITE that fails takes the keys back: their indices and windows go on, over a roll-over, too.
func TestKeysThatComeBack(t *testing.T) {
	a, b := agreed(addrA, sdp.AESCM128SHA180, 1, pcmu), agreed(addrB, sdp.NoSuite, 0, pcmu)
	x := newBench(t, a, b)
	var first []byte
	for i := range 1<<16 + 10 {
		w := x.wire(A, 0, uint16(i), 7)
		first = bytes.Clone(w)
		_, _, ok := x.deliver(start, addrA, A, w)
		require.True(t, ok)
		require.True(t, x.flows(start, addrB, B, uint16(i), 8))
	}
	x.apply(start, A, agreed(addrA, sdp.AEADAES128GCM, 31, pcmu))
	x.apply(start, A, a)
	_, _, ok := x.deliver(start, addrA, A, first)
	require.False(t, ok)
	require.EqualValues(t, 1, x.r.Stats(A).Replayed)
	require.True(t, x.flows(start, addrA, A, 10, 7))
	require.True(t, x.flows(start, addrB, B, 10, 8), "with the roll-over counter that A's context has")
}

func TestBadKeysAreRefused(t *testing.T) {
	a := agreed(addrA, sdp.AESCM128SHA180, 1, pcmu)
	a.RecvKey.Key = a.RecvKey.Key[:10]
	_, err := Prepare(a)
	require.ErrorContains(t, err, "key of the peer")
	a = agreed(addrA, sdp.AESCM128SHA180, 1, pcmu)
	a.SendKey.Key = nil
	_, err = Prepare(a)
	require.ErrorContains(t, err, "our key")
}

// The peer changes its SSRC in mid-call, again and again: the other leg keeps one SSRC, one roll-over counter, one line.
func TestPeerChangesSSRC(t *testing.T) {
	x := newBench(t, agreed(addrA, sdp.AESCM128SHA180, 1, pcmu), agreed(addrB, sdp.AEADAES128GCM, 10, pcmu))
	rnd := rand.New(rand.NewPCG(1, 9))
	var top uint16
	n := 0
	for source := range uint32(100) {
		var err error
		x.send[A], err = srtp.NewSender(key(sdp.AESCM128SHA180, 2)) // ours refuses so many SSRCs
		require.NoError(t, err)
		first := uint16(rnd.Uint32())
		if first > 60000 {
			first = 60000
		}
		for i := range uint16(30) {
			n++
			h, _, ok := x.talk(after(time.Duration(n)*20*time.Millisecond), addrA, A, 0, first+i, 1000+source)
			require.True(t, ok)
			require.EqualValues(t, 1000, h.SSRC)
			if n > 1 {
				require.Equal(t, top+1, h.Seq)
			}
			require.Equal(t, source > 0 && i == 0, h.Marker)
			top = h.Seq
		}
	}
	require.EqualValues(t, 100-srtp.MaxReceived, x.r.Stats(A).Evicted)
}

// Retransmissions (RFC 4588) have an SSRC of their own beside the media, and name original numbers.
func TestRetransmissionStream(t *testing.T) {
	vp8, rtx := sdp.Codec{PT: 96, Name: "VP8", Rate: 90000}, sdp.Codec{PT: 97, Name: "rtx", Rate: 90000, Fmtp: "apt=96"}
	vp8b, rtxb := sdp.Codec{PT: 100, Name: "VP8", Rate: 90000}, sdp.Codec{PT: 102, Name: "rtx", Rate: 90000, Fmtp: "apt=100"}
	x := &bench{t: t, r: New(Config{Kind: sdp.Video})}
	x.set(start, A, agreed(addrA, sdp.NoSuite, 0, vp8, rtx))
	x.set(start, B, agreed(addrB, sdp.NoSuite, 0, vp8b, rtxb))
	h, _, _ := x.talk(start, addrA, A, 96, 10, 1)
	require.EqualValues(t, 1, h.SSRC)
	h, _, _ = x.talk(start, addrA, A, 96, 500, 2) // another source: 500 becomes 11
	require.EqualValues(t, 1, h.SSRC)
	require.EqualValues(t, 11, h.Seq)
	b := packet(97, 40, 3)
	b[12], b[13] = 500>>8, 500&0xff
	out := x.r.Handle(start, addrA, A, RTP, b)
	h, err := rtp.Parse(out.Packet)
	require.NoError(t, err)
	require.Equal(t, rtp.Header{PT: 102, Seq: 40, Timestamp: 6400, SSRC: 3, Size: 12}, h)
	require.Equal(t, []byte{0, 11}, out.Packet[12:14])
	require.Zero(t, x.r.Stats(A).Lost, "a retransmission is no loss")
}

func rr(t testing.TB, ssrc uint32) []byte {
	b, err := rtcp.Marshal([]rtcp.Packet{&rtcp.ReceiverReport{SSRC: ssrc}, rtcp.NewCNAMESourceDescription(ssrc, "phone")})
	require.NoError(t, err)
	return b
}

func TestControlInEveryMode(t *testing.T) {
	modes(t, func(name string, sa, sb sdp.Suite) {
		t.Run(name, func(t *testing.T) {
			x := newBench(t, agreed(addrA, sa, 1, pcmu), agreed(addrB, sb, 10, pcmu))
			from := netip.AddrPortFrom(addrA.Addr(), 4001)
			for range 5 {
				b := roomy(rr(t, 7))
				var err error
				if x.send[A] != nil {
					b, err = x.send[A].ProtectRTCP(b)
					require.NoError(t, err)
				}
				again := roomy(b)
				out := x.r.Handle(start, from, A, RTCP, roomy(b))
				require.Equal(t, netip.AddrPortFrom(addrB.Addr(), 6001), out.To)
				require.Equal(t, RTCP, out.Ch)
				got := out.Packet
				if x.recv[B] != nil {
					got, err = x.recv[B].UnprotectRTCP(got)
					require.NoError(t, err)
				}
				require.Equal(t, rr(t, 7), got)
				if sa != sdp.NoSuite {
					require.Empty(t, x.r.Handle(start, from, A, RTCP, again).Packet, "replayed")
				}
			}
			require.EqualValues(t, 5, x.r.Stats(A).RTCP)
			require.EqualValues(t, 5, x.r.Stats(B).SentRTCP)
		})
	})
}

func TestMultiplexedControl(t *testing.T) {
	a, b := agreed(addrA, sdp.NoSuite, 0, pcmu), agreed(addrB, sdp.NoSuite, 0, pcmu)
	a.Mux = true
	x := newBench(t, a, b)
	require.True(t, x.flows(start, addrA, A, 1, 7))
	out := x.r.Handle(start, addrA, A, RTP, roomy(rr(t, 7)))
	require.Equal(t, RTCP, out.Ch)
	require.Equal(t, netip.AddrPortFrom(addrB.Addr(), 6001), out.To)
	out = x.r.Handle(start, netip.AddrPortFrom(addrB.Addr(), 6001), B, RTCP, roomy(rr(t, 8)))
	require.Equal(t, RTP, out.Ch)
	require.Equal(t, addrA, out.To)
	// Without mux RTCP on the RTP port is an unknown payload type.
	require.Empty(t, x.r.Handle(start, addrB, B, RTP, roomy(rr(t, 8))).Packet)
	require.EqualValues(t, 1, x.r.Stats(B).Unmapped)
}

func TestControlSources(t *testing.T) {
	x := newBench(t, agreed(addrA, sdp.NoSuite, 0, pcmu), agreed(addrB, sdp.NoSuite, 0, pcmu))
	require.Empty(t, x.r.Handle(start, evil, A, RTCP, roomy(rr(t, 7))).Packet)
	require.EqualValues(t, 1, x.r.Stats(A).Strangers)
	require.True(t, x.flows(start, natA, A, 1, 7))
	// Behind a NAT, the pair of the latched port is the guess until RTCP comes from there.
	out := x.r.Handle(start, netip.AddrPortFrom(addrB.Addr(), 6001), B, RTCP, roomy(rr(t, 8)))
	require.Equal(t, netip.AddrPortFrom(natA.Addr(), natA.Port()+1), out.To)
	from := netip.AddrPortFrom(natA.Addr(), 2222)
	require.NotEmpty(t, x.r.Handle(start, from, A, RTCP, roomy(rr(t, 7))).Packet)
	out = x.r.Handle(start, netip.AddrPortFrom(addrB.Addr(), 6001), B, RTCP, roomy(rr(t, 8)))
	require.Equal(t, from, out.To)
	require.Empty(t, x.r.Handle(start, from, A, RTCP, roomy([]byte{0x80, 201, 0, 9, 0, 0, 0, 1})).Packet)
	require.Empty(t, x.r.Handle(start, from, A, RTCP, packet(0, 1, 1)).Packet, "RTP on the RTCP port")
	require.EqualValues(t, 2, x.r.Stats(A).Malformed)
}

func TestOtherProtocols(t *testing.T) {
	var got []rtp.Class
	r := New(Config{Other: func(_ Side, _ Channel, c rtp.Class, _ netip.AddrPort, _ []byte) { got = append(got, c) }})
	for _, first := range []byte{0, 16, 22, 64, 255} {
		require.Empty(t, r.Handle(start, addrA, A, RTP, []byte{first, 1, 2}).Packet)
	}
	require.Empty(t, r.Handle(start, addrA, A, RTP, nil).Packet)
	require.Equal(t, []rtp.Class{rtp.ClassSTUN, rtp.ClassZRTP, rtp.ClassDTLS, rtp.ClassTURN, rtp.ClassUnknown, rtp.ClassUnknown}, got)
	require.EqualValues(t, 6, r.Stats(A).Other)
}

func TestSilenceIsTold(t *testing.T) {
	x := newBench(t, agreed(addrA, sdp.NoSuite, 0, pcmu), agreed(addrB, sdp.NoSuite, 0, pcmu))
	x.flows(start, addrA, A, 1, 7)
	x.flows(start, addrB, B, 1, 8)
	x.events = nil
	for s := range 70 {
		now := after(time.Duration(s) * time.Second)
		if s <= 20 {
			x.flows(now, addrB, B, uint16(2+s), 8)
		}
		x.r.Tick(now)
	}
	require.Equal(t, []Event{
		{Kind: NoMedia, Side: A, For: 30 * time.Second},
		{Kind: NoMedia, Side: B, For: 30 * time.Second},
		{Kind: NoMedia, Side: A, For: 60 * time.Second},
	}, x.events)
	// Set starts anew; RTCP counts as life; on hold the limit is another.
	x.events = nil
	hold := agreed(addrA, sdp.NoSuite, 0, pcmu)
	hold.Direction = sdp.SendOnly
	x.apply(after(70*time.Second), A, hold)
	x.apply(after(70*time.Second), B, agreed(addrB, sdp.NoSuite, 0, pcmu))
	for s := 70; s < 130; s++ {
		now := after(time.Duration(s) * time.Second)
		if s%10 == 0 {
			x.r.Handle(now, netip.AddrPortFrom(addrB.Addr(), 6001), B, RTCP, roomy(rr(t, 8)))
		}
		x.r.Tick(now)
	}
	require.Empty(t, x.events)
	x.r.Tick(after(71*time.Second + time.Hour))
	require.Equal(t, NoMedia, x.events[0].Kind)
	require.Equal(t, A, x.events[0].Side)
}

func TestAuthFailuresAreToldOnce(t *testing.T) {
	x := newBench(t, agreed(addrA, sdp.AESCM128SHA180, 1, pcmu), agreed(addrB, sdp.NoSuite, 0, pcmu))
	for i := range 400 {
		now := after(time.Duration(i) * 20 * time.Millisecond)
		x.deliver(now, addrA, A, packet(0, uint16(i), 7))
		x.r.Tick(now)
	}
	require.Len(t, x.events, 1)
	require.Equal(t, AuthFailures, x.events[0].Kind)
	require.EqualValues(t, burstSize, x.events[0].Count)
}

func TestSendFailed(t *testing.T) {
	x := newBench(t, agreed(addrA, sdp.NoSuite, 0, pcmu), agreed(addrB, sdp.NoSuite, 0, pcmu))
	x.r.SendFailed(B, natA, false)
	x.r.SendFailed(B, addrA, true) // a response to a check goes where that came from
	x.r.SendFailed(B, addrB, true)
	x.r.Tick(start)
	x.r.SendFailed(B, addrB, true)
	x.r.Tick(start)
	told := Event{Kind: Unroutable, Side: B, Addr: addrA, Count: 2}
	require.Equal(t, []Event{told}, x.events)
	require.EqualValues(t, 4, x.r.Stats(B).SendFailed)
	x.apply(start, B, agreed(addrB, sdp.NoSuite, 0, pcmu))
	x.r.Tick(start)
	require.Len(t, x.events, 1)
	x.r.SendFailed(B, addrB, true)
	x.r.Tick(start)
	told.Addr, told.Count = addrB, 1
	require.Equal(t, told, x.events[1], "anew after Set")
}

func TestClose(t *testing.T) {
	x := newBench(t, agreed(addrA, sdp.AESCM128SHA180, 1, pcmu), agreed(addrB, sdp.NoSuite, 0, pcmu))
	recv := x.r.sides[A].keys[RTP].recv
	x.r.Close()
	require.False(t, x.flows(start, addrA, A, 1, 7))
	_, err := recv.Unprotect(packet(0, 1, 7))
	require.ErrorIs(t, err, srtp.ErrWiped)
	x.apply(start, A, agreed(addrA, sdp.AESCM128SHA180, 1, pcmu))
	require.False(t, x.flows(start, addrA, A, 2, 7), "a late Apply revives nothing")
}

func TestNoAllocations(t *testing.T) {
	modes(t, func(name string, sa, sb sdp.Suite) {
		t.Run(name, func(t *testing.T) {
			x := newBench(t, agreed(addrA, sa, 1, pcmu), agreed(addrB, sb, 10, pcmu))
			x.flows(start, addrA, A, 1, 7)
			var stream [][]byte
			for i := range 200 {
				stream = append(stream, roomy(x.wire(A, 0, uint16(i+2), 7)))
			}
			var control [][]byte
			for range 200 {
				b := roomy(rr(t, 7))
				if x.send[A] != nil {
					b, _ = x.send[A].ProtectRTCP(b)
				}
				control = append(control, roomy(b))
			}
			i := 0
			require.Zero(t, testing.AllocsPerRun(150, func() {
				if len(x.r.Handle(start, addrA, A, RTP, stream[i]).Packet) == 0 {
					t.Error("dropped")
				}
				if len(x.r.Handle(start, netip.AddrPortFrom(addrA.Addr(), 4001), A, RTCP, control[i]).Packet) == 0 {
					t.Error("dropped")
				}
				i++
			}))
			forged, stun := packet(0, 9, 99), []byte{0, 1}
			require.Zero(t, testing.AllocsPerRun(100, func() {
				x.r.Handle(start, evil, A, RTP, forged)
				x.r.Handle(start, evil, A, RTP, stun)
			}))
			require.Zero(t, testing.AllocsPerRun(100, func() { x.r.Tick(start) }))
		})
	})
}

// BenchmarkRelay is the cost of one packet of 172 octets without system calls. The peer's own encryption is in it where A is
// secured, for there must be a new packet each time.
func BenchmarkRelay(b *testing.B) {
	for _, m := range []struct {
		name string
		a, b sdp.Suite
	}{
		{"none-none", sdp.NoSuite, sdp.NoSuite},
		{"none-cm80", sdp.NoSuite, sdp.AESCM128SHA180},
		{"none-gcm128", sdp.NoSuite, sdp.AEADAES128GCM},
		{"peer+cm80-none", sdp.AESCM128SHA180, sdp.NoSuite},
		{"peer+cm80-cm80", sdp.AESCM128SHA180, sdp.AESCM128SHA180},
		{"peer+gcm128-gcm128", sdp.AEADAES128GCM, sdp.AEADAES128GCM},
	} {
		b.Run(m.name, func(b *testing.B) {
			x := newBench(b, agreed(addrA, m.a, 1, pcmu), agreed(addrB, m.b, 10, pcmu))
			p := packet(0, 0, 7)
			b.ReportAllocs()
			for i := 0; b.Loop(); i++ {
				rtp.SetLine(p, uint16(i), 0, 7)
				w := p
				if x.send[A] != nil {
					w, _ = x.send[A].Protect(p)
				}
				if len(x.r.Handle(start, addrA, A, RTP, w).Packet) == 0 {
					b.Fatal("dropped")
				}
			}
		})
	}
}

// BenchmarkRelayBundled is that of an audio and a video stream in turn: on leg A both ride on one transport, with or without the a=mid in
// each packet.
func BenchmarkRelayBundled(b *testing.B) {
	for _, m := range []struct {
		name string
		a, b sdp.Suite
		mid  [2]string
	}{
		{"none-none", sdp.NoSuite, sdp.NoSuite, [2]string{}},
		{"none-none/mid", sdp.NoSuite, sdp.NoSuite, [2]string{"a", "v"}},
		{"peer+gcm128-cm80", sdp.AEADAES128GCM, sdp.AESCM128SHA180, [2]string{}},
		{"peer+gcm128-cm80/mid", sdp.AEADAES128GCM, sdp.AESCM128SHA180, [2]string{"a", "v"}},
	} {
		b.Run(m.name, func(b *testing.B) {
			x := newBundled(b, m.a, m.b)
			x.r[0].cfg.PerTick = 0
			wire := [2][]byte{packet(0, 0, 7), packet(98, 0, 8)}
			buf := make([]byte, 0, 512)
			b.ReportAllocs()
			for i := 0; b.Loop(); i++ {
				w := append(buf[:0], wire[i&1]...)
				rtp.SetLine(w, uint16(i>>1), 0, uint32(7+i&1))
				if mid := m.mid[i&1]; mid != "" {
					w = rtp.SetExtension(w, midNumber, []byte(mid))
				}
				if x.send != nil {
					w, _ = x.send.Protect(w)
				}
				if stream, out := x.g.Handle(start, addrA, RTP, w); stream != i&1 || len(out.Packet) == 0 {
					b.Fatal("dropped")
				}
			}
		})
	}
}

// FuzzRelay: whatever comes in on any port of any kind of leg, nothing panics, a secured leg sends nothing that its peer cannot
// open, and what is forged neither latches nor comes out.
func FuzzRelay(f *testing.F) {
	f.Add(uint8(0), uint8(0), packet(0, 1, 7))
	f.Add(uint8(1), uint8(1), rr(f, 7))
	f.Fuzz(func(t *testing.T, mode, port uint8, b []byte) {
		if len(b) > 2048 {
			return
		}
		sa, sb := suites[int(mode)%7], suites[int(mode)/7%7]
		a := agreed(addrA, sa, 1, pcmu, opusA)
		a.Mux = mode&1 == 0
		x := newBench(t, a, agreed(addrB, sb, 10, pcmu, opusB))
		for i := range 3 {
			from := [...]netip.AddrPort{addrA, addrB, evil}[i]
			on, ch := Side(port&1), Channel(port>>1&1)
			out := x.r.Handle(after(time.Duration(i)*time.Second), from, on, ch, roomy(b))
			x.r.Tick(after(time.Duration(i) * time.Second))
			if len(out.Packet) == 0 {
				continue
			}
			if x.send[on] != nil {
				t.Fatalf("a forged packet came through: %x", b)
			}
			if r := x.recv[on.Other()]; r != nil {
				_, err := r.Unprotect(bytes.Clone(out.Packet))
				_, err2 := r.UnprotectRTCP(bytes.Clone(out.Packet))
				if err != nil && err2 != nil {
					t.Fatalf("%v, %v: %x", err, err2, out.Packet)
				}
			}
		}
	})
}
