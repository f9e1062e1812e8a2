package srtp

import (
	"encoding/binary"
	"slices"

	"b2bua/media/rtp"
	"b2bua/media/sdp"
)

// MaxSent is the number of SSRCs that may be sent under one key: streams that come and go on a shared transport each have one. Their
// state is never evicted: an SSRC that came back with a fresh roll-over counter would use keystream a second time.
const MaxSent = 256

// line is the sending state of one SSRC.
type line struct {
	ssrc uint32
	sent window
}

// Sender protects what we send under one master key.
type Sender struct {
	t         transform
	x         *Scratch
	params    params
	mki       int
	first     line // of the only SSRC that most have
	used      bool
	more      []line
	rtcpIndex uint32 // one for all SSRCs: it only has to grow for each of them
}

// NewSender derives the session keys. It keeps no reference to c.Key.
func NewSender(c sdp.Crypto, options ...Option) (*Sender, error) {
	p, err := checkKey(c, options)
	if err != nil {
		return nil, err
	}
	if p.authenticatedEnc { // state and keys are one object: they are used together
		o := &struct {
			Sender
			gcm gcm
		}{Sender: Sender{params: p, mki: len(c.MKI)}}
		o.t = &o.gcm
		if err := o.gcm.init(c, p); err != nil {
			return nil, err
		}
		return &o.Sender, nil
	}
	o := &struct {
		Sender
		cm cm
	}{Sender: Sender{params: p, mki: len(c.MKI)}}
	o.t = &o.cm
	if err := o.cm.init(c, p); err != nil {
		return nil, err
	}
	return &o.Sender, nil
}

// Share makes it work with a Scratch of the thread that it belongs to.
func (s *Sender) Share(x *Scratch) { s.x = x }

// Touch reads what the next packet will need; see relay.Relay.Touch.
func (s *Sender) Touch() uint64 {
	if s.t == nil {
		return 0
	}
	return s.first.sent.top + s.t.touch()
}

func (s *Sender) scratch() *Scratch {
	if s.x == nil {
		s.x = NewScratch()
	}
	return s.x
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
	return s.t.sealRTP(s.scratch(), b, h.Size, h.SSRC, index), nil
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
	return s.t.sealRTCP(s.scratch(), b, binary.BigEndian.Uint32(b[4:]), s.rtcpIndex), nil
}

// Wipe clears the keys; every later packet is refused with ErrWiped.
func (s *Sender) Wipe() {
	if s.t != nil {
		s.t.wipe()
	}
	s.t, s.used, s.more = nil, false, nil
}

// Sent tells whether packets of that SSRC were protected. s may be nil.
func (s *Sender) Sent(ssrc uint32) bool {
	return s != nil && s.used && (s.first.ssrc == ssrc || slices.ContainsFunc(s.more, func(l line) bool { return l.ssrc == ssrc }))
}

func (s *Sender) find(ssrc uint32) *line {
	if s.first.ssrc == ssrc && s.used {
		return &s.first
	}
	for i := len(s.more) - 1; i >= 0; i-- { // those that were the first are those that ended
		if s.more[i].ssrc == ssrc {
			return &s.more[i]
		}
	}
	if !s.used {
		s.first, s.used = line{ssrc: ssrc}, true
		return &s.first
	}
	if len(s.more) == MaxSent-1 {
		return nil
	}
	s.more = append(s.more, line{ssrc: ssrc})
	return &s.more[len(s.more)-1]
}
