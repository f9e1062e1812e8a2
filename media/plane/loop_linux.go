package plane

import (
	"runtime"
	"sync"
	"sync/atomic"
	"syscall"
	"time"
	"unsafe"

	"golang.org/x/sys/unix"

	"b2bua/media/relay"
	"b2bua/media/srtp"
)

const (
	// maxEvents is what one epoll_wait returns at most. Each of them is one packet: the sockets are watched level-triggered, and
	// one recvfrom for one event costs less than the edge-triggered way, which has to prove by another call (or the second slot
	// of a recvmmsg) that the socket is empty. A flood on one port takes one packet in each round, like all others.
	maxEvents = 512
	// coalesceAbove and coalesceBelow, in packets per second, switch the 1 ms coalescing: it halves the cost per packet under
	// load, and is not worth its latency without.
	coalesceAbove = 5000
	coalesceBelow = 4000
	coalesceFor   = time.Millisecond
	// briskAbove, in packets per second, is where the loop waits inside of the system call without telling the Go scheduler:
	// handing the processor over and back for each packet costs more than the packet (19 against 61 microseconds of CPU for
	// a wait of 1 ms). It does so for at most briskFor at a time, and only where another processor is left for the rest.
	briskAbove = 500
	briskFor   = 2 * time.Millisecond
	// niceness of the loop's thread, where the system allows it (CAP_SYS_NICE): a packet does not wait for a handshake's
	// arithmetic or for a garbage collection that runs on the same processor.
	niceness = -10
)

// slot is a watched socket. fd is -1 when it is vacant; it stands here as the first thing that an event needs.
type slot struct {
	fd     int32
	socket *epollSocket
}

// loop is one thread that owns the sockets of its streams.
type loop struct {
	epoll, event int // event is an eventfd: commands are waiting
	in           intake
	out          outlet
	events       [maxEvents]unix.EpollEvent

	slots   []slot // by the number in the epoll event
	vacant  []int32
	streams rota
	scratch *srtp.Scratch
	touched uint64 // see relay.Relay.Touch

	packets  int // since counted
	counted  time.Time
	coalesce bool
	brisk    bool
	spare    bool // there are more processors than loops
	rushed   rushed

	woken   atomic.Bool // something is queued
	mu      sync.Mutex
	queue   []func(now time.Time)
	closed  bool
	pending []func(now time.Time) // the queue being worked on
	done    chan struct{}
}

func newLoop(spare bool) (*loop, error) {
	ep, err := unix.EpollCreate1(unix.EPOLL_CLOEXEC)
	if err != nil {
		return nil, err
	}
	ev, err := unix.Eventfd(0, unix.EFD_CLOEXEC|unix.EFD_NONBLOCK)
	if err != nil {
		_ = unix.Close(ep)
		return nil, err
	}
	l := &loop{epoll: ep, event: ev, scratch: srtp.NewScratch(), done: make(chan struct{}), spare: spare}
	if err := unix.EpollCtl(ep, unix.EPOLL_CTL_ADD, ev, &unix.EpollEvent{Events: unix.EPOLLIN, Fd: -1}); err != nil {
		_ = unix.Close(ep)
		_ = unix.Close(ev)
		return nil, err
	}
	go l.run()
	return l, nil
}

// post queues f for the loop. False: the loop has ended.
func (l *loop) post(f func(now time.Time)) bool {
	l.mu.Lock()
	if l.closed {
		l.mu.Unlock()
		return false
	}
	l.queue = append(l.queue, f)
	wake := !l.woken.Swap(true)
	l.mu.Unlock()
	if wake {
		l.wake()
	}
	return true
}

func (l *loop) wake() {
	one := [8]byte{1}
	// The counter cannot be full: it is written once between two reads.
	_, _ = unix.Write(l.event, one[:])
}

// close ends the loop after what is queued, and waits.
func (l *loop) close() {
	l.mu.Lock()
	l.closed = true
	l.mu.Unlock()
	l.wake()
	<-l.done
}

func (l *loop) run() {
	runtime.LockOSThread() // for good: the thread ends with the loop, and takes its priority with it
	_ = unix.Setpriority(unix.PRIO_PROCESS, unix.Gettid(), niceness)
	defer close(l.done)
	for {
		n := l.wait()
		now := time.Now()
		woken := l.receive(now, l.events[:n])
		if woken && l.answer(now) {
			_ = unix.Close(l.epoll)
			_ = unix.Close(l.event)
			return
		}
		l.tick(now)
		if len(l.rushed.streams) > 0 {
			l.rushed.play(now)
		}
		if n == 0 && l.coalesce {
			l.pause()
		}
	}
}

// wait returns the number of events. It blocks until the next tick, but not while packets are gathered: what is left in a
// socket after its round is an event of the next, and the pause begins when nothing is left.
func (l *loop) wait() int {
	first := time.Duration(0)
	if l.brisk && l.spare && !l.coalesce {
		first = briskFor
	}
	n, _, e := syscall.RawSyscall6(unix.SYS_EPOLL_PWAIT, uintptr(l.epoll), uintptr(unsafe.Pointer(&l.events[0])), maxEvents,
		uintptr(first/time.Millisecond), 0, 0)
	if e == 0 && n > 0 {
		return int(n)
	}
	if l.coalesce {
		return 0
	}
	timeout := -1
	if len(l.streams.list) > 0 {
		timeout = max(0, int(time.Until(l.rushed.before(l.streams.due))/time.Millisecond)+1)
	}
	m, err := unix.EpollWait(l.epoll, l.events[:], timeout)
	if err != nil {
		return 0
	}
	return m
}

// receive takes one datagram for each event and hands them over, parcels by parcels. It tells whether a command waits.
func (l *loop) receive(now time.Time, events []unix.EpollEvent) (woken bool) {
	for i := range events {
		slot := events[i].Fd
		if slot < 0 {
			woken = true
			continue
		}
		// A closed socket has no slot. An error is an ICMP one of an earlier send, or EINTR: a packet behind it is the next event.
		if s := &l.slots[slot]; s.fd >= 0 && l.in.receive(s) == 0 && l.in.full() {
			l.deliver(now)
		}
	}
	l.deliver(now)
	return woken
}

// deliver relays what was received: first all is decided, then all is sent, so that neither the system's nor our own code and
// data have to come back into the processor's caches for each packet.
func (l *loop) deliver(now time.Time) {
	parcels := l.in.taken()
	if len(parcels) == 0 {
		return
	}
	l.packets += len(parcels)
	if l.woken.Load() { // a packet that was sent after Set returned finds the side set
		l.commands(now)
	}
	for i := range parcels {
		s := parcels[i].socket
		l.touched += s.stream.relay.Touch(s.side)
	}
	for i := range parcels {
		parcels[i].handle(now)
	}
	for i := range parcels {
		parcels[i].send()
	}
}

// pause lets packets gather; a command ends it.
func (l *loop) pause() {
	fds := [1]unix.PollFd{{Fd: int32(l.event), Events: unix.POLLIN}}
	ts := unix.NsecToTimespec(int64(coalesceFor))
	if l.spare {
		_, _, _ = syscall.RawSyscall6(unix.SYS_PPOLL, uintptr(unsafe.Pointer(&fds[0])), 1, uintptr(unsafe.Pointer(&ts)), 0, 0, 0)
		return
	}
	_, _ = unix.Ppoll(fds[:], &ts, nil)
}

// answer is for an event of the eventfd. It tells whether the loop is to end.
func (l *loop) answer(now time.Time) bool {
	var count [8]byte
	_, _ = unix.Read(l.event, count[:])
	l.mu.Lock()
	closed := l.closed // nothing is queued after that
	l.mu.Unlock()
	l.commands(now)
	return closed
}

// commands runs what was posted.
func (l *loop) commands(now time.Time) {
	l.mu.Lock()
	l.pending, l.queue = l.queue, l.pending[:0]
	l.woken.Store(false)
	l.mu.Unlock()
	for i, f := range l.pending {
		f(now)
		l.pending[i] = nil
	}
}

// tick supervises the streams whose turn it is, and measures the load.
func (l *loop) tick(now time.Time) {
	part, first := l.streams.turn(now)
	if passed := now.Sub(l.counted); first && passed >= tickEvery/2 {
		rate := float64(l.packets) / passed.Seconds()
		l.brisk = rate > briskAbove
		l.coalesce = rate > coalesceAbove || l.coalesce && rate > coalesceBelow
		l.packets, l.counted = 0, now
	}
	for _, st := range part {
		st.tick(now)
	}
}

// add starts reading a stream's sockets.
func (l *loop) add(st *Stream) {
	l.streams.add(st)
	st.relay.Share(l.scratch)
	l.wire(st)
	for side, leg := range st.legs {
		for ch, sock := range leg.sockets {
			s := sock.(*epollSocket)
			s.loop, s.side, s.ch = l, Side(side), relay.Channel(ch)
			s.slot = l.slot(s)
			ev := unix.EpollEvent{Events: unix.EPOLLIN, Fd: s.slot}
			if err := unix.EpollCtl(l.epoll, unix.EPOLL_CTL_ADD, s.fd, &ev); err != nil {
				st.plane.cfg.Log.Error("media port cannot be watched", "call", st.call, "leg", s.side.String(), "error", err)
			}
		}
	}
}

// wire tells a stream's sockets whose they are, and where its packets go on.
func (l *loop) wire(st *Stream) {
	for side, leg := range st.legs {
		for _, sock := range leg.sockets {
			s := sock.(*epollSocket)
			s.stream, s.group = st, st.groups[side]
			for c, other := range st.via[Side(side).Other()].sockets {
				s.across[c] = other.(*epollSocket)
			}
		}
	}
}

func (l *loop) slot(s *epollSocket) int32 {
	if n := len(l.vacant); n > 0 {
		i := l.vacant[n-1]
		l.vacant = l.vacant[:n-1]
		l.slots[i] = slot{int32(s.fd), s}
		return i
	}
	l.slots = append(l.slots, slot{int32(s.fd), s})
	return int32(len(l.slots) - 1)
}

// remove stops reading them. It runs between two rounds of events, so no event of a closed socket is left.
func (l *loop) remove(st *Stream) {
	l.streams.remove(st)
	delete(l.rushed.streams, st)
	for _, leg := range st.legs {
		for _, sock := range leg.sockets {
			s := sock.(*epollSocket)
			s.close() // takes it out of the epoll set, too
			l.slots[s.slot] = slot{fd: -1}
			l.vacant = append(l.vacant, s.slot)
		}
	}
}
