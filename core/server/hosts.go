package server

import (
	"context"
	"net"
	"net/netip"
	"strings"

	"b2bua/core/transport"
)

// hosts resolves the names given by --hosts, knows that there are none below .invalid, and leaves all others to the system.
type hosts struct {
	transport.Resolver
	fixed map[string]netip.Addr // lower case
}

func newHosts(fixed map[string]netip.Addr) hosts {
	h := hosts{Resolver: net.DefaultResolver, fixed: map[string]netip.Addr{}}
	for name, addr := range fixed {
		h.fixed[strings.ToLower(name)] = addr
	}
	return h
}

// LookupSRV finds no service of a fixed name, so that its address is used (RFC 3263 section 4.2).
func (h hosts) LookupSRV(ctx context.Context, service, proto, name string) (string, []*net.SRV, error) {
	if _, ok := h.fixed[strings.ToLower(strings.TrimSuffix(name, "."))]; ok {
		return "", nil, &net.DNSError{Err: "fixed by --hosts", Name: name, IsNotFound: true}
	}
	if invalid(name) {
		return "", nil, noSuchName(name)
	}
	return h.Resolver.LookupSRV(ctx, service, proto, name)
}

// LookupNetIP gives the fixed address if it is of the wanted family.
func (h hosts) LookupNetIP(ctx context.Context, network, host string) ([]netip.Addr, error) {
	a, ok := h.fixed[strings.ToLower(strings.TrimSuffix(host, "."))]
	if !ok && invalid(host) {
		return nil, noSuchName(host)
	}
	if !ok {
		return h.Resolver.LookupNetIP(ctx, network, host)
	}
	if network == "ip4" && !a.Is4() || network == "ip6" && !a.Is6() {
		return nil, &net.DNSError{Err: "fixed by --hosts to another address family", Name: host, IsNotFound: true}
	}
	return []netip.Addr{a}, nil
}

// invalid tells a name that exists nowhere (RFC 6761 section 6.4). It is not asked for: some providers answer with an address of theirs.
func invalid(name string) bool {
	name = strings.ToLower(strings.TrimSuffix(name, "."))
	return name == "invalid" || strings.HasSuffix(name, ".invalid")
}

func noSuchName(name string) error {
	return &net.DNSError{Err: "no such host", Name: name, IsNotFound: true}
}
