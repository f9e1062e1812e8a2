package config

import (
	"net/netip"
	"strings"

	"b2bua/core/sip"
)

// parseListen reads one URI of b2bua-server/transport (spec 1.2.1).
func parseListen(v string) (Listen, error) {
	const example = "such as sip:127.0.0.1:6067;transport=tcp"
	text, zero := withoutPortZero(v)
	wildcard := strings.Contains(text, ":*") // no host name; the URI parser would refuse it
	if wildcard {
		text = strings.Replace(text, ":*", ":[::]", 1)
	}
	u, err := sip.ParseURI(text)
	if err != nil {
		return Listen{}, refuse("a SIP URI "+example, "invalid SIP URI (%v)", err)
	}
	l := Listen{URI: v, Host: strings.Trim(u.Host, "[]"), Port: uint16(u.Port)}
	if l.Network, err = listenNetwork(u); err != nil {
		return Listen{}, err
	}
	if u.User != "" {
		return Listen{}, refuse(strings.Replace(v, u.User+"@", "", 1), "invalid SIP URI (an address to listen on has no user part)")
	}
	addr, err := netip.ParseAddr(l.Host)
	literal := err == nil
	switch {
	case u.Port != 0 || zero:
	case literal && u.Scheme == "sips": // the port goes by the scheme, also for sip: with transport=tls (spec 1.2.1)
		l.Port = 5061
	case literal:
		l.Port = 5060
	default:
		return Listen{}, refuse("the port too, "+example, "failed to get port from SIP URI")
	}
	if literal {
		l.Addr = netip.AddrPortFrom(addr, l.Port)
	}
	if wildcard {
		l.Host = "*"
	}
	return l, nil
}

// withoutPortZero removes a port written as 0, which asks for any free port and is no port to the URI parser.
func withoutPortZero(v string) (string, bool) {
	end := strings.IndexAny(v, ";?")
	if end < 0 {
		end = len(v)
	}
	if head, ok := strings.CutSuffix(v[:end], ":0"); ok && strings.Contains(head, ":") && !strings.HasSuffix(head, ":") {
		return head + v[end:], true
	}
	return v, false
}

func listenNetwork(u sip.URI) (string, error) {
	transport, _ := u.Params.Get("transport")
	switch transport = strings.ToLower(transport); {
	case u.Scheme == "sip" && (transport == "" || transport == "udp"):
		return "udp", nil
	case u.Scheme == "sip" && transport == "tcp":
		return "tcp", nil
	case u.Scheme == "sip" && transport == "tls", u.Scheme == "sips" && (transport == "" || transport == "tcp"):
		return "tls", nil
	case u.Scheme == "sips" && transport == "udp":
		return "", refuse("sips: without ;transport=udp for TLS, or sip: for UDP", "SIP over DTLS is not supported")
	case u.Scheme == "sip", u.Scheme == "sips":
		fix := "transport=udp, tcp or tls"
		if u.Scheme == "sips" {
			fix = "sips: without a transport parameter"
		}
		return "", refuse(fix, "transport type '%s' is not allowed for '%s' scheme", transport, u.Scheme)
	}
	return "", refuse("a URI that begins with sip: or sips:", "invalid SIP URI (the scheme is %s)", u.Scheme)
}

// parseProxy reads b2bua-server/outbound-proxy: a SIP URI, with or without angle brackets. Empty: none.
func parseProxy(v string) (*sip.Address, error) {
	if v == "" {
		return nil, nil
	}
	if !strings.Contains(v, "<") {
		v = "<" + v + ">" // the parameters are those of the URI here, not of a header
	}
	a, err := sip.ParseAddress(v)
	const fix = "a SIP URI such as sip:127.0.0.1:5060;transport=tcp"
	if err != nil {
		return nil, refuse(fix, "invalid SIP URI (%v)", err)
	}
	if _, err := listenNetwork(a.URI); err != nil {
		return nil, err
	}
	a.Display = ""
	return &a, nil
}
