package call

import (
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"

	"b2bua/core/app"
	"b2bua/core/event"
	"b2bua/core/sip"
	"b2bua/media/sdp"
)

// allow lists what works (decision 14).
const allow, allowWithoutRefer = "INVITE, ACK, CANCEL, BYE, OPTIONS, INFO, UPDATE, REFER, NOTIFY", "INVITE, ACK, CANCEL, BYE, OPTIONS, INFO, UPDATE, NOTIFY"

// allow is the value of Allow.
func (e *Engine) allow() string {
	if e.cfg.NoRefer {
		return allowWithoutRefer
	}
	return allow
}

// replacesTag is the extension that crosses the bridge (RFC 3891, spec 2.12.4).
const replacesTag = "replaces"

const sdpType = "application/sdp"

// invite is spec 2.3: from leg A to leg B, step by step in the order given there.
func (e *Engine) invite(now time.Time, tx TxID, req *sip.Message, from Source) {
	if r, ok := e.refusedAtOnce(req); ok {
		e.tell(event.Refused{
			Call: event.Call{A: req.CallID}, From: req.From.URI.Redacted(), To: req.To.URI.Redacted(), Peer: from.Peer.String(),
			Status: r.status, Why: r.why,
		})
		e.respond(tx, req, r.status, "", e.tag(from), r.headers...)
		return
	}
	c := e.newCall(now, tx, req, from)
	c.peer = from.Peer.String()
	c.facts = app.Facts{To: withoutTag(req.To), From: withoutTag(req.From), RequestURI: req.URI}
	c.ringing = e.timers.after(now.Add(e.cfg.RingTimeout), c, c.rungOut)

	if len(req.Body) > 0 {
		offer, err := sdp.Parse(req.Body)
		if err == nil {
			err = sdp.CheckOffer(offer, e.cfg.Support)
		}
		if err != nil {
			c.refuse(now, 488, "the SDP offer cannot be accepted: "+err.Error(), warning(err))
			return
		}
		c.a.theirs = offer
		c.facts.Encryption = offer.EncryptionWith(e.cfg.Support)
	}
	e.tell(event.Received{
		Call: c.name(), From: req.From.URI.Redacted(), To: req.To.URI.Redacted(), RequestURI: req.URI.Redacted(), Peer: from.Peer.String(),
		Encryption: c.facts.Encryption.String(), Streams: streamNames(c.a.theirs),
	})
	c.decision = e.cfg.App.Decide(c.facts)
	if r := c.decision.Refusal; r != nil {
		c.refuse(now, r.Status, r.Why, nil)
		return
	}
	c.takeLine()
	c.decideThrough()
	c.place()
}

type refusedAtOnce struct {
	status  int
	why     string
	headers []sip.Header
}

// refusedAtOnce are the refusals that need no call: the limits, and what RFC 3261 section 8.2 checks before anything else.
func (e *Engine) refusedAtOnce(req *sip.Message) (refusedAtOnce, bool) {
	switch {
	case e.closing != "":
		return refusedAtOnce{503, e.closing, nil}, true
	case len(e.calls) >= e.cfg.MaxCalls:
		return refusedAtOnce{486, "the limit of b2bua-server/max-calls is reached, calls running: " + strconv.Itoa(len(e.calls)) + "; raise it, or look who calls so much", nil}, true
	case req.MaxForwards == 0:
		return refusedAtOnce{483, "Max-Forwards is 0: the call passed too many servers, look for a routing loop", nil}, true
	case len(req.Body) > 0 && !isSDP(req.ContentType):
		h := []sip.Header{{Name: "Accept", Value: sdpType}}
		return refusedAtOnce{415, fmt.Sprintf("body of type %q, only %s is understood", req.ContentType, sdpType), h}, true
	}
	if need := required(req); need != "" { // RFC 3261 section 8.2.2.3
		h := []sip.Header{{Name: "Unsupported", Value: need}}
		return refusedAtOnce{420, "the caller requires the extension " + need + ", which is not supported", h}, true
	}
	return refusedAtOnce{}, false
}

func isSDP(contentType string) bool {
	t, _, _ := strings.Cut(contentType, ";")
	return strings.EqualFold(strings.TrimSpace(t), sdpType)
}

// required are the extensions that a request asks for and that do not work.
func required(req *sip.Message) string {
	var need []string
	for _, v := range req.Values("Require") {
		for tag := range strings.SplitSeq(v, ",") {
			if tag = strings.TrimSpace(tag); tag != "" && !strings.EqualFold(tag, replacesTag) {
				need = append(need, tag)
			}
		}
	}
	return strings.Join(need, ", ")
}

func withoutTag(a sip.Address) sip.Address {
	a.Params = a.Params.Without("tag")
	return a
}

func streamNames(s *sdp.Session) string {
	if s == nil {
		return "no SDP"
	}
	var names []string
	for _, m := range s.Media {
		if m.Port != 0 {
			names = append(names, m.Type)
		}
	}
	return strings.Join(names, "+")
}

// warning turns an offer/answer error into a Warning header (RFC 3261 section 20.43).
func warning(err error) []sip.Header {
	code, text := sdp.Warning(err)
	return []sip.Header{{Name: "Warning", Value: fmt.Sprintf("%d b2bua %s", code, sip.Quote(text))}}
}

// refuse ends a call that was never placed, by our own decision.
func (c *call) refuse(now time.Time, status int, why string, headers []sip.Header) {
	c.end(now, ending{kind: endRefused, status: status, why: why, headers: headers})
}

// rungOut is the limit of spec 2.4.4.
func (c *call) rungOut(now time.Time) {
	if c.state < stConfirming {
		c.end(now, ending{
			kind: endFailed, status: 486,
			why: fmt.Sprintf("not answered within %s (b2bua::timers/ring-timeout)", c.e.cfg.RingTimeout),
		})
	}
}

// overdue is max-call-duration: BYE on both legs.
func (c *call) overdue(now time.Time) {
	c.end(now, ending{why: fmt.Sprintf("it lasted %s, the limit of b2bua-server/max-call-duration", c.e.cfg.MaxDuration)})
}

// tell180 relays ringing (spec 2.4.1).
func (l *leg) tell180() {
	if l.state != legInviting && l.state != legEarly || l.inEarly && l.told180 {
		return
	}
	l.told180 = true
	l.become(legEarly)
	resp := l.call.e.response(l.invite, 180, "", l.tag)
	resp.Contact = []sip.Address{l.dlg.Contact}
	l.call.e.emit(SendResponse{Tx: l.tx, Msg: resp})
}

// tell183 starts early media on leg A: our answer to its offer, in line with what leg B has agreed (spec 2.4.1).
func (l *leg) tell183() error {
	if err := l.answerOffer(); err != nil {
		return err
	}
	l.inEarly = true
	l.become(legEarly)
	resp := l.call.e.response(l.invite, 183, "", l.tag)
	l.describe(resp, l.ours)
	l.call.e.emit(SendResponse{Tx: l.tx, Msg: resp})
	return nil
}

// answerOffer makes our answer to leg A's offer from what leg B agreed, and sets leg A's media.
func (l *leg) answerOffer() error {
	e := l.call.e
	plan := sdp.AnswerPlan{Support: e.cfg.Support, Rand: e.cfg.Rand, SessionID: l.call.number, Fingerprint: e.cfg.Fingerprint, Previous: l.ours, Through: l.call.through}
	ours, agreed, err := sdp.NewAnswer(l.theirs, l.call.b.agreed, plan, l.hashed(sdp.None, l.theirs))
	if err != nil {
		return err
	}
	l.ours = ours
	l.theyOffered(l.theirs)
	l.agree(l.theirs, agreed)
	l.askLater()
	return nil
}

// tell200 answers leg A. Without an offer of its own it gets ours, and its answer comes with the ACK (RFC 3264 section 4).
func (l *leg) tell200(now time.Time) error {
	c := l.call
	switch {
	case l.theirs == nil:
		plan := sdp.OfferPlan{Encryption: sdp.None, Support: c.e.cfg.Support, Rand: c.e.cfg.Rand, SessionID: c.number}
		ours, err := sdp.NewOffer(c.b.running(), plan, l.ports)
		if err != nil {
			return err
		}
		l.ours, l.offered = ours, true
	case !l.inEarly:
		if err := l.answerOffer(); err != nil {
			return err
		}
	case l.outdated():
		// The 183 carried the answer; it stands until a re-INVITE replaces it (RFC 3261 section 13.2.1, decision 15).
		l.re.wanted = true
	}
	c.e.timers.stop(c.ringing)
	l.become(legAnswered)
	c.become(stConfirming)
	c.answered = now
	c.superviseKeys(now)
	if d := c.e.cfg.MaxDuration; d > 0 {
		c.longest = c.e.timers.after(now.Add(d), c, c.overdue)
	}
	resp := c.e.response(l.invite, 200, "", l.tag)
	resp.Set("Allow", c.e.allow())
	resp.Set("Supported", replacesTag)
	l.describe(resp, l.ours)
	l.acks[l.invite.CSeq.Number] = l.tx
	c.e.emit(SendResponse{Tx: l.tx, Msg: resp})
	return nil
}

// running describes what this leg's peer has agreed to, for an offer to the other leg.
func (l *leg) running() *sdp.Session {
	s := l.theirs.Clone()
	for i := range s.Media {
		if i < len(l.agreed) && l.agreed[i].Enabled {
			s.Media[i].Codecs = l.agreed[i].Codecs
		} else {
			s.Media[i].Port = 0
		}
	}
	return s
}

// describe puts a session description and our Contact on a message.
func (l *leg) describe(m *sip.Message, s *sdp.Session) {
	m.Contact = []sip.Address{l.dlg.Contact}
	m.ContentType = sdpType
	m.Body = s.Marshal()
}

// acknowledged: the ACK of our 2xx came; with our offer in that 2xx, it must bring the answer.
func (l *leg) acknowledged(now time.Time, ack *sip.Message) {
	e := l.call.e
	tx, ok := l.acks[ack.CSeq.Number]
	if !ok {
		return // repeated, or for a refused INVITE
	}
	delete(l.acks, ack.CSeq.Number)
	delete(e.server, tx)
	e.emit(StopRepeating{tx})
	switch l.state {
	case legEnding:
		l.bye(l.held)
		l.become(legOver)
		return
	case legAnswered:
		if l.side == SideA {
			l.become(legUp)
			l.call.become(stRunning)
		}
	case legIdle, legInviting, legEarly, legUp, legCancelled, legOver:
	}
	if l.call.state == stOver {
		return
	}
	answered := l.offered
	if answered && !l.ackAnswered(now, ack) {
		return
	}
	l.call.superviseKeys(now)
	if answered {
		l.passOn(now)
	}
	l.maybeReinvite(now)
	l.call.closeUnused()
	l.call.a.nextInfo()
	l.call.b.nextInfo()
}

// ackAnswered takes the answer to the offer in our 2xx. In mid-call the former session outlives one that cannot be used.
func (l *leg) ackAnswered(now time.Time, ack *sip.Message) bool {
	former := l.former
	l.offered, l.former = false, nil
	err := l.take(ack)
	switch {
	case err == nil:
		l.re.restore = false
		return true
	case former == nil:
		l.call.end(now, ending{why: fmt.Sprintf("%s's ACK has no usable answer: %v", l.side, err), reasons: reasonSIP(488, "No usable answer")})
	default:
		l.misanswered(now, former, false, fmt.Errorf("its ACK has no usable answer: %w", err))
	}
	return false
}

var errNoSDP = errors.New("no SDP")

// take reads the answer to our offer from a message and sets the media.
func (l *leg) take(m *sip.Message) error {
	if len(m.Body) == 0 {
		return errNoSDP
	}
	if !isSDP(m.ContentType) {
		return fmt.Errorf("body of type %q", m.ContentType)
	}
	theirs, err := sdp.Parse(m.Body)
	if err != nil {
		return err
	}
	agreed, err := sdp.Accept(l.ours, theirs)
	if err != nil {
		return err
	}
	l.theyAnswered(l.ours, theirs)
	l.agree(theirs, agreed)
	l.askLater()
	return nil
}

// agree notes what this leg agreed on, and tells the media plane.
func (l *leg) agree(theirs *sdp.Session, agreed []sdp.Agreed) {
	l.keepHashes(theirs)
	l.newPhones(agreed)
	l.moveTransport(agreed)
	l.theirs, l.agreed = theirs, agreed
	l.faultyHashes()
	for i := range agreed {
		if agreed[i].Enabled {
			l.mode = max(l.mode, agreed[i].Encryption)
		}
	}
	l.setMedia()
}

// setMedia tells the media plane what is agreed on this leg.
func (l *leg) setMedia() {
	for i := range l.agreed {
		if i < len(l.call.streams) && l.call.streams[i] {
			g := l.agreed[i].Clone()
			g.MayZRTP = l.mayBegin(g)
			l.expectKeys(i, g)
			if !g.Enabled { // what the phone began ends with the stream
				delete(l.began, i)
			}
			l.call.e.emit(MediaSet{Call: l.call.number, Index: i, Side: l.side, Agreed: g})
		}
	}
}
