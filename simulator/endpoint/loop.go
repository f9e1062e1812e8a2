package endpoint

import (
	"slices"
	"strings"
	"time"

	"b2bua/core/sip"
	"b2bua/core/transport"
	"b2bua/simulator/capture"
)

// This file is what the transport's loop calls. Every method takes mu.

// HandleRequest implements transport.Handler.
func (p *Phone) HandleRequest(now time.Time, tx transport.TxID, req *sip.Message, _ transport.Flow) {
	p.mu.Lock()
	defer p.mu.Unlock()
	defer p.changed.fire()
	c := p.find(req)
	switch {
	case req.Method == sip.ACK:
		if c != nil {
			c.acknowledged(now, req)
		}
	case c != nil:
		c.inDialog(now, tx, req)
	case req.To.Tag() != "":
		p.stack.Respond(tx, sip.NewResponse(req, 481, "", ""))
	default:
		p.outside(now, tx, req)
	}
}

// find is the call whose dialog a request belongs to.
func (p *Phone) find(req *sip.Message) *Call {
	for _, c := range slices.Backward(p.calls) {
		if c.callID == req.CallID && c.localTag == req.To.Tag() && (c.dialog == nil || c.dialog.ID().Remote == req.From.Tag()) {
			return c
		}
	}
	return nil
}

// outside answers requests that belong to no dialog.
func (p *Phone) outside(now time.Time, tx transport.TxID, req *sip.Message) {
	tag := sip.NewTag(p.rand)
	switch req.Method { //nolint:exhaustive // any other method is refused
	case sip.INVITE:
		p.incoming(now, tx, req, tag)
	case sip.OPTIONS, sip.NOTIFY, sip.MESSAGE:
		resp := sip.NewResponse(req, 200, "", tag)
		resp.Add("Allow", allow)
		p.stack.Respond(tx, resp)
	case sip.BYE, sip.INFO, sip.UPDATE:
		p.stack.Respond(tx, sip.NewResponse(req, 481, "", tag))
	default:
		resp := sip.NewResponse(req, 405, "", tag)
		resp.Add("Allow", allow)
		p.stack.Respond(tx, resp)
	}
}

// HandleCancel implements transport.Handler.
func (p *Phone) HandleCancel(_ time.Time, invite transport.TxID, cancel *sip.Message) {
	p.mu.Lock()
	defer p.mu.Unlock()
	defer p.changed.fire()
	for _, c := range p.calls {
		if c.incoming && c.tx == invite {
			c.cancelled(cancel)
		}
	}
}

// HandleResponse implements transport.Handler.
func (p *Phone) HandleResponse(now time.Time, tx transport.TxID, resp *sip.Message) {
	p.mu.Lock()
	defer p.mu.Unlock()
	defer p.changed.fire()
	r, ok := p.requests[tx]
	if !ok {
		return
	}
	if resp.Status >= 200 && resp.CSeq.Method != sip.INVITE {
		delete(p.requests, tx)
	}
	r.response(now, resp)
}

// HandleFailure implements transport.Handler.
func (p *Phone) HandleFailure(now time.Time, tx transport.TxID, err error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	defer p.changed.fire()
	if r, ok := p.requests[tx]; ok {
		delete(p.requests, tx)
		r.failure(now, err)
		return
	}
	for _, c := range p.calls {
		if c.incoming && c.tx == tx && c.sum.State != Released {
			c.undelivered(err)
		}
	}
}

// HandleTime implements transport.Handler.
func (p *Phone) HandleTime(now time.Time) {
	p.mu.Lock()
	defer p.mu.Unlock()
	defer p.changed.fire()
	var due []timer
	p.timers = slices.DeleteFunc(p.timers, func(t timer) bool {
		if t.at.After(now) {
			return false
		}
		due = append(due, t)
		return true
	})
	for _, t := range due {
		t.run(now)
	}
}

// Deadline implements transport.Handler.
func (p *Phone) Deadline() (time.Time, bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if len(p.timers) == 0 {
		return time.Time{}, false
	}
	return slices.MinFunc(p.timers, func(a, b timer) int { return a.at.Compare(b.at) }).at, true
}

// after runs f on the loop, with mu held, when d has passed.
func (p *Phone) after(now time.Time, d time.Duration, f func(now time.Time)) {
	p.timers = append(p.timers, timer{now.Add(d), f})
}

// tap records one message. It runs while mu may be held.
func (p *Phone) tap(dir transport.Direction, flow transport.Flow, raw []byte, at time.Time) {
	m := capture.Message{At: at, Owner: p.cfg.Name, Sent: dir == transport.Out, Network: flow.Network, From: flow.Local, To: flow.Remote, Raw: raw}
	if !m.Sent {
		m.From, m.To = flow.Remote, flow.Local
	}
	p.log.Add(m)
	if p.cfg.Record != nil {
		p.cfg.Record.SIP(m)
	}
}

// request sends a request with the phone's own headers and remembers who waits for it. Runs on the loop.
func (p *Phone) request(req *sip.Message, hop transport.NextHop, r pending) transport.TxID {
	if _, ok := req.Header("User-Agent"); !ok {
		req.Add("User-Agent", p.cfg.UserAgent)
	}
	tx := p.stack.Request(req, hop)
	p.requests[tx] = r
	return tx
}

// fresh builds a request outside any dialog. The route leads to the proxy, if there is one.
func (p *Phone) fresh(method sip.Method, target sip.URI, to, from sip.Address) *sip.Message {
	req := &sip.Message{
		Method: method, URI: target, To: to, From: from.WithTag(sip.NewTag(p.rand)), CallID: sip.NewCallID(p.rand),
		CSeq: sip.CSeq{Number: 20, Method: method}, MaxForwards: 70,
	}
	if p.proxy.Host != "" {
		req.Route = []sip.Address{{URI: p.proxy}}
	}
	return req
}

func (p *Phone) self() sip.Address { return sip.Address{Display: p.cfg.DisplayName, URI: p.aor} }

// contact is filled in by the stack with the address of the flow that carries it.
func (p *Phone) contact() sip.Address {
	return sip.Address{URI: sip.URI{Scheme: "sip", User: p.aor.User}}
}

// addHeaders adds what a script asked for. Contact replaces the phone's own, Route adds to the routes.
func addHeaders(m *sip.Message, headers []Header) error {
	for _, h := range headers {
		switch strings.ToLower(h.Name) {
		case "contact":
			list, err := sip.ParseAddresses(h.Value)
			if err != nil {
				return &HeaderError{h, err}
			}
			m.Contact = list
		case "route":
			list, err := sip.ParseAddresses(h.Value)
			if err != nil {
				return &HeaderError{h, err}
			}
			m.Route = append(m.Route, list...)
		case "user-agent":
			m.Set(h.Name, h.Value)
		default:
			m.Add(h.Name, h.Value)
		}
	}
	return nil
}

// HeaderError is an extra header that can't be read.
type HeaderError struct {
	Header Header
	Err    error
}

// Error names the header.
func (e *HeaderError) Error() string { return "header " + e.Header.Name + ": " + e.Err.Error() }

// Unwrap is the parser's error.
func (e *HeaderError) Unwrap() error { return e.Err }
