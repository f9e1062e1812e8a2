package peers

import (
	"errors"
	"math/rand/v2"
	"net"
	"net/netip"
	"sync"
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

// outside is this machine's address on a network. Agents of ICE make no candidates of loopback addresses; the packets between two
// programs of this machine do not leave it all the same.
func outside() (netip.Addr, error) {
	addrs, err := net.InterfaceAddrs()
	if err != nil {
		return netip.Addr{}, err
	}
	for _, a := range addrs {
		if prefix, err := netip.ParsePrefix(a.String()); err == nil && prefix.Addr().Is4() && prefix.Addr().IsGlobalUnicast() {
			return prefix.Addr(), nil
		}
	}
	return netip.Addr{}, errors.New("ICE needs an IPv4 address other than those of loopback: connect this machine to any network, or give it one with `ip address add`")
}

// ranges are the port ranges given out by this process.
var ranges struct {
	sync.Mutex
	taken map[uint16]bool
}

// freeRange finds n ports in a row, the first one even, that nobody has on any address: baresip binds its media to all. They lie
// below what the kernel gives out.
func freeRange(n uint16) (uint16, error) {
	const lowest, highest = 10000, 30000
	ranges.Lock()
	defer ranges.Unlock()
	if ranges.taken == nil {
		ranges.taken = map[uint16]bool{}
	}
search:
	for range 200 {
		first := lowest + uint16(rand.IntN((highest-lowest)/int(n)))*n
		if ranges.taken[first] {
			continue
		}
		for port := first; port < first+n; port++ {
			everywhere := netip.AddrPortFrom(netip.IPv4Unspecified(), port)
			if inUse("udp", everywhere) || inUse("tcp", everywhere) {
				continue search
			}
		}
		ranges.taken[first] = true
		return first, nil
	}
	return 0, errNoPorts
}
