package relay

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"net/netip"
	"testing"
	"time"

	"github.com/pion/rtcp"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"b2bua/media/dtmf"
	"b2bua/media/rtp"
	"b2bua/media/sdp"
	"b2bua/media/srtp"
)

var (
	vp8    = sdp.Codec{PT: 98, Name: "VP8", Rate: 90000}
	addrB2 = netip.MustParseAddrPort("198.51.100.2:6002")
)

const midNumber = 4

// bundled are an audio and a video stream on one transport of leg A, with transports of their own on leg B.
type bundled struct {
	t      testing.TB
	r      [2]*Relay // audio, video
	g      *Bundle
	events []Event
	sent   []Output        // at once
	send   *srtp.Sender    // of the peer on leg A
	recv   *srtp.Receiver  // likewise
	far    [2]*srtp.Sender // of the peers on leg B
}

func newBundled(t testing.TB, a, b sdp.Suite) *bundled {
	x := &bundled{t: t}
	shared := agreed(addrA, a, 1, pcmu)
	shared.Mux = true
	video := shared
	video.SendKey, video.RecvKey, video.Codecs = sdp.Crypto{}, sdp.Crypto{}, []sdp.Codec{vp8}
	far := [2]sdp.Agreed{agreed(addrB, b, 11, pcmu), agreed(addrB2, b, 21, vp8)}
	for i := range x.r {
		x.r[i] = New(Config{Kind: sdp.Kind(i), NoMedia: 30 * time.Second, PerTick: 100, Notify: func(e Event) { x.events = append(x.events, e) }})
		p, err := Prepare(far[i])
		require.NoError(t, err)
		x.r[i].Apply(start, B, p)
		if b != sdp.NoSuite {
			x.far[i], err = srtp.NewSender(far[i].RecvKey)
			require.NoError(t, err)
		}
	}
	x.g = NewBundle(A, x.r[0], Member{MID: "a", Extension: midNumber}, func(_ int, out Output) {
		out.Packet = bytes.Clone(out.Packet)
		x.sent = append(x.sent, out)
	})
	require.True(t, x.g.Add(x.r[1], Member{MID: "v", Extension: midNumber, Sources: []uint32{0x77}}))
	for i, leg := range []sdp.Agreed{shared, video} {
		p, err := Prepare(leg)
		require.NoError(t, err)
		x.r[i].Apply(start, A, p)
	}
	if a != sdp.NoSuite {
		var err error
		x.send, err = srtp.NewSender(shared.RecvKey)
		require.NoError(t, err)
		x.recv, err = srtp.NewReceiver(shared.SendKey)
		require.NoError(t, err)
	}
	return x
}

// come is a packet of leg A's peer; mid "": without.
func (x *bundled) come(from netip.AddrPort, pt uint8, seq uint16, ssrc uint32, mid string) (stream int, out Output) {
	x.t.Helper()
	b := packet(pt, seq, ssrc)
	if mid != "" {
		b = rtp.SetExtension(b, midNumber, []byte(mid))
	}
	if x.send != nil {
		var err error
		b, err = x.send.Protect(b)
		require.NoError(x.t, err)
	}
	return x.g.Handle(start, from, RTP, roomy(b))
}

// leave sends a packet of a peer on leg B and gives what leg A's gets, in clear.
func (x *bundled) leave(stream int, seq uint16, ssrc uint32) (rtp.Header, string) {
	x.t.Helper()
	pt, from := uint8(0), addrB
	if stream == 1 {
		pt, from = 98, addrB2
	}
	b := packet(pt, seq, ssrc)
	if x.far[stream] != nil {
		var err error
		b, err = x.far[stream].Protect(b)
		require.NoError(x.t, err)
	}
	out := x.r[stream].Handle(start, from, B, RTP, roomy(b))
	require.NotEmpty(x.t, out.Packet)
	require.Equal(x.t, A, out.Side)
	require.Equal(x.t, addrA, out.To)
	b = bytes.Clone(out.Packet)
	if x.recv != nil {
		var err error
		b, err = x.recv.Unprotect(b)
		require.NoError(x.t, err)
	}
	h, err := rtp.Parse(b)
	require.NoError(x.t, err)
	require.Equal(x.t, packet(0, 0, 0)[12:], b[h.Size:])
	return h, string(rtp.Extension(b, midNumber))
}

func TestBundleTellsStreamsApart(t *testing.T) {
	for _, suite := range []sdp.Suite{sdp.NoSuite, sdp.AESCM128SHA180, sdp.AEADAES256GCM} {
		t.Run(fmt.Sprint(suite), func(t *testing.T) {
			x, seq := newBundled(t, suite, suite), uint16(0)
			for name, c := range map[string]struct {
				pt     uint8
				ssrc   uint32
				mid    string
				stream int
				to     netip.AddrPort
			}{
				"payload type":        {0, 1, "", 0, addrB},
				"the other":           {98, 2, "", 1, addrB2},
				"announced":           {98, 0x77, "", 1, addrB2},
				"a=mid":               {0, 3, "a", 0, addrB},
				"a=mid of the other":  {98, 4, "v", 1, addrB2},
				"a=mid of nobody":     {0, 5, "x", 0, netip.AddrPort{}},
				"type of nobody":      {55, 6, "", 0, netip.AddrPort{}},
				"type of the other":   {98, 7, "a", 0, netip.AddrPort{}},
				"announced, but else": {0, 0x77, "", 1, netip.AddrPort{}},
			} {
				seq++
				stream, out := x.come(addrA, c.pt, seq, c.ssrc, c.mid)
				assert.Equal(t, c.stream, stream, name)
				assert.Equal(t, c.to, out.To, name)
				assert.Equal(t, c.to.IsValid(), len(out.Packet) > 0, name)
			}
		})
	}
}

// An SSRC stays with the stream that a=mid gave it to, until a newer packet names another; an older one does not.
func TestBundleRemembersWhoIsWho(t *testing.T) {
	x := newBundled(t, sdp.AESCM128SHA180, sdp.NoSuite)
	same := sdp.Codec{PT: 98, Name: "VP8", Rate: 90000}
	a := agreed(addrA, sdp.AESCM128SHA180, 1, pcmu, same) // a type that both have tells nothing
	a.Mux = true
	p, err := Prepare(a)
	require.NoError(t, err)
	x.r[0].Apply(start, A, p)
	_, out := x.come(addrA, 98, 1, 9, "")
	assert.Empty(t, out.Packet, "of both")
	stream, _ := x.come(addrA, 98, 10, 9, "v")
	assert.Equal(t, 1, stream)
	stream, _ = x.come(addrA, 98, 11, 9, "")
	assert.Equal(t, 1, stream)
	stream, _ = x.come(addrA, 98, 9, 9, "a")
	assert.Equal(t, 1, stream, "an old packet")
	stream, _ = x.come(addrA, 98, 20, 9, "a")
	assert.Equal(t, 0, stream)
	_, out = x.come(addrA, 98, 21, 9, "gone")
	assert.Empty(t, out.Packet)
	_, out = x.come(addrA, 98, 22, 9, "")
	assert.Empty(t, out.Packet, "it belongs to a stream that is not here")
}

// What is not authentic teaches nothing, nor what comes from a stranger.
func TestBundleLearnsFromThePeerAlone(t *testing.T) {
	x := newBundled(t, sdp.AESCM128SHA180, sdp.NoSuite)
	for i := range 200 {
		x.g.Handle(start, evil, RTP, packet(0, uint16(i), uint32(1000+i)))
	}
	assert.Equal(t, 1, x.g.known, "the announced one")
	x = newBundled(t, sdp.NoSuite, sdp.NoSuite)
	x.come(addrA, 98, 1, 9, "")
	for i := range 50 {
		x.come(evil, 0, uint16(i), 9, "gone")
		x.come(evil, 0, uint16(i), uint32(i), "a")
	}
	stream, out := x.come(addrA, 98, 2, 9, "")
	assert.Equal(t, 1, stream)
	assert.NotEmpty(t, out.Packet)
}

// More SSRCs than there is room for: the newest and the announced ones are known.
func TestBundleIsBounded(t *testing.T) {
	x := newBundled(t, sdp.NoSuite, sdp.NoSuite)
	x.r[0].cfg.PerTick = 0
	for i := range 300 {
		x.come(addrA, 0, 1, uint32(1000+i), "a")
	}
	assert.Equal(t, maxSources, x.g.known)
	assert.Equal(t, 1, x.g.Source(0x77))
	assert.Equal(t, 0, x.g.Source(1299))
	assert.Equal(t, -1, x.g.Source(1000))
}

// Two peers with one SSRC: the bundle gives them different ones, and each packet says whose it is until the peer reports.
func TestBundleSendsDistinctStreams(t *testing.T) {
	x := newBundled(t, sdp.AESCM128SHA180, sdp.AESCM128SHA180)
	audio, mid := x.leave(0, 5, 42)
	assert.Equal(t, uint32(42), audio.SSRC)
	assert.Equal(t, "a", mid)
	video, mid := x.leave(1, 5, 42)
	assert.NotEqual(t, uint32(42), video.SSRC)
	assert.Equal(t, "v", mid)
	digit := x.g.free(42)
	assert.NotEqual(t, uint32(42), digit)

	x.report(&rtcp.ReceiverReport{SSRC: 9, Reports: []rtcp.ReceptionReport{{SSRC: video.SSRC}}})
	again, mid := x.leave(1, 6, 42)
	assert.Equal(t, video.SSRC, again.SSRC)
	assert.Empty(t, mid, "the peer knows the stream")
	_, mid = x.leave(0, 6, 42)
	assert.Equal(t, "a", mid)
	assert.Empty(t, x.r[1].sides[A].own.keys[0].send)
}

// report is RTCP of leg A's peer.
func (x *bundled) report(p ...rtcp.Packet) (int, Output) {
	b, err := rtcp.Marshal(p)
	require.NoError(x.t, err)
	b = roomy(b)
	if x.send != nil {
		b, err = x.send.ProtectRTCP(b)
		require.NoError(x.t, err)
	}
	return x.g.Handle(start, addrA, RTP, roomy(b))
}

// Streams that began before they came together with one SSRC: the one that is added begins anew with another.
func TestBundleOfRunningStreams(t *testing.T) {
	x := newBundled(t, sdp.AESCM128SHA180, sdp.NoSuite)
	x.g.Remove(x.r[1])
	p, err := Prepare(agreed(addrA, sdp.NoSuite, 0, vp8))
	require.NoError(t, err)
	x.r[1].Apply(start, A, p)
	out := x.r[1].Handle(start, addrB2, B, RTP, packet(98, 1, 42))
	require.NotEmpty(t, out.Packet)
	first, _ := x.leave(0, 1, 42)
	x.g.Add(x.r[1], Member{MID: "v"})
	x.r[1].Apply(start, A, p)
	second, _ := x.leave(1, 2, 42)
	assert.Equal(t, uint32(42), first.SSRC)
	assert.NotEqual(t, uint32(42), second.SSRC)
}

func TestBundleSortsReports(t *testing.T) {
	x := newBundled(t, sdp.AESCM128SHA180, sdp.NoSuite)
	audio, _ := x.leave(0, 1, 42)
	video, _ := x.leave(1, 1, 43)
	x.come(addrA, 0, 1, 1, "")
	x.come(addrA, 98, 1, 2, "")
	stream, out := x.report(&rtcp.SenderReport{SSRC: 2, Reports: []rtcp.ReceptionReport{{SSRC: video.SSRC, Jitter: 900}}})
	assert.Equal(t, 1, stream)
	assert.NotEmpty(t, out.Packet)
	assert.Empty(t, x.sent)

	_, out = x.report(
		&rtcp.SenderReport{SSRC: 1, Reports: []rtcp.ReceptionReport{{SSRC: audio.SSRC, TotalLost: 3}, {SSRC: video.SSRC, TotalLost: 7}}},
		&rtcp.SenderReport{SSRC: 2})
	assert.Empty(t, out.Packet)
	require.Len(t, x.sent, 2)
	assert.Equal(t, netip.AddrPortFrom(addrB.Addr(), addrB.Port()+1), x.sent[0].To)
	assert.Equal(t, netip.AddrPortFrom(addrB2.Addr(), addrB2.Port()+1), x.sent[1].To)
	assert.Equal(t, int64(3), x.r[0].Stats(A).FarLost)
	assert.Equal(t, int64(7), x.r[1].Stats(A).FarLost)
	packets, err := rtcp.Unmarshal(x.sent[0].Packet)
	require.NoError(t, err)
	require.Len(t, packets, 1)
	assert.Len(t, packets[0].(*rtcp.SenderReport).Reports, 1)
	packets, err = rtcp.Unmarshal(x.sent[1].Packet)
	require.NoError(t, err)
	require.Len(t, packets, 2)

	stream, _ = x.report(&rtcp.ReceiverReport{SSRC: 99})
	assert.Equal(t, 0, stream, "nobody knows whose it is")
	x.report(&rtcp.ReceiverReport{SSRC: 99}, &rtcp.SourceDescription{Chunks: []rtcp.SourceDescriptionChunk{
		{Source: 500, Items: []rtcp.SourceDescriptionItem{{Type: rtcp.SDESCNAME, Text: "x"}, {Type: 15, Text: "v"}}},
	}})
	assert.Equal(t, 1, x.g.Source(500))
}

// The first stream goes: the other has the transport with its keys, indices and address.
func TestBundleLead(t *testing.T) {
	x := newBundled(t, sdp.AESCM128SHA180, sdp.AESCM128SHA180)
	x.come(natA, 98, 1, 2, "")
	x.come(natA, 0, 1, 1, "")
	x.g.Lead(x.r[1])
	x.g.Remove(x.r[0])
	assert.Equal(t, 0, x.g.Source(2))
	assert.Equal(t, -1, x.g.Source(1))
	assert.False(t, x.r[1].sides[A].rides())
	assert.False(t, x.r[0].sides[A].rides())
	assert.Nil(t, x.r[0].sides[A].keys[RTP].send)
	x.r[0].Close()
	stream, out := x.come(natA, 98, 2, 2, "")
	assert.Equal(t, 0, stream)
	assert.NotEmpty(t, out.Packet)
	out = x.r[1].Handle(start, addrB2, B, RTP, roomy(x.protectFar(1, 7)))
	assert.Equal(t, natA, out.To, "where the peer is")
	assert.Equal(t, int32(0), x.r[1].sides[A].more)
	replay := packet(98, 2, 2)
	fresh, err := srtp.NewSender(key(sdp.AESCM128SHA180, 2))
	require.NoError(t, err)
	replay, err = fresh.Protect(replay)
	require.NoError(t, err)
	_, out = x.g.Handle(start, natA, RTP, roomy(replay))
	assert.Empty(t, out.Packet)
	assert.Equal(t, uint64(1), x.r[1].Stats(A).Replayed)
}

func (x *bundled) protectFar(stream int, seq uint16) []byte {
	b, err := x.far[stream].Protect(packet(98, seq, 42))
	require.NoError(x.t, err)
	return b
}

// Both streams send under one key: the same SSRC and number twice is refused, however it came about.
func TestBundleNeverUsesAKeystreamTwice(t *testing.T) {
	x := newBundled(t, sdp.AESCM128SHA180, sdp.NoSuite)
	for i, pt := range []uint8{0, 98} { // lines that collide against all care
		l := &x.r[i].sides[B].flow.Media
		l.Begin(rtp.Header{SSRC: 42, Seq: 5, PT: pt}, 42, 5)
	}
	one := x.r[0].Handle(start, addrB, B, RTP, packet(0, 5, 42))
	other := x.r[1].Handle(start, addrB2, B, RTP, packet(98, 5, 42))
	assert.NotEmpty(t, one.Packet)
	assert.Empty(t, other.Packet)
	assert.Equal(t, uint64(1), x.r[1].Stats(B).Late)
}

// A flood on the transport is bounded by what all streams of it may have, and each has its silence supervised for itself.
func TestBundleIsSupervised(t *testing.T) {
	x := newBundled(t, sdp.NoSuite, sdp.NoSuite)
	for i := range 500 {
		x.come(addrA, 98, uint16(i), 2, "")
	}
	assert.Equal(t, uint64(200), x.r[1].Stats(A).Packets)
	assert.Equal(t, uint64(300), x.r[0].Stats(A).Flooded)
	assert.Equal(t, addrA, x.r[1].Stats(A).Remote)
	later := start.Add(31 * time.Second)
	x.events = nil
	for _, r := range x.r {
		r.Tick(later)
	}
	var silent int
	for _, e := range x.events {
		if e.Kind == NoMedia && e.Side == A {
			silent++
		}
	}
	assert.Equal(t, 2, silent)
	_, ok := x.r[1].Settled(start, A)
	assert.False(t, ok)
}

func TestBundleAllocatesNothing(t *testing.T) {
	for _, suite := range []sdp.Suite{sdp.NoSuite, sdp.AESCM128SHA180, sdp.AEADAES128GCM} {
		x := newBundled(t, suite, suite)
		for _, r := range x.r {
			r.cfg.PerTick, r.cfg.Notify = 0, nil
		}
		x.leave(0, 1, 42)
		x.leave(1, 1, 43)
		x.come(addrA, 0, 1, 1, "a")
		x.come(addrA, 98, 1, 2, "v")
		const n = 120
		var in [2][n][]byte
		var control [n][]byte
		for i := range n {
			in[0][i], in[1][i] = packet(0, uint16(i+2), 1), rtp.SetExtension(packet(98, uint16(i+2), 2), midNumber, []byte("v"))
			b, err := rtcp.Marshal([]rtcp.Packet{
				&rtcp.SenderReport{SSRC: 1, Reports: []rtcp.ReceptionReport{{SSRC: 42}, {SSRC: 43}}},
				&rtcp.SourceDescription{Chunks: []rtcp.SourceDescriptionChunk{{Source: 2, Items: []rtcp.SourceDescriptionItem{{Type: 1, Text: "x"}}}}},
			})
			require.NoError(t, err)
			control[i] = roomy(b)
			if x.send != nil {
				for k := range in {
					in[k][i], err = x.send.Protect(in[k][i])
					require.NoError(t, err)
					in[k][i] = roomy(in[k][i])
				}
				control[i], err = x.send.ProtectRTCP(control[i])
				require.NoError(t, err)
				control[i] = roomy(control[i])
			}
		}
		x.g.send = func(int, Output) {}
		i := 0
		require.Zero(t, testing.AllocsPerRun(n-10, func() {
			for k := range in {
				if _, out := x.g.Handle(start, addrA, RTP, in[k][i]); len(out.Packet) == 0 {
					t.Error("dropped")
				}
			}
			x.g.Handle(start, addrA, RTP, control[i])
			i++
		}), suite)
	}
}

// Whatever comes to a shared transport: nothing panics, the tables stay within their bounds, each packet goes to a stream that has its
// payload type.
// What the peer of one leg says about streams by header extensions is not for the other leg's.
func TestExtensionsStayOnTheirLeg(t *testing.T) {
	for _, far := range []sdp.Suite{sdp.NoSuite, sdp.AESCM128SHA180, sdp.AEADAES128GCM} {
		x := newBundled(t, sdp.AESCM128SHA180, far)
		_, out := x.come(addrA, 98, 1, 8, "v")
		b := bytes.Clone(out.Packet)
		if far != sdp.NoSuite {
			r, err := srtp.NewReceiver(key(far, 21))
			require.NoError(t, err)
			b, err = r.Unprotect(b)
			require.NoError(t, err)
		}
		h, err := rtp.Parse(b)
		require.NoError(t, err)
		require.Equal(t, rtp.HeaderSize, h.Size)
		require.Equal(t, packet(0, 0, 0)[12:], b[h.Size:])
	}
}

// A digit that comes before any media is what tells the peer which stream it is.
func TestPlayedDigitsSayWhoseTheyAre(t *testing.T) {
	x := newBundled(t, sdp.AESCM128SHA180, sdp.NoSuite)
	leg := agreed(addrA, sdp.AESCM128SHA180, 1, pcmu, eventsA)
	leg.Mux = true
	p, err := Prepare(leg)
	require.NoError(t, err)
	x.r[0].Apply(start, A, p)
	require.True(t, x.r[0].Play(start, A, 5, Seed{SSRC: 5, Seq: 6, Timestamp: 7}))
	out := x.r[0].NextTone(start, A)
	require.NotEmpty(t, out.Packet)
	b, err := x.recv.Unprotect(bytes.Clone(out.Packet))
	require.NoError(t, err)
	h, err := rtp.Parse(b)
	require.NoError(t, err)
	require.Equal(t, "a", string(rtp.Extension(b, midNumber)))
	require.Len(t, b[h.Size:], dtmf.PayloadSize)
}

// A browser finds a stream by the a=mid that was agreed, also one that is alone; once it reports on it, it has it.
func TestOneAloneSaysWhichItIs(t *testing.T) {
	near := agreed(addrA, sdp.NoSuite, 0, pcmu)
	near.Group = &sdp.Group{MID: "0", Extension: midNumber}
	x := newBench(t, near, agreed(addrB, sdp.NoSuite, 0, pcmu))
	mid := func(seq uint16) string {
		out := x.r.Handle(start, addrB, B, RTP, roomy(packet(0, seq, 7)))
		require.NotEmpty(t, out.Packet)
		return string(rtp.Extension(out.Packet, midNumber))
	}
	require.Equal(t, "0", mid(1))
	near.Group = nil
	x.apply(start, A, near)
	require.Empty(t, mid(2), "it is not agreed any more")
	near.Group = &sdp.Group{MID: "0"}
	x.apply(start, A, near)
	require.Empty(t, mid(3), "there is no number for it")
	near.Group.Extension = midNumber
	x.apply(start, A, near)
	require.Equal(t, "0", mid(4))
	ssrc, _ := x.r.sides[B].flow.Media.SSRC()
	report := make([]byte, 32) // a receiver report with one block (RFC 3550 section 6.4.2)
	report[0], report[1], report[3] = 0x81, 201, 7
	binary.BigEndian.PutUint32(report[8:], ssrc)
	x.r.Handle(start, addrA, A, RTCP, roomy(report))
	require.Empty(t, mid(5), "the peer has it")
}

// A source that says goodbye leaves its place, but for one that the description names.
func TestGoodbyeFreesAPlace(t *testing.T) {
	x := newBundled(t, sdp.AESCM128SHA180, sdp.NoSuite)
	for ssrc := range uint32(10) {
		x.come(addrA, 98, 1, 100+ssrc, "v")
	}
	require.Equal(t, 11, x.g.known)
	x.report(&rtcp.ReceiverReport{SSRC: 104}, rtcp.NewCNAMESourceDescription(104, "phone"), &rtcp.Goodbye{Sources: []uint32{104, 107, 0x77, 9999}})
	require.Equal(t, 9, x.g.known)
	require.Equal(t, -1, x.g.Source(104))
	require.Equal(t, -1, x.g.Source(107))
	require.Equal(t, 1, x.g.Source(0x77))
	require.Equal(t, 1, x.g.Source(109))
	stream, _ := x.come(addrA, 98, 2, 104, "v")
	require.Equal(t, 1, stream)
	require.Equal(t, 10, x.g.known)
}

func FuzzBundle(f *testing.F) {
	f.Add(packet(0, 1, 1), rtp.SetExtension(packet(98, 1, 2), midNumber, []byte("v")), false)
	report, err := rtcp.Marshal([]rtcp.Packet{&rtcp.SenderReport{SSRC: 2, Reports: []rtcp.ReceptionReport{{SSRC: 42}, {SSRC: 43}}}, rtcp.NewCNAMESourceDescription(1, "x")})
	require.NoError(f, err)
	f.Add(report, packet(98, 2, 2), true)
	f.Fuzz(func(t *testing.T, one, two []byte, swap bool) {
		x := newBundled(t, sdp.NoSuite, sdp.NoSuite)
		x.leave(0, 1, 42)
		x.leave(1, 1, 43)
		for i, b := range [][]byte{one, two, one} {
			pt := -1
			if h, err := rtp.Parse(b); err == nil {
				pt = int(h.PT)
			}
			stream, out := x.g.Handle(start, addrA, RTP, roomy(b))
			if stream < 0 || stream >= len(x.g.members) || x.g.known > maxSources || x.g.oldest >= maxSources {
				t.Fatalf("stream %d, %d known", stream, x.g.known)
			}
			if len(out.Packet) > 0 && !rtp.IsRTCP(out.Packet) && x.g.members[stream].relay.sides[A].codecs[pt] == 0 {
				t.Fatalf("%x went to stream %d", b, stream)
			}
			if i == 0 && swap {
				x.g.Lead(x.r[1])
				x.g.Remove(x.r[0])
			}
		}
		for _, o := range x.g.sources[:x.g.known] {
			if int(o.stream) >= len(x.g.members) {
				t.Fatalf("%+v", o)
			}
		}
	})
}

// A stream that ends and comes back has a line of its own, although its phone names the same SSRC: the transport still has the key, and the
// numbers of the line before are behind it. Any number of them find room.
func TestBundleOfStreamsThatComeBack(t *testing.T) {
	x := newBundled(t, sdp.AESCM128SHA180, sdp.NoSuite)
	seen := map[uint32]bool{}
	for round := range 40 {
		h, _ := x.leave(1, uint16(0x7000-round*0x100), 42)
		require.False(t, seen[h.SSRC], "round %d", round)
		seen[h.SSRC] = true
		again, _ := x.leave(1, uint16(0x7001-round*0x100), 42)
		require.Equal(t, h.SSRC, again.SSRC)

		x.g.Remove(x.r[1])
		x.r[1] = New(Config{Kind: sdp.Video, PerTick: 100, Notify: func(Event) {}})
		far, err := Prepare(agreed(addrB2, sdp.NoSuite, 21, vp8))
		require.NoError(t, err)
		x.r[1].Apply(start, B, far)
		require.True(t, x.g.Add(x.r[1], Member{MID: "v", Extension: midNumber}))
		rides := agreed(addrA, sdp.NoSuite, 1, vp8)
		rides.Encryption = sdp.SDES
		near, err := Prepare(rides)
		require.NoError(t, err)
		x.r[1].Apply(start, A, near)
	}
}

// placed has leg A's peer report on a stream, as one does that knows which it is.
func (x *bundled) placed(stream int, seq uint16) {
	x.t.Helper()
	h, mid := x.leave(stream, seq, 42)
	require.NotEmpty(x.t, mid)
	x.report(&rtcp.ReceiverReport{SSRC: 9, Reports: []rtcp.ReceptionReport{{SSRC: h.SSRC}}})
	_, mid = x.leave(stream, seq+1, 42)
	require.Empty(x.t, mid, "the peer has it")
}

// What one peer of a leg knows, the next does not: another browser of a fork, or a connection that was made anew.
func TestAnotherPeerIsToldAgain(t *testing.T) {
	for name, another := range map[string]func(x *bundled){
		"by ICE":     func(x *bundled) { x.r[0].Restarted(A, true) },
		"another id": func(x *bundled) { x.g.Describe(x.r[1], Member{MID: "w", Extension: midNumber}) },
		"another number": func(x *bundled) {
			x.g.Describe(x.r[1], Member{MID: "v", Extension: midNumber + 1})
			x.g.Describe(x.r[1], Member{MID: "v", Extension: midNumber})
		},
		"by its key": func(x *bundled) {
			leg := agreed(addrA, sdp.AESCM128SHA180, 1, pcmu)
			leg.Mux, leg.RecvKey = true, agreed(addrA, sdp.AESCM128SHA180, 31, pcmu).RecvKey
			p, err := Prepare(leg)
			require.NoError(x.t, err)
			x.r[0].Apply(start, A, p)
			h, mid := x.leave(1, 0x103, 42)
			require.NotEmpty(x.t, mid)
			x.report(&rtcp.ReceiverReport{SSRC: 9, Reports: []rtcp.ReceptionReport{{SSRC: h.SSRC}}}) // of the one before
		},
	} {
		t.Run(name, func(t *testing.T) {
			x := newBundled(t, sdp.AESCM128SHA180, sdp.NoSuite)
			x.placed(1, 0x100)
			another(x)
			_, mid := x.leave(1, 0x104, 42)
			require.NotEmpty(t, mid)
		})
	}
}

// The same peer goes on knowing what it knows.
func TestTheSamePeerIsNotToldAgain(t *testing.T) {
	x := newBundled(t, sdp.AESCM128SHA180, sdp.NoSuite)
	x.placed(1, 0x100)
	leg := agreed(addrA, sdp.AESCM128SHA180, 1, pcmu)
	leg.Mux = true
	p, err := Prepare(leg)
	require.NoError(t, err)
	x.r[0].Apply(start, A, p)
	x.r[0].Restarted(A, false)
	_, mid := x.leave(1, 0x102, 42)
	require.Empty(t, mid)
}

// A stream that leaves the bundle says who it is on the transport that it has then, and so does the last one that stays.
func TestStreamsThatPartAreToldAgain(t *testing.T) {
	x := newBundled(t, sdp.AESCM128SHA180, sdp.NoSuite)
	x.placed(1, 0x100)
	x.g.Remove(x.r[1])
	own := agreed(addrA, sdp.AESCM128SHA180, 41, vp8)
	own.Mux, own.Group = true, &sdp.Group{Tagged: 1, MID: "v", Extension: midNumber}
	p, err := Prepare(own)
	require.NoError(t, err)
	x.r[1].Apply(start, A, p)
	x.recv, err = srtp.NewReceiver(own.SendKey)
	require.NoError(t, err)
	_, mid := x.leave(1, 0x102, 42)
	require.Equal(t, "v", mid)

	x = newBundled(t, sdp.AESCM128SHA180, sdp.NoSuite)
	x.g.Remove(x.r[1])
	x.g.Remove(x.r[0])
	_, mid = x.leave(0, 0x100, 42)
	require.Equal(t, "a", mid)
}

// The keys of another handshake are those of another peer, whatever the one before still reports.
func TestAnotherHandshakeIsToldAgain(t *testing.T) {
	near := agreed(addrA, sdp.NoSuite, 0, pcmu)
	near.Encryption, near.Mux, near.Group = sdp.DTLS, true, &sdp.Group{MID: "0", Extension: midNumber}
	x := newBench(t, near, agreed(addrB, sdp.NoSuite, 0, pcmu))
	var send *srtp.Sender
	var recv *srtp.Receiver
	handshake := func(seed uint64) {
		keys := agreed(addrA, sdp.AESCM128SHA180, seed, pcmu)
		p, err := PrepareKeys(keys.SendKey, keys.RecvKey)
		require.NoError(t, err)
		send, err = srtp.NewSender(keys.RecvKey)
		require.NoError(t, err)
		recv, err = srtp.NewReceiver(keys.SendKey)
		require.NoError(t, err)
		x.r.Secure(start, A, RTP, addrA, p)
	}
	mid := func(seq uint16) string {
		out := x.r.Handle(start, addrB, B, RTP, roomy(packet(0, seq, 7)))
		b, err := recv.Unprotect(bytes.Clone(out.Packet))
		require.NoError(t, err)
		return string(rtp.Extension(b, midNumber))
	}
	report := func(from *srtp.Sender) {
		ssrc, _ := x.r.sides[B].flow.Media.SSRC()
		b, err := (&rtcp.ReceiverReport{SSRC: 9, Reports: []rtcp.ReceptionReport{{SSRC: ssrc}}}).Marshal()
		require.NoError(t, err)
		b, err = from.ProtectRTCP(roomy(b))
		require.NoError(t, err)
		x.r.Handle(start, addrA, A, RTP, roomy(b))
	}
	handshake(1)
	first := send
	require.Equal(t, "0", mid(1))
	report(first)
	require.Empty(t, mid(2))
	handshake(51)
	require.Equal(t, "0", mid(3))
	report(first)
	require.Equal(t, "0", mid(4), "that was the one before")
	report(send)
	require.Empty(t, mid(5))
}
