package plane

import (
	"context"
	"errors"
	"net"
	"net/netip"
	"sync"
	"syscall"
	"time"

	"b2bua/media/relay"
)

// netDriver is the portable driver: one goroutine for each socket, one for the clock, a lock for each stream.
type netDriver struct {
	wg      sync.WaitGroup
	stop    context.CancelFunc
	mu      sync.Mutex
	streams map[*Stream]struct{}
}

// netHome serialises a stream.
type netHome struct {
	mu     *sync.Mutex // of all streams beside each other
	closed bool
}

func newNetDriver() *netDriver {
	ctx, stop := context.WithCancel(context.Background())
	d := &netDriver{stop: stop, streams: map[*Stream]struct{}{}}
	d.wg.Go(func() { d.clock(ctx) })
	return d
}

func (d *netDriver) clock(ctx context.Context) {
	t := time.NewTicker(tickEvery)
	defer t.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-t.C:
			for _, st := range d.snapshot() {
				d.post(st, st.tick)
			}
		}
	}
}

func (d *netDriver) snapshot() []*Stream {
	d.mu.Lock()
	defer d.mu.Unlock()
	out := make([]*Stream, 0, len(d.streams))
	for st := range d.streams {
		out = append(out, st)
	}
	return out
}

func (d *netDriver) bind(at netip.AddrPort, buffer int) (socket, error) {
	network := "udp4"
	if at.Addr().Is6() {
		network = "udp6"
	}
	c, err := net.ListenUDP(network, net.UDPAddrFromAddrPort(at))
	if err != nil {
		if errors.Is(err, syscall.EADDRINUSE) {
			return nil, errPortBusy
		}
		return nil, err
	}
	// The system's own size serves when it refuses ours.
	_ = c.SetReadBuffer(buffer)
	return &netSocket{conn: c, v6: at.Addr().Is6(), done: make(chan struct{})}, nil
}

func (d *netDriver) attach(st, beside *Stream) {
	h := &netHome{mu: new(sync.Mutex)}
	if beside != st {
		h.mu = beside.home.(*netHome).mu
	}
	st.home = h
	d.mu.Lock()
	d.streams[st] = struct{}{}
	d.mu.Unlock()
	d.wire(st)
	for side, leg := range st.legs {
		for ch, s := range leg.sockets {
			d.wg.Go(func() { d.read(s.(*netSocket), h.mu, Side(side), relay.Channel(ch)) })
		}
	}
}

func (d *netDriver) wire(st *Stream) {
	for _, leg := range st.legs {
		for _, s := range leg.sockets {
			s.(*netSocket).stream = st
		}
	}
}

func (d *netDriver) read(s *netSocket, mu *sync.Mutex, side Side, ch relay.Channel) {
	defer close(s.done)
	buf := make([]byte, bufferSize)
	for {
		n, from, err := s.conn.ReadFromUDPAddrPort(buf[:maxDatagram+1])
		if errors.Is(err, net.ErrClosed) {
			return
		}
		if err != nil { // an ICMP error of some earlier send: says nothing about the next packet
			continue
		}
		mu.Lock()
		st := s.stream
		switch {
		case st.home.(*netHome).closed:
		case n > maxDatagram:
			st.relay.Oversized(side)
		default:
			from = netip.AddrPortFrom(from.Addr().Unmap().WithZone(""), from.Port())
			st.receive(time.Now(), from, side, ch, buf[:n])
		}
		mu.Unlock()
	}
}

func (d *netDriver) post(st *Stream, f func(now time.Time)) bool {
	h := st.home.(*netHome)
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.closed {
		return false
	}
	f(time.Now())
	return true
}

func (d *netDriver) rush(st *Stream, next time.Time) {
	time.AfterFunc(time.Until(next), func() {
		d.post(st, func(now time.Time) {
			if next, more := st.play(now); more {
				d.rush(st, next)
			}
		})
	})
}

func (d *netDriver) detach(st *Stream, f func()) {
	d.mu.Lock()
	delete(d.streams, st)
	d.mu.Unlock()
	h := st.home.(*netHome)
	h.mu.Lock()
	h.closed = true
	legs := st.legs // nothing is exchanged any more
	h.mu.Unlock()
	for _, leg := range legs {
		for _, s := range leg.sockets {
			s.close()
		}
	}
	d.wg.Go(func() {
		for _, leg := range legs {
			for _, s := range leg.sockets {
				<-s.(*netSocket).done
			}
		}
		h.mu.Lock()
		defer h.mu.Unlock()
		f()
	})
}

func (d *netDriver) close() {
	d.stop()
	d.wg.Wait()
}

// netSocket never connects: a connected net.UDPConn cannot be let go again.
type netSocket struct {
	conn   *net.UDPConn
	v6     bool
	stream *Stream
	done   chan struct{} // closed when nothing is read any more
}

func (s *netSocket) send(b []byte, to netip.AddrPort) error {
	if to.Addr().Is4() == s.v6 {
		return errUnroutable
	}
	_, err := s.conn.WriteToUDPAddrPort(b, to)
	switch {
	case err == nil:
		return nil
	case errors.Is(err, syscall.ENETUNREACH), errors.Is(err, syscall.EHOSTUNREACH), errors.Is(err, syscall.EINVAL):
		return errUnroutable
	}
	return errSend
}

func (s *netSocket) connect(netip.AddrPort) netip.AddrPort { return netip.AddrPort{} }

func (s *netSocket) buffer(octets int) { _ = s.conn.SetReadBuffer(octets) }

func (s *netSocket) close() { _ = s.conn.Close() }
