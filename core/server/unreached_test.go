package server

import (
	"net/netip"
	"testing"

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
		text := unreached(tt.accepts, st, 1, nothing, tt.other)
		assert.Contains(t, text, tt.wants, tt.name)
		assert.NotContains(t, text, tt.misses, tt.name)
		heard, checked := plane.Stats{}, plane.Stats{}
		heard.RTCP, checked.Checks = 1, 1
		assert.Empty(t, unreached(tt.accepts, st, 1, much, tt.other), tt.name)
		assert.Empty(t, unreached(tt.accepts, st, 1, heard, tt.other), tt.name)
		if tt.checks {
			assert.Empty(t, unreached(tt.accepts, st, 1, checked, tt.other), tt.name)
		}
		st.silent[1] = false
		assert.Empty(t, unreached(tt.accepts, st, 1, nothing, nothing), "a call too short to tell")
	}
	assert.Empty(t, unreached(sdp.Support{}, &stream{}, 0, nothing, much), "a peer without ICE that only listens")
}
