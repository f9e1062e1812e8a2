package transport

import (
	"bufio"
	"context"
	"errors"
	"net"
	"net/netip"
	"os"
	"slices"
	"strings"
	"sync"
	"time"

	"b2bua/core/sip"
)

// Resolver is what of net.Resolver is needed.
type Resolver interface {
	LookupSRV(ctx context.Context, service, proto, name string) (cname string, addrs []*net.SRV, err error)
	LookupNetIP(ctx context.Context, network, host string) ([]netip.Addr, error)
}

// candidate is one address to try.
type candidate struct {
	network string
	addr    netip.AddrPort
	name    string // verified in TLS
	forced  bool   // UDP even for long requests: TCP was refused
}

// destination is what has to be resolved: a URI without what does not matter for it.
type destination struct {
	host    string
	port    int
	network string // "" when the URI leaves it open
}

// destinationOf applies RFC 3263 section 4.1 as far as the URI alone decides; maddr takes the place of the host.
func destinationOf(u sip.URI) (destination, error) {
	d := destination{host: strings.ToLower(u.Host), port: u.Port}
	if maddr, ok := u.Params.Get("maddr"); ok && maddr != "" {
		d.host = strings.ToLower(maddr)
	}
	transport, _ := u.Params.Get("transport")
	switch transport = strings.ToLower(transport); {
	case u.Scheme != "sip" && u.Scheme != "sips":
		return d, &ResolveError{Host: u.Scheme + " URI", Err: impossibleError("only sip and sips URIs can be reached")}
	case d.host == "":
		return d, &ResolveError{Host: "a URI without host", Err: errors.New("nothing to look up")}
	case u.Scheme == "sips" && (transport == "" || transport == "tcp" || transport == "tls"), transport == "tls":
		d.network = "tls"
	case u.Scheme == "sips":
		return d, &ResolveError{Host: d.host, Err: impossibleError("sips goes by TLS over TCP only")}
	case transport == "udp" || transport == "tcp" || transport == "":
		d.network = transport
	default:
		return d, &ResolveError{Host: d.host, Err: impossibleError("its transport is none of udp, tcp, tls")}
	}
	return d, nil
}

// literal answers without any look-up when the host is an address.
func (d destination) literal() ([]candidate, bool) {
	a, err := netip.ParseAddr(strings.Trim(d.host, "[]"))
	if err != nil {
		return nil, false
	}
	c := candidate{network: d.network}
	switch c.network {
	case "":
		c.network = "udp"
	case "tls":
		c.name = a.Unmap().String()
	}
	c.addr = netip.AddrPortFrom(a.Unmap(), portOr(d.port, c.network))
	return []candidate{c}, true
}

func portOr(port int, network string) uint16 {
	switch {
	case port != 0:
		return uint16(port)
	case network == "tls":
		return 5061
	default:
		return 5060
	}
}

const (
	resolvedLife  = 10 * time.Second // long enough that a Locate and the Request after it agree
	resolvedSize  = 1024             // names kept
	lookupTime    = 5 * time.Second
	lookupsAtOnce = 256
)

type resolver struct {
	net   Resolver
	hosts string // path of the hosts file
	slots chan struct{}

	mu    sync.Mutex
	known map[destination]answer
}

type answer struct {
	list []candidate
	at   time.Time
}

func newResolver(r Resolver) *resolver {
	if r == nil {
		r = net.DefaultResolver
	}
	return &resolver{net: r, hosts: "/etc/hosts", slots: make(chan struct{}, lookupsAtOnce), known: map[destination]answer{}}
}

// cached returns a recent answer.
func (r *resolver) cached(d destination, now time.Time) ([]candidate, bool) {
	if list, ok := d.literal(); ok {
		return list, true
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	a, ok := r.known[d]
	return a.list, ok && now.Sub(a.at) < resolvedLife
}

// lookup asks the network; it blocks.
func (r *resolver) lookup(ctx context.Context, d destination) ([]candidate, error) {
	select {
	case r.slots <- struct{}{}:
		defer func() { <-r.slots }()
	case <-ctx.Done():
		return nil, ctx.Err()
	}
	if list, ok := r.cached(d, time.Now()); ok { // someone else has asked meanwhile
		return list, nil
	}
	ctx, cancel := context.WithTimeout(ctx, lookupTime)
	defer cancel()
	d.host = strings.Clone(d.host) // the answer and the connections made by it outlive the message with that URI
	list, err := r.ask(ctx, d)
	if err != nil {
		return nil, &ResolveError{Host: d.host, Err: err}
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	r.keep(d, answer{list: list, at: time.Now()})
	return list, nil
}

// keep makes room by what is out of date, else by everything: that costs a question more per name, and no memory.
func (r *resolver) keep(d destination, a answer) {
	if len(r.known) >= resolvedSize {
		for k, old := range r.known {
			if a.at.Sub(old.at) >= resolvedLife {
				delete(r.known, k)
			}
		}
	}
	if len(r.known) >= resolvedSize {
		clear(r.known)
	}
	r.known[d] = a
}

// ask is RFC 3263 section 4.2: SRV unless a port is given, then addresses. The hosts file overrides SRV, as it overrides addresses.
func (r *resolver) ask(ctx context.Context, d destination) ([]candidate, error) {
	if d.port == 0 && d.host != "localhost" && !strings.HasSuffix(d.host, ".localhost") && !r.inHosts(d.host) {
		if list := r.services(ctx, d); len(list) > 0 {
			return list, nil
		}
	}
	network := d.network
	if network == "" {
		network = "udp"
	}
	return r.addresses(ctx, d.host, portOr(d.port, network), network, d.host)
}

// services follows the SRV records of the transport, or of UDP and then TCP when the URI leaves it open.
func (r *resolver) services(ctx context.Context, d destination) []candidate {
	kinds := []struct{ network, service, proto string }{{"udp", "sip", "udp"}, {"tcp", "sip", "tcp"}, {"tls", "sips", "tcp"}}
	var out []candidate
	for _, k := range kinds {
		if d.network != k.network && (d.network != "" || k.network == "tls" || len(out) > 0) {
			continue
		}
		_, records, err := r.net.LookupSRV(ctx, k.service, k.proto, d.host) // in order of priority, shuffled by weight
		if err != nil {
			continue // no such records, or a server that does not know: addresses are next
		}
		for _, srv := range records {
			name := strings.TrimSuffix(srv.Target, ".")
			if name == "" { // RFC 2782: the service is decidedly not there
				continue
			}
			list, err := r.addresses(ctx, name, srv.Port, k.network, d.host) // TLS verifies the name asked for (RFC 5922 section 4)
			if err == nil {
				out = append(out, list...)
			}
		}
	}
	return out
}

func (r *resolver) addresses(ctx context.Context, host string, port uint16, network, verify string) ([]candidate, error) {
	ips, err := r.net.LookupNetIP(ctx, "ip", host)
	if err != nil {
		return nil, err
	}
	var out []candidate
	for _, ip := range ips {
		c := candidate{network: network, addr: netip.AddrPortFrom(ip.Unmap(), port), name: verify}
		if !slices.Contains(out, c) {
			out = append(out, c)
		}
	}
	if len(out) == 0 {
		return nil, errors.New("the name has no address")
	}
	// IPv4 first: most SIP networks are IPv4, and a missing IPv6 route would cost a failed attempt.
	slices.SortStableFunc(out, func(a, b candidate) int {
		switch x, y := a.addr.Addr().Is4(), b.addr.Addr().Is4(); {
		case x == y:
			return 0
		case x:
			return -1
		default:
			return 1
		}
	})
	return out, nil
}

func (r *resolver) inHosts(name string) bool {
	f, err := os.Open(r.hosts)
	if err != nil {
		return false
	}
	defer func() { _ = f.Close() }() // only read
	for lines := bufio.NewScanner(f); lines.Scan(); {
		line, _, _ := strings.Cut(lines.Text(), "#")
		if words := strings.Fields(line); len(words) > 1 && slices.ContainsFunc(words[1:], func(w string) bool { return strings.EqualFold(w, name) }) {
			return true
		}
	}
	return false
}
