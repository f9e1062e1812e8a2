package relay

import (
	"net/netip"
	"slices"
	"time"

	"b2bua/media/dtmf"
	"b2bua/media/rtp"
	"b2bua/media/sdp"
)

// maxToneWait is how long a digit waits for keys and address: who must be secure is by then, or the call ends.
const maxToneWait = 10 * time.Second

// played are digits that go out on the line of one side to the other: what was a SIP INFO there.
type played struct {
	player dtmf.Player
	pt     uint8
	rate   int
	ts     uint32    // of the event that is being played
	waits  time.Time // since when a digit cannot begin; zero: none
	buf    [rtp.HeaderSize + dtmf.PayloadSize + Headroom]byte
}

// Seed are the first numbers of a line on which nothing was sent yet (RFC 3550 section 5.1).
type Seed struct {
	SSRC, Timestamp uint32
	Seq             uint16
}

// hear tells the digit of a telephone event that the other side has no format for. The packet itself leaves no gap.
func (r *Relay) hear(now time.Time, on Side, h rtp.Header, b []byte) {
	s := &r.sides[on]
	s.flow.Media.Skip(h)
	if t, ok := s.detector.Packet(now, h, b[h.Size:]); ok {
		s.stats.Tones++
		r.notify(Event{Kind: ToneHeard, Side: on, Tone: t})
	}
}

// Play queues a digit for one side, which must have agreed on telephone events; false: it has not, or too many wait already. While
// digits are played the media of the other side is left out. NextTone sends them.
func (r *Relay) Play(now time.Time, to Side, t dtmf.Tone, seed Seed) bool {
	o, s := &r.sides[to], &r.sides[to.Other()]
	format, ok := eventsOf(o.list, s.reception.Rate())
	if r.closed || !o.enabled || !ok {
		return false
	}
	if s.played == nil {
		s.played = &played{}
		if o.zrtp.ssrc != 0 {
			seed.SSRC = o.zrtp.ssrc
		}
		s.flow.Media.Start(now, o.bundle.free(seed.SSRC), seed.Seq&0x7fff, seed.Timestamp) // the lower half: RFC 3711 section 3.3.1
	}
	s.played.pt, s.played.rate = format.SendNumber(), format.Rate
	return s.played.player.Add(now, t)
}

// eventsOf is the format for telephone events: the one with the clock of the stream (RFC 4733 section 2.1), or any.
func eventsOf(list []sdp.Codec, rate int) (sdp.Codec, bool) {
	i := slices.IndexFunc(list, func(c sdp.Codec) bool { return c.IsEvents() && c.Rate == rate })
	if i < 0 {
		i = slices.IndexFunc(list, sdp.Codec.IsEvents)
	}
	if i < 0 || list[i].SendNumber() > 127 {
		return sdp.Codec{}, false
	}
	return list[i], true
}

// ToneDue is when NextTone has something to do for a side; not ok when nothing is played to it.
func (r *Relay) ToneDue(to Side) (time.Time, bool) {
	p := r.sides[to.Other()].played
	if p == nil {
		return time.Time{}, false
	}
	return p.player.Due()
}

// NextTone is the packet of a played digit that is due. Its memory is the relay's, until the next call.
func (r *Relay) NextTone(now time.Time, to Side) Output {
	o, s := &r.sides[to], &r.sides[to.Other()]
	p := s.played
	if p == nil {
		return Output{}
	}
	addr := o.target(RTP)
	reachable := o.ready(RTP) && addr.IsValid()
	if !reachable && p.wait(now) {
		return Output{}
	}
	if reachable {
		p.waits = time.Time{}
	}
	k, ok := p.player.Next(now)
	if !ok {
		if _, more := p.player.Due(); !more {
			s.played = nil // the media goes on
		}
		return Output{}
	}
	if k.First {
		clock := s.reception.Rate()
		if clock == 0 { // the line is ours alone
			clock = p.rate
		}
		p.ts = s.flow.Media.Clock(now, clock)
		o.stats.Tones++
	}
	switch {
	case !reachable:
		o.stats.Unsent++
		return Output{}
	case !sends(o.direction):
		o.stats.Held++
		return Output{}
	}
	return r.sendTone(now, to, addr, k)
}

// wait puts a digit off that nobody could hear yet: before the keys are there, or the address is known.
func (p *played) wait(now time.Time) bool {
	if p.waits.IsZero() {
		p.waits = now
	}
	return now.Sub(p.waits) < maxToneWait && p.player.Wait(now)
}

func (r *Relay) sendTone(now time.Time, to Side, addr netip.AddrPort, k dtmf.Packet) Output {
	o, s := &r.sides[to], &r.sides[to.Other()]
	p := s.played
	b := p.buf[:rtp.HeaderSize+dtmf.PayloadSize]
	b[0], b[1] = 0x80, p.pt
	if k.First {
		b[1] |= 0x80
	}
	ssrc, _ := s.flow.Media.SSRC()
	rtp.SetLine(b, s.flow.Media.Insert(now, p.ts), p.ts, ssrc)
	k.Put(b[rtp.HeaderSize:], p.rate)
	if o.tag != nil {
		b = rtp.SetExtension(b, o.tag.number, o.tag.mid)
	}
	n := len(b)
	if o.secure {
		var err error
		if b, err = o.keysOf(RTP).send.Protect(b); err != nil {
			o.stats.Unsent++
			return Output{}
		}
	}
	o.stats.Sent++
	o.stats.SentOctets += uint64(n)
	return Output{Packet: b, To: addr, Side: to, Ch: RTP}
}
