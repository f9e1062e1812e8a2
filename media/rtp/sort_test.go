package rtp

import (
	"bytes"
	"testing"

	"github.com/pion/rtcp"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// two streams: 0 is audio, 1 is video. The peer sends with A1 and A2 and is sent B1 and B2.
type two struct{}

func (two) Source(ssrc uint32) int {
	switch ssrc {
	case 0xa1:
		return 0
	case 0xa2:
		return 1
	}
	return -1
}

func (two) Sink(ssrc uint32) int {
	switch ssrc {
	case 0xb1:
		return 0
	case 0xb2:
		return 1
	}
	return -1
}

func TestAddressees(t *testing.T) {
	report := func(ssrc ...uint32) (out []rtcp.ReceptionReport) {
		for _, s := range ssrc {
			out = append(out, rtcp.ReceptionReport{SSRC: s})
		}
		return out
	}
	for name, c := range map[string]struct {
		packet rtcp.Packet
		want   uint32
	}{
		"a sender report":               {&rtcp.SenderReport{SSRC: 0xa1}, 1},
		"one with a block of the other": {&rtcp.SenderReport{SSRC: 0xa1, Reports: report(0xb2)}, 3},
		"a receiver report":             {&rtcp.ReceiverReport{SSRC: 1, Reports: report(0xb2)}, 2},
		"of both":                       {&rtcp.ReceiverReport{SSRC: 1, Reports: report(0xb1, 0xb2, 0xff)}, 3},
		"of a stranger":                 {&rtcp.ReceiverReport{SSRC: 1, Reports: report(0xff)}, 0},
		"names":                         {&rtcp.SourceDescription{Chunks: []rtcp.SourceDescriptionChunk{{Source: 0xa2, Items: []rtcp.SourceDescriptionItem{{Type: 1, Text: "x"}}}}}, 2},
		"a farewell":                    {&rtcp.Goodbye{Sources: []uint32{0xa1, 9}}, 1},
		"a lost picture":                {&rtcp.PictureLossIndication{SenderSSRC: 0xa1, MediaSSRC: 0xb2}, 2},
		"one of nobody":                 {&rtcp.PictureLossIndication{SenderSSRC: 0xa1, MediaSSRC: 9}, 1},
		"a wish for a picture":          {&rtcp.FullIntraRequest{SenderSSRC: 0xa1, FIR: []rtcp.FIREntry{{SSRC: 0xb2}}}, 2},
		"lost packets":                  {&rtcp.TransportLayerNack{SenderSSRC: 1, MediaSSRC: 0xb1, Nacks: []rtcp.NackPair{{PacketID: 1}}}, 1},
		"a rate":                        {&rtcp.ReceiverEstimatedMaximumBitrate{SenderSSRC: 1, Bitrate: 1e6, SSRCs: []uint32{0xb1, 0xb2}}, 3},
		"extended reports":              {&rtcp.ExtendedReport{SenderSSRC: 1, Reports: []rtcp.ReportBlock{&rtcp.DLRRReportBlock{Reports: []rtcp.DLRRReport{{SSRC: 0xb2}}}}}, 2},
		"application":                   {&rtcp.ApplicationDefined{SSRC: 0xa2, Name: "test", Data: []byte{1, 2, 3, 4}}, 2},
	} {
		b, err := rtcp.Marshal([]rtcp.Packet{c.packet})
		require.NoError(t, err, name)
		assert.Equal(t, c.want, Addressees(b, two{}), name)
	}
}

func TestExtract(t *testing.T) {
	b := compound(t,
		&rtcp.SenderReport{SSRC: 0xa1, PacketCount: 11, Reports: []rtcp.ReceptionReport{{SSRC: 0xb1, Jitter: 1}, {SSRC: 0xb2, Jitter: 2}}},
		&rtcp.SenderReport{SSRC: 0xa2, PacketCount: 22},
		&rtcp.SourceDescription{Chunks: []rtcp.SourceDescriptionChunk{
			{Source: 0xa1, Items: []rtcp.SourceDescriptionItem{{Type: 1, Text: "one"}}},
			{Source: 0xa2, Items: []rtcp.SourceDescriptionItem{{Type: 1, Text: "name2"}, {Type: itemMID, Text: "v"}}},
		}},
		&rtcp.PictureLossIndication{SenderSSRC: 0xa2, MediaSSRC: 0xb2})
	require.NoError(t, ValidRTCP(b))
	require.Equal(t, uint32(3), Addressees(b, two{}))
	for stream, want := range [][]string{{"*rtcp.SenderReport", "*rtcp.SourceDescription"}, {"*rtcp.ReceiverReport", "*rtcp.SenderReport", "*rtcp.SourceDescription", "*rtcp.PictureLossIndication"}} {
		got := Extract(nil, b, stream, two{})
		require.NoError(t, ValidRTCP(got))
		packets, err := rtcp.Unmarshal(got)
		require.NoError(t, err)
		var kinds []string
		for _, p := range packets {
			kinds = append(kinds, typeName(p))
			switch p := p.(type) {
			case *rtcp.SenderReport:
				assert.Equal(t, uint32(11*(stream+1)), p.PacketCount)
				assert.Len(t, p.Reports, 1-stream)
			case *rtcp.ReceiverReport:
				assert.Equal(t, uint32(0xa1), p.SSRC)
				assert.Equal(t, []uint32{0xb2}, []uint32{p.Reports[0].SSRC})
			case *rtcp.SourceDescription:
				require.Len(t, p.Chunks, 1)
				assert.Equal(t, uint32(0xa1+stream), p.Chunks[0].Source)
			}
		}
		assert.Equal(t, want, kinds)
	}
	mids := map[uint32]string{}
	Mappings(b, func(ssrc uint32, mid []byte) { mids[ssrc] = string(mid) })
	assert.Equal(t, map[uint32]string{0xa2: "v"}, mids)
}

func typeName(p rtcp.Packet) string {
	switch p.(type) {
	case *rtcp.SenderReport:
		return "*rtcp.SenderReport"
	case *rtcp.ReceiverReport:
		return "*rtcp.ReceiverReport"
	case *rtcp.SourceDescription:
		return "*rtcp.SourceDescription"
	case *rtcp.PictureLossIndication:
		return "*rtcp.PictureLossIndication"
	}
	return "?"
}

// What is taken out of a valid compound is valid, not longer, and speaks of that stream alone or of nobody.
func FuzzExtract(f *testing.F) {
	f.Add(compound(f, &rtcp.SenderReport{SSRC: 0xa1, Reports: []rtcp.ReceptionReport{{SSRC: 0xb2}}}, rtcp.NewCNAMESourceDescription(0xa2, "x"),
		&rtcp.FullIntraRequest{SenderSSRC: 0xa1, FIR: []rtcp.FIREntry{{SSRC: 0xb2}}}))
	f.Fuzz(func(t *testing.T, b []byte) {
		if ValidRTCP(b) != nil {
			return
		}
		before := bytes.Clone(b)
		set := Addressees(b, two{})
		Mappings(b, func(uint32, []byte) {})
		for stream := range 2 {
			got := Extract(make([]byte, 0, len(b)), b, stream, two{})
			if len(got) > len(b) {
				t.Fatal("grew")
			}
			if len(got) > 0 && startsRTCP(got[1]) && ValidRTCP(got) != nil {
				t.Fatalf("%x", got)
			}
			if len(got) > 0 && set&bit(stream) == 0 {
				t.Fatalf("%x: for a stream that it does not speak of", got)
			}
		}
		if !bytes.Equal(before, b) {
			t.Fatal("changed")
		}
	})
}
