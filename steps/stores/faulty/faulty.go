// Package faulty is a TCP proxy on loopback that misbehaves as it is told, in front of a server that is well.
//
// Contract. New listens and passes connections on. Set changes what happens to new connections and to the answers of running ones;
// Cut ends those that run. Close ends everything. Safe for concurrent use.
package faulty

import (
	"errors"
	"fmt"
	"io"
	"net"
	"net/netip"
	"sync"
	"time"
)

// Manner is how the proxy treats connections.
type Manner struct {
	kind  kind
	delay time.Duration
	after int // octets
	times int
}

type kind int

const (
	pass kind = iota
	refuse
	silent
	garbage
	breaking
)

// Pass passes everything on.
func Pass() Manner { return Manner{} }

// Slow holds every answer back for a time. Connections are made at once.
func Slow(delay time.Duration) Manner { return Manner{delay: delay} }

// Refuse cuts what runs and refuses new connections, as a host whose server is down.
func Refuse() Manner { return Manner{kind: refuse} }

// Silent takes connections and answers nothing, as a host that has lost its network; running ones fall silent too.
func Silent() Manner { return Manner{kind: silent} }

// Garbage answers with bytes of no protocol and hangs up, once the server has something to say.
func Garbage() Manner { return Manner{kind: garbage} }

// Break passes on until the answers of one connection since it was set have so many octets, and cuts that connection. Times is how
// often; what comes after passes.
func Break(octets, times int) Manner { return Manner{kind: breaking, after: octets, times: times} }

// Proxy is one address in front of one server.
type Proxy struct {
	at, to netip.AddrPort

	mu       sync.Mutex
	changed  chan struct{} // closed and replaced by Set and Close
	manner   Manner
	listener net.Listener
	conns    map[net.Conn]bool
	taken    int
	closed   bool
	running  sync.WaitGroup
}

// New listens at a loopback address in front of a server.
func New(at, to netip.AddrPort) (*Proxy, error) {
	if !at.Addr().IsLoopback() || !to.Addr().IsLoopback() {
		return nil, fmt.Errorf("faulty: %v and %v are not both on loopback", at, to)
	}
	p := &Proxy{at: at, to: to, conns: map[net.Conn]bool{}, changed: make(chan struct{})}
	if err := p.listen(); err != nil {
		return nil, err
	}
	return p, nil
}

// Addr is where it listens.
func (p *Proxy) Addr() netip.AddrPort { return p.at }

// Connections is how many it has taken so far.
func (p *Proxy) Connections() int {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.taken
}

// Set changes the manner.
func (p *Proxy) Set(m Manner) error {
	p.mu.Lock()
	before := p.manner
	p.manner = m
	close(p.changed)
	p.changed = make(chan struct{})
	p.mu.Unlock()
	switch {
	case m.kind == refuse && before.kind != refuse:
		p.mu.Lock()
		l := p.listener
		p.mu.Unlock()
		err := l.Close()
		p.Cut()
		return err
	case m.kind != refuse && before.kind == refuse:
		return p.listen()
	}
	return nil
}

// Cut ends all connections, with a reset.
func (p *Proxy) Cut() {
	p.mu.Lock()
	defer p.mu.Unlock()
	for c := range p.conns {
		if tcp, ok := c.(*net.TCPConn); ok {
			_ = tcp.SetLinger(0)
		}
		_ = c.Close()
	}
}

// Close ends the proxy and waits for its goroutines.
func (p *Proxy) Close() error {
	p.mu.Lock()
	p.closed = true
	close(p.changed)
	p.changed = make(chan struct{})
	err := p.listener.Close()
	p.mu.Unlock()
	if errors.Is(err, net.ErrClosed) {
		err = nil
	}
	p.Cut()
	p.running.Wait()
	return err
}

func (p *Proxy) listen() error {
	l, err := net.Listen("tcp", p.at.String())
	if err != nil {
		return err
	}
	p.mu.Lock()
	p.listener = l
	p.running.Add(1)
	p.mu.Unlock()
	go func() {
		defer p.running.Done()
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			p.take(c)
		}
	}()
	return nil
}

// take serves one connection in goroutines of its own.
func (p *Proxy) take(client net.Conn) {
	if !p.add(client) {
		return
	}
	p.mu.Lock()
	p.taken++
	p.mu.Unlock()
	p.running.Add(1)
	go func() {
		defer p.running.Done()
		defer p.drop(client)
		if _, open := p.awaken(); !open { // its client waits, or goes, or the manner changes
			return
		}
		server, err := net.Dial("tcp", p.to.String())
		if err != nil || !p.add(server) {
			return
		}
		defer p.drop(server)
		asked := make(chan struct{}, 1)
		p.running.Add(1)
		go func() {
			defer p.running.Done()
			defer p.drop(server)
			_, _ = io.Copy(notice{server, asked}, client)
		}()
		p.answers(client, server, asked)
	}()
}

// rubbish is no greeting of a database, no reply of a Redis, and no TLS.
var rubbish = []byte("\x00\x01\x02HTTP/1.1 200 OK\r\n\xff\xfe\xfd$-5\r\n\r\n*999999999\r\n")

// notice tells that something was written: a question.
type notice struct {
	io.Writer
	asked chan<- struct{}
}

func (n notice) Write(b []byte) (int, error) {
	select {
	case n.asked <- struct{}{}:
	default:
	}
	return n.Writer.Write(b)
}

// answers carries what the server says, as the manner of the moment wants it. Of an answer in many pieces only the first one is slow.
func (p *Proxy) answers(client, server net.Conn, asked <-chan struct{}) {
	buf := make([]byte, 64<<10)
	since := 0 // octets since the manner is breaking
	for {
		n, err := server.Read(buf)
		if err != nil {
			return
		}
		m, open := p.awaken()
		if !open {
			return
		}
		if since += n; m.kind != breaking {
			since = 0
		}
		if m.kind == garbage {
			_, _ = client.Write(rubbish)
			return
		}
		if m.kind == breaking && since >= m.after && p.breaks() {
			return
		}
		select {
		case <-asked:
			p.hold(m.delay)
		default:
		}
		if _, err := client.Write(buf[:n]); err != nil {
			return
		}
	}
}

// breaks tells whether another connection is to break.
func (p *Proxy) breaks() bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.manner.times--
	return p.manner.times >= 0
}

// hold waits, at most until the manner changes: the new one is for what is held back, too.
func (p *Proxy) hold(delay time.Duration) {
	if delay <= 0 {
		return
	}
	p.mu.Lock()
	changed := p.changed
	p.mu.Unlock()
	held := time.NewTimer(delay)
	defer held.Stop()
	select {
	case <-held.C:
	case <-changed:
	}
}

// awaken waits while the manner is silent; false: the proxy is closed.
func (p *Proxy) awaken() (Manner, bool) {
	for {
		p.mu.Lock()
		m, changed, closed := p.manner, p.changed, p.closed
		p.mu.Unlock()
		if closed || m.kind != silent {
			return m, !closed
		}
		<-changed
	}
}

func (p *Proxy) add(c net.Conn) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.closed || p.manner.kind == refuse { // accepted in the moment of the change
		_ = c.Close()
		return false
	}
	p.conns[c] = true
	return true
}

func (p *Proxy) drop(c net.Conn) {
	p.mu.Lock()
	delete(p.conns, c)
	p.mu.Unlock()
	_ = c.Close()
}
