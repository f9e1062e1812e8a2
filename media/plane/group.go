package plane

import (
	"errors"
	"fmt"
	"net/netip"
	"slices"
	"time"

	"b2bua/media/relay"
	"b2bua/media/sdp"
)

// group is one side of several streams that share a transport (RFC 9143): sockets, connectivity, keys. It is that of the first of
// them; the own sockets of the others are kept, unused, so that each may leave. It belongs to the loop that all of them have.
type group struct {
	side    Side
	members []*Stream // in the order of demux
	demux   *relay.Bundle
}

// errApart is a transport of a stream that runs elsewhere.
var errApart = errors.New("media plane: streams that share a transport have to be opened beside each other")

// SetOn is Set for a stream that uses the transport of another one (RFC 9143), which was opened before or beside it. What agreed says of
// the transport is left aside: Set of the other one does that, before or after.
func (st *Stream) SetOn(side Side, agreed sdp.Agreed, lead *Stream) error {
	if lead == st || lead.anchor != st.anchor || agreed.Group == nil {
		return errApart
	}
	if err := st.set(side, agreed, lead); err != nil {
		return err
	}
	st.setting.Lock()
	defer st.setting.Unlock()
	st.leads[side] = lead
	return nil
}

// Inherit exchanges the transports of two streams on one side: that of the one which this stream uses, or is to use from now on, becomes
// its own, with everything that belongs to it. The ports change likewise. It is for when another section describes the transport, as after
// the end of the one that did; Set of both follows.
func (st *Stream) Inherit(side Side, from *Stream) error {
	st.plane.exchanging.Lock() // two streams are locked
	defer st.plane.exchanging.Unlock()
	if st == from {
		return fmt.Errorf("media plane: call %s, leg %s: it cannot inherit from itself", st.call, side)
	}
	st.setting.Lock()
	defer st.setting.Unlock()
	from.setting.Lock()
	defer from.setting.Unlock()
	if lead := st.leads[side]; lead != from && lead != nil || from.leads[side] != nil || st.anchor != from.anchor {
		return fmt.Errorf("media plane: call %s, leg %s: it does not use the transport that it is to inherit", st.call, side)
	}
	if !st.plane.driver.post(st, func(time.Time) { st.inherit(side, from) }) {
		return ErrClosed
	}
	st.leads[side] = nil
	st.ports[side], from.ports[side] = from.ports[side], st.ports[side]
	st.keyrings[side], from.keyrings[side] = from.keyrings[side], st.keyrings[side]
	return nil
}

// ride puts a side on the transport of another stream; false: there is no room on it.
func (st *Stream) ride(side Side, lead *Stream, as *sdp.Group) bool {
	g := lead.groups[side]
	if g != nil && g == st.groups[side] {
		g.demux.Describe(st.relay, relay.Known(as))
		return true
	}
	st.leave(side)
	if g != nil && g.members[0] != lead {
		lead.leave(side)
		g = nil
	}
	if g == nil {
		g = &group{side: side, members: []*Stream{lead}}
		g.demux = relay.NewBundle(side, lead.relay, lead.as[side], func(i int, out relay.Output) { g.members[i].emit(out) })
		lead.groups[side] = g
	}
	if !g.demux.Add(st.relay, relay.Known(as)) {
		return false
	}
	st.endTransport(side)
	g.members = append(g.members, st)
	st.groups[side], st.via[side] = g, lead.legs[side]
	room := 0
	for _, m := range g.members {
		room += receiveBuffer(m.kind)
	}
	lead.legs[side].sockets[relay.RTP].buffer(room)
	st.plane.driver.wire(lead)
	st.plane.driver.wire(st)
	return true
}

// stand puts a side on its own transport, which others may use.
func (st *Stream) stand(side Side, as *sdp.Group) {
	st.as[side] = relay.Known(as)
	g := st.groups[side]
	switch {
	case g == nil:
	case g.members[0] == st:
		g.demux.Describe(st.relay, st.as[side])
	default:
		st.leave(side)
	}
}

// leave takes a side off a shared transport. Without the one whose it is, it is shared no longer.
func (st *Stream) leave(side Side) {
	g := st.groups[side]
	if g == nil {
		return
	}
	if g.members[0] == st {
		for len(g.members) > 1 {
			g.members[len(g.members)-1].leave(side)
		}
		return
	}
	g.remove(st)
	if len(g.members) == 1 {
		g.remove(g.members[0])
	}
}

func (g *group) remove(st *Stream) {
	g.demux.Remove(st.relay)
	g.members = slices.DeleteFunc(g.members, func(m *Stream) bool { return m == st })
	st.groups[g.side], st.via[g.side] = nil, st.legs[g.side]
	st.plane.driver.wire(st)
}

// inherit is Inherit, on the loop.
func (st *Stream) inherit(side Side, from *Stream) {
	if st.groups[side] == nil && !st.ride(side, from, nil) {
		return
	}
	g := st.groups[side]
	if g.members[0] != from {
		return // closed meanwhile
	}
	g.demux.Lead(st.relay)
	i := slices.Index(g.members, st)
	g.members[0], g.members[i] = st, from
	swap(&st.legs[side], &from.legs[side])
	swap(&st.pinned[side], &from.pinned[side])
	swap(&st.guards[side], &from.guards[side])
	swap(&st.known[side], &from.known[side])
	swap(&st.hellos[side], &from.hellos[side])
	swap(&st.checks[side], &from.checks[side])
	swap(&st.agents[side], &from.agents[side])
	swap(&st.as[side], &from.as[side])
	for _, owner := range [...]*Stream{st, from} {
		for _, guard := range owner.guards[side] {
			if guard != nil {
				guard.owner.Store(owner)
			}
		}
	}
	for _, m := range g.members {
		m.via[side] = st.legs[side]
	}
	from.leave(side)
	st.retell(side)
	for _, m := range append([]*Stream{st, from}, g.members...) {
		st.plane.driver.wire(m)
	}
}

func swap[T any](a, b *T) { *a, *b = *b, *a }

// endTransport ends what a side's own transport was used for.
func (st *Stream) endTransport(side Side) {
	for ch, g := range st.guards[side] {
		g.close()
		st.guards[side][ch] = nil
	}
	if agent := st.agents[side]; agent != nil {
		agent.Wipe()
		st.agents[side] = nil
	}
	st.hellos[side], st.checks[side], st.known[side] = [2]*early{}, [2][]early{}, false
	st.pinned[side] = st.legs[side].sockets[relay.RTP].connect(netip.AddrPort{})
}

// decide is what becomes of a datagram on a socket of on, and whose it is. A port that is not the shared one hears nothing.
func (g *group) decide(now time.Time, on *Stream, from netip.AddrPort, ch relay.Channel, b []byte) (*Stream, relay.Output) {
	if on != g.members[0] {
		return on, relay.Output{}
	}
	i, out := g.demux.Handle(now, from, ch, b)
	return g.members[i], out
}
