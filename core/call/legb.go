package call

import (
	"errors"
	"fmt"
	"strings"
	"time"

	"b2bua/core/dialog"
	"b2bua/core/event"
	"b2bua/core/sip"
	"b2bua/core/transaction"
	"b2bua/media/sdp"
)

// maxRedirects bounds 3xx chains: enough for a forward of a forward, too few to circle.
const maxRedirects = 5

// bridgeHeader marks every request on leg B; proxies and older configurations know our calls by it (spec 2.3).
const bridgeHeader, bridgeValue = "X-Flexisip-B2BUA", "ignore"

// place starts leg B: first, where is its next hop and what is our address on the way there?
func (c *call) place() {
	c.become(stLocating)
	c.e.emit(Locate{Call: c.number, Hop: c.hopB(), Peer: c.mediaPeer()})
}

func (c *call) hopB() Hop {
	if route := c.decision.Route(); len(route) > 0 {
		return Hop{URI: route[0].URI, Account: c.b.lineNumber()}
	}
	return Hop{URI: c.decision.Callee.URI, Account: c.b.lineNumber()}
}

// hopName is the next hop with the setting it comes from.
func (c *call) hopName() string {
	name := c.hopB().URI.Redacted()
	if c.decision.ProxyFrom != "" && len(c.decision.Route()) > 0 {
		name += " (" + c.decision.ProxyFrom + ")"
	}
	return name
}

// impossible is an error by which leg B cannot exist at all: no such transport here (spec 2.3 step 8).
type impossible interface{ Impossible() bool }

func (c *call) located(now time.Time, at Location, err error) {
	if err != nil {
		status := 503
		var im impossible
		if errors.As(err, &im) && im.Impossible() {
			status = 501
		}
		c.end(now, ending{kind: endFailed, status: status, why: fmt.Sprintf("the next hop of leg B, %s, cannot be reached: %v", c.hopName(), err)})
		return
	}
	c.chooseMediaAddresses(at)
	if c.streams != nil { // repeated INVITE: ports are there
		c.become(stCalling)
		c.sendInvite(now)
		return
	}
	c.become(stOpening)
	c.openMedia(now)
}

// openMedia asks for ports for every enabled stream of leg A; an INVITE without SDP gets audio (spec 2.3 step 4).
func (c *call) openMedia(now time.Time) {
	kinds := []sdp.Kind{sdp.Audio}
	wanted := []bool{true}
	if c.a.theirs != nil {
		kinds, wanted = nil, nil
		for i := range c.a.theirs.Media {
			m := &c.a.theirs.Media[i]
			kinds = append(kinds, m.Kind)
			wanted = append(wanted, m.Port != 0 && m.Kind != sdp.Other)
		}
	}
	c.streams = make([]bool, len(kinds))
	c.a.ports = make([]sdp.Ports, len(kinds))
	c.b.ports = make([]sdp.Ports, len(kinds))
	for i, k := range kinds {
		if wanted[i] {
			c.opening++
			c.emitOpen(i, k)
		}
	}
	if c.opening == 0 {
		c.refuse(now, 488, "the SDP offer has no audio or video stream with a port", nil)
	}
}

func (c *call) opened(now time.Time, index int, a, b sdp.Ports, err error) {
	c.opening--
	if err != nil {
		c.e.tell(event.LocalFault{Call: c.name(), What: "no media ports: " + err.Error()})
		c.refuse(now, 503, "no media ports: "+err.Error(), nil)
		return
	}
	c.streams[index], c.a.ports[index], c.b.ports[index] = true, a, b
	if c.opening == 0 {
		c.become(stCalling)
		c.sendInvite(now)
	}
}

// sendInvite places leg B, also once more with other parameters: each try is a call of its own to the callee (new Call-ID).
func (c *call) sendInvite(now time.Time) {
	e, d, b := c.e, &c.decision, c.b
	plan := sdp.OfferPlan{
		Encryption: d.Encryption, Suites: d.Suites, AVPF: d.AVPF, Bundle: d.Bundle, Support: e.cfg.Support, Rand: e.cfg.Rand, SessionID: c.number,
		Fingerprint: e.cfg.Fingerprint, Through: c.through,
	}
	ours, err := sdp.NewOffer(c.a.theirs, plan, b.hashed(d.Encryption, nil))
	if err != nil {
		c.refuse(now, 488, "no offer can be made for leg B: "+err.Error(), warning(err))
		return
	}
	b.ours, b.tag, b.dlg, b.heard = ours, sip.NewTag(e.cfg.Rand), nil, 0
	b.invite = c.inviteB()
	b.invite.Body = ours.Marshal()
	b.become(legInviting)
	// Each try hears only its own responses: one that comes late for an abandoned try must not touch the call.
	var ref Ref
	b.first = c.hopB().URI
	ref = e.start(b, b.invite, Hop{URI: b.first}, func(now time.Time, resp *sip.Message, err error) { b.inviteOutcome(now, ref, resp, err) })
	b.ref = ref
	e.tell(event.Placed{
		Call: c.name(), Callee: d.Callee.URI.Redacted(), Hop: c.hopName(), Encryption: c.modeB(),
		Suites: suiteNames(d.Encryption, d.Suites), Why: d.Why + c.tries.because, Line: c.lineName(),
	})
}

func suiteNames(enc sdp.Encryption, suites []sdp.Suite) string {
	if enc != sdp.SDES {
		return ""
	}
	names := make([]string, len(suites))
	for i, s := range suites {
		names[i] = s.String()
	}
	return strings.Join(names, ";")
}

// inviteB is spec 2.3.1: the INVITE of leg B header by header. Nothing of leg A is copied that is not named there.
func (c *call) inviteB() *sip.Message {
	d, e := &c.decision, c.e
	m := &sip.Message{
		Method: sip.INVITE, URI: d.Callee.URI, To: d.Callee, From: d.From.WithTag(c.b.tag), CallID: sip.NewCallID(e.cfg.Rand),
		CSeq: sip.CSeq{Number: dialog.FirstCSeq, Method: sip.INVITE}, MaxForwards: hopsLeft(c.a.invite), Route: d.Route(),
		Contact: []sip.Address{c.contactB()}, ContentType: sdpType,
	}
	m.Set("User-Agent", e.cfg.UserAgent)
	m.Set("Allow", e.allow())
	m.Set("Supported", replacesTag)
	m.Set(bridgeHeader, bridgeValue)
	if v, ok := c.a.invite.Header("Referred-By"); ok {
		if addr, err := sip.ParseAddress(v); err == nil {
			m.Set("Referred-By", sip.Address{Display: addr.Display, URI: addr.URI}.String())
		}
	}
	if v, ok := e.translateReplaces(c.a.invite); ok {
		m.Set("Replaces", v)
		if c.a.invite.ListHas("Require", replacesTag) {
			m.Set("Require", replacesTag)
		}
	}
	if c.tries.minSE != "" { // RFC 4028 section 7.3; the callee refreshes, we do not
		m.Set("Session-Expires", c.tries.minSE+";refresher=uas")
		m.Set("Min-SE", c.tries.minSE)
	}
	return m
}

// hopsLeft counts a bridge as a hop, so that a circle of proxies and bridges ends (RFC 7332 section 4.2).
func hopsLeft(invite *sip.Message) int {
	const most = 70 // RFC 3261 section 8.1.1.6
	if invite.MaxForwards < 0 {
		return most
	}
	return min(most, invite.MaxForwards-1)
}

// inviteOutcome is one response, or the failure, of the INVITE that ref names.
func (l *leg) inviteOutcome(now time.Time, ref Ref, resp *sip.Message, err error) {
	c := l.call
	switch {
	case err != nil:
		l.inviteFailed(now, ref, err)
	case resp.Status < 200:
		if ref == l.ref && c.state == stCalling {
			l.provisional(resp)
		}
	case resp.Status < 300:
		l.accepted(now, ref, resp)
	default:
		c.e.forget(ref)
		if ref == l.ref && c.state == stCalling {
			l.refused(now, resp)
		} else if ref == l.ref {
			l.become(legOver)
		}
	}
}

func (l *leg) inviteFailed(now time.Time, ref Ref, err error) {
	c := l.call
	if ref != l.ref || c.state != stCalling {
		if ref == l.ref && l.state == legCancelled {
			l.become(legOver)
		}
		return
	}
	status := 503
	var timeout *transaction.TimeoutError
	if errors.As(err, &timeout) {
		status = 408
	}
	c.end(now, ending{kind: endFailed, status: status, by: l, why: fmt.Sprintf("leg B by %s: %v", c.hopName(), err)})
}

// provisional is spec 2.4.1.
func (l *leg) provisional(resp *sip.Message) {
	c := l.call
	if resp.Status > 100 || l.heard == 0 {
		l.heard = resp.Status
	}
	if resp.Status == 100 {
		return
	}
	l.become(legEarly)
	early := false
	if len(resp.Body) > 0 && !l.inEarly && c.a.theirs != nil {
		early = l.earlyMedia(resp)
	}
	if !early && (!l.inEarly || len(resp.Body) == 0) {
		c.a.tell180()
	}
	c.e.tell(event.Progress{Call: c.name(), Status: resp.Status, EarlyMedia: early})
}

// earlyMedia starts it; leg A gets one answer only, whichever branch or repeated INVITE of leg B it came from.
func (l *leg) earlyMedia(resp *sip.Message) bool {
	c := l.call
	if err := l.take(resp); err != nil {
		c.peerFault(l, fmt.Sprintf("the SDP of its %d cannot be used and is ignored until the answer: %v", resp.Status, err))
		return false
	}
	l.inEarly, l.earlyTag = true, resp.To.Tag()
	if c.a.inEarly {
		return true
	}
	if err := c.a.tell183(); err != nil {
		c.peerFault(c.a, fmt.Sprintf("no early media: %v", err))
		return false
	}
	return true
}

// accepted is a 2xx: of the call we wait for, of one that was cancelled meanwhile, or of a second callee of a fork.
func (l *leg) accepted(now time.Time, ref Ref, resp *sip.Message) {
	c := l.call
	invite := l.invite
	dlg, err := dialog.NewUAC(invite, resp)
	if err != nil {
		c.peerFault(l, err.Error())
		return
	}
	dlg.Contact = invite.Contact[0]
	near := nearOf(resp, c.e.from)
	c.e.emit(SendAck{Ref: ref, Msg: l.ack(dlg, invite), Hop: l.hopOf(dlg, near)})
	if ref != l.ref || c.state != stCalling {
		l.dismiss(dlg, near)
		c.e.timers.after(now.Add(c.e.cfg.Linger), c, func(time.Time) { c.e.forget(ref) })
		return
	}
	l.dlg, l.near = dlg, near
	c.e.dialogs[dlg.ID()] = l
	l.become(legAnswered)
	if err := l.takeFinal(resp); err != nil {
		c.end(now, ending{
			kind: endFailed, status: 488, headers: warning(err),
			why: fmt.Sprintf("leg B's answer cannot be used, it was released: %v", err),
		})
		return
	}
	if err := c.a.tell200(now); err != nil {
		c.end(now, ending{kind: endFailed, status: 488, headers: warning(err), why: fmt.Sprintf("leg B's answer does not fit leg A's offer: %v", err)})
		return
	}
	c.e.tell(event.Answered{Call: c.name(), MediaA: mediaNames(c.a.agreed), MediaB: mediaNames(l.agreed), After: now.Sub(c.started)})
	c.dropRefused()
}

// takeFinal reads the 2xx's answer; a 2xx without SDP after early media repeats the one of that branch's 18x.
func (l *leg) takeFinal(resp *sip.Message) error {
	if len(resp.Body) == 0 && l.inEarly && resp.To.Tag() == l.earlyTag {
		return nil
	}
	l.forked = l.inEarly && resp.To.Tag() != l.earlyTag
	defer func() { l.forked = false }()
	return l.take(resp)
}

// dismiss ends a dialog that nobody wants: the INVITE was cancelled, abandoned, or answered by somebody else first.
func (l *leg) dismiss(dlg *dialog.Dialog, near Near) {
	e := l.call.e
	req := l.dress(dlg.Request(sip.BYE))
	e.start(l, req, l.hopOf(dlg, near), func(time.Time, *sip.Message, error) {})
	if l.state == legCancelled {
		l.become(legOver)
	}
	l.call.note("leg B answered by " + dlg.Remote().URI.Redacted() + " although it is not wanted any more: released")
}

// dropRefused frees the ports of streams that leg B refused.
func (c *call) dropRefused() {
	for i, g := range c.b.agreed {
		if i < len(c.streams) && c.streams[i] && !g.Enabled {
			c.closeStream(i)
		}
	}
}

// refused is spec 2.4.3: what becomes of a final failure.
func (l *leg) refused(now time.Time, resp *sip.Message) {
	c, d := l.call, &l.call.decision
	switch {
	case resp.Status/100 == 3 && len(resp.Contact) > 0 && !resp.ContactStar:
		to := redirectTarget(resp.Contact[0])
		insecure := d.Callee.URI.Scheme == "sips" && to.URI.Scheme != "sips" // RFC 3261 section 8.1.3.4
		if c.tries.redirects++; c.tries.redirects <= maxRedirects && !insecure {
			c.note(fmt.Sprintf("leg B redirected by %d to %s", resp.Status, to.URI.Redacted()))
			d.Callee = to
			c.tries.because = fmt.Sprintf(", and leg B's redirection (%d)", resp.Status)
			c.again()
			return
		}
	case (resp.Status == 415 || resp.Status == 488) && d.AVPF:
		without := "AVPF"
		if l.ours != nil && len(l.ours.Bundle) > 0 { // a browser that has something against the group needs the rest
			without = "BUNDLE"
		}
		d.Bundle, d.AVPF = false, without == "BUNDLE"
		c.note(fmt.Sprintf("leg B refused with %d: repeated without %s (decision of the call engine, the encryption stays)", resp.Status, without))
		c.tries.because = fmt.Sprintf(", without %s now that leg B refused it (%d)", without, resp.Status)
		c.again()
		return
	case resp.Status == 422 && c.tries.minSE == "":
		if v, ok := resp.Header("Min-SE"); ok {
			c.tries.minSE, _, _ = strings.Cut(strings.TrimSpace(v), ";")
			c.again()
			return
		}
	}
	c.end(now, ending{
		kind: endFailed, by: l, status: resp.Status, phrase: resp.Reason, headers: copied(resp),
		why: c.refusedWhy(resp),
	})
}

// redirectTarget is a Contact as Request-URI: without what must not stand there (RFC 3261 section 19.1.1, table 1).
func redirectTarget(contact sip.Address) sip.Address {
	to := sip.Address{Display: contact.Display, URI: contact.URI}
	to.URI.Headers, to.URI.Params = "", to.URI.Params.Without("method")
	return to
}

// refusedWhy adds to a refusal what our own settings may have to do with it.
func (c *call) refusedWhy(resp *sip.Message) string {
	why := fmt.Sprintf("leg B answered %d %s", resp.Status, resp.Reason)
	d := &c.decision
	why += c.b.unauthorized(resp)
	if (resp.Status == 415 || resp.Status == 488) && d.Encryption != sdp.None {
		why += fmt.Sprintf("; it was offered %s because of %s, and never gets less: change the rule, or what the phone accepts", d.Encryption, d.Why)
		if d.Encryption == sdp.DTLS && !d.AVPF && c.tries.because == "" {
			why += "; a browser needs b2bua/webrtc-regex as well"
		}
	}
	return why
}

// again places leg B once more after a final response; the ports are kept.
func (c *call) again() {
	c.b.state, c.b.inEarly, c.b.earlyTag, c.b.ref, c.b.auth = legIdle, false, "", 0, nil
	c.state = stLocating
	c.e.emit(Locate{Call: c.number, Hop: c.hopB(), Peer: c.mediaPeer()})
}

func mediaNames(agreed []sdp.Agreed) string {
	var out []string
	for _, g := range agreed {
		kind := "audio"
		if g.Kind == sdp.Video {
			kind = "video"
		}
		switch {
		case g.Kind == sdp.Other:
		case !g.Enabled:
			out = append(out, kind+" refused")
		default:
			out = append(out, kind+" "+codecName(g.Codecs)+" "+g.Encryption.String()+suffix(g))
		}
	}
	if len(out) == 0 {
		return "to be agreed in the ACK"
	}
	return strings.Join(out, ", ")
}

func codecName(codecs []sdp.Codec) string {
	if len(codecs) == 0 {
		return "-"
	}
	return fmt.Sprintf("%s/%d", codecs[0].Name, codecs[0].Rate)
}

func suffix(g sdp.Agreed) string {
	s := ""
	if g.SendKey.Suite != sdp.NoSuite {
		s = " " + g.SendKey.Suite.String()
	}
	if g.Direction != sdp.SendRecv {
		s += " " + g.Direction.String()
	}
	return s
}
