package relay

import (
	"net/netip"
	"slices"
	"time"

	"b2bua/media/rtp"
	"b2bua/media/sdp"
)

const (
	// maxStreams of one transport: sdp's limit for a description.
	maxStreams = 16
	// maxSources SSRCs of one transport have a stream. A browser's camera has six at most; of more the one that was learnt the
	// longest ago gives way.
	maxSources = 64
)

// Bundle is one side of several streams on one transport (RFC 9143). The transport is the own one of the first stream, whose relay
// opens what comes in; then it is told whose it is: by the a=mid that a header extension names, by the SSRC, by a payload type that
// only one stream has (section 9.2). Only packets that were accepted teach it an SSRC.
//
// SRTP is that of the transport: one sender and one receiver for all SSRCs, so that no two packets have the same keystream, whatever
// SSRC two streams have.
type Bundle struct {
	on      Side
	members []member
	sources [maxSources]origin
	known   int // of sources
	oldest  int // among what was learnt, when sources is full
	types   [128]int8
	copied  []byte   // of a compound packet for several streams
	gone    []uint32 // SSRCs that the packet under way says goodbye of
	send    func(stream int, out Output)
}

type member struct {
	relay *Relay
	Member
}

// Member is how a stream is known on a shared transport.
type Member struct {
	MID       string
	Extension uint8    // the number of the header extension that carries the MID; 0: none
	Sources   []uint32 // SSRCs that the peer announced
}

// Known is how a stream is told from others on its transport; nil: it has agreed on none.
func Known(g *sdp.Group) Member {
	if g == nil {
		return Member{}
	}
	return Member{MID: g.MID, Extension: g.Extension, Sources: g.Sources}
}

// origin is the stream of one SSRC.
type origin struct {
	ssrc      uint32
	stream    int8 // -1: of an a=mid that nobody has
	announced bool
	named     bool   // by an a=mid
	seq       uint16 // of the newest packet that did
}

// tag is a header extension with the a=mid.
type tag struct {
	number uint8
	mid    []byte
}

// NewBundle makes the bundle of a side of one stream, which has the transport. send is given what goes out at once: the parts of a
// compound packet that speaks of several streams; its memory is only valid during the call.
func NewBundle(on Side, first *Relay, m Member, send func(stream int, out Output)) *Bundle {
	g := &Bundle{on: on, send: send, copied: make([]byte, 0, 2048+Headroom), gone: make([]uint32, 0, maxSources)}
	g.members = append(g.members, member{first, m})
	first.sides[on].bundle, first.sides[on].placed = g, false
	g.refresh()
	return g
}

// Add puts a stream on the transport, as the last; false: there are too many. Its own transport is left as it is.
func (g *Bundle) Add(r *Relay, m Member) bool {
	if len(g.members) == maxStreams {
		return false
	}
	s, o := &r.sides[g.on], &r.sides[g.on.Other()]
	for _, l := range [...]*rtp.Line{&o.flow.Media, &o.flow.Repair} {
		if ssrc, started := l.SSRC(); started && g.free(ssrc) != ssrc {
			*l = rtp.Line{} // it begins anew with a number of its own
		}
	}
	first := &g.members[0].relay.sides[g.on]
	s.transport, s.bundle, s.placed = first.transport, g, false
	first.more += int32(r.cfg.PerTick)
	g.members = append(g.members, member{r, m})
	g.refresh()
	return true
}

// Describe changes how a stream is known.
func (g *Bundle) Describe(r *Relay, m Member) {
	if i := g.index(r); i >= 0 {
		g.members[i].Member = m
		g.refresh()
	}
}

func (g *Bundle) index(r *Relay) int {
	return slices.IndexFunc(g.members, func(m member) bool { return m.relay == r })
}

// Remove gives a stream its own transport back. When the first leaves, all others have left before.
func (g *Bundle) Remove(r *Relay) {
	i := g.index(r)
	if i < 0 {
		return
	}
	s := &r.sides[g.on]
	if s.rides() {
		if s.stats.Packets > 0 {
			s.stats.Remote = s.latch.source
		}
		s.more -= int32(r.cfg.PerTick)
	}
	s.transport, s.bundle = &s.own, nil
	if i > 0 {
		s.known = Member{} // until it is applied
	}
	s.unplace()
	g.members = slices.Delete(g.members, i, i+1)
	kept := g.sources[:0]
	for _, o := range g.sources[:g.known] {
		if int(o.stream) > i {
			o.stream--
		} else if int(o.stream) == i {
			continue
		}
		kept = append(kept, o)
	}
	g.known, g.oldest = len(kept), 0
	g.refresh()
}

// Lead exchanges the transports of the first stream and of another one, which is the first from now on: theirs is the same as before.
func (g *Bundle) Lead(r *Relay) {
	i := g.index(r)
	if i <= 0 {
		return
	}
	was, is := &g.members[0].relay.sides[g.on], &r.sides[g.on]
	was.own, is.own = is.own, was.own
	is.own.more += int32(g.members[0].relay.cfg.PerTick - r.cfg.PerTick)
	was.own.more = 0
	g.members[0], g.members[i] = g.members[i], g.members[0]
	for k := range g.members {
		g.members[k].relay.sides[g.on].transport = &is.own
	}
	for k := range g.sources[:g.known] {
		switch o := &g.sources[k]; int(o.stream) {
		case 0:
			o.stream = int8(i)
		case i:
			o.stream = 0
		}
	}
	g.refresh()
}

// refresh makes the tables anew from what the streams have agreed on. g may be nil.
func (g *Bundle) refresh() {
	if g == nil {
		return
	}
	for pt := range g.types {
		g.types[pt] = -1
	}
	for i := range g.members {
		s := &g.members[i].relay.sides[g.on]
		for pt := range g.types {
			switch {
			case len(s.formats) == 0 || s.codecs[pt] == 0:
			case g.types[pt] == -1:
				g.types[pt] = int8(i)
			default:
				g.types[pt] = -2 // of several
			}
		}
	}
	kept := g.sources[:0]
	for _, o := range g.sources[:g.known] {
		if !o.announced {
			kept = append(kept, o)
		}
	}
	g.known, g.oldest = len(kept), 0
	for i := range g.members {
		for _, ssrc := range g.members[i].Sources {
			g.announce(ssrc, i)
		}
	}
	g.retag()
}

// retag has the streams that the peer cannot know yet say which they are.
func (g *Bundle) retag() {
	for i := range g.members {
		m := &g.members[i]
		m.relay.sides[g.on].name(m.Member)
	}
}

// name has packets to the side's peer say which stream they are of, until the peer knows, if that was agreed. One alone needs it as well: a
// browser that has agreed on the extension finds a stream by it and no longer by its payload types (RFC 9143 section 9.2).
func (s *side) name(m Member) {
	if s.known.MID != m.MID || s.known.Extension != m.Extension {
		s.placed = false // under this name
	}
	s.known = m
	switch {
	case m.Extension == 0 || m.MID == "" || s.placed:
		s.tag = nil
	case s.tag == nil || string(s.tag.mid) != m.MID || s.tag.number != m.Extension:
		s.tag = &tag{m.Extension, []byte(m.MID)}
	}
}

// unplace has the streams of the side's transport say again which they are: its peer may be another one.
func (s *side) unplace() {
	if s.bundle == nil {
		s.placed = false
		s.name(s.known)
		return
	}
	for i := range s.bundle.members {
		s.bundle.members[i].relay.sides[s.bundle.on].placed = false
	}
	s.bundle.retag()
}

func (g *Bundle) announce(ssrc uint32, stream int) {
	if o := g.find(ssrc); o != nil {
		if !o.named {
			o.stream = int8(stream)
		}
		return
	}
	if g.known < maxSources/2 { // room for what is not announced
		g.sources[g.known] = origin{ssrc: ssrc, stream: int8(stream), announced: true}
		g.known++
	}
}

func (g *Bundle) find(ssrc uint32) *origin {
	for i := range g.sources[:g.known] {
		if g.sources[i].ssrc == ssrc {
			return &g.sources[i]
		}
	}
	return nil
}

// learn notes the stream of an SSRC.
func (g *Bundle) learn(o origin) {
	if have := g.find(o.ssrc); have != nil {
		o.announced = have.announced
		*have = o
		return
	}
	if g.known < maxSources {
		g.sources[g.known] = o
		g.known++
		return
	}
	for g.sources[g.oldest].announced { // at most half of them are
		g.oldest = (g.oldest + 1) % maxSources
	}
	g.sources[g.oldest] = o
	g.oldest = (g.oldest + 1) % maxSources
}

// Handle decides about a datagram that came to the transport, and tells the stream that it belongs to: 0 for what is of none.
func (g *Bundle) Handle(now time.Time, from netip.AddrPort, ch Channel, b []byte) (stream int, out Output) {
	first := g.members[0].relay
	var h rtp.Header
	kind, b := first.open(now, from, g.on, ch, b, &h)
	switch kind {
	case media:
		o, fresh := g.route(h, b)
		if o.stream < 0 {
			first.sides[g.on].stats.Unmapped++
			if fresh && first.sides[g.on].secure { // else anybody may have said it
				g.learn(o)
			}
			return 0, Output{}
		}
		r := g.members[o.stream].relay
		before := r.sides[g.on].stats.Packets
		out = r.media(now, from, g.on, h, b)
		if fresh && r.sides[g.on].stats.Packets != before {
			g.learn(o)
		}
		return int(o.stream), out
	case control:
		return g.control(now, from, ch, b)
	case keyless:
		return 0, first.keyless(now, from, g.on, ch, b)
	case exchange, nothing: // ZRTP is not agreed on a shared transport
	}
	return 0, Output{}
}

// route tells the stream of a packet, less than 0: none, and whether that is news.
func (g *Bundle) route(h rtp.Header, b []byte) (o origin, fresh bool) {
	have := g.find(h.SSRC)
	if mid := g.mid(b); mid != nil && (have == nil || !have.named || int16(h.Seq-have.seq) > 0) {
		o = origin{ssrc: h.SSRC, stream: int8(g.named(mid)), named: true, seq: h.Seq}
		return o, have != nil || o.stream >= 0
	}
	if have != nil {
		return *have, false
	}
	return origin{ssrc: h.SSRC, stream: g.types[h.PT]}, g.types[h.PT] >= 0
}

// mid is what the header of a packet says; nil: nothing. The number of the extension is the same for all (RFC 9143 section 12).
func (g *Bundle) mid(b []byte) []byte {
	for i := range g.members {
		if n := g.members[i].Extension; n != 0 {
			return rtp.Extension(b, n)
		}
	}
	return nil
}

func (g *Bundle) named(mid []byte) int {
	for i := range g.members {
		if g.members[i].MID == string(mid) {
			return i
		}
	}
	return -1
}

// Source implements rtp.Streams.
func (g *Bundle) Source(ssrc uint32) int {
	if o := g.find(ssrc); o != nil {
		return int(o.stream)
	}
	return -1
}

// Sink implements rtp.Streams.
func (g *Bundle) Sink(ssrc uint32) int {
	for i := range g.members {
		if g.members[i].relay.sides[g.on.Other()].flow.Has(ssrc) {
			return i
		}
	}
	return -1
}

// control gives a compound packet to the stream that it speaks of, to the first if that is not known, or to each its part.
func (g *Bundle) control(now time.Time, from netip.AddrPort, ch Channel, b []byte) (stream int, out Output) {
	first := &g.members[0].relay.sides[g.on]
	if !first.admitRTCP(from, ch, first.secure) { // it would teach who is who
		first.stats.Strangers++
		return 0, Output{}
	}
	rtp.Mappings(b, func(ssrc uint32, mid []byte) {
		if i := g.named(mid); i >= 0 && g.Source(ssrc) < 0 {
			g.learn(origin{ssrc: ssrc, stream: int8(i)})
		}
	})
	g.gone = g.gone[:0]
	rtp.Farewells(b, func(ssrc uint32) {
		if len(g.gone) < cap(g.gone) {
			g.gone = append(g.gone, ssrc)
		}
	})
	stream, out = g.sort(now, from, ch, b)
	g.forget()
	return stream, out
}

// forget frees the places of SSRCs that are gone. What the description names stays, for it still does.
func (g *Bundle) forget() {
	for _, ssrc := range g.gone {
		i := slices.IndexFunc(g.sources[:g.known], func(o origin) bool { return o.ssrc == ssrc && !o.announced })
		if i >= 0 {
			copy(g.sources[i:g.known], g.sources[i+1:g.known])
			g.known, g.oldest = g.known-1, 0
		}
	}
}

// sort is control without what it teaches.
func (g *Bundle) sort(now time.Time, from netip.AddrPort, ch Channel, b []byte) (stream int, out Output) {
	set := rtp.Addressees(b, g)
	if set&(set-1) == 0 {
		for i := range g.members {
			if set == 1<<i {
				stream = i
			}
		}
		return stream, g.members[stream].relay.control(now, from, g.on, ch, b)
	}
	for i := range g.members {
		if set&(1<<i) == 0 {
			continue
		}
		part := rtp.Extract(g.copied[:0], b, i, g)
		if rtp.ValidRTCP(part) != nil { // names without a report, which nobody takes alone
			continue
		}
		if out := g.members[i].relay.control(now, from, g.on, ch, part); len(out.Packet) > 0 {
			g.send(i, out)
		}
	}
	return 0, Output{}
}

// free is an SSRC that nobody on the transport uses, if possible the one that is asked for (RFC 9143 section 9.1: one space of them). g may
// be nil.
func (g *Bundle) free(ssrc uint32) uint32 {
	for g != nil && g.used(ssrc) {
		ssrc = next(ssrc)
	}
	return ssrc
}

// next is another SSRC: a step of full period, so that the search for one ends.
func next(ssrc uint32) uint32 { return ssrc*1664525 + 1013904223 }

func (g *Bundle) used(ssrc uint32) bool {
	return g.Sink(ssrc) >= 0 || g.find(ssrc) != nil || slices.ContainsFunc(g.members, func(m member) bool {
		return m.relay.sides[g.on].flow.Fed(ssrc)
	})
}
