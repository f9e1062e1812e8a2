package proxy

import (
	"context"
	"fmt"
	"net"
	"net/netip"
	"strings"

	"b2bua/core/sip"
	"b2bua/core/transport"
	"b2bua/simulator/proxy/filter"
)

// route is one of module::Forward, understood.
type route struct {
	to   sip.Address
	when filter.Expression
}

func newRoutes(list []Route) ([]route, error) {
	var out []route
	for _, r := range list {
		a, err := sip.ParseAddress(r.To)
		if err != nil {
			return nil, fmt.Errorf("proxy: route %q: %w", r.To, err)
		}
		if !a.URI.Params.Has("lr") {
			a.URI.Params = a.URI.Params.WithFlag("lr")
		}
		when, err := filter.Parse(r.When)
		if err != nil {
			return nil, fmt.Errorf("proxy: route %s: %w", r.To, err)
		}
		out = append(out, route{sip.Address{URI: a.URI}, when})
	}
	return out, nil
}

// reroute is module::Forward: the first route whose condition fits a request outside a dialog is put before those that it has.
func (p *Proxy) reroute(req *sip.Message, h *hop) {
	if req.To.Tag() != "" {
		return
	}
	uri := h.uri
	if uri.Host == "" {
		uri = req.URI
	}
	for _, r := range p.routes {
		if r.when.Match(req, uri) {
			h.route = append([]sip.Address{r.to}, h.route...)
			h.next, h.network = transport.NextHop{URI: r.to.URI}, networkOf(r.to.URI)
			return
		}
	}
}

// flowKey is the far end of a connection.
type flowKey struct {
	network string
	remote  netip.AddrPort
}

// reuse takes the connection that the peer opened, where its URI is the far end of one: a Contact of who does not listen names the port
// that it connects from, and nobody could connect there.
func (p *Proxy) reuse(next *transport.NextHop) {
	addr, err := netip.ParseAddr(strings.Trim(next.URI.Host, "[]"))
	if next.Flow != 0 || err != nil {
		return
	}
	next.Flow = p.flows[flowKey{networkOf(next.URI), netip.AddrPortFrom(addr, uint16(next.URI.Port))}]
}

// lost forgets a connection.
func (p *Proxy) lost(f transport.Flow) {
	delete(p.registered, f.ID)
	if k := (flowKey{f.Network, f.Remote}); p.flows[k] == f.ID {
		delete(p.flows, k)
	}
}

// isNameOf tells whether a name was given to that address.
func (p *Proxy) isNameOf(name string, addr netip.Addr) bool {
	at, ok := p.hosts[strings.ToLower(name)]
	return ok && at.Unmap() == addr.Unmap()
}

// resolver answers for some names, in lower case, and leaves the rest to the system.
type resolver map[string]netip.Addr

func newResolver(hosts map[string]netip.Addr) resolver {
	fixed := resolver{}
	for name, addr := range hosts {
		fixed[strings.ToLower(name)] = addr
	}
	return fixed
}

// nameOf an address, the first by alphabet.
func (r resolver) nameOf(addr netip.Addr) string {
	first := ""
	for name, at := range r {
		if at.Unmap() == addr.Unmap() && (first == "" || name < first) {
			first = name
		}
	}
	return first
}

// LookupSRV implements transport.Resolver: a fixed name has no service records.
func (r resolver) LookupSRV(ctx context.Context, service, proto, name string) (string, []*net.SRV, error) {
	if _, ok := r[strings.ToLower(name)]; ok {
		return "", nil, &net.DNSError{Err: "no such record", Name: name, IsNotFound: true}
	}
	return net.DefaultResolver.LookupSRV(ctx, service, proto, name)
}

// LookupNetIP implements transport.Resolver.
func (r resolver) LookupNetIP(ctx context.Context, network, host string) ([]netip.Addr, error) {
	if addr, ok := r[strings.ToLower(host)]; ok {
		return []netip.Addr{addr}, nil
	}
	return net.DefaultResolver.LookupNetIP(ctx, network, host)
}
