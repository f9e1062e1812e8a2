package transport

import (
	"net"
	"net/netip"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

// wantErrors asks the kernel to tell which peer an ICMP error is about (RFC 3261 section 18.4). It is best effort.
func (u *udpSocket) wantErrors() {
	raw, err := u.conn.SyscallConn()
	if err != nil {
		return
	}
	_ = raw.Control(func(fd uintptr) {
		_ = unix.SetsockoptInt(int(fd), unix.SOL_IP, unix.IP_RECVERR, 1)
		_ = unix.SetsockoptInt(int(fd), unix.SOL_IPV6, unix.IPV6_RECVERR, 1)
	})
}

// errorsAtOnce bounds what is read of the error queue in one go: the loop reads it too.
const errorsAtOnce = 64

// unreachable reads the socket's error queue: where nobody is, by what the network said about datagrams to there;
// any tells whether there was something at all.
func (u *udpSocket) unreachable() (list []*FlowError, found bool) {
	raw, err := u.conn.SyscallConn()
	if err != nil {
		return nil, false
	}
	_ = raw.Control(func(fd uintptr) {
		buf, oob := make([]byte, 64), make([]byte, 512)
		for range errorsAtOnce {
			_, oobn, _, to, err := unix.Recvmsg(int(fd), buf, oob, unix.MSG_ERRQUEUE|unix.MSG_DONTWAIT)
			if err != nil {
				return
			}
			found = true
			at, errno := addrOfSockaddr(to), errnoIn(oob[:oobn])
			if at.IsValid() && errno != 0 && errno != syscall.EMSGSIZE { // that one only tells the length that the kernel cuts to from now on
				list = append(list, &FlowError{Network: "udp", Remote: at, Doing: "send", Err: errno})
			}
		}
	})
	return list, found
}

func addrOfSockaddr(sa unix.Sockaddr) netip.AddrPort {
	switch sa := sa.(type) {
	case *unix.SockaddrInet4:
		return netip.AddrPortFrom(netip.AddrFrom4(sa.Addr), uint16(sa.Port))
	case *unix.SockaddrInet6:
		return netip.AddrPortFrom(netip.AddrFrom16(sa.Addr).Unmap(), uint16(sa.Port))
	default:
		return netip.AddrPort{}
	}
}

// errnoIn reads struct sock_extended_err, whose first field is the error.
func errnoIn(oob []byte) syscall.Errno {
	list, err := unix.ParseSocketControlMessage(oob)
	if err != nil {
		return 0
	}
	for _, m := range list {
		if (m.Header.Type == unix.IP_RECVERR || m.Header.Type == unix.IPV6_RECVERR) && len(m.Data) >= 4 {
			return syscall.Errno(uint32(m.Data[0]) | uint32(m.Data[1])<<8 | uint32(m.Data[2])<<16 | uint32(m.Data[3])<<24)
		}
	}
	return 0
}

// resetAfter makes a connection end when sent data is not acknowledged for so long.
func resetAfter(conn *net.TCPConn, patience time.Duration) {
	raw, err := conn.SyscallConn()
	if err != nil {
		return
	}
	_ = raw.Control(func(fd uintptr) {
		_ = unix.SetsockoptInt(int(fd), unix.IPPROTO_TCP, unix.TCP_USER_TIMEOUT, int(patience/time.Millisecond)) // best effort
	})
}
