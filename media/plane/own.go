package plane

import (
	"fmt"
	"net/netip"

	"b2bua/media/sdp"
)

// OwnPortError is a peer that wants its packets at a port of the stream that it is a peer of.
type OwnPortError struct {
	Call string
	Side Side
	Addr netip.AddrPort
}

// Error implements error.
func (e *OwnPortError) Error() string {
	return fmt.Sprintf("media plane: call %s, leg %s: the peer names %s for its media, which is our own port of the same call; "+
		"packets would circle there for ever, so the leg stays as it was. No device does that by accident: look at who the peer is",
		e.Call, e.Side, e.Addr)
}

// checkRemote refuses the stream's own four ports. A port of another stream may be right: calls that pass here twice are bridged
// through it.
func (st *Stream) checkRemote(side Side, agreed sdp.Agreed) error {
	control := agreed.RemoteRTCP
	if !control.IsValid() { // as the relay takes it
		control = netip.AddrPortFrom(agreed.Remote.Addr(), agreed.Remote.Port()+1)
	}
	for _, to := range [...]netip.AddrPort{agreed.Remote, control} {
		for _, leg := range [...]sdp.Ports{st.Ports(A), st.Ports(B)} {
			if to.Addr().Unmap() == leg.Addr && (to.Port() == leg.RTP || to.Port() == leg.RTCP) {
				return &OwnPortError{Call: st.call, Side: side, Addr: to}
			}
		}
	}
	return nil
}
