package srtp

import (
	"encoding/binary"

	"b2bua/media/rtp"
	"b2bua/media/sdp"
)

// MaxReceived is the number of authenticated SSRCs that a Receiver knows at a time. A phone uses one or two, with
// retransmission streams four; one that counts through more loses the state of the one that it used longest ago.
const MaxReceived = 16

// source is the receiving state of one SSRC.
type source struct {
	ssrc      uint32
	used      uint64 // turn of the last packet, for eviction
	rtp, rtcp window
	before    uint64 // newest index under the key before and one, 0: nothing is known, or a packet under this key told better
}

// Receiver opens what a peer has protected under one master key.
type Receiver struct {
	t       transform
	x       *Scratch
	params  params
	mki     int
	sources []source
	one     [1]source // behind sources until there are more
	last    int
	turn    uint64
	evicted uint64
}

// NewReceiver derives the session keys. It keeps no reference to c.Key.
func NewReceiver(c sdp.Crypto, options ...Option) (*Receiver, error) {
	p, err := checkKey(c, options)
	if err != nil {
		return nil, err
	}
	if p.authenticatedEnc { // state and keys are one object: they are used together
		o := &struct {
			Receiver
			gcm gcm
		}{Receiver: Receiver{params: p, mki: len(c.MKI)}}
		o.t, o.sources = &o.gcm, o.one[:0]
		if err := o.gcm.init(c, p); err != nil {
			return nil, err
		}
		return &o.Receiver, nil
	}
	o := &struct {
		Receiver
		cm cm
	}{Receiver: Receiver{params: p, mki: len(c.MKI)}}
	o.t, o.sources = &o.cm, o.one[:0]
	if err := o.cm.init(c, p); err != nil {
		return nil, err
	}
	return &o.Receiver, nil
}

// Share makes it work with a Scratch of the thread that it belongs to.
func (r *Receiver) Share(x *Scratch) { r.x = x }

// Touch reads what the next packet will need; see relay.Relay.Touch.
func (r *Receiver) Touch() uint64 {
	if r.t == nil {
		return 0
	}
	return r.one[0].rtp.top + r.t.touch()
}

func (r *Receiver) scratch() *Scratch {
	if r.x == nil {
		r.x = NewScratch()
	}
	return r.x
}

// Unprotect authenticates and decrypts an RTP packet in place, and returns the clear packet in the memory of b. After an
// error of GCM the content of b is lost.
func (r *Receiver) Unprotect(b []byte) ([]byte, error) {
	if r.t == nil {
		return nil, ErrWiped
	}
	h, err := rtp.Parse(b)
	if err != nil {
		return nil, err
	}
	if len(b) < h.Size+r.params.rtpTag+r.mki {
		return nil, ErrShort
	}
	s := r.find(h.SSRC)
	index := uint64(h.Seq)
	if s != nil {
		if s.before > 0 {
			return r.first(b, h, s)
		}
		var ok bool
		if index, ok = s.rtp.estimate(h.Seq); !ok || !s.rtp.fresh(index) {
			return nil, ErrReplay
		}
	}
	out, err := r.t.openRTP(r.scratch(), b, h.Size, h.SSRC, index)
	if err != nil {
		return nil, err
	}
	r.touch(s, h.SSRC).rtp.use(index)
	return out, nil
}

// UnprotectRTCP authenticates and decrypts a compound RTCP packet in place. Packets without the E flag are refused: all
// sessions here are encrypted.
func (r *Receiver) UnprotectRTCP(b []byte) ([]byte, error) {
	if r.t == nil {
		return nil, ErrWiped
	}
	if len(b) < rtcpClear+srtcpWord+r.mki+r.params.rtcpTag {
		return nil, ErrShort
	}
	if b[0]>>6 != 2 {
		return nil, rtp.ErrVersion
	}
	at := len(b) - r.mki - srtcpWord
	if !r.params.authenticatedEnc {
		at -= r.params.rtcpTag
	}
	word := binary.BigEndian.Uint32(b[at:])
	if word&eFlag == 0 {
		return nil, ErrAuth
	}
	index := word &^ eFlag
	ssrc := binary.BigEndian.Uint32(b[4:])
	s := r.find(ssrc)
	if s != nil && !s.rtcp.fresh(uint64(index)) {
		return nil, ErrReplay
	}
	out, err := r.t.openRTCP(r.scratch(), b, ssrc, index)
	if err != nil {
		return nil, err
	}
	r.touch(s, ssrc).rtcp.use(uint64(index))
	return out, nil
}

// Heard tells whether a packet was authentic, or one was under the same key before.
func (r *Receiver) Heard() bool { return r.turn > 0 }

// Evicted counts the SSRCs whose state had to make room.
func (r *Receiver) Evicted() uint64 { return r.evicted }

// Wipe clears the keys; every later packet is refused with ErrWiped.
func (r *Receiver) Wipe() {
	if r.t != nil {
		r.t.wipe()
	}
	r.t, r.sources = nil, nil
}

func (r *Receiver) find(ssrc uint32) *source {
	if r.last < len(r.sources) && r.sources[r.last].ssrc == ssrc {
		return &r.sources[r.last]
	}
	for i := range r.sources {
		if r.sources[i].ssrc == ssrc {
			r.last = i
			return &r.sources[i]
		}
	}
	return nil
}

// touch notes that a packet was authenticated, and makes the state of its SSRC when s is nil.
func (r *Receiver) touch(s *source, ssrc uint32) *source {
	r.turn++
	if s == nil {
		s = r.place()
		*s = source{ssrc: ssrc}
	}
	s.used = r.turn
	return s
}

func (r *Receiver) place() *source {
	if len(r.sources) < MaxReceived {
		r.sources = append(r.sources, source{})
		r.last = len(r.sources) - 1
		return &r.sources[r.last]
	}
	oldest := 0 // one that was only followed to here goes first
	for i := range r.sources {
		if r.sources[i].used < r.sources[oldest].used {
			oldest = i
		}
	}
	if r.sources[oldest].used > 0 {
		r.evicted++
	}
	r.last = oldest
	return &r.sources[oldest]
}
