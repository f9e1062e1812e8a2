package server

import (
	"fmt"
	"net/netip"
	"time"

	"b2bua/media/plane"
	"b2bua/media/sdp"
)

// enough packets on the other leg mean that somebody wanted to be heard.
const enough = 50

// How long a leg that was to send has to be silent for that to be told: from the beginning, and at the end, where a phone may
// leave out the packets of a silence.
const (
	silentFrom = 2 * time.Second
	silentTo   = 5 * time.Second
)

// silence tells of a leg that was to send until the end and did not, or that nothing came to; else "".
// talks is since when the call is answered, zero if it is not: before, a phone may well be silent.
func silence(now, talks time.Time, accepts sdp.Support, st *stream, side int, own, other plane.Stats) string {
	since := own.Wanted
	if own.LastRTP.After(since) {
		since = own.LastRTP
	}
	if talks.After(since) {
		since = talks
	}
	silent := now.Sub(since)
	wanted := !talks.IsZero() && !own.Wanted.IsZero() && (silent >= silentFrom || own.AuthFailed >= enough)
	if what := unreached(accepts, st, side, wanted, own, other); what != "" {
		return what
	}
	switch {
	case !wanted:
		return ""
	case own.Packets > 0 && silent < silentTo:
		return ""
	case own.Packets == 0 && st.late[side] && !st.keyed[side] && !st.rides[side]: // the end of the call tells why
		return ""
	case own.Packets > 0:
		return fmt.Sprintf("no RTP for the last %s%s; the last came from %s", silent.Round(100*time.Millisecond), rtcpOnly(since, own), own.Remote)
	}
	return "no RTP came" + neverCame(st, side, own)
}

// rtcpOnly tells a phone that is there and says nothing from one that is gone.
func rtcpOnly(since time.Time, own plane.Stats) string {
	if own.Last.After(since.Add(silentFrom)) {
		return ", RTCP only"
	}
	return ""
}

// neverCame is what came instead of RTP, by what explains most.
func neverCame(st *stream, side int, own plane.Stats) string {
	at := netip.AddrPortFrom(st.local[side].Addr, st.local[side].RTP)
	switch {
	case own.AuthFailed > 0:
		return fmt.Sprintf(" that is authentic: %d packets came that the agreed key does not fit", own.AuthFailed)
	case own.NotReady > 0:
		return fmt.Sprintf(" that could be read: %d packets came before there were keys", own.NotReady)
	case own.Unmapped > 0:
		return fmt.Sprintf(" of an agreed format: %d packets came of others", own.Unmapped)
	case own.Strangers > 0:
		return fmt.Sprintf(" from the peer: %d packets came from elsewhere", own.Strangers)
	case own.RTCP > 0:
		return ", RTCP only: the phone is there and sends no media"
	case st.checks[side] && !st.rides[side] && own.Checked.IsValid() && !own.Nominated:
		return fmt.Sprintf(": checks of ICE came from %s, and no pair was nominated", own.Checked)
	case st.checks[side] && !st.rides[side] && own.Nominated:
		return fmt.Sprintf(", nor RTCP: ICE is connected with %s, and the phone sends nothing there", own.Checked)
	case st.rides[side]:
		return ", nor RTCP"
	}
	return fmt.Sprintf(", nor RTCP, to %s: the phone sends nothing, or a firewall or NAT drops UDP to that address", at)
}

// unreached tells of a leg whose peer never came to the addresses it was told, where that is likely a matter of addresses; else "".
func unreached(accepts sdp.Support, st *stream, side int, wanted bool, own, other plane.Stats) string {
	if st.rides[side] || own.Packets > 0 || own.RTCP > 0 || own.AuthFailed+own.NotReady+own.Unmapped+own.Strangers > 0 || !wanted && !st.silent[side] && other.Packets < enough {
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
