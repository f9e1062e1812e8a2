// Package transaction is the transaction layer of RFC 3261 section 17 with the Accepted states of RFC 6026.
//
// Engine has no socket, clock or goroutine: messages, the time and lost flows go in, and Drain hands out, in order, what is to be
// sent and what the transaction user has to know. One goroutine owns an Engine.
//
// Beyond the RFC's machines the engine also does what a transaction user would otherwise repeat everywhere: it answers CANCEL,
// sends 100 to every INVITE at once, repeats a 2xx until it is acknowledged and the ACK whenever a 2xx is repeated,
// holds a CANCEL back until the first provisional response, and bounds what strangers can make it keep.
package transaction

import (
	"io"
	"net/netip"
	"time"

	"b2bua/core/sip"
)

// ID names a transaction towards its user; 0 is none. It stays the same when a request is tried again at another address.
type ID uint64

// Path is where the messages of a transaction go.
type Path struct {
	Flow     uint64         // connection or UDP socket; 0 is none
	Remote   netip.AddrPort // UDP: where datagrams go; TCP and TLS: the peer
	Local    netip.Addr     // UDP on a wildcard socket: the address of ours that was written to; else zero
	Reliable bool           // no retransmissions, and the flow can be lost
	Network  string         // "udp", "tcp" or "tls", for the shell
}

// Kind tells the outputs apart.
type Kind uint8

// What an Output asks for or reports.
const (
	Send      Kind = iota + 1 // Wire goes out on Path
	SendAck                   // the same for the ACK to a 2xx of client transaction Tx, by another way when Path has gone
	Request                   // a new server transaction, or an ACK to a 2xx with Tx 0
	Cancel                    // the INVITE of server transaction Tx was cancelled; the CANCEL itself is answered
	Response                  // Msg came for client transaction Tx
	Failure                   // transaction Tx ended with Err
	Reconnect                 // Path was lost: a new connection to its Remote, at the port of SentBy, is wanted for Tx
)

// Output is one thing that the shell has to do or pass on.
type Output struct {
	Kind Kind
	Tx   ID
	Path Path
	Msg  *sip.Message
	Wire []byte
	Err  error
	// SentBy is host and port of the request's top Via, as it has them.
	SentBy string
}

// Config is what an Engine needs; zero Timers and Limits mean the defaults.
type Config struct {
	Timers Timers
	Limits Limits
	Rand   io.Reader // for tags
}

// Engine holds all transactions of a process.
type Engine struct {
	timers  Timers
	limits  Limits
	rand    io.Reader
	last    ID
	byID    map[ID]*tx
	clients map[clientKey]*tx
	servers map[serverKey]*tx
	flows   map[lane]*tx // heads of the lists of those that a broken path ends
	pending map[netip.Addr]int
	waiting int            // server transactions without a final response
	on      map[uint64]int // transactions by flow, for those who ask whether it is needed
	heap    timerHeap
	out     []Output
	spare   []Output
}

// New makes an empty engine.
func New(cfg Config) *Engine {
	return &Engine{
		timers: cfg.Timers.withDefaults(), limits: cfg.Limits.withDefaults(), rand: cfg.Rand,
		byID: map[ID]*tx{}, clients: map[clientKey]*tx{}, servers: map[serverKey]*tx{},
		flows: map[lane]*tx{}, pending: map[netip.Addr]int{}, on: map[uint64]int{},
	}
}

// NewID reserves the identity of a request that is to be sent.
func (e *Engine) NewID() ID {
	e.last++
	return e.last
}

// Drain returns what piled up since the last call; the slice is valid until the call after the next.
func (e *Engine) Drain() []Output {
	out := e.out
	e.out, e.spare = e.spare[:0], out
	return out
}

// Len is the number of transactions, finished ones that still absorb retransmissions included.
func (e *Engine) Len() int { return len(e.clients) + len(e.servers) }

// Pending is the number of server transactions without a final response.
func (e *Engine) Pending() int { return e.waiting }

// On is the number of transactions whose messages go by that flow, finished ones included.
func (e *Engine) On(flow uint64) int { return e.on[flow] }

// Receive takes a message that passed sip.Parse. For a request the path is where its responses go.
func (e *Engine) Receive(now time.Time, m *sip.Message, path Path) {
	switch {
	case !m.IsRequest():
		e.response(now, m)
	case m.Method == sip.ACK:
		e.ack(now, m, path)
	case m.Method == sip.CANCEL:
		e.cancelRequest(now, m, path)
	default:
		e.request(now, m, path)
	}
}

// Unreachable ends the requests to an address from which nothing came back yet, when the network says that nobody is there
// (RFC 3261 section 18.4).
func (e *Engine) Unreachable(flow uint64, remote netip.AddrPort, err error) {
	for t := e.flows[lane{flow, remote}]; t != nil; {
		next := t.flowNext
		if t.state == calling {
			e.fail(t, err)
		}
		t = next
	}
}

// SendFailed ends the transaction whose message could not leave.
func (e *Engine) SendFailed(id ID, err error) {
	if t := e.byID[id]; t != nil {
		e.fail(t, err)
	}
}

// Forget drops a transaction without a word, whatever its state.
func (e *Engine) Forget(id ID) {
	if t := e.byID[id]; t != nil {
		e.remove(t)
	}
}

// Tick does what is due.
func (e *Engine) Tick(now time.Time) {
	for len(e.heap) > 0 && !e.heap[0].due.After(now) {
		t := e.heap[0]
		if !t.expire.IsZero() && !t.expire.After(now) {
			e.expired(t)
			continue
		}
		e.resend(now, t)
	}
}

// Deadline is when Tick has something to do.
func (e *Engine) Deadline() (time.Time, bool) {
	if len(e.heap) == 0 {
		return time.Time{}, false
	}
	return e.heap[0].due, true
}

func (e *Engine) emit(o Output) { e.out = append(e.out, o) }

func (e *Engine) send(t *tx, wire []byte) {
	if t.path.Flow == nowhere {
		return
	}
	e.emit(Output{Kind: Send, Tx: t.id, Path: t.path, Wire: wire})
}

// resend repeats what is unanswered, doubling the interval up to T2 where the timer's rule says so.
func (e *Engine) resend(now time.Time, t *tx) {
	if t.state == accepted {
		e.repeatSuccesses(now, t)
		return
	}
	e.send(t, t.wire)
	t.interval *= 2
	if t.interval > e.timers.T2 && (t.kind != clientInvite || t.state != calling) {
		t.interval = e.timers.T2
	}
	e.arm(t, now.Add(t.interval), t.expire)
}

// expired is the end of timers B, D, F, H, I, J, K, L and M and of what bounds a cancelled INVITE.
func (e *Engine) expired(t *tx) {
	method := t.method
	switch {
	case t.kind == clientInvite && t.state == calling, t.kind == clientOther && t.state < completed:
		e.fail(t, &TimeoutError{Method: method, After: 64 * e.timers.T1, Waited: "for a response"})
	case t.kind == clientInvite && t.state == proceeding:
		e.fail(t, &TimeoutError{Method: method, After: 64 * e.timers.T1, Waited: "for the final response after CANCEL"})
	case t.kind == serverInvite && t.unacked():
		e.fail(t, &TimeoutError{Method: method, After: 64 * e.timers.T1, Waited: "for the ACK to the 2xx"})
	default:
		e.remove(t)
	}
}

// fail removes the transaction and tells its user, unless the user has nothing to expect of it any more.
func (e *Engine) fail(t *tx, err error) {
	tell := t.state < completed || t.kind == serverInvite && t.unacked()
	id := t.id
	e.remove(t)
	if tell && id != 0 && !t.internal {
		e.emit(Output{Kind: Failure, Tx: id, Err: err})
	}
}
