package peers

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"net/netip"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"syscall"
)

// networkPrefix of an interface's name; the number of the process that made it stands behind.
const networkPrefix = "b2bua"

// ip runs iproute2.
func ip(words string) error {
	out, err := exec.Command("ip", strings.Fields(words)...).CombinedOutput()
	if err != nil {
		return fmt.Errorf("ip %s: %w: %s", words, err, strings.TrimSpace(string(out)))
	}
	return nil
}

// needNetwork says what a second network needs, where it could not be made.
func needNetwork(err error) error {
	if errors.Is(err, exec.ErrNotFound) {
		return fmt.Errorf("a second network needs iproute2; install it with\n    apt-get update && apt-get install -y --no-install-recommends iproute2\n%w", err)
	}
	return fmt.Errorf("a second network needs the right to add an interface: run the tests as root, in a container with --cap-add=NET_ADMIN: %w", err)
}

// removeStale removes the interfaces of processes that ended before they could: phones would take their addresses for candidates.
func removeStale() {
	entries, _ := os.ReadDir("/sys/class/net") // without it there are none to remove
	for _, e := range entries {
		if stale(e.Name(), func(pid int) bool { return !errors.Is(syscall.Kill(pid, 0), syscall.ESRCH) }) {
			_ = ip("link delete " + e.Name())
		}
	}
}

// stale tells whether an interface is that of a process which is not alive.
func stale(name string, alive func(pid int) bool) bool {
	digits, ours := strings.CutPrefix(name, networkPrefix)
	pid, err := strconv.Atoi(digits)
	return ours && err == nil && pid > 0 && !alive(pid)
}

// secondNetwork puts this machine on another network until the returned function is called: an interface that leads nowhere, with an address
// that phones with ICE take for a candidate. It needs root and iproute2; without them the address is invalid and why says what to do.
func secondNetwork() (at netip.Addr, remove func(), why error) {
	removeStale()
	name := fmt.Sprintf(networkPrefix+"%d", os.Getpid())
	at = netip.AddrFrom4([4]byte{198, 18, byte(rand.IntN(256)), byte(1 + rand.IntN(254))}) // RFC 2544: of no real network
	if err := ip("link add " + name + " type dummy"); err != nil {
		if err = ip("link add " + name + " type bridge"); err != nil { // a kernel may have only one of them
			return netip.Addr{}, func() {}, needNetwork(err)
		}
	}
	remove = func() { _ = ip("link delete " + name) }
	for _, words := range []string{"address add " + at.String() + "/32 dev " + name, "link set " + name + " up"} {
		if err := ip(words); err != nil {
			remove()
			return netip.Addr{}, func() {}, needNetwork(err)
		}
	}
	return at, remove, nil
}
