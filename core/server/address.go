package server

import (
	"errors"
	"fmt"
	"net"
	"net/netip"
	"slices"
	"strings"
	"syscall"

	"b2bua/core/config"
)

// checkMediaAddress tries to bind what b2bua/media-address names: with one that this host does not have each call would fail.
func checkMediaAddress(list []netip.Addr) []config.Finding {
	var faults []config.Finding
	for _, a := range list {
		conn, err := net.ListenUDP("udp", net.UDPAddrFromAddrPort(netip.AddrPortFrom(a, 0)))
		if err == nil {
			_ = conn.Close()
			continue
		}
		problem := fmt.Sprintf("media cannot be bound to %s: %v", a, err)
		if errors.Is(err, syscall.EADDRNOTAVAIL) {
			problem = fmt.Sprintf("this host does not have the address %s, it has %s", a, ownAddresses(a))
		}
		faults = append(faults, config.Finding{
			Severity: config.Fault, Section: sectionOwn, Key: "media-address", Value: a.String(), Problem: problem,
			Fix: "an address of this host; the public one of a 1:1 NAT belongs into b2bua-server/nat-addresses. An address that comes later (of a cluster) can be bound with net.ipv4.ip_nonlocal_bind=1 (net.ipv6.…)",
		})
	}
	return faults
}

// ownAddresses are those of the host that have the family of one.
func ownAddresses(like netip.Addr) string {
	found, err := net.InterfaceAddrs()
	var list []string
	for _, f := range found {
		if p, err := netip.ParsePrefix(f.String()); err == nil && p.Addr().Is4() == like.Is4() && !p.Addr().IsLinkLocalUnicast() {
			list = append(list, p.Addr().String())
		}
	}
	switch {
	case err != nil:
		return "addresses that cannot be listed: " + err.Error()
	case list == nil:
		return "none of that family"
	}
	return strings.Join(list, ", ")
}

// explainBind names the setting that chose an address which is not, or no more, of this host.
func explainBind(err error, configured []netip.Addr, used ...netip.Addr) error {
	if !errors.Is(err, syscall.EADDRNOTAVAIL) {
		return err
	}
	for _, a := range used {
		if slices.Contains(configured, a) && len(checkMediaAddress([]netip.Addr{a})) > 0 {
			return fmt.Errorf("b2bua/media-address=%s is not an address of this host, which has %s: write one of these, or remove the setting: %w", a, ownAddresses(a), err)
		}
	}
	return err
}
