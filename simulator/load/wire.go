//go:build linux

package load

import (
	"errors"
	"fmt"
	"net/netip"
	"unsafe"

	"golang.org/x/sys/unix"
)

// conn is a SIP socket: a UDP socket, or one TCP connection with what is not read or written yet.
type conn struct {
	fd   int
	udp  bool
	peer unix.RawSockaddrInet4 // UDP: source of the last datagram
	in   []byte
	out  []byte
	dead bool
}

// wires are all SIP sockets of a run with their epoll instance.
type wires struct {
	epoll  int
	conns  map[int]*conn
	listen map[int]bool
	events [256]unix.EpollEvent
	buf    [65536]byte
	handle func(c *conn, b []byte)
}

var errNoAudio = errors.New("no audio stream over IPv4")

func newWires() (*wires, error) {
	fd, err := unix.EpollCreate1(unix.EPOLL_CLOEXEC)
	if err != nil {
		return nil, fmt.Errorf("load: epoll: %w", err)
	}
	return &wires{epoll: fd, conns: map[int]*conn{}, listen: map[int]bool{}}, nil
}

func sockaddr(a netip.AddrPort) *unix.SockaddrInet4 {
	return &unix.SockaddrInet4{Port: int(a.Port()), Addr: a.Addr().As4()}
}

// raw is an address as the kernel wants it, port in network order.
func raw(a netip.AddrPort) unix.RawSockaddrInet4 {
	sa := unix.RawSockaddrInet4{Family: unix.AF_INET, Addr: a.Addr().As4()}
	p := (*[2]byte)(unsafe.Pointer(&sa.Port))
	p[0], p[1] = byte(a.Port()>>8), byte(a.Port())
	return sa
}

func (w *wires) watch(fd int) error {
	if err := unix.EpollCtl(w.epoll, unix.EPOLL_CTL_ADD, fd, &unix.EpollEvent{Events: unix.EPOLLIN, Fd: int32(fd)}); err != nil {
		return fmt.Errorf("load: epoll: %w", err)
	}
	return nil
}

// open binds a socket: UDP, or a TCP listener.
func (w *wires) open(network string, at netip.AddrPort) (*conn, error) {
	kind := unix.SOCK_DGRAM
	if network == "tcp" {
		kind = unix.SOCK_STREAM
	}
	fd, err := unix.Socket(unix.AF_INET, kind|unix.SOCK_CLOEXEC|unix.SOCK_NONBLOCK, 0)
	if err != nil {
		return nil, fmt.Errorf("load: socket: %w", err)
	}
	_ = unix.SetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_REUSEADDR, 1) // a listener after another run
	if err := unix.Bind(fd, sockaddr(at)); err != nil {
		_ = unix.Close(fd)
		return nil, fmt.Errorf("load: %s %s: %w", network, at, err)
	}
	c := &conn{fd: fd, udp: network == "udp"}
	if c.udp {
		if unix.SetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_RCVBUFFORCE, 16<<20) != nil {
			_ = unix.SetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_RCVBUF, 4<<20) // what an ordinary user may have
		}
		w.conns[fd] = c
	} else {
		w.listen[fd] = true
		if err := unix.Listen(fd, 128); err != nil {
			return nil, fmt.Errorf("load: %s: %w", at, err)
		}
	}
	return c, w.watch(fd)
}

// dial connects by TCP from an address of ours.
func (w *wires) dial(from netip.Addr, to netip.AddrPort) (*conn, error) {
	fd, err := unix.Socket(unix.AF_INET, unix.SOCK_STREAM|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		return nil, fmt.Errorf("load: socket: %w", err)
	}
	if err = unix.Bind(fd, sockaddr(netip.AddrPortFrom(from, 0))); err == nil {
		err = unix.Connect(fd, sockaddr(to))
	}
	if err == nil {
		err = unix.SetNonblock(fd, true)
	}
	if err != nil {
		_ = unix.Close(fd)
		return nil, fmt.Errorf("load: connecting to %s: %w", to, err)
	}
	return w.adopt(fd)
}

func (w *wires) adopt(fd int) (*conn, error) {
	_ = unix.SetsockoptInt(fd, unix.IPPROTO_TCP, unix.TCP_NODELAY, 1) // only speed
	c := &conn{fd: fd}
	w.conns[fd] = c
	return c, w.watch(fd)
}

// poll waits at most ms and handles what came.
func (w *wires) poll(ms int) {
	for _, c := range w.conns {
		if len(c.out) > 0 {
			w.flush(c)
			ms = min(ms, 1)
		}
	}
	n, err := unix.EpollWait(w.epoll, w.events[:], ms)
	if err != nil {
		return // interrupted
	}
	for _, e := range w.events[:n] {
		fd := int(e.Fd)
		if w.listen[fd] {
			w.accept(fd)
			continue
		}
		c := w.conns[fd]
		switch {
		case c == nil:
		case c.udp:
			w.datagrams(c)
		default:
			w.stream(c)
		}
	}
}

func (w *wires) accept(fd int) {
	for {
		nfd, _, err := unix.Accept4(fd, unix.SOCK_NONBLOCK|unix.SOCK_CLOEXEC)
		if err != nil {
			return
		}
		if _, err := w.adopt(nfd); err != nil {
			_ = unix.Close(nfd)
		}
	}
}

func (w *wires) datagrams(c *conn) {
	for range 64 {
		size := uint32(unix.SizeofSockaddrInet4)
		n, _, e := unix.Syscall6(unix.SYS_RECVFROM, uintptr(c.fd), uintptr(unsafe.Pointer(&w.buf[0])), uintptr(len(w.buf)), 0,
			uintptr(unsafe.Pointer(&c.peer)), uintptr(unsafe.Pointer(&size)))
		if e != 0 {
			return
		}
		if n > 16 { // less is a keep-alive
			w.handle(c, w.buf[:n])
		}
	}
}

func (w *wires) stream(c *conn) {
	w.flush(c)
	for range 16 {
		n, err := unix.Read(c.fd, w.buf[:])
		if err != nil {
			break
		}
		if n == 0 {
			w.drop(c)
			return
		}
		c.in = append(c.in, w.buf[:n]...)
		used := 0
		for {
			skip, size := frameOf(c.in[used:])
			if used += skip; size == 0 {
				break
			}
			w.handle(c, c.in[used:used+size])
			used += size
		}
		c.in = append(c.in[:0], c.in[used:]...)
		if n < len(w.buf) {
			return
		}
	}
}

func (w *wires) drop(c *conn) {
	c.dead = true
	delete(w.conns, c.fd)
	_ = unix.Close(c.fd)
}

// send writes a datagram to a peer, or a message to a stream.
func (w *wires) send(c *conn, to *unix.RawSockaddrInet4, b []byte) {
	if c == nil || c.dead || len(b) == 0 {
		return
	}
	if c.udp {
		_, _, _ = unix.Syscall6(unix.SYS_SENDTO, uintptr(c.fd), uintptr(unsafe.Pointer(&b[0])), uintptr(len(b)), 0,
			uintptr(unsafe.Pointer(to)), unix.SizeofSockaddrInet4) // what is lost is sent again
		return
	}
	c.out = append(c.out, b...)
	w.flush(c)
}

func (w *wires) flush(c *conn) {
	for len(c.out) > 0 {
		n, err := unix.Write(c.fd, c.out)
		if err != nil {
			return // full: tried again with the next event or message
		}
		c.out = append(c.out[:0], c.out[n:]...)
	}
}

func (w *wires) close() {
	for fd := range w.conns {
		_ = unix.Close(fd)
	}
	for fd := range w.listen {
		_ = unix.Close(fd)
	}
	_ = unix.Close(w.epoll)
}
