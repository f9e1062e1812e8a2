package stream

import (
	"net/netip"
	"time"

	"b2bua/media/ice"
	"b2bua/media/sdp"
)

// Networks of a stream: that of its description, and another one which ICE lists, checks and speaks from as well.
const (
	networkFirst = iota
	networkSecond
)

// openSecond binds the ports on the second network, if there is one.
func (s *Stream) openSecond() error {
	if !s.cfg.Second.IsValid() {
		return nil
	}
	rtp, rtcp, err := bindPair(s.cfg.Second)
	if err != nil {
		return err
	}
	s.second = [2]socket{rtp, rtcp}
	for ch, on := range s.second {
		s.wg.Go(func() {
			s.read(on, func(now time.Time, from netip.AddrPort, b []byte) { s.receiveSecond(now, channel(ch), from, b) })
		})
	}
	return nil
}

// Second are the ports on the second network; the address is invalid: there is none.
func (s *Stream) Second() sdp.Ports {
	if !s.cfg.Second.IsValid() {
		return sdp.Ports{}
	}
	return sdp.Ports{Addr: s.cfg.Second, RTP: s.second[channelRTP].at.Port(), RTCP: s.second[channelRTCP].at.Port()}
}

// receiveSecond is given what comes on a port of the second network.
func (s *Stream) receiveSecond(now time.Time, ch channel, from netip.AddrPort, b []byte) {
	switch {
	case s.connects(now, networkSecond, ch, from, b):
	case ch == channelRTP:
		s.astray(networkSecond)
		s.take(now, from, b)
	case !s.speaks(ch, b):
		s.astray(networkSecond)
		s.control(now, ch, b)
	}
}

// astray counts what comes on another network than the selected one.
func (s *Stream) astray(network int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.cfg.Second.IsValid() && s.agent != nil && s.agent.Selected(ice.RTP).IsValid() && s.cfg.Favours != network {
		s.strays++
	}
}

// at is the socket of a channel on the selected network. The stream's lock is held.
func (s *Stream) at(ch channel) socket {
	if s.cfg.Favours == networkSecond && s.agent != nil && s.agent.Selected(ice.Component(ch)+ice.RTP).IsValid() {
		return s.second[ch]
	}
	return s.sockets[ch]
}

// speaking is the socket that a packet of media leaves from: a phone on two networks speaks from both in turn as soon as the second has been
// checked, and goes on when it has nominated one of them. RFC 8445 section 12.1 allows the former; the latter is what is in flight, for ever.
func (s *Stream) speaking(from socket, p []byte) socket {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.rides() {
		t := s.bundle.On
		t.mu.Lock()
		defer t.mu.Unlock()
		s = t
	}
	if s.agent == nil || !s.agent.Valid(networkSecond, ice.RTP) || len(p) < 4 || p[0]>>6 != 2 {
		return from
	}
	if p[3]%2 == 1 { // the sequence number
		return s.second[channelRTP]
	}
	return s.sockets[channelRTP]
}
