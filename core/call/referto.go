package call

import (
	"errors"
	"fmt"
	"net/url"
	"strings"

	"b2bua/core/app"
	"b2bua/core/dialog"
	"b2bua/core/sip"
)

// Where a transfer leads: addresses and dialogs as one leg's peer knows them become those that the other one's knows.

// referTo reads the one Refer-To of a REFER (RFC 3515 section 2.4.1).
func referTo(req *sip.Message) (sip.Address, error) {
	values := req.Values("Refer-To")
	if len(values) != 1 {
		return sip.Address{}, fmt.Errorf("it has %d Refer-To headers instead of one", len(values))
	}
	to, err := sip.ParseAddress(values[0])
	if err != nil {
		return to, fmt.Errorf("its Refer-To cannot be read: %w", err)
	}
	if to.URI.Host == "" && to.URI.User == "" {
		return to, errors.New("its Refer-To names nobody")
	}
	return to, nil
}

// translate makes the Refer-To for the other leg of the one that came on this leg, and says why it is that one.
func (l *leg) translate(req *sip.Message, to sip.Address) (target sip.Address, why string) {
	c := l.call
	target = sip.Address{Display: to.Display, URI: to.URI}
	asked := target
	asked.URI.Headers = ""
	facts := app.Facts{To: asked, From: withoutTag(l.dlg.Remote()), RequestURI: c.facts.RequestURI}
	if l.side == SideB {
		facts.RequestURI = req.URI
	}
	why = "the application leaves targets of transfers as they are"
	translated := false
	if t, ok := c.e.cfg.App.(app.Transfers); ok {
		var other sip.Address
		if other, why, translated = t.Transfer(facts, c.decision.Account); translated {
			other.URI.Headers = to.URI.Headers
			target = other
		}
	}
	value, others := replacesIn(to.URI.Headers)
	if value == "" {
		if translated {
			target.URI.Headers = ""
		}
		return target, why
	}
	value, known := c.e.replaced(value, true)
	if known != nil && !translated {
		party := known.dlg.Remote()
		target = sip.Address{Display: party.Display, URI: party.URI}
		why, translated = "it is who the call is with that is to be replaced", true
	}
	if translated {
		others = nil
	}
	if value != "" {
		others = append(others, "Replaces="+escapeHeader(value))
	}
	target.URI.Headers = strings.Join(others, "&")
	return target, why
}

// replacesIn takes Replaces out of the headers of a URI. One without parameters counts as absent (spec 2.12.4).
func replacesIn(headers string) (value string, others []string) {
	for h := range strings.SplitSeq(headers, "&") {
		name, v, _ := strings.Cut(h, "=")
		plain, err := url.PathUnescape(v)
		switch {
		case !strings.EqualFold(name, "Replaces"):
			if h != "" {
				others = append(others, h)
			}
		case err == nil && strings.Contains(plain, ";") && value == "" && !strings.ContainsAny(plain, "\r\n"):
			value = plain
		}
	}
	return value, others
}

// escapeHeader escapes what may not stand in the headers of a URI (RFC 3261 section 25.1, hvalue).
func escapeHeader(s string) string {
	var b strings.Builder
	for i := range len(s) {
		c := s[i]
		if c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= '0' && c <= '9' || strings.IndexByte("-_.!~*'()", c) >= 0 {
			b.WriteByte(c)
		} else {
			fmt.Fprintf(&b, "%%%02X", c)
		}
	}
	return b.String()
}

// translateReplaces is spec 2.12.4 for an INVITE: the dialog that leg A's peer knows becomes the one that leg B's peer knows.
func (e *Engine) translateReplaces(invite *sip.Message) (string, bool) {
	v, ok := invite.Header("Replaces")
	if !ok {
		return "", false
	}
	v, _ = e.replaced(v, false)
	return v, v != ""
}

// replaced translates a Replaces that names a dialog of ours into the dialog of the call's other leg, which it returns; one that names
// nothing of ours stays as it is, and one without both tags is no use: empty. Either leg may be meant in a REFER, whose sender talks to the
// one to be replaced by a call that either of them made; an INVITE's has been translated already if it was leg B's.
func (e *Engine) replaced(v string, either bool) (string, *leg) {
	id := dialog.ID{}
	callID, params, _ := strings.Cut(v, ";")
	id.CallID = strings.TrimSpace(callID)
	for p := range strings.SplitSeq(params, ";") {
		name, value, _ := strings.Cut(strings.TrimSpace(p), "=")
		switch strings.ToLower(strings.TrimSpace(name)) {
		case "from-tag":
			id.Remote = strings.TrimSpace(value)
		case "to-tag":
			id.Local = strings.TrimSpace(value)
		}
	}
	if id.Local == "" || id.Remote == "" {
		return "", nil
	}
	l := e.dialogs[id]
	if l == nil || l.side == SideB && !either || l.other().dlg == nil {
		return v, nil
	}
	o := l.other().dlg.ID()
	return fmt.Sprintf("%s;from-tag=%s;to-tag=%s", o.CallID, o.Local, o.Remote), l.other()
}
