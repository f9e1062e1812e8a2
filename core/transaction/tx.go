package transaction

import (
	"net/netip"
	"slices"
	"time"

	"b2bua/core/sip"
)

type kind uint8

const (
	clientInvite kind = iota
	clientOther
	serverInvite
	serverOther
)

func (k kind) server() bool { return k == serverInvite || k == serverOther }

type state uint8

// The states of RFC 3261 section 17 and RFC 6026; calling is called trying outside INVITE. From completed on nothing is expected by the user.
const (
	calling state = iota
	proceeding
	completed
	confirmed
	accepted
)

// tx is one transaction. Once it has its final response it keeps no message, only the octets to repeat.
type tx struct {
	id       ID
	kind     kind
	state    state
	method   sip.Method
	pending  bool // server: without final response
	internal bool // a CANCEL of ours: its user is the engine
	moved    bool // its connection was lost once already
	path     Path
	origin   *source // server: whose account it is on, whatever becomes of the path
	client   clientKey
	server   serverKey
	request  *sip.Message // client INVITE: as long as an ACK or CANCEL has to be made of it
	wire     []byte       // what is repeated
	tag      string       // server: To tag of our responses
	acks     []storedAck  // client: of the 2xx
	oks      []success    // server: the 2xx sent, one per To tag

	wantCancel bool
	cancelled  bool
	extra      []sip.Header

	next, expire time.Time // next repetition, end; zero: none
	interval     time.Duration
	due          time.Time
	place        int // in the heap, -1: none

	flowPrev, flowNext *tx
}

// storedAck is the ACK of one of the 2xx that a forked INVITE may bring; nil wire: not acknowledged yet.
type storedAck struct {
	tag  string
	path Path
	wire []byte
}

// success is a 2xx that is repeated until its ACK comes. A forking proxy sends several for one INVITE (RFC 3261 section 16.7 step 5).
type success struct {
	tag      string
	wire     []byte // nil: acknowledged
	next     time.Time
	interval time.Duration
}

// unacked tells whether the user still waits for the ACK to a 2xx.
func (t *tx) unacked() bool {
	return slices.ContainsFunc(t.oks, func(s success) bool { return s.wire != nil })
}

func (e *Engine) add(t *tx) {
	t.place = -1
	if t.kind.server() {
		e.servers[t.server] = t
		e.enter(t)
	} else {
		e.clients[t.client] = t
	}
	e.byID[t.id] = t
	e.place(t)
}

// place lists a transaction under its flow.
func (e *Engine) place(t *tx) {
	e.on[t.path.Flow]++
	if key, ok := t.lane(); ok {
		if head := e.flows[key]; head != nil {
			head.flowPrev, t.flowNext = t, head
		}
		e.flows[key] = t
	}
}

// unplace undoes place.
func (e *Engine) unplace(t *tx) {
	if e.on[t.path.Flow]--; e.on[t.path.Flow] == 0 {
		delete(e.on, t.path.Flow)
	}
	if key, ok := t.lane(); ok {
		e.unlink(t, key)
	}
}

// lane is what breaks as one: a connection, or the way to one address by UDP.
type lane struct {
	flow   uint64
	remote netip.AddrPort // UDP
}

// lane tells in which list the transaction is: all of a connection are in one, by UDP only requests of ours.
func (t *tx) lane() (lane, bool) {
	if t.path.Reliable {
		return lane{flow: t.path.Flow}, true
	}
	return lane{t.path.Flow, t.path.Remote}, !t.kind.server()
}

func (e *Engine) remove(t *tx) {
	if t.kind.server() {
		if e.servers[t.server] == t {
			delete(e.servers, t.server)
		}
		e.leave(t)
	} else if e.clients[t.client] == t {
		delete(e.clients, t.client)
	}
	if e.byID[t.id] == t {
		delete(e.byID, t.id)
	}
	e.unplace(t)
	e.arm(t, time.Time{}, time.Time{})
	t.request, t.wire, t.oks = nil, nil, nil
}

func (e *Engine) unlink(t *tx, key lane) {
	switch {
	case t.flowPrev != nil:
		t.flowPrev.flowNext = t.flowNext
	case t.flowNext != nil:
		e.flows[key] = t.flowNext
	default:
		delete(e.flows, key)
	}
	if t.flowNext != nil {
		t.flowNext.flowPrev = t.flowPrev
	}
	t.flowPrev, t.flowNext = nil, nil
}

// source is the account of one address: its requests, finished ones included, and those without a final response.
type source struct {
	addr         netip.Addr
	all, pending int
}

func (e *Engine) enter(t *tx) {
	addr := t.path.Remote.Addr()
	t.origin = e.sources[addr]
	if t.origin == nil {
		t.origin = &source{addr: addr}
		e.sources[addr] = t.origin
	}
	t.origin.all++
	t.origin.pending++
	e.waiting++
}

// leave undoes enter.
func (e *Engine) leave(t *tx) {
	e.settled(t)
	if t.origin.all--; t.origin.all == 0 {
		delete(e.sources, t.origin.addr)
	}
}

// settled takes a server transaction that has its final response, or ends without one, off the pending ones.
func (e *Engine) settled(t *tx) {
	if !t.pending {
		return
	}
	t.pending = false
	e.waiting--
	t.origin.pending--
}
