package plane

import (
	"bytes"
	"encoding/binary"
	"io"
	"net/netip"
	"time"

	"b2bua/media/relay"
	"b2bua/media/sdp"
	"b2bua/media/zrtp"
)

// zrtpSide is ZRTP on one side, as far as the packets are concerned. It belongs to the stream's loop.
type zrtpSide struct {
	exchange  *negotiation // nil: the peer may begin, and has not
	may       bool         // only if the peer begins
	off       bool         // the stream is disabled, and the exchange goes on when it comes back
	receiving bool         // there are keys to receive with, and nobody knows whether the peer sends under them
	secure    bool
}

// Present tells which of our URIs the peer of a side sees. Some peers keep secrets for each. It comes before ZRTPHash and Set.
func (st *Stream) Present(side Side, uri string) {
	st.setting.Lock()
	defer st.setting.Unlock()
	st.presented[side] = uri
}

func (st *Stream) presents(side Side) string {
	st.setting.Lock()
	defer st.setting.Unlock()
	return st.presented[side]
}

// ZRTPHash is the value of a=zrtp-hash for a side, the same as long as the stream lives; empty if there is no ZRTP or the stream is
// closed. It makes what ZRTP needs on the side.
func (st *Stream) ZRTPHash(side Side) string {
	if st.plane.zrtp == nil {
		return ""
	}
	e := st.exchangeOf(side)
	if e == nil {
		return ""
	}
	ssrc, ok := st.claim(e)
	if !ok {
		return ""
	}
	e.leg.mu.Lock()
	defer e.leg.mu.Unlock()
	if e.gone.Load() {
		return ""
	}
	if err := e.open(ssrc, true); err != nil {
		e.fail(err, false)
	}
	return e.hash
}

// claim finds the SSRC of our line to a side; false: the stream is closed. Nobody waits for the loop before the side was set, when nothing
// can have been sent.
func (st *Stream) claim(e *negotiation) (ssrc uint32, ok bool) {
	ssrc = e.ssrc()
	st.setting.Lock()
	wait := st.wasSet[e.side]
	st.setting.Unlock()
	got := make(chan uint32, 1)
	if ok = e.loop(func(time.Time) { got <- st.relay.Claim(e.side, ssrc) }); ok && wait {
		select {
		case ssrc = <-got:
		case <-st.gone:
			return 0, false
		}
	}
	return ssrc, ok
}

// ssrc is one for our line on the side, unless that has one.
func (e *negotiation) ssrc() uint32 {
	var b [4]byte
	_, _ = io.ReadFull(e.leg.n.cfg.Rand, b[:]) // the Hello fails of the same reason
	return binary.BigEndian.Uint32(b[:]) | 1
}

// exchangeOf is the exchange of a side, made when it is asked for first; nil: the stream has ended.
func (st *Stream) exchangeOf(side Side) *negotiation {
	st.setting.Lock()
	defer st.setting.Unlock()
	if st.exchanges[side] == nil && !st.ended {
		st.exchanges[side] = &negotiation{st: st, side: side, leg: st.plane.zrtp.join(st, side), place: -1}
	}
	return st.exchanges[side]
}

// ConfirmSAS records what a person found who compared the SAS of a side. The error is ErrNotSecure or ErrClosed.
func (st *Stream) ConfirmSAS(side Side, same bool) error {
	st.setting.Lock()
	e := st.exchanges[side]
	st.setting.Unlock()
	if e == nil {
		return ErrNotSecure
	}
	got := make(chan error, 1)
	if !e.leg.post(func(now time.Time) { got <- e.confirm(now, same) }) {
		return ErrClosed
	}
	return <-got
}

// agree starts, keeps or ends ZRTP on a side.
func (st *Stream) agree(side Side, agreed sdp.Agreed) {
	z := &st.zrtp[side]
	if st.plane.zrtp == nil {
		return
	}
	on := agreed.Enabled && agreed.Encryption == sdp.ZRTP && !agreed.ZRTP.Through
	upgrade := z.may
	z.may = agreed.Enabled && agreed.Encryption == sdp.None && agreed.MayZRTP
	switch {
	case z.may && z.exchange != nil: // goes on as it is
		return
	case !on:
		// One that the peer began ends with the stream: what comes back is plain, and the peer may begin another one.
		if z.exchange != nil && (agreed.Enabled || upgrade) {
			st.dismiss(side)
		}
		z.off = z.exchange != nil
		return
	case z.exchange == nil:
		if z.exchange = st.exchangeOf(side); z.exchange == nil {
			return
		}
	}
	e, p, back := z.exchange, agreed.ZRTP, z.off
	z.off = false
	t := terms{hash: p.PeerHash, hasHash: p.HasHash, remote: unmap(agreed.Remote)}
	ssrc := st.relay.Claim(side, e.ssrc())
	e.post(func(now time.Time) {
		e.optional = false
		if err := e.open(ssrc, true); err != nil {
			e.fail(err, false)
			return
		}
		if e.agree(now, t); back && e.engine.Secure() { // whoever heard that the stream was off waits for its keys
			e.secure(e.report)
		}
	})
}

// dismiss ends ZRTP on a side.
func (st *Stream) dismiss(side Side) {
	st.zrtp[side].exchange, st.zrtp[side].secure, st.zrtp[side].receiving = nil, false, false
	st.setting.Lock()
	e := st.exchanges[side]
	st.exchanges[side] = nil
	st.setting.Unlock()
	if e != nil {
		e.end()
	}
}

// end stops an exchange; what it has posted to the loop may still come.
func (e *negotiation) end() {
	e.gone.Store(true)
	e.leg.post(e.exit)
	e.leg.n.leave(e.leg)
}

// disagree ends ZRTP on both sides.
func (st *Stream) disagree() {
	st.setting.Lock()
	st.ended = true
	st.setting.Unlock()
	for side := range st.exchanges {
		st.dismiss(Side(side))
	}
}

// zrtpPacket is given what looks like ZRTP.
func (st *Stream) zrtpPacket(side Side, from netip.AddrPort, b []byte) {
	z := &st.zrtp[side]
	if st.plane.zrtp == nil || st.agents[side] != nil && st.relay.Alien(side, relay.RTP, from) {
		return
	}
	if z.exchange == nil {
		if !z.may || !st.relay.Expects(side, from) {
			return
		}
		st.begun(side)
	}
	e := z.exchange
	if e == nil {
		return
	}
	if z.may && !st.relay.Expects(side, from) { // whoever has the media is the only one to change it
		return
	}
	if e.waiting.Add(1) > maxWaiting {
		e.waiting.Add(-1)
		return
	}
	b = bytes.Clone(b)
	posted := e.post(func(now time.Time) {
		e.waiting.Add(-1)
		if e.party != nil {
			e.receive(now, from, b)
		}
	})
	if !posted {
		e.waiting.Add(-1)
	}
}

// begun starts an exchange because the peer did (decision 12).
func (st *Stream) begun(side Side) {
	z := &st.zrtp[side]
	e := st.exchangeOf(side)
	if z.exchange = e; e == nil {
		return
	}
	ssrc := st.relay.Claim(side, e.ssrc())
	e.post(func(now time.Time) {
		e.optional = true
		if e.open(ssrc, false) == nil {
			e.handle(now, zrtp.Start{})
		}
	})
}

// utter sends a ZRTP packet of ours.
func (st *Stream) utter(side Side, b []byte) {
	if to := st.relay.Target(side); to.IsValid() {
		st.transmit(side, relay.RTP, b, to)
	}
}

// pathSelected asks a peer that has not answered at its new address.
func (st *Stream) pathSelected(side Side) {
	if e := st.zrtp[side].exchange; e != nil {
		e.post(func(now time.Time) { e.handle(now, zrtp.Restart{}) })
	}
}

func (st *Stream) has(e *negotiation) bool { return st.zrtp[e.side].exchange == e }

// keyed puts keys in force.
func (st *Stream) keyed(now time.Time, e *negotiation, p *relay.Prepared) {
	if !st.has(e) {
		p.Wipe()
		return
	}
	st.relay.Install(now, e.side, p)
	st.zrtp[e.side].receiving = true
}

// agreedOn tells whether the side is secure by this exchange.
func (st *Stream) agreedOn(e *negotiation) bool {
	if !st.has(e) {
		return false
	}
	st.zrtp[e.side].secure, st.zrtp[e.side].receiving = true, false
	return true
}

// unsecured notes that another exchange has begun; the keys of the former one stay until then, unless another peer is elsewhere.
func (st *Stream) unsecured(e *negotiation) {
	if !st.has(e) {
		return
	}
	z := &st.zrtp[e.side]
	was := z.secure
	if z.secure, z.receiving = false, false; was {
		st.tell(Event{Event: relay.Event{Kind: Unsecured, Side: e.side}})
	}
}

// listen tells the exchanges whose last message may be lost that the peer has its keys.
func (st *Stream) listen() {
	for side := range st.zrtp {
		z := &st.zrtp[side]
		if z.receiving && st.relay.Heard(Side(side)) {
			z.receiving = false
			e := z.exchange
			e.post(func(now time.Time) { e.handle(now, zrtp.Authenticated{}) })
		}
	}
}

// agreeing tells whether a side waits for keys, and so must hear everybody.
func (z *zrtpSide) agreeing() bool { return z.exchange != nil && !z.may && !z.secure }

func (st *Stream) tell(e Event) {
	if st.plane.cfg.Notify != nil {
		e.Call, e.Stream = st.call, st
		st.plane.cfg.Notify(e)
	}
}
