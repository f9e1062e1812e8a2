package endpoint

import (
	"context"
	"fmt"
	"strings"

	"b2bua/core/sip"
	"b2bua/core/transport"
)

// Digits in INFO, as telephones without RFC 4733 send them. Nothing is shared with the product: what this phone reads is exactly what
// it expects.

const (
	dtmfRelay     = "application/dtmf-relay"
	dtmfPlain     = "application/dtmf"
	mediaControl  = "application/media_control+xml" // RFC 5168
	telephoneKeys = "0123456789*#ABCD"
)

// DialInfo sends digits as INFO requests, each after the answer to the one before. kind is "application/dtmf-relay" or
// "application/dtmf"; empty: the first.
func (c *Call) DialInfo(ctx context.Context, digits, kind string) error {
	if kind == "" {
		kind = dtmfRelay
	}
	for _, d := range digits {
		body := string(d)
		if kind == dtmfRelay {
			body = fmt.Sprintf("Signal=%c\r\nDuration=160\r\n", d)
		}
		m, err := c.Request(ctx, "INFO", nil, kind, body)
		if err != nil {
			return err
		}
		if m.Status() != 200 {
			return &StatusError{"INFO", m.Status(), m.StartLine()}
		}
	}
	return nil
}

// RefuseInfo makes the phone answer INFO with a status; 0: it takes them.
func (p *Phone) RefuseInfo(status int) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.refuseInfo = status
}

// infoReceived notes the digit of an INFO.
func (c *Call) infoReceived(tx transport.TxID, req *sip.Message) {
	if status := c.phone.refuseInfo; status != 0 {
		c.sum.InfosRefused++
		c.phone.stack.Respond(tx, sip.NewResponse(req, status, "", c.localTag))
		return
	}
	if strings.EqualFold(req.ContentType, mediaControl) && strings.Contains(string(req.Body), "picture_fast_update") {
		c.sum.PictureInfos++
	}
	switch {
	case c.phone.cfg.AnyInfo:
		c.sum.Infos += anyDigit(req.ContentType, string(req.Body))
	case req.ContentType == dtmfRelay:
		signal, rest, _ := strings.Cut(string(req.Body), "\r\n")
		if digit, ok := strings.CutPrefix(signal, "Signal="); ok && rest == "Duration=250\r\n" {
			c.sum.Infos += digit
		} else {
			c.sum.Infos += "?"
		}
	}
	c.ok(tx, req, nil)
}

// anyDigit reads an INFO as loosely as a gateway does: the signal of a relay body whatever follows it, or a body that is a digit.
func anyDigit(contentType, body string) string {
	digit := strings.TrimSpace(body)
	switch strings.ToLower(contentType) {
	case dtmfRelay:
		_, rest, ok := strings.Cut(body, "Signal=")
		if !ok {
			return "?"
		}
		digit, _, _ = strings.Cut(rest, "\n")
		digit = strings.TrimSpace(digit)
	case dtmfPlain:
	default:
		return ""
	}
	if len(digit) != 1 || !strings.Contains(telephoneKeys, digit) {
		return "?"
	}
	return digit
}
