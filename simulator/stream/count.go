package stream

import (
	"fmt"
	"math"
	"strconv"
	"strings"
	"time"

	"b2bua/media/sdp"
	"b2bua/simulator/tone"

	"github.com/pion/rtcp"
)

// source is the reception state of one SSRC (RFC 3550 appendix A).
type source struct {
	ssrc         uint32
	base, max    uint64 // extended sequence numbers
	unique       uint64
	window       uint64 // bit n: max-n was received
	reordered    uint64
	duplicates   uint64
	transit      float64 // last one, seconds
	timed        bool
	jitter       float64 // seconds
	reportAt     time.Time
	reportNTP    uint32
	lastExpected uint64
	lastUnique   uint64
}

// count does the sequence numbers and the jitter of one accepted packet.
func (r *receiver) count(now time.Time, h header, codec sdp.Codec, rate int) {
	r.accepted++
	src := r.sources[h.ssrc]
	if src == nil {
		if len(r.sources) >= maxSources {
			return
		}
		first := uint64(h.seq) + 1<<16 // one cycle of room for packets before the first
		src = &source{ssrc: h.ssrc, base: first, max: first, window: 1, unique: 1}
		r.sources[h.ssrc] = src
		r.last = src
		src.arrive(now, h.timestamp, rate)
		return
	}
	r.last = src
	if src.sequence(h.seq) && !isEvent(codec) { // the packets of an event share a timestamp
		src.arrive(now, h.timestamp, rate)
	}
}

// sequence places a sequence number and tells whether it is a new one in order.
func (s *source) sequence(seq uint16) bool {
	ext := s.max + uint64(int64(int16(seq-uint16(s.max))))
	switch {
	case ext > s.max:
		if d := ext - s.max; d < 64 {
			s.window = s.window<<d | 1
		} else {
			s.window = 1
		}
		s.max = ext
		s.unique++
		return true
	case s.max-ext < 64 && s.window&(1<<(s.max-ext)) != 0:
		s.duplicates++
	default:
		if s.max-ext < 64 {
			s.window |= 1 << (s.max - ext)
		}
		s.base = min(s.base, ext)
		s.reordered++
		s.unique++
	}
	return false
}

// arrive runs the jitter estimate of RFC 3550 section 6.4.1.
func (s *source) arrive(now time.Time, timestamp uint32, rate int) {
	if rate <= 0 {
		return
	}
	transit := float64(now.UnixNano())/1e9 - float64(timestamp)/float64(rate)
	if s.timed {
		if d := math.Abs(transit - s.transit); d < 5 { // a jump of the clock is no jitter
			s.jitter += (d - s.jitter) / 16
		}
	}
	s.transit, s.timed = transit, true
}

func (s *source) expected() uint64 { return s.max - s.base + 1 }

func (r *receiver) stats() Stats {
	st := Stats{From: r.from, Received: r.accepted, Octets: r.octets, Refused: r.refused, RTCP: r.rtcp, SSRCs: len(r.sources), Events: string(r.events), Pictures: r.pictures, Feedback: r.feedback, Nacked: r.nacked}
	var expected, unique uint64
	for _, s := range r.sources {
		expected += s.expected()
		unique += s.unique
		st.Reordered += s.reordered
		st.Duplicates += s.duplicates
	}
	if expected > unique {
		st.Lost = expected - unique
		st.Loss = float64(st.Lost) / float64(expected)
	}
	if r.last != nil {
		st.Jitter = time.Duration(r.last.jitter * float64(time.Second))
	}
	st.Heard, st.Now = r.detector.Second(), r.detector.Now()
	if r.marked != 0 {
		st.Heard = tone.Heard{Hertz: r.marked, Confidence: 1}
		st.Now = st.Heard
	}
	if time.Since(r.heardAt) >= lately {
		st.Now = tone.Heard{}
	}
	return st
}

// blocks are the reception reports about all sources (RFC 3550 section 6.4.1).
func (r *receiver) blocks(now time.Time) []rtcp.ReceptionReport {
	var out []rtcp.ReceptionReport
	for _, s := range r.sources {
		expected, unique := s.expected(), s.unique
		b := rtcp.ReceptionReport{SSRC: s.ssrc, LastSequenceNumber: uint32(s.max - 1<<16), Jitter: uint32(s.jitter * tone.Rate)}
		if expected > unique {
			b.TotalLost = uint32(min(expected-unique, 1<<23-1))
		}
		if de, du := expected-s.lastExpected, unique-s.lastUnique; de > du && de > 0 {
			b.FractionLost = uint8(min(255, (de-du)*256/de))
		}
		s.lastExpected, s.lastUnique = expected, unique
		if !s.reportAt.IsZero() {
			b.LastSenderReport = s.reportNTP
			b.Delay = uint32(now.Sub(s.reportAt) * 65536 / time.Second)
		}
		if out = append(out, b); len(out) == 31 { // RC has five bits
			break
		}
	}
	return out
}

// lately is how old what is heard now may be.
const lately = 300 * time.Millisecond

const markPrefix = "sipsim tone "

// mark is a payload for codecs that are not encoded here: it names the sender's tone.
func mark(hertz float64) []byte { return fmt.Appendf(nil, "%s%g Hz;", markPrefix, hertz) }

func readMark(p []byte) (float64, bool) {
	_, rest, ok := strings.Cut(string(p), markPrefix)
	if !ok {
		return 0, false
	}
	number, _, ok := strings.Cut(rest, " ")
	if !ok {
		return 0, false
	}
	hertz, err := strconv.ParseFloat(number, 64)
	return hertz, err == nil
}
