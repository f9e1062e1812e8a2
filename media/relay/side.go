package relay

import (
	"errors"
	"net/netip"
	"slices"
	"time"

	"b2bua/media/dtmf"
	"b2bua/media/rtp"
	"b2bua/media/sdp"
	"b2bua/media/srtp"
)

// transport is what streams that share one (RFC 9143) have in common: where the peer is, and its keys.
type transport struct {
	secure, mux bool
	late        sdp.Encryption // DTLS or ZRTP: keys come later; None: with Apply
	dtls        bool           // keys come by Secure
	split       bool           // RTCP has keys of its own: DTLS on two ports
	stale       bool           // the newest packet was under the receiving key before
	more        int32          // datagrams that other streams on it may have between two Ticks
	path        *path          // by ICE
	taken       [2][2]int32    // datagrams since Tick, by channel: of others, of the peer
	latch       latch
	keys        [2]keys // by channel

	control netip.AddrPort // where RTCP comes from
	rtcp    netip.AddrPort // where the peer wants it
	sent    senders        // under keys of descriptions: one may come back
	formers formers        // receiving keys that may come back
}

// side is one leg of the stream. What each packet needs stands first and together.
type side struct {
	*transport   // own, or that of another stream
	set, enabled bool
	feedback     bool // AVPF (RFC 4585)
	wished       bool // a whole picture, of this side's peer, which could not be asked yet
	direction    sdp.Direction
	own          transport
	tag          *tag           // put on what goes to this side; nil: nothing
	known        Member         // what the stream is called towards its peer
	placed       bool           // its peer knows which stream it is sent
	bundle       *Bundle        // of the transport; nil: it is not shared
	detector     *dtmf.Detector // nil: no event of this side had to be told yet
	played       *played        // goes out to the other side in between; nil: nothing
	flow         rtp.Flow       // from this side to the other
	reception    rtp.Reception
	last         time.Time // a valid packet, or the time of Apply
	silences     int       // NoMedia told since last
	wanted       time.Time // since when the peer is to send; zero: it is not
	stats        Stats
	formats      []codec    // the first is that of all payload types without a meaning
	few          [4]codec   // formats, as long as they fit
	codecs       [128]uint8 // by the payload type that comes in: the place in formats

	trip rtp.RoundTrip // to this side's peer and back
	list []sdp.Codec

	zrtp       zrtp
	asked      time.Time      // PictureLost was told
	unroutable uint64         // datagrams without a way since Apply
	wayless    netip.AddrPort // where the first of them was to go
	wayTold    bool           // Unroutable was, since Apply
	flooder    netip.AddrPort // who sent the newest one that exceeded PerTick
	floodTold  bool
	burst      uint64 // authentication failures at the start of the burst window
	burstFrom  time.Time
	burstTold  bool
}

// touch reads what the next packet of the side will need, and does nothing with it.
func (s *side) touch(o *side) uint64 {
	n := uint64(s.taken[0][1]) + uint64(s.latch.source.Port()) + uint64(s.latch.seq) + uint64(s.reception.Rate()) + s.stats.Packets +
		uint64(s.codecs[0]) + uint64(s.last.Nanosecond()) + uint64(o.taken[0][1]) + uint64(o.latch.source.Port()) + o.stats.Sent
	if s.flow.Media.Started() {
		n++
	}
	if len(s.formats) > 1 && s.formats[1].known {
		n++
	}
	if k := s.keysOf(RTP).recv; k != nil {
		n += k.Touch()
	}
	if k := o.keysOf(RTP).send; k != nil {
		n += k.Touch()
	}
	return n
}

// take counts a datagram among those of the peer or of others, and tells how many these are.
func (s *side) take(ch Channel, from netip.AddrPort) int {
	who := 0
	if s.expects(ch, from) {
		who = 1
	}
	n := &s.taken[ch][who]
	*n++
	return int(*n)
}

// expects tells whether an address is one where the peer is or said to be.
func (s *side) expects(ch Channel, from netip.AddrPort) bool {
	if ch == RTP {
		if from == s.latch.source || from == s.latch.signalled || from == s.latch.proven {
			return true
		}
	} else if from == s.control || from == s.rtcp {
		return true
	}
	return s.path != nil && (s.path.knows(ch, from) || slices.Contains(s.path.listed[ch], from))
}

// codec is the meaning of a payload type that comes in. A side was applied before its packets are looked at.
func (s *side) codec(pt uint8) *codec { return &s.formats[s.codecs[pt]] }

// codec is what a payload type of one side means.
type codec struct {
	rate   uint32 // Hz; 12 octets in all: 128 of them are in each side
	known  bool   // negotiated on this side
	mapped bool   // the other side has it too
	repair bool   // a retransmission of RFC 4588
	events bool   // telephone events (RFC 4733)
	tones  bool   // such that the other side lacks: their digits are told instead
	out    uint8
}

// ready tells whether packets of a channel can be sent to the side.
func (s *side) ready(ch Channel) bool { return s.enabled && (!s.secure || s.keysOf(ch).send != nil) }

// keysOf are the keys of what comes and goes on a channel.
func (s *side) keysOf(ch Channel) *keys {
	if s.split {
		return &s.keys[ch]
	}
	return &s.keys[RTP]
}

// held tells whether either end put the side on hold (spec 2.6, 2.10): by a direction, or by an address of 0.0.0.0 (RFC 3264
// section 8.4). A phone that listens to nobody may well send nothing at all meanwhile, not even RTCP.
func (s *side) held() bool {
	return s.direction != sdp.SendRecv || s.path == nil && !usable(s.latch.signalled).IsValid()
}

func (s *side) heard(now time.Time) {
	s.last, s.stats.Last, s.silences = now, now, 0
}

func (s *side) count(now time.Time, h rtp.Header, n int, c *codec) {
	s.heard(now)
	s.stats.LastRTP = now
	s.stats.Packets++
	s.stats.Octets += uint64(n)
	if !c.repair {
		s.reception.Packet(now, h, int(c.rate))
	}
}

// begin gives a line towards the other side o its first numbers.
//
// It has another SSRC than its source if o's peer has chosen the same one for itself (RFC 3550 section 8.2), or the retransmissions
// beside the media, or the reverse: two lines with one SSRC would share the indices of one SRTP key. Later a line never changes: a
// peer that echoes what it is sent would chase it.
//
// Under SRTP it begins in the lower half of the sequence numbers: a peer that missed all packets before the first roll-over would take
// the counter for 0 for ever (RFC 3711 section 3.3.1).
func (s *side) begin(line *rtp.Line, o *side, h rtp.Header) {
	ssrc, seq := h.SSRC, h.Seq
	if o.zrtp.ssrc != 0 && line == &s.flow.Media {
		ssrc = o.zrtp.ssrc // the one that our ZRTP packets name (RFC 6189 section 5)
	}
	if s.flow.Has(ssrc) || o.flow.Fed(ssrc) {
		ssrc ^= 0x5bd1e995
	}
	ssrc = o.bundle.free(ssrc)
	for send := o.keysOf(RTP).send; o.secure && send.Sent(ssrc); { // by a stream that ended: its numbers are used up
		ssrc = o.bundle.free(next(ssrc))
	}
	if o.secure {
		seq &= 0x7fff
	}
	line.Begin(h, ssrc, seq)
}

// report takes what the side's peer says about the stream that it receives. rate is that stream's clock rate, Hz.
// former: it came under the receiving key before.
func (s *side) report(now time.Time, r rtp.Reports, rate int, former bool) {
	if !r.Block {
		return
	}
	s.trip.Reported(now, r)
	if !former { // else another peer may have the transport now
		s.tag, s.placed = nil, true // the peer has the stream (RFC 7941 section 4.1.2)
	}
	s.stats.FarLost = int64(r.Lost)
	if rate > 0 {
		s.stats.FarJitter = time.Duration(r.Jitter) * time.Second / time.Duration(rate)
	}
}

// refuse counts a packet that could not be opened.
func (s *side) refuse(err error) {
	switch {
	case errors.Is(err, srtp.ErrReplay):
		s.stats.Replayed++
	case errors.Is(err, srtp.ErrAuth):
		s.stats.AuthFailed++
	default:
		s.stats.Malformed++
	}
}

// target is where the side's packets of a channel go; invalid when that is not known or the peer has given 0.0.0.0.
func (s *side) target(ch Channel) netip.AddrPort {
	if s.path != nil {
		return s.iceTarget(ch)
	}
	media := s.latch.target()
	if ch == RTP || s.mux {
		return media
	}
	if s.control.IsValid() {
		return s.control
	}
	if s.latch.source.IsValid() && s.latch.source.Addr() != s.latch.signalled.Addr() {
		// Behind a NAT: the usual pair of ports is the best guess until its RTCP is heard.
		return netip.AddrPortFrom(media.Addr(), media.Port()+1)
	}
	return usable(s.rtcp)
}

// usable is a, or invalid when nothing can be sent there.
func usable(a netip.AddrPort) netip.AddrPort {
	if !a.IsValid() || a.Addr().IsUnspecified() || a.Port() == 0 {
		return netip.AddrPort{}
	}
	return a
}

// rides tells whether the transport is another stream's.
func (s *side) rides() bool { return s.transport != &s.own }

func (s *side) wipe() {
	for i := range s.own.keys {
		s.stats.Evicted += s.own.keys[i].wipe(&s.own.formers)
	}
	s.own.sent.wipe()
}

// openRTP decrypts an RTP packet under the current key or, for a while after a change, the one before.
func (r *Relay) openRTP(now time.Time, k *keys, s *side, b []byte) ([]byte, error) {
	if k.old == nil {
		return k.recv.Unprotect(b)
	}
	return r.openEither(now, k, s, b, (*srtp.Receiver).Unprotect)
}

func (r *Relay) openRTCP(now time.Time, k *keys, s *side, b []byte) ([]byte, error) {
	if k.old == nil {
		return k.recv.UnprotectRTCP(b)
	}
	return r.openEither(now, k, s, b, (*srtp.Receiver).UnprotectRTCP)
}

func (r *Relay) openEither(now time.Time, k *keys, s *side, b []byte, open func(*srtp.Receiver, []byte) ([]byte, error)) ([]byte, error) {
	s.stale = false
	if now.After(k.oldUntil) {
		s.stats.Evicted += k.dropOld(&s.formers)
		return open(k.recv, b)
	}
	r.spare = append(r.spare[:0], b...) // an attempt may destroy the packet
	out, err := open(k.recv, b)
	if err == nil {
		return out, nil
	}
	b = b[:len(r.spare)]
	copy(b, r.spare)
	if out, oldErr := open(k.old, b); oldErr == nil {
		s.stale = true
		return out, nil
	}
	return nil, err
}

// admit checks an authentic or plain RTP packet's source against the latch.
func (r *Relay) admit(now time.Time, from netip.AddrPort, on Side, h rtp.Header, authentic bool) bool {
	s := &r.sides[on]
	if from != s.latch.source && s.former(RTP) {
		return !s.latch.source.IsValid()
	}
	if s.path.decides(RTP) {
		return r.admitByPath(now, from, on, h, authentic)
	}
	ok, moved := s.latch.admit(now, from, h, authentic)
	if moved {
		s.stats.Remote = from
		r.notify(Event{Kind: Latched, Side: on, Addr: from})
	}
	return ok
}

// former tells whether a packet that was just opened is of the peer, or the key, before. Such a one is what was in flight, or another phone
// of a fork that sends until it is cancelled: it never tells where to send to, and is not heard beside its successor.
func (s *side) former(ch Channel) bool { return s.stale && s.keysOf(ch).old != nil }

// nearby tells whether RTCP may come from there for all that is known without checks.
func (s *side) nearby(from netip.AddrPort, ch Channel) bool {
	host := from.Addr()
	return host == s.latch.source.Addr() || host == s.rtcp.Addr() || host == s.latch.signalled.Addr() || s.path != nil && slices.Contains(s.path.listed[ch], from)
}

// admitRTCP accepts plain RTCP from the host that the media comes from or that was signalled, authentic RTCP from anywhere.
func (s *side) admitRTCP(from netip.AddrPort, ch Channel, authentic bool) bool {
	if !authentic && s.path.alien(ch, from) {
		return false
	}
	if !authentic && !s.path.decides(ch) && !s.nearby(from, ch) {
		return false
	}
	if ch == RTCP && !s.former(ch) {
		s.control = from
	}
	return true
}
