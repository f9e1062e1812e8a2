package plane

import (
	"net/netip"
	"slices"
	"sync/atomic"
	"time"

	"b2bua/media/relay"
	"b2bua/media/sdp"
	"b2bua/media/zrtp"
	"b2bua/media/zrtp/alg"
	"b2bua/media/zrtp/wire"
)

const (
	// maxWaiting packets of one exchange wait for its desk: a message in fragments, or a repetition each of some. More is a flood.
	maxWaiting = 32
	// moveZRTP is the silence after which a peer that is not secure yet may come from another address than before.
	moveZRTP = 500 * time.Millisecond
	// tryAgain is when a key agreement that found no place in the queue tries again.
	tryAgain = 100 * time.Millisecond
	// lookupWithin and writeWithin bound the cache: a peer repeats its messages for some seconds.
	lookupWithin = 2 * time.Second
	writeWithin  = 30 * time.Second
	// doubt is how long after a new address a peer without a=zrtp-hash may turn out to be another one: as long as Hellos are repeated at first.
	doubt = 10 * time.Second
)

// party is the session with one peer, and who takes part in it. It is guarded by the mutex of its leg.
type party struct {
	session *zrtp.Session
	members []*negotiation
}

// negotiation is ZRTP on one side of a stream. What stands below the line is guarded by the mutex of its leg.
type negotiation struct {
	st      *Stream
	side    Side
	leg     *zrtpLeg
	waiting atomic.Int32 // packets
	gone    atomic.Bool

	party    *party // nil: not open yet
	engine   *zrtp.Stream
	hash     string
	at       time.Time // of the next tick
	place    int       // in the heap, -1: not there
	job      *zrtp.Job // found no place in the queue
	retryAt  time.Time
	told     bool // ErrZRTPBusy
	failed   bool
	optional bool // the side works without encryption, too
	required bool // the session insists
	terms    terms
	report   zrtp.Report // of the last keys
	doubtful time.Time   // until then another peer may be where this one was
	ceded    bool        // a Hello from elsewhere gave way to one from the signalled address
	peer     struct {
		addr netip.AddrPort // where it was heard
		last time.Time
	}
}

// terms are what a side has agreed on.
type terms struct {
	hash    [32]byte
	hasHash bool
	remote  netip.AddrPort
}

// post runs f on the desk as long as the exchange lasts.
func (e *negotiation) post(f func(now time.Time)) bool {
	return e.leg.post(func(now time.Time) {
		if !e.gone.Load() {
			f(now)
		}
	})
}

// loop runs f where the stream's packets are handled.
func (e *negotiation) loop(f func(now time.Time)) bool { return e.st.plane.driver.post(e.st, f) }

// open makes the Hello, unless it is there.
func (e *negotiation) open(ssrc uint32, required bool) error {
	if e.engine != nil {
		return nil
	}
	e.required = required
	if e.leg.current == nil {
		session, err := zrtp.NewSession(e.leg.n.session(e.st.presents(e.side), required))
		if err != nil {
			return err
		}
		e.leg.current = &party{session: session}
	}
	engine, err := e.leg.current.session.NewStream(ssrc)
	if err != nil {
		return err
	}
	e.enter(e.leg.current, engine)
	e.hash = sdp.ZRTPHash(engine.HelloHash())
	return nil
}

func (e *negotiation) enter(p *party, engine *zrtp.Stream) {
	e.party, e.engine, e.failed, e.told = p, engine, false, false
	p.members = append(p.members, e)
}

// exit ends the exchange.
func (e *negotiation) exit(now time.Time) {
	if e.party != nil {
		e.leave(now).end(e.leg)
	}
}

// end closes a session without members.
func (p *party) end(leg *zrtpLeg) {
	if len(p.members) > 0 {
		return
	}
	p.session.Close()
	if leg.current == p {
		leg.current = nil
	}
}

// leave ends the engine.
func (e *negotiation) leave(now time.Time) *party {
	p := e.party
	if e.job != nil {
		e.job.Wipe()
		e.job = nil
	}
	out := e.engine.Handle(now, zrtp.Stop{})
	p.members = slices.DeleteFunc(p.members, func(m *negotiation) bool { return m == e })
	e.party = nil
	p.perform(now, out)
	e.leg.desk.set(e, time.Time{})
	return p
}

// agree takes what a description says. Another a=zrtp-hash is another peer, or one that has begun anew: the exchange starts again, with
// the Hello that our description has told. If it is the peer of the first stream, the session is another one as well, which goes on with
// what the former one agreed on if the peer does, and the other streams follow as their descriptions change.
func (e *negotiation) agree(now time.Time, t terms) {
	was := e.terms
	if !usable(t.remote) {
		t.remote = was.remote
	}
	elsewhere := t.remote != was.remote
	if !t.hasHash && !elsewhere {
		t.hash, t.hasHash = was.hash, was.hasHash
	}
	e.terms = t
	switch {
	case e.another(was, t):
		if elsewhere {
			e.peer.addr = netip.AddrPort{}
			e.loop(func(now time.Time) { e.st.relay.Replace(now, e.side) })
		}
		if err := e.begin(now, e.follows(), e.required); err != nil {
			e.fail(err, false)
			return
		}
	case e.failed:
		if err := e.begin(now, true, e.required); err != nil {
			e.fail(err, false)
			return
		}
	}
	if t.hasHash {
		e.handle(now, zrtp.PeerHash{Hash: t.hash})
	}
	e.handle(now, zrtp.Start{})
	if elsewhere {
		e.moved(now, was.remote)
		e.handle(now, zrtp.Restart{})
	}
}

// another tells whether a description is that of another peer than before: by its Hello or, where it does not tell that, because the one before
// did, at another address (the next branch of a fork; a mere move comes with the hash of before).
func (e *negotiation) another(was, t terms) bool {
	if was.hasHash {
		return !t.hasHash || t.hash != was.hash
	}
	known, ok := e.engine.PeerHello()
	return ok && t.hasHash && known != t.hash
}

// follows tells whether a stream that begins anew joins the session of the leg: because it is not the first of its own, or the leg has another
// one by now.
func (e *negotiation) follows() bool { return e.party != e.leg.current || e.party.members[0] != e }

// moved notes another address of a peer without a=zrtp-hash: it may be another peer, which only its Hello tells.
func (e *negotiation) moved(now time.Time, was netip.AddrPort) {
	if usable(was) && !e.terms.hasHash {
		e.doubtful = now.Add(doubt)
	}
}

// replaced tells whether a packet is the Hello of another peer than the one that the engine knows, at the signalled address: that was signalled a
// moment ago, for the next branch of a fork or the target of a transfer, or nothing is agreed on yet with who was first, from elsewhere.
func (e *negotiation) replaced(now time.Time, from netip.AddrPort, b []byte) bool {
	if e.terms.hasHash || from != e.terms.remote {
		return false
	}
	known, ok := e.engine.PeerHello()
	if !ok || now.After(e.doubtful) {
		e.doubtful = time.Time{}
	}
	first := ok && !e.ceded && !e.engine.Secure() && e.peer.addr != from
	if e.doubtful.IsZero() && !first {
		return false
	}
	p, err := wire.Parse(b)
	if err != nil || p.Message == nil {
		return false
	}
	if t, err := wire.Check(p.Message); err != nil || t != wire.Hello {
		return false
	}
	e.doubtful, e.ceded = time.Time{}, true // once: whoever floods the port begins no more
	return alg.HelloHash(p.Message) != known
}

// begin takes another engine, with the same Hello.
func (e *negotiation) begin(now time.Time, sameSession, required bool) error {
	p := e.leg.current
	if p == nil || !sameSession {
		session, err := zrtp.NewSession(e.leg.n.session(e.st.presents(e.side), required))
		if err != nil {
			return err
		}
		session.Renew(e.party.session)
		p = &party{session: session}
	}
	engine, err := p.session.Succeed(e.engine)
	if err != nil {
		return err
	}
	former := e.leave(now)
	e.leg.current = p
	e.enter(p, engine)
	former.end(e.leg)
	e.loop(func(time.Time) { e.st.unsecured(e) })
	return nil
}

// receive takes a packet of a peer at from.
func (e *negotiation) receive(now time.Time, from netip.AddrPort, b []byte) {
	if e.replaced(now, from, b) {
		e.peer.addr = netip.AddrPort{}
		e.loop(func(now time.Time) { e.st.relay.Replace(now, e.side) })
		if err := e.begin(now, e.follows(), e.required); err != nil {
			e.fail(err, false)
			return
		}
		e.handle(now, zrtp.Start{})
	}
	before := e.engine.Heard()
	out := e.engine.Handle(now, zrtp.Packet{Data: b})
	if e.engine.Heard() != before {
		e.heard(now, from)
	}
	e.party.perform(now, out)
}

// heard notes where the peer is: at the signalled address, or the one where something that fits came from first, until that is silent.
func (e *negotiation) heard(now time.Time, from netip.AddrPort) {
	p := &e.peer
	if from != p.addr {
		if p.addr.IsValid() && from != e.terms.remote && now.Sub(p.last) < moveZRTP {
			return
		}
		p.addr = from
		e.loop(func(time.Time) { e.st.relay.Prove(e.side, relay.RTP, from) })
	}
	p.last = now
}

func (e *negotiation) handle(now time.Time, in zrtp.Input) {
	if p := e.party; p != nil {
		p.perform(now, e.engine.Handle(now, in))
	}
}

func (e *negotiation) tick(now time.Time) {
	if e.job != nil && !now.Before(e.retryAt) {
		e.work(now, e.job)
	}
	e.handle(now, zrtp.Tick{})
}

// perform carries effects out, and asks for the next ticks.
func (p *party) perform(now time.Time, out []zrtp.Output) {
	for _, o := range out {
		i := slices.IndexFunc(p.members, func(m *negotiation) bool { return m.engine == o.Stream })
		if i >= 0 {
			p.members[i].effect(now, o.Effect)
		} else {
			discard(o.Effect)
		}
	}
	for _, m := range p.members {
		m.schedule()
	}
}

func (e *negotiation) schedule() {
	at, ok := e.engine.Deadline()
	if e.job != nil && (!ok || e.retryAt.Before(at)) {
		at, ok = e.retryAt, true
	}
	if !ok {
		at = time.Time{}
	}
	e.leg.desk.set(e, at)
}

// discard wipes an effect of a stream that is not there any more.
func discard(effect zrtp.Effect) {
	switch x := effect.(type) {
	case zrtp.InstallReceive:
		x.Master.Wipe()
	case zrtp.InstallSend:
		x.Master.Wipe()
	case zrtp.NeedKeys:
		x.Job.Wipe()
	case zrtp.StoreSecrets:
		x.Update.Retained.Wipe()
	}
}
