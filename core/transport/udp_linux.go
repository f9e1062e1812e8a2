package transport

import (
	"errors"
	"net"
	"net/netip"
	"syscall"

	"golang.org/x/net/ipv4"
	"golang.org/x/net/ipv6"
	"golang.org/x/sys/unix"
)

// prepare asks the kernel for what a SIP socket wants to know beyond the datagram: ICMP errors (RFC 3261 section 18.4) and,
// on a wildcard socket, to which of our addresses a datagram came, so that the answer leaves from it. Both are best effort.
func (u *udpSocket) prepare() {
	raw, err := u.conn.SyscallConn()
	if err != nil {
		return
	}
	_ = raw.Control(func(fd uintptr) {
		_ = unix.SetsockoptInt(int(fd), unix.SOL_IP, unix.IP_RECVERR, 1)
		_ = unix.SetsockoptInt(int(fd), unix.SOL_IPV6, unix.IPV6_RECVERR, 1)
	})
	switch {
	case !u.local.Addr().IsUnspecified():
	case u.local.Addr().Is4():
		_ = ipv4.NewPacketConn(u.conn).SetControlMessage(ipv4.FlagDst, true)
	default:
		_ = ipv6.NewPacketConn(u.conn).SetControlMessage(ipv6.FlagDst, true)
	}
}

// receive reads one datagram; local is valid on wildcard sockets only.
func (u *udpSocket) receive(buf, oob []byte) (n int, local netip.Addr, from netip.AddrPort, err error) {
	var oobn int
	if u.local.Addr().IsUnspecified() {
		n, oobn, _, from, err = u.conn.ReadMsgUDPAddrPort(buf, oob)
		local = destinationIn(oob[:oobn], u.local.Addr().Is4())
	} else {
		n, from, err = u.conn.ReadFromUDPAddrPort(buf)
	}
	return n, local, netip.AddrPortFrom(from.Addr().Unmap(), from.Port()), err
}

func destinationIn(oob []byte, v4 bool) netip.Addr {
	var ip net.IP
	if v4 {
		var cm ipv4.ControlMessage
		if cm.Parse(oob) == nil {
			ip = cm.Dst
		}
	} else {
		var cm ipv6.ControlMessage
		if cm.Parse(oob) == nil {
			ip = cm.Dst
		}
	}
	a, _ := netip.AddrFromSlice(ip)
	if a = a.Unmap(); a.IsMulticast() || a.IsUnspecified() || a == netip.AddrFrom4([4]byte{255, 255, 255, 255}) {
		return netip.Addr{}
	}
	return a
}

// send writes one datagram, from that address of ours on a wildcard socket. An ICMP error that is reported here belongs to an earlier
// datagram, maybe to another peer, so one such error is followed by a second try.
func (u *udpSocket) send(b []byte, local netip.Addr, to netip.AddrPort) error {
	var oob []byte
	if local.IsValid() && u.local.Addr().IsUnspecified() {
		if local.Is4() { // on an IPv6 socket too: the kernel takes either for mapped addresses, x/net only this one
			oob = (&ipv4.ControlMessage{Src: local.AsSlice()}).Marshal()
		} else {
			oob = (&ipv6.ControlMessage{Src: local.AsSlice()}).Marshal()
		}
	}
	_, _, err := u.conn.WriteMsgUDPAddrPort(b, oob, to)
	if errors.Is(err, syscall.ECONNREFUSED) || errors.Is(err, syscall.EHOSTUNREACH) || errors.Is(err, syscall.ENETUNREACH) {
		_, _, err = u.conn.WriteMsgUDPAddrPort(b, oob, to)
	}
	return err
}

// reportUnreachable empties the socket's error queue and tells the loop where nobody is; false when there was nothing.
func (s *Stack) reportUnreachable(u *udpSocket) bool {
	raw, err := u.conn.SyscallConn()
	if err != nil {
		return false
	}
	found := false
	_ = raw.Control(func(fd uintptr) {
		buf, oob := make([]byte, 64), make([]byte, 512)
		for {
			_, oobn, _, to, err := unix.Recvmsg(int(fd), buf, oob, unix.MSG_ERRQUEUE|unix.MSG_DONTWAIT)
			if err != nil {
				return
			}
			found = true
			at, errno := addrOfSockaddr(to), errnoIn(oob[:oobn])
			if at.IsValid() && errno != 0 && errno != syscall.EMSGSIZE {
				why := &FlowError{Network: "udp", Remote: at, Doing: "send", Err: errno}
				s.deliver(inbound{flow: Flow{ID: u.id, Network: "udp", Local: u.local, Remote: at}, unreachable: why})
			}
		}
	})
	return found
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
