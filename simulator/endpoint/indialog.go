package endpoint

import (
	"context"
	"errors"
	"fmt"
	"time"

	"b2bua/core/sip"
	"b2bua/core/transport"
	"b2bua/media/sdp"
	"b2bua/simulator/capture"
)

// inDialog answers requests of the call's dialog.
func (c *Call) inDialog(now time.Time, tx transport.TxID, req *sip.Message) {
	if c.dialog == nil || c.sum.State == Released && req.Method != sip.BYE {
		c.phone.stack.Respond(tx, sip.NewResponse(req, 481, "", c.localTag))
		return
	}
	if status, err := c.dialog.Receive(req); err != nil {
		c.phone.stack.Respond(tx, sip.NewResponse(req, status, "", c.localTag))
		return
	}
	switch req.Method { //nolint:exhaustive // the rest is answered alike
	case sip.BYE:
		c.byeReceived(tx, req)
	case sip.INVITE, sip.UPDATE:
		c.offered(now, tx, req)
	case sip.INFO:
		c.infoReceived(tx, req)
	default:
		c.ok(tx, req, nil)
	}
}

func (c *Call) ok(tx transport.TxID, req *sip.Message, body []byte) {
	resp := sip.NewResponse(req, 200, "", c.localTag)
	resp.Add("Allow", allow)
	resp.Add("User-Agent", c.phone.cfg.UserAgent)
	if req.Method == sip.INVITE || req.Method == sip.UPDATE {
		resp.Contact = []sip.Address{c.phone.contact()}
	}
	if body != nil {
		resp.ContentType, resp.Body = sdpType, body
	}
	c.phone.stack.Respond(tx, resp)
}

func (c *Call) byeReceived(tx transport.TxID, req *sip.Message) {
	c.ok(tx, req, nil)
	if r, ok := req.Header("Reason"); ok && c.sum.State != Released {
		c.sum.Reason = r
	}
	if c.incoming && (c.sum.State == Incoming || c.sum.State == Ringing || c.sum.State == EarlyMedia) {
		c.respond(487, "", nil, "", nil) // RFC 3261 section 15.1.2
	}
	c.release("remote", "bye")
}

// offered takes a re-INVITE or UPDATE: answered at once with what the call wants; without a description our own is offered again. While an
// offer of ours waits for its answer it is refused (RFC 3261 section 14.2, RFC 3311 section 5.2).
func (c *Call) offered(_ time.Time, tx transport.TxID, req *sip.Message) {
	if c.offering && (req.Method == sip.INVITE || hasSDP(req)) {
		c.phone.stack.Respond(tx, sip.NewResponse(req, 491, "", c.localTag))
		return
	}
	c.dialog.UpdateTarget(req)
	var err error
	var body []byte
	switch {
	case hasSDP(req):
		if err = c.answerOffer(req.Body); err == nil {
			body = c.local.Marshal()
		}
	case req.Method == sip.INVITE:
		if err = c.makeOffer(); err == nil {
			c.owesSDP, body = true, c.local.Marshal()
		}
	}
	if err != nil {
		c.phone.stack.Respond(tx, sip.NewResponse(req, 488, "", c.localTag))
		return
	}
	if req.Method == sip.INVITE {
		c.reTx = tx
	}
	c.sum.Reanswered++
	c.ok(tx, req, body)
}

// HangUp ends the call as its state demands: BYE when answered, CANCEL when calling, 603 when incoming.
func (c *Call) HangUp(headers ...Header) error {
	return c.phone.do(func(time.Time) error { return c.hangUp(headers) })
}

func (c *Call) hangUp(headers []Header) error {
	switch c.sum.State {
	case Released:
		return nil
	case Answered, Running:
		c.bye(headers)
		c.release("local", "bye")
		return nil
	case Incoming:
		c.decline(603, headers)
		return nil
	case Calling, Ringing, EarlyMedia:
	}
	if c.incoming {
		c.decline(603, headers)
		return nil
	}
	return c.sendCancel(headers)
}

// Cancel sends CANCEL even if a final response may be on its way; what crosses is ACKed and released with BYE.
func (c *Call) Cancel(headers ...Header) error {
	return c.phone.do(func(time.Time) error {
		if c.incoming || c.sum.State == Released || c.dialog != nil {
			return fmt.Errorf("phone %s: nothing to cancel: the call is %s", c.phone.cfg.Name, c.sum.State)
		}
		return c.sendCancel(headers)
	})
}

func (c *Call) sendCancel(headers []Header) error {
	if c.cancel {
		return nil
	}
	c.cancel = true
	var extra []sip.Header
	for _, h := range headers {
		extra = append(extra, sip.Header{Name: h.Name, Value: h.Value})
	}
	// module::B2bua tells CANCELs of phones from those of the B2BUA by this header.
	extra = append(extra, sip.Header{Name: "User-Agent", Value: c.phone.cfg.UserAgent})
	c.phone.stack.Cancel(c.tx, extra)
	return nil
}

var errNotRunning = errors.New("the call is not running")

// Reinvite offers other media on the running call and waits for the final response; *StatusError if it is refused. One that meets an offer
// of the other side, or comes before that is ready for it, is repeated as RFC 3261 section 14.1 has it.
func (c *Call) Reinvite(ctx context.Context, m Media) error { return c.renegotiate(ctx, sip.INVITE, m) }

// Update is Reinvite by UPDATE (RFC 3311).
func (c *Call) Update(ctx context.Context, m Media) error { return c.renegotiate(ctx, sip.UPDATE, m) }

func (c *Call) renegotiate(ctx context.Context, method sip.Method, m Media) error {
	want, err := parseMedia(m)
	if err != nil {
		return err
	}
	// RFC 3261 section 14.1: not before the peer's own one is over.
	if err := c.waitFor(ctx, "the ACK of a re-INVITE", func() bool { return c.reTx == 0 }); err != nil {
		return err
	}
	result := make(chan error, 1)
	err = c.phone.do(func(time.Time) error { return c.reinvite(method, want, result) })
	if err != nil {
		return err
	}
	select {
	case err = <-result:
		return err
	case <-ctx.Done():
		return fmt.Errorf("phone %s: %s in the call: %w", c.phone.cfg.Name, method, context.Cause(ctx))
	}
}

// Prefer changes what the call wants, so that the peer's next offer is answered by it. Nothing is sent.
func (c *Call) Prefer(m Media) error {
	want, err := parseMedia(m)
	if err != nil {
		return err
	}
	return c.phone.do(func(time.Time) error {
		c.want = want
		return nil
	})
}

// before is what a refused re-INVITE returns to (RFC 3261 section 14.1).
type before struct {
	want         wish
	offer, local *sdp.Session
	ours         bool
}

func (c *Call) restore(old before) {
	c.want, c.offer, c.local, c.ours = old.want, old.offer, old.local, old.ours
}

func (c *Call) reinvite(method sip.Method, want wish, result chan<- error) error {
	if c.sum.State != Running {
		return fmt.Errorf("phone %s: %w: it is %s", c.phone.cfg.Name, errNotRunning, c.sum.State)
	}
	old := before{c.want, c.offer, c.local, c.ours}
	c.want = want
	if err := c.makeOffer(); err != nil {
		return err
	}
	req := c.dialog.Request(method)
	req.Add("Allow", allow)
	req.Body, req.ContentType = c.offer.Marshal(), sdpType
	c.sum.Reinvites++
	c.offering = true
	var tx transport.TxID
	tx = c.phone.request(req, c.hop(), pending{
		response: func(now time.Time, resp *sip.Message) {
			if resp.Status < 200 {
				return
			}
			c.offering = false
			if resp.Status == 491 {
				c.restore(old)
				c.phone.after(now, c.glareDelay(), func(now time.Time) { c.offerAgain(now, method, want, result) })
				return
			}
			result <- c.reinvited(tx, req, resp, old)
		},
		failure: func(_ time.Time, err error) {
			c.offering = false
			c.restore(old)
			result <- fmt.Errorf("phone %s: %s in the call: %w", c.phone.cfg.Name, method, err)
		},
	})
	return nil
}

// offerAgain repeats an offer that met another one, once that is done with.
func (c *Call) offerAgain(now time.Time, method sip.Method, want wish, result chan<- error) {
	if c.reTx != 0 {
		c.phone.after(now, 10*time.Millisecond, func(now time.Time) { c.offerAgain(now, method, want, result) })
		return
	}
	if err := c.reinvite(method, want, result); err != nil {
		result <- err
	}
}

// glareDelay is RFC 3261 section 14.1: 2.1 to 4 s for who made the Call-ID, else 0 to 2 s, in units of 10 ms.
func (c *Call) glareDelay() time.Duration {
	var b [1]byte
	_, _ = c.phone.rand.Read(b[:]) // any number will do
	if c.incoming {
		return time.Duration(int(b[0])%201) * 10 * time.Millisecond
	}
	return 2100*time.Millisecond + time.Duration(int(b[0])%191)*10*time.Millisecond
}

func (c *Call) reinvited(tx transport.TxID, req, resp *sip.Message, old before) error {
	if resp.Status >= 300 {
		c.restore(old)
		return &StatusError{string(req.Method), resp.Status, resp.Reason}
	}
	c.dialog.UpdateTarget(resp)
	if req.Method == sip.INVITE {
		c.phone.stack.Ack(tx, c.dialog.Ack(req.CSeq.Number), c.hop())
	}
	return c.takeAnswer(resp.Body)
}

// Request sends any in-dialog request (INFO, UPDATE, …) and waits for the final response.
func (c *Call) Request(ctx context.Context, method string, headers []Header, contentType, body string) (capture.Message, error) {
	resp, err := c.phone.transact(ctx, func() (*sip.Message, transport.NextHop, error) {
		if c.dialog == nil {
			return nil, transport.NextHop{}, fmt.Errorf("phone %s: %w: it is %s", c.phone.cfg.Name, errNotRunning, c.sum.State)
		}
		req := c.dialog.Request(sip.Method(method))
		req.ContentType, req.Body = contentType, []byte(body)
		return req, c.hop(), addHeaders(req, headers)
	})
	if err != nil {
		return capture.Message{}, err
	}
	return capture.Message{Owner: c.phone.cfg.Name, Raw: resp.Bytes()}, nil
}

// Dial sends digits (0-9 * # A-D) as telephone events on the first audio stream that negotiated them; it does not wait until they are sent.
func (c *Call) Dial(digits string) error {
	c.phone.mu.Lock()
	defer c.phone.mu.Unlock()
	for i, a := range c.agreed {
		if a.Enabled && a.Kind == sdp.Audio && i < len(c.streams) && c.streams[i] != nil {
			if err := c.streams[i].Dial(digits); err != nil {
				return fmt.Errorf("phone %s: %w", c.phone.cfg.Name, err)
			}
			return nil
		}
	}
	return fmt.Errorf("phone %s: %w: no audio", c.phone.cfg.Name, errNotRunning)
}
