package stream

import (
	"context"
	"net"
	"net/netip"
	"os"
	"sync"
	"time"
)

// pipe is the net.PacketConn that the DTLS library is given: datagrams of one channel, with one correspondent.
type pipe struct {
	addr  net.Addr
	write func([]byte)
	in    chan []byte
	ctx   context.Context //nolint:containedctx // its life
	close context.CancelFunc

	mu       sync.Mutex
	expired  chan struct{} // closed when the read deadline has passed
	timer    *time.Timer
	deadline int // how many there were
}

// depth of the queue, datagrams: some flights.
const depth = 64

func newPipe(remote netip.AddrPort, write func([]byte)) *pipe {
	p := &pipe{addr: net.UDPAddrFromAddrPort(remote), write: write, in: make(chan []byte, depth), expired: make(chan struct{})}
	p.ctx, p.close = context.WithCancel(context.Background())
	return p
}

// push never blocks; what does not fit is lost, as in a socket.
func (p *pipe) push(b []byte) {
	select {
	case p.in <- b:
	default:
	}
}

// ReadFrom gives the next datagram.
func (p *pipe) ReadFrom(b []byte) (int, net.Addr, error) {
	p.mu.Lock()
	expired := p.expired
	p.mu.Unlock()
	select {
	case <-p.ctx.Done():
		return 0, nil, net.ErrClosed
	case <-expired:
		return 0, nil, os.ErrDeadlineExceeded
	case d := <-p.in:
		return copy(b, d), p.addr, nil
	}
}

// WriteTo sends to the correspondent; after close nothing, so that no close_notify ends the media of a peer.
func (p *pipe) WriteTo(b []byte, _ net.Addr) (int, error) {
	if p.ctx.Err() == nil {
		p.write(append([]byte(nil), b...))
	}
	return len(b), nil
}

// Close ends the pipe.
func (p *pipe) Close() error {
	p.close()
	return nil
}

// LocalAddr is of no interest.
func (p *pipe) LocalAddr() net.Addr { return &net.UDPAddr{} }

// SetReadDeadline ends a ReadFrom that waits.
func (p *pipe) SetReadDeadline(t time.Time) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.deadline++
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
		n := p.deadline
		p.timer = time.AfterFunc(d, func() {
			p.mu.Lock()
			defer p.mu.Unlock()
			if p.deadline == n {
				close(p.expired)
			}
		})
		return nil
	}
	close(p.expired)
	return nil
}

// SetDeadline is SetReadDeadline: writes do not block.
func (p *pipe) SetDeadline(t time.Time) error { return p.SetReadDeadline(t) }

// SetWriteDeadline does nothing: writes do not block.
func (p *pipe) SetWriteDeadline(time.Time) error { return nil }
