package transport

import (
	"bytes"
	"crypto/tls"
	"errors"
	"io"
	"net"
	"net/netip"
	"sync/atomic"
	"time"

	"b2bua/core/sip"
)

// target is what connections are shared by: peers, and for TLS the name that was verified.
type target struct {
	network string
	addr    netip.AddrPort
	name    string // TLS server name
	key     string
}

// flow is one TCP or TLS connection: a reader and a writer goroutine, owned by the loop from register to unregister.
type flow struct {
	Flow
	conn     net.Conn
	incoming bool
	target   target    // of outgoing ones
	life     *outgoing // of outgoing ones; loop only
	aim      aim
	out      *outQueue

	// Moments are nanoseconds since born, which a step of the wall clock does not change; 0: never.
	born    time.Time
	lastIn  atomic.Int64 // the last octets received
	partial atomic.Int64 // since then a message is incomplete
	valid   atomic.Bool  // a whole valid message came
	ponged  atomic.Int64 // the last keep-alive answer
	pinged  int64        // our last keep-alive; loop only
	why     atomic.Pointer[FlowError]
}

// moment is that time as the fields of a flow have it.
func (f *flow) moment(t time.Time) int64 { return int64(t.Sub(f.born)) }

const userTimeout = 20 * time.Second // unacknowledged data for so long means that the peer is gone

func (s *Stack) newFlow(conn net.Conn, network string, incoming bool) *flow {
	f := &flow{conn: conn, incoming: incoming, out: newOutQueue(s.cfg.Limits.WriteQueue)}
	f.ID, f.Network = s.newFlowID(), network
	f.Local, f.Remote = addrOf(conn.LocalAddr()), addrOf(conn.RemoteAddr())
	now := time.Now()
	f.born = now.Add(-1)
	f.lastIn.Store(f.moment(now))
	return f
}

func addrOf(a net.Addr) netip.AddrPort {
	t, ok := a.(*net.TCPAddr)
	if !ok {
		return netip.AddrPort{}
	}
	p := t.AddrPort()
	return netip.AddrPortFrom(p.Addr().Unmap(), p.Port())
}

// tune makes a dead peer show within seconds instead of minutes.
func tune(conn net.Conn) {
	t, ok := conn.(*net.TCPConn)
	if !ok {
		return
	}
	_ = t.SetKeepAliveConfig(net.KeepAliveConfig{Enable: true, Idle: 15 * time.Second, Interval: 5 * time.Second, Count: 3}) // best effort
	resetAfter(t, userTimeout)
}

// register makes a connection known to the loop and starts its goroutines. It runs on the loop.
func (s *Stack) register(now time.Time, f *flow) bool {
	if !s.spawn(func() {
		if err := f.out.write(f.conn, s.cfg.Limits.Write); err != nil && !errors.Is(err, net.ErrClosed) { // closed: the reader knows why
			f.why.CompareAndSwap(nil, &FlowError{Network: f.Network, Remote: f.Remote, Doing: "send", Err: err})
		}
		_ = f.conn.Close() // ends the reader, which reports the end
	}) {
		return false
	}
	s.spawn(func() { s.read(f) })
	s.flows[f.ID] = f
	if !f.incoming {
		s.targets[f.target] = f
	}
	s.lookAt(now.Add(sweepEvery))
	return true
}

// read cuts the stream into messages and hands them to the loop in order; the last thing it hands over is the end.
func (s *Stack) read(f *flow) {
	reader := sip.NewStreamReader(sip.StreamLimits{})
	reader.Pongs = !f.incoming
	buf := make([]byte, 8192)
	err := s.readAll(f, reader, buf)
	_ = f.conn.Close() // the reason is in err
	f.out.kill()
	s.strangers.leave(f.Remote.Addr(), f.incoming)
	if why := f.why.Load(); why != nil {
		err = why
	} else {
		err = &FlowError{Network: f.Network, Remote: f.Remote, Doing: "receive", Err: err}
	}
	s.deliver(inbound{flow: f.Flow, conn: f, ended: err})
}

func (s *Stack) readAll(f *flow, reader *sip.StreamReader, buf []byte) error {
	for {
		n, err := f.conn.Read(buf)
		if n > 0 {
			now := f.moment(time.Now())
			f.lastIn.Store(now)
			reader.Feed(buf[:n])
			if err := s.messages(f, reader); err != nil {
				return err
			}
			switch {
			case reader.Buffered() == 0:
				f.partial.Store(0)
			case f.partial.Load() == 0:
				f.partial.Store(now)
			}
		}
		if err != nil {
			return err
		}
	}
}

func (s *Stack) messages(f *flow, reader *sip.StreamReader) error {
	for {
		m, ping, err := reader.Next()
		switch {
		case ping:
			if !f.out.add([]byte("\r\n")) {
				return f.out.refusal()
			}
			continue
		case err == nil && m == nil:
			if reader.TakePong() {
				f.ponged.Store(f.moment(time.Now()))
			}
			return nil
		}
		in := inbound{flow: f.Flow, conn: f, msg: m}
		if err != nil {
			errors.As(err, &in.fault)
		} else {
			f.valid.Store(true)
			f.partial.Store(0)
		}
		if s.cfg.Tap != nil {
			in.raw = bytes.Clone(reader.Last())
		}
		if !s.deliver(in) {
			return ErrClosed
		}
		if in.fault != nil && in.fault.Fatal {
			return s.lastWords(f, in.fault)
		}
	}
}

// lastWords gives the loop's answer to a message that broke the framing a moment to leave.
func (s *Stack) lastWords(f *flow, fault *sip.ParseError) error {
	if fault.Request != nil {
		_ = f.conn.SetReadDeadline(time.Now().Add(time.Second)) // the answer is on its way by then
		_, _ = io.Copy(io.Discard, io.LimitReader(f.conn, 1<<20))
	}
	return fault
}

var (
	errSlow   = errors.New("the peer reads too slowly")
	errSilent = errors.New("no whole SIP message came")
	errIdle   = errors.New("nothing was said for long")
	errGone   = errors.New("the connection has ended")
	errNoPong = errors.New("keep-alive not answered")
	// errDropped: HangUp was asked for.
	errDropped = errors.New("closed by us")
)

// hangUp closes a connection from the loop; its end arrives by the reader.
func (f *flow) hangUp(doing string, err error) {
	f.why.CompareAndSwap(nil, &FlowError{Network: f.Network, Remote: f.Remote, Doing: doing, Err: err})
	f.out.kill()
	_ = f.conn.Close() // the reader reports the end
}

// unregister ends what depended on the connection. It runs on the loop.
func (s *Stack) unregister(f *flow, err error) {
	if s.flows[f.ID] != f {
		return
	}
	delete(s.flows, f.ID)
	if s.targets[f.target] == f {
		delete(s.targets, f.target)
	}
	if f.life != nil {
		s.opened[f.aim]--
	}
	if f.incoming && !f.valid.Load() && !errors.Is(err, io.EOF) {
		s.faults.warn("connection without a SIP message ended", f.Network, f.Remote, err.Error())
	}
	if s.cfg.OnFlowLost != nil {
		s.guard("", func() { s.cfg.OnFlowLost(time.Now(), f.Flow) })
	}
	s.engine.FlowLost(uint64(f.ID), err)
}

const (
	sweepEvery    = time.Second // how often connections are looked at: idle ones, slow senders, keep-alives
	outgoingSweep = time.Minute // how often outgoing UDP sockets are looked at when there are no connections
)

// lookAt asks for a sweep at that time at the latest.
func (s *Stack) lookAt(at time.Time) {
	if s.sweep.IsZero() || at.Before(s.sweep) {
		s.sweep = at
	}
}

// pongWait is how long the answer to a keep-alive may take (RFC 5626 section 4.4.1).
const pongWait = 10 * time.Second

func (s *Stack) sweepFlows(now time.Time) {
	for addr, since := range s.noTCP {
		if now.Sub(since) > noTCPLife {
			delete(s.noTCP, addr)
		}
	}
	s.sweep = time.Time{}
	if s.closeOutgoing(now) {
		s.lookAt(now.Add(outgoingSweep))
	}
	if len(s.flows) > 0 {
		s.lookAt(now.Add(sweepEvery))
	}
	for _, f := range s.flows {
		s.look(now, f)
	}
}

func (s *Stack) look(now time.Time, f *flow) {
	l := &s.cfg.Limits
	since := func(v int64) time.Duration { return time.Duration(f.moment(now) - v) }
	quiet := since(f.lastIn.Load())
	if p := f.partial.Load(); p != 0 && since(p) > l.Stranger {
		f.hangUp("receive", errSilent)
		return
	}
	switch {
	case f.incoming && !f.valid.Load() && quiet > l.Stranger:
		f.hangUp("receive", errSilent)
	case f.incoming && quiet > l.Idle:
		f.hangUp("receive", errIdle)
	case !f.incoming && s.unneeded(now, f):
		f.hangUp("receive", errIdle)
	case f.incoming || s.cfg.KeepAlive <= 0:
	case f.pinged != 0 && f.ponged.Load() != 0 && f.lastIn.Load() < f.pinged && since(f.pinged) > pongWait:
		f.hangUp("receive", errNoPong) // who never answers one is not judged by it
	case since(max(f.pinged, f.quietFrom())) >= s.cfg.KeepAlive:
		f.pinged = f.moment(now)
		if !f.out.add([]byte("\r\n\r\n")) {
			f.hangUp("send", f.out.refusal())
		}
	}
}

// quietFrom stands in for a keep-alive not sent yet.
func (f *flow) quietFrom() int64 {
	if f.pinged == 0 {
		return f.lastIn.Load()
	}
	return f.pinged
}

// accept takes connections until the listener is closed.
func (s *Stack) accept(l net.Listener, network string, config *tls.Config) {
	handshakes := make(chan struct{}, s.cfg.Limits.Handshakes)
	for {
		conn, err := l.Accept()
		if err != nil {
			if errors.Is(err, net.ErrClosed) {
				return
			}
			s.faults.warn("a connection can't be accepted", network, netip.AddrPort{}, err.Error())
			time.Sleep(10 * time.Millisecond) // out of descriptors: must not spin
			continue
		}
		from := addrOf(conn.RemoteAddr())
		if !s.strangers.enter(from.Addr()) {
			s.faults.warn("connection refused: too many from there, or in all", network, from, "limit")
			_ = conn.Close() // refused
			continue
		}
		tune(conn)
		if config == nil {
			s.welcome(conn, network)
			continue
		}
		if !s.secure(conn, config, from, handshakes) {
			_ = conn.Close() // refused or closing
			s.strangers.leave(from.Addr(), true)
		}
	}
}

// secure starts the handshake when there is room for one more.
func (s *Stack) secure(conn net.Conn, config *tls.Config, from netip.AddrPort, handshakes chan struct{}) bool {
	if !s.strangers.shake(from.Addr()) {
		s.faults.warn("connection refused: too many unfinished TLS handshakes from there", "tls", from, "limit")
		return false
	}
	select {
	case handshakes <- struct{}{}:
	case <-s.quit:
		s.strangers.shaken(from.Addr())
		return false
	}
	ok := s.spawn(func() {
		s.handshake(conn, config, from)
		s.strangers.shaken(from.Addr())
		<-handshakes
	})
	if !ok {
		s.strangers.shaken(from.Addr())
	}
	return ok
}

func (s *Stack) welcome(conn net.Conn, network string) {
	f := s.newFlow(conn, network, true)
	if !s.post(func(now time.Time) {
		if !s.register(now, f) {
			s.discard(f)
		}
	}) {
		s.discard(f)
	}
}

// discard closes a connection that never got its goroutines because the stack is closing.
func (s *Stack) discard(f *flow) {
	_ = f.conn.Close() // never used
	s.strangers.leave(f.Remote.Addr(), f.incoming)
}

// handshake has ConnectTimeout to finish; until then the connection has no flow.
func (s *Stack) handshake(conn net.Conn, config *tls.Config, from netip.AddrPort) {
	secure := tls.Server(conn, config)
	deadline := time.Now().Add(s.cfg.ConnectTimeout)
	_ = conn.SetDeadline(deadline) // a failure shows in the handshake
	if err := secure.HandshakeContext(s.ctx); err != nil {
		_ = conn.Close() // the handshake failed
		s.strangers.leave(from.Addr(), true)
		if s.ctx.Err() == nil {
			s.faults.warn("TLS handshake of an incoming connection failed", "tls", from, err.Error())
		}
		return
	}
	_ = conn.SetDeadline(time.Time{}) // a failure shows at the next read
	s.welcome(secure, "tls")
}
