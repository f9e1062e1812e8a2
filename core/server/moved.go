package server

import (
	"fmt"
	"net/netip"

	"b2bua/core/call"
	"b2bua/core/event"
	"b2bua/media/plane"
	"b2bua/media/relay"
)

// mostMoves of a call are told one by one at the normal level: a phone between two networks may move every few seconds.
const mostMoves = 5

// latched tells where the media of a leg comes from: first for who looks closely, then each time it is elsewhere.
func (s *server) latched(number uint64, index int, side call.Side, from netip.AddrPort) {
	st := s.streams[streamKey{number, index}]
	was := st.source[side]
	st.source[side] = from
	s.moved(number, index, side, "media comes from "+from.String(), fmt.Sprintf("media now comes from %s", from), was, from)
}

// pathSelected is the same by ICE. A port of its own for RTCP moves with that of the media, and is not told beside it.
func (s *server) pathSelected(number uint64, index int, side call.Side, ev plane.Event) {
	st := s.streams[streamKey{number, index}]
	var was netip.AddrPort
	if ev.Channel == relay.RTP {
		was, st.path[side] = st.path[side], ev.Addr
	}
	s.moved(number, index, side, fmt.Sprintf("ICE: %v goes to %s", ev.Channel, ev.Addr), fmt.Sprintf("media is now exchanged with %s by ICE", ev.Addr), was, ev.Addr)
}

func (s *server) moved(number uint64, index int, side call.Side, first, later string, was, is netip.AddrPort) {
	e := event.Media{Call: number, Stream: index, Leg: side.String(), What: first}
	if was.IsValid() && was != is {
		e.What = fmt.Sprintf("%s (was %s)", later, was)
		s.moves[number]++
		e.Plain = s.moves[number] <= mostMoves
	}
	s.report(e)
}

// movedOften tells at the end of a call how many moves were not told.
func (s *server) movedOften(number uint64) {
	if n := s.moves[number]; n > mostMoves {
		s.report(event.MediaMoves{Call: number, All: n, Told: mostMoves})
	}
	delete(s.moves, number)
}
