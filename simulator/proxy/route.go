package proxy

import (
	"strings"
	"time"

	"b2bua/core/sip"
	"b2bua/core/transport"
	"b2bua/simulator/capture"
)

// HandleRequest implements transport.Handler.
func (p *Proxy) HandleRequest(now time.Time, tx transport.TxID, req *sip.Message, flow transport.Flow) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if req.Method == sip.ACK {
		p.acknowledge(req)
		return
	}
	if flow.Network != "udp" {
		p.flows[flowKey{flow.Network, flow.Remote}] = flow.ID
	}
	tag := sip.NewTag(p.rand)
	if req.Method == sip.REGISTER && p.misbehaves(tx, req, flow, tag) {
		return
	}
	refuse := func(status int) { p.stack.Respond(tx, sip.NewResponse(req, status, "", tag)) }
	if challenge := p.challenge(now, req, tag); challenge != nil {
		p.stack.Respond(tx, challenge)
		return
	}
	if req.Method == sip.REGISTER && p.bindings.serves(req.URI.Host) {
		resp := p.bindings.register(now, req, flow)
		resp.To = resp.To.WithTag(tag)
		p.stack.Respond(tx, resp)
		return
	}
	if req.MaxForwards == 0 { // RFC 3261 section 16.3
		refuse(483)
		return
	}
	out := p.prepare(req)
	if req.Method == sip.OPTIONS && out.URI.User == "" && len(out.Route) == 0 && p.isSelf(out.URI) {
		refuse(200)
		return
	}
	targets, status := p.targets(now, out)
	if status != 0 {
		refuse(status)
		return
	}
	for i := range targets {
		p.reroute(out, &targets[i])
		p.reuse(&targets[i].next)
	}
	p.forward(now, tx, req, out, targets, flow)
}

// prepare is the copy that goes on: our own routes taken off (RFC 3261 section 16.4), the Request-URI rewritten by the hook.
func (p *Proxy) prepare(req *sip.Message) *sip.Message {
	out := req.Clone()
	for len(out.Route) > 0 && p.isSelf(out.Route[0].URI) {
		out.Route = out.Route[1:]
	}
	if out.MaxForwards < 0 {
		out.MaxForwards = 71
	}
	out.MaxForwards--
	if p.cfg.Rewrite != nil && req.To.Tag() == "" {
		if s := p.cfg.Rewrite(capture.Message{Owner: p.cfg.Name, Raw: req.Bytes()}); s != "" {
			if u, err := sip.ParseURI(s); err == nil {
				out.URI = u
			}
		}
	}
	return out
}

// isSelf tells whether a URI is one of our listeners.
func (p *Proxy) isSelf(u sip.URI) bool {
	port := u.Port
	for _, l := range p.self {
		own := listenerURI(l)
		standard := 5060
		if l.Network == "tls" {
			standard = 5061
		}
		if (strings.EqualFold(own.Host, u.Host) || p.isNameOf(u.Host, l.Addr.Addr())) && (port == own.Port || port == 0 && own.Port == standard) {
			return true
		}
	}
	return false
}

// hop is one way a request takes.
type hop struct {
	uri     sip.URI
	route   []sip.Address
	next    transport.NextHop
	network string
	q       int
}

// targets are the ways of a request; a status when there is none.
func (p *Proxy) targets(now time.Time, req *sip.Message) ([]hop, int) {
	diverted := p.diverted(req)
	if diverted && !p.divert.AfterFork {
		return []hop{p.toB2BUA(req.URI)}, 0
	}
	if len(req.Route) > 0 && !diverted {
		u := req.Route[0].URI
		return []hop{{uri: req.URI, route: req.Route, next: transport.NextHop{URI: u}, network: networkOf(u)}}, 0
	}
	if req.To.Tag() != "" || !p.bindings.serves(req.URI.Host) || req.URI.User == "" {
		if diverted {
			return []hop{p.toB2BUA(req.URI)}, 0
		}
		return []hop{{uri: req.URI, next: transport.NextHop{URI: req.URI}, network: networkOf(req.URI)}}, 0
	}
	aor := key(req.URI)
	bindings := p.bindings.lookup(aor, now)
	if len(bindings) == 0 {
		if p.bindings.known[aor] {
			return nil, 480
		}
		return nil, 404
	}
	var out []hop
	for _, b := range bindings {
		if diverted {
			h := p.toB2BUA(b.uri)
			h.q = b.q
			out = append(out, h)
			continue
		}
		out = append(out, hop{uri: b.uri, next: transport.NextHop{URI: b.uri, Flow: b.flow}, network: networkOf(b.uri), q: b.q})
	}
	return out, 0
}

// diverted is the test of module::B2bua (spec 1.9). CANCEL follows its INVITE by the transaction.
func (p *Proxy) diverted(req *sip.Message) bool {
	if p.divert.URI == "" || req.Method != sip.INVITE || p.ofB2BUA(req) {
		return false
	}
	return p.divert.only.Match(req, req.URI)
}

// ofB2BUA tells the B2BUA's own requests, which pass through.
func (p *Proxy) ofB2BUA(req *sip.Message) bool {
	if p.divert.UserAgent == "" {
		_, from := req.Header("X-Flexisip-B2BUA")
		return from
	}
	ua, _ := req.Header("User-Agent")
	return ua == p.divert.UserAgent
}

// toB2BUA removes what routes there were and inserts one to the B2BUA.
func (p *Proxy) toB2BUA(uri sip.URI) hop {
	u := p.divert.uri
	return hop{uri: uri, route: []sip.Address{{URI: u}}, next: transport.NextHop{URI: u}, network: networkOf(u)}
}

// networkOf is the transport that a URI asks for (RFC 3263 section 4.1).
func networkOf(u sip.URI) string {
	transport, _ := u.Params.Get("transport")
	switch {
	case u.Scheme == "sips" || strings.EqualFold(transport, "tls"):
		return "tls"
	case strings.EqualFold(transport, "tcp"):
		return "tcp"
	}
	return "udp"
}

// recordRoute keeps us on the path of a dialog; two entries where the transport changes (RFC 5658 section 4).
func (p *Proxy) recordRoute(in, out string) []sip.Address {
	routes := []sip.Address{p.routeFor(out)}
	if other := p.routeFor(in); other.URI.String() != routes[0].URI.String() {
		routes = append(routes, other)
	}
	return routes
}

func (p *Proxy) routeFor(network string) sip.Address {
	best := p.self[0]
	for _, l := range p.self {
		if l.Network == network {
			best = l
			break
		}
	}
	u := listenerURI(best)
	if name := p.hosts.nameOf(best.Addr.Addr()); network == "tls" && name != "" && !p.cfg.AddressInRoutes { // certificates are of names (RFC 5922 section 4)
		u.Host = name
	}
	u.Params = u.Params.WithFlag("lr")
	return sip.Address{URI: u}
}
