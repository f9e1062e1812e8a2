package plane

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"net/netip"
	"sync"
)

// PortRange is the value of audio-port or video-port: 0-0 is any free pair, n-n exactly port n for RTP (with n+1 for RTCP),
// a-b every even port whose odd neighbour lies in the range.
type PortRange struct{ Min, Max uint16 }

func (r PortRange) String() string {
	if r.Min == r.Max {
		return fmt.Sprint(r.Min)
	}
	return fmt.Sprintf("%d-%d", r.Min, r.Max)
}

// Free ports are looked for in the range that Linux hands out by itself, so that services on fixed ports are left alone.
const (
	ephemeralMin  = 32768
	ephemeralMax  = 60998
	ephemeralTrys = 500
)

// pool gives out port pairs. Pairs are queued by the time of their release: one is used again as late as possible, so that a
// former peer's last packets do not meet the next call.
type pool struct {
	setting string
	ports   PortRange
	mu      sync.Mutex
	free    map[netip.Addr][]uint16 // the queue for each local address; absent: all are free
}

func newPool(setting string, r PortRange) (*pool, error) {
	p := &pool{setting: setting, ports: r, free: map[netip.Addr][]uint16{}}
	switch {
	case r.Max < r.Min:
		return nil, fmt.Errorf("%s=%s: the range ends before it starts; write the lower port first", setting, r)
	case r.Max == 65535 && r.Min == r.Max:
		return nil, fmt.Errorf("%s=%s: RTCP needs the next port, and there is none; choose a lower one", setting, r)
	case r.Max > 0 && len(p.pairs()) == 0:
		return nil, fmt.Errorf("%s=%s: the range has no even port with its odd neighbour; it needs four ports for each call at a time", setting, r)
	}
	return p, nil
}

// pairs lists the RTP ports of the range.
func (p *pool) pairs() []uint16 {
	if p.ports.Min == p.ports.Max {
		return []uint16{p.ports.Min}
	}
	var out []uint16
	for n := (int(max(p.ports.Min, 2)) + 1) &^ 1; n+1 <= int(p.ports.Max); n += 2 {
		out = append(out, uint16(n))
	}
	return out
}

// pair is a bound pair of ports.
type pair struct {
	pool    *pool
	addr    netip.Addr
	port    uint16
	sockets [2]socket // by relay.Channel
}

// open binds a pair on an address.
func (p *pool) open(d driver, addr netip.Addr, buffer int) (*pair, error) {
	if !addr.IsValid() {
		return nil, errors.New("no local address is known for this leg")
	}
	if p.ports.Max == 0 {
		return p.openAny(d, addr, buffer)
	}
	for range p.size() {
		port, ok := p.take(addr)
		if !ok {
			break
		}
		got, err := p.bind(d, addr, port, buffer)
		if err == nil {
			return got, nil
		}
		p.put(addr, port)
		if !errors.Is(err, errPortBusy) {
			return nil, fmt.Errorf("cannot bind %s: %w", netip.AddrPortFrom(addr, port), err)
		}
	}
	if p.size() == 1 {
		return nil, fmt.Errorf("the only port pair of %s=%s is in use on %s; a call takes one pair on each leg: write a range, as %s=%d-%d",
			p.setting, p.ports, addr, p.setting, p.ports.Min, int(p.ports.Min)+99)
	}
	return nil, fmt.Errorf("all %d port pairs of %s=%s are in use on %s; a call takes one pair on each leg: widen %s in [b2bua-server]",
		p.size(), p.setting, p.ports, addr, p.setting)
}

func (p *pool) size() int { return len(p.pairs()) }

func (p *pool) openAny(d driver, addr netip.Addr, buffer int) (*pair, error) {
	for range ephemeralTrys {
		port := uint16(ephemeralMin + rand.IntN(ephemeralMax-ephemeralMin)&^1)
		got, err := p.bind(d, addr, port, buffer)
		if err == nil {
			return got, nil
		}
		if !errors.Is(err, errPortBusy) {
			return nil, fmt.Errorf("cannot bind %s: %w", netip.AddrPortFrom(addr, port), err)
		}
	}
	return nil, fmt.Errorf("no free pair of ports found on %s (%s=0) after %d attempts; set %s to a range that no other service uses",
		addr, p.setting, ephemeralTrys, p.setting)
}

func (p *pool) bind(d driver, addr netip.Addr, port uint16, buffer int) (*pair, error) {
	media, err := d.bind(netip.AddrPortFrom(addr, port), buffer)
	if err != nil {
		return nil, err
	}
	control, err := d.bind(netip.AddrPortFrom(addr, port+1), controlBuffer)
	if err != nil {
		media.close()
		return nil, err
	}
	return &pair{pool: p, addr: addr, port: port, sockets: [2]socket{media, control}}, nil
}

func (p *pool) take(addr netip.Addr) (uint16, bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	queue, ok := p.free[addr]
	if !ok {
		queue = p.pairs()
		rand.Shuffle(len(queue), func(i, j int) { queue[i], queue[j] = queue[j], queue[i] })
	}
	if len(queue) == 0 {
		p.free[addr] = queue
		return 0, false
	}
	p.free[addr] = queue[1:]
	return queue[0], true
}

func (p *pool) put(addr netip.Addr, port uint16) {
	if p.ports.Max == 0 {
		return
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	p.free[addr] = append(p.free[addr], port)
}

// release closes the sockets and gives the pair back.
func (a *pair) release() {
	for _, s := range a.sockets {
		if s != nil {
			s.close()
		}
	}
	if a.pool != nil {
		a.pool.put(a.addr, a.port)
	}
}
