package proxy

import (
	"errors"
	"slices"
	"time"

	"b2bua/core/sip"
	"b2bua/core/transaction"
	"b2bua/core/transport"
)

// forward is one request on its way, with all its branches.
type forward struct {
	tx       transport.TxID // server side
	req      *sip.Message
	branches []*branch
	best     *sip.Message // best final refusal so far
	done     bool         // a final response went back
	up       int          // dialogs that its 2xx made and no BYE ended yet

	out   *sip.Message // what goes on
	flow  transport.Flow
	later [][]hop // contacts of lower priority, the next first
}

// branch is one client transaction of a forward.
type branch struct {
	of    *forward
	tx    transport.TxID
	final bool
	next  transport.NextHop
}

// maxAcks bounds the 2xx whose ACK is awaited or may come again; the oldest call's is not distinguished, all are dropped.
const maxAcks = 50_000

// forward sends a request along its hops: all at once, or an INVITE by their priority.
func (p *Proxy) forward(now time.Time, tx transport.TxID, req, out *sip.Message, hops []hop, flow transport.Flow) {
	f := &forward{tx: tx, req: req, out: out, flow: flow, later: [][]hop{hops}}
	if p.cfg.Fallback != 0 && req.Method == sip.INVITE {
		f.later = byPriority(hops)
	}
	p.servers[tx] = f
	p.next(now, f)
}

// byPriority makes groups of one q each, the highest first.
func byPriority(hops []hop) [][]hop {
	hops = slices.Clone(hops)
	slices.SortStableFunc(hops, func(a, b hop) int { return b.q - a.q })
	var out [][]hop
	for i, h := range hops {
		if i == 0 || h.q != hops[i-1].q {
			out = append(out, nil)
		}
		out[len(out)-1] = append(out[len(out)-1], h)
	}
	return out
}

// next tries the contacts that are due; the ones before them go on ringing.
func (p *Proxy) next(now time.Time, f *forward) {
	hops := f.later[0]
	f.later = f.later[1:]
	delete(p.waiting, f)
	if len(f.later) > 0 && p.cfg.Fallback > 0 {
		p.waiting[f] = now.Add(p.cfg.Fallback)
	}
	for _, h := range hops {
		m := f.out.Clone()
		m.URI, m.Route = h.uri, slices.Clone(h.route)
		if h.uri.Host == "" {
			m.URI = f.out.URI
		}
		if f.req.Method == sip.INVITE || f.req.Method == sip.SUBSCRIBE {
			m.RecordRoute = append(p.recordRoute(f.flow.Network, h.network), m.RecordRoute...)
		}
		b := &branch{of: f, next: h.next}
		b.tx = p.stack.Request(m, h.next)
		p.branches[b.tx] = b
		f.branches = append(f.branches, b)
	}
}

// HandleResponse implements transport.Handler.
func (p *Proxy) HandleResponse(now time.Time, tx transport.TxID, resp *sip.Message) {
	p.mu.Lock()
	defer p.mu.Unlock()
	b := p.branches[tx]
	if b == nil || resp.Status == 100 {
		return
	}
	up := resp.Clone()
	up.Via = b.of.req.Via
	switch {
	case resp.Status < 200:
		if !b.of.done {
			p.stack.Respond(b.of.tx, up)
		}
	case resp.Status < 300:
		p.succeeded(b, up)
	default:
		p.refused(now, b, up)
	}
}

// succeeded passes a 2xx on: every one to an INVITE, even when several phones answer at the same moment (RFC 3261 section 16.7 step 5).
// The caller acknowledges them all and releases those that it does not want.
func (p *Proxy) succeeded(b *branch, resp *sip.Message) {
	f := b.of
	again := b.final
	b.final = true
	switch {
	case f.req.Method == sip.INVITE:
		p.awaitAck(b, resp)
		p.stack.Respond(f.tx, resp)
	case !f.done:
		p.stack.Respond(f.tx, resp)
	}
	f.done = true
	p.cancelOthers(f, nil)
	if !again {
		p.tidy(f)
	}
}

// refused keeps the best refusal until all branches are finished (RFC 3261 section 16.7 step 6).
func (p *Proxy) refused(now time.Time, b *branch, resp *sip.Message) {
	f := b.of
	if b.final {
		return
	}
	b.final = true
	delete(p.branches, b.tx)
	if f.best == nil || better(resp.Status, f.best.Status) {
		f.best = resp
	}
	if resp.Status >= 600 {
		p.cancelOthers(f, nil)
	}
	if len(f.later) > 0 && !slices.ContainsFunc(f.branches, func(b *branch) bool { return !b.final }) {
		p.next(now, f)
		return
	}
	p.tidy(f)
}

// better: 6xx first, then the lowest class, and inside the 4xx what can be acted upon.
func better(a, b int) bool {
	if (a >= 600) != (b >= 600) {
		return a >= 600
	}
	if a/100 != b/100 {
		return a/100 < b/100
	}
	useful := func(s int) bool { return slices.Contains([]int{401, 407, 415, 420, 484}, s) }
	return useful(a) && !useful(b)
}

// tidy answers and forgets a forward whose branches are all finished.
func (p *Proxy) tidy(f *forward) {
	for _, b := range f.branches {
		if !b.final {
			return
		}
	}
	if !f.done && f.best != nil {
		f.done = true
		p.stack.Respond(f.tx, f.best)
	}
	delete(p.servers, f.tx)
	if f.req.Method != sip.INVITE { // branches of an INVITE may still bring another 2xx
		for _, b := range f.branches {
			delete(p.branches, b.tx)
		}
	}
	if f.req.Method == sip.BYE {
		p.forget(f.req)
	}
}

// awaitAck remembers where the ACK of a 2xx goes. A re-INVITE takes the place of the INVITE before it.
func (p *Proxy) awaitAck(b *branch, resp *sip.Message) {
	if len(p.acks) >= maxAcks {
		p.forgetAll()
	}
	k := ackKey(resp)
	switch old := p.acks[k]; {
	case old != nil && old.of == b.of:
		return
	case old != nil:
		p.ended(old.of)
	}
	p.acks[k] = b
	b.of.up++
}

// forget drops what an ended dialog left; the other dialogs of a forked call go on.
func (p *Proxy) forget(bye *sip.Message) {
	for _, k := range []string{ackKey(bye), bye.CallID + " " + bye.To.Tag() + " " + bye.From.Tag()} {
		if b := p.acks[k]; b != nil {
			delete(p.acks, k)
			p.ended(b.of)
		}
	}
}

// ended counts down the dialogs of a forward and forgets its branches with the last one.
func (p *Proxy) ended(f *forward) {
	if f.up--; f.up > 0 {
		return
	}
	for _, b := range f.branches {
		if b.final {
			delete(p.branches, b.tx)
		}
	}
}

// forgetAll drops what all answered calls left.
func (p *Proxy) forgetAll() {
	for _, b := range p.acks {
		delete(p.branches, b.tx)
	}
	clear(p.acks)
}

// cancelOthers ends all branches that still run, and those that were to come.
func (p *Proxy) cancelOthers(f *forward, extra []sip.Header) {
	f.later = nil
	delete(p.waiting, f)
	for _, b := range f.branches {
		if !b.final {
			p.stack.Cancel(b.tx, extra)
		}
	}
}

// HandleCancel implements transport.Handler: the CANCEL goes where its INVITE went.
func (p *Proxy) HandleCancel(_ time.Time, invite transport.TxID, cancel *sip.Message) {
	p.mu.Lock()
	defer p.mu.Unlock()
	f := p.servers[invite]
	if f == nil {
		return
	}
	var extra []sip.Header
	for _, name := range []string{"Reason", "User-Agent"} {
		for _, v := range cancel.Values(name) {
			extra = append(extra, sip.Header{Name: name, Value: v})
		}
	}
	p.cancelOthers(f, extra)
}

// HandleFailure implements transport.Handler: a branch without answer counts as 408, 503 or, when we cancelled it, 487.
func (p *Proxy) HandleFailure(now time.Time, tx transport.TxID, err error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	b := p.branches[tx]
	if b == nil {
		return
	}
	status := 503
	var timeout *transaction.TimeoutError
	switch {
	case errors.As(err, &timeout):
		status = 408
	case errors.Is(err, transport.ErrCancelled):
		status = 487
	}
	p.cfg.Log.Info("a branch failed", "call-id", b.of.req.CallID, "method", string(b.of.req.Method), "status", status, "error", err)
	p.refused(now, b, sip.NewResponse(b.of.req, status, "", sip.NewTag(p.rand)))
}

// HandleTime implements transport.Handler: it is time for contacts of lower priority.
func (p *Proxy) HandleTime(now time.Time) {
	p.mu.Lock()
	defer p.mu.Unlock()
	for f, at := range p.waiting {
		if !at.After(now) {
			p.next(now, f)
		}
	}
}

// Deadline implements transport.Handler.
func (p *Proxy) Deadline() (time.Time, bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	var first time.Time
	for _, at := range p.waiting {
		if first.IsZero() || at.Before(first) {
			first = at
		}
	}
	return first, !first.IsZero()
}

func ackKey(m *sip.Message) string {
	return m.CallID + " " + m.From.Tag() + " " + m.To.Tag()
}

// acknowledge passes the ACK of a 2xx on.
func (p *Proxy) acknowledge(ack *sip.Message) {
	b, ok := p.acks[ackKey(ack)] // the branch whose 2xx it acknowledges
	if !ok {
		p.cfg.Log.Debug("ACK of no call that passed here", "call-id", ack.CallID)
		return
	}
	p.stack.AckedFork(b.of.tx, ack.To.Tag())
	out := p.prepare(ack)
	next := transport.NextHop{URI: out.URI}
	if len(out.Route) > 0 {
		next.URI = out.Route[0].URI
	}
	p.reuse(&next)
	p.stack.Ack(b.tx, out, next)
}
