package relay

import (
	"bytes"
	"net/netip"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"b2bua/media/rtp"
	"b2bua/media/sdp"
	"b2bua/media/srtp"
)

func zrtpSide(remote netip.AddrPort) sdp.Agreed {
	a := agreed(remote, sdp.NoSuite, 0, pcmu)
	a.Encryption, a.ZRTP = sdp.ZRTP, &sdp.ZRTPParams{}
	return a
}

func throughSide(remote netip.AddrPort) sdp.Agreed {
	a := zrtpSide(remote)
	a.ZRTP.Through = true
	return a
}

// install gives side A keys, one direction after the other, and the peer its own.
func (x *bench) install(now time.Time, suite sdp.Suite) {
	x.t.Helper()
	const seed = 1
	for _, keys := range [][2]sdp.Crypto{{{}, key(suite, seed+1)}, {key(suite, seed), {}}} {
		p, err := PrepareZRTP(keys[0], keys[1])
		require.NoError(x.t, err)
		x.r.Install(now, A, p)
	}
	var err error
	x.send[A], err = srtp.NewSender(key(suite, seed+1), srtp.EqualTags)
	require.NoError(x.t, err)
	x.recv[A], err = srtp.NewReceiver(key(suite, seed), srtp.EqualTags)
	require.NoError(x.t, err)
}

// Nothing flows before the keys, each direction as its key is there, and no plain packet after.
func TestZRTPKeysOfOneDirection(t *testing.T) {
	x := newBench(t, zrtpSide(addrA), agreed(addrB, sdp.NoSuite, 0, pcmu))
	require.False(t, x.flows(start, addrA, A, 1, 7))
	require.False(t, x.flows(start, addrB, B, 1, 9))
	require.EqualValues(t, 1, x.r.Stats(A).NotReady)
	require.EqualValues(t, 1, x.r.Stats(A).Unsent)
	require.False(t, x.r.Heard(A))

	recv, err := PrepareZRTP(sdp.Crypto{}, key(sdp.AEADAES128GCM, 2))
	require.NoError(t, err)
	x.r.Install(start, A, recv)
	require.False(t, x.r.Heard(A))
	x.send[A], err = srtp.NewSender(key(sdp.AEADAES128GCM, 2))
	require.NoError(t, err)
	require.True(t, x.flows(start, natA, A, 2, 7))
	require.True(t, x.r.Heard(A))
	require.False(t, x.flows(start, addrB, B, 2, 9), "the peer may not have its key yet")

	send, err := PrepareZRTP(key(sdp.AEADAES128GCM, 1), sdp.Crypto{})
	require.NoError(t, err)
	x.r.Install(start, A, send)
	x.recv[A], err = srtp.NewReceiver(key(sdp.AEADAES128GCM, 1))
	require.NoError(t, err)
	require.True(t, x.flows(start, addrB, B, 3, 9))
	x.send[A] = nil
	require.False(t, x.flows(start, natA, A, 3, 7))
	require.EqualValues(t, 1, x.r.Stats(A).AuthFailed)
}

// Peers with 32 bits have them in SRTCP, too.
func TestZRTPShortTagOfControl(t *testing.T) {
	for _, suite := range []sdp.Suite{sdp.AESCM128SHA132, sdp.AES256CMSHA132} {
		a := zrtpSide(addrA)
		x := newBench(t, a, agreed(addrB, sdp.NoSuite, 0, pcmu))
		x.install(start, suite)
		require.True(t, x.flows(start, addrA, A, 1, 7))
		require.True(t, x.flows(start, addrB, B, 1, 9))
		plain := rr(t, 7)
		b, err := x.send[A].ProtectRTCP(roomy(plain))
		require.NoError(t, err)
		require.Len(t, b, len(plain)+4+4)
		require.NotEmpty(t, x.r.Handle(start, netip.AddrPortFrom(addrA.Addr(), 4001), A, RTCP, roomy(b)).Packet)
		out := x.r.Handle(start, netip.AddrPortFrom(addrB.Addr(), 6001), B, RTCP, roomy(rr(t, 9)))
		require.Len(t, out.Packet, len(rr(t, 9))+4+4)
		_, err = x.recv[A].UnprotectRTCP(out.Packet)
		require.NoError(t, err)
		require.NotEqual(t, RTP, out.Ch)
	}
}

func TestZRTPKeysGoWithTheKind(t *testing.T) {
	x := newBench(t, zrtpSide(addrA), agreed(addrB, sdp.NoSuite, 0, pcmu))
	x.install(start, sdp.AESCM128SHA180)
	require.True(t, x.flows(start, addrA, A, 1, 7))
	x.apply(start, A, zrtpSide(natA))
	require.True(t, x.flows(start, natA, A, 2, 7), "a re-INVITE keeps them")
	x.apply(start, A, dtlsSide(addrA, true))
	require.False(t, x.flows(start, addrA, A, 3, 7))
	x.apply(start, A, zrtpSide(addrA))
	require.False(t, x.flows(start, addrA, A, 4, 7), "they do not come back")
	p, err := PrepareZRTP(key(sdp.AESCM128SHA180, 5), key(sdp.AESCM128SHA180, 6))
	require.NoError(t, err)
	x.set(start, A, agreed(addrA, sdp.AESCM128SHA180, 1, pcmu))
	x.r.Install(start, A, p)
	require.True(t, x.flows(start, addrA, A, 5, 7), "keys that come late change nothing on a side with others")
	x.r.Close()
	p, err = PrepareZRTP(key(sdp.AESCM128SHA180, 5), key(sdp.AESCM128SHA180, 6))
	require.NoError(t, err)
	x.r.Install(start, A, p)
	require.False(t, x.flows(start, addrA, A, 6, 7))
}

func TestZRTPFails(t *testing.T) {
	x := newBench(t, zrtpSide(addrA), agreed(addrB, sdp.NoSuite, 0, pcmu))
	x.install(start, sdp.AESCM128SHA180)
	x.r.Fail(A, RTP, srtp.ErrAuth, true)
	require.True(t, x.flows(start, addrA, A, 1, 7))
	x.r.Fail(A, RTP, srtp.ErrAuth, false)
	require.False(t, x.flows(start, addrA, A, 2, 7))
	require.Len(t, x.events, 3, "latched, and two failures")
}

// A side without encryption: in clear until the peer has keys, never again after.
func TestZRTPOnAPlainSide(t *testing.T) {
	plain := agreed(addrA, sdp.NoSuite, 0, pcmu)
	plain.MayZRTP = true
	x := newBench(t, plain, agreed(addrB, sdp.NoSuite, 0, pcmu))
	require.True(t, x.flows(start, addrA, A, 1, 7))
	require.True(t, x.flows(start, addrB, B, 1, 9))
	x.install(start, sdp.AEADAES128GCM)
	require.True(t, x.flows(start, addrA, A, 2, 7))
	require.True(t, x.flows(start, addrB, B, 2, 9))
	x.apply(start, A, plain)
	require.True(t, x.flows(start, addrA, A, 3, 7))
	require.True(t, x.flows(start, addrB, B, 3, 9))
	_, _, ok := x.deliver(start, addrA, A, packet(0, 4, 7))
	require.False(t, ok)
	x.apply(start, A, zrtpSide(addrA)) // a re-INVITE with a=zrtp-hash
	require.True(t, x.flows(start, addrA, A, 5, 7))
	x.set(start, A, agreed(addrA, sdp.NoSuite, 0, pcmu))
	require.True(t, x.flows(start, addrA, A, 6, 7), "the caller wants it plain")

	never := newBench(t, agreed(addrA, sdp.NoSuite, 0, pcmu), agreed(addrB, sdp.NoSuite, 0, pcmu))
	p, err := PrepareZRTP(key(sdp.AEADAES128GCM, 1), key(sdp.AEADAES128GCM, 2))
	require.NoError(t, err)
	never.r.Install(start, A, p)
	require.True(t, never.flows(start, addrA, A, 1, 7))
}

// The line to a side has the SSRC of its exchange, unless the peer uses it, or the line runs already.
func TestZRTPClaim(t *testing.T) {
	x := newBench(t, zrtpSide(addrA), agreed(addrB, sdp.NoSuite, 0, pcmu))
	require.EqualValues(t, 99, x.r.Claim(A, 99))
	require.EqualValues(t, 99, x.r.Claim(A, 98))
	x.install(start, sdp.AEADAES128GCM)
	h, _, ok := x.talk(start, addrB, B, 0, 1, 9)
	require.True(t, ok)
	require.EqualValues(t, 99, h.SSRC)
	require.EqualValues(t, 99, x.r.Claim(A, 97))
	h, _, ok = x.talk(start, addrA, A, 0, 1, 7)
	require.True(t, ok)
	require.EqualValues(t, 7, h.SSRC, "the other side knows nothing of it")
	require.EqualValues(t, 7, x.r.Claim(B, 97))

	x = newBench(t, zrtpSide(addrA), agreed(addrB, sdp.NoSuite, 0, pcmu))
	x.r.Claim(A, 7)
	x.install(start, sdp.AEADAES128GCM)
	require.True(t, x.flows(start, addrA, A, 1, 7))
	h, _, ok = x.talk(start, addrB, B, 0, 1, 9)
	require.True(t, ok)
	require.NotEqualValues(t, 7, h.SSRC, "the peer has chosen it for itself")
}

// What the phones agree on with each other goes through unchanged, and is latched as plain RTP is.
func TestZRTPThrough(t *testing.T) {
	x := newBench(t, throughSide(addrA), throughSide(addrB))
	hello := []byte{0x10, 0, 0, 1, 'Z', 'R', 'T', 'P', 0, 0, 0, 7}
	out := x.r.Handle(start, natA, A, RTP, roomy(hello))
	require.Equal(t, Output{Packet: hello, To: addrB, Side: B, Ch: RTP}, out)
	out = x.r.Handle(start, addrB, B, RTP, roomy(hello))
	require.Equal(t, natA, out.To, "where the phone was heard")

	in := packet(0, 40000, 7)
	out = x.r.Handle(start, natA, A, RTP, roomy(in))
	require.Equal(t, Output{Packet: in, To: addrB, Side: B, Ch: RTP}, out)
	require.Equal(t, natA, x.r.Stats(A).Remote)
	require.Empty(t, x.r.Handle(start, evil, A, RTP, roomy(packet(0, 40001, 7))).Packet)
	require.Empty(t, x.r.Handle(start, evil, A, RTP, roomy(hello)).Packet)
	require.Empty(t, x.r.Handle(start, natA, A, RTP, roomy(packet(77, 40001, 7))).Packet)
	require.Empty(t, x.r.Handle(start, natA, A, RTP, []byte{0x80}).Packet)
	require.EqualValues(t, 2, x.r.Stats(A).Strangers)
	require.EqualValues(t, 1, x.r.Stats(A).Unmapped)

	report := append(rr(t, 7), 1, 2, 3, 4) // encrypted: nobody reads it here
	from := netip.AddrPortFrom(natA.Addr(), 4001)
	out = x.r.Handle(start, from, A, RTCP, roomy(report))
	require.Equal(t, Output{Packet: report, To: netip.AddrPortFrom(addrB.Addr(), addrB.Port()+1), Side: B, Ch: RTCP}, out)
	require.Empty(t, x.r.Handle(start, evil, A, RTCP, roomy(report)).Packet)
	require.Empty(t, x.r.Handle(start, from, A, RTCP, packet(0, 1, 7)).Packet)
	s := x.r.Stats(A)
	require.EqualValues(t, []uint64{1, 1}, []uint64{s.Packets, s.RTCP})
	require.EqualValues(t, 1, x.r.Stats(B).Sent)
	require.EqualValues(t, 1, x.r.Stats(B).SentRTCP)

	p, err := PrepareZRTP(key(sdp.AEADAES128GCM, 1), key(sdp.AEADAES128GCM, 2))
	require.NoError(t, err)
	x.r.Install(start, A, p)
	require.NotEmpty(t, x.r.Handle(start, natA, A, RTP, roomy(packet(0, 40002, 7))).Packet, "our own keys have no place")

	held := throughSide(addrB)
	held.Direction = sdp.Inactive
	x.apply(start, B, held)
	require.Empty(t, x.r.Handle(start, natA, A, RTP, roomy(packet(0, 40003, 7))).Packet)
	require.EqualValues(t, 1, x.r.Stats(A).Held)
	x.apply(start, B, zrtpSide(addrB))
	require.Empty(t, x.r.Handle(start, natA, A, RTP, roomy(packet(0, 40004, 7))).Packet, "only if both are")
	require.Empty(t, x.r.Handle(start, natA, A, RTP, roomy(hello)).Packet)
	require.Empty(t, x.r.Handle(start, from, A, RTCP, roomy(report)).Packet)
}

// A stranger's packet before all media does not keep what is for a phone that is where it said.
func TestZRTPThroughStranger(t *testing.T) {
	x := newBench(t, throughSide(addrA), throughSide(addrB))
	hello := []byte{0x10, 0, 0, 1, 'Z', 'R', 'T', 'P', 0, 0, 0, 7}
	for _, phone := range []netip.AddrPort{addrA, natA} {
		x.r.Handle(start, phone, A, RTP, roomy(hello))
		x.r.Handle(start, evil, A, RTP, roomy(hello))
		x.r.Handle(start, phone, A, RTP, roomy(hello))
		require.Equal(t, phone, x.r.Handle(start, addrB, B, RTP, roomy(hello)).To)
	}
}

// With rtcp-mux on one leg only, the control changes its port.
func TestZRTPThroughWithMux(t *testing.T) {
	a := throughSide(addrA)
	a.Mux, a.RemoteRTCP = true, a.Remote
	x := newBench(t, a, throughSide(addrB))
	out := x.r.Handle(start, addrA, A, RTP, roomy(rr(t, 7)))
	require.Equal(t, RTCP, out.Ch)
	out = x.r.Handle(start, netip.AddrPortFrom(addrB.Addr(), addrB.Port()+1), B, RTCP, roomy(rr(t, 9)))
	require.Equal(t, RTP, out.Ch)
	require.Equal(t, addrA, out.To)
}

func TestZRTPTarget(t *testing.T) {
	x := newBench(t, zrtpSide(addrA), agreed(addrB, sdp.NoSuite, 0, pcmu))
	require.Equal(t, addrA, x.r.Target(A))
	require.True(t, x.r.Expects(A, addrA))
	require.False(t, x.r.Expects(A, evil))
	x.r.Prove(A, RTP, natA)
	require.Equal(t, natA, x.r.Target(A))
	off := zrtpSide(addrA)
	off.Enabled = false
	x.apply(start, A, off)
	require.False(t, x.r.Target(A).IsValid())
	hold := zrtpSide(netip.AddrPortFrom(netip.IPv4Unspecified(), 9))
	x.apply(start, A, hold)
	require.False(t, x.r.Target(A).IsValid())
	x.r.Close()
	require.False(t, x.r.Target(B).IsValid())
}

func TestZRTPDoesNotAllocate(t *testing.T) {
	for name, x := range map[string]*bench{
		"terminated": newBench(t, zrtpSide(addrA), agreed(addrB, sdp.NoSuite, 0, pcmu)),
		"through":    newBench(t, throughSide(addrA), throughSide(addrB)),
	} {
		t.Run(name, func(t *testing.T) {
			if name == "terminated" {
				x.install(start, sdp.AEADAES128GCM)
			}
			control := netip.AddrPortFrom(addrA.Addr(), addrA.Port()+1)
			var media, reports, back [][]byte
			for i := range 200 {
				media = append(media, roomy(x.wire(A, 0, uint16(i), 7)))
				back = append(back, roomy(packet(0, uint16(i), 9)))
				b := roomy(rr(t, 7))
				if x.send[A] != nil {
					var err error
					b, err = x.send[A].ProtectRTCP(b)
					require.NoError(t, err)
				}
				reports = append(reports, roomy(b))
			}
			i := 0
			round := func() {
				for _, out := range [...]Output{
					x.r.Handle(start, addrA, A, RTP, media[i]), x.r.Handle(start, addrB, B, RTP, back[i]), x.r.Handle(start, control, A, RTCP, reports[i]),
				} {
					if len(out.Packet) == 0 {
						t.Errorf("round %d: dropped", i)
					}
				}
				x.r.Heard(A)
				i++
			}
			round()
			require.Zero(t, testing.AllocsPerRun(150, round))
			hello := []byte{0x10, 0, 0, 1, 'Z', 'R', 'T', 'P', 0, 0, 0, 7}
			require.Equal(t, rtp.ClassZRTP, rtp.Classify(hello))
			require.Zero(t, testing.AllocsPerRun(100, func() { x.r.Handle(start, addrA, A, RTP, hello) }))
		})
	}
}

// What goes through is what came, to the other phone and nowhere else; from a stranger nothing does once the phone is heard.
func FuzzThrough(f *testing.F) {
	f.Add(uint8(0), packet(0, 1, 7))
	f.Add(uint8(1), rr(f, 7))
	f.Add(uint8(2), []byte{0x10, 0, 0, 1, 'Z', 'R', 'T', 'P', 0, 0, 0, 7})
	f.Add(uint8(4), []byte{0x80})
	f.Fuzz(func(t *testing.T, mode uint8, b []byte) {
		if len(b) > 2048 {
			return
		}
		a := throughSide(addrA)
		if a.Mux = mode&4 != 0; a.Mux {
			a.RemoteRTCP = a.Remote
		}
		x := newBench(t, a, throughSide(addrB))
		on, ch := Side(mode&1), Channel(mode>>1&1)
		known := [...]netip.AddrPort{addrA, addrB}[on]
		x.r.Handle(start, known, on, RTP, roomy(packet(0, 1, 7)))
		for _, from := range [...]netip.AddrPort{known, evil} {
			out := x.r.Handle(start, from, on, ch, roomy(b))
			if len(out.Packet) == 0 {
				continue
			}
			if !bytes.Equal(out.Packet, b) || out.Side != on.Other() || from == evil {
				t.Fatalf("from %s came %x, and went to %s as %x", from, b, out.Side, out.Packet)
			}
		}
	})
}
