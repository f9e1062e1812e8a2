package transport

import (
	"errors"
	"fmt"
	"net"
	"net/netip"
)

// listen opens one configured address. The error says what an operator can do.
func (s *Stack) listen(l Listener) error {
	var err error
	switch l.Network {
	case "udp":
		var u *udpSocket
		if u, err = s.openUDP(l.Addr, "", nil); err == nil {
			s.listening = append(s.listening, Listener{"udp", u.local})
		}
	case "tcp", "tls":
		err = s.listenTCP(l)
	default:
		err = errors.New("the network must be udp, tcp or tls")
	}
	if err != nil {
		return fmt.Errorf("can't listen on %s %s: %w", l.Network, l.Addr, err)
	}
	return nil
}

func (s *Stack) listenTCP(l Listener) error {
	if l.Network == "tls" && (s.cfg.TLS == nil || len(s.cfg.TLS.Certificates) == 0 && s.cfg.TLS.GetCertificate == nil) {
		return errors.New("TLS needs a certificate and its key")
	}
	network := "tcp4"
	if l.Addr.Addr().Is6() {
		network = "tcp6"
		if l.Addr.Addr().IsUnspecified() {
			network = "tcp" // [::] takes both families
		}
	}
	tcp, err := net.ListenTCP(network, net.TCPAddrFromAddrPort(l.Addr))
	if err != nil {
		return err
	}
	s.closers = append(s.closers, tcp)
	at := addrOf(tcp.Addr())
	if !at.IsValid() {
		at = netip.AddrPortFrom(l.Addr.Addr(), l.Addr.Port())
	}
	s.listening = append(s.listening, Listener{l.Network, at})
	config := s.cfg.TLS
	if l.Network == "tcp" {
		config = nil
	}
	if !s.spawn(func() { s.accept(tcp, l.Network, config) }) {
		_ = tcp.Close() // closing
		return ErrClosed
	}
	return nil
}
