package dtls

import (
	"bytes"
	"context"
	"errors"
	"net/netip"
	"slices"
	"sync"
	"time"
)

// Association is DTLS on one channel of one leg.
type Association struct {
	h      *Handshaker
	p      Params
	ctx    context.Context //nolint:containedctx // the life of what it started
	cancel context.CancelFunc

	mu      sync.Mutex
	peers   []*peer
	settled *peer            // the one whose handshake is complete
	over    bool             // the last result was told
	end     chan struct{}    // closed then
	failure error            // the newest of a source that may have been a stranger
	refused []netip.AddrPort // active: who answered for the peer, and was not it
}

func newAssociation(h *Handshaker, p Params) *Association {
	a := &Association{h: h, p: p, end: make(chan struct{})}
	a.ctx, a.cancel = context.WithCancel(h.ctx)
	return a
}

// Close ends the association without a word to the peer and without waiting.
func (a *Association) Close() { a.cancel() }

// Receive takes a datagram that came from a source. It copies b, and never blocks: a flood is dropped here.
func (a *Association) Receive(b []byte, from netip.AddrPort) {
	if len(b) > maxRecord || a.ctx.Err() != nil {
		return
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	p, gate := a.route(time.Now(), b, from)
	if p != nil && !a.p.DTLS.Active && !p.proven {
		b, _ = hellos(b)
	}
	if p != nil {
		p.push(datagram{b: bytes.Clone(b), gate: gate})
	}
}

// route finds whom a datagram is from; nil: nobody that may speak.
func (a *Association) route(now time.Time, b []byte, from netip.AddrPort) (p *peer, gate bool) {
	at := slices.IndexFunc(a.peers, func(p *peer) bool { return p.addr == from && p.ctx.Err() == nil })
	if at >= 0 {
		p = a.peers[at]
	}
	if a.p.DTLS.Active || a.settled != nil || a.over {
		switch {
		case a.settled != nil && p != a.settled:
			return nil, false
		case a.settled == nil && !a.over:
			p = a.answered(p, b, from)
		}
		return p, false
	}
	h, first := parseHello(b)
	if p != nil && !p.proven && len(h.cookie) == 0 && (!first || h.random == p.random) {
		return p.more(b), false
	}
	if p != nil && (!first || h.random == p.random) {
		return p.follow(now, h, first)
	}
	if !first || len(h.cookie) > 0 || !a.room(now, p, from) {
		return nil, false
	}
	p = a.newPeer(from)
	p.random, p.since, p.heard = h.random, now, now
	if p.more(b) == nil || !a.h.start(func() { a.serve(p) }) {
		return nil, false
	}
	a.peers = append(slices.DeleteFunc(a.peers, func(p *peer) bool { return p.ctx.Err() != nil }), p)
	return p, false
}

// answered finds whom of an active association a datagram is for. A server with several addresses, or behind a NAT, may answer from
// elsewhere than its description says: as long as the signalled address is silent, the attempt goes on with whoever answers, and the
// fingerprint decides. The signalled address takes it back, and who failed is not heard again.
func (a *Association) answered(p *peer, b []byte, from netip.AddrPort) *peer {
	if p != nil {
		p.proven = true
		return p
	}
	if len(a.peers) == 0 || !isAnswer(b) {
		return nil
	}
	p = a.peers[0]
	switch {
	case p.ctx.Err() != nil:
		return nil
	case from == a.p.Remote:
		a.refuse(p)
		p.cancel() // and dial begins anew
		return nil
	case p.proven || len(a.refused) >= strangers || slices.Contains(a.refused, from):
		return nil
	}
	p.addr, p.proven = from, true
	time.AfterFunc(a.h.cfg.Timeout/2, func() { a.hurry(p) })
	return p
}

func (a *Association) refuse(p *peer) {
	if p.addr != a.p.Remote && !slices.Contains(a.refused, p.addr) {
		a.refused = append(a.refused, p.addr)
	}
}

// hurry ends an attempt with a source elsewhere that leads to nothing.
func (a *Association) hurry(p *peer) {
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.settled != p {
		p.cancel()
	}
}

// more takes the fragments of a ClientHello from a source that has not shown a cookie yet: with post-quantum keys one is longer than a
// datagram. Nothing else of it counts, and no more than several repetitions.
func (p *peer) more(b []byte) *peer {
	b, n := hellos(b)
	if n == 0 || p.fragments+n > maxFragments || p.octets+len(b) > maxUnproven {
		return nil
	}
	p.fragments, p.octets = p.fragments+n, p.octets+len(b)
	return p
}

// follow takes what a known source sends, which has shown the cookie that it was sent or says its first message again.
func (p *peer) follow(now time.Time, h hello, first bool) (*peer, bool) {
	if first && len(h.cookie) > 0 {
		if !bytes.Equal(h.cookie, p.cookie) {
			return nil, false
		}
		p.proven = true
	}
	p.heard = now
	return p, first && len(h.cookie) > 0
}

// room makes room for a new source: the signalled address always has a place, others have a few. A source that starts anew takes
// its own place, once its former attempt is not going on.
func (a *Association) room(now time.Time, same *peer, from netip.AddrPort) bool {
	if same != nil {
		if same.proven && now.Sub(same.heard) < stalled || !same.proven && now.Sub(same.since) < newcomer {
			return false
		}
		same.cancel()
		return true
	}
	if from == a.p.Remote {
		return true
	}
	n := 0
	var oldest *peer
	for _, p := range a.peers {
		if p.ctx.Err() != nil || p.addr == a.p.Remote {
			continue
		}
		n++
		if !p.proven && (oldest == nil || p.since.Before(oldest.since)) {
			oldest = p
		}
	}
	switch {
	case n < strangers:
		return true
	case oldest == nil || now.Sub(oldest.since) < newcomer:
		return false
	}
	oldest.cancel()
	return true
}

// keep tells whether a client whose time is over is waited for. It goes on repeating its ClientHello with the cookie, from whose
// message number (RFC 6347 section 4.2.2) nobody but this attempt can go on: a new one would ask it for a cookie under a number that
// it has heard already, and be ignored. One client of an association is kept so.
func (a *Association) keep(p *peer) bool {
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.p.DTLS.Active || !p.proven || a.settled != nil || a.over {
		return false
	}
	for _, q := range a.peers {
		switch {
		case !q.kept || q.ctx.Err() != nil:
		case p.addr != a.p.Remote:
			return false
		default:
			q.cancel() // the signalled address comes first
		}
	}
	p.kept = true
	return true
}

// mayWrite sees what goes out, and tells where to: it keeps the cookie that a source is sent, and alerts after the handshake.
func (a *Association) mayWrite(p *peer, b []byte) (to netip.AddrPort, ok bool) {
	a.mu.Lock()
	defer a.mu.Unlock()
	if cookie, ok := parseCookie(b); ok {
		p.cookie = bytes.Clone(cookie)
	}
	const alert = 21
	return p.addr, a.settled != p || len(b) == 0 || b[0] != alert
}

// serve answers one source of a passive association until it fails, or its last messages need no repetition any more.
func (a *Association) serve(p *peer) {
	err := a.attempt(p)
	p.cancel()
	if err != nil {
		a.fail(p, err)
	}
	a.mu.Lock()
	a.peers = slices.DeleteFunc(a.peers, func(q *peer) bool { return q == p })
	a.mu.Unlock()
}

// fail is the end of a passive attempt. From the signalled address it is the end of the association, if the source had shown that
// it is there; anyone else may be a stranger, whose fault is told only when nobody better comes.
func (a *Association) fail(p *peer, err error) {
	if errors.Is(err, context.Canceled) || a.ctx.Err() != nil {
		return
	}
	a.mu.Lock()
	last := p.addr == a.p.Remote && p.proven && !errors.Is(err, ErrTimeout) && a.settled == nil
	if !last {
		if a.failure == nil || p.proven {
			a.failure = a.fault(p.addr, err)
		}
		a.mu.Unlock()
		return
	}
	a.mu.Unlock()
	a.tell(Result{Err: a.fault(p.addr, err)}, true)
}

func (a *Association) fault(at netip.AddrPort, err error) error {
	return &Error{Remote: at, Active: a.p.DTLS.Active, Err: err}
}

// listen tells, once, that a passive association had no success in time.
func (a *Association) listen() {
	t := time.NewTimer(a.h.cfg.Timeout)
	defer t.Stop()
	select {
	case <-a.ctx.Done():
		return
	case <-a.end:
		return
	case <-t.C:
	}
	a.mu.Lock()
	done := a.settled != nil
	a.mu.Unlock()
	if !done {
		a.tell(Result{Err: a.late(netip.AddrPort{}, ErrTimeout)}, false)
	}
}

// late is the fault of an association that had no success in time. Whose fault is known is named.
func (a *Association) late(at netip.AddrPort, err error) error {
	a.mu.Lock()
	defer a.mu.Unlock()
	var earlier *Error
	if errors.As(a.failure, &earlier) {
		return a.fault(earlier.Remote, errors.Join(err, earlier.Err))
	}
	return a.fault(at, err)
}

// dial runs an active association: attempt after attempt as long as there is no answer.
func (a *Association) dial() {
	for told := false; a.ctx.Err() == nil; {
		p := a.newPeer(a.p.Remote)
		release, err := a.h.admit(p.ctx)
		if err == nil {
			p.enter(release)
			a.mu.Lock()
			a.peers = []*peer{p}
			a.mu.Unlock()
			err = a.attempt(p)
		} else if errors.Is(err, ErrBusy) {
			a.rest()
		}
		p.cancel()
		switch {
		case err == nil || a.ctx.Err() != nil:
			return
		case a.wasElsewhere(p, err):
		case !errors.Is(err, ErrTimeout) && !errors.Is(err, ErrBusy):
			a.tell(Result{Err: a.fault(a.p.Remote, err)}, true)
			return
		case !told:
			told = true
			a.tell(Result{Err: a.late(a.p.Remote, err)}, false)
		}
	}
}

// wasElsewhere tells whether a failed attempt went on with another source than the signalled one. That may have been a stranger,
// whose fault is told only when nobody better comes.
func (a *Association) wasElsewhere(p *peer, err error) bool {
	a.mu.Lock()
	defer a.mu.Unlock()
	if p.addr == a.p.Remote {
		return false
	}
	if !errors.Is(err, context.Canceled) && !errors.Is(err, ErrTimeout) {
		a.refuse(p)
		a.failure = a.fault(p.addr, err)
	}
	return true
}

// rest waits before another try to be admitted.
func (a *Association) rest() {
	t := time.NewTimer(a.h.cfg.Timeout)
	defer t.Stop()
	select {
	case <-a.ctx.Done():
	case <-t.C:
	}
}

// tell reports a result unless the last one was told.
func (a *Association) tell(r Result, last bool) {
	a.mu.Lock()
	told := a.over
	if last && !a.over {
		a.over = true
		close(a.end)
	}
	a.mu.Unlock()
	if !told && a.ctx.Err() == nil {
		a.p.Done(r)
	}
}

// nobody is the peer of an association that keeps no state any more.
var nobody = &peer{}

// forget lets go of all peers: nothing is answered any more.
func (a *Association) forget() {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.peers, a.settled, a.failure = nil, nobody, nil
	a.h.forgotten()
}

// settle makes p the peer of the association. False: another was quicker.
func (a *Association) settle(p *peer) bool {
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.settled != nil || a.over {
		return false
	}
	a.settled = p
	for _, q := range a.peers {
		if q != p {
			q.cancel()
		}
	}
	return true
}
