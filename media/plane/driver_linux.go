package plane

import (
	"net/netip"
	"runtime"
	"sync/atomic"
	"time"
)

// epollDriver spreads streams over loops.
type epollDriver struct {
	loops []*loop
	load  []atomic.Int64 // streams of each
}

// epollHome is a stream's loop.
type epollHome struct {
	loop     *loop
	index    int
	detached atomic.Bool
}

func newDriver(loops int) (driver, error) {
	d := &epollDriver{load: make([]atomic.Int64, loops)}
	spare := runtime.GOMAXPROCS(0) > loops
	for range loops {
		l, err := newLoop(spare)
		if err != nil {
			d.close()
			return nil, err
		}
		d.loops = append(d.loops, l)
	}
	return d, nil
}

func (d *epollDriver) bind(at netip.AddrPort, buffer int) (socket, error) {
	s, err := bindSocket(at, buffer)
	if err != nil {
		return nil, err
	}
	return s, nil
}

func (d *epollDriver) attach(st, beside *Stream) {
	least := 0
	for i := range d.load {
		if d.load[i].Load() < d.load[least].Load() {
			least = i
		}
	}
	if beside != st {
		least = beside.home.(*epollHome).index
	}
	d.load[least].Add(1)
	h := &epollHome{loop: d.loops[least], index: least}
	st.home = h
	h.loop.post(func(time.Time) { h.loop.add(st) })
}

func (d *epollDriver) post(st *Stream, f func(now time.Time)) bool {
	h := st.home.(*epollHome)
	if h.detached.Load() {
		return false
	}
	return h.loop.post(f)
}

func (d *epollDriver) wire(st *Stream) { st.home.(*epollHome).loop.wire(st) }

func (d *epollDriver) rush(st *Stream, next time.Time) {
	st.home.(*epollHome).loop.rushed.add(st, next)
}

func (d *epollDriver) detach(st *Stream, f func()) {
	h := st.home.(*epollHome)
	h.detached.Store(true)
	d.load[h.index].Add(-1)
	h.loop.post(func(time.Time) {
		h.loop.remove(st)
		f()
	})
}

func (d *epollDriver) close() {
	for _, l := range d.loops {
		l.close()
	}
}
