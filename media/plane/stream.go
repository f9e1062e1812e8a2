package plane

import (
	"fmt"
	"net/netip"
	"sync"
	"time"

	"b2bua/media/ice"
	"b2bua/media/relay"
	"b2bua/media/sdp"
)

// maxDatagram is the longest packet that is relayed, octets: above any MTU that RTP is sent with.
const maxDatagram = 2048

// bufferSize leaves room for what SRTP appends.
const bufferSize = maxDatagram + relay.Headroom

// tickEvery is the coarse clock of supervision and of the connected sockets.
const tickEvery = 100 * time.Millisecond

// Stream is one m= section of a call: two legs, a pair of ports on each. All fields below the line belong to its loop.
type Stream struct {
	plane  *Plane
	call   string
	kind   sdp.Kind
	once   sync.Once
	anchor *Stream       // the first of those that run beside each other
	gone   chan struct{} // closed once final is there
	final  [2]Stats
	legs   [2]*pair
	home   any       // the driver's
	via    [2]*pair  // whose sockets are used: legs, or those of the stream that it rides with
	groups [2]*group // nil: the transport is not shared
	as     [2]relay.Member
	pinned [2]netip.AddrPort
	guards [2][2]*guard  // by side and channel; nil: no DTLS
	known  [2]bool       // the side was set once
	hellos [2][2]*early  // DTLS that came before the side was set, the newest
	checks [2][2][]early // checks, likewise, the newest last
	agents [2]*ice.Agent

	zrtp [2]zrtpSide

	rank int // in the driver's rota

	playing bool // digits, and the driver is asked to come back

	setting   sync.Mutex // guards what follows
	keyrings  [2]relay.Keyring
	exchanges [2]*negotiation // of ZRTP
	presented [2]string
	wasSet    [2]bool
	ended     bool // nothing of ZRTP begins any more
	ports     [2]sdp.Ports
	leads     [2]*Stream // whose transport SetOn told

	relay *relay.Relay
}

// Ports are the local ports of a side.
func (st *Stream) Ports(side Side) sdp.Ports {
	st.setting.Lock()
	defer st.setting.Unlock()
	return st.ports[side]
}

// Set (re)configures one side. Packets flow once both are set. It returns before the loop has taken it over; the error says
// why the keys cannot be used, or that the stream is closed, and nothing has changed then. The keys in agreed remain the
// caller's, who may wipe them on return. An address that is a port of the stream itself is refused with an *OwnPortError: a
// packet sent there would come back for ever.
//
// A side with ICE is sent to where the peer's checks say, which PathSelected tells. Its credentials are taken over here.
//
// A side with ZRTP makes its keys itself: Secured, with Channel RTP for both channels, or SecureFailed tell the end. Another hash of the
// peer's Hello begins an exchange anew, and another address asks there; keys stay in force meanwhile.
//
// A side with DTLS makes its keys itself: Secured or SecureFailed tell the end, for each channel (RTCP only where it has a port of
// its own). The same role, fingerprint and address again keep the association; others start a new one, and the keys of the former one
// stay in force until then. After a SecureFailed that says Retried the handshake goes on, and Secured may follow; former keys stay in
// force meanwhile if the fingerprint is the same.
func (st *Stream) Set(side Side, agreed sdp.Agreed) error {
	if err := st.set(side, agreed, nil); err != nil {
		return err
	}
	st.setting.Lock()
	defer st.setting.Unlock()
	st.leads[side] = nil
	return nil
}

// set is Set on the transport of lead; nil: its own.
func (st *Stream) set(side Side, agreed sdp.Agreed, lead *Stream) error {
	agreed.MayZRTP = agreed.MayZRTP && agreed.Group == nil // a shared transport has one key, and ZRTP makes one for each stream
	if err := st.plane.canProtect(agreed); err != nil {
		return err
	}
	if err := st.plane.canAgree(agreed); err != nil {
		return err
	}
	if err := st.checkRemote(side, agreed); err != nil {
		return err
	}
	p, err := relay.Prepare(agreed)
	if err != nil {
		return err
	}
	if err := st.admit(side, p); err != nil {
		p.Wipe()
		return err
	}
	agent := newAgent(agreed)
	agreed.SendKey, agreed.RecvKey = sdp.Crypto{}, sdp.Crypto{}
	posted := st.plane.driver.post(st, func(now time.Time) {
		if lead != nil && st.ride(side, lead, agreed.Group) {
			st.relay.Apply(now, side, p)
			st.agree(side, agreed)
			return
		}
		st.stand(side, agreed.Group)
		st.relay.Apply(now, side, p)
		st.connect(now, side, agent)
		st.protect(side, agreed)
		st.agree(side, agreed)
		st.pin(now, side)
	})
	if !posted {
		p.Wipe()
		return ErrClosed
	}
	return nil
}

func (st *Stream) admit(side Side, p *relay.Prepared) error {
	st.setting.Lock()
	defer st.setting.Unlock()
	st.wasSet[side] = true
	if err := st.keyrings[side].Admit(p); err != nil {
		return fmt.Errorf("media plane: call %s, leg %s: %w", st.call, side, err)
	}
	return nil
}

// Stats is a snapshot of one side; after Close, the last one.
func (st *Stream) Stats(side Side) Stats {
	got := make(chan Stats, 1)
	if st.plane.driver.post(st, func(time.Time) { got <- st.relay.Stats(side) }) {
		return <-got
	}
	<-st.gone
	return st.final[side]
}

// Close wipes the keys and gives the ports back. It is idempotent and does not wait; the ports are free when Closed is closed.
func (st *Stream) Close() { st.Finish(nil) }

// Finish is Close that tells the last statistics of both sides, from the loop: report must not block, nor call a method of a
// Stream. It is not called if the stream was closed already.
func (st *Stream) Finish(report func(a, b Stats)) {
	st.once.Do(func() {
		st.plane.driver.detach(st, func() {
			for i := range st.final {
				st.final[i] = st.relay.Stats(Side(i))
			}
			for _, side := range [...]Side{A, B} {
				st.leave(side)
			}
			st.unprotect()
			st.disagree()
			st.disconnect()
			st.relay.Close()
			st.release()
			st.plane.mu.Lock()
			delete(st.plane.streams, st)
			st.plane.mu.Unlock()
			if report != nil {
				report(st.final[A], st.final[B])
			}
			close(st.gone)
		})
	})
}

// Closed is closed when the sockets of a closed stream are.
func (st *Stream) Closed() <-chan struct{} { return st.gone }

// release closes the sockets and gives the ports back, once.
func (st *Stream) release() {
	for _, p := range st.legs {
		if p != nil {
			p.release()
		}
	}
}

func (st *Stream) notify(e relay.Event) {
	if st.plane.cfg.Notify != nil {
		st.plane.cfg.Notify(Event{Event: e, Call: st.call, Stream: st})
	}
}

// receive relays one datagram; b's capacity has relay.Headroom behind it. Only the driver calls it.
func (st *Stream) receive(now time.Time, from netip.AddrPort, side Side, ch relay.Channel, b []byte) {
	if g := st.groups[side]; g != nil {
		st, out := g.decide(now, st, from, ch, b)
		st.emit(out)
		return
	}
	st.emit(st.decide(now, from, side, ch, b))
}

// decide is the half of receive that touches no socket. What it returns lies in b's memory.
func (st *Stream) decide(now time.Time, from netip.AddrPort, side Side, ch relay.Channel, b []byte) relay.Output {
	return st.relay.Handle(now, from, side, ch, b)
}

// tick supervises the stream. Only the driver calls it.
func (st *Stream) tick(now time.Time) {
	st.relay.Tick(now)
	st.listen()
	st.pin(now, A)
	st.pin(now, B)
}

// pin binds a leg's RTP socket to its peer while that stays where it is: sends are cheaper, and the kernel itself drops what
// others send. As soon as the peer is silent every source is heard again, so that it can move.
func (st *Stream) pin(now time.Time, side Side) {
	to, ok := st.relay.Settled(now, side)
	if g := st.guards[side][relay.RTP]; !ok || g != nil && !g.keyed || st.zrtp[side].agreeing() {
		to = netip.AddrPort{}
	}
	if to != st.pinned[side] {
		st.pinned[side] = st.legs[side].sockets[relay.RTP].connect(to)
	}
}
