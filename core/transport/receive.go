package transport

import (
	"net/netip"
	"strconv"
	"time"

	"b2bua/core/sip"
	"b2bua/core/transaction"
)

// receive takes what a reader handed over.
func (s *Stack) receive(now time.Time, in inbound) {
	if in.unreachable != nil {
		s.engine.Unreachable(uint64(in.flow.ID), in.flow.Remote, in.unreachable)
		return
	}
	if in.ended != nil {
		s.unregister(in.conn, in.ended)
		return
	}
	if in.conn == nil && !s.admitted(now, &in) {
		return
	}
	if f := in.conn; f != nil && f.life != nil && in.msg != nil {
		f.life.used = now
		if in.msg.Status != 0 {
			s.answeredBy(now, f, in.msg)
		}
	}
	if s.cfg.Tap != nil {
		s.cfg.Tap(In, in.flow, in.raw, now)
	}
	m := in.msg
	if in.fault != nil {
		s.faults.warn("malformed SIP message", in.flow.Network, in.flow.Remote, in.fault.What)
		if m = in.fault.Request; m == nil {
			return
		}
	}
	path := transaction.Path{Flow: uint64(in.flow.ID), Remote: in.flow.Remote, Reliable: in.conn != nil, Local: in.local, Network: in.flow.Network}
	if m.IsRequest() {
		path.Remote = markSource(m, in.flow)
	}
	if in.fault != nil {
		s.engine.Stateless(sip.NewResponse(m, in.fault.Status, "", sip.NewTag(s.cfg.Rand)), path)
		return
	}
	s.engine.Receive(now, m, path)
}

// markSource notes in the top Via where a request came from and returns where its responses go
// (RFC 3261 sections 18.2.1 and 18.2.2, RFC 3581 section 4).
func markSource(m *sip.Message, from Flow) netip.AddrPort {
	via := &m.Via[0]
	source := from.Remote
	port, wanted := via.Params.Get("rport")
	if wanted && port == "" {
		via.Params = via.Params.With("rport", itoa(source.Port()))
	}
	host := source.Addr().WithZone("").String()
	if wanted || via.Host != host && via.Host != "["+host+"]" {
		via.Params = via.Params.With("received", host)
	}
	if wanted || from.Network != "udp" {
		return source
	}
	return netip.AddrPortFrom(source.Addr(), portOr(via.Port, "udp"))
}

// flowOf is the flow of a path, for the handler.
func (s *Stack) flowOf(p transaction.Path) Flow {
	if f := s.flows[FlowID(p.Flow)]; f != nil {
		return f.Flow
	}
	network, local := s.localOf(p)
	return Flow{ID: FlowID(p.Flow), Network: network, Local: local, Remote: p.Remote}
}

func (s *Stack) localOf(p transaction.Path) (network string, local netip.AddrPort) {
	if f := s.flows[FlowID(p.Flow)]; f != nil {
		return f.Network, f.Local
	}
	if u := s.udpByID(FlowID(p.Flow)); u != nil {
		if p.Local.IsValid() {
			return "udp", netip.AddrPortFrom(p.Local, u.local.Port())
		}
		return "udp", s.localFor(u, p.Remote.Addr())
	}
	return p.Network, netip.AddrPort{} // the connection has just gone
}

// send puts a message of a transaction on the wire.
func (s *Stack) send(now time.Time, o *transaction.Output) {
	alive := s.flows[FlowID(o.Path.Flow)] != nil
	if err := s.write(now, o); err != nil && !alive { // the end of a connection has told the engine already
		s.engine.SendFailed(o.Tx, err)
	}
}

// write hands a message to its connection or socket. A connection that takes none ends, with all that that means for its transactions.
func (s *Stack) write(now time.Time, o *transaction.Output) error {
	id := FlowID(o.Path.Flow)
	if f := s.flows[id]; f != nil {
		s.tap(now, f.Flow, o.Wire)
		if f.life != nil {
			f.life.used = now
		}
		if !f.out.add(o.Wire) {
			f.hangUp("send", f.out.refusal())
			why := f.why.Load()
			s.unregister(f, why)
			return why
		}
		return nil
	}
	u := s.udpByID(id)
	if u == nil {
		return &FlowError{Network: o.Path.Network, Remote: o.Path.Remote, Doing: "send", Err: errGone}
	}
	if s.cfg.Tap != nil {
		s.tap(now, s.flowOf(o.Path), o.Wire)
	}
	if u.outgoing != nil {
		u.outgoing.used = now
	}
	return s.datagram(u, o)
}

// datagram sends by a UDP socket. Only what can never leave is an error; the rest is lost, as datagrams may be,
// unless the error queue says that nobody is at its address.
func (s *Stack) datagram(u *udpSocket, o *transaction.Output) error {
	foul, err := u.send(o.Wire, o.Path.Local, o.Path.Remote)
	switch {
	case s.ctx.Err() != nil: // closing: whatever err is, nobody waits for it
	case err != nil && len(o.Wire) > maxDatagram:
		return &FlowError{Network: "udp", Remote: o.Path.Remote, Doing: "send", Err: err}
	case err != nil:
		s.faults.warn("a datagram could not be sent; repetitions follow", "udp", o.Path.Remote, err.Error())
	}
	if foul { // the error that woke the reader may be gone by now, and with it its reason to read the queue
		list, _ := u.unreachable()
		for _, why := range list {
			s.engine.Unreachable(uint64(u.id), why.Remote, why)
		}
	}
	return nil
}

func (s *Stack) tap(now time.Time, f Flow, wire []byte) {
	if s.cfg.Tap != nil {
		s.cfg.Tap(Out, f, wire, now)
	}
}

func itoa(port uint16) string { return strconv.Itoa(int(port)) }
