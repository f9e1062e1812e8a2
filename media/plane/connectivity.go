package plane

import (
	"bytes"
	"errors"
	"net/netip"
	"sync"
	"time"

	"b2bua/media/ice"
	"b2bua/media/relay"
	"b2bua/media/sdp"
)

// responses are buffers for answers to checks.
var responses = sync.Pool{New: func() any { return new([256]byte) }}

// newAgent is for a side that was set with ICE, nil for another.
func newAgent(agreed sdp.Agreed) *ice.Params {
	if !agreed.Enabled || agreed.ICE == nil {
		return nil
	}
	return &ice.Params{Local: agreed.ICE.Local.Clone(), Peer: agreed.ICE.Peer, Listed: agreed.ICE.Listed, PeerLite: agreed.ICE.PeerLite}
}

// connect starts, goes on with or ends the agent of a side.
func (st *Stream) connect(now time.Time, side Side, p *ice.Params) {
	checks := st.checks[side]
	st.checks[side] = [2][]early{}
	switch agent := st.agents[side]; {
	case p == nil && agent != nil:
		agent.Wipe()
		st.agents[side] = nil
	case p == nil:
	case agent == nil:
		st.agents[side] = ice.New(*p)
	default:
		if change := agent.Update(*p); change != ice.None {
			st.relay.Restarted(side, change == ice.AnotherPeer)
		}
	}
	for ch, list := range checks {
		for _, c := range list {
			if st.agents[side] != nil {
				st.answer(now, side, relay.Channel(ch), c.from, c.b)
			}
		}
	}
}

func (st *Stream) disconnect() {
	for side, agent := range st.agents {
		if agent != nil {
			agent.Wipe()
			st.agents[side] = nil
		}
	}
}

// check is given what looks like STUN. On a side without ICE nobody answers it.
func (st *Stream) check(side Side, ch relay.Channel, from netip.AddrPort, b []byte) {
	switch {
	case st.agents[side] != nil:
		st.answer(time.Now(), side, ch, from, b)
	case !st.known[side] && ice.IsRequest(b): // a peer may be ready before its answer is here (RFC 8445 section 7.3)
		st.checks[side][ch] = keepCheck(st.checks[side][ch], from, b)
	}
}

// maxChecks that came on a channel before its agent are kept: a phone with several candidates checks from each of them, 20 to 50 ms apart,
// and repeats after half a second what was not answered (RFC 8445 section 14).
const maxChecks = 8

// keepCheck keeps one more; the oldest gives way. A repetition is in the place of the first.
func keepCheck(list []early, from netip.AddrPort, b []byte) []early {
	if len(b) > maxCheck {
		return list
	}
	for i := range list {
		if list[i].from == from && bytes.Equal(list[i].b, b) {
			return list
		}
	}
	if len(list) == maxChecks {
		list = append(list[:0], list[1:]...)
	}
	return append(list, early{from: from, b: bytes.Clone(b)})
}

// maxCheck is the longest one that is kept, octets: the user name may have 513, and the rest of a check has 100.
const maxCheck = 768

func (st *Stream) answer(now time.Time, side Side, ch relay.Channel, from netip.AddrPort, b []byte) {
	buf := responses.Get().(*[256]byte)
	defer responses.Put(buf)
	out, res := st.agents[side].Handle(now, ice.Component(ch)+ice.RTP, from, b, buf[:0])
	if len(out) > 0 {
		if err := st.legs[side].sockets[ch].send(out, from); err != nil {
			st.relay.SendFailed(side, from, errors.Is(err, errUnroutable))
		}
	}
	if !res.Checked || st.own(from) { // packets that we send ourselves would circle for ever
		return
	}
	switch {
	case res.Selected:
		st.relay.Checked(now, side, ch, from, relay.Nominated)
	case res.Former:
		st.relay.Checked(now, side, ch, from, relay.Former)
	default:
		st.relay.Checked(now, side, ch, from, relay.Valid)
	}
	if res.Selected && ch == relay.RTP {
		st.pathSelected(side)
	}
	if g := st.guards[side][ch]; res.Selected && g != nil && !g.dead {
		if !usable(g.remote) {
			g.remote = from
		}
		if g.assoc == nil {
			st.handshake(side, ch, g)
		}
	}
}

// own tells whether an address is one of the stream's ports.
func (st *Stream) own(a netip.AddrPort) bool {
	for _, leg := range st.legs {
		if a.Addr() == leg.addr && (a.Port() == leg.port || a.Port() == leg.port+1) {
			return true
		}
	}
	return false
}

// signalled is where the peer wants a channel by its description. Where checks decide, it is where the association knows the peer
// already: a path that moves is no new transport (RFC 8842 section 5.1).
func (st *Stream) signalled(side Side, ch relay.Channel, agreed sdp.Agreed) netip.AddrPort {
	switch {
	case agreed.ICE != nil && !agreed.ICE.PeerLite:
		if g := st.guards[side][ch]; g != nil && usable(g.remote) && g.params.Same(agreed.DTLS) {
			return g.remote
		}
		return st.relay.Path(side, ch) // of another certificate: where its pair is, or nowhere until it has nominated one
	case ch == relay.RTCP:
		return unmap(agreed.RemoteRTCP)
	}
	return unmap(agreed.Remote)
}

// source is the name of a peer in its association: the peer may change its address under ICE, and stays the same.
func (g *guard) source(st *Stream, side Side, from netip.AddrPort) netip.AddrPort {
	if st.agents[side] == nil {
		return from
	}
	if !usable(g.remote) {
		g.remote = from
	}
	return g.remote
}
