package stream

import (
	"net/netip"
	"time"

	"b2bua/media/ice"
	"b2bua/media/sdp"
	"b2bua/simulator/iceagent"
)

// ICE is what the descriptions of both ends say about connectivity.
type ICE struct {
	Local, Remote ice.Credentials
	Candidates    []ice.Candidate // the peer's
}

// SetICE tells how the stream connects from the next Set on; nil: to the address in the description.
func (s *Stream) SetICE(c *ICE) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.ice = c
}

// gather starts, keeps or ends the agent after an agreement. The stream's lock is held.
func (s *Stream) gather(a sdp.Agreed) {
	if s.ice == nil || !a.Enabled {
		s.agent = nil
		return
	}
	cfg := iceagent.Config{Local: s.ice.Local, Remote: s.ice.Remote, Candidates: s.ice.Candidates, Components: 2, Networks: 1, Favours: s.cfg.Favours}
	if s.cfg.Second.IsValid() {
		cfg.Networks = 2
	}
	if a.Mux {
		cfg.Components = 1
	}
	if s.agent == nil || !s.agent.Same(cfg) {
		s.agent, s.restarts = iceagent.New(cfg), s.restarts+1
	}
}

// remote is where a channel's packets go, invalid: nowhere yet. The stream's lock is held.
func (s *Stream) remote(ch channel, a sdp.Agreed) netip.AddrPort {
	switch {
	case s.cfg.Second.IsValid() && s.agent != nil && !s.agent.Selected(ice.RTP).IsValid(): // it speaks before it knows
		if ch == channelRTP {
			return a.Remote
		}
		return netip.AddrPort{}
	case s.agent != nil && (ch == channelRTP || a.Mux):
		return s.agent.Selected(ice.RTP)
	case s.agent != nil:
		return s.agent.Selected(ice.RTCP)
	case ch == channelRTP || a.Mux:
		return a.Remote
	}
	return a.RemoteRTCP
}

// check sends what the agent wants sent.
func (s *Stream) check(now time.Time) {
	s.mu.Lock()
	var out []iceagent.Datagram
	if s.agent != nil {
		out = s.agent.Due(now)
	}
	sockets := [2][2]socket{s.sockets, s.second}
	s.mu.Unlock()
	for _, d := range out {
		s.write(sockets[d.Network][d.Component-ice.RTP], d.To, d.B)
	}
}

// connects takes a datagram of STUN, and tells whether it was one.
func (s *Stream) connects(now time.Time, network int, ch channel, from netip.AddrPort, b []byte) bool {
	if len(b) == 0 || b[0] > 3 {
		return false
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.agent != nil && s.agent.Receive(now, network, ice.Component(ch)+ice.RTP, from, b) {
		_, _ = s.secure(s.agreed), s.meet(s.agreed) // their faults were told by Set
	}
	return true
}
