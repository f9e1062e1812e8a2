package server

import (
	"net/netip"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"

	"b2bua/media/plane"
	"b2bua/media/sdp"
)

func TestUnreachedLegsAreTold(t *testing.T) {
	nothing, much := plane.Stats{}, plane.Stats{}
	much.Packets = enough
	behind := sdp.Support{NAT: []netip.Addr{netip.MustParseAddr("2001:db8::1"), netip.MustParseAddr("203.0.113.1")}}
	shown := behind
	shown.NATInSDP = true
	for _, tt := range []struct {
		name          string
		accepts       sdp.Support
		checks        bool
		silent        bool
		other         plane.Stats
		wants, misses string
	}{
		{"ICE", sdp.Support{}, true, false, much, "no valid ICE check ever came to 192.0.2.1:20000: ", "203"},
		{"ICE behind a NAT", behind, true, true, nothing, "192.0.2.1:20000, nor to it as 203.0.113.1:20000 (b2bua-server/nat-addresses)", "2001"},
		{"no ICE behind a NAT", behind, false, false, much, "set b2bua/nat-address-in-sdp=true", "203"},
		{"no ICE and told", shown, false, false, much, "192.0.2.1:20000, which the peer was told as 203.0.113.1:20000 (b2bua/nat-address-in-sdp)", "ICE"},
	} {
		st := &stream{local: [2]sdp.Ports{{}, {Addr: netip.MustParseAddr("192.0.2.1"), RTP: 20000}}}
		st.checks[1], st.silent[1] = tt.checks, tt.silent
		text := unreached(tt.accepts, st, 1, false, nothing, tt.other)
		assert.Contains(t, text, tt.wants, tt.name)
		assert.NotContains(t, text, tt.misses, tt.name)
		heard, checked := plane.Stats{}, plane.Stats{}
		heard.RTCP, checked.Checks = 1, 1
		assert.Empty(t, unreached(tt.accepts, st, 1, false, much, tt.other), tt.name)
		assert.Empty(t, unreached(tt.accepts, st, 1, false, heard, tt.other), tt.name)
		if tt.checks {
			assert.Empty(t, unreached(tt.accepts, st, 1, false, checked, tt.other), tt.name)
		}
		st.silent[1] = false
		assert.Empty(t, unreached(tt.accepts, st, 1, false, nothing, nothing), "a call too short to tell")
	}
	assert.Empty(t, unreached(sdp.Support{}, &stream{}, 0, false, nothing, much), "a peer without ICE that only listens")
}

func TestSilentLegsAreTold(t *testing.T) {
	answered := time.Date(2030, 1, 1, 0, 0, 0, 0, time.UTC)
	at := func(seconds float64) time.Time { return answered.Add(time.Duration(seconds * float64(time.Second))) }
	from := netip.MustParseAddrPort("192.0.2.9:4000")
	wanted := func(change func(*plane.Stats)) plane.Stats {
		s := plane.Stats{Wanted: at(-1)}
		change(&s)
		return s
	}
	spoke := func(s *plane.Stats) { s.Packets, s.LastRTP, s.Last, s.Remote = 75, at(1.5), at(1.5), from }
	for _, tt := range []struct {
		name   string
		own    plane.Stats
		checks bool
		wants  string
	}{
		{"nothing", wanted(func(*plane.Stats) {}), false, "no RTP came, nor RTCP, to 192.0.2.1:20000: the phone sends nothing, or a firewall or NAT drops UDP to that address"},
		{"RTCP", wanted(func(s *plane.Stats) { s.RTCP = 3 }), false, "no RTP came, RTCP only: the phone is there and sends no media"},
		{"no check", wanted(func(*plane.Stats) {}), true, "no valid ICE check ever came to 192.0.2.1:20000: the peer cannot reach that address (behind a 1:1 NAT set b2bua-server/nat-addresses), or a firewall drops UDP to it"},
		{"no pair", wanted(func(s *plane.Stats) { s.Checks, s.Checked = 3, from }), true, "no RTP came: checks of ICE came from 192.0.2.9:4000, and no pair was nominated"},
		{"a pair", wanted(func(s *plane.Stats) { s.Checks, s.Checked, s.Nominated = 3, from, true }), true, "no RTP came, nor RTCP: ICE is connected with 192.0.2.9:4000, and the phone sends nothing there"},
		{"wrong key", wanted(func(s *plane.Stats) { s.AuthFailed = 208 }), false, "no RTP came that is authentic: 208 packets came that the agreed key does not fit"},
		{"formats", wanted(func(s *plane.Stats) { s.Unmapped = 7 }), false, "no RTP came of an agreed format: 7 packets came of others"},
		{"died", wanted(spoke), false, "no RTP for the last 12.5s; the last came from 192.0.2.9:4000"},
		{"mute", wanted(func(s *plane.Stats) { spoke(s); s.Last = at(13) }), false, "no RTP for the last 12.5s, RTCP only; the last came from 192.0.2.9:4000"},
		{"on hold", plane.Stats{}, false, ""},
		{"held before the end", plane.Stats{Packets: 75, LastRTP: at(1.5)}, false, ""},
		{"taken off hold just now", wanted(func(s *plane.Stats) { spoke(s); s.Wanted = at(11) }), false, ""},
	} {
		st := &stream{local: [2]sdp.Ports{{}, {Addr: netip.MustParseAddr("192.0.2.1"), RTP: 20000}}}
		st.checks[1] = tt.checks
		assert.Equal(t, tt.wants, silence(at(14), answered, sdp.Support{}, st, 1, tt.own, plane.Stats{}), tt.name)
		assert.Empty(t, silence(at(14), time.Time{}, sdp.Support{}, st, 1, tt.own, plane.Stats{}), "not answered: %s", tt.name)
		if tt.own.AuthFailed >= enough { // that much can be said at once
			assert.Equal(t, tt.wants, silence(at(0.1), answered, sdp.Support{}, st, 1, tt.own, plane.Stats{}), tt.name)
			continue
		}
		assert.Empty(t, silence(at(1.9), answered, sdp.Support{}, st, 1, tt.own, plane.Stats{}), "too short: %s", tt.name)
	}
	st := &stream{late: [2]bool{true, false}}
	nothing := wanted(func(*plane.Stats) {})
	assert.Empty(t, silence(at(14), answered, sdp.Support{}, st, 0, nothing, plane.Stats{}), "no keys, which the end of the call tells")
}
