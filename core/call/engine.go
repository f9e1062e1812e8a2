package call

import (
	"cmp"
	"fmt"
	"io"
	"maps"
	"net/netip"
	"slices"
	"time"

	"b2bua/core/app"
	"b2bua/core/dialog"
	"b2bua/core/event"
	"b2bua/core/sip"
	"b2bua/media/sdp"
)

// Config of an Engine. All fields are required unless a default is named or the zero value explained.
type Config struct {
	App         app.Application
	UserAgent   string        // b2bua-server/user-agent, resolved
	MaxCalls    int           // b2bua-server/max-calls
	RingTimeout time.Duration // b2bua::timers, 240 s by default (spec 2.4.4)
	MaxDuration time.Duration // b2bua-server/max-call-duration, 0: no limit (spec 2.10)
	// Linger is how long an ended dialog still answers: 64*T1 (RFC 3261 section 17.1.2.2 and timer M of RFC 6026).
	Linger  time.Duration
	Support sdp.Support
	// MediaAddresses, at most one of each family, stand in our SDP whatever the system routes by (b2bua/media-address).
	MediaAddresses []netip.Addr
	// Fingerprint of our certificate, for legs with DTLS-SRTP.
	Fingerprint sdp.Fingerprint
	// SecureTimeout is how long a leg that must be secure may be without keys after the answer (decision 10).
	SecureTimeout time.Duration
	// Hello is the value of a=zrtp-hash for what we send on a stream of one leg, the same as long as the stream is open. It must not wait.
	// Nil: no leg can have ZRTP.
	Hello func(call uint64, index int, side Side) string
	// Transparent: phones that both speak ZRTP agree on keys with each other (b2bua/zrtp-transparent).
	Transparent bool
	// NoRefer: nobody may have the other side transferred (b2bua/enable-refer).
	NoRefer bool
	Rand    io.Reader
}

// Engine owns all calls of the process.
type Engine struct {
	cfg     Config
	calls   map[uint64]*call
	dialogs map[dialog.ID]*leg
	server  map[TxID]*leg    // INVITEs of peers that wait for our final response, or for the ACK of our 2xx
	client  map[Ref]*pending // requests of ours; an INVITE stays for the 2xx of other branches
	waiting int              // of these, the ones without a final response
	timers  timers
	out     []Output
	head    int
	calledN uint64
	refN    Ref
	closing string // not empty: shutting down, and why
	from    Source // of the message being handled
	busy    *call  // whose input is being handled, where no Call-ID tells
}

// pending is a request of ours under way.
type pending struct {
	leg    *leg
	method sip.Method
	msg    *sip.Message // as sent last
	hop    Hop
	asked  int  // challenges that were answered
	final  bool // a final response came
	handle func(now time.Time, resp *sip.Message, err error)
}

// New makes an engine without calls.
func New(cfg Config) *Engine {
	return &Engine{
		cfg: cfg, calls: map[uint64]*call{}, dialogs: map[dialog.ID]*leg{}, server: map[TxID]*leg{}, client: map[Ref]*pending{},
	}
}

// Poll takes the next output; false when there is none left.
func (e *Engine) Poll() (Output, bool) {
	if e.head == len(e.out) {
		e.out, e.head = e.out[:0], 0
		return nil, false
	}
	o := e.out[e.head]
	e.out[e.head] = nil
	e.head++
	return o, true
}

func (e *Engine) emit(o Output)       { e.out = append(e.out, o) }
func (e *Engine) tell(ev event.Event) { e.emit(Happened{ev}) }

// Active is the number of calls that are not over.
func (e *Engine) Active() int { return len(e.calls) }

// Pending is the number of requests of ours that still wait for an answer: a call that is over may still have some.
func (e *Engine) Pending() int { return e.waiting }

// Deadline is when Advance wants to be called, if ever.
func (e *Engine) Deadline() (time.Time, bool) { return e.timers.next() }

// Advance runs what is due.
func (e *Engine) Advance(now time.Time) {
	for {
		t, ok := e.timers.due(now)
		if !ok {
			return
		}
		e.busy = t.call
		t.run(now)
		e.busy = nil
	}
}

// Request is a request that starts a server transaction, or an ACK for a 2xx (tx 0).
func (e *Engine) Request(now time.Time, tx TxID, req *sip.Message, from Source) {
	e.from = from
	tag := req.To.Tag()
	if tag == "" {
		if req.Method == sip.INVITE {
			e.invite(now, tx, req, from)
			return
		}
		e.stray(tx, req, from)
		return
	}
	l := e.dialogs[dialog.ID{CallID: req.CallID, Local: tag, Remote: req.From.Tag()}]
	if l == nil {
		e.stray(tx, req, from)
		return
	}
	l.request(now, tx, req)
}

// Cancelled says that the INVITE of server transaction tx was cancelled; the CANCEL itself is answered already.
func (e *Engine) Cancelled(now time.Time, tx TxID, cancel *sip.Message) {
	l := e.server[tx]
	switch {
	case l == nil:
	case l.call.asksFor(tx):
		l.call.unask(now, 487, l.side.String()+" cancelled its re-INVITE")
	case l.side == SideA && l.tx == tx && l.call.state < stConfirming:
		l.call.callerGone(now, 487, "the caller cancelled", relayableReasons(cancel))
	}
}

// ResponseFailed says that the final response of server transaction tx did not arrive: its flow is gone, or no ACK came.
func (e *Engine) ResponseFailed(now time.Time, tx TxID, err error) {
	l := e.server[tx]
	if l == nil {
		return
	}
	delete(e.server, tx)
	l.unacknowledged(now, tx, err)
}

// Response is a response to request ref: each provisional one, the final one, and further 2xx of a forked INVITE.
func (e *Engine) Response(now time.Time, ref Ref, resp *sip.Message, from Source) {
	e.from = from
	p, ok := e.client[ref]
	if !ok {
		return
	}
	if e.challenged(ref, p, resp) {
		return
	}
	if resp.Status >= 200 {
		e.settle(p)
		if p.method != sip.INVITE {
			e.forget(ref)
		}
	}
	p.handle(now, resp, nil)
}

// RequestFailed says that request ref will get no final response.
func (e *Engine) RequestFailed(now time.Time, ref Ref, err error) {
	p, ok := e.client[ref]
	if !ok {
		return
	}
	e.forget(ref)
	p.handle(now, nil, err)
}

// Located answers Locate: where leg B's next hop is, or why it cannot be reached.
func (e *Engine) Located(now time.Time, number uint64, at Location, err error) {
	if c := e.calls[number]; c != nil && c.state == stLocating {
		e.busy = c
		c.located(now, at, err)
		e.busy = nil
	}
}

// MediaOpened answers MediaOpen.
func (e *Engine) MediaOpened(now time.Time, number uint64, index int, a, b sdp.Ports, err error) {
	c := e.calls[number]
	switch {
	case c == nil && err == nil: // it ended meanwhile
		e.emit(MediaClose{Call: number, Index: AllStreams})
	case c == nil:
	case c.state == stOpening:
		c.opened(now, index, a, b, err)
	default:
		c.openedLate(now, index, a, b, err)
	}
}

// Secured says that the keys of one stream of one leg are there; zrtp is how they were agreed on, nil: not by ZRTP.
func (e *Engine) Secured(_ time.Time, number uint64, index int, side Side, suite sdp.Suite, zrtp *event.ZRTP) {
	if c := e.calls[number]; c != nil {
		c.leg(side).secured(index, suite, zrtp)
	}
}

// Unsecured says that the peer of a stream turned out to be another one than that which the keys are from, or that it begins anew. It has as long to
// be secure as at first.
func (e *Engine) Unsecured(now time.Time, number uint64, index int, side Side) {
	c := e.calls[number]
	if c == nil {
		return
	}
	l := c.leg(side)
	if _, expected := l.secure[index]; expected {
		l.secure[index], l.sas, c.expecting = false, "", true
		if c.state == stConfirming || c.state == stRunning {
			c.superviseKeys(now)
		}
	}
}

// SecureFailed says that a handshake failed for good.
func (e *Engine) SecureFailed(now time.Time, number uint64, index int, side Side, err error) {
	c := e.calls[number]
	if c == nil {
		return
	}
	if _, expected := c.leg(side).secure[index]; !expected { // ZRTP that was not agreed on: anybody can begin it and stop
		c.peerFault(c.leg(side), fmt.Sprintf("stream %d: %v; it goes on as agreed, %s", index, err, c.leg(side).encryption(index)))
		return
	}
	c.notSecure(now, c.leg(side), fmt.Sprintf("stream %d: %v", index, err))
}

// SecureDelayed says that a handshake did not succeed yet and goes on; err is told if the keys never come.
func (e *Engine) SecureDelayed(number uint64, side Side, err error) {
	if c := e.calls[number]; c != nil && c.leg(side) != nil {
		c.leg(side).keyErr = err
	}
}

// MediaLost says that nothing was received on one leg for the configured time (b2bua-server/no-rtp-timeout, spec 2.10).
func (e *Engine) MediaLost(now time.Time, number uint64, side Side, silent time.Duration) {
	if c := e.calls[number]; c != nil && c.state == stRunning {
		c.mediaLost(now, side, silent)
	}
}

// Fail ends the calls of a dialog after a fault of our own; what is for the log. An empty Call-ID means the call whose timer or
// answered question it was.
func (e *Engine) Fail(now time.Time, callID, what string) {
	busy := e.busy
	e.busy = nil
	for _, c := range e.inOrder() {
		if callID == "" && c == busy || callID != "" && (c.a.callID() == callID || c.b.callID() == callID) {
			e.tell(event.LocalFault{Call: c.name(), What: what})
			c.end(now, ending{why: "internal fault", status: 500, reasons: reasonSIP(500, "Internal fault")})
		}
	}
}

// Shutdown ends all calls and refuses new ones with 503.
func (e *Engine) Shutdown(now time.Time, why string) {
	e.closing = why
	for _, c := range e.inOrder() {
		c.end(now, ending{why: why, status: 503})
	}
}

// inOrder are the calls by number, so that the same inputs give the same outputs.
func (e *Engine) inOrder() []*call {
	return slices.SortedFunc(maps.Values(e.calls), func(x, y *call) int { return cmp.Compare(x.number, y.number) })
}

// Refuse makes new calls be refused with 503 while the running ones go on (b2bua/drain-timeout).
func (e *Engine) Refuse(why string) { e.closing = why }

// tag is the To tag of our responses to a request outside a dialog.
func (e *Engine) tag(from Source) string {
	if from.Tag != "" {
		return from.Tag
	}
	return sip.NewTag(e.cfg.Rand)
}

// start sends a request of leg l and remembers who wants its outcome.
func (e *Engine) start(l *leg, req *sip.Message, hop Hop, handle func(time.Time, *sip.Message, error)) Ref {
	e.refN++
	e.waiting++
	hop.Account = l.lineNumber()
	l.authorize(req)
	e.client[e.refN] = &pending{leg: l, method: req.Method, msg: req, hop: hop, handle: handle}
	e.emit(SendRequest{Ref: e.refN, Msg: req, Hop: hop})
	return e.refN
}

// settle counts a request out once.
func (e *Engine) settle(p *pending) {
	if !p.final {
		p.final = true
		e.waiting--
	}
}

func (e *Engine) forget(ref Ref) {
	if p, ok := e.client[ref]; ok {
		e.settle(p)
		delete(e.client, ref)
		e.emit(Forget{ref})
	}
}

// respond answers a request with our own identity on it.
func (e *Engine) respond(tx TxID, req *sip.Message, status int, reason, tag string, headers ...sip.Header) {
	resp := e.response(req, status, reason, tag)
	resp.Other = append(resp.Other, headers...)
	e.emit(SendResponse{Tx: tx, Msg: resp})
}

func (e *Engine) response(req *sip.Message, status int, reason, tag string) *sip.Message {
	resp := sip.NewResponse(req, status, reason, tag)
	resp.Set("User-Agent", e.cfg.UserAgent)
	return resp
}
