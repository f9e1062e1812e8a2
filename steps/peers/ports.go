package peers

import (
	"net"
	"net/netip"
)

// inUse tells whether somebody has the port, by trying to open it.
func inUse(network string, at netip.AddrPort) bool {
	if network == "tcp" {
		l, err := net.Listen("tcp", at.String())
		if err != nil {
			return true
		}
		_ = l.Close()
		return false
	}
	c, err := net.ListenPacket("udp", at.String())
	if err != nil {
		return true
	}
	_ = c.Close()
	return false
}
