package relay

import (
	"net/netip"
	"slices"
	"time"

	"b2bua/media/rtp"
	"b2bua/media/sdp"
	"b2bua/media/srtp"
)

// ZRTP on a side: one master key in each direction, for RTP and RTCP, put in force by Install one after the other.

// zrtp is what it has to do with a side.
type zrtp struct {
	agreed   bool // keys come by Install
	may      bool // the side is without encryption, and its peer may begin
	upgraded bool // it did
	through  bool // the phones agree with each other, and nothing is read or changed here
	ssrc     uint32
}

// agree takes what was negotiated. An upgraded side stays what it is as long as that may be.
func (z *zrtp) agree(a *sdp.Agreed) {
	plain := a.Encryption == sdp.None && a.Enabled
	z.may = plain && a.MayZRTP
	if z.upgraded = z.upgraded && z.may; z.upgraded {
		a.Encryption = sdp.ZRTP
	}
	z.agreed = a.Encryption == sdp.ZRTP
	z.through = z.agreed && a.ZRTP != nil && a.ZRTP.Through
}

// PrepareZRTP is PrepareKeys for Install.
func PrepareZRTP(send, recv sdp.Crypto) (*Prepared, error) {
	return prepareKeys(send, recv, srtp.EqualTags)
}

// Install puts keys of ZRTP in force, of one direction or both. The receiving key before stays valid for a few seconds. A side without
// encryption whose peer may begin ZRTP is one with encryption from now on.
func (r *Relay) Install(now time.Time, on Side, p *Prepared) {
	s := &r.sides[on]
	if r.closed || !s.zrtp.agreed && !s.zrtp.may || s.zrtp.through {
		p.Wipe()
		return
	}
	if !s.zrtp.agreed {
		s.zrtp.agreed, s.zrtp.upgraded, s.secure, s.late = true, true, true, sdp.ZRTP
	}
	p.share(r.scratch)
	k := &s.keys[RTP]
	if p.send != nil {
		k.sendUnder(p.send, p.send)
	}
	if p.recv != nil {
		s.stats.Evicted += k.receiveUnder(now, p, &s.formers)
	}
	if k.old != nil {
		r.spare = slices.Grow(r.spare[:0], 4096)
	}
}

// Replace forgets the peer of a side, because another one has taken its place: its keys, and where it was. The one before may send on for
// a while, which must not tell where to send to.
func (r *Relay) Replace(now time.Time, on Side) {
	if s := &r.sides[on]; !r.closed && s.zrtp.agreed {
		r.Revoke(on, RTP)
		s.latch.reset(now, s.latch.signalled)
	}
}

// Heard tells whether a packet was authentic under the newest receiving key of a side.
func (r *Relay) Heard(on Side) bool {
	k := r.sides[on].keysOf(RTP)
	return k.recv != nil && k.recv.Heard()
}

// Claim gives the line to a side its SSRC before it begins, and returns the one that it has.
func (r *Relay) Claim(to Side, ssrc uint32) uint32 {
	if has, ok := r.sides[to.Other()].flow.Media.SSRC(); ok {
		return has
	}
	s := &r.sides[to]
	if s.zrtp.ssrc == 0 {
		s.zrtp.ssrc = ssrc
	}
	return s.zrtp.ssrc
}

// Target is where RTP to a side goes; invalid: nowhere.
func (r *Relay) Target(to Side) netip.AddrPort {
	s := &r.sides[to]
	if r.closed || !s.enabled {
		return netip.AddrPort{}
	}
	return s.target(RTP)
}

// Expects tells whether an address is where the peer is: by its media, by a check of ICE or, before either, by the description.
func (r *Relay) Expects(on Side, from netip.AddrPort) bool {
	s := &r.sides[on]
	if s.latch.source.IsValid() {
		return from == s.latch.source || s.path.knows(RTP, from)
	}
	return s.expects(RTP, from)
}

// keyless is given what comes on a side that is not set, or whose keys are not there.
func (r *Relay) keyless(now time.Time, from netip.AddrPort, on Side, ch Channel, b []byte) Output {
	s := &r.sides[on]
	if s.enabled && s.zrtp.through {
		return r.pass(now, from, on, ch, b)
	}
	s.stats.NotReady++
	if s.enabled && s.dtls && r.cfg.Early != nil {
		r.cfg.Early(on, ch, from, b)
	}
	return Output{}
}

// pass relays RTP and RTCP that only the phones have the keys of, as it is. What proves nothing is latched as plain RTP is.
func (r *Relay) pass(now time.Time, from netip.AddrPort, on Side, ch Channel, b []byte) Output {
	s, o := &r.sides[on], &r.sides[on.Other()]
	if s.path.alien(ch, from) {
		s.stats.Strangers++
		return Output{}
	}
	if ch == RTCP || s.mux && rtp.IsRTCP(b) {
		return r.passRTCP(now, from, on, ch, b)
	}
	h, err := rtp.Parse(b)
	if err != nil {
		s.stats.Malformed++
		return Output{}
	}
	codec := s.codec(h.PT)
	if !codec.known {
		s.stats.Unmapped++
		return Output{}
	}
	if !r.admit(now, from, on, h, false) {
		s.stats.Strangers++
		return Output{}
	}
	s.count(now, h, len(b), codec)
	if !receives(s.direction) || !sends(o.direction) {
		s.stats.Held++
		return Output{}
	}
	to := o.target(RTP)
	if !o.enabled || !o.zrtp.through || !to.IsValid() {
		o.stats.Unsent++
		return Output{}
	}
	o.stats.Sent++
	o.stats.SentOctets += uint64(len(b))
	return Output{Packet: b, To: to, Side: on.Other(), Ch: RTP}
}

func (r *Relay) passRTCP(now time.Time, from netip.AddrPort, on Side, ch Channel, b []byte) Output {
	s, o := &r.sides[on], &r.sides[on.Other()]
	if !rtp.IsRTCP(b) {
		s.stats.Malformed++
		return Output{}
	}
	if !s.admitRTCP(from, ch, false) {
		s.stats.Strangers++
		return Output{}
	}
	s.stats.RTCP++
	s.heard(now)
	back := RTCP
	if o.mux {
		back = RTP
	}
	to := o.target(RTCP)
	if !o.enabled || !o.zrtp.through || !to.IsValid() {
		o.stats.Unsent++
		return Output{}
	}
	o.stats.SentRTCP++
	return Output{Packet: b, To: to, Side: on.Other(), Ch: back}
}

// passZRTP relays a packet of the phones' own exchange. It tells where its sender is, until media does; a phone at the address of its description
// takes that back from whoever else sends there.
func (r *Relay) passZRTP(from netip.AddrPort, on Side, b []byte) Output {
	s, o := &r.sides[on], &r.sides[on.Other()]
	if s.path.alien(RTP, from) || s.latch.source.IsValid() && !r.Expects(on, from) {
		s.stats.Strangers++
		return Output{}
	}
	if !s.latch.source.IsValid() && (from == s.latch.signalled || !s.expects(RTP, from)) {
		s.latch.proven = from
	}
	to := o.target(RTP)
	if !o.enabled || !o.zrtp.through || !to.IsValid() {
		o.stats.Unsent++
		return Output{}
	}
	return Output{Packet: b, To: to, Side: on.Other(), Ch: RTP}
}
