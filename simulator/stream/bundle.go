package stream

import (
	"net/netip"
	"slices"
	"time"

	"b2bua/media/rtp"
	"b2bua/media/sdp"

	"github.com/pion/rtcp"
	"github.com/pion/srtp/v3"
)

// Bundle is how a stream shares a transport (RFC 9143).
type Bundle struct {
	On        *Stream // whose sockets, path and keys are used; the stream itself: its own, and others may use them
	MID       string  // what our packets say in a header extension; empty: nothing
	Extension uint8   // its number
	Heard     string  // what the peer's packets for this stream say
}

// SetBundle tells how the transport is shared from the next Set on; a Bundle without On: not at all.
func (s *Stream) SetBundle(b Bundle) {
	s.mu.Lock()
	before := s.bundle.On
	s.bundle = b
	s.mu.Unlock()
	if before != nil && before != s && before != b.On {
		before.admit(s, false)
	}
	if b.On != nil && b.On != s {
		b.On.admit(s, true)
	}
}

// admit adds or removes a stream that uses the transport of this one.
func (s *Stream) admit(rider *Stream, in bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.riders = slices.DeleteFunc(slices.Clone(s.riders), func(r *Stream) bool { return r == rider })
	if in {
		s.riders = append(s.riders, rider)
	}
}

// rides tells whether the transport is another stream's. The stream's lock is held.
func (s *Stream) rides() bool { return s.bundle.On != nil && s.bundle.On != s }

// carry is where packets of a channel leave, and to where; invalid: nowhere yet. The stream's lock is held; that of the one whose
// transport it is comes after it.
func (s *Stream) carry(ch channel) (from socket, to netip.AddrPort) {
	if s.rides() {
		t := s.bundle.On
		t.mu.Lock()
		defer t.mu.Unlock()
		return t.at(channelRTP), t.remote(channelRTP, t.agreed)
	}
	from = s.at(ch)
	if s.agreed.Mux {
		from = s.at(channelRTP)
	}
	return from, s.remote(ch, s.agreed)
}

// seal protects a packet with the keys of a channel, not ok: there are none yet. The stream's lock is held.
func (s *Stream) seal(ch channel, p []byte, protect func(*srtp.Context, []byte) ([]byte, error)) (out []byte, ok bool) {
	t := s
	if s.rides() {
		t, ch = s.bundle.On, channelRTP
		t.mu.Lock()
		defer t.mu.Unlock()
	}
	if t.agreed.Encryption == sdp.None {
		return p, true
	}
	if !t.protected(ch) {
		return nil, false
	}
	out, err := protect(t.keys[ch].encrypt, p)
	return out, err == nil // never in clear
}

func sealRTP(c *srtp.Context, p []byte) ([]byte, error)  { return c.EncryptRTP(nil, p, nil) }
func sealRTCP(c *srtp.Context, p []byte) ([]byte, error) { return c.EncryptRTCP(nil, p, nil) }

// ready tells whether a packet that is made now can leave. The stream's lock is held.
func (s *Stream) ready() bool {
	if !s.rides() {
		return s.remote(channelRTP, s.agreed).IsValid() && s.protected(channelRTP)
	}
	t := s.bundle.On
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.set && t.remote(channelRTP, t.agreed).IsValid() && t.protected(channelRTP)
}

// label puts our a=mid on a packet.
func (s *Stream) label(p []byte) []byte {
	if s.bundle.MID == "" || s.bundle.Extension == 0 {
		return p
	}
	return rtp.SetExtension(p, s.bundle.Extension, []byte(s.bundle.MID))
}

// sharing are the streams on this one's transport, itself the first; nil: it has it for itself. The stream's lock is held.
func (s *Stream) sharing() []*Stream {
	if len(s.riders) == 0 {
		return nil
	}
	return append([]*Stream{s}, s.riders...)
}

// pick finds the stream of a clear packet: by a=mid, by an SSRC that was heard before, by the payload type (RFC 9143 section 9.2); nil:
// nobody's.
func pick(streams []*Stream, p []byte, h header) *Stream {
	var known, typed *Stream
	for _, s := range streams {
		s.mu.Lock()
		mid := rtp.Extension(p, s.bundle.Extension)
		_, speaks := s.codec(h.pt)
		heard := s.rx.sources[h.ssrc] != nil
		name := s.bundle.Heard
		s.mu.Unlock()
		switch {
		case mid != nil && string(mid) == name:
			return s
		case mid != nil:
		case heard:
			known = s
		case speaks && typed == nil:
			typed = s
		}
	}
	if known != nil {
		return known
	}
	return typed
}

// distribute gives the packets of a compound to the streams that they are about.
func distribute(now time.Time, streams []*Stream, packets []rtcp.Packet) {
	for _, s := range streams {
		s.mu.Lock()
		mine := slices.DeleteFunc(slices.Clone(packets), func(p rtcp.Packet) bool { return !s.concerns(p) })
		if len(mine) > 0 {
			s.reported(now, mine)
		}
		s.mu.Unlock()
	}
}

// concerns tells whether an RTCP packet is about a source that is heard here, or about ours.
func (s *Stream) concerns(p rtcp.Packet) bool {
	if r, ok := p.(*rtcp.SenderReport); ok && s.rx.sources[r.SSRC] != nil {
		return true
	}
	return slices.Contains(p.DestinationSSRC(), s.tx.ssrc)
}
