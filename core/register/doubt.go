package register

import (
	"net/netip"
	"strings"
	"time"

	"b2bua/core/sip"
)

// Doubt takes evidence from elsewhere, such as a call, that nobody may be there any more: a request to that next hop got no answer, or the
// transport refused it, which proves that nobody listened. A registrar there is asked by one of its accounts, at most every doubtEvery. Its
// answer after a refusal comes of a new process that may know nobody, so that all of its accounts are registered again.
func (e *Engine) Doubt(now time.Time, at sip.URI, refused bool) {
	if e.stopping {
		return
	}
	for _, h := range e.hops {
		if !sameHop(&h.uri, &at) {
			continue
		}
		if refused {
			h.away = now
		}
		if h.down || h.checker != nil || !h.doubted.IsZero() && now.Sub(h.doubted) < doubtEvery {
			continue
		}
		if e.check(now, h) {
			h.doubted = now
		}
	}
}

// sameHop tells whether two URIs lead to the same host, port and transport. One that says less than the other about a name does not: what
// is looked up for it may be something else (RFC 3263 section 4).
func sameHop(a, b *sip.URI) bool {
	return strings.EqualFold(a.Host, b.Host) && hopTransport(a) == hopTransport(b) && hopPort(a) == hopPort(b)
}

func hopTransport(u *sip.URI) string {
	name, _ := u.Params.Get("transport")
	switch name = strings.ToLower(name); {
	case u.Scheme == "sips", name == "tls":
		return "tls"
	case name == "":
		return "udp"
	}
	return name
}

func hopPort(u *sip.URI) int {
	if _, err := netip.ParseAddr(strings.Trim(u.Host, "[]")); err != nil || u.Port != 0 {
		return u.Port
	}
	if hopTransport(u) == "tls" {
		return 5061
	}
	return 5060
}
