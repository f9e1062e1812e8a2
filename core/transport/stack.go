// Package transport carries SIP messages between the network and one handler.
//
// A Stack owns the sockets, connections and timers and one loop goroutine. The loop drives the transaction engine and calls the
// Handler, one callback at a time, in the order in which messages arrived on each flow. Readers parse in goroutines of their own,
// writers have bounded queues, names are resolved and connections made aside, so that nothing blocks the loop.
package transport

import (
	"context"
	"crypto/rand"
	"crypto/tls"
	"fmt"
	"io"
	"log/slog"
	"net/netip"
	"runtime/debug"
	"sync"
	"time"

	"b2bua/core/sip"
	"b2bua/core/transaction"
)

// FlowID names a connection or a UDP socket; 0 is none.
type FlowID uint64

// TxID names a transaction; 0 is none.
type TxID = transaction.ID

// Flow is where a message came from: a connection, or a UDP socket and one remote address.
type Flow struct {
	ID            FlowID
	Network       string // "udp", "tcp" or "tls"
	Local, Remote netip.AddrPort
	Name          string // TLS name that was verified when we opened it; empty: none
}

// NextHop says where a request goes.
type NextHop struct {
	URI  sip.URI // zero: first Route or Request-URI of the message
	Flow FlowID  // this connection if it lives; 0: none
	Key  string  // connections and UDP ports of different keys are not shared; "" is the shared one
	// Near is what is known of the peer of a request's dialog.
	Near Near
	// First is where the first request of the dialog went by our own choice: an address that it leads to is verified in TLS by its name.
	First sip.URI
}

// Located is what Locate found.
type Located struct {
	Local   netip.AddrPort // our address towards the hop
	Network string
	Flow    FlowID
}

// Listener is an address to listen on. Port 0 is the kernel's choice, an unspecified address all of the host.
type Listener struct {
	Network string // "udp", "tcp" or "tls"
	Addr    netip.AddrPort
}

// Handler is the user of the transactions. Every method runs on the loop.
type Handler interface {
	// HandleRequest takes a new server transaction, or an ACK to a 2xx with tx 0.
	HandleRequest(now time.Time, tx TxID, req *sip.Message, flow Flow)
	// HandleCancel says that an INVITE was cancelled: the CANCEL is answered, the INVITE is still to be.
	HandleCancel(now time.Time, invite TxID, cancel *sip.Message)
	// HandleResponse takes a response, 100 included; several 2xx for an INVITE that forked; never a repetition.
	HandleResponse(now time.Time, tx TxID, resp *sip.Message)
	// HandleFailure ends a client transaction without final response, or says that a final response could not be delivered
	// or that a 2xx was never acknowledged. The error is a *transaction.TimeoutError, *FlowError, *ResolveError or ErrCancelled.
	HandleFailure(now time.Time, tx TxID, err error)
	// HandleTime is called when Deadline has passed.
	HandleTime(now time.Time)
	// Deadline is asked after every callback.
	Deadline() (time.Time, bool)
}

// Direction tells received messages from sent ones.
type Direction uint8

// The directions of a Tap.
const (
	In Direction = iota + 1
	Out
)

// Config of a Stack. Only Listen has no default: without it the stack only has outgoing flows.
type Config struct {
	Listen    []Listener
	TLS       *tls.Config // server side; needed to listen on "tls"
	TLSClient *tls.Config // client side; ServerName is set to the host of the URI; nil: the system's roots
	Resolver  Resolver    // nil: the system's
	Timers    transaction.Timers
	Limits    Limits
	// KeepAlive is the interval of the double CRLF on connections that we opened (RFC 5626 section 4.4.1); 0: none.
	KeepAlive time.Duration
	// ConnectTimeout bounds connecting by TCP and the TLS handshake after it; 0: 5 s.
	ConnectTimeout time.Duration
	// MaxDatagram is the longest request sent by UDP when the target takes TCP (RFC 3261 section 18.1.1); 0: 1300, negative: no bound.
	MaxDatagram int
	Log         *slog.Logger
	// Tap sees every message in and out, on the loop; it may keep the octets and must not change them.
	Tap func(dir Direction, flow Flow, msg []byte, at time.Time)
	// Rand is the source of tags and branches; nil: crypto/rand.
	Rand io.Reader
	// Attach gets the Stack before the first callback, which may come before New returns.
	Attach func(*Stack)
	// OnFlowLost is told, on the loop, of the end of a connection, before the transactions on it fail.
	OnFlowLost func(now time.Time, flow Flow)
	// OnPanic is told, on the loop, of the Call-ID whose callback panicked.
	OnPanic func(callID string, value any)
}

// Stack is the running transport. Request, Respond, Ack, Acked, Cancel, Locate and Tag belong to the loop; the rest to anyone.
type Stack struct {
	cfg     Config
	handler Handler
	log     *slog.Logger
	faults  faultLog
	engine  *transaction.Engine
	resolve *resolver

	in    chan inbound
	wake  chan struct{}
	quit  chan struct{} // closed by Close: the loop ends
	ended chan struct{} // closed by the loop
	ctx   context.Context
	stop  context.CancelFunc
	work  sync.WaitGroup

	mu     sync.Mutex
	posts  []func(now time.Time)
	closed bool
	nextID FlowID

	listening []Listener
	closers   []io.Closer // TCP listeners
	strangers *sources

	// Owned by the loop.
	udp      udpSockets
	flows    map[FlowID]*flow
	targets  map[target]*flow
	dials    map[target]*dialing
	opened   [2]int // connections that we opened or are making, by aim
	dialling int    // invited ones that are being made
	attempts map[TxID]*attempt
	lookups  map[destination][]func(now time.Time, list []candidate, err error)
	ackHops  map[TxID]NextHop // of INVITEs whose 2xx may be repeated
	ackSweep int              // so many of them are looked through
	routes   routeCache
	noTCP    map[netip.AddrPort]time.Time
	sweep    time.Time // next look at idle connections and keep-alives
	callID   string    // of the message in the handler's hands
	came     Flow      // by which the response in the handler's hands came
	scratch  []func(now time.Time)
}

// inbound is what a reader hands to the loop: a message, a fault of a stranger, the end of a connection, or that nobody is at a UDP address.
type inbound struct {
	flow        Flow
	conn        *flow      // nil: UDP
	local       netip.Addr // wildcard UDP sockets: the address written to
	msg         *sip.Message
	raw         []byte // only with a Tap
	fault       *sip.ParseError
	ended       error
	unreachable error
}

// New listens on all configured addresses and starts the loop.
func New(cfg Config, h Handler) (*Stack, error) {
	cfg.setDefaults()
	s := &Stack{
		cfg: cfg, handler: h, log: cfg.Log, faults: faultLog{log: cfg.Log},
		engine:  transaction.New(transaction.Config{Timers: cfg.Timers, Limits: cfg.Limits.Transactions, Rand: cfg.Rand}),
		resolve: newResolver(cfg.Resolver),
		in:      make(chan inbound, 512), wake: make(chan struct{}, 1), quit: make(chan struct{}), ended: make(chan struct{}),
		flows: map[FlowID]*flow{}, targets: map[target]*flow{}, dials: map[target]*dialing{}, attempts: map[TxID]*attempt{}, lookups: map[destination][]func(time.Time, []candidate, error){},
		udp: newUDPSockets(), ackHops: map[TxID]NextHop{}, noTCP: map[netip.AddrPort]time.Time{}, strangers: newSources(cfg.Limits),
	}
	s.ctx, s.stop = context.WithCancel(context.Background())
	for _, l := range cfg.Listen {
		if err := s.listen(l); err != nil {
			s.abandon()
			return nil, err
		}
	}
	if cfg.Attach != nil {
		cfg.Attach(s)
	}
	s.work.Add(1)
	go s.loop()
	return s, nil
}

func (c *Config) setDefaults() {
	if c.Log == nil {
		c.Log = slog.New(slog.DiscardHandler)
	}
	if c.Rand == nil {
		c.Rand = rand.Reader
	}
	if c.ConnectTimeout <= 0 {
		c.ConnectTimeout = 5 * time.Second
	}
	if c.MaxDatagram == 0 {
		c.MaxDatagram = 1300
	}
	c.Limits = c.Limits.withDefaults()
}

// abandon undoes a New that failed half way.
func (s *Stack) abandon() {
	s.stop()
	close(s.quit)
	close(s.ended)
	s.mu.Lock()
	s.closed = true
	s.mu.Unlock()
	s.closeSockets()
	s.work.Wait()
}

func (s *Stack) closeSockets() {
	for _, c := range s.closers {
		_ = c.Close() // nothing is lost with a listener
	}
	for _, u := range s.udp.byID {
		_ = u.conn.Close() // datagrams are not buffered
	}
}

// Listening returns the addresses with their real ports.
func (s *Stack) Listening() []Listener { return append([]Listener(nil), s.listening...) }

// Flows is the number of connections that are open.
func (s *Stack) Flows() int { return s.strangers.open() }

// Transactions is the number of those that are not over, those that absorb repetitions included. It is asked for on the loop.
func (s *Stack) Transactions() int { return s.engine.Len() }

// Do runs f on the loop; the error says that the stack is closed. It does not wait for f.
func (s *Stack) Do(f func(now time.Time)) error {
	if !s.post(f) {
		return ErrClosed
	}
	return nil
}

func (s *Stack) post(f func(now time.Time)) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed {
		return false
	}
	s.posts = append(s.posts, f)
	select {
	case s.wake <- struct{}{}:
	default:
	}
	return true
}

// deliver hands something to the loop; false when the stack is closing.
func (s *Stack) deliver(in inbound) bool {
	select {
	case s.in <- in:
		return true
	case <-s.quit:
		return false
	}
}

// spawn starts a goroutine that Close waits for; false when the stack is closing.
func (s *Stack) spawn(f func()) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed {
		return false
	}
	s.work.Add(1)
	go func() {
		defer s.work.Done()
		f()
	}()
	return true
}

// SetOutgoing changes Limits.Outgoing. It belongs to the loop.
func (s *Stack) SetOutgoing(n int) { s.cfg.Limits.Outgoing = n }

// HangUp closes a connection. It belongs to the loop.
func (s *Stack) HangUp(id FlowID) {
	if f := s.flows[id]; f != nil {
		f.hangUp("keep", errDropped)
	}
}

func (s *Stack) newFlowID() FlowID {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.nextID++
	return s.nextID
}

// Close takes no new work, lets what is queued on connections leave, closes everything and waits for every goroutine.
// When ctx ends first, queues are dropped and its error is returned.
func (s *Stack) Close(ctx context.Context) error {
	s.mu.Lock()
	first := !s.closed
	s.closed = true
	s.mu.Unlock()
	if first {
		s.stop()
		close(s.quit)
		<-s.ended
		s.closeSockets()
		for _, f := range s.flows {
			f.out.finish()
		}
	}
	done := make(chan struct{})
	go func() {
		s.work.Wait()
		close(done)
	}()
	select {
	case <-done:
		return nil
	case <-ctx.Done():
	}
	<-s.ended
	for _, f := range s.flows {
		_ = f.conn.Close() // the queue is given up
	}
	<-done
	return fmt.Errorf("closing the SIP transport: %w", ctx.Err())
}

func (s *Stack) loop() {
	defer s.work.Done()
	defer close(s.ended)
	timer := time.NewTimer(time.Hour)
	defer timer.Stop()
	for {
		select {
		case <-s.quit:
			s.runPosts(time.Now())
			s.drain(time.Now())
			return
		case in := <-s.in:
			s.batch(in)
		case <-s.wake:
			s.runPosts(time.Now())
		case <-timer.C:
		}
		now := time.Now()
		s.due(now)
		s.drain(now)
		if at, ok := s.deadline(); ok {
			timer.Reset(time.Until(at))
		} else {
			timer.Stop()
		}
	}
}

// batch takes what is waiting, but not so much that timers starve.
func (s *Stack) batch(in inbound) {
	for range 64 {
		now := time.Now()
		s.receive(now, in)
		s.drain(now)
		select {
		case in = <-s.in:
		default:
			return
		}
	}
	s.receive(time.Now(), in)
}

func (s *Stack) runPosts(now time.Time) {
	s.mu.Lock()
	s.scratch, s.posts = s.posts, s.scratch[:0]
	s.mu.Unlock()
	for i, f := range s.scratch {
		s.guard("", func() { f(now) })
		s.drain(now)
		s.scratch[i] = nil
	}
}

// due runs the timers of the engine, the handler and the connections.
func (s *Stack) due(now time.Time) {
	s.engine.Tick(now)
	s.drain(now)
	if at, ok := s.handler.Deadline(); ok && !at.After(now) {
		s.guard("", func() { s.handler.HandleTime(now) })
		s.drain(now)
	}
	if !s.sweep.IsZero() && !s.sweep.After(now) {
		s.sweepFlows(now)
	}
}

func (s *Stack) deadline() (time.Time, bool) {
	at, ok := s.engine.Deadline()
	for _, other := range []func() (time.Time, bool){
		s.handler.Deadline,
		func() (time.Time, bool) { return s.sweep, !s.sweep.IsZero() },
	} {
		if t, has := other(); has && (!ok || t.Before(at)) {
			at, ok = t, true
		}
	}
	return at, ok
}

// drain carries out what the engine decided until it has nothing more to say.
func (s *Stack) drain(now time.Time) {
	for {
		out := s.engine.Drain()
		if len(out) == 0 {
			return
		}
		for i := range out {
			s.carryOut(now, &out[i])
		}
		clear(out)
	}
}

func (s *Stack) carryOut(now time.Time, o *transaction.Output) {
	switch o.Kind {
	case transaction.Send:
		s.send(now, o)
	case transaction.SendAck:
		s.sendAck(now, o)
	case transaction.Reconnect:
		s.reconnect(now, o)
	case transaction.Request:
		s.guard(o.Msg.CallID, func() { s.handler.HandleRequest(now, o.Tx, o.Msg, s.flowOf(o.Path)) })
	case transaction.Cancel:
		s.guard(o.Msg.CallID, func() { s.handler.HandleCancel(now, o.Tx, o.Msg) })
	case transaction.Response:
		s.responded(now, o)
	case transaction.Failure:
		s.failed(now, o.Tx, o.Err)
	}
}

// guard keeps a fault in one call's callback from ending all calls.
func (s *Stack) guard(callID string, f func()) {
	before := s.callID
	s.callID = callID
	defer func() {
		if v := recover(); v != nil {
			s.log.Error("internal fault while handling a SIP message; other calls go on", "call-id", callID, "fault", fmt.Sprint(v), "stack", string(debug.Stack()))
			if s.cfg.OnPanic != nil {
				s.cfg.OnPanic(callID, v)
			}
		}
		s.callID = before
	}()
	f()
}
