package transport

import "net/netip"

// udpSockets are the UDP sockets. One connection per account makes thousands of them, so each is found without looking at the others.
// Loop only, once listening has begun.
type udpSockets struct {
	listeners []*udpSocket // few
	outgoing  map[udpUse]*udpSocket
	byID      map[FlowID]*udpSocket
}

// udpUse is what an outgoing socket is shared by.
type udpUse struct {
	local netip.Addr // without zone
	key   string
}

func newUDPSockets() udpSockets {
	return udpSockets{outgoing: map[udpUse]*udpSocket{}, byID: map[FlowID]*udpSocket{}}
}

func (u *udpSocket) use() udpUse { return udpUse{u.local.Addr().WithZone(""), u.key} }

func (s *udpSockets) add(u *udpSocket) {
	s.byID[u.id] = u
	if u.outgoing == nil {
		s.listeners = append(s.listeners, u)
	} else {
		s.outgoing[u.use()] = u
	}
}

// remove forgets an outgoing socket.
func (s *udpSockets) remove(u *udpSocket) {
	delete(s.byID, u.id)
	delete(s.outgoing, u.use())
}
