package transport

import (
	"context"
	"crypto/tls"
	"errors"
	"net"
	"net/netip"
	"time"
)

// dialing is a connection being made and who waits for it. Loop only.
type dialing struct {
	waiting []func(now time.Time, f *flow, err error)
	aim     aim
}

// maxDials bounds connections being made at once; calls towards dead hosts must not pile up goroutines without end.
const maxDials = 1000

var errTooMany = errors.New("too many connections are being made at once")

// connect calls back on the loop, at once when the connection is there.
func (s *Stack) connect(now time.Time, why aim, t target, patience time.Duration, done func(now time.Time, f *flow, err error)) {
	if f := s.targets[t]; f != nil {
		done(now, f, nil)
		return
	}
	if d := s.dials[t]; d != nil {
		d.waiting = append(d.waiting, done)
		return
	}
	fail := func(err error) {
		done(now, nil, &FlowError{Network: t.network, Remote: t.addr, Doing: "connect", Err: err})
	}
	if err := s.mayDial(now, why); err != nil {
		fail(err)
		return
	}
	d := &dialing{waiting: []func(time.Time, *flow, error){done}, aim: why}
	local := s.sourceFor(t)
	if !s.spawn(func() { s.dial(t, local, patience) }) {
		fail(ErrClosed)
		return
	}
	s.dials[t] = d
	s.opened[why]++
	if why == invited {
		s.dialling++
	}
}

// sourceFor binds an outgoing connection to the address we listen on, so that the peer can come back to where it saw us.
func (s *Stack) sourceFor(t target) *net.TCPAddr {
	var best netip.Addr
	for _, l := range s.listening {
		a := l.Addr.Addr()
		if a.IsUnspecified() || a.Is4() != t.addr.Addr().Is4() || a.IsLoopback() != t.addr.Addr().IsLoopback() {
			continue
		}
		if l.Network == t.network {
			best = a
			break
		}
		if !best.IsValid() {
			best = a
		}
	}
	if !best.IsValid() {
		return nil
	}
	return &net.TCPAddr{IP: best.AsSlice(), Zone: best.Zone()}
}

func (s *Stack) dial(t target, local *net.TCPAddr, patience time.Duration) {
	ctx, cancel := context.WithTimeout(s.ctx, patience)
	defer cancel()
	conn, err := s.open(ctx, t, local)
	var f *flow
	if err == nil {
		f = s.newFlow(conn, t.network, false)
		f.target, f.life, f.Name = t, newOutgoing(time.Now()), t.name
		s.strangers.dialled()
	}
	if !s.post(func(now time.Time) { s.dialled(now, t, f, err) }) && f != nil {
		s.discard(f)
	}
}

func (s *Stack) open(ctx context.Context, t target, local *net.TCPAddr) (net.Conn, error) {
	d := net.Dialer{}
	if local != nil { // a nil *TCPAddr in the interface would not be nil
		d.LocalAddr = local
	}
	conn, err := d.DialContext(ctx, "tcp", t.addr.String())
	if err != nil {
		return nil, &FlowError{Network: t.network, Remote: t.addr, Doing: "connect", Err: err}
	}
	tune(conn)
	if t.network != "tls" {
		return conn, nil
	}
	config := &tls.Config{MinVersion: tls.VersionTLS12}
	if s.cfg.TLSClient != nil {
		config = s.cfg.TLSClient.Clone()
	}
	config.ServerName = t.name
	secure := tls.Client(conn, config)
	if err := secure.HandshakeContext(ctx); err != nil {
		_ = conn.Close() // the handshake failed
		return nil, &FlowError{Network: t.network, Remote: t.addr, Doing: "TLS handshake as " + t.name, Err: err}
	}
	return secure, nil
}

func (s *Stack) dialled(now time.Time, t target, f *flow, err error) {
	d := s.dials[t]
	delete(s.dials, t)
	if d.aim == invited {
		s.dialling--
	}
	if f != nil {
		f.aim = d.aim
	}
	if f != nil && !s.register(now, f) {
		s.discard(f)
		f, err = nil, &FlowError{Network: t.network, Remote: t.addr, Doing: "connect", Err: ErrClosed}
	}
	if f == nil {
		s.opened[d.aim]--
	}
	for _, done := range d.waiting {
		s.guard("", func() { done(now, f, err) })
	}
}
