package relay

import (
	"fmt"
	"net/netip"
	"testing"
	"time"

	"github.com/pion/rtcp"
	"github.com/stretchr/testify/require"

	"b2bua/media/rtp"
	"b2bua/media/sdp"
	"b2bua/media/srtp"
)

var (
	controlA = netip.AddrPortFrom(addrA.Addr(), addrA.Port()+1)
	controlB = netip.AddrPortFrom(addrB.Addr(), addrB.Port()+1)
)

// report sends a compound packet of a peer and returns what the other peer reads.
func (x *bench) report(now time.Time, on Side, packets ...rtcp.Packet) []rtcp.Packet {
	x.t.Helper()
	b, err := rtcp.Marshal(packets)
	require.NoError(x.t, err)
	if s := x.send[on]; s != nil {
		b, err = s.ProtectRTCP(roomy(b))
		require.NoError(x.t, err)
	}
	out := x.r.Handle(now, [...]netip.AddrPort{controlA, controlB}[on], on, RTCP, roomy(b))
	if len(out.Packet) == 0 {
		return nil
	}
	b = out.Packet
	if r := x.recv[on.Other()]; r != nil {
		b, err = r.UnprotectRTCP(b)
		require.NoError(x.t, err)
	}
	got, err := rtcp.Unmarshal(b)
	require.NoError(x.t, err)
	return got
}

func block(ssrc, lastSR uint32, held time.Duration) []rtcp.ReceptionReport {
	return []rtcp.ReceptionReport{{SSRC: ssrc, TotalLost: 3, Jitter: 40, LastSenderReport: lastSR, Delay: uint32(held * 65536 / time.Second)}}
}

// Each side's round trip is its own part of the way, whatever the other's is: 30 ms to A, 200 ms to B.
func TestRoundTripOfEachSide(t *testing.T) {
	modes(t, func(name string, sa, sb sdp.Suite) {
		x := newBench(t, agreed(addrA, sa, 1, pcmu), agreed(addrB, sb, 10, pcmu))
		require.True(t, x.flows(start, addrA, A, 1, 7))
		_, _, ok := x.talk(start, addrB, B, 0, 1, 8)
		require.True(t, ok)
		x.report(start, A, &rtcp.SenderReport{SSRC: 7, NTPTime: 0x1111222233330000, RTPTime: 1})
		x.report(after(200*time.Millisecond+2*time.Second), B, &rtcp.SenderReport{SSRC: 8, NTPTime: 0x4444555566660000, Reports: block(7, 0x22223333, 2*time.Second)})
		x.report(after(200*time.Millisecond+2*time.Second+530*time.Millisecond), A, &rtcp.ReceiverReport{SSRC: 7, Reports: block(8, 0x55556666, 500*time.Millisecond)})
		require.Equal(t, 200*time.Millisecond, x.r.Stats(B).RoundTrip, name)
		require.Equal(t, 30*time.Millisecond, x.r.Stats(A).RoundTrip, name)
		for _, side := range []Side{A, B} {
			require.EqualValues(t, 3, x.r.Stats(side).FarLost)
			require.Equal(t, 5*time.Millisecond, x.r.Stats(side).FarJitter)
		}
	})
}

// Feedback goes through where both legs have agreed on it, and only it is missing where one has not.
func TestFeedback(t *testing.T) {
	feedback := []rtcp.Packet{
		&rtcp.TransportLayerNack{SenderSSRC: 8, MediaSSRC: 7, Nacks: []rtcp.NackPair{{PacketID: 5, LostPackets: 3}}},
		&rtcp.PictureLossIndication{SenderSSRC: 8, MediaSSRC: 7},
		&rtcp.FullIntraRequest{SenderSSRC: 8, FIR: []rtcp.FIREntry{{SSRC: 7, SequenceNumber: 1}}},
		&rtcp.ReceiverEstimatedMaximumBitrate{SenderSSRC: 8, Bitrate: 1 << 20, SSRCs: []uint32{7}},
		rawTMMBR(8, 7),
	}
	for _, c := range []struct{ a, b bool }{{true, true}, {true, false}, {false, true}, {false, false}} {
		modes(t, func(name string, sa, sb sdp.Suite) {
			a, b := agreed(addrA, sa, 1, pcmu), agreed(addrB, sb, 10, pcmu)
			a.AVPF, b.AVPF = c.a, c.b
			x := newBench(t, a, b)
			require.True(t, x.flows(start, addrA, A, 1, 7))
			report := &rtcp.ReceiverReport{SSRC: 8, Reports: block(7, 0, 0)}
			got := x.report(start, B, append([]rtcp.Packet{report, rtcp.NewCNAMESourceDescription(8, "b")}, feedback...)...)
			alone := x.report(start, B, &rtcp.PictureLossIndication{SenderSSRC: 8, MediaSSRC: 7})
			if c.a && c.b {
				require.Len(t, got, 2+len(feedback), name)
				require.Equal(t, feedback[1], got[3])
				require.Equal(t, feedback[2], got[4])
				require.Len(t, alone, 1)
			} else {
				require.Len(t, got, 2, name)
				require.Empty(t, alone)
			}
		})
	}
}

// rawTMMBR is RFC 5104 section 4.2.1, which the reference library does not know.
func rawTMMBR(sender, media uint32) *rtcp.RawPacket {
	p := rtcp.RawPacket{0x83, 205, 0, 4, 0, 0, 0, byte(sender), 0, 0, 0, 0, 0, 0, 0, byte(media), 0x10, 0, 0x80, 40}
	return &p
}

// Feedback names the streams as each side knows them, over a change of source.
func TestFeedbackAfterAnotherSource(t *testing.T) {
	a, b := agreed(addrA, sdp.NoSuite, 0, pcmu), agreed(addrB, sdp.AESCM128SHA180, 10, pcmu)
	a.AVPF, b.AVPF = true, true
	x := newBench(t, a, b)
	require.True(t, x.flows(start, addrA, A, 100, 7))
	require.True(t, x.flows(after(20*time.Millisecond), addrA, A, 9000, 77))
	got := x.report(start, B, &rtcp.ReceiverReport{SSRC: 8}, &rtcp.TransportLayerNack{SenderSSRC: 8, MediaSSRC: 7, Nacks: []rtcp.NackPair{{PacketID: 101}}})
	require.Equal(t, &rtcp.TransportLayerNack{SenderSSRC: 8, MediaSSRC: 77, Nacks: []rtcp.NackPair{{PacketID: 9000}}}, got[1])
}

// What is taken out is told, once a second, when it asks for a whole picture; and one may be asked for.
func TestPicture(t *testing.T) {
	modes(t, func(name string, sa, sb sdp.Suite) {
		a, b := agreed(addrA, sa, 1, pcmu), agreed(addrB, sb, 10, pcmu)
		a.AVPF = true
		x := newBench(t, a, b)
		require.True(t, x.flows(start, addrA, A, 1, 7))
		_, _, ok := x.talk(start, addrB, B, 0, 1, 8)
		require.True(t, ok)
		x.events = nil
		wish := []rtcp.Packet{&rtcp.ReceiverReport{SSRC: 7}, &rtcp.PictureLossIndication{SenderSSRC: 7, MediaSSRC: 8}}
		fir := []rtcp.Packet{&rtcp.ReceiverReport{SSRC: 7}, &rtcp.FullIntraRequest{SenderSSRC: 7, FIR: []rtcp.FIREntry{{SSRC: 8}}}}
		nack := []rtcp.Packet{&rtcp.ReceiverReport{SSRC: 7}, &rtcp.TransportLayerNack{SenderSSRC: 7, MediaSSRC: 8, Nacks: []rtcp.NackPair{{}}}}
		require.Len(t, x.report(start, A, nack...), 1)
		require.Empty(t, x.events)
		x.report(start, A, wish...)
		x.report(after(500*time.Millisecond), A, wish...)
		x.report(after(time.Second), A, fir...)
		require.Equal(t, []Event{{Kind: PictureLost, Side: A}, {Kind: PictureLost, Side: A}}, x.events, name)

		x.r.AskPicture(A)
		require.Equal(t, []wished{{controlA, 8, 7}}, x.wishes())
		x.r.AskPicture(B)
		require.Empty(t, x.wishes(), "no feedback agreed there")
		x.apply(start, B, func() sdp.Agreed { b.AVPF = true; return b }())
		x.events = nil
		require.Len(t, x.report(after(time.Minute), A, wish...), 2)
		require.Empty(t, x.events, "it passes")
	})
}

// wished is a PLI that was sent to side A's peer.
type wished struct {
	to            netip.AddrPort
	sender, media uint32
}

// wishes takes those that were sent so far.
func (x *bench) wishes() (out []wished) {
	for _, o := range x.beside {
		require.Equal(x.t, A, o.Side)
		b := o.Packet
		if x.recv[A] != nil {
			var err error
			b, err = x.recv[A].UnprotectRTCP(b)
			require.NoError(x.t, err)
		}
		got, err := rtcp.Unmarshal(b)
		require.NoError(x.t, err)
		require.Len(x.t, got, 2)
		pli, ok := got[1].(*rtcp.PictureLossIndication)
		require.True(x.t, ok)
		require.Equal(x.t, &rtcp.ReceiverReport{SSRC: pli.SenderSSRC, ProfileExtensions: []byte{}}, got[0])
		out = append(out, wished{o.To, pli.SenderSSRC, pli.MediaSSRC})
	}
	x.beside = nil
	return out
}

// A wish for a picture of a source that was not heard yet is sent with its first packet: once, whoever asked how often.
func TestPictureOfWhoIsNotHeardYet(t *testing.T) {
	modes(t, func(name string, sa, sb sdp.Suite) {
		a, b := agreed(addrA, sa, 1, pcmu), agreed(addrB, sb, 10, pcmu)
		a.AVPF = true
		x := newBench(t, a, b)
		x.r.AskPicture(A)
		x.r.AskPicture(A)
		require.Empty(t, x.wishes(), name)
		require.True(t, x.flows(start, addrB, B, 1, 8))
		require.Empty(t, x.wishes(), "it is the other one's: %s", name)
		require.True(t, x.flows(start, addrA, A, 1, 7))
		require.Equal(t, []wished{{controlA, 8, 7}}, x.wishes(), name)
		require.True(t, x.flows(after(20*time.Millisecond), addrA, A, 2, 7))
		require.Empty(t, x.wishes(), name)
	})
}

// A peer that moves to another address is asked once it is heard from there: until then the source known is the former peer's.
func TestPictureOfWhoMoves(t *testing.T) {
	a, b := agreed(addrA, sdp.NoSuite, 1, pcmu), agreed(addrB, sdp.NoSuite, 10, pcmu)
	a.AVPF = true
	x := newBench(t, a, b)
	require.True(t, x.flows(start, addrA, A, 1, 7))
	a.Remote, a.RemoteRTCP = natA, netip.AddrPortFrom(natA.Addr(), natA.Port()+1)
	x.apply(start, A, a)
	x.r.AskPicture(A)
	require.Empty(t, x.wishes())
	require.True(t, x.flows(after(time.Second), natA, A, 900, 77))
	require.Equal(t, []wished{{a.RemoteRTCP, ^uint32(77), 77}}, x.wishes())
}

// A wish ends with the feedback that it was to be sent by, and with the stream.
func TestPictureThatIsNoLongerWished(t *testing.T) {
	a, b := agreed(addrA, sdp.NoSuite, 1, pcmu), agreed(addrB, sdp.NoSuite, 10, pcmu)
	a.AVPF = true
	for _, change := range []func(*sdp.Agreed){
		func(a *sdp.Agreed) { a.AVPF = false },
		func(a *sdp.Agreed) { a.Enabled = false },
	} {
		x := newBench(t, a, b)
		x.r.AskPicture(A)
		other := a
		change(&other)
		x.apply(start, A, other)
		x.apply(start, A, a)
		require.True(t, x.flows(start, addrA, A, 1, 7))
		require.Empty(t, x.wishes())
	}
}

// A peer whose source has the number that the other peer chose for itself gets another one (RFC 3550 section 8.2).
func TestCollision(t *testing.T) {
	x := newBench(t, agreed(addrA, sdp.AESCM128SHA180, 1, pcmu), agreed(addrB, sdp.AEADAES128GCM, 10, pcmu))
	h, _, ok := x.talk(start, addrA, A, 0, 100, 7)
	require.True(t, ok)
	require.EqualValues(t, 7, h.SSRC)
	for i := range uint16(3) {
		h, _, ok = x.talk(after(time.Duration(i)*20*time.Millisecond), addrB, B, 0, 200+i, 7)
		require.True(t, ok)
		require.NotEqualValues(t, 7, h.SSRC)
		require.Equal(t, 200+i, h.Seq)
		require.Equal(t, uint32(200+i)*160, h.Timestamp)
	}
	got := x.report(after(time.Second), B, &rtcp.SenderReport{SSRC: 7, Reports: block(7, 0, 0)})
	require.Equal(t, h.SSRC, got[0].(*rtcp.SenderReport).SSRC)
	require.EqualValues(t, 7, got[0].(*rtcp.SenderReport).Reports[0].SSRC)
}

// A retransmission stream with the number of the media stream does not share its indices under one key.
func TestRepairCollision(t *testing.T) {
	rtxA := sdp.Codec{PT: 98, Name: "rtx", Rate: 48000, Fmtp: "apt=96"}
	rtxB := sdp.Codec{PT: 112, Name: "rtx", Rate: 48000, Fmtp: "apt=111"}
	x := newBench(t, agreed(addrA, sdp.NoSuite, 0, opusA, rtxA), agreed(addrB, sdp.AESCM128SHA180, 10, opusB, rtxB))
	h, _, ok := x.talk(start, addrA, A, 96, 100, 7)
	require.True(t, ok)
	out := x.r.Handle(start, addrA, A, RTP, roomy(x.wire(A, 98, 100, 7)))
	require.NotEmpty(t, out.Packet)
	r, _ := x.open(B, out.Packet)
	require.NotEqual(t, h.SSRC, r.SSRC)
}

// No allocation with keys of a handshake, in either direction, muxed or on two ports.
func TestNoAllocationsWithHandshakeKeys(t *testing.T) {
	for _, suite := range []sdp.Suite{sdp.AESCM128SHA180, sdp.AESCM128SHA132, sdp.AEADAES128GCM, sdp.AEADAES256GCM} {
		for _, mux := range []bool{true, false} {
			t.Run(fmt.Sprintf("%v mux %v", suite, mux), func(t *testing.T) { noAllocations(t, suite, mux) })
		}
	}
}

func noAllocations(t *testing.T, suite sdp.Suite, mux bool) {
	x := newBench(t, dtlsSide(addrA, mux), agreed(addrB, sdp.AESCM128SHA180, 10, pcmu))
	channels := []Channel{RTP, RTCP}
	var peer [2]*srtp.Sender
	for _, ch := range channels {
		p, err := PrepareKeys(key(suite, 3), key(suite, 4+uint64(ch)))
		require.NoError(t, err)
		x.r.Secure(start, A, ch, addrA, p)
		peer[ch], err = srtp.NewSender(key(suite, 4+uint64(ch)))
		require.NoError(t, err)
	}
	from, ch := controlA, RTCP
	if mux {
		from, ch, peer[RTCP] = addrA, RTP, peer[RTP]
	}
	const n = 120
	var in, control, back, backControl [][]byte
	for i := range n {
		b, err := peer[RTP].Protect(packet(0, uint16(i), 7))
		require.NoError(t, err)
		in = append(in, roomy(b))
		b, err = peer[RTCP].ProtectRTCP(roomy(rr(t, 7)))
		require.NoError(t, err)
		control = append(control, roomy(b))
		back = append(back, roomy(x.wire(B, 0, uint16(i), 8)))
		b, err = x.send[B].ProtectRTCP(roomy(rr(t, 8)))
		require.NoError(t, err)
		backControl = append(backControl, roomy(b))
	}
	i := 0
	round := func() {
		now := start.Add(time.Duration(i) * 20 * time.Millisecond)
		for _, out := range [...]Output{
			x.r.Handle(now, addrA, A, RTP, in[i]),
			x.r.Handle(now, addrB, B, RTP, back[i]),
			x.r.Handle(now, from, A, ch, control[i]),
			x.r.Handle(now, controlB, B, RTCP, backControl[i]),
		} {
			if len(out.Packet) == 0 {
				t.Errorf("round %d: dropped", i)
			}
		}
		i++
	}
	round()
	require.Zero(t, testing.AllocsPerRun(n-10, round))
	require.Zero(t, x.r.Stats(A).AuthFailed)
	_, err := rtp.Parse(in[0])
	require.NoError(t, err)
}
