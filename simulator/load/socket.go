//go:build linux

package load

import (
	"encoding/binary"
	"fmt"
	"net/netip"
	"time"
	"unsafe"

	"golang.org/x/sys/unix"
)

const batch = 64

// mmsghdr is the kernel's struct of recvmmsg(2).
type mmsghdr struct {
	hdr unix.Msghdr
	n   uint32
	_   uint32
}

// socket is one UDP socket for the media of many sides, with preallocated batches.
type socket struct {
	fd, rtcp  int // rtcp only keeps the port after fd's from answering with ICMP errors
	at        netip.AddrPort
	tx, rx    [batch]mmsghdr
	txIov     [batch]unix.Iovec
	rxIov     [batch]unix.Iovec
	txSide    [batch]*side
	txIndex   [batch]int
	queued    int
	rxBuf     [batch][2048]byte
	rxName    [batch]unix.RawSockaddrInet4
	rxCtl     [batch][64]byte
	sides     map[uint64]*side // by the source of the packets: the B2BUA's port for that side
	rtcpSides map[uint64]*side // likewise, where RTCP has a handshake of its own
	unknown   uint64
	failed    uint64
}

func openSocket(ip netip.Addr) (*socket, error) {
	bind := func(port uint16) (int, netip.AddrPort, error) {
		fd, err := unix.Socket(unix.AF_INET, unix.SOCK_DGRAM|unix.SOCK_CLOEXEC, 0)
		if err != nil {
			return -1, netip.AddrPort{}, fmt.Errorf("load: socket: %w", err)
		}
		if err := unix.Bind(fd, sockaddr(netip.AddrPortFrom(ip, port))); err != nil {
			_ = unix.Close(fd)
			return -1, netip.AddrPort{}, fmt.Errorf("load: %s: %w", ip, err)
		}
		name, err := unix.Getsockname(fd)
		sa, ok := name.(*unix.SockaddrInet4)
		if err != nil || !ok {
			_ = unix.Close(fd)
			return -1, netip.AddrPort{}, fmt.Errorf("load: %s: no name of a socket: %w", ip, err)
		}
		return fd, netip.AddrPortFrom(ip, uint16(sa.Port)), nil
	}
	for range 200 {
		fd, at, err := bind(0)
		if err != nil {
			return nil, err
		}
		if at.Port()%2 == 0 {
			if rtcp, _, err := bind(at.Port() + 1); err == nil {
				s := &socket{fd: fd, rtcp: rtcp, at: at, sides: map[uint64]*side{}, rtcpSides: map[uint64]*side{}}
				return s, s.prepare()
			}
		}
		_ = unix.Close(fd)
	}
	return nil, fmt.Errorf("load: no pair of ports on %s", ip)
}

func (s *socket) prepare() error {
	_ = unix.SetsockoptInt(s.rtcp, unix.SOL_SOCKET, unix.SO_RCVBUF, 2048) // nobody reads it
	if unix.SetsockoptInt(s.fd, unix.SOL_SOCKET, unix.SO_RCVBUFFORCE, 64<<20) != nil {
		_ = unix.SetsockoptInt(s.fd, unix.SOL_SOCKET, unix.SO_RCVBUF, 4<<20) // what an ordinary user may have
	}
	if unix.SetsockoptInt(s.fd, unix.SOL_SOCKET, unix.SO_SNDBUFFORCE, 16<<20) != nil {
		_ = unix.SetsockoptInt(s.fd, unix.SOL_SOCKET, unix.SO_SNDBUF, 4<<20) // as above
	}
	if err := unix.SetsockoptInt(s.fd, unix.SOL_SOCKET, unix.SO_TIMESTAMPNS, 1); err != nil {
		return fmt.Errorf("load: time stamps: %w", err)
	}
	for i := range batch {
		s.tx[i].hdr.Iov = &s.txIov[i]
		s.tx[i].hdr.SetIovlen(1)
		s.tx[i].hdr.Namelen = unix.SizeofSockaddrInet4
		s.rxIov[i].Base = &s.rxBuf[i][0]
		s.rxIov[i].SetLen(len(s.rxBuf[i]))
		h := &s.rx[i].hdr
		h.Iov = &s.rxIov[i]
		h.SetIovlen(1)
		h.Name = (*byte)(unsafe.Pointer(&s.rxName[i]))
		h.Control = &s.rxCtl[i][0]
	}
	return nil
}

func (s *socket) close() {
	_ = unix.Close(s.fd)
	_ = unix.Close(s.rtcp)
}

func sourceKey(sa *unix.RawSockaddrInet4) uint64 {
	return uint64(binary.BigEndian.Uint32(sa.Addr[:]))<<16 | uint64(sa.Port)
}

// queue adds packet i of a side to the batch.
func (s *socket) queue(d *side, i int) {
	at := s.queued
	s.txIov[at].Base = &d.packets[i*stride]
	s.txIov[at].SetLen(d.length)
	s.tx[at].hdr.Name = (*byte)(unsafe.Pointer(&d.remote))
	s.txSide[at], s.txIndex[at] = d, i
	if s.queued++; s.queued == batch {
		s.flush()
	}
}

// flush sends the batch; each packet's time is interpolated over it.
func (s *socket) flush() {
	if s.queued == 0 {
		return
	}
	t0 := time.Now().UnixNano()
	for sent := 0; sent < s.queued; {
		n, _, e := unix.Syscall6(unix.SYS_SENDMMSG, uintptr(s.fd), uintptr(unsafe.Pointer(&s.tx[sent])), uintptr(s.queued-sent), 0, 0, 0)
		switch {
		case e == unix.EINTR || e == unix.EAGAIN:
		case e != 0: // an ICMP error of an earlier packet: this one is skipped
			s.failed++
			sent++
		default:
			sent += int(n)
		}
	}
	t1 := time.Now().UnixNano()
	for i := range s.queued {
		s.txSide[i].sentAt[s.txIndex[i]] = t0 + (t1-t0)*int64(i)/int64(s.queued)
	}
	s.queued = 0
}

// receive takes one batch without waiting.
func (s *socket) receive() int {
	for i := range s.rx {
		s.rx[i].hdr.Namelen = unix.SizeofSockaddrInet4
		s.rx[i].hdr.SetControllen(len(s.rxCtl[i]))
	}
	n, _, e := unix.Syscall6(unix.SYS_RECVMMSG, uintptr(s.fd), uintptr(unsafe.Pointer(&s.rx[0])), batch, unix.MSG_DONTWAIT, 0, 0)
	if e != 0 {
		return 0
	}
	return int(n)
}

// stamp is when the kernel received packet i.
func (s *socket) stamp(i int) int64 {
	if s.rx[i].hdr.Controllen < 32 {
		return time.Now().UnixNano()
	}
	c := &s.rxCtl[i] // struct cmsghdr, then struct timespec
	return int64(binary.NativeEndian.Uint64(c[16:]))*1e9 + int64(binary.NativeEndian.Uint64(c[24:]))
}
