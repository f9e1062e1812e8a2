package transport

import (
	"errors"
	"net/netip"
	"time"

	"b2bua/core/sip"
	"b2bua/core/transaction"
)

// attempt is a request on its way to one of several addresses. Loop only.
type attempt struct {
	id        TxID
	req       *sip.Message // without our Via
	hop       NextHop
	rest      []candidate // not tried yet
	resolved  bool
	sent      bool
	heard     bool // something came back
	progress  bool // a provisional response other than 100 came: no other address after that
	cancelled bool
	extra     []sip.Header
	again     func(now time.Time) // sent by a connection that was there before: how to send it once more by a new one; else nil
	contact   *outgoing           // the Contact names a socket by which nothing of this request goes
}

// noTCPLife is how long a host that refuses TCP gets its long requests by UDP at once.
const noTCPLife = 10 * time.Minute

// Request sends a request by the hop, or where its Route or Request-URI says, and returns its transaction at once.
// The top Via and the host of a Contact without one are filled in. An address that fails, times out or answers 503 before
// anything else is followed by the next one (RFC 3263 section 4.3).
func (s *Stack) Request(req *sip.Message, hop NextHop) TxID {
	now := time.Now()
	a := &attempt{id: s.engine.NewID(), req: req, hop: hop}
	s.attempts[a.id] = a
	if f := s.flows[hop.Flow]; f != nil {
		s.transmit(now, a, f)
		return a.id
	}
	s.ways(now, nextURI(req, hop), hop, func(now time.Time, list []candidate, err error) {
		if s.attempts[a.id] != a {
			return // cancelled meanwhile
		}
		if err != nil {
			s.giveUp(a, err)
			return
		}
		a.rest, a.resolved = list, true
		if a.cancelled || !s.byNear(now, a, list) {
			s.next(now, a, nil)
		}
	})
	return a.id
}

func nextURI(req *sip.Message, hop NextHop) sip.URI {
	switch {
	case !hop.URI.IsZero():
		return hop.URI
	case len(req.Route) > 0:
		return req.Route[0].URI
	default:
		return req.URI
	}
}

// candidates calls back at once when nothing has to be looked up.
func (s *Stack) candidates(now time.Time, u sip.URI, done func(now time.Time, list []candidate, err error)) {
	d, err := destinationOf(u)
	if err != nil {
		s.later(func(now time.Time) { done(now, nil, err) })
		return
	}
	// One look-up per destination at a time: a slow DNS server gets one question, and who asked first is served first,
	// even when the answer has just come, so that no BYE overtakes its ACK.
	if waiting := s.lookups[d]; waiting != nil {
		s.lookups[d] = append(waiting, done)
		return
	}
	if list, ok := s.resolve.cached(d, now); ok {
		done(now, list, nil)
		return
	}
	s.lookups[d] = append(s.lookups[d], done)
	s.spawn(func() {
		list, err := s.resolve.lookup(s.ctx, d)
		s.post(func(now time.Time) {
			waiting := s.lookups[d]
			delete(s.lookups, d)
			for _, done := range waiting {
				s.guard("", func() { done(now, list, err) })
			}
		})
	})
}

// later runs f on the loop after the present callback: a failure must not be reported before Request has returned its ID.
func (s *Stack) later(f func(now time.Time)) { s.post(f) }

// next tries the next address; err is why the one before failed.
func (s *Stack) next(now time.Time, a *attempt, err error) {
	if a.cancelled {
		s.giveUp(a, ErrCancelled)
		return
	}
	if len(a.rest) == 0 {
		s.giveUp(a, err)
		return
	}
	c := a.rest[0]
	a.rest, a.heard, a.again = a.rest[1:], false, nil
	switch {
	case c.network != "udp":
		s.overStream(now, a, target{network: c.network, addr: c.addr, name: tlsName(c), key: a.hop.Key}, s.cfg.ConnectTimeout)
	case !c.forced && s.tooLong(now, a, c):
		c.forced = true
		a.rest = append([]candidate{c}, a.rest...)
		s.overStream(now, a, target{network: "tcp", addr: c.addr, key: a.hop.Key}, min(s.cfg.ConnectTimeout, 2*time.Second))
	default:
		s.overUDP(now, a, c)
	}
}

func tlsName(c candidate) string {
	if c.network == "tls" {
		return c.name
	}
	return ""
}

// tooLong says that TCP has to be tried first (RFC 3261 section 18.1.1). The Via to come is counted.
func (s *Stack) tooLong(now time.Time, a *attempt, c candidate) bool {
	const viaLength = 100
	if s.cfg.MaxDatagram < 0 || now.Sub(s.noTCP[c.addr]) < noTCPLife {
		return false
	}
	return len(a.req.Bytes())+viaLength > s.cfg.MaxDatagram
}

// overStream sends by the connection to a target. One that was there before may have died unnoticed: when it turns out lost before
// anything came back, the same target is dialled once more (RFC 5923 section 7.1, RFC 3263 section 4.3).
func (s *Stack) overStream(now time.Time, a *attempt, t target, patience time.Duration) {
	again := func(now time.Time) { s.byStream(now, a, t, patience, nil) }
	if s.targets[t] == nil {
		again = nil
	}
	s.byStream(now, a, t, patience, again)
}

func (s *Stack) byStream(now time.Time, a *attempt, t target, patience time.Duration, again func(now time.Time)) {
	s.connect(now, aimOf(a.req), t, patience, func(now time.Time, f *flow, err error) {
		switch {
		case s.attempts[a.id] != a: // cancelled meanwhile
		case a.cancelled:
			s.giveUp(a, ErrCancelled)
		case err != nil:
			if len(a.rest) > 0 && a.rest[0].forced && len(s.noTCP) < resolvedSize {
				s.noTCP[t.addr] = now
			}
			s.next(now, a, err)
		default:
			a.again = again
			s.transmit(now, a, f)
		}
	})
}

// transmit sends by a connection.
func (s *Stack) transmit(now time.Time, a *attempt, f *flow) {
	s.carries(now, f, a.req)
	s.start(now, a, f.path(), f.Network, f.Local)
}

func (s *Stack) overUDP(now time.Time, a *attempt, c candidate) {
	u, err := s.udpFor(now, c.addr.Addr(), a.hop.Key)
	if err != nil {
		s.next(now, a, &FlowError{Network: "udp", Remote: c.addr, Doing: "open a socket", Err: err})
		return
	}
	if u.outgoing != nil && a.req.Method == sip.REGISTER {
		u.outgoing.registering(now, a.req, c.addr.Addr())
	}
	path := u.path(c.addr)
	s.start(now, a, path, "udp", s.localFor(u, c.addr.Addr()))
}

func (s *Stack) start(now time.Time, a *attempt, path transaction.Path, network string, local netip.AddrPort) {
	a.sent = true
	m := s.dress(a.req, network, local)
	if len(a.rest) > 0 && a.rest[0].forced && network == "tcp" {
		// Only its length sends this request by TCP; the peer shall come back by UDP.
		if u, err := s.udpFor(now, path.Remote.Addr(), a.hop.Key); err == nil {
			m.Contact = a.req.Contact
			s.fillContacts(m, "udp", s.localFor(u, path.Remote.Addr()))
			if u.outgoing != nil { // its port is in the Contact although nothing went by it
				a.contact = u.outgoing
				u.outgoing.keep(a.req.CallID+" "+a.req.From.Tag(), now.Add(dialogLife))
			}
		}
	}
	s.engine.Request(now, a.id, m, path)
}

// dress makes the message that leaves: our Via on top, Contacts filled in.
func (s *Stack) dress(req *sip.Message, network string, local netip.AddrPort) *sip.Message {
	m := req.Clone()
	host, port := s.reachable(network, local)
	via := sip.Via{Transport: viaTransport(network), Host: host, Port: port, Params: sip.Params{
		{Name: "rport"}, {Name: "branch", Value: sip.NewBranch(s.cfg.Rand), HasValue: true},
	}}
	m.Via = append([]sip.Via{via}, req.Via...)
	s.fillContacts(m, network, local)
	return m
}

func viaTransport(network string) string {
	switch network {
	case "tcp":
		return "TCP"
	case "tls":
		return "TLS"
	default:
		return "UDP"
	}
}

// reachable is where a peer reaches us when it saw that local address: our listening port if we listen there.
func (s *Stack) reachable(network string, local netip.AddrPort) (host string, port int) {
	port = int(local.Port())
	for _, l := range s.listening {
		if l.Network == network && (l.Addr.Addr() == local.Addr() || l.Addr.Addr().IsUnspecified()) {
			port = int(l.Addr.Port())
			break
		}
	}
	host = local.Addr().WithZone("").String()
	if local.Addr().Is6() {
		host = "[" + host + "]"
	}
	return host, port
}

func (s *Stack) fillContacts(m *sip.Message, network string, local netip.AddrPort) {
	for i := range m.Contact {
		u := m.Contact[i].URI
		if u.Host != "" || u.Scheme != "sip" && u.Scheme != "sips" {
			continue
		}
		u.Host, u.Port = s.reachable(network, local)
		if m.Method == sip.REGISTER { // the registrar comes back by the same connection, also through a NAT (spec 4.11)
			u.Port = int(local.Port())
		}
		if network != "udp" {
			u.Params = u.Params.With("transport", network)
		}
		if i == 0 { // Clone shares the list with nobody, but fillContacts may get an original's
			m.Contact = append([]sip.Address(nil), m.Contact...)
		}
		m.Contact[i].URI = u
	}
}

func (s *Stack) giveUp(a *attempt, err error) {
	s.done(a)
	s.later(func(now time.Time) {
		s.guard(a.req.CallID, func() { s.handler.HandleFailure(now, a.id, err) })
	})
}

// responded passes a response on, unless it is a 503 and there is another address.
func (s *Stack) responded(now time.Time, o *transaction.Output) {
	if a := s.attempts[o.Tx]; a != nil {
		a.heard = true
		if len(a.rest) > 0 && a.rest[0].forced {
			a.rest = a.rest[1:] // it takes TCP, so the same host by UDP is no other try
		}
		switch status := o.Msg.Status; {
		case status == 503 && s.mayRetry(a):
			s.next(now, a, nil)
			return
		case status >= 200:
			if a.contact != nil {
				a.contact.answered(now, o.Msg)
			}
			s.done(a)
		case status > 100:
			a.progress, a.rest = true, nil
		}
	}
	s.came = s.flowOf(o.Path)
	s.guard(o.Msg.CallID, func() { s.handler.HandleResponse(now, o.Tx, o.Msg) })
	s.came = Flow{}
}

// Came is the flow by which the response came that the handler has in its hands; the zero Flow outside of HandleResponse.
func (s *Stack) Came() Flow { return s.came }

// RegisteredContact is host, port and transport as a REGISTER by that flow has them in its Contact.
func (s *Stack) RegisteredContact(flow Flow) sip.URI {
	m := &sip.Message{Method: sip.REGISTER, Contact: []sip.Address{{URI: sip.URI{Scheme: "sip"}}}}
	s.fillContacts(m, flow.Network, flow.Local)
	return m.Contact[0].URI
}

// done forgets an attempt that has its result.
func (s *Stack) done(a *attempt) {
	delete(s.attempts, a.id)
	if a.contact != nil {
		delete(a.contact.reasons, a.req.CallID+" "+a.req.From.Tag())
	}
}

func (s *Stack) mayRetry(a *attempt) bool {
	return !a.progress && !a.cancelled && len(a.rest) > 0
}

// mayRepeat tells whether a request may be sent once more to the same peer after its connection broke.
func (a *attempt) mayRepeat(err error) bool {
	var lost *FlowError
	return !a.heard && !a.cancelled && errors.As(err, &lost) && !errors.Is(err, errSlow)
}

// failed passes a failure on, unless there is another address.
func (s *Stack) failed(now time.Time, id TxID, err error) {
	a := s.attempts[id]
	if a == nil {
		s.guard("", func() { s.handler.HandleFailure(now, id, err) })
		return
	}
	if again := a.again; again != nil && a.mayRepeat(err) {
		a.again = nil
		s.log.Debug("the connection that a request was sent by had died; another one is made", "call-id", a.req.CallID, "error", err)
		again(now)
		return
	}
	if s.mayRetry(a) {
		s.next(now, a, err)
		return
	}
	if !a.progress && !a.cancelled && !a.resolved && a.hop.Flow != 0 {
		s.detour(now, a, err)
		return
	}
	s.done(a)
	s.guard(a.req.CallID, func() { s.handler.HandleFailure(now, id, err) })
}

// detour resolves the hop after the connection that was preferred broke before anything came back.
func (s *Stack) detour(now time.Time, a *attempt, cause error) {
	s.ways(now, nextURI(a.req, a.hop), a.hop, func(now time.Time, list []candidate, err error) {
		switch {
		case s.attempts[a.id] != a:
		case err != nil:
			s.giveUp(a, cause)
		default:
			a.rest, a.resolved = list, true
			s.next(now, a, cause)
		}
	})
}

// Cancel gives an INVITE up: by CANCEL once a provisional response came, without one if it has not left.
func (s *Stack) Cancel(invite TxID, extra []sip.Header) {
	now := time.Now()
	a := s.attempts[invite]
	if a == nil || a.cancelled {
		return
	}
	a.cancelled, a.extra, a.rest = true, extra, nil
	if !a.sent {
		s.giveUp(a, ErrCancelled)
		return
	}
	s.engine.Cancel(now, invite, extra)
}

// Respond answers a server transaction; a Contact without host is filled in. A response without To tag gets that of Tag.
// After the final response nothing is sent, except further 2xx to an INVITE with other To tags.
func (s *Stack) Respond(tx TxID, resp *sip.Message) {
	path, ok := s.engine.PathOf(tx)
	if !ok {
		return
	}
	network, local := s.localOf(path)
	if len(resp.Contact) > 0 {
		resp = resp.Clone()
		s.fillContacts(resp, network, local)
	}
	now := time.Now()
	if f := s.flows[FlowID(path.Flow)]; f != nil {
		s.answeredBy(now, f, resp)
	} else if u := s.udpByID(FlowID(path.Flow)); u != nil && u.outgoing != nil {
		u.outgoing.answered(now, resp)
	}
	s.engine.Respond(now, tx, resp)
}

// Tag is the To tag for responses of a server transaction: who takes it for the dialog answers a CANCEL with the same one.
func (s *Stack) Tag(tx TxID) string { return s.engine.Tag(tx) }

// Acked says that the ACK to the 2xx came: it is not repeated any more.
func (s *Stack) Acked(invite TxID) { s.engine.Acked(invite, "") }

// AckedFork is Acked for the 2xx with that To tag, for those who send several for one INVITE, as a forking proxy does.
func (s *Stack) AckedFork(invite TxID, tag string) { s.engine.Acked(invite, tag) }

// Locate finds and, by TCP and TLS, connects the next hop; done runs on the loop, after the present callback.
// A Request to the same hop right after goes the same way.
func (s *Stack) Locate(hop NextHop, done func(now time.Time, at Located, err error)) {
	tell := func(at Located, err error) {
		s.later(func(now time.Time) { done(now, at, err) })
	}
	if f := s.flows[hop.Flow]; f != nil {
		tell(Located{Local: f.Local, Network: f.Network, Flow: f.ID}, nil)
		return
	}
	s.candidates(time.Now(), hop.URI, func(now time.Time, list []candidate, err error) {
		if err != nil {
			tell(Located{}, err)
			return
		}
		s.locate(now, hop, list, tell)
	})
}

func (s *Stack) locate(now time.Time, hop NextHop, list []candidate, tell func(Located, error)) {
	c := list[0]
	if c.network == "udp" {
		u, err := s.udpFor(now, c.addr.Addr(), hop.Key)
		if err != nil {
			tell(Located{}, &FlowError{Network: "udp", Remote: c.addr, Doing: "open a socket", Err: err})
			return
		}
		tell(Located{Local: s.localFor(u, c.addr.Addr()), Network: "udp", Flow: u.id}, nil)
		return
	}
	s.connect(now, chosen, target{network: c.network, addr: c.addr, name: tlsName(c), key: hop.Key}, s.cfg.ConnectTimeout, func(now time.Time, f *flow, err error) {
		switch {
		case err == nil:
			tell(Located{Local: f.Local, Network: f.Network, Flow: f.ID}, nil)
		case len(list) > 1:
			s.locate(now, hop, list[1:], tell)
		default:
			tell(Located{}, err)
		}
	})
}
