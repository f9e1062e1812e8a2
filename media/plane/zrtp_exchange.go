package plane

import (
	"context"
	"errors"
	"fmt"
	"net/netip"
	"slices"
	"sync/atomic"
	"time"

	"b2bua/media/relay"
	"b2bua/media/sdes"
	"b2bua/media/sdp"
	"b2bua/media/zrtp"
	"b2bua/media/zrtp/alg"
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
	terms    terms
	peer     struct {
		addr netip.AddrPort // where it was heard
		last time.Time
	}
}

// terms are what a side has agreed on.
type terms struct {
	hash     [32]byte
	hasHash  bool
	remote   netip.AddrPort
	required bool
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
// the Hello that our description has told. If it is the peer of the first stream, the session is another one as well, and the other
// streams follow as their descriptions change.
func (e *negotiation) agree(now time.Time, t terms) {
	was := e.terms
	if !t.hasHash {
		t.hash, t.hasHash = was.hash, was.hasHash
	}
	if !usable(t.remote) {
		t.remote = was.remote
	}
	e.terms = t
	switch {
	case was.hasHash && t.hash != was.hash:
		if err := e.begin(now, e.party != e.leg.current || e.party.members[0] != e, t.required); err != nil {
			e.fail(err, false)
			return
		}
	case e.failed:
		if err := e.begin(now, true, t.required); err != nil {
			e.fail(err, false)
			return
		}
	}
	if t.hasHash {
		e.handle(now, zrtp.PeerHash{Hash: t.hash})
	}
	e.handle(now, zrtp.Start{})
	if t.remote != was.remote {
		e.handle(now, zrtp.Restart{})
	}
}

// begin takes another engine, with the same Hello.
func (e *negotiation) begin(now time.Time, sameSession, required bool) error {
	p := e.leg.current
	if p == nil || !sameSession {
		session, err := zrtp.NewSession(e.leg.n.session(e.st.presents(e.side), required))
		if err != nil {
			return err
		}
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

func (e *negotiation) effect(now time.Time, effect zrtp.Effect) {
	switch x := effect.(type) {
	case zrtp.Send:
		e.loop(func(time.Time) { e.st.utter(e.side, x.Data) })
	case zrtp.NeedKeys:
		e.work(now, x.Job)
	case zrtp.LookupSecrets:
		e.lookup(x.Key)
	case zrtp.StoreSecrets:
		e.store(x)
	case zrtp.InstallReceive:
		e.install(sdp.Crypto{}, crypto(x.Suite, x.Master))
	case zrtp.InstallSend:
		e.install(crypto(x.Suite, x.Master), sdp.Crypto{})
	case zrtp.Secure:
		e.secure(x.Report)
	case zrtp.Alert:
		e.notify(Event{Event: relay.Event{Kind: Suspicious, Side: e.side, Err: errors.New("ZRTP: " + x.Reason.String())}})
	case zrtp.NoPeer:
		e.fail(ErrNoZRTP, true)
	case zrtp.Failed:
		e.failed = true
		e.fail(errors.New(x.Reason.String()), false)
	}
}

func crypto(suite sdes.Suite, master alg.Secret) sdp.Crypto {
	return sdp.Crypto{Suite: suite, Key: master}
}

// install hands keys over to the packets.
func (e *negotiation) install(send, recv sdp.Crypto) {
	p, err := relay.PrepareZRTP(send, recv)
	send.Key.Wipe()
	recv.Key.Wipe()
	if err != nil {
		e.fail(err, false)
		return
	}
	if !e.loop(func(now time.Time) { e.st.keyed(now, e, p) }) {
		p.Wipe()
	}
}

func (e *negotiation) secure(r zrtp.Report) {
	suite, addr := r.Suite.SRTP(), e.peer.addr
	e.loop(func(time.Time) {
		if e.st.agreedOn(e) {
			e.st.tell(Event{Event: relay.Event{Kind: Secured, Side: e.side, Addr: addr, Suite: suite}, ZRTP: &r})
		}
	})
}

// fail tells that there are no keys. A side that works without is told nothing: it goes on as it is.
func (e *negotiation) fail(err error, retried bool) {
	if e.optional {
		return
	}
	err = fmt.Errorf("media plane: %w", err)
	e.loop(func(time.Time) {
		if e.st.has(e) {
			e.st.relay.Fail(e.side, relay.RTP, err, retried)
		}
	})
}

func (e *negotiation) notify(ev Event) { e.loop(func(time.Time) { e.st.tell(ev) }) }

// work queues a job, or tries again later.
func (e *negotiation) work(now time.Time, j *zrtp.Job) {
	e.job = nil
	if e.leg.n.works.add(task{job: j, gone: e.gone.Load, done: e.done}) {
		return
	}
	e.job, e.retryAt = j, now.Add(tryAgain)
	if !e.told {
		e.told = true
		e.fail(ErrZRTPBusy, true)
	}
}

// done gives a job back.
func (e *negotiation) done(j *zrtp.Job) {
	posted := e.leg.post(func(now time.Time) {
		if e.gone.Load() || e.engine != j.Stream() || e.party == nil {
			j.Wipe()
			return
		}
		e.handle(now, zrtp.KeysDone{Job: j})
	})
	if !posted {
		j.Wipe()
	}
}

func (e *negotiation) lookup(k zrtp.Key) {
	engine := e.engine
	answer := func(r zrtp.Record, err error) {
		posted := e.leg.post(func(now time.Time) {
			if !e.gone.Load() && e.engine == engine {
				e.handle(now, zrtp.SecretsLoaded{Key: k, Record: r, Failed: err != nil})
			}
			r.Wipe()
		})
		if !posted {
			r.Wipe()
		}
		if err != nil {
			e.st.plane.cfg.Log.Warn("ZRTP: the cache of secrets cannot be read, the call goes on without continuity", "call", e.st.call,
				"leg", e.side.String(), "error", err)
		}
	}
	ctx, cancel := context.WithTimeout(e.leg.n.ctx, lookupWithin)
	err := e.leg.n.cfg.Cache.Lookup(ctx, k, func(r zrtp.Record, err error) {
		cancel()
		answer(r, err)
	})
	if err != nil {
		cancel()
		answer(zrtp.Record{}, err)
	}
}

func (e *negotiation) store(x zrtp.StoreSecrets) {
	log, call, side := e.st.plane.cfg.Log, e.st.call, e.side
	failed := func(err error) {
		if err != nil {
			log.Warn("ZRTP: the cache of secrets cannot be written, the peer may warn its user in the next call", "call", call,
				"leg", side.String(), "error", err)
		}
	}
	// Not of the plane's own life: what was agreed on in the last moment is to be kept, too.
	ctx, cancel := context.WithTimeout(context.Background(), writeWithin)
	err := e.leg.n.cfg.Cache.Write(ctx, x.Key, x.Update, func(err error) {
		cancel()
		failed(err)
	})
	if err != nil {
		cancel()
		failed(err)
	}
	x.Update.Retained.Wipe()
}

// confirm records what a person found who compared the SAS.
func (e *negotiation) confirm(now time.Time, same bool) error {
	if e.party == nil {
		return ErrNotSecure
	}
	if _, ok := e.party.session.Report(); !ok {
		return ErrNotSecure
	}
	e.party.perform(now, e.party.session.Confirm(now, same))
	return nil
}
