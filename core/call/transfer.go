package call

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"b2bua/core/event"
	"b2bua/core/sip"
)

// A transfer (spec 2.12): who sends REFER on one leg has the peer of the other one asked to call somebody, and is told what comes of it.

const fragmentType = "message/sipfrag"

// transfer is one REFER with the two subscriptions that come of it: to the leg it came from, and of the other one.
type transfer struct {
	from    *leg
	id      uint32       // CSeq of the REFER
	first   bool         // on its leg: its notifications need no id (RFC 3515 section 2.4.6)
	silent  bool         // no notification is wanted (RFC 4488), or its subscriber is gone
	asked   *sip.Message // our REFER, as sent last
	told    progress     // the last that was told
	next    *progress    // waits for the answer to the notification before
	sending bool
	ended   bool // the last notification was sent or waits
	expiry  *timer
}

// progress of a transfer, as notifications tell it.
type progress struct {
	status int
	phrase string
	end    string // of the subscription: its reason; empty: it goes on
}

var trying = progress{status: 100, phrase: "Trying"}

func (p progress) String() string { return fmt.Sprintf("SIP/2.0 %d %s", p.status, p.phrase) }

// refer is a REFER of this leg's peer.
func (l *leg) refer(now time.Time, tx TxID, req *sip.Message) {
	e, c := l.call.e, l.call
	refuse := func(status int, why string, headers ...sip.Header) {
		c.peerFault(l, fmt.Sprintf("REFER refused with %d: %s", status, why))
		e.respond(tx, req, status, "", "", headers...)
	}
	to, err := referTo(req)
	switch need := required(req); {
	case e.cfg.NoRefer: // RFC 3261 section 8.2.1
		refuse(405, "transfers are forbidden (b2bua/enable-refer=false)", sip.Header{Name: "Allow", Value: e.allow()})
		return
	case need != "": // RFC 3261 section 8.2.2.3
		refuse(420, "it requires the extension "+need, sip.Header{Name: "Unsupported", Value: need})
		return
	case err != nil:
		refuse(400, err.Error())
		return
	case c.state != stRunning: // RFC 3261 section 14.2 in spirit
		refuse(500, "the call is not answered yet", sip.Header{Name: "Retry-After", Value: "1"})
		return
	case c.transferring() >= maxTransfers:
		refuse(500, fmt.Sprintf("%d transfers are under way in this call", maxTransfers), sip.Header{Name: "Retry-After", Value: "5"})
		return
	}
	t := &transfer{from: l, id: req.CSeq.Number, first: !l.referred}
	l.referred = true
	accepted := e.response(req, 202, "", "")
	accepted.Contact = []sip.Address{l.dlg.Contact}
	if v, _ := req.Header("Refer-Sub"); isFalse(v) {
		t.silent = true
		accepted.Set("Refer-Sub", "false")
	}
	e.emit(SendResponse{Tx: tx, Msg: accepted})
	target, why := l.translate(req, to)
	e.tell(event.Transfer{Call: c.name(), Leg: l.side.String(), Asked: to.URI.Redacted(), Target: target.URI.Redacted(), Why: why})
	c.keepTransfer(t)
	t.expiry = e.timers.after(now.Add(transferLife), c, func(time.Time) { t.finish(progress{t.told.status, t.told.phrase, "timeout"}); c.forgetTransfer(t) })
	t.tell(trying) // at once (RFC 3515 section 2.4.4)
	l.other().sendRefer(t, target)
}

// isFalse reads Refer-Sub, whose value parameters may follow (RFC 4488 section 4).
func isFalse(v string) bool {
	v, _, _ = strings.Cut(v, ";")
	return strings.EqualFold(strings.TrimSpace(v), "false")
}

// sendRefer has this leg's peer call somebody.
func (l *leg) sendRefer(t *transfer, target sip.Address) {
	req := l.newRequest(sip.REFER)
	by := l.dlg.Local()
	req.Set("Refer-To", target.String())
	req.Set("Referred-By", sip.Address{Display: by.Display, URI: by.URI}.String())
	if t.silent {
		req.Set("Refer-Sub", "false")
	}
	t.asked = req
	c := l.call
	c.e.start(l, req, l.hop(), func(_ time.Time, resp *sip.Message, err error) {
		switch {
		case err == nil && resp.Status < 300:
			if sub, _ := resp.Header("Refer-Sub"); resp.Status < 200 || !t.silent || !isFalse(sub) {
				return
			}
			t.finish(progress{t.told.status, t.told.phrase, endOfTransfer}) // it makes no subscription (RFC 4488 section 4): more is never known
		case err == nil:
			t.finish(progress{resp.Status, phrase(resp.Status, resp.Reason), endOfTransfer})
		default:
			t.finish(progress{503, phrase(503, ""), endOfTransfer})
		}
		c.forgetTransfer(t)
	})
}

// endOfTransfer is the reason that a subscription ends for with its last notification (RFC 3515 section 2.4.7).
const endOfTransfer = "noresource"

// transferOf is the transfer that a notification of this leg's peer is about; nil: none.
func (l *leg) transferOf(id string) *transfer {
	var one *transfer
	for _, t := range l.call.transfers {
		if t.from == l || t.asked == nil {
			continue
		}
		if id != "" && id == strconv.FormatUint(uint64(t.asked.CSeq.Number), 10) {
			return t
		}
		if one == nil || one.ended {
			one = t
		}
	}
	if id != "" {
		return nil
	}
	return one
}

// notified is a NOTIFY of this leg's peer.
func (l *leg) notified(tx TxID, req *sip.Message) {
	e, c := l.call.e, l.call
	pkg, _ := req.Header("Event")
	name, id := eventOf(pkg)
	t := l.transferOf(id)
	if name != "refer" || t == nil {
		e.respond(tx, req, 481, "", "")
		return
	}
	e.respond(tx, req, 200, "", "")
	state, _ := req.Header("Subscription-State")
	state, _, _ = strings.Cut(state, ";")
	over := strings.EqualFold(strings.TrimSpace(state), "terminated")
	p, ok := fragment(req)
	switch {
	case ok && p.status >= 200:
		p.end = endOfTransfer
		t.finish(p)
	case over: // without a result: who asked may find out by the call itself
		t.finish(progress{t.told.status, t.told.phrase, endOfTransfer})
	case ok:
		t.tell(trying)
	default:
		c.peerFault(l, fmt.Sprintf("its notification about a transfer has no status line (%.60q) and is not relayed", req.Body))
	}
	if over {
		c.forgetTransfer(t)
	}
}

// eventOf splits an Event header.
func eventOf(value string) (name, id string) {
	name, params, _ := strings.Cut(value, ";")
	for p := range strings.SplitSeq(params, ";") {
		if k, v, _ := strings.Cut(strings.TrimSpace(p), "="); strings.EqualFold(strings.TrimSpace(k), "id") {
			id = strings.TrimSpace(v)
		}
	}
	return strings.ToLower(strings.TrimSpace(name)), id
}

// fragment reads the status line that a notification brings (RFC 3420).
func fragment(m *sip.Message) (progress, bool) {
	kind, _, _ := strings.Cut(m.ContentType, ";")
	if !strings.EqualFold(strings.TrimSpace(kind), fragmentType) {
		return progress{}, false
	}
	body := m.Body[:min(len(m.Body), maxFragment)]
	line, _, _ := strings.Cut(strings.TrimLeft(string(body), "\r\n"), "\n")
	version, rest, _ := strings.Cut(strings.TrimRight(line, "\r"), " ")
	code, text, _ := strings.Cut(rest, " ")
	n, err := strconv.Atoi(code)
	if !strings.EqualFold(version, "SIP/2.0") || err != nil || n < 100 || n > 699 {
		return progress{}, false
	}
	return progress{status: n, phrase: phrase(n, text)}, true
}

// phrase is a reason phrase that may stand in a body of ours.
func phrase(status int, text string) string {
	if status/100 == 2 {
		return "Ok"
	}
	printable := func(r rune) rune {
		if r < ' ' || r == 0x7f {
			return -1
		}
		return r
	}
	if text = strings.TrimSpace(strings.Map(printable, text)); text != "" {
		return text
	}
	return sip.ReasonPhrase(status)
}

// tell lets the one who asked know how it goes; the same state is told once.
func (t *transfer) tell(p progress) {
	switch {
	case t.ended, p.end == "" && p == t.told:
		return
	case p.end != "":
		t.ended = true
	}
	if t.sending {
		t.next = &p
		return
	}
	t.notify(p)
}

// finish tells the result.
func (t *transfer) finish(p progress) {
	c := t.from.call
	if !t.ended {
		c.e.tell(event.Transferred{Call: c.name(), Leg: t.from.side.String(), Result: p.String(), Known: p.status >= 200})
	}
	c.e.timers.stop(t.expiry)
	t.tell(p)
}

// notify sends a NOTIFY. The next one waits for its answer, so that none overtakes another.
func (t *transfer) notify(p progress) {
	t.told = p
	if t.silent {
		return
	}
	l := t.from
	req := l.newRequest(sip.NOTIFY)
	pkg := "refer"
	if !t.first {
		pkg += ";id=" + strconv.FormatUint(uint64(t.id), 10)
	}
	state := fmt.Sprintf("active;expires=%d", int(transferLife/time.Second))
	if p.end != "" {
		state = "terminated;reason=" + p.end
	}
	req.Set("Event", pkg)
	req.Set("Subscription-State", state)
	req.ContentType, req.Body = fragmentType, []byte(p.String()+"\r\n")
	t.sending = true
	l.call.e.start(l, req, l.hop(), func(_ time.Time, resp *sip.Message, err error) {
		if err == nil && resp.Status < 200 {
			return
		}
		t.sending = false
		if err != nil || resp.Status >= 300 { // RFC 6665 section 4.2.2: the subscription is gone
			t.silent = true
		}
		if next := t.next; next != nil && l.call.state != stOver {
			t.next = nil
			t.notify(*next)
		}
	})
}

// transferring counts the transfers without a result.
func (c *call) transferring() (n int) {
	for _, t := range c.transfers {
		if !t.ended {
			n++
		}
	}
	return n
}

// keepTransfer enters a new one. One with a result stays for what the other leg still says about it, while there is room.
func (c *call) keepTransfer(t *transfer) {
	if len(c.transfers) >= 2*maxTransfers {
		if i := slices.IndexFunc(c.transfers, func(old *transfer) bool { return old.ended }); i >= 0 {
			c.transfers = slices.Delete(c.transfers, i, i+1)
		}
	}
	c.transfers = append(c.transfers, t)
}

// forgetTransfer is the end of both subscriptions.
func (c *call) forgetTransfer(t *transfer) {
	if i := slices.Index(c.transfers, t); i >= 0 {
		c.transfers = slices.Delete(c.transfers, i, i+1)
	}
}

// endTransfers ends the subscriptions before the BYE. Who hung up need not be told.
func (c *call) endTransfers(by *leg) {
	for _, t := range c.transfers {
		if t.ended || t.from == by {
			t.silent = t.silent || !t.ended
			c.e.timers.stop(t.expiry)
			continue
		}
		t.sending = false // what it waited for is of no use any more
		t.finish(progress{t.told.status, t.told.phrase, endOfTransfer})
	}
	c.transfers = nil
}
