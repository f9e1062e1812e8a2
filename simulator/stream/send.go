package stream

import (
	"encoding/binary"
	"net/netip"
	"slices"
	"strings"
	"time"

	"b2bua/media/sdp"
	"b2bua/simulator/impair"
	"b2bua/simulator/tone"

	"github.com/pion/rtcp"
)

const (
	frame      = 20 * time.Millisecond // of audio
	videoFrame = 40 * time.Millisecond
	reports    = time.Second // between RTCP reports: far below the five seconds of RFC 3550, tests are short
)

// sender builds packets.
type sender struct {
	place
	ssrc    uint32
	former  map[uint32]place // of the SSRCs before
	packets uint64
	octets  uint64
	codec   sdp.Codec
	ok      bool // a codec to send with is known
	tone    *tone.Generator
	mark    []byte
	path    *impair.Impairer
	dial    []event // digits to be sent
	samples [tone.Rate / 50]int16
	buf     [1500]byte
}

// place is where the stream of one SSRC goes on.
type place struct {
	seq       uint16
	timestamp uint32
}

func newSender(ssrc uint32, seq uint16, cfg Config) sender {
	return sender{ssrc: ssrc, place: place{seq: seq}, tone: tone.NewGenerator(cfg.Tone), mark: mark(cfg.Tone), path: impair.New(cfg.Impair)}
}

// next is the next plain RTP packet (RFC 3550 section 5.1). The result is valid until the following call.
func (t *sender) next(video bool) []byte {
	p := t.buf[:12]
	p[0], p[1] = 0x80, t.codec.SendNumber()
	if t.packets == 0 || video { // a talk spurt begins (RFC 3551 section 4.1); a video frame of one packet ends
		p[1] |= 0x80
	}
	binary.BigEndian.PutUint16(p[2:], t.seq)
	binary.BigEndian.PutUint32(p[4:], t.timestamp)
	binary.BigEndian.PutUint32(p[8:], t.ssrc)
	p = t.payload(p, video)
	t.seq++
	t.packets++
	t.octets += uint64(len(p) - 12)
	step := frame
	if video {
		step = videoFrame
	}
	t.timestamp += uint32(t.codec.Rate * int(step/time.Millisecond) / 1000)
	return p
}

func (t *sender) payload(p []byte, video bool) []byte {
	law, g711 := laws[strings.ToUpper(t.codec.Name)]
	if g711 {
		t.tone.Fill(t.samples[:])
		for _, s := range t.samples {
			p = append(p, law.Encode(s))
		}
		return p
	}
	switch strings.ToUpper(t.codec.Name) {
	case "VP8":
		p = append(p, 0x10) // RFC 7741: start of a partition
	case "H264":
		p = append(p, 0x41) // RFC 6184: single NAL unit, coded slice
	default:
		p = append(p, 0xfc) // RFC 6716 section 3.1: CELT, 20 ms, stereo bit set
	}
	p = append(p, t.mark...)
	for video && len(p) < 800 {
		p = append(p, byte(len(p)))
	}
	return p
}

// send is the goroutine that plays.
func (s *Stream) send() {
	period := frame
	if s.cfg.Kind == sdp.Video {
		period = videoFrame
	}
	now := time.Now()
	next, report := now, now.Add(reports/4)
	timer := time.NewTimer(0)
	defer timer.Stop()
	for {
		select {
		case <-s.done:
			return
		case <-s.wake:
		case <-timer.C:
		}
		now = time.Now()
		if now.Sub(next) > 10*period { // the process was stopped: don't flood
			next = now
		}
		for !next.After(now) {
			s.play(now)
			next = next.Add(period)
		}
		s.arrive(now)
		s.check(now)
		s.tick(now)
		if !report.After(now) {
			s.report(now)
			report = now.Add(reports)
		}
		timer.Reset(max(time.Until(s.release(now, next)), 0))
	}
}

// play puts the next packet on the path, if there is anything to be sent.
func (s *Stream) play(now time.Time) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if !s.set || !s.tx.ok || !sends(s.agreed.Direction) || !s.ready() {
		return
	}
	p := s.nextPacket()
	if p == nil {
		return
	}
	if p, ok := s.seal(channelRTP, s.label(p), sealRTP); ok {
		s.tx.path.Push(now, p)
	}
}

// protected tells whether a channel has the keys that it needs.
func (s *Stream) protected(ch channel) bool {
	return s.agreed.Encryption == sdp.None || s.keys[ch].encrypt != nil
}

// nextPacket is a digit's, if one is being dialled, or the codec's.
func (s *Stream) nextPacket() []byte {
	if len(s.tx.dial) > 0 {
		if i := slices.IndexFunc(s.agreed.Codecs, isEvent); i >= 0 {
			return s.tx.nextEvent(s.agreed.Codecs[i])
		}
		s.tx.dial = nil // a re-INVITE took the format away
	}
	return s.tx.next(s.cfg.Kind == sdp.Video)
}

// release sends what the path lets through by now, and tells when to come back, at the latest at next.
func (s *Stream) release(now, next time.Time) time.Time {
	var out [][]byte
	s.mu.Lock()
	from, to := s.carry(channelRTP)
	s.tx.path.Due(now, func(p []byte) { out = append(out, p) })
	s.keep(out)
	if at, ok := s.tx.path.Deadline(); ok && at.Before(next) {
		next = at
	}
	s.mu.Unlock()
	for _, p := range out {
		s.write(s.speaking(from, p), to, p)
	}
	return next
}

func (s *Stream) write(from socket, to netip.AddrPort, p []byte) {
	s.record(time.Now(), true, from.at, to, p)
	_, _ = from.conn.WriteToUDPAddrPort(p, to) // a refused port shows as loss at the other end
}

// transmit puts an RTCP packet on its way.
func (s *Stream) transmit(p []byte) {
	s.mu.Lock()
	from, to := s.carry(channelRTCP)
	s.mu.Unlock()
	if p != nil && to.IsValid() && to.Port() != 0 {
		s.write(from, to, p)
	}
}

// report sends a sender or receiver report (RFC 3550 section 6.4).
func (s *Stream) report(now time.Time) {
	s.mu.Lock()
	p := s.buildReport(now, nil)
	s.mu.Unlock()
	s.transmit(p)
}

// buildReport makes a compound packet; more comes at its end (RFC 4585 section 3.1).
func (s *Stream) buildReport(now time.Time, more []rtcp.Packet) []byte {
	ch := channelRTCP
	if s.agreed.Mux {
		ch = channelRTP
	}
	if !s.set {
		return nil
	}
	blocks := s.rx.blocks(now)
	var first rtcp.Packet = &rtcp.ReceiverReport{SSRC: s.tx.ssrc, Reports: blocks}
	if s.tx.packets > 0 && sends(s.agreed.Direction) {
		first = &rtcp.SenderReport{
			SSRC: s.tx.ssrc, NTPTime: ntp(now), RTPTime: s.tx.timestamp, PacketCount: uint32(s.tx.packets),
			OctetCount: uint32(s.tx.octets), Reports: blocks,
		}
	}
	items := []rtcp.SourceDescriptionItem{{Type: rtcp.SDESCNAME, Text: "sipsim"}}
	if s.bundle.MID != "" {
		items = append(items, rtcp.SourceDescriptionItem{Type: 15, Text: s.bundle.MID}) // RFC 9143 section 15.1
	}
	name := &rtcp.SourceDescription{Chunks: []rtcp.SourceDescriptionChunk{{Source: s.tx.ssrc, Items: items}}}
	p, err := rtcp.Marshal(append([]rtcp.Packet{first, name}, more...))
	if err != nil {
		return nil
	}
	p, _ = s.seal(ch, p, sealRTCP)
	return p
}

// ntp is the 64 bit time of RFC 3550 section 4.
func ntp(t time.Time) uint64 {
	const epoch = 2208988800 // seconds from 1900 to 1970
	ns := uint64(t.UnixNano())
	return (ns/1e9+epoch)<<32 | (ns%1e9)<<32/1e9
}
