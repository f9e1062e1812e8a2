package transport

import (
	"errors"
	"net"
	"net/netip"
	"syscall"

	"golang.org/x/net/ipv4"
	"golang.org/x/net/ipv6"
)

// prepare asks the kernel for what a SIP socket wants to know beyond the datagram: ICMP errors and, on a wildcard socket, to which of
// our addresses a datagram came, so that the answer leaves from it. Both are best effort.
func (u *udpSocket) prepare() {
	u.wantErrors()
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

// maxDatagram is the most that UDP over IPv4 carries; a longer one can't leave, now or later.
const maxDatagram = 65507

// sendTries is how often one datagram is tried; what has not left by then is left to the timers of its transaction, as if it were lost.
const sendTries = 4

// send writes one datagram, from that address of ours on a wildcard socket. An error that shows here may well be about an earlier
// datagram, to another peer: the kernel puts each ICMP error on the socket, for whoever uses it next. So the datagram is tried again
// whatever the error says, and whom it was about is only in the error queue; foul tells that there may be something in it.
func (u *udpSocket) send(b []byte, local netip.Addr, to netip.AddrPort) (foul bool, err error) {
	var oob []byte
	if local.IsValid() && u.local.Addr().IsUnspecified() {
		if local.Is4() { // on an IPv6 socket too: the kernel takes either for mapped addresses, x/net only this one
			oob = (&ipv4.ControlMessage{Src: local.AsSlice()}).Marshal()
		} else {
			oob = (&ipv6.ControlMessage{Src: local.AsSlice()}).Marshal()
		}
	}
	return insist(func() error {
		_, _, err := u.conn.WriteMsgUDPAddrPort(b, oob, to)
		if errors.Is(err, syscall.EINVAL) { // a system that takes no such wish: its own choice is the next best
			oob = nil
		}
		return err
	})
}

// insist tries a write again, unless trying at once again is of no use.
func insist(write func() error) (foul bool, err error) {
	for range sendTries {
		err = write()
		if err == nil || errors.Is(err, syscall.EAGAIN) || errors.Is(err, net.ErrClosed) {
			return foul, err
		}
		foul = true
	}
	return foul, err
}
