package plane

import (
	"encoding/binary"
	"errors"
	"net"
	"net/netip"
	"syscall"
	"time"
	"unsafe"

	"golang.org/x/sys/unix"

	"b2bua/media/relay"
)

// epollSocket is one UDP port of a loop.
type epollSocket struct {
	fd     int
	v6     bool
	side   Side
	ch     relay.Channel
	slot   int32
	scope  uint32 // of a link-local IPv6 address
	peer   netip.AddrPort
	loop   *loop
	stream *Stream
	group  *group          // of the streams on this port; nil: it is one
	across [2]*epollSocket // the other leg's, by channel
}

func bindSocket(at netip.AddrPort, buffer int) (*epollSocket, error) {
	s := &epollSocket{v6: at.Addr().Is6()}
	family := unix.AF_INET
	if s.v6 {
		family = unix.AF_INET6
	}
	var err error
	if s.fd, err = unix.Socket(family, unix.SOCK_DGRAM|unix.SOCK_NONBLOCK|unix.SOCK_CLOEXEC, 0); err != nil {
		return nil, err
	}
	if err = s.setUp(at, buffer); err != nil {
		_ = unix.Close(s.fd)
		if errors.Is(err, unix.EADDRINUSE) {
			return nil, errPortBusy
		}
		return nil, err
	}
	return s, nil
}

func (s *epollSocket) setUp(at netip.AddrPort, buffer int) error {
	// The system's own size serves when it refuses ours.
	_ = unix.SetsockoptInt(s.fd, unix.SOL_SOCKET, unix.SO_RCVBUF, buffer)
	if !s.v6 {
		return unix.Bind(s.fd, &unix.SockaddrInet4{Port: int(at.Port()), Addr: at.Addr().As4()})
	}
	if err := unix.SetsockoptInt(s.fd, unix.IPPROTO_IPV6, unix.IPV6_V6ONLY, 1); err != nil {
		return err
	}
	if zone := at.Addr().Zone(); zone != "" {
		ifi, err := net.InterfaceByName(zone)
		if err != nil {
			return err
		}
		s.scope = uint32(ifi.Index)
	}
	return unix.Bind(s.fd, &unix.SockaddrInet6{Port: int(at.Port()), Addr: at.Addr().As16(), ZoneId: s.scope})
}

// send tries twice: a connected socket reports the ICMP error of an earlier datagram instead of sending this one.
func (s *epollSocket) send(b []byte, to netip.AddrPort) error {
	if to.Addr().Is4() == s.v6 {
		return errUnroutable
	}
	var name unsafe.Pointer
	var size uintptr
	if to != s.peer {
		name, size = s.loop.out.address(to, s.scope)
	}
	e := sendTo(s.fd, b, name, size)
	if e == unix.ECONNREFUSED {
		e = sendTo(s.fd, b, name, size)
	}
	switch e { //nolint:exhaustive // what is not listed is an error of this send, and there are 130 of them
	case 0:
		return nil
	case unix.ENETUNREACH, unix.EHOSTUNREACH, unix.EINVAL, unix.EADDRNOTAVAIL, unix.EACCES:
		return errUnroutable
	}
	return errSend
}

func sendTo(fd int, b []byte, name unsafe.Pointer, size uintptr) syscall.Errno {
	_, _, e := syscall.RawSyscall6(unix.SYS_SENDTO, uintptr(fd), uintptr(unsafe.Pointer(&b[0])), uintptr(len(b)),
		unix.MSG_DONTWAIT|unix.MSG_NOSIGNAL, uintptr(name), size)
	return e
}

func (s *epollSocket) connect(to netip.AddrPort) netip.AddrPort {
	if s.fd < 0 || to == s.peer {
		return s.peer
	}
	if !to.IsValid() {
		un := unix.RawSockaddr{Family: unix.AF_UNSPEC}
		_, _, _ = syscall.RawSyscall(unix.SYS_CONNECT, uintptr(s.fd), uintptr(unsafe.Pointer(&un)), unsafe.Sizeof(un))
		s.peer = netip.AddrPort{}
		return s.peer
	}
	if to.Addr().Is4() == s.v6 {
		return s.peer
	}
	name, size := s.loop.out.address(to, s.scope)
	if _, _, e := syscall.RawSyscall(unix.SYS_CONNECT, uintptr(s.fd), uintptr(name), size); e == 0 {
		s.peer = to
	}
	return s.peer
}

func (s *epollSocket) buffer(octets int) {
	if s.fd >= 0 { // the system's own size serves when it refuses ours
		_ = unix.SetsockoptInt(s.fd, unix.SOL_SOCKET, unix.SO_RCVBUF, octets)
	}
}

func (s *epollSocket) close() {
	if s.fd >= 0 {
		_ = unix.Close(s.fd)
		s.fd = -1
	}
}

// outlet holds the address that is being sent to.
type outlet struct {
	v4 unix.RawSockaddrInet4
	v6 unix.RawSockaddrInet6
}

func (o *outlet) address(to netip.AddrPort, scope uint32) (unsafe.Pointer, uintptr) {
	if to.Addr().Is4() {
		o.v4.Family, o.v4.Addr = unix.AF_INET, to.Addr().As4()
		binary.BigEndian.PutUint16((*[2]byte)(unsafe.Pointer(&o.v4.Port))[:], to.Port())
		return unsafe.Pointer(&o.v4), unix.SizeofSockaddrInet4
	}
	o.v6.Family, o.v6.Addr, o.v6.Scope_id = unix.AF_INET6, to.Addr().As16(), 0
	if to.Addr().IsLinkLocalUnicast() {
		o.v6.Scope_id = scope
	}
	binary.BigEndian.PutUint16((*[2]byte)(unsafe.Pointer(&o.v6.Port))[:], to.Port())
	return unsafe.Pointer(&o.v6), unix.SizeofSockaddrInet6
}

// parcels are the datagrams that are received before they are handled.
const parcels = 64

// stride is from one buffer to the next: not a power of two, for the heads of all packets would compete for the same few lines of
// the processor's cache.
const stride = (bufferSize+63)/64*64 + 64

// intake holds the datagrams of a round.
type intake struct {
	memory [parcels * stride]byte
	list   [parcels]parcel
	n      int
	name   unix.RawSockaddrInet6 // long enough for both families
	size   uint32
}

// parcel is a datagram on its way through the plane.
type parcel struct {
	socket *epollSocket
	from   netip.AddrPort
	b      []byte
	out    relay.Output
}

func (in *intake) full() bool { return in.n == len(in.list) }

// taken are the datagrams received since the last call. They are good until the next receive.
func (in *intake) taken() []parcel {
	n := in.n
	in.n = 0
	return in.list[:n]
}

// receive takes one datagram from a socket, EAGAIN if there is none.
func (in *intake) receive(s *slot) syscall.Errno {
	b := in.memory[in.n*stride:][:maxDatagram:bufferSize]
	in.size = unix.SizeofSockaddrInet6
	// With MSG_TRUNC the length is that of the datagram, whatever the buffer's.
	n, _, e := syscall.RawSyscall6(unix.SYS_RECVFROM, uintptr(s.fd), uintptr(unsafe.Pointer(&b[0])), uintptr(len(b)),
		unix.MSG_DONTWAIT|unix.MSG_TRUNC, uintptr(unsafe.Pointer(&in.name)), uintptr(unsafe.Pointer(&in.size)))
	if e != 0 {
		return e
	}
	p := &in.list[in.n]
	in.n++
	p.socket, p.from = s.socket, in.source()
	p.b = b[:min(int(n), len(b)):bufferSize]
	if int(n) > len(b) {
		p.b = nil
	}
	return 0
}

func (in *intake) source() netip.AddrPort {
	port := binary.BigEndian.Uint16((*[2]byte)(unsafe.Pointer(&in.name.Port))[:])
	if in.name.Family == unix.AF_INET {
		v4 := (*unix.RawSockaddrInet4)(unsafe.Pointer(&in.name))
		return netip.AddrPortFrom(netip.AddrFrom4(v4.Addr), port)
	}
	return netip.AddrPortFrom(netip.AddrFrom16(in.name.Addr), port)
}

// handle decides about the datagram.
func (p *parcel) handle(now time.Time) {
	s := p.socket
	switch {
	case s.fd < 0: // closed by a command that came in between
		p.out.Packet = nil
	case p.b == nil:
		p.out.Packet = nil
		s.stream.relay.Oversized(s.side)
	case s.group != nil:
		st, out := s.group.decide(now, s.stream, p.from, s.ch, p.b)
		p.socket, p.out = st.legs[s.side].sockets[s.ch].(*epollSocket), out
	default:
		p.out = s.stream.decide(now, p.from, s.side, s.ch, p.b)
	}
}

// send puts the decision on the wire.
func (p *parcel) send() {
	if len(p.out.Packet) == 0 {
		return
	}
	to := p.socket.across[p.out.Ch]
	if p.out.Side == p.socket.side { // an answer to its sender
		to = p.socket.stream.via[p.out.Side].sockets[p.out.Ch].(*epollSocket)
	}
	if err := to.send(p.out.Packet, p.out.To); err != nil {
		p.socket.stream.relay.SendFailed(p.out.Side, p.out.To, err == errUnroutable) //nolint:errorlint // send gives it as it is
	}
}
