package peers

import (
	"fmt"
	"math/rand/v2"
	"net/netip"
	"os"
	"os/exec"
	"strings"
)

// secondNetwork puts this machine on another network until the returned function is called: an interface that leads nowhere, with an address
// that phones with ICE take for a candidate. It needs root and iproute2; without them the address is invalid and why says so.
func secondNetwork() (at netip.Addr, remove func(), why error) {
	name := fmt.Sprintf("b2bua%d", os.Getpid()%1_000_000)
	at = netip.AddrFrom4([4]byte{198, 18, byte(rand.IntN(256)), byte(1 + rand.IntN(254))}) // RFC 2544: of no real network
	ip := func(words string) error {
		out, err := exec.Command("ip", strings.Fields(words)...).CombinedOutput()
		if err != nil {
			return fmt.Errorf("ip %s: %w: %s", words, err, strings.TrimSpace(string(out)))
		}
		return nil
	}
	if err := ip("link add " + name + " type dummy"); err != nil {
		if err = ip("link add " + name + " type bridge"); err != nil { // a kernel may have only one of them
			return netip.Addr{}, func() {}, err
		}
	}
	remove = func() { _ = ip("link delete " + name) }
	for _, words := range []string{"address add " + at.String() + "/32 dev " + name, "link set " + name + " up"} {
		if err := ip(words); err != nil {
			remove()
			return netip.Addr{}, func() {}, err
		}
	}
	return at, remove, nil
}
