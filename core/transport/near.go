package transport

import (
	"crypto/tls"
	"net/netip"
	"strings"
	"time"

	"b2bua/core/sip"
)

// This file is about requests inside a dialog. Their Route or Request-URI is the peer's word, and often an address where the way that the
// dialog came by was a name: a new TLS connection to it would be verified against an address that no certificate has. So the connection by
// which the peer spoke goes on to be used while it leads there (RFC 5923 in spirit), and when it is gone an address of a name that was
// verified, or that the first request went to, is verified by that name again.

// Near is where a dialog's peer last spoke from. The zero value: nothing is known.
type Near struct {
	Flow    FlowID         // a connection
	Peer    netip.AddrPort // its far end
	Name    string         // of the far end, as verified in TLS; empty: none was
	Listens int            // port where the peer listens, if it opened the connection and said so (Via, RFC 5923 section 5); 0: unknown
}

// ways calls back with the addresses of a request, each with the name that its certificate must have. When nothing has to be looked up it
// calls back at once.
func (s *Stack) ways(now time.Time, u sip.URI, hop NextHop, done func(now time.Time, list []candidate, err error)) {
	s.candidates(now, u, func(now time.Time, list []candidate, err error) {
		if err != nil || len(list) == 0 || !list[0].nameless() {
			done(now, list, err)
			return
		}
		if hop.Near.Name != "" && hop.Near.Peer.Addr() == list[0].addr.Addr() {
			done(now, list[0].as(hop.Near.Name), nil)
			return
		}
		if d, err := destinationOf(hop.First); err != nil || d.network != "tls" || isAddress(d.host) {
			done(now, list, nil)
			return
		}
		s.candidates(now, hop.First, func(now time.Time, first []candidate, _ error) {
			for _, f := range first {
				if f.network == "tls" && f.addr.Addr() == list[0].addr.Addr() {
					list = list[0].as(f.name)
					break
				}
			}
			done(now, list, nil)
		})
	})
}

// nameless tells of an address that was no name before.
func (c candidate) nameless() bool { return c.network == "tls" && isAddress(c.name) }

func (c candidate) as(name string) []candidate {
	c.name = name
	return []candidate{c}
}

func isAddress(host string) bool {
	_, err := netip.ParseAddr(strings.Trim(host, "[]"))
	return err == nil
}

// near is the connection by which the dialog's peer spoke, and which of the addresses it leads to; nil: to none, or it is gone.
func (s *Stack) near(n Near, list []candidate) (*flow, int) {
	f := s.flows[n.Flow]
	if f == nil {
		return nil, 0
	}
	for i, c := range list {
		if f.leadsTo(c, n.Listens) {
			return f, i
		}
	}
	return nil, 0
}

// leadsTo tells whether a connection is as good for an address as a new one.
func (f *flow) leadsTo(c candidate, listens int) bool {
	far := f.Remote
	if f.incoming {
		if listens <= 0 || listens > 65535 {
			return false
		}
		far = netip.AddrPortFrom(far.Addr(), uint16(listens))
	}
	return f.Network == c.network && far == c.addr && (c.network != "tls" || f.isOf(c.name))
}

// isOf tells whether the far end of a TLS connection has shown that it may be called by that name. An address in the place of a name is
// what the far end itself gave for the connection.
func (f *flow) isOf(name string) bool {
	if isAddress(name) || !f.incoming && f.target.name == name {
		return true
	}
	conn, ok := f.conn.(*tls.Conn)
	if !ok {
		return false
	}
	state := conn.ConnectionState()
	return len(state.VerifiedChains) > 0 && state.PeerCertificates[0].VerifyHostname(name) == nil
}

// byNear sends a request by the connection of its dialog; when that turns out lost, by a new one to the same address.
func (s *Stack) byNear(now time.Time, a *attempt, list []candidate) bool {
	f, i := s.near(a.hop.Near, list)
	if f == nil {
		return false
	}
	c := list[i]
	t := target{network: c.network, addr: c.addr, name: tlsName(c), key: a.hop.Key}
	a.rest = append(append([]candidate(nil), list[:i]...), list[i+1:]...)
	a.again = func(now time.Time) { s.byStream(now, a, t, s.cfg.ConnectTimeout, nil) }
	s.transmit(now, a, f)
	return true
}
