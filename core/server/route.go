package server

import (
	"net"
	"net/netip"
)

// routeTo is the local address by which the system reaches peer; invalid if it does not. Connecting a UDP socket sends nothing.
func routeTo(peer netip.Addr) netip.Addr {
	if !peer.IsValid() {
		return netip.Addr{}
	}
	conn, err := net.DialUDP("udp", nil, net.UDPAddrFromAddrPort(netip.AddrPortFrom(peer, 9))) // any port will do
	if err != nil {
		return netip.Addr{}
	}
	defer func() { _ = conn.Close() }()
	return conn.LocalAddr().(*net.UDPAddr).AddrPort().Addr().Unmap()
}
