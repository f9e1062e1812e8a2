package rtp

import (
	"bytes"
	"math/rand/v2"
	"testing"
	"time"

	"github.com/pion/rtcp"
	pion "github.com/pion/rtp"
	"github.com/stretchr/testify/require"
)

var start = time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)

func marshal(t testing.TB, p *pion.Packet) []byte {
	b, err := p.Marshal()
	require.NoError(t, err)
	return b
}

func TestParse(t *testing.T) {
	p := &pion.Packet{Header: pion.Header{Version: 2, Marker: true, PayloadType: 96, SequenceNumber: 65535, Timestamp: 1 << 31, SSRC: 0xdeadbeef, CSRC: []uint32{1, 2}}, Payload: []byte("payload")}
	require.NoError(t, p.SetExtension(1, []byte{1, 2, 3}))
	b := marshal(t, p)
	h, err := Parse(b)
	require.NoError(t, err)
	require.Equal(t, Header{PT: 96, Marker: true, Seq: 65535, Timestamp: 1 << 31, SSRC: 0xdeadbeef, Size: p.Header.MarshalSize()}, h)
	for n := range h.Size {
		_, err := Parse(b[:n])
		require.ErrorIs(t, err, ErrShort)
	}
	b[0] = 0x40
	_, err = Parse(b)
	require.ErrorIs(t, err, ErrVersion)
}

func TestSet(t *testing.T) {
	b := marshal(t, &pion.Packet{Header: pion.Header{Version: 2, Marker: true, PayloadType: 8}, Payload: []byte("x")})
	SetPT(b, 101)
	SetLine(b, 7, 8, 9)
	h, err := Parse(b)
	require.NoError(t, err)
	require.Equal(t, Header{PT: 101, Marker: true, Seq: 7, Timestamp: 8, SSRC: 9, Size: 12}, h)
}

func TestPadding(t *testing.T) {
	for _, v := range []struct {
		payload []byte
		ok      bool
	}{{[]byte{1, 2, 0, 2}, true}, {[]byte{0, 2}, true}, {[]byte{3, 3}, false}, {[]byte{1, 0}, false}, {nil, false}} {
		b := append(make([]byte, 12), v.payload...)
		b[0] = 0xa0
		h, err := Parse(b)
		require.NoError(t, err)
		require.Equal(t, v.ok, CheckPadding(b, h) == nil, v.payload)
	}
}

// The ranges of RFC 7983 section 7, octet by octet.
func TestClassify(t *testing.T) {
	for i := range 256 {
		want := ClassUnknown
		switch {
		case i < 4:
			want = ClassSTUN
		case i >= 16 && i < 20:
			want = ClassZRTP
		case i >= 20 && i < 64:
			want = ClassDTLS
		case i >= 64 && i < 80:
			want = ClassTURN
		case i >= 128 && i < 192:
			want = ClassRTP
		}
		require.Equal(t, want, Classify([]byte{byte(i)}), i)
		require.Equal(t, i >= 192 && i <= 223, IsRTCP([]byte{0x80, byte(i)}), i)
	}
	require.Equal(t, ClassUnknown, Classify(nil))
	require.False(t, IsRTCP([]byte{0x80}))
}

// feedLine maps a packet and returns its place.
func feedLine(l *Line, now time.Time, ssrc uint32, seq uint16, ts uint32) (uint16, uint32, Fate) {
	return l.Map(now, Header{SSRC: ssrc, Seq: seq, Timestamp: ts}, 8000)
}

func TestLineKeepsTheFirstSourceUnchanged(t *testing.T) {
	var l Line
	_, known := l.SSRC()
	require.False(t, known)
	for i, seq := range []uint16{65534, 65535, 1, 0, 2, 2, 50} {
		got, ts, f := feedLine(&l, start, 77, seq, uint32(seq)*160)
		require.Equal(t, Continue, f, i)
		require.Equal(t, seq, got)
		require.Equal(t, uint32(seq)*160, ts)
	}
	ssrc, known := l.SSRC()
	require.True(t, known)
	require.EqualValues(t, 77, ssrc)
}

func TestLineGoesOnWithAnotherSource(t *testing.T) {
	var l Line
	feedLine(&l, start, 1, 500, 80000)
	feedLine(&l, start.Add(20*time.Millisecond), 1, 501, 80160)
	seq, ts, f := feedLine(&l, start.Add(120*time.Millisecond), 2, 9, 1<<31)
	require.Equal(t, Switched, f)
	require.EqualValues(t, 502, seq)
	require.EqualValues(t, 80160+800, ts) // 100 ms passed
	seq, ts, f = feedLine(&l, start.Add(140*time.Millisecond), 2, 10, 1<<31+160)
	require.Equal(t, Continue, f)
	require.EqualValues(t, 503, seq)
	require.EqualValues(t, 80160+960, ts)
	// A late packet of the source before has its own place.
	seq, ts, f = feedLine(&l, start.Add(140*time.Millisecond), 1, 500, 80000)
	require.Equal(t, Continue, f)
	require.EqualValues(t, 500, seq)
	require.EqualValues(t, 80000, ts)
	// When it speaks again it is the source.
	seq, _, f = feedLine(&l, start.Add(time.Second), 1, 502, 90000)
	require.Equal(t, Switched, f)
	require.EqualValues(t, 504, seq)
	ssrc, _ := l.SSRC()
	require.EqualValues(t, 1, ssrc)
}

// Two packets in a row far behind are a restart of the same source (RFC 3550 appendix A.1), one is a stray.
func TestLineRestart(t *testing.T) {
	var l Line
	feedLine(&l, start, 1, 5000, 0)
	_, _, f := feedLine(&l, start, 1, 100, 0)
	require.Equal(t, Drop, f)
	seq, _, f := feedLine(&l, start, 1, 5001, 0)
	require.Equal(t, Continue, f)
	require.EqualValues(t, 5001, seq)
	_, _, f = feedLine(&l, start, 1, 101, 0) // does not follow the stray: the line went on since
	require.Equal(t, Drop, f)
	seq, _, f = feedLine(&l, start, 1, 102, 0)
	require.Equal(t, Switched, f)
	require.EqualValues(t, 5002, seq)
}

// However the sources change, numbers of one line never repeat for distinct packets of the current source.
func TestLineRandom(t *testing.T) {
	rnd := rand.New(rand.NewPCG(5, 6))
	var l Line
	now, seqs := start, map[uint32]uint16{}
	var top uint16
	for i := range 20000 {
		now = now.Add(20 * time.Millisecond)
		ssrc := uint32(1 + i/700)
		if rnd.IntN(900) == 0 {
			seqs[ssrc] = uint16(rnd.Uint32()) // restarts
		}
		seqs[ssrc]++
		seq, _, f := feedLine(&l, now, ssrc, seqs[ssrc], uint32(i))
		if f == Drop {
			continue
		}
		if i > 0 {
			require.Greater(t, int16(seq-top), int16(0), i)
		}
		top = seq
	}
}

func TestReception(t *testing.T) {
	var r Reception
	require.Zero(t, r.Lost())
	require.Zero(t, r.Jitter())
	now := start
	for i := range 1000 {
		now = now.Add(20 * time.Millisecond)
		if i%10 == 3 {
			continue
		}
		r.Packet(now, Header{SSRC: 5, Seq: uint16(65000 + i), Timestamp: uint32(i * 160)}, 8000)
	}
	require.EqualValues(t, 100, r.Lost())
	require.Zero(t, r.Jitter())
	ssrc, ok := r.SSRC()
	require.True(t, ok)
	require.EqualValues(t, 5, ssrc)
	// Another source: what was lost stays lost.
	r.Packet(now, Header{SSRC: 6, Seq: 9, Timestamp: 1}, 8000)
	r.Packet(now, Header{SSRC: 6, Seq: 12, Timestamp: 1}, 8000)
	require.EqualValues(t, 102, r.Lost())
}

// A packet that is alternately 0 and 8 ms late differs by 8 ms from the one before: the mean converges to that.
func TestJitter(t *testing.T) {
	var r Reception
	for i := range 400 {
		at := start.Add(time.Duration(i)*20*time.Millisecond + time.Duration(i%2)*8*time.Millisecond)
		r.Packet(at, Header{SSRC: 5, Seq: uint16(i), Timestamp: uint32(i * 160)}, 8000)
	}
	require.InDelta(t, float64(8*time.Millisecond), float64(r.Jitter()), float64(300*time.Microsecond))
	// A telephone-event with another clock does not disturb it.
	r.Packet(start, Header{SSRC: 5, Seq: 400, Timestamp: 99999999}, 48000)
	require.InDelta(t, float64(8*time.Millisecond), float64(r.Jitter()), float64(300*time.Microsecond))
}

func compound(t testing.TB, p ...rtcp.Packet) []byte {
	b, err := rtcp.Marshal(p)
	require.NoError(t, err)
	return b
}

func TestValidRTCP(t *testing.T) {
	sr := &rtcp.SenderReport{SSRC: 1, Reports: []rtcp.ReceptionReport{{SSRC: 2}, {SSRC: 3}}}
	cname := rtcp.NewCNAMESourceDescription(1, "phone@example.org")
	good := [][]byte{
		compound(t, sr, cname), compound(t, &rtcp.ReceiverReport{SSRC: 1}), compound(t, sr, cname, &rtcp.Goodbye{Sources: []uint32{1}}),
		compound(t, &rtcp.PictureLossIndication{SenderSSRC: 1, MediaSSRC: 2}),   // reduced size
		compound(t, &rtcp.Goodbye{Sources: []uint32{1}, Reason: "Adjo"}, cname), // as libre ends a call
		compound(t, sr, &rtcp.TransportLayerNack{SenderSSRC: 1, MediaSSRC: 2, Nacks: []rtcp.NackPair{{PacketID: 5}}}),
	}
	for _, b := range good {
		require.NoError(t, ValidRTCP(b))
		for n := range len(b) - 1 {
			if n == 8+24*2+20 || n%4 == 0 { // may be a whole compound again
				continue
			}
			require.Error(t, ValidRTCP(b[:n]), n)
		}
	}
	bad := [][]byte{
		nil,
		{0x80, 200, 0, 0},
		compound(t, cname),
		{0x80, 201, 0, 2, 0, 0, 0, 1},            // longer than the packet
		{0x81, 201, 0, 1, 0, 0, 0, 1},            // a report block too few
		{0x40, 201, 0, 1, 0, 0, 0, 1},            // version
		{0xa0, 201, 0, 1, 0, 0, 0, 8},            // padding longer than the packet
		append(compound(t, sr), 0x81, 202, 0, 0), // a chunk too few
		append(compound(t, sr), 0x81, 202, 0, 1, 0, 0, 0, 1), // no end of items
	}
	for i, b := range bad {
		require.Error(t, ValidRTCP(b), i)
	}
}

// shifted has two flows whose current sources are behind a change: own numbers +100, reported -200.
func shifted() (own, reported *Flow, received *Reception) {
	own, reported, received = &Flow{}, &Flow{}, &Reception{}
	own.Media = Line{started: true, ssrc: 0xA0, cur: feed{valid: true, ssrc: 0xA1, seqOff: 100, tsOff: 1000}}
	reported.Media = Line{started: true, ssrc: 0xB0, cur: feed{valid: true, ssrc: 0xB1, seqOff: 65336}}
	received.Packet(start, Header{SSRC: 0xB1, Seq: 65530}, 8000)
	for seq := uint16(65531); seq != 100; seq++ {
		received.Packet(start, Header{SSRC: 0xB1, Seq: seq}, 8000)
	}
	return own, reported, received
}

func TestRewrite(t *testing.T) {
	own, reported, received := shifted()
	in := []rtcp.Packet{
		&rtcp.SenderReport{SSRC: 0xA1, RTPTime: 5000, PacketCount: 9, Reports: []rtcp.ReceptionReport{
			{SSRC: 0xB0, LastSequenceNumber: 1<<16 | 65400, Jitter: 3}, {SSRC: 0x99, LastSequenceNumber: 4},
		}},
		rtcp.NewCNAMESourceDescription(0xA1, "phone@example.org"),
		&rtcp.TransportLayerNack{SenderSSRC: 0xA1, MediaSSRC: 0xB0, Nacks: []rtcp.NackPair{{PacketID: 65400, LostPackets: 1}, {PacketID: 65410}}},
		&rtcp.PictureLossIndication{SenderSSRC: 0xA1, MediaSSRC: 0xB0},
		&rtcp.FullIntraRequest{SenderSSRC: 0xA1, MediaSSRC: 0, FIR: []rtcp.FIREntry{{SSRC: 0xB0, SequenceNumber: 1}}},
		&rtcp.ReceiverEstimatedMaximumBitrate{SenderSSRC: 0xA1, Bitrate: 1 << 20, SSRCs: []uint32{0xB0, 0x99}},
		&rtcp.ExtendedReport{SenderSSRC: 0xA1, Reports: []rtcp.ReportBlock{
			&rtcp.VoIPMetricsReportBlock{SSRC: 0xB0}, &rtcp.StatisticsSummaryReportBlock{SSRC: 0xB0, BeginSeq: 65400, EndSeq: 65410},
			&rtcp.DLRRReportBlock{Reports: []rtcp.DLRRReport{{SSRC: 0xB0}}},
		}},
		&rtcp.Goodbye{Sources: []uint32{0xA1}},
	}
	b := compound(t, in...)
	require.NoError(t, ValidRTCP(b))
	b = Rewriter{Own: own, Reported: reported, Received: received}.Rewrite(b)
	require.NoError(t, ValidRTCP(b))
	got, err := rtcp.Unmarshal(b)
	require.NoError(t, err)
	require.Len(t, got, len(in)-1) // no BYE

	sr := got[0].(*rtcp.SenderReport)
	require.EqualValues(t, 0xA0, sr.SSRC)
	require.EqualValues(t, 6000, sr.RTPTime)
	require.EqualValues(t, 9, sr.PacketCount)
	require.EqualValues(t, 0xB1, sr.Reports[0].SSRC)
	require.EqualValues(t, 1<<16|64, sr.Reports[0].LastSequenceNumber) // 65400 + 200, in the original's second cycle
	require.EqualValues(t, 0x99, sr.Reports[1].SSRC)
	require.EqualValues(t, 4, sr.Reports[1].LastSequenceNumber)
	require.EqualValues(t, 0xA0, got[1].(*rtcp.SourceDescription).Chunks[0].Source)
	require.Equal(t, &rtcp.TransportLayerNack{SenderSSRC: 0xA0, MediaSSRC: 0xB1, Nacks: []rtcp.NackPair{{PacketID: 64, LostPackets: 1}, {PacketID: 74}}}, got[2])
	require.Equal(t, &rtcp.PictureLossIndication{SenderSSRC: 0xA0, MediaSSRC: 0xB1}, got[3])
	require.EqualValues(t, 0xB1, got[4].(*rtcp.FullIntraRequest).FIR[0].SSRC)
	require.Equal(t, []uint32{0xB1, 0x99}, got[5].(*rtcp.ReceiverEstimatedMaximumBitrate).SSRCs)
	xr := got[6].(*rtcp.ExtendedReport)
	require.EqualValues(t, 0xB1, xr.Reports[0].(*rtcp.VoIPMetricsReportBlock).SSRC)
	require.EqualValues(t, 64, xr.Reports[1].(*rtcp.StatisticsSummaryReportBlock).BeginSeq)
	require.EqualValues(t, 0xB1, xr.Reports[2].(*rtcp.DLRRReportBlock).Reports[0].SSRC)
}

// Two legs whose first sources still speak: nothing changes but BYE.
func TestRewriteIsTransparent(t *testing.T) {
	own, reported := &Flow{}, &Flow{}
	own.Media.Map(start, Header{SSRC: 1, Seq: 9}, 8000)
	reported.Media.Map(start, Header{SSRC: 2, Seq: 9}, 8000)
	b := compound(t, &rtcp.SenderReport{SSRC: 1, RTPTime: 77, Reports: []rtcp.ReceptionReport{{SSRC: 2, LastSequenceNumber: 5}}}, rtcp.NewCNAMESourceDescription(1, "x"))
	got := Rewriter{Own: own, Reported: reported, Received: &Reception{}}.Rewrite(bytes.Clone(b))
	require.Equal(t, b, got)
	for _, farewell := range [][]byte{
		compound(t, &rtcp.Goodbye{Sources: []uint32{1}}),
		compound(t, &rtcp.Goodbye{Sources: []uint32{1}}, rtcp.NewCNAMESourceDescription(1, "x")), // what is left can't begin a compound
	} {
		require.Empty(t, Rewriter{Own: own, Reported: reported, Received: &Reception{}}.Rewrite(farewell))
	}
}

func TestNoAllocations(t *testing.T) {
	own, reported, received := shifted()
	b := compound(t, &rtcp.SenderReport{SSRC: 0xA1, Reports: []rtcp.ReceptionReport{{SSRC: 0xB0}}}, rtcp.NewCNAMESourceDescription(0xA1, "x"))
	require.Zero(t, testing.AllocsPerRun(200, func() {
		if ValidRTCP(b) != nil {
			t.Error("invalid")
		}
		ReadReports(b, 0xB0)
		Rewriter{Own: own, Reported: reported, Received: received}.Rewrite(b)
	}))
}

// FuzzRTP: the header is read as pion reads it, setting and reading agree.
func FuzzRTP(f *testing.F) {
	f.Add([]byte{0x80, 0x60, 0, 1, 0, 0, 0, 2, 0, 0, 0, 3, 'x'})
	f.Fuzz(func(t *testing.T, b []byte) {
		Classify(b)
		IsRTCP(b)
		h, err := Parse(b)
		if err != nil {
			return
		}
		var p pion.Header
		n, perr := p.Unmarshal(b)
		// pion also reads the extensions' elements, and may refuse those.
		if perr == nil && (n != h.Size || p.SSRC != h.SSRC || p.SequenceNumber != h.Seq || p.Timestamp != h.Timestamp || p.PayloadType != h.PT || p.Marker != h.Marker) {
			t.Fatalf("%+v, pion %d %+v", h, n, p)
		}
		_ = CheckPadding(b, h)
		SetPT(b, 101)
		SetLine(b, 1, 2, 3)
		again, err := Parse(b)
		want := h
		want.PT, want.Seq, want.Timestamp, want.SSRC = 101, 1, 2, 3
		if err != nil || again != want {
			t.Fatalf("%+v, want %+v, %v", again, want, err)
		}
	})
}

// FuzzRTCP: a valid compound stays one, and what is invalid is never rewritten past its end.
func FuzzRTCP(f *testing.F) {
	f.Add(compound(f, &rtcp.SenderReport{SSRC: 0xA1, Reports: []rtcp.ReceptionReport{{SSRC: 0xB0}}}, rtcp.NewCNAMESourceDescription(0xA1, "x")))
	f.Fuzz(func(t *testing.T, b []byte) {
		own, reported, received := shifted()
		w := Rewriter{Own: own, Reported: reported, Received: received}
		if ValidRTCP(b) != nil {
			return
		}
		n := len(b)
		got := w.Rewrite(b)
		if len(got) > n {
			t.Fatal("grew")
		}
		if len(got) >= 8 && ValidRTCP(got) != nil {
			t.Fatalf("%x", got)
		}
		ReadReports(got, 0xB0)
		w.NoFeedback = true
		got = w.Rewrite(got)
		if len(got) >= 8 && ValidRTCP(got) != nil {
			t.Fatalf("without feedback: %x", got)
		}
		for p := got; len(p) > 0; {
			one, rest, err := nextRTCP(p)
			if err != nil || isFeedback(one[1]) {
				t.Fatalf("without feedback: %x, %v", got, err)
			}
			p = rest
		}
	})
}
