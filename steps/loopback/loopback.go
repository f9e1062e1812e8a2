// Package loopback hands out loopback networks that no other test on this machine uses at the same time.
//
// On Linux all of 127.0.0.0/8 is local, so every scenario can have addresses of its own and well-known ports on them.
package loopback

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"net"
	"net/netip"
	"strconv"
	"sync"
)

// Net is a claimed /24. Its addresses are x.1, x.2 and so on.
type Net struct {
	base [4]byte
	lock net.Listener

	mu   sync.Mutex
	next byte
}

// attempts is far more than concurrent scenarios can ever need.
const attempts = 200

// Claim takes a free network until Release. The claim is a name in the abstract socket space, so it ends with the process.
func Claim() (*Net, error) {
	var last error
	for range attempts {
		second, third := byte(16+rand.IntN(220)), byte(rand.IntN(256))
		lock, err := net.Listen("unix", fmt.Sprintf("@b2bua-test-127.%d.%d", second, third))
		if err != nil {
			last = err
			continue
		}
		return &Net{base: [4]byte{127, second, third, 0}, lock: lock}, nil
	}
	return nil, fmt.Errorf("no free loopback network: %w", last)
}

// Next is the next unused address of the network.
func (n *Net) Next() (netip.Addr, error) {
	n.mu.Lock()
	defer n.mu.Unlock()
	if n.next == 254 {
		return netip.Addr{}, errors.New("all 254 addresses of the loopback network are in use")
	}
	n.next++
	addr := n.base
	addr[3] = n.next
	return netip.AddrFrom4(addr), nil
}

// Port is a port number that belongs to this network alone, for the one loopback address of IPv6. Networks of other octets may
// share it, which is rare enough: it is one of 20 000.
func (n *Net) Port() string {
	return strconv.Itoa(10000 + (int(n.base[1])*256+int(n.base[2]))%20000)
}

// Release gives the network back. It may be called twice.
func (n *Net) Release() {
	if n != nil {
		_ = n.lock.Close()
	}
}
