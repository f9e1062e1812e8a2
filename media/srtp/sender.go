package srtp

import (
	"encoding/binary"

	"b2bua/media/rtp"
	"b2bua/media/sdp"
)

// MaxSent is the number of SSRCs that may be sent under one key. Their state is never evicted: an SSRC that came back with a
// fresh roll-over counter would use keystream a second time.
const MaxSent = 16

// line is the sending state of one SSRC.
type line struct {
	ssrc uint32
	sent window
}

// Sender protects what we send under one master key.
type Sender struct {
	t         transform
	params    params
	mki       int
	lines     []line
	rtcpIndex uint32 // one for all SSRCs: it only has to grow for each of them
}

// NewSender derives the session keys. It keeps no reference to c.Key.
func NewSender(c sdp.Crypto) (*Sender, error) {
	t, p, err := newTransform(c)
	if err != nil {
		return nil, err
	}
	return &Sender{t: t, params: p, mki: len(c.MKI)}, nil
}

// Protect encrypts and authenticates an RTP packet in place. b's capacity must have room for the tag and the MKI. A packet
// whose index was used already under this key is refused with ErrReplay, whatever its content.
func (s *Sender) Protect(b []byte) ([]byte, error) {
	if s.t == nil {
		return nil, ErrWiped
	}
	h, err := rtp.Parse(b)
	if err != nil {
		return nil, err
	}
	if cap(b)-len(b) < s.params.rtpTag+s.mki {
		return nil, ErrRoom
	}
	l := s.find(h.SSRC)
	if l == nil {
		return nil, ErrSources
	}
	index, ok := l.sent.estimate(h.Seq)
	if !ok && index > maxIndex && index < 1<<62 {
		return nil, ErrExhausted
	}
	if !ok || !l.sent.fresh(index) {
		return nil, ErrReplay
	}
	l.sent.use(index)
	return s.t.sealRTP(b, h.Size, h.SSRC, index), nil
}

// ProtectRTCP encrypts and authenticates a compound RTCP packet in place. b's capacity must have room for index, tag and MKI.
func (s *Sender) ProtectRTCP(b []byte) ([]byte, error) {
	if s.t == nil {
		return nil, ErrWiped
	}
	if len(b) < rtcpClear {
		return nil, ErrShort
	}
	if cap(b)-len(b) < srtcpWord+s.params.rtcpTag+s.mki {
		return nil, ErrRoom
	}
	if s.rtcpIndex >= maxRTCPIndex {
		return nil, ErrExhausted
	}
	s.rtcpIndex++
	return s.t.sealRTCP(b, binary.BigEndian.Uint32(b[4:]), s.rtcpIndex), nil
}

// Wipe clears the keys; every later packet is refused with ErrWiped.
func (s *Sender) Wipe() {
	if s.t != nil {
		s.t.wipe()
	}
	s.t, s.lines = nil, nil
}

func (s *Sender) find(ssrc uint32) *line {
	for i := range s.lines {
		if s.lines[i].ssrc == ssrc {
			return &s.lines[i]
		}
	}
	if len(s.lines) == MaxSent {
		return nil
	}
	s.lines = append(s.lines, line{ssrc: ssrc})
	return &s.lines[len(s.lines)-1]
}
