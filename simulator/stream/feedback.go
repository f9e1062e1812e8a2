package stream

import (
	"fmt"
	"slices"
	"time"

	"github.com/pion/rtcp"
)

// agreements are the values of a=rtcp-fb that allow each kind of feedback.
var agreements = map[string]string{"pli": "nack pli", "fir": "ccm fir", "nack": "nack"}

// Feedback sends one RTCP feedback packet about what is received, behind a report (RFC 4585 section 3.1): "pli" (section 6.3.1), "fir"
// (RFC 5104 section 4.3.1), or "nack" of the newest packet (section 6.2.1). It is an error if the descriptions do not allow it.
func (s *Stream) Feedback(kind string) error {
	s.mu.Lock()
	p, err := s.buildFeedback(kind)
	s.mu.Unlock()
	if err != nil {
		return err
	}
	s.transmit(p)
	return nil
}

func (s *Stream) buildFeedback(kind string) ([]byte, error) {
	value, known := agreements[kind]
	codec, _ := mainCodec(s.agreed.Codecs)
	switch {
	case !known:
		return nil, fmt.Errorf("stream: feedback %q: write pli, fir or nack", kind)
	case !s.set || !s.agreed.AVPF || !slices.Contains(codec.Feedback, value):
		return nil, fmt.Errorf("stream: feedback %q was not agreed on", value)
	case s.rx.last == nil:
		return nil, fmt.Errorf("stream: nothing was received that feedback could be about")
	}
	var packet rtcp.Packet
	switch kind {
	case "pli":
		packet = &rtcp.PictureLossIndication{SenderSSRC: s.tx.ssrc, MediaSSRC: s.rx.last.ssrc}
	case "fir":
		s.firs++
		packet = &rtcp.FullIntraRequest{SenderSSRC: s.tx.ssrc, FIR: []rtcp.FIREntry{{SSRC: s.rx.last.ssrc, SequenceNumber: s.firs}}}
	default:
		packet = &rtcp.TransportLayerNack{SenderSSRC: s.tx.ssrc, MediaSSRC: s.rx.last.ssrc, Nacks: []rtcp.NackPair{{PacketID: uint16(s.rx.last.max)}}}
	}
	p := s.buildReport(time.Now(), []rtcp.Packet{packet})
	if p == nil {
		return nil, fmt.Errorf("stream: there are no keys for RTCP yet")
	}
	return p, nil
}

// sentOf counts the packets in a NACK that are of this source and that it sent lately: the others would be asked for in vain.
func (t *sender) sentOf(nack *rtcp.TransportLayerNack) (n int) {
	const lately = 1000
	if nack.MediaSSRC != t.ssrc {
		return 0
	}
	for _, pair := range nack.Nacks {
		for _, number := range pair.PacketList() {
			if age := t.seq - number; age > 0 && age < lately {
				n++
			}
		}
	}
	return n
}
