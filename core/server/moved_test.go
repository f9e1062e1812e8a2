package server

import (
	"net/netip"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"

	"b2bua/core/call"
	"b2bua/media/plane"
	"b2bua/media/relay"
)

func TestMovesOfMediaAreTold(t *testing.T) {
	j := &journal{}
	s := &server{log: logTo(j), streams: map[streamKey]*stream{{1, 0}: {}}, moves: map[uint64]int{}}
	at := func(port uint16) netip.AddrPort { return netip.AddrPortFrom(netip.MustParseAddr("192.0.2.1"), port) }
	path := func(ch relay.Channel, port uint16) {
		var ev plane.Event
		ev.Channel, ev.Addr = ch, at(port)
		s.pathSelected(1, 0, call.SideA, ev)
	}
	s.latched(1, 0, call.SideB, at(4000))
	path(relay.RTP, 5000)
	path(relay.RTCP, 5001)
	path(relay.RTP, 5000)
	assert.NotContains(t, j.text(), "level=INFO", "the first, and the same again")
	s.latched(1, 0, call.SideB, at(4002))
	assert.Contains(t, j.text(), "call 1: stream 0: leg B: media now comes from 192.0.2.1:4002 (was 192.0.2.1:4000)")
	path(relay.RTP, 5002)
	assert.Contains(t, j.text(), "call 1: stream 0: leg A: media is now exchanged with 192.0.2.1:5002 by ICE (was 192.0.2.1:5000)")
	for port := range uint16(6) {
		s.latched(1, 0, call.SideB, at(4100+port))
	}
	assert.Equal(t, mostMoves, strings.Count(j.text(), "level=INFO"))
	s.movedOften(1)
	assert.Contains(t, j.text(), "call 1: its media changed address 8 times, of which the first 5 were told")
	assert.Empty(t, s.moves)
	s.movedOften(1)
	assert.Equal(t, mostMoves+1, strings.Count(j.text(), "level=INFO"), "nothing to tell")
}
