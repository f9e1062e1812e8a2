package register

import (
	"errors"
	"fmt"
	"strings"
	"syscall"
	"time"

	"b2bua/core/digest"
	"b2bua/core/event"
	"b2bua/core/sip"
	"b2bua/core/transaction"
)

// failure is why an attempt failed.
type failure struct {
	reason Reason
	why    string        // for the operator
	silent bool          // nothing came back
	after  time.Duration // Retry-After; 0: none, or at once
}

// Response takes a response to a request; what is no final one only shows that somebody is there.
func (e *Engine) Response(now time.Time, ref Ref, resp *sip.Message, way Way) {
	r := e.refs[ref]
	if r == nil {
		return
	}
	e.alive(now, r.hop)
	if resp.Status < 200 {
		return
	}
	delete(e.refs, ref)
	req := r.pending
	r.pending = nil
	switch {
	case resp.Status < 300:
		e.granted(now, r, resp, way)
	case resp.Status == 401, resp.Status == 407:
		if err := e.challenged(now, r, req, resp); err != nil {
			e.failed(now, r, failure{reason: reasonOf(err, resp.Status), why: e.explain(r, resp, err), after: retryAfter(resp)})
		}
	case resp.Status == 423 && !r.interval && !r.ending && r.raise(resp):
		r.interval = true
		m := e.message(r)
		if r.client != nil {
			_ = r.client.Authorize(m) // else it is challenged
		}
		e.ask(now, r, m)
	default:
		e.failed(now, r, failure{reason: reasonFor(resp.Status), why: answered(resp), after: retryAfter(resp)})
	}
}

// Failed takes the end of a request without a final response.
func (e *Engine) Failed(now time.Time, ref Ref, err error) {
	r := e.refs[ref]
	if r == nil {
		return
	}
	delete(e.refs, ref)
	r.pending = nil
	if errors.Is(err, syscall.ECONNREFUSED) {
		r.hop.away = now
	}
	f := failure{reason: IOError, why: err.Error(), silent: true}
	var timeout *transaction.TimeoutError
	if errors.As(err, &timeout) {
		f.reason = NoResponse
	} else if (r.status.Available() || r.hop.answered.After(r.sentAt)) && !r.quick && !r.ending && !r.again {
		r.quick = true // the connection broke under it, maybe while others were answered: once more by a new one
		e.rest(now, r)
		e.enqueue(now, r)
		return
	}
	e.failed(now, r, f)
}

// FlowLost is the end of a connection: those who registered over it do so again at once.
func (e *Engine) FlowLost(now time.Time, flow uint64) { e.begin(now, &loss{flow: flow}) }

// lossDelay keeps a registrar that closes every connection from being asked in a circle.
func (r *registration) lossDelay(now time.Time) time.Duration {
	if now.Sub(r.made) > quietLoss {
		r.losses = 0
	}
	r.losses = min(r.losses+1, 8)
	if r.losses == 1 {
		return 0
	}
	return min(time.Second<<(r.losses-2), maxLossDelay)
}

// granted is a 2xx.
func (e *Engine) granted(now time.Time, r *registration, resp *sip.Message, way Way) {
	if r.ending {
		e.rest(now, r)
		e.conclude(now, r)
		return
	}
	contact := way.Contact
	life := r.lifetime(resp, contact)
	if life <= 0 {
		e.failed(now, r, failure{reason: UnknownError, why: answered(resp) + ", but the registrar keeps no Contact of ours"})
		return
	}
	at := r.hop.share(contact)
	moved := !sameURI(r.contact, at)
	r.made, r.until, r.contact, r.former = now, now.Add(life), at, false
	e.ride(r, way.Flow)
	first, again, missed := !r.settled, r.told != "" || r.missed, r.missed && r.hop.back.all > named
	e.found(now, r, true)
	r.failures, r.quick, r.told, r.why = 0, false, "", ""
	if r.status.State == OK && moved {
		e.emit(Changed{r.id, r.status, r.bindingContact()})
	}
	e.become(r, Status{State: OK})
	switch {
	case missed: // that many wait and that they are back is told of their registrar
		e.tell(event.Registered{Account: r.name, Registrar: r.hop.name, For: life, Again: true, Quiet: true})
	case first || again:
		ok, untold := r.hop.line(now)
		e.tell(event.Registered{Account: r.name, Registrar: r.hop.name, For: life, Again: again, Quiet: !ok, Untold: untold})
	}
	e.settle(now, r, true)
	e.rest(now, r)
	if !e.next(now, r) {
		r.hop.good.push(r)
		e.set(&r.alarm, now.Add(e.between(e.paced(r.hop, life), refreshFrom, refreshTo)))
	}
}

// failed ends an attempt; the next one comes after a rest.
func (e *Engine) failed(now time.Time, r *registration, f failure) {
	e.rest(now, r)
	if r.ending {
		e.tell(event.UnregisterFailed{Account: r.name, Registrar: r.hop.name, Why: f.why})
		e.denied(now, r, f)
		return
	}
	if r.again || e.stopping {
		e.detach(now, r)
		e.next(now, r)
		return
	}
	e.become(r, Status{Failed, f.reason})
	r.why = f.why
	if f.silent && e.silence(now, r, f) {
		e.tell(event.RegistrationFailed{Account: r.name, Registrar: r.hop.name, Reason: string(f.reason), Why: f.why, Quiet: true})
		r.failures = min(r.failures, 254) + 1
		e.hold(now, r, f.reason)
		return
	}
	e.found(now, r, false)
	wait := e.retryIn(r, f)
	switch {
	case f.after > maxRetryAfter:
		f.why += fmt.Sprintf("; its Retry-After of %s is taken for a mistake, %s is the longest", f.after, maxRetryAfter)
		wait = min(wait, e.between(maxRetryAfter, 1, 1+retryJitter))
	case f.after > 0 && wait > 2*f.after:
		f.why += fmt.Sprintf("; its Retry-After of %s is too short for a registrar that keeps refusing", f.after)
	}
	r.why = f.why
	e.report(now, r, f, wait)
	e.settle(now, r, false)
	e.set(&r.alarm, now.Add(wait))
}

// denied is a failed un-registration. A farewell that met silence waits for its registrar.
func (e *Engine) denied(now time.Time, r *registration, f failure) {
	switch {
	case r.farewell && !e.stopping && f.silent && e.silence(now, r, f):
		e.hold(now, r, f.reason)
	case r.farewell && !e.stopping:
		e.detach(now, r)
		e.unsaid(now, r, f.why)
	default:
		e.stays(now, r, f.why)
		e.conclude(now, r)
	}
}

// report tells a failure at the normal level when it is new.
func (e *Engine) report(now time.Time, r *registration, f failure, wait time.Duration) {
	quiet, untold := true, 0
	if r.told != f.reason {
		var ok bool
		ok, untold = r.hop.line(now)
		quiet = !ok
	}
	r.told = f.reason
	e.tell(event.RegistrationFailed{
		Account: r.name, Registrar: r.hop.name, Reason: string(f.reason), Why: f.why, RetryIn: wait, Quiet: quiet, Untold: untold,
	})
}

// rest ends an attempt: nothing is under way, and the place in the window is free.
func (e *Engine) rest(now time.Time, r *registration) {
	r.phase = idle
	e.set(&r.alarm, time.Time{})
	e.vacate(now, r)
}

// next does what was put off while a request was under way.
func (e *Engine) next(now time.Time, r *registration) bool {
	if !r.again {
		return false
	}
	r.again = false
	switch {
	case r.removed, e.stopping:
		if r.counted {
			r.counted = false
			e.leaving--
		}
		e.finish(now, r)
	default:
		if r.goal != nil {
			flow := r.flow
			e.alight(r)
			e.takeLeave(now, r, r.goal, flow)
			e.move(now, r, r.goal.to)
		}
		e.enqueue(now, r)
	}
	return true
}

// finish un-registers an account for which nothing is under way, if there is something to un-register.
func (e *Engine) finish(now time.Time, r *registration) {
	r.leave()
	e.set(&r.alarm, time.Time{})
	if !r.bound(now) || r.former || r.hop.down || !r.removed && !r.unregister {
		if r.hop.down && (r.removed || r.unregister) {
			e.stays(now, r, r.hop.why.why)
		}
		e.conclude(now, r)
		return
	}
	if e.stopping && !r.counted {
		r.counted = true
		e.leaving++
	}
	e.enqueue(now, r)
}

// conclude is the end of an account, or of its registration at shutdown.
func (e *Engine) conclude(now time.Time, r *registration) {
	r.leave()
	e.set(&r.alarm, time.Time{})
	if r.counted {
		r.counted = false
		e.leaving--
	}
	if r.ending {
		r.until = time.Time{}
		e.become(r, Status{State: Cleared})
	}
	r.phase = over
	e.alight(r)
	e.detach(now, r)
	if !r.removed {
		return
	}
	delete(e.byID, r.id)
	if r.farewell {
		e.parted(r)
		return
	}
	e.counts[r.status.State]--
	if !r.settled {
		r.pool.unsettled--
	}
	r.pool.all--
	e.release(r.hop)
	e.emit(Gone{r.id})
}

// settle counts the first outcome of an account; the last one of a pool is told.
func (e *Engine) settle(now time.Time, r *registration, ok bool) {
	p := r.pool
	if r.settled {
		return
	}
	r.settled = true
	if !ok {
		p.failed++
	}
	if p.unsettled--; p.unsettled == 0 {
		e.tell(event.PoolRegistered{Pool: p.name, Accounts: p.all, Failed: p.failed, After: now.Sub(p.began)})
		p.failed = 0
	}
}

// retryIn is the rest after a failure: what the registrar asks for, else twice as long each time that it refused.
func (e *Engine) retryIn(r *registration, f failure) time.Duration {
	wait := e.cfg.Retry
	switch {
	case f.after > 0:
		wait = max(f.after, min(minRetryAfter<<min(r.failures, 10), wait))
	case !f.silent:
		wait = max(wait, min(wait<<min(r.failures, 10), maxRetry))
	}
	if r.failures < 255 {
		r.failures++
	}
	return e.between(wait, 1, 1+retryJitter)
}

func reasonFor(status int) Reason {
	if r, ok := reasons[status]; ok {
		return r
	}
	return UnknownError
}

func reasonOf(err error, status int) Reason {
	if errors.Is(err, digest.ErrRefused) {
		return BadCredentials
	}
	return reasonFor(status)
}

func answered(resp *sip.Message) string {
	return strings.TrimSpace(fmt.Sprintf("the registrar answered %d %s", resp.Status, resp.Reason))
}

// explain says what to do about a challenge that was not met.
func (e *Engine) explain(r *registration, resp *sip.Message, err error) string {
	text := answered(resp)
	switch {
	case len(r.credentials) == 0:
		return text + ": it wants a password, and the account has none; give it a secret"
	case errors.Is(err, digest.ErrRefused):
		return text + ": it does not accept the secret of the account; check secret, secretType, userid and realm"
	case errors.Is(err, digest.ErrNoCredentials):
		return fmt.Sprintf("%s: %v; the account's realm is %q", text, err, r.credentials[0].Realm)
	case errors.Is(err, digest.ErrAlgorithm):
		return fmt.Sprintf("%s: %v; give the account a secret that is clrtxt, or a hash by the algorithm that is wanted", text, err)
	}
	return fmt.Sprintf("%s: %v", text, err)
}
