package plane

import (
	"context"
	"errors"
	"fmt"
	"time"

	"b2bua/media/relay"
	"b2bua/media/sdes"
	"b2bua/media/sdp"
	"b2bua/media/zrtp"
	"b2bua/media/zrtp/alg"
)

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
	e.report = r
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
	if e.leg.n.works.add(task{job: j, begun: j.Begun(), gone: e.gone.Load, done: e.done}) {
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
