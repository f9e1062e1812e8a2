package plane

import (
	"bytes"
	"errors"
	"fmt"
	"net/netip"
	"sync/atomic"
	"time"

	"b2bua/media/dtls"
	"b2bua/media/relay"
	"b2bua/media/rtp"
	"b2bua/media/sdp"
)

// maxEarly packets of one channel are kept while its keys are on the way from the handshake: the peer has its own a moment
// sooner, and may send at once. Half a second of audio, or some large frames.
const maxEarly = 32

// guard is DTLS on one channel of a side. It belongs to the stream's loop.
type guard struct {
	owner  atomic.Pointer[Stream]
	params *sdp.DTLSParams
	remote netip.AddrPort // signalled
	assoc  *dtls.Association
	keyed  bool
	suite  sdp.Suite       // once keyed
	proof  *sdp.DTLSParams // under which the keys in force were made, by this guard or one before; nil: none are
	dead   bool            // it failed, and is not tried any more
	proven netip.AddrPort  // where the peer was, once keyed
	early  []early
}

// early is a packet that came before the keys; its capacity has relay.Headroom behind it.
type early struct {
	from netip.AddrPort
	b    []byte
}

// continues tells whether what is agreed now is what the guard is for: same role, fingerprint and transport (RFC 5763 section 6.6).
// A hold by 0.0.0.0 is no other transport.
func (g *guard) continues(params *sdp.DTLSParams, remote netip.AddrPort) bool {
	return g != nil && !g.dead && g.params.Same(params) && (remote == g.remote || !usable(remote) || !usable(g.remote))
}

// successor ends g, which may be nil, and takes its place.
func (g *guard) successor(owner *Stream, params *sdp.DTLSParams) *guard {
	next := &guard{params: params}
	next.owner.Store(owner)
	if g != nil {
		next.proof = g.proof
	}
	g.close()
	return next
}

// holds tells whether the keys in force are of a peer that is still to be believed: its certificate is one that the description in
// force names.
func (g *guard) holds() bool {
	if g.proof == nil {
		return false
	}
	proof := *g.proof
	proof.Active = g.params.Active
	return proof.Same(g.params)
}

func (g *guard) close() {
	if g != nil && g.assoc != nil {
		g.assoc.Close()
	}
}

func usable(a netip.AddrPort) bool { return a.IsValid() && !a.Addr().IsUnspecified() && a.Port() != 0 }

// canProtect tells why a side cannot have DTLS.
func (p *Plane) canProtect(agreed sdp.Agreed) error {
	switch {
	case agreed.Encryption != sdp.DTLS || !agreed.Enabled:
		return nil
	case p.cfg.DTLS == nil:
		return errors.New("media plane: a side with DTLS-SRTP, but no handshaker is configured")
	case agreed.DTLS == nil || agreed.DTLS.Fingerprint.IsZero():
		return errors.New("media plane: a side with DTLS-SRTP, but without the fingerprint of the peer")
	}
	return nil
}

// protect starts, keeps or ends the associations of a side. Keys of a former handshake stay in force until there are new ones.
func (st *Stream) protect(side Side, agreed sdp.Agreed) {
	secure := agreed.Enabled && agreed.Encryption == sdp.DTLS
	hellos := st.hellos[side]
	st.hellos[side], st.known[side] = [2]*early{}, true
	for ch := range st.guards[side] {
		channel := relay.Channel(ch)
		remote := st.signalled(side, channel, agreed)
		g := st.guards[side][ch]
		switch {
		case !secure || channel == relay.RTCP && agreed.Mux:
			g.close()
			st.guards[side][ch] = nil
			continue
		case !g.continues(agreed.DTLS, remote):
			g = g.successor(st, agreed.DTLS)
			st.guards[side][ch] = g
		case g.keyed:
			st.relay.Prove(side, channel, g.proven)
		}
		if usable(remote) {
			g.remote = remote
		}
		if g.assoc == nil && (!agreed.DTLS.Active || usable(g.remote)) {
			st.handshake(side, channel, g)
		}
		if h := hellos[ch]; h != nil && g.assoc != nil {
			g.assoc.Receive(h.b, g.source(st, side, h.from))
		}
	}
}

func unmap(a netip.AddrPort) netip.AddrPort { return netip.AddrPortFrom(a.Addr().Unmap(), a.Port()) }

// handshake starts the association of a guard.
func (st *Stream) handshake(side Side, ch relay.Channel, g *guard) {
	var err error
	g.assoc, err = st.plane.cfg.DTLS.Start(dtls.Params{
		DTLS: *g.params, Remote: g.remote,
		Send: func(b []byte, to netip.AddrPort) {
			b = bytes.Clone(b)
			g.post(func(st *Stream, _ time.Time) {
				if path := st.relay.Path(side, ch); path.IsValid() {
					to = path
				}
				st.transmit(side, ch, b, to)
			})
		},
		Done: func(r dtls.Result) { g.completed(side, ch, r) },
	})
	if err != nil {
		g.dead, g.proof = true, nil
		st.relay.Fail(side, ch, fmt.Errorf("media plane: DTLS: %w", err), false)
	}
}

func (st *Stream) transmit(side Side, ch relay.Channel, b []byte, to netip.AddrPort) {
	if err := st.legs[side].sockets[ch].send(b, to); err != nil {
		st.relay.SendFailed(side, to, errors.Is(err, errUnroutable))
	}
}

// post runs f on the loop of the stream that has the guard. False: it is closed.
func (g *guard) post(f func(st *Stream, now time.Time)) bool {
	for {
		st := g.owner.Load()
		if st.plane.driver.post(st, func(now time.Time) { f(g.owner.Load(), now) }) {
			return true
		}
		if g.owner.Load() == st { // else another stream has inherited it meanwhile
			return false
		}
	}
}

// completed derives the keys outside of the loop, and hands them over. The stream may have gone on meanwhile.
func (g *guard) completed(side Side, ch relay.Channel, r dtls.Result) {
	var p *relay.Prepared
	if r.Err == nil {
		p, r.Err = relay.PrepareKeys(r.Send, r.Recv)
		r.Send.Key.Wipe()
		r.Recv.Key.Wipe()
	}
	posted := g.post(func(st *Stream, now time.Time) {
		if st.guards[side][ch] == g {
			st.secured(now, side, ch, g, r, p)
		} else if p != nil {
			p.Wipe()
		}
	})
	if !posted && p != nil {
		p.Wipe()
	}
}

// retell tells of the handshake of a transport that the stream has inherited.
func (st *Stream) retell(side Side) {
	g := st.guards[side][relay.RTP]
	if g == nil || !g.keyed || st.plane.cfg.Notify == nil {
		return
	}
	st.plane.cfg.Notify(Event{
		Event: relay.Event{Kind: Secured, Side: side, Channel: relay.RTP, Addr: g.proven, Suite: g.suite}, Call: st.call, Stream: st, Inherited: true,
	})
}

func (st *Stream) secured(now time.Time, side Side, ch relay.Channel, g *guard, r dtls.Result, p *relay.Prepared) {
	if r.Err != nil {
		g.dead = !errors.Is(r.Err, dtls.ErrTimeout) && !errors.Is(r.Err, dtls.ErrBusy) // these are tried further
		if g.dead || !g.holds() {
			st.relay.Revoke(side, ch)
			g.proof = nil
		}
		st.relay.Fail(side, ch, r.Err, !g.dead)
		return
	}
	g.keyed, g.suite, g.proven, g.proof = true, r.Recv.Suite, r.Remote, g.params
	st.relay.Secure(now, side, ch, r.Remote, p)
	waiting := g.early
	g.early = nil
	for _, e := range waiting {
		st.receive(now, e.from, side, ch, e.b)
	}
}

// other is given what is neither RTP nor RTCP.
func (st *Stream) other(side Side, ch relay.Channel, class rtp.Class, from netip.AddrPort, b []byte) {
	g := st.guards[side][ch]
	switch {
	case class == rtp.ClassSTUN:
		st.check(side, ch, from, b)
	case class == rtp.ClassZRTP && ch == relay.RTP:
		st.zrtpPacket(side, from, b)
	case class != rtp.ClassDTLS || st.plane.cfg.DTLS == nil:
	case st.agents[side] != nil && st.relay.Alien(side, ch, from):
	case g != nil && g.assoc != nil:
		g.assoc.Receive(b, g.source(st, side, from))
	case !st.known[side]: // a peer may be ready before its answer is here (RFC 5763 section 5)
		st.hellos[side][ch] = &early{from: from, b: bytes.Clone(b)}
	}
}

// keep stores a packet that came before the keys; the oldest gives way.
func (st *Stream) keep(side Side, ch relay.Channel, from netip.AddrPort, b []byte) {
	g := st.guards[side][ch]
	if g == nil || g.dead || g.keyed {
		return
	}
	if len(g.early) >= maxEarly {
		g.early = append(g.early[:0], g.early[1:]...)
	}
	g.early = append(g.early, early{from: from, b: append(make([]byte, 0, len(b)+relay.Headroom), b...)})
}

// unprotect ends the associations of both sides.
func (st *Stream) unprotect() {
	for side := range st.guards {
		for ch, g := range st.guards[side] {
			g.close()
			st.guards[side][ch] = nil
		}
	}
}
