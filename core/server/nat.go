package server

import (
	"context"
	"errors"
	"fmt"
	"net/netip"
	"slices"
	"time"

	"b2bua/core/config"
	"b2bua/core/transport"
)

// natPatience is how long a name in nat-addresses may take to be resolved.
const natPatience = 5 * time.Second

// natAddresses resolves nat-addresses, each name once to its first address (spec 1.2.3).
func natAddresses(ctx context.Context, words []string, names transport.Resolver) ([]netip.Addr, error) {
	ctx, cancel := context.WithTimeout(ctx, natPatience)
	defer cancel()
	var list []netip.Addr
	var faults []config.Finding
	fault := func(word, problem, fix string) {
		faults = append(faults, config.Finding{
			Severity: config.Fault, Section: sectionB2BUA, Key: "nat-addresses", Value: word, Fix: fix,
			Problem: fmt.Sprintf("invalid value for parameter 'b2bua-server/nat-addresses' (%s): %s", word, problem),
		})
	}
	for _, word := range words {
		a, err := resolve(ctx, word, names)
		a = a.Unmap()
		family := "IPv6"
		if a.Is4() {
			family = "IPv4"
		}
		switch {
		case err != nil:
			fault(word, fmt.Sprintf("failed to configure NAT address (%s): %v", word, err), "the public IP address itself, or a name that this host can resolve when it starts")
		case a.IsUnspecified() || a.IsMulticast():
			fault(word, fmt.Sprintf("nobody can send media to %s", a), "the address that the NAT has on its public side")
		case slices.ContainsFunc(list, func(o netip.Addr) bool { return o.Is4() == a.Is4() }):
			fault(word, "only one "+family+" NAT address can be configured", "one IPv4 address, one IPv6 address, or one of each")
		default:
			list = append(list, a)
		}
	}
	if faults != nil {
		return nil, &ConfigError{Findings: faults}
	}
	return list, nil
}

// CheckNames looks up the host names in nat-addresses. What is not found is a warning: the host that checks a file need not be the one
// that uses it.
func CheckNames(ctx context.Context, cfg *config.Config, fixed map[string]netip.Addr) []config.Finding {
	_, err := natAddresses(ctx, cfg.B2BUA.NATAddresses, newHosts(fixed))
	var unusable *ConfigError
	if !errors.As(err, &unusable) {
		return nil
	}
	for i := range unusable.Findings {
		unusable.Findings[i].Severity = config.Warning
		unusable.Findings[i].Problem += "; a start is refused"
	}
	return unusable.Findings
}

func resolve(ctx context.Context, word string, names transport.Resolver) (netip.Addr, error) {
	if a, err := netip.ParseAddr(word); err == nil {
		return a.WithZone(""), nil
	}
	found, err := names.LookupNetIP(ctx, "ip", word)
	if err != nil {
		return netip.Addr{}, err
	}
	if len(found) == 0 {
		return netip.Addr{}, fmt.Errorf("%s has no address", word)
	}
	return found[0], nil
}
