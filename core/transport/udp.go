package transport

import (
	"bytes"
	"errors"
	"net"
	"net/netip"
	"time"

	"b2bua/core/sip"
)

// udpSocket is a listening or an outgoing UDP socket. It remembers nobody who wrote to it.
type udpSocket struct {
	id       FlowID
	conn     *net.UDPConn
	local    netip.AddrPort // unspecified address: all of the host
	key      string
	outgoing *outgoing // nil: a listener
}

func (s *Stack) openUDP(at netip.AddrPort, key string, out *outgoing) (*udpSocket, error) {
	network := "udp4"
	if at.Addr().Is6() {
		network = "udp6"
		if at.Addr().IsUnspecified() {
			network = "udp" // [::] takes both families
		}
	}
	conn, err := net.ListenUDP(network, net.UDPAddrFromAddrPort(at))
	if err != nil {
		return nil, err
	}
	_ = conn.SetReadBuffer(4 << 20) // as much as the system allows; bursts are dropped earlier otherwise
	_ = conn.SetWriteBuffer(4 << 20)
	local, _ := netip.ParseAddrPort(conn.LocalAddr().String())
	u := &udpSocket{id: s.newFlowID(), conn: conn, local: netip.AddrPortFrom(local.Addr().Unmap(), local.Port()), key: key, outgoing: out}
	u.prepare()
	s.udp.add(u)
	if !s.spawn(func() { s.readUDP(u) }) {
		_ = conn.Close()
		return nil, ErrClosed
	}
	return u, nil
}

func (s *Stack) readUDP(u *udpSocket) {
	buf, oob := make([]byte, sip.MaxMessage+1), make([]byte, 256)
	for {
		n, local, from, err := u.receive(buf, oob)
		if err != nil {
			if errors.Is(err, net.ErrClosed) {
				return
			}
			list, found := u.unreachable()
			for _, why := range list {
				s.deliver(inbound{flow: Flow{ID: u.id, Network: "udp", Local: u.local, Remote: why.Remote}, unreachable: why})
			}
			if !found {
				time.Sleep(time.Millisecond) // a broken socket must not spin
			}
			continue
		}
		if n == 0 || keepAliveOnly(buf[:n]) {
			continue
		}
		in := inbound{flow: Flow{ID: u.id, Network: "udp", Local: u.local, Remote: from}, local: local}
		if local.IsValid() {
			in.flow.Local = netip.AddrPortFrom(local, u.local.Port())
		}
		m, err := sip.Parse(buf[:n])
		if err != nil {
			errors.As(err, &in.fault)
		}
		in.msg = m
		if s.cfg.Tap != nil {
			in.raw = bytes.Clone(buf[:n])
		}
		if !s.deliver(in) {
			return
		}
	}
}

// keepAliveOnly: line breaks and zero octets that NATs are kept open with.
func keepAliveOnly(b []byte) bool {
	for _, c := range b {
		if c != '\r' && c != '\n' && c != 0 {
			return false
		}
	}
	return true
}

// udpFor chooses the socket for a destination: the listener that can reach it, else one opened for the purpose.
func (s *Stack) udpFor(now time.Time, to netip.Addr, key string) (*udpSocket, error) {
	local, err := s.routes.local(to)
	if u := s.listenerFor(to, local, key); u != nil {
		return u, nil
	}
	if err != nil {
		return nil, err // the kernel has no way there
	}
	if u := s.udp.outgoing[udpUse{local, key}]; u != nil {
		u.outgoing.used = now
		return u, nil
	}
	if local.IsLinkLocalUnicast() {
		local = local.WithZone(to.Zone())
	}
	u, err := s.openUDP(netip.AddrPortFrom(local, 0), key, newOutgoing(now))
	if err == nil {
		s.log.Info("UDP port opened to send by; only answers and calls of ours are taken there", "address", u.local.String())
		s.lookAt(now.Add(outgoingSweep))
	}
	return u, err
}

// listenerFor prefers the listener on the address that the kernel routes by, then one on all addresses.
func (s *Stack) listenerFor(to, routed netip.Addr, key string) *udpSocket {
	var every, other *udpSocket
	for _, u := range s.udp.listeners {
		a := u.local.Addr()
		switch {
		case u.key != key:
		case a == netip.IPv6Unspecified() && every == nil: // takes both families
			every = u
		case a.Is4() != to.Is4():
		case a.IsUnspecified():
			every = u
		case a.WithZone("") == routed:
			return u
		case other == nil && a.IsLoopback() == to.IsLoopback() && a.IsLinkLocalUnicast() == to.IsLinkLocalUnicast():
			other = u
		}
	}
	if every != nil {
		return every
	}
	return other
}

func (s *Stack) udpByID(id FlowID) *udpSocket { return s.udp.byID[id] }

// localFor is our address on that socket towards a destination.
func (s *Stack) localFor(u *udpSocket, to netip.Addr) netip.AddrPort {
	if !u.local.Addr().IsUnspecified() {
		return u.local
	}
	if a, err := s.routes.local(to); err == nil {
		return netip.AddrPortFrom(a, u.local.Port())
	}
	return u.local
}

// routeCache remembers by which of our addresses the kernel reaches a destination.
type routeCache struct {
	by    map[netip.Addr]netip.Addr
	since time.Time
}

const (
	routeCacheSize = 1024             // destinations; strangers' addresses come in here too
	routeCacheLife = 10 * time.Second // a changed address of ours shows after that
)

func (c *routeCache) local(to netip.Addr) (netip.Addr, error) {
	now := time.Now()
	if len(c.by) >= routeCacheSize || now.Sub(c.since) > routeCacheLife {
		c.by, c.since = map[netip.Addr]netip.Addr{}, now
	}
	if a, ok := c.by[to]; ok {
		return a, nil
	}
	conn, err := net.DialUDP("udp", nil, net.UDPAddrFromAddrPort(netip.AddrPortFrom(to, 5060))) // sends nothing
	if err != nil {
		return netip.Addr{}, err
	}
	local, err := netip.ParseAddrPort(conn.LocalAddr().String())
	_ = conn.Close()
	if err != nil {
		return netip.Addr{}, err
	}
	a := local.Addr().Unmap().WithZone("")
	c.by[to] = a
	return a, nil
}
