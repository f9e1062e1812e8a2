package stream

import (
	"encoding/binary"
	"errors"
	"net"
	"net/netip"
	"strings"
	"time"

	"b2bua/media/sdp"
	"b2bua/simulator/iceagent"
	"b2bua/simulator/impair"
	"b2bua/simulator/tone"

	"github.com/pion/rtcp"
)

// laws are the codecs that can be decoded here.
var laws = map[string]tone.Law{"PCMU": tone.Mulaw, "PCMA": tone.Alaw}

func isEvent(c sdp.Codec) bool { return strings.EqualFold(c.Name, "telephone-event") }

// Stats tells what a stream did and saw.
type Stats struct {
	Local, From netip.AddrPort // From: source of the last accepted packet
	Sent        uint64
	Received    uint64 // accepted
	Octets      uint64 // of their payloads
	Refused     uint64 // not authentic, or of a payload type that was not negotiated
	Lost        uint64
	Loss        float64 // 0..1
	Reordered   uint64
	Duplicates  uint64
	Jitter      time.Duration
	RTCP        uint64
	SSRCs       int
	Events      string // telephone events, in order
	Pictures    int    // PLI and FIR received
	Feedback    int    // packets of RTCP feedback received, PLI and FIR among them
	Nacked      int    // packets that the other side asked for again by NACK, and that were sent from here
	Tone        float64
	Heard       tone.Heard // over the last second; marked payloads count as a clear tone
	Now         tone.Heard // over the last 200 ms, since the last Set
	MOS         float64
	SSRC        uint32    // ours
	HeardSSRC   uint32    // of the last packet
	Suite       sdp.Suite // of SRTP, once there are keys
	PeerKeys    int       // of SDES, one after the other
	Handshakes  int       // of DTLS or ZRTP, completed
	ZRTP        ZRTPReport
	Fault       string // why there are no keys

	Path   netip.AddrPort // nominated by ICE for RTP
	Agents int            // of ICE so far: one, and one for each restart
	Strays uint64         // packets that came on another network than the nominated one
	ICE    iceagent.Stats
}

// receiver counts and listens.
type receiver struct {
	from     netip.AddrPort
	accepted uint64
	octets   uint64
	refused  uint64
	rtcp     uint64
	sources  map[uint32]*source
	last     *source
	detector *tone.Detector
	samples  []int16
	marked   float64   // tone named by the newest payload, if that was marked
	heardAt  time.Time // when the newest sound or picture came
	events   []byte
	pictures int
	feedback int
	nacked   int
	eventAt  uint32 // RTP timestamp of the last event
	eventOf  uint32 // its SSRC
	delay    time.Duration
	path     *impair.Impairer // of what is received on the RTP port
	pathFrom netip.AddrPort   // where the newest of it came from
}

// maxSources bounds the sources counted apart; what comes beyond is counted with the last one.
const maxSources = 64

func newReceiver() receiver {
	return receiver{sources: map[uint32]*source{}, detector: tone.NewDetector()}
}

// read hands on what comes on a socket until it is closed.
func (s *Stream) read(on socket, handle func(now time.Time, from netip.AddrPort, b []byte)) {
	buf := make([]byte, 2048)
	for {
		n, from, err := on.conn.ReadFromUDPAddrPort(buf)
		switch {
		case errors.Is(err, net.ErrClosed):
			return
		case err != nil:
			continue // an ICMP error of an earlier send
		}
		now := time.Now()
		from = netip.AddrPortFrom(from.Addr().Unmap(), from.Port())
		s.record(now, false, from, on.at, buf[:n])
		handle(now, from, buf[:n])
		s.notify(now)
	}
}

// receive is given what comes on the RTP port, before the path of cfg.Arriving.
func (s *Stream) receive(now time.Time, from netip.AddrPort, b []byte) {
	if s.cfg.Arriving.Perfect() {
		s.take(now, from, b)
		return
	}
	s.mu.Lock()
	s.rx.path.Push(now, b)
	s.rx.pathFrom = from
	s.mu.Unlock()
	s.arrive(now)
}

// arrive takes what the path of the received datagrams lets through by now.
func (s *Stream) arrive(now time.Time) {
	if s.cfg.Arriving.Perfect() {
		return
	}
	var in [][]byte
	s.mu.Lock()
	from := s.rx.pathFrom
	s.rx.path.Due(now, func(p []byte) { in = append(in, p) })
	s.mu.Unlock()
	for _, p := range in {
		s.take(now, from, p)
	}
}

// take handles a datagram of the RTP port.
func (s *Stream) take(now time.Time, from netip.AddrPort, b []byte) {
	switch {
	case s.connects(now, networkFirst, channelRTP, from, b):
	case s.agrees(now, b):
	case s.speaks(channelRTP, b):
	case len(b) > 1 && b[1] >= 192 && b[1] <= 223: // RFC 5761 section 4
		s.control(now, channelRTP, b)
	default:
		s.packet(now, from, b)
	}
}

// receiveRTCP is given what comes on the RTCP port.
func (s *Stream) receiveRTCP(now time.Time, from netip.AddrPort, b []byte) {
	if !s.connects(now, networkFirst, channelRTCP, from, b) && !s.speaks(channelRTCP, b) {
		s.control(now, channelRTCP, b)
	}
}

func (s *Stream) closed() bool {
	select {
	case <-s.done:
		return true
	default:
		return false
	}
}

// packet takes one RTP or SRTP packet.
func (s *Stream) packet(now time.Time, from netip.AddrPort, p []byte) {
	s.mu.Lock()
	p, ok := s.unseal(p)
	streams := s.sharing()
	s.mu.Unlock()
	h, valid := parseHeader(p)
	switch {
	case !ok:
		return
	case valid && streams != nil:
		if s = pick(streams, p, h); s == nil {
			streams[0].refuse()
			return
		}
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	codec, known := s.codec(h.pt)
	if !s.set || !valid || !known {
		s.rx.refused++
		return
	}
	s.rx.from = from
	s.rx.count(now, h, codec, s.tx.codec.Rate)
	s.rx.listen(now, h, codec)
}

func (s *Stream) refuse() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.rx.refused++
}

// unseal makes a packet clear; not ok: it is none, or not yet. The stream's lock is held.
func (s *Stream) unseal(p []byte) (out []byte, ok bool) {
	if !s.set {
		return nil, false // early packets of a call that is not negotiated yet
	}
	if s.agreed.Encryption != sdp.None {
		decrypt := s.keys[channelRTP].decrypt
		if decrypt == nil {
			return nil, false // the peer has its keys a moment sooner
		}
		out, err := decrypt.DecryptRTP(nil, p, nil)
		if err != nil {
			s.rx.refused++
			return nil, false
		}
		p = out
		s.proven()
	}
	return p, true
}

func (s *Stream) codec(pt uint8) (sdp.Codec, bool) {
	for _, c := range s.agreed.Codecs {
		if c.PT == pt {
			return c, true
		}
	}
	return sdp.Codec{}, false
}

// header is what of RFC 3550 section 5.1 is needed here.
type header struct {
	pt        uint8
	seq       uint16
	timestamp uint32
	ssrc      uint32
	payload   []byte
}

func parseHeader(p []byte) (header, bool) {
	if len(p) < 12 || p[0]>>6 != 2 {
		return header{}, false
	}
	h := header{pt: p[1] & 0x7f, seq: binary.BigEndian.Uint16(p[2:]), timestamp: binary.BigEndian.Uint32(p[4:]), ssrc: binary.BigEndian.Uint32(p[8:])}
	at := 12 + 4*int(p[0]&15)
	if p[0]&0x10 != 0 {
		if len(p) < at+4 {
			return header{}, false
		}
		at += 4 + 4*int(binary.BigEndian.Uint16(p[at+2:]))
	}
	end := len(p)
	if p[0]&0x20 != 0 {
		end -= int(p[len(p)-1])
	}
	if at > end {
		return header{}, false
	}
	h.payload = p[at:end]
	return h, true
}

// listen looks for the tone in the payload.
func (r *receiver) listen(now time.Time, h header, codec sdp.Codec) {
	r.octets += uint64(len(h.payload))
	law, g711 := laws[strings.ToUpper(codec.Name)]
	switch {
	case g711:
		r.samples = r.samples[:0]
		for _, b := range h.payload {
			r.samples = append(r.samples, law.Decode(b))
		}
		r.detector.Write(r.samples)
		r.marked, r.heardAt = 0, now
	case isEvent(codec):
		r.event(h)
	default:
		if hertz, ok := readMark(h.payload); ok {
			r.marked, r.heardAt = hertz, now
		}
	}
}

// event notes a telephone event once: all its packets have one timestamp (RFC 4733 section 2.3).
func (r *receiver) event(h header) {
	if len(h.payload) < 4 || int(h.payload[0]) >= len(digits) || len(r.events) >= 256 {
		return
	}
	if len(r.events) > 0 && r.eventOf == h.ssrc && int32(h.timestamp-r.eventAt) <= 0 { // of this event, or one before that comes late or again
		return
	}
	r.events = append(r.events, digits[h.payload[0]])
	r.eventAt, r.eventOf = h.timestamp, h.ssrc
}

// control takes one RTCP or SRTCP packet.
func (s *Stream) control(now time.Time, ch channel, p []byte) {
	s.mu.Lock()
	packets := s.unsealRTCP(ch, p)
	streams := s.sharing()
	if streams == nil && packets != nil {
		s.reported(now, packets)
	}
	s.mu.Unlock()
	if streams != nil {
		distribute(now, streams, packets)
	}
}

// unsealRTCP makes a compound packet clear; nil: it is none, or not yet. The stream's lock is held.
func (s *Stream) unsealRTCP(ch channel, p []byte) []rtcp.Packet {
	if !s.set {
		return nil
	}
	if s.agreed.Encryption != sdp.None {
		decrypt := s.keys[ch].decrypt
		if decrypt == nil {
			return nil
		}
		out, err := decrypt.DecryptRTCP(nil, p, nil)
		if err != nil {
			s.rx.refused++
			return nil
		}
		p = out
	}
	packets, err := rtcp.Unmarshal(p)
	if err != nil {
		s.rx.refused++
		return nil
	}
	return packets
}

// reported takes the packets of a compound. The stream's lock is held.
func (s *Stream) reported(now time.Time, packets []rtcp.Packet) {
	s.rx.rtcp++
	for _, p := range packets {
		switch p := p.(type) {
		case *rtcp.SenderReport:
			if src := s.rx.sources[p.SSRC]; src != nil {
				src.reportAt, src.reportNTP = now, uint32(p.NTPTime>>16)
			}
			s.roundTrip(now, p.Reports)
		case *rtcp.ReceiverReport:
			s.roundTrip(now, p.Reports)
		case *rtcp.PictureLossIndication, *rtcp.FullIntraRequest:
			s.rx.pictures++
			s.rx.feedback++
		case *rtcp.TransportLayerNack:
			s.rx.feedback++
			s.rx.nacked += s.tx.sentOf(p)
		case *rtcp.SliceLossIndication, *rtcp.ReceiverEstimatedMaximumBitrate, *rtcp.TransportLayerCC, *rtcp.RapidResynchronizationRequest:
			s.rx.feedback++
		}
	}
}

// roundTrip derives the one-way delay from a report about us (RFC 3550 section 6.4.1).
func (s *Stream) roundTrip(now time.Time, reports []rtcp.ReceptionReport) {
	for _, b := range reports {
		if b.SSRC != s.tx.ssrc || b.LastSenderReport == 0 {
			continue
		}
		passed := uint32(ntp(now)>>16) - b.LastSenderReport - b.Delay
		if passed < 1<<20 { // 16 s; else the clocks of a strange peer
			s.rx.delay = time.Duration(passed) * time.Second / 65536 / 2
		}
	}
}

// HeardInClear listens to captured packets as somebody on the wire would, who takes every payload for G.711: a tone that is heard
// clearly was not encrypted.
func HeardInClear(packets [][]byte) tone.Heard {
	var best tone.Heard
	for _, law := range laws {
		d := tone.NewDetector()
		for _, p := range packets {
			h, ok := parseHeader(p)
			if !ok || len(p) > 1 && p[1] >= 192 && p[1] <= 223 {
				continue
			}
			var samples []int16
			for _, b := range h.payload {
				samples = append(samples, law.Decode(b))
			}
			d.Write(samples)
			if now := d.Now(); now.Confidence > best.Confidence {
				best = now
			}
		}
	}
	return best
}
