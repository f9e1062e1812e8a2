package rtp

import (
	"testing"
	"time"

	"github.com/pion/rtcp"
	"github.com/stretchr/testify/require"
)

func TestReadReports(t *testing.T) {
	block := rtcp.ReceptionReport{SSRC: 7, FractionLost: 64, TotalLost: 0xfffffe, Jitter: 80, LastSenderReport: 0x01020304, Delay: 65536 / 2}
	other := rtcp.ReceptionReport{SSRC: 8, TotalLost: 99}
	want := Reports{Block: true, Fraction: 64, Lost: -2, Jitter: 80, LastSR: 0x01020304, SinceLastSR: 500 * time.Millisecond}
	require.Equal(t, want, ReadReports(compound(t, &rtcp.ReceiverReport{SSRC: 1, Reports: []rtcp.ReceptionReport{other, block}}), 7))
	want.Sent, want.SentAt = true, 0xccccdddd
	sr := &rtcp.SenderReport{SSRC: 1, NTPTime: 0xaaaaccccddddbbbb, Reports: []rtcp.ReceptionReport{block}}
	require.Equal(t, want, ReadReports(compound(t, sr, rtcp.NewCNAMESourceDescription(1, "x")), 7))
	require.Equal(t, Reports{Sent: true, SentAt: 0xccccdddd}, ReadReports(compound(t, sr), 9))
	require.Zero(t, ReadReports(nil, 7))
}

// RFC 3550 section 6.4.1, figure 2: the report left 5.25 s after it came, and the answer came 6.125 s later than that minus the way.
func TestRoundTrip(t *testing.T) {
	var p RoundTrip
	answer := func(stamp uint32, held time.Duration) Reports {
		return Reports{Block: true, LastSR: stamp, SinceLastSR: held}
	}
	p.Reported(start, answer(5, 0))
	require.Zero(t, p.Smoothed(), "a report that was never sent")
	p.Sent(start, Reports{Sent: true, SentAt: 0xb44db705})
	p.Reported(start.Add(5250*time.Millisecond+120*time.Millisecond), answer(0xb44db705, 5250*time.Millisecond))
	require.Equal(t, 120*time.Millisecond, p.Smoothed())
	for i := range uint32(5) {
		p.Sent(start, Reports{Sent: true, SentAt: i + 1})
	}
	p.Reported(start.Add(time.Second), answer(0xb44db705, 0))
	p.Reported(start.Add(time.Second), answer(0, 0))
	p.Reported(start.Add(time.Second), Reports{LastSR: 5})
	p.Reported(start.Add(time.Second), answer(5, 2*time.Second)) // before it was sent
	p.Reported(start.Add(time.Minute), answer(5, 0))
	require.Equal(t, 120*time.Millisecond, p.Smoothed(), "forgotten, absent and unbelievable ones change nothing")
	p.Reported(start.Add(200*time.Millisecond), answer(5, 0))
	require.Equal(t, 130*time.Millisecond, p.Smoothed())
}

func TestFeedbackIsTakenOut(t *testing.T) {
	own, reported, received := shifted()
	w := Rewriter{Own: own, Reported: reported, Received: received, NoFeedback: true}
	report := &rtcp.ReceiverReport{SSRC: 0xA1, Reports: []rtcp.ReceptionReport{{SSRC: 0xB0}}}
	name := rtcp.NewCNAMESourceDescription(0xA1, "x")
	nack := &rtcp.TransportLayerNack{SenderSSRC: 0xA1, MediaSSRC: 0xB0, Nacks: []rtcp.NackPair{{PacketID: 1}}}
	pli := &rtcp.PictureLossIndication{SenderSSRC: 0xA1, MediaSSRC: 0xB0}
	got, err := rtcp.Unmarshal(w.Rewrite(compound(t, report, name, nack, pli)))
	require.NoError(t, err)
	require.Len(t, got, 2)
	require.IsType(t, report, got[0])
	require.IsType(t, name, got[1])
	require.Empty(t, w.Rewrite(compound(t, pli)), "reduced in size (RFC 5506)")
	require.Empty(t, w.Rewrite(compound(t, pli, name)), "no compound packet begins with SDES")
}
