package endpoint

import (
	"net/netip"

	"b2bua/media/ice"
	"b2bua/media/sdp"
	"b2bua/simulator/stream"
)

// connect puts our candidates into a line of ours. Credentials stay unless this description restarts.
func (c *Call) connect(m, before *sdp.Media) error {
	if !c.want.ice || m.Port == 0 {
		return nil
	}
	m.ICE = &sdp.ICE{Options: []string{"ice2"}}
	if before != nil && before.ICE != nil && c.want.fault != FaultRestart {
		m.ICE.Credentials = before.ICE.Clone()
	} else {
		var err error
		if m.ICE.Credentials, err = ice.NewCredentials(c.phone.rand); err != nil {
			return err
		}
	}
	for rank, at := range c.networks(m) {
		m.ICE.Candidates = append(m.ICE.Candidates, ice.Host(ice.RTP, netip.AddrPortFrom(at.Addr, at.RTP), uint16(rank)))
		if !m.RTCPMux {
			m.ICE.Candidates = append(m.ICE.Candidates, ice.Host(ice.RTCP, netip.AddrPortFrom(at.Addr, at.RTP+1), uint16(rank)))
		}
	}
	return nil
}

// networks are the ports of a line of ours on all networks.
func (c *Call) networks(m *sdp.Media) []sdp.Ports {
	list := []sdp.Ports{{Addr: m.Addr, RTP: m.Port}}
	for _, s := range c.streams {
		if s != nil && s.Ports().RTP == m.Port && s.Second().Addr.IsValid() {
			list = append(list, s.Second())
		}
	}
	return list
}

// path is how stream i connects, nil: without ICE.
func (c *Call) path(i int, peer *sdp.Session) *stream.ICE {
	if i >= len(c.local.Media) || i >= len(peer.Media) {
		return nil
	}
	ours, theirs := c.local.Media[i].ICE, peer.Media[i].ICE
	if ours == nil || theirs == nil || !theirs.Usable() {
		return nil
	}
	p := &stream.ICE{Local: ours.Clone(), Remote: theirs.Clone(), Candidates: theirs.Candidates}
	if c.want.fault == FaultICE {
		p.Remote.Pwd[0] ^= 1
	}
	return p
}

// candidates are the addresses that the peer lists for stream i.
func (c *Call) candidates(i int) (list []string) {
	if c.peer == nil || i >= len(c.peer.Media) || c.peer.Media[i].ICE == nil {
		return nil
	}
	for _, k := range c.peer.Media[i].ICE.Candidates {
		if k.Component == ice.RTP {
			list = append(list, k.Host)
		}
	}
	return list
}
