package product

import (
	"bufio"
	"encoding/hex"
	"fmt"
	"maps"
	"net/netip"
	"os"
	"path/filepath"
	"slices"
	"sort"
	"strconv"
	"strings"
)

// Socket is one internet socket of a process.
type Socket struct {
	Network   string // "udp" or "tcp"
	Local     netip.AddrPort
	Remote    netip.AddrPort // unspecified address: not connected
	Listening bool           // TCP: accepts connections; UDP: always
}

// String is for messages: `tcp 127.0.0.1:6067 listening`.
func (s Socket) String() string {
	if s.Listening {
		return fmt.Sprintf("%s %s listening", s.Network, s.Local)
	}
	return fmt.Sprintf("%s %s to %s", s.Network, s.Local, s.Remote)
}

// tcpListen is TCP_LISTEN of linux/tcp_states.h.
const tcpListen = "0A"

// Sockets are the internet sockets of a process, found through /proc.
func Sockets(pid int) ([]Socket, error) {
	inodes, err := socketInodes(pid)
	if err != nil {
		return nil, err
	}
	found := map[string]Socket{} // by inode
	// The kernel gives a table in pieces, and what others open and close in between moves its rows: one may come twice, or not at
	// all. UDP sockets are counted, so these are looked for twice.
	for _, table := range []string{"udp", "udp", "udp6", "udp6", "tcp", "tcp6"} {
		if err := readTable(found, fmt.Sprintf("/proc/%d/net/%s", pid, table), strings.TrimSuffix(table, "6"), inodes); err != nil {
			return nil, err
		}
	}
	out := slices.Collect(maps.Values(found))
	sort.Slice(out, func(i, j int) bool { return out[i].String() < out[j].String() })
	return out, nil
}

func socketInodes(pid int) (map[string]bool, error) {
	dir := fmt.Sprintf("/proc/%d/fd", pid)
	entries, err := os.ReadDir(dir)
	if err != nil {
		return nil, err
	}
	inodes := map[string]bool{}
	for _, e := range entries {
		target, err := os.Readlink(filepath.Join(dir, e.Name()))
		if err != nil {
			continue // closed in between
		}
		if inode, ok := strings.CutPrefix(target, "socket:["); ok {
			inodes[strings.TrimSuffix(inode, "]")] = true
		}
	}
	return inodes, nil
}

// readTable reads /proc/net/{udp,tcp}{,6}: slot, local address, remote address, state, …, inode in the tenth field.
func readTable(found map[string]Socket, path, network string, inodes map[string]bool) error {
	f, err := os.Open(path)
	if err != nil {
		if os.IsNotExist(err) {
			return nil // a kernel without IPv6
		}
		return err
	}
	defer func() { _ = f.Close() }()
	scanner := bufio.NewScanner(f)
	scanner.Scan()
	for scanner.Scan() {
		fields := strings.Fields(scanner.Text())
		if len(fields) < 10 || !inodes[fields[9]] {
			continue
		}
		local, err := hexAddr(fields[1])
		if err != nil {
			return err
		}
		remote, err := hexAddr(fields[2])
		if err != nil {
			return err
		}
		found[fields[9]] = Socket{Network: network, Local: local, Remote: remote, Listening: network == "udp" || fields[3] == tcpListen}
	}
	return scanner.Err()
}

// hexAddr reads an address as the kernel prints it: 32-bit words in host order (little endian on all we run on), then the port.
func hexAddr(text string) (netip.AddrPort, error) {
	host, port, ok := strings.Cut(text, ":")
	if !ok {
		return netip.AddrPort{}, fmt.Errorf("address %q has no port", text)
	}
	raw, err := hex.DecodeString(host)
	if err != nil {
		return netip.AddrPort{}, fmt.Errorf("address %q: %w", text, err)
	}
	for i := 0; i+4 <= len(raw); i += 4 {
		raw[i], raw[i+1], raw[i+2], raw[i+3] = raw[i+3], raw[i+2], raw[i+1], raw[i]
	}
	addr, ok := netip.AddrFromSlice(raw)
	if !ok {
		return netip.AddrPort{}, fmt.Errorf("address %q has %d bytes", text, len(raw))
	}
	number, err := strconv.ParseUint(port, 16, 16)
	if err != nil {
		return netip.AddrPort{}, fmt.Errorf("port of %q: %w", text, err)
	}
	return netip.AddrPortFrom(addr.Unmap(), uint16(number)), nil
}
