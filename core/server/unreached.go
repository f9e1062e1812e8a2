package server

import (
	"fmt"
	"net/netip"

	"b2bua/media/plane"
	"b2bua/media/sdp"
)

// enough packets on the other leg mean that somebody wanted to be heard.
const enough = 50

// unreached tells of a leg whose peer never came to the addresses it was told, where that is likely a matter of addresses; else "".
func unreached(accepts sdp.Support, st *stream, side int, own, other plane.Stats) string {
	if st.rides[side] || own.Packets > 0 || own.RTCP > 0 || !st.silent[side] && other.Packets < enough {
		return ""
	}
	local := st.local[side]
	var public netip.Addr
	for _, a := range accepts.NAT {
		if a.Is4() == local.Addr.Is4() {
			public = a
			break
		}
	}
	at := netip.AddrPortFrom(local.Addr, local.RTP)
	seen := netip.AddrPortFrom(public, local.RTP)
	switch {
	case st.checks[side] && own.Checks > 0:
		return "" // the path is there, and the peer is silent
	case st.checks[side] && public.IsValid():
		return fmt.Sprintf("no valid ICE check ever came to %s, nor to it as %s (b2bua-server/nat-addresses): the NAT must send UDP to that port on, with its number (b2bua-server/audio-port, video-port)", at, seen)
	case st.checks[side]:
		return fmt.Sprintf("no valid ICE check ever came to %s: the peer cannot reach that address (behind a 1:1 NAT set b2bua-server/nat-addresses), or a firewall drops UDP to it", at)
	case public.IsValid() && accepts.NATInSDP:
		return fmt.Sprintf("nothing ever came to %s, which the peer was told as %s (b2bua/nat-address-in-sdp): the NAT must send UDP to that port on, with its number, from inside as well", at, seen)
	case public.IsValid():
		return fmt.Sprintf("nothing ever came to %s, the address that a peer without ICE is told: if it is outside the NAT of b2bua-server/nat-addresses, set b2bua/nat-address-in-sdp=true", at)
	}
	return ""
}
