package endpoint

import (
	"errors"
	"fmt"
	"strings"
	"time"

	"b2bua/core/dialog"
	"b2bua/core/sip"
	"b2bua/core/transaction"
	"b2bua/core/transport"
)

// Call sends an INVITE to target (a URI) and returns without waiting for any response.
func (p *Phone) Call(target string, opts CallOptions) (*Call, error) {
	var c *Call
	err := p.do(func(now time.Time) error {
		invite, err := p.invitation(target, opts)
		if err != nil {
			return err
		}
		c = p.newCall(false, invite, invite.From.Tag(), now)
		c.opts = opts
		if err := c.startOutgoing(); err != nil {
			c.release("local", err.Error())
			return err
		}
		return nil
	})
	return c, err
}

// invitation is the INVITE without its body.
func (p *Phone) invitation(target string, opts CallOptions) (*sip.Message, error) {
	to, err := parseAddress(target)
	if err != nil {
		return nil, fmt.Errorf("phone %s: target %q: %w", p.cfg.Name, target, err)
	}
	uri := to.URI
	if opts.RequestURI != "" {
		if uri, err = sip.ParseURI(opts.RequestURI); err != nil {
			return nil, fmt.Errorf("phone %s: Request-URI %q: %w", p.cfg.Name, opts.RequestURI, err)
		}
	}
	from := p.self()
	if opts.From != "" {
		if from, err = parseAddress(opts.From); err != nil {
			return nil, fmt.Errorf("phone %s: From %q: %w", p.cfg.Name, opts.From, err)
		}
	}
	invite := p.fresh(sip.INVITE, uri, to, from)
	invite.Contact = []sip.Address{p.contact()}
	invite.Add("Allow", allow)
	return invite, addHeaders(invite, opts.Headers)
}

// parseAddress reads a name-addr, or a URI whose parameters are its own: without brackets they would be the header's (RFC 3261 section 20).
func parseAddress(s string) (sip.Address, error) {
	if !strings.Contains(s, "<") {
		s = "<" + s + ">"
	}
	a, err := sip.ParseAddress(s)
	if err != nil {
		return a, fmt.Errorf("not a SIP address: %w", err)
	}
	return a, nil
}

func (c *Call) startOutgoing() (err error) {
	media := c.phone.cfg.Media
	if c.opts.Media != nil {
		media = *c.opts.Media
	}
	if c.want, err = parseMedia(media); err != nil {
		return err
	}
	switch {
	case c.opts.Body != "":
		c.invite.Body, c.invite.ContentType = []byte(c.opts.Body), c.opts.ContentType
		if c.opts.ContentType == "" {
			c.invite.ContentType = sdpType
		}
	case !c.opts.Offerless:
		if err := c.makeOffer(); err != nil {
			return err
		}
		c.invite.Body, c.invite.ContentType = c.offer.Marshal(), sdpType
	}
	c.sendInvite(c.invite)
	return nil
}

func (c *Call) sendInvite(invite *sip.Message) {
	c.invite = invite
	c.tx = c.phone.request(invite, transport.NextHop{}, pending{response: c.answered, failure: c.failed})
}

// answered takes a response to the initial INVITE.
func (c *Call) answered(now time.Time, resp *sip.Message) {
	switch {
	case resp.Status == 100:
		c.provReady = true
	case resp.Status < 200:
		c.progress(resp)
	case resp.Status < 300:
		c.accepted(now, resp)
	default:
		if next := c.phone.authenticate(c.invite, resp); next != nil && c.sum.State == Calling && !c.cancel {
			delete(c.phone.requests, c.tx)
			c.sendInvite(next)
			return
		}
		c.status(resp.Status, resp.Reason)
		cause := "refused"
		if c.cancel {
			cause = "cancel"
		}
		by := "remote"
		if c.cancel {
			by = "local"
		}
		if r, ok := resp.Header("Reason"); ok {
			c.sum.Reason = r
		}
		c.release(by, cause)
	}
}

// progress takes a provisional response.
func (c *Call) progress(resp *sip.Message) {
	c.provReady = true
	if c.sum.State == Released {
		return
	}
	c.status(resp.Status, resp.Reason)
	if !hasSDP(resp) || c.offer == nil || c.early {
		c.become(Ringing)
		return
	}
	if err := c.takeAnswer(resp.Body); err != nil {
		c.sum.EndCause = err.Error()
		return
	}
	c.early = true
	c.become(EarlyMedia)
}

// accepted takes a 2xx: the first one makes the call, one of another fork is released at once (RFC 3261 section 13.2.2.4).
func (c *Call) accepted(now time.Time, resp *sip.Message) {
	d, err := dialog.NewUAC(c.invite, resp)
	if err != nil {
		return
	}
	d.Contact = c.phone.contact()
	if c.dialog != nil || c.sum.State == Released || c.cancel {
		c.refuseFork(d, resp)
		return
	}
	c.dialog = d
	c.status(resp.Status, resp.Reason)
	ack := d.Ack(c.invite.CSeq.Number)
	fault := c.describe(resp, ack)
	c.phone.stack.Ack(c.tx, ack, c.hop())
	if fault != nil {
		c.bye(nil)
		c.release("local", fault.Error())
		return
	}
	c.connected(now, Running)
}

// describe takes the description of a 2xx and puts ours into the ACK when the 2xx held the offer.
func (c *Call) describe(resp, ack *sip.Message) error {
	switch {
	case c.opts.Body != "":
		return nil // the script's own description: no media here
	case !hasSDP(resp) && c.early:
		return nil
	case !hasSDP(resp):
		return errors.New("the 200 has no session description")
	case c.offer != nil:
		return c.takeAnswer(resp.Body)
	}
	if err := c.answerOffer(resp.Body); err != nil {
		return err
	}
	ack.Body, ack.ContentType = c.local.Marshal(), sdpType
	return nil
}

// refuseFork acknowledges and releases a dialog that is not wanted.
func (c *Call) refuseFork(d *dialog.Dialog, resp *sip.Message) {
	if c.forked[d.ID().Remote] {
		return
	}
	c.forked[d.ID().Remote] = true
	hop := transport.NextHop{URI: d.NextHop()}
	c.phone.stack.Ack(c.tx, d.Ack(c.invite.CSeq.Number), hop)
	c.phone.request(d.Request(sip.BYE), hop, pending{response: func(time.Time, *sip.Message) {}, failure: func(time.Time, error) {}})
	if c.cancel && c.sum.State != Released {
		c.status(resp.Status, resp.Reason)
		c.release("local", "cancel")
	}
}

// failed takes the end of the initial INVITE without a final response.
func (c *Call) failed(_ time.Time, err error) {
	cause := err.Error()
	var timeout *transaction.TimeoutError
	if errors.As(err, &timeout) {
		cause = "timeout"
	}
	if c.cancel {
		c.release("local", "cancel")
		return
	}
	c.release("transport", cause)
}
