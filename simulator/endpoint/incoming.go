package endpoint

import (
	"errors"
	"fmt"
	"time"

	"b2bua/core/dialog"
	"b2bua/core/sip"
	"b2bua/core/transport"
	"b2bua/media/sdp"
)

// incoming takes a new INVITE.
func (p *Phone) incoming(now time.Time, tx transport.TxID, invite *sip.Message, tag string) {
	c := p.newCall(true, invite, tag, now)
	c.tx = tx
	c.dialog = dialog.NewUAS(invite, tag)
	c.dialog.Contact = p.contact()
	if p.closed {
		c.decline(503, nil)
		return
	}
	if p.cfg.Auto != nil {
		c.automatic(now, *p.cfg.Auto)
	}
}

// automatic does what Config.Auto says.
func (c *Call) automatic(now time.Time, a Auto) {
	if a.Decline != 0 {
		c.decline(a.Decline, nil)
		return
	}
	if a.Early {
		if err := c.progressWith(nil); err != nil {
			return
		}
	} else {
		c.ring()
	}
	if a.Ring < 0 {
		return
	}
	c.phone.after(now, a.Ring, func(now time.Time) {
		if c.accept(now, nil) != nil || a.HangUp <= 0 {
			return
		}
		c.phone.after(now, a.HangUp, func(time.Time) { c.hangUp(nil) }) //nolint:errcheck // the call may have ended before
	})
}

var errTooLate = errors.New("the call is answered or over")

// on runs f on the loop if the INVITE is still to be answered.
func (c *Call) on(f func(now time.Time) error) error {
	return c.phone.do(func(now time.Time) error {
		if !c.incoming {
			return fmt.Errorf("phone %s: this is a call of our own, which the other side answers", c.phone.cfg.Name)
		}
		if c.sum.State == Answered || c.sum.State == Running || c.sum.State == Released {
			return fmt.Errorf("phone %s: %w: it is %s", c.phone.cfg.Name, errTooLate, c.sum.State)
		}
		return f(now)
	})
}

// Ring sends 180.
func (c *Call) Ring() error {
	return c.on(func(time.Time) error {
		c.ring()
		return nil
	})
}

func (c *Call) ring() {
	c.respond(180, "", nil, "", nil)
	c.become(Ringing)
}

// Early sends 183 with SDP: early media flows both ways. nil media: Config.Media.
func (c *Call) Early(m *Media) error {
	return c.on(func(time.Time) error { return c.progressWith(m) })
}

func (c *Call) progressWith(m *Media) error {
	if !hasSDP(c.invite) {
		return fmt.Errorf("phone %s: early media needs an offer in the INVITE", c.phone.cfg.Name)
	}
	if err := c.negotiate(m); err != nil {
		return err
	}
	c.early = true
	c.respond(183, "", nil, sdpType, c.local.Marshal())
	c.become(EarlyMedia)
	return nil
}

// Answer sends 200 with SDP. nil media: Config.Media. If the offer can't be accepted the call is declined with 488 and an error tells why.
func (c *Call) Answer(m *Media) error {
	return c.on(func(now time.Time) error { return c.accept(now, m) })
}

func (c *Call) accept(now time.Time, m *Media) error {
	if c.sum.State == Released || c.sum.State == Answered || c.sum.State == Running {
		return errTooLate
	}
	if !c.early || m != nil {
		if err := c.negotiate(m); err != nil {
			return err
		}
	}
	c.respond(200, "", nil, sdpType, c.local.Marshal())
	c.connected(now, Answered)
	return nil
}

// negotiate makes our description: an answer, or an offer when the INVITE had none. What can't be answered is declined with 488.
func (c *Call) negotiate(m *Media) (err error) {
	media := c.phone.cfg.Media
	if m != nil {
		media = *m
	}
	if c.want, err = parseMedia(media); err != nil {
		return err
	}
	if !hasSDP(c.invite) {
		c.owesSDP = true
		return c.makeOffer()
	}
	if err := c.answerOffer(c.invite.Body); err != nil {
		c.decline(488, nil)
		return err
	}
	return nil
}

// answerOffer parses and answers an offer of the peer.
func (c *Call) answerOffer(body []byte) error {
	offer, err := sdp.Parse(body)
	if err != nil {
		return fmt.Errorf("phone %s: the offer: %w", c.phone.cfg.Name, err)
	}
	if err := c.makeAnswer(offer); err != nil {
		return fmt.Errorf("phone %s: %w", c.phone.cfg.Name, err)
	}
	return nil
}

// Decline sends a final refusal: any status 300..699, with extra headers (Contact of a 302, Warning, Reason).
func (c *Call) Decline(status int, headers ...Header) error {
	if status < 300 || status > 699 {
		return fmt.Errorf("phone %s: %d is no status to decline with", c.phone.cfg.Name, status)
	}
	return c.on(func(time.Time) error {
		c.decline(status, headers)
		return nil
	})
}

func (c *Call) decline(status int, headers []Header) {
	c.respond(status, "", headers, "", nil)
	c.release("local", "declined")
}

// Reply sends any response to the INVITE byte for byte as given; no media is started. For broken answers: 200 without SDP, with nonsense.
func (c *Call) Reply(status int, phrase string, headers []Header, contentType, body string) error {
	return c.on(func(now time.Time) error {
		c.respond(status, phrase, headers, contentType, []byte(body))
		switch {
		case status < 200:
			c.become(Ringing)
		case status < 300:
			c.connected(now, Answered)
		default:
			c.release("local", "declined")
		}
		return nil
	})
}

// respond answers the initial INVITE.
func (c *Call) respond(status int, phrase string, headers []Header, contentType string, body []byte) {
	resp := sip.NewResponse(c.invite, status, phrase, c.localTag)
	if status < 300 {
		resp.Contact = []sip.Address{c.phone.contact()}
		resp.Add("Allow", allow)
	}
	resp.Add("User-Agent", c.phone.cfg.UserAgent)
	resp.ContentType, resp.Body = contentType, body
	if addHeaders(resp, headers) != nil {
		resp.Contact = nil
	}
	c.status(status, phrase)
	c.phone.stack.Respond(c.tx, resp)
}

// cancelled takes a CANCEL: it is answered already, the INVITE is not.
func (c *Call) cancelled(cancel *sip.Message) {
	switch c.sum.State {
	case Answered, Running, Released:
		return // crossed with our final response
	case Calling, Incoming, Ringing, EarlyMedia:
	}
	c.respond(487, "", nil, "", nil)
	if r, ok := cancel.Header("Reason"); ok {
		c.sum.Reason = r
	}
	c.release("remote", "cancel")
}

// undelivered: our final response was not taken, or the 2xx never acknowledged. RFC 3261 section 13.3.1.4 asks for a BYE.
func (c *Call) undelivered(err error) {
	c.bye(nil)
	c.release("transport", err.Error())
}

// acknowledged takes the ACK of a 2xx, to the initial INVITE or to a re-INVITE.
func (c *Call) acknowledged(_ time.Time, ack *sip.Message) {
	tx := c.tx
	if c.reTx != 0 {
		tx, c.reTx = c.reTx, 0
	}
	c.phone.stack.Acked(tx)
	if c.owesSDP {
		c.owesSDP = false
		if err := c.takeAnswer(ack.Body); err != nil {
			c.bye(nil)
			c.release("local", err.Error())
			return
		}
	}
	if c.sum.State == Answered {
		c.become(Running)
	}
}
