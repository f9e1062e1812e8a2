package relay

import (
	"net/netip"
	"time"

	"b2bua/media/rtp"
	"b2bua/media/sdp"
	"b2bua/media/srtp"
)

// Side is a leg of the call.
type Side uint8

// Sides.
const (
	A Side = iota
	B
)

// Other is the opposite side.
func (s Side) Other() Side { return 1 - s }

// String is "A" or "B".
func (s Side) String() string {
	if s == A {
		return "A"
	}
	return "B"
}

// Channel is one of the two ports of a leg.
type Channel uint8

// Channels.
const (
	RTP Channel = iota
	RTCP
)

// String is "RTP" or "RTCP".
func (c Channel) String() string {
	if c == RTP {
		return "RTP"
	}
	return "RTCP"
}

// Headroom is the capacity that a buffer given to Handle needs behind the packet, octets.
const Headroom = srtp.MaxOverhead + rtp.MaxExtension

// Config of one stream.
type Config struct {
	Kind sdp.Kind
	// NoMedia is how long a side may be silent, RTP and RTCP, 0: not supervised. Hold is the same for a side that is on hold:
	// not sendrecv, or without an address to send to.
	NoMedia, Hold time.Duration
	// PerTick is how many datagrams each port may take between two Ticks, 0: any number. What exceeds it is dropped. The addresses
	// where the peer is have the number for themselves, all others together once more: who floods a port from elsewhere, even one that
	// must hear everybody for ICE, silences nobody.
	PerTick int
	Notify  func(Event) // called from Handle and Tick; may be nil
	// Send is given what goes out beside the packet that is handled: a wish for a picture. Its memory is the receiver's. Nil: there is none.
	Send func(Output)
	// Other is given what is not RTP or RTCP: STUN, DTLS, ZRTP. The slice is only valid during the call. Nil: counted only.
	Other func(side Side, ch Channel, class rtp.Class, from netip.AddrPort, b []byte)
	// Early is given RTP and RTCP that comes on a side with DTLS before the keys of its channel are there: a peer may have
	// its own a little sooner. The slice is only valid during the call. Nil: counted only.
	Early func(side Side, ch Channel, from netip.AddrPort, b []byte)
}

// Output is a datagram to send. An empty Packet: nothing.
type Output struct {
	Packet []byte
	To     netip.AddrPort
	Side   Side
	Ch     Channel
}

// Relay is one stream between two legs.
type Relay struct {
	cfg     Config
	sides   [2]side
	spare   []byte // copy of a packet that is tried under two keys
	scratch *srtp.Scratch
	closed  bool
}

// New makes a relay whose sides are both still unset.
func New(cfg Config) *Relay {
	r := &Relay{cfg: cfg}
	for i := range r.sides {
		s := &r.sides[i]
		s.transport = &s.own
	}
	return r
}

// Share gives the keys that are applied from now on a Scratch in common with other relays of the same thread.
func (r *Relay) Share(x *srtp.Scratch) { r.scratch = x }

// Touch reads what the next packet of a side will need. Over all packets of a round, before the first of them is handled, it lets
// the processor fetch the states of many streams at a time instead of waiting for each. The result means nothing.
func (r *Relay) Touch(on Side) uint64 { return r.sides[on].touch(&r.sides[on.Other()]) }

// Handle decides about one datagram that came to a side's port. The packet that it returns lies in b's memory; b's capacity
// must exceed its length by Headroom.
func (r *Relay) Handle(now time.Time, from netip.AddrPort, on Side, ch Channel, b []byte) Output {
	var h rtp.Header
	kind, b := r.open(now, from, on, ch, b, &h)
	switch kind {
	case media:
		return r.media(now, from, on, h, b)
	case control:
		return r.control(now, from, on, ch, b)
	case exchange:
		return r.passZRTP(from, on, b)
	case keyless:
		return r.keyless(now, from, on, ch, b)
	case nothing:
	}
	return Output{}
}

// content of a datagram.
type content uint8

const (
	nothing  content = iota
	media            // RTP, clear and with a valid header
	control          // RTCP, clear and valid
	exchange         // of ZRTP, between the phones
	keyless          // RTP or RTCP, for which there are no keys
)

// open takes a datagram off a side's transport: all that does not depend on the stream that it belongs to. h is the header of media.
func (r *Relay) open(now time.Time, from netip.AddrPort, on Side, ch Channel, b []byte, h *rtp.Header) (content, []byte) {
	s := &r.sides[on]
	if r.cfg.PerTick > 0 && s.take(ch, from) > r.cfg.PerTick+int(s.more) {
		s.stats.Flooded++
		s.flooder = from
		return nothing, nil
	}
	class := rtp.Classify(b)
	if class != rtp.ClassRTP {
		s.stats.Other++
		if class == rtp.ClassZRTP && ch == RTP && s.zrtp.through {
			return exchange, b
		}
		if r.cfg.Other != nil {
			r.cfg.Other(on, ch, class, from, b)
		}
		return nothing, nil
	}
	switch {
	case !s.enabled || s.secure && s.keysOf(ch).recv == nil:
		return keyless, b
	case ch == RTCP && !rtp.IsRTCP(b):
		s.stats.Malformed++
		return nothing, nil
	case ch == RTCP || s.mux && rtp.IsRTCP(b):
		return r.openControl(now, s, ch, b)
	}
	return r.openMedia(now, s, b, h)
}

func (r *Relay) openMedia(now time.Time, s *side, b []byte, h *rtp.Header) (content, []byte) {
	var err error
	if *h, err = rtp.Parse(b); err != nil {
		s.stats.Malformed++
		return nothing, nil
	}
	if s.secure {
		if b, err = r.openRTP(now, s.keysOf(RTP), s, b); err != nil {
			s.refuse(err)
			return nothing, nil
		}
	}
	if rtp.CheckPadding(b, *h) != nil {
		s.stats.Malformed++
		return nothing, nil
	}
	return media, b
}

func (r *Relay) openControl(now time.Time, s *side, ch Channel, b []byte) (content, []byte) {
	if s.secure {
		var err error
		if b, err = r.openRTCP(now, s.keysOf(ch), s, b); err != nil {
			s.refuse(err)
			return nothing, nil
		}
	}
	if rtp.ValidRTCP(b) != nil {
		s.stats.Malformed++
		return nothing, nil
	}
	return control, b
}

// media relays an RTP packet.
func (r *Relay) media(now time.Time, from netip.AddrPort, on Side, h rtp.Header, b []byte) Output {
	s := &r.sides[on]
	codec := s.codec(h.PT)
	if !codec.known { // says nothing about who the peer is, so it does not latch
		s.stats.Unmapped++
		return Output{}
	}
	if !r.admit(now, from, on, h, s.secure) {
		s.stats.Strangers++
		return Output{}
	}
	s.count(now, h, len(b), codec)
	if s.wished {
		r.sendWish(on)
	}
	if !receives(s.direction) {
		s.stats.Held++
		return Output{}
	}
	if codec.tones {
		r.hear(now, on, h, b)
		return Output{}
	}
	return r.forward(now, on, h, b)
}

// forward puts an accepted RTP packet on the other side's line.
func (r *Relay) forward(now time.Time, on Side, h rtp.Header, b []byte) Output {
	s, o := &r.sides[on], &r.sides[on.Other()]
	codec := s.codec(h.PT)
	to := o.target(RTP)
	switch {
	case !o.ready(RTP) || !to.IsValid():
		o.stats.Unsent++
		return Output{}
	case !sends(o.direction):
		o.stats.Held++
		return Output{}
	case !codec.mapped:
		s.stats.Unmapped++
		return Output{}
	case s.played != nil && !codec.repair && !codec.events:
		s.flow.Media.Skip(h) // a digit is being played instead (RFC 4733 section 2.5.1.2)
		return Output{}
	}
	if !r.place(now, on, codec, h, b) {
		s.stats.Late++
		return Output{}
	}
	switch {
	case o.tag != nil:
		b = rtp.SetExtension(b, o.tag.number, o.tag.mid)
	case b[0]&0x10 != 0: // agreed with this side's peer alone, if with anybody: numbers and a=mid mean nothing to the other one
		b = rtp.CutExtension(b)
	}
	n := len(b)
	if o.secure {
		var err error
		if b, err = o.keysOf(RTP).send.Protect(b); err != nil {
			s.stats.Late++ // a number that was sent already, or is too old to be sent
			return Output{}
		}
	}
	o.stats.Sent++
	o.stats.SentOctets += uint64(n)
	return Output{Packet: b, To: to, Side: on.Other(), Ch: RTP}
}

// place writes the packet's numbers on the outgoing line, and its payload type; false: it does not continue the line.
func (r *Relay) place(now time.Time, on Side, c *codec, h rtp.Header, b []byte) bool {
	s := &r.sides[on]
	line := &s.flow.Media
	if c.repair {
		line = &s.flow.Repair
		if p := b[h.Size:]; len(p) >= 2 {
			osn := s.flow.OriginalSeq(uint16(p[0])<<8 | uint16(p[1]))
			p[0], p[1] = byte(osn>>8), byte(osn)
		}
	}
	if !line.Started() {
		s.begin(line, &r.sides[on.Other()], h)
	}
	seq, ts, fate := line.Map(now, h, int(c.rate))
	if fate == rtp.Drop {
		return false
	}
	ssrc, _ := line.SSRC()
	rtp.SetLine(b, seq, ts, ssrc)
	rtp.SetPT(b, c.out)
	if fate == rtp.Switched && r.cfg.Kind == sdp.Audio {
		b[1] |= 0x80 // a new talk spurt: the receiver may fit its jitter buffer anew (RFC 3551 section 4.1)
	}
	return true
}

// control relays a compound RTCP packet. It flows whatever the direction of the media (RFC 3264 section 5.1).
func (r *Relay) control(now time.Time, from netip.AddrPort, on Side, ch Channel, b []byte) Output {
	s, o := &r.sides[on], &r.sides[on.Other()]
	if !s.admitRTCP(from, ch, s.secure) {
		s.stats.Strangers++
		return Output{}
	}
	s.stats.RTCP++
	s.heard(now)
	about, _ := o.flow.Media.SSRC()
	reports := rtp.ReadReports(b, about)
	s.report(now, reports, o.reception.Rate(), s.former(ch))
	if reports.Picture && (!s.feedback || !o.feedback) {
		r.pictureLost(now, on)
	}
	back := RTCP
	if o.mux {
		back = RTP
	}
	to := o.target(RTCP)
	if !o.ready(back) || !to.IsValid() {
		o.stats.Unsent++
		return Output{}
	}
	b = rtp.Rewriter{Own: &s.flow, Reported: &o.flow, Received: &o.reception, NoFeedback: !s.feedback || !o.feedback}.Rewrite(b)
	if len(b) < 8 {
		return Output{}
	}
	if o.secure {
		var err error
		if b, err = o.keysOf(back).send.ProtectRTCP(b); err != nil {
			o.stats.Unsent++
			return Output{}
		}
	}
	o.stats.SentRTCP++
	o.trip.Sent(now, reports)
	return Output{Packet: b, To: to, Side: on.Other(), Ch: back}
}

// SendFailed counts a datagram to a side that the system did not take. unroutable: there is no way to that address, which the
// next Tick tells with the number of such datagrams and the first of the addresses, once for each time the side is set.
func (r *Relay) SendFailed(to Side, addr netip.AddrPort, unroutable bool) {
	s := &r.sides[to]
	s.stats.SendFailed++
	if unroutable {
		if s.unroutable == 0 {
			s.wayless = addr
		}
		s.unroutable++
	}
}

// Oversized counts a datagram that did not fit the buffer.
func (r *Relay) Oversized(on Side) { r.sides[on].stats.Oversized++ }

// Settled is the address that a side's RTP may be bound to for now, so that the kernel itself refuses all other sources: the
// peer speaks from there, and no other source has a better claim. Not ok: every source has to be heard.
func (r *Relay) Settled(now time.Time, on Side) (netip.AddrPort, bool) {
	s := &r.sides[on]
	if !s.enabled || s.rides() || s.path != nil || s.secure && s.keysOf(RTP).recv == nil { // checks may come from anywhere
		return netip.AddrPort{}, false
	}
	return s.latch.source, s.latch.settled(now, s.secure)
}

// Close wipes all keys; every later packet is dropped.
func (r *Relay) Close() {
	r.closed = true
	for i := range r.sides {
		s := &r.sides[i]
		s.wipe()
		s.enabled = false
	}
	clear(r.spare)
}

func (r *Relay) notify(e Event) {
	if r.cfg.Notify != nil {
		r.cfg.Notify(e)
	}
}

// receives and sends read a direction, which is ours.
func receives(d sdp.Direction) bool { return d == sdp.SendRecv || d == sdp.RecvOnly }
func sends(d sdp.Direction) bool    { return d == sdp.SendRecv || d == sdp.SendOnly }
