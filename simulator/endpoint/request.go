package endpoint

import (
	"context"
	"fmt"
	"time"

	"b2bua/core/sip"
	"b2bua/core/transport"
	"b2bua/simulator/capture"
)

// StatusError is a final response that refuses what was asked.
type StatusError struct {
	Method string
	Status int
	Phrase string
}

// Error names the method and the status.
func (e *StatusError) Error() string {
	return fmt.Sprintf("%s was answered %d %s", e.Method, e.Status, e.Phrase)
}

// outcome is how a request ended.
type outcome struct {
	resp *sip.Message
	err  error
}

// transact sends what build makes and waits for the final response; a challenge is answered once when a password is known.
func (p *Phone) transact(ctx context.Context, build func() (*sip.Message, transport.NextHop, error)) (*sip.Message, error) {
	result := make(chan outcome, 1)
	err := p.do(func(time.Time) error {
		req, hop, err := build()
		if err != nil {
			return err
		}
		p.send(req, hop, result, false)
		return nil
	})
	if err != nil {
		return nil, err
	}
	select {
	case o := <-result:
		return o.resp, o.err
	case <-ctx.Done():
		return nil, fmt.Errorf("phone %s: no final response: %w", p.cfg.Name, context.Cause(ctx))
	}
}

func (p *Phone) send(req *sip.Message, hop transport.NextHop, result chan<- outcome, again bool) {
	p.request(req, hop, pending{
		response: func(_ time.Time, resp *sip.Message) {
			if resp.Status < 200 {
				return
			}
			if next := p.authenticate(req, resp); next != nil && !again {
				p.send(next, hop, result, true)
				return
			}
			result <- outcome{resp: resp}
		},
		failure: func(_ time.Time, err error) {
			result <- outcome{err: fmt.Errorf("phone %s: %s: %w", p.cfg.Name, req.Method, err)}
		},
	})
}

// Send sends any request outside a dialog and waits for the final response. Body may be empty.
func (p *Phone) Send(ctx context.Context, method, target string, headers []Header, contentType, body string) (capture.Message, error) {
	resp, err := p.transact(ctx, func() (*sip.Message, transport.NextHop, error) {
		uri, err := sip.ParseURI(target)
		if err != nil {
			return nil, transport.NextHop{}, fmt.Errorf("phone %s: target %q: %w", p.cfg.Name, target, err)
		}
		req := p.fresh(sip.Method(method), uri, sip.Address{URI: uri}, p.self())
		req.Contact = []sip.Address{p.contact()}
		req.ContentType, req.Body = contentType, []byte(body)
		return req, transport.NextHop{}, addHeaders(req, headers)
	})
	if err != nil {
		return capture.Message{}, err
	}
	return capture.Message{Owner: p.cfg.Name, Raw: resp.Bytes()}, nil
}

// Options sends OPTIONS to target (a URI, through Config.Proxy if set) and returns the final status.
func (p *Phone) Options(ctx context.Context, target string) (int, error) {
	m, err := p.Send(ctx, "OPTIONS", target, nil, "", "")
	return m.Status(), err
}

// registration keeps a binding alive.
type registration struct {
	callID  string
	tag     string
	number  uint32
	expires time.Duration
}

// Register binds the phone's contact at the proxy, answering a digest challenge when a password is known, and keeps it alive
// until Unregister or Close. The error of a refusal is *StatusError.
func (p *Phone) Register(ctx context.Context, expires time.Duration) error {
	resp, err := p.transact(ctx, func() (*sip.Message, transport.NextHop, error) {
		return p.register(expires), transport.NextHop{}, nil
	})
	switch {
	case err != nil:
		return err
	case resp.Status != 200:
		return &StatusError{"REGISTER", resp.Status, resp.Reason}
	}
	if expires > 0 {
		return p.do(func(now time.Time) error {
			p.refresh(now, expires)
			return nil
		})
	}
	return nil
}

// Unregister removes the binding.
func (p *Phone) Unregister(ctx context.Context) error { return p.Register(ctx, 0) }

// register builds the next REGISTER of the phone's one registration (RFC 3261 section 10.2). Runs on the loop.
func (p *Phone) register(expires time.Duration) *sip.Message {
	registrar := sip.URI{Scheme: p.aor.Scheme, Host: p.aor.Host, Port: p.aor.Port}
	req := p.fresh(sip.REGISTER, registrar, sip.Address{URI: p.aor}, sip.Address{URI: p.aor})
	if p.keepAlive == nil {
		p.keepAlive = &registration{callID: req.CallID, tag: req.From.Tag()}
	}
	r := p.keepAlive
	r.number++
	r.expires = expires
	req.CallID, req.CSeq.Number, req.From = r.callID, r.number, req.From.WithTag(r.tag)
	req.Contact = []sip.Address{p.contact()}
	req.Set("Expires", fmt.Sprint(int(expires.Seconds())))
	return req
}

// refresh renews the binding at half of its time, as long as it is wanted.
func (p *Phone) refresh(now time.Time, expires time.Duration) {
	p.after(now, expires/2, func(now time.Time) {
		if p.keepAlive == nil || p.keepAlive.expires != expires {
			return
		}
		p.send(p.register(expires), transport.NextHop{}, make(chan outcome, 1), false)
		p.refresh(now, expires)
	})
}
