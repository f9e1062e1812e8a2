package transport

import (
	"net/netip"
	"strconv"
	"strings"
	"time"

	"b2bua/core/sip"
	"b2bua/core/transaction"
)

// path is how messages go by a connection.
func (f *flow) path() transaction.Path {
	return transaction.Path{Flow: uint64(f.ID), Remote: f.Remote, Reliable: true, Network: f.Network}
}

// path is how messages go by a socket.
func (u *udpSocket) path(to netip.AddrPort) transaction.Path {
	return transaction.Path{Flow: uint64(u.id), Remote: to, Network: "udp"}
}

// Ack sends the ACK to a 2xx, and again for every repetition of that 2xx. It goes where a request of the dialog goes (RFC 3261 sections
// 13.2.2.4 and 8.1.2): by the hop, or by its Route or Request-URI, at the first address that takes it; by the flow of the INVITE when that
// leads to one of these addresses. When its connection has gone by the time of a repetition it is routed again.
func (s *Stack) Ack(invite TxID, ack *sip.Message, hop NextHop) {
	now := time.Now()
	s.keepAckHop(invite, hop)
	if f := s.flows[hop.Flow]; f != nil {
		s.ackByFlow(invite, ack, f)
		return
	}
	s.ways(now, nextURI(ack, hop), hop, func(now time.Time, list []candidate, err error) {
		if err != nil {
			s.unsent(ack, err)
			return
		}
		if f, _ := s.near(hop.Near, list); f != nil {
			s.ackByFlow(invite, ack, f)
			return
		}
		if !s.ackLikeInvite(invite, ack, list) {
			s.ackBy(now, invite, ack, hop.Key, list, nil)
		}
	})
}

// keepAckHop remembers where an ACK goes, for a repetition after its connection has gone, as long as its transaction is there.
func (s *Stack) keepAckHop(invite TxID, hop NextHop) {
	if len(s.ackHops) >= s.ackSweep {
		for id := range s.ackHops {
			if _, there := s.engine.PathOf(id); !there {
				delete(s.ackHops, id)
			}
		}
		s.ackSweep = max(64, 2*len(s.ackHops))
	}
	s.ackHops[invite] = hop
}

func (s *Stack) unsent(ack *sip.Message, err error) {
	s.log.Warn("an ACK can't be sent: the call will end by itself", "call-id", ack.CallID, "error", err)
}

func (s *Stack) ackByFlow(invite TxID, ack *sip.Message, f *flow) {
	s.engine.Ack(invite, s.dress(ack, f.Network, f.Local), f.path())
}

func (s *Stack) ackByUDP(invite TxID, ack *sip.Message, u *udpSocket, to netip.AddrPort) {
	s.engine.Ack(invite, s.dress(ack, "udp", s.localFor(u, to.Addr())), u.path(to))
}

// ackLikeInvite takes the flow on which the INVITE went, when it leads to an address where the ACK may go: it is known to work, and a
// peer behind a NAT, or one account's connection, has no other.
func (s *Stack) ackLikeInvite(invite TxID, ack *sip.Message, list []candidate) bool {
	path, ok := s.engine.PathOf(invite)
	if !ok {
		return false
	}
	f, u := s.flows[FlowID(path.Flow)], s.udpByID(FlowID(path.Flow))
	for _, c := range list {
		switch {
		case f != nil && f.Network == c.network && f.Remote == c.addr && (f.incoming || c.network != "tls" || f.isOf(c.name)):
			s.ackByFlow(invite, ack, f)
			return true
		case u != nil && c.network == "udp" && path.Remote == c.addr:
			s.ackByUDP(invite, ack, u, c.addr)
			return true
		}
	}
	return false
}

// ackBy tries one address after the other; err is why the one before failed.
func (s *Stack) ackBy(now time.Time, invite TxID, ack *sip.Message, key string, list []candidate, err error) {
	if len(list) == 0 {
		s.unsent(ack, err)
		return
	}
	c := list[0]
	if c.network == "udp" {
		u, err := s.udpFor(now, c.addr.Addr(), key)
		if err != nil {
			s.ackBy(now, invite, ack, key, list[1:], err)
			return
		}
		s.ackByUDP(invite, ack, u, c.addr)
		return
	}
	s.connect(now, invited, target{network: c.network, addr: c.addr, name: tlsName(c), key: key}, s.cfg.ConnectTimeout, func(now time.Time, f *flow, err error) {
		if err != nil {
			s.ackBy(now, invite, ack, key, list[1:], err)
			return
		}
		s.ackByFlow(invite, ack, f)
	})
}

// sendAck puts an ACK to a 2xx on the wire, by another way when its own has gone: the 2xx was repeated by a new connection then.
func (s *Stack) sendAck(now time.Time, o *transaction.Output) {
	err := s.write(now, o)
	if err == nil {
		return
	}
	ack, fault := sip.Parse(o.Wire)
	if fault != nil || o.Path.Network == "udp" {
		s.log.Warn("an ACK can't be sent: the call will end by itself", "error", err)
		return
	}
	ack.Via = ack.Via[1:] // ours
	s.Ack(o.Tx, ack, s.ackHops[o.Tx])
}

// reconnect looks for a new connection for the final response of an INVITE whose own was lost (RFC 3261 section 18.2.2): to where the
// request came from, at the port that its sent-by names. The name in the sent-by is not looked up: it is a stranger's word,
// and whoever can't be reached at its own address will repeat its request.
func (s *Stack) reconnect(now time.Time, o *transaction.Output) {
	tx, cause := o.Tx, o.Err
	host, port := splitSentBy(o.SentBy)
	t := target{network: o.Path.Network, addr: netip.AddrPortFrom(o.Path.Remote.Addr(), portOr(port, o.Path.Network))}
	if t.network == "tls" {
		t.name = strings.Trim(host, "[]")
	}
	s.connect(now, invited, t, s.cfg.ConnectTimeout, func(now time.Time, f *flow, err error) {
		if err != nil {
			s.log.Debug("no new connection for the answer to an INVITE whose connection was lost", "error", err)
			s.engine.SendFailed(tx, cause)
			return
		}
		s.engine.Reconnected(now, tx, f.path())
	})
}

func splitSentBy(s string) (host string, port int) {
	if i := strings.LastIndexByte(s, ':'); i > 0 && !strings.HasSuffix(s, "]") {
		if n, err := strconv.Atoi(s[i+1:]); err == nil {
			return s[:i], n
		}
	}
	return s, 0
}
