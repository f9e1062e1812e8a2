package dtls

import (
	"context"
	"net"
	"net/netip"
	"os"
	"sync"
	"time"
)

// peer is one source that speaks DTLS to an association; to the library it is a net.PacketConn with one correspondent.
type peer struct {
	a      *Association
	addr   netip.AddrPort // where it is; of an active association guarded by its lock until the handshake ends
	udp    *net.UDPAddr
	in     chan datagram
	ctx    context.Context //nolint:containedctx // its life
	cancel context.CancelFunc
	turn   func() // ends the reading of a datagram; of the reader

	mu      sync.Mutex
	entered bool          // its turn came, once
	release func()        // of its turn
	expired chan struct{} // closed when the read deadline has passed
	timer   *time.Timer

	// Guarded by the association's lock; but for proven, passive only.
	random       [randomSize]byte
	cookie       []byte // that it was sent
	proven       bool   // it showed the cookie, so it is where it says; active: it was heard
	kept         bool   // beyond its time
	fragments    int    // of its ClientHello, before it showed the cookie
	octets       int    // of the datagrams with these
	since, heard time.Time
}

// datagram from the peer. gate: behind it is work that waits for its turn.
type datagram struct {
	b    []byte
	gate bool
}

func (a *Association) newPeer(addr netip.AddrPort) *peer {
	p := &peer{a: a, addr: addr, udp: net.UDPAddrFromAddrPort(addr), in: make(chan datagram, queue), expired: make(chan struct{})}
	p.ctx, p.cancel = context.WithCancel(a.ctx)
	return p
}

// push never blocks: what does not fit is repeated by the peer.
func (p *peer) push(d datagram) {
	select {
	case p.in <- d:
	default:
	}
}

// ReadFrom gives the next datagram, after the peer's turn has come.
func (p *peer) ReadFrom(b []byte) (int, net.Addr, error) {
	p.endTurn() // the library wants more, so it is done with the one before
	p.mu.Lock()
	expired := p.expired
	p.mu.Unlock()
	select {
	case <-p.ctx.Done():
		return 0, nil, net.ErrClosed
	case <-expired:
		return 0, nil, os.ErrDeadlineExceeded
	case d := <-p.in:
		if d.gate && !p.inside() {
			release, err := p.a.h.admit(p.ctx)
			if err != nil {
				p.a.fail(p, err)
				p.cancel()
				return 0, nil, net.ErrClosed
			}
			p.enter(release)
		}
		var ok bool
		if p.turn, ok = p.a.h.begin(p.ctx); !ok {
			return 0, nil, net.ErrClosed
		}
		return copy(b, d.b), p.udp, nil
	}
}

// inside tells whether the peer's turn has come already.
func (p *peer) inside() bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.entered
}

func (p *peer) enter(release func()) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.entered, p.release = true, release
}

// leave makes room for another handshake.
func (p *peer) leave() {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.release != nil {
		p.release()
	}
}

// endTurn lets another datagram be read. Only the reader calls it.
func (p *peer) endTurn() {
	if p.turn != nil {
		p.turn()
		p.turn = nil
	}
}

// WriteTo sends to the peer. After the handshake alerts are kept back: a close_notify ends the media of some peers.
func (p *peer) WriteTo(b []byte, _ net.Addr) (int, error) {
	if p.ctx.Err() != nil {
		return len(b), nil //nolint:nilerr // what is not to be sent counts as sent for the library
	}
	if to, ok := p.a.mayWrite(p, b); ok {
		p.a.p.Send(b, to)
	}
	return len(b), nil
}

// Close ends the peer; nothing is sent any more.
func (p *peer) Close() error {
	p.cancel()
	return nil
}

// LocalAddr is of no interest to the library.
func (p *peer) LocalAddr() net.Addr { return &net.UDPAddr{} }

// SetReadDeadline ends a blocked ReadFrom.
func (p *peer) SetReadDeadline(t time.Time) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.timer != nil {
		p.timer.Stop()
		p.timer = nil
	}
	select {
	case <-p.expired:
		p.expired = make(chan struct{})
	default:
	}
	if t.IsZero() {
		return nil
	}
	if d := time.Until(t); d > 0 {
		expired := p.expired
		p.timer = time.AfterFunc(d, func() { p.expire(expired) })
		return nil
	}
	close(p.expired)
	return nil
}

// expire closes the channel of one deadline if that is still in force.
func (p *peer) expire(of chan struct{}) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.expired != of {
		return
	}
	select {
	case <-of:
	default:
		close(of)
	}
}

// SetDeadline is SetReadDeadline: writes do not block.
func (p *peer) SetDeadline(t time.Time) error { return p.SetReadDeadline(t) }

// SetWriteDeadline does nothing: writes do not block.
func (p *peer) SetWriteDeadline(time.Time) error { return nil }
