package app

import (
	"slices"
	"strings"

	"b2bua/core/sip"
)

// routeVia is the route of a leg B that goes by that proxy: the proxy with ;lr, or nothing when the Request-URI leads to the same
// place anyway (spec 2.3.1).
func routeVia(proxy sip.Address, callee sip.URI) []sip.Address {
	if sameHop(proxy.URI, callee) {
		return nil
	}
	proxy = sip.Address{URI: proxy.URI, Params: slices.Clone(proxy.Params)}
	if !proxy.URI.Params.Has("lr") {
		proxy.URI.Params = slices.Clone(proxy.URI.Params).WithFlag("lr")
	}
	return []sip.Address{proxy}
}

// sameHop compares host, port and transport, defaults filled in (RFC 3263 section 4.1 and 4.2).
func sameHop(a, b sip.URI) bool {
	transport := transportOf(a)
	return transport == transportOf(b) && portOf(a, transport) == portOf(b, transport) && strings.EqualFold(a.Host, b.Host)
}

func transportOf(u sip.URI) string {
	t, _ := u.Params.Get("transport")
	t = strings.ToLower(t)
	switch {
	case u.Scheme == "tel":
		return "tel" // no next hop of its own
	case u.Scheme == "sips":
		return "tls"
	case t == "":
		return "udp"
	default:
		return t
	}
}

func portOf(u sip.URI, transport string) int {
	switch {
	case u.Port != 0:
		return u.Port
	case transport == "tls":
		return 5061
	default:
		return 5060
	}
}
