//go:build linux

package load

import (
	"bytes"
	"context"
	"fmt"
	"net"
	"net/netip"
	"runtime"
	"strconv"
	"time"
	"unsafe"

	"b2bua/media/sdp"
	"b2bua/simulator/ng"

	"golang.org/x/sys/unix"
)

// floor is a relay that does nothing but its system calls: epoll_wait, and for each packet one recvfrom and one sendto. It speaks as
// much of the NG protocol as a measurement needs, for plain RTP. What a product costs above it is what the product adds.
type floor struct {
	epoll, control int
	at             netip.AddrPort // media address; ports are the system's
	calls          map[string][2]int
	next           map[int]*hop // by the socket where a packet comes in
	buf            [65536]byte
}

// hop is where packets of one socket leave: through the other socket of the call.
type hop struct {
	fd int
	to unix.RawSockaddrInet4
}

// Floor serves at an NG address until ctx ends; media takes the same IP address.
func Floor(ctx context.Context, at netip.AddrPort) error {
	if !at.Addr().Is4() || !at.Addr().IsLoopback() {
		return fmt.Errorf("load: %s: only IPv4 loopback addresses are taken", at)
	}
	raiseFiles()
	epoll, err := unix.EpollCreate1(unix.EPOLL_CLOEXEC)
	if err != nil {
		return fmt.Errorf("load: epoll: %w", err)
	}
	f := &floor{epoll: epoll, at: netip.AddrPortFrom(at.Addr(), 0), calls: map[string][2]int{}, next: map[int]*hop{}}
	defer f.close()
	if f.control, err = f.open(at); err != nil {
		return err
	}
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	for ctx.Err() == nil {
		f.turn()
	}
	return nil
}

func (f *floor) close() {
	for _, pair := range f.calls {
		_, _ = unix.Close(pair[0]), unix.Close(pair[1])
	}
	_, _ = unix.Close(f.control), unix.Close(f.epoll)
}

func (f *floor) open(at netip.AddrPort) (fd int, err error) {
	fd, err = unix.Socket(unix.AF_INET, unix.SOCK_DGRAM|unix.SOCK_CLOEXEC|unix.SOCK_NONBLOCK, 0)
	if err != nil {
		return -1, fmt.Errorf("load: socket: %w", err)
	}
	if err = unix.Bind(fd, sockaddr(at)); err == nil {
		err = unix.EpollCtl(f.epoll, unix.EPOLL_CTL_ADD, fd, &unix.EpollEvent{Events: unix.EPOLLIN, Fd: int32(fd)})
	}
	if err == nil {
		return fd, nil
	}
	_ = unix.Close(fd)
	return -1, fmt.Errorf("load: %s: %w", at, err)
}

// turn handles what came within 100 ms.
func (f *floor) turn() {
	var events [256]unix.EpollEvent
	n, err := unix.EpollWait(f.epoll, events[:], int(100*time.Millisecond/time.Millisecond))
	if err != nil {
		return // interrupted
	}
	for _, e := range events[:n] {
		fd := int(e.Fd)
		if fd == f.control {
			f.command()
			continue
		}
		size, _, e := unix.Syscall6(unix.SYS_RECVFROM, uintptr(fd), uintptr(unsafe.Pointer(&f.buf[0])), uintptr(len(f.buf)), 0, 0, 0)
		if h := f.next[fd]; e == 0 && h != nil {
			_, _, _ = unix.Syscall6(unix.SYS_SENDTO, uintptr(h.fd), uintptr(unsafe.Pointer(&f.buf[0])), size, 0,
				uintptr(unsafe.Pointer(&h.to)), unix.SizeofSockaddrInet4)
		}
	}
}

func (f *floor) command() {
	n, from, err := unix.Recvfrom(f.control, f.buf[:], 0)
	if err != nil {
		return
	}
	cookie, body, _ := bytes.Cut(f.buf[:n], []byte(" "))
	cookie = bytes.Clone(cookie)
	answer := ng.Dict{"result": "ok"}
	d, err := ng.Unmarshal(body)
	if err == nil {
		var text string
		if text, err = f.obey(d); text != "" {
			answer["sdp"] = text
		}
	}
	if err != nil {
		answer = ng.Dict{"result": "error", "error-reason": err.Error()}
	}
	if b, err := ng.Marshal(answer); err == nil {
		_ = unix.Sendto(f.control, append(append(cookie, ' '), b...), 0, from) // a lost answer is asked for again
	}
}

// obey makes the two sockets of a call with the offer; each description teaches where the packets of the other side go.
func (f *floor) obey(d ng.Dict) (string, error) {
	id, _ := d["call-id"].(string)
	pair, known := f.calls[id]
	text, _ := d["sdp"].(string)
	side := 0
	switch d["command"] {
	case "delete":
		delete(f.calls, id)
		for _, fd := range pair {
			if known {
				delete(f.next, fd)
				_ = unix.Close(fd)
			}
		}
		return "", nil
	case "answer":
		side = 1
	case "offer":
	default:
		return "", fmt.Errorf("no such command here: %v", d["command"])
	}
	var peer description
	if err := peer.read([]byte(text), sdp.NoSuite, inline); err != nil {
		return "", err
	}
	if !known {
		for i := range pair {
			fd, err := f.open(f.at)
			if err != nil {
				return "", err
			}
			pair[i] = fd
		}
		f.calls[id] = pair
	}
	f.next[pair[1-side]] = &hop{fd: pair[side], to: raw(peer.addr)}
	name, err := unix.Getsockname(pair[1-side])
	sa, ok := name.(*unix.SockaddrInet4)
	if err != nil || !ok {
		return "", net.ErrClosed
	}
	ip := f.at.Addr().String()
	return "v=0\r\no=floor 1 1 IN IP4 " + ip + "\r\ns=-\r\nc=IN IP4 " + ip + "\r\nt=0 0\r\nm=audio " + strconv.Itoa(sa.Port) + " RTP/AVP 0 8\r\n", nil
}
