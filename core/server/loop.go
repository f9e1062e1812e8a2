package server

import (
	"fmt"
	"strconv"
	"strings"
	"time"

	"b2bua/core/call"
	"b2bua/core/event"
	"b2bua/core/sip"
	"b2bua/core/transport"
	"b2bua/media/plane"
	"b2bua/media/sdp"
)

// The methods of transport.Handler: each is one input of the engine. They run on the stack's loop.

// HandleRequest passes a request on.
func (s *server) HandleRequest(now time.Time, tx transport.TxID, req *sip.Message, flow transport.Flow) {
	from := sourceOf(flow)
	from.Tag = s.stack.Tag(tx)
	s.engine.Request(now, tx, req, from)
	s.drain(now)
}

func sourceOf(f transport.Flow) call.Source {
	return call.Source{Peer: f.Remote, Local: f.Local, Flow: uint64(f.ID), Reliable: f.Network != "udp", Name: f.Name}
}

// HandleCancel passes a CANCEL on.
func (s *server) HandleCancel(now time.Time, invite transport.TxID, cancel *sip.Message) {
	s.engine.Cancelled(now, invite, cancel)
	s.drain(now)
}

// HandleResponse passes a response on.
func (s *server) HandleResponse(now time.Time, tx transport.TxID, resp *sip.Message) {
	if s.lines.response(now, tx, resp) {
		s.checkIdle()
		return
	}
	s.lines.heard(tx)
	if ref, ok := s.ref[tx]; ok {
		s.engine.Response(now, ref, resp, sourceOf(s.stack.Came()))
		s.drain(now)
	}
}

// HandleFailure passes the end of a transaction without success on.
func (s *server) HandleFailure(now time.Time, tx transport.TxID, err error) {
	if s.lines.failure(now, tx, err) {
		s.checkIdle()
		return
	}
	s.lines.unheard(now, tx, err)
	if ref, ok := s.ref[tx]; ok {
		s.engine.RequestFailed(now, ref, err)
	} else {
		s.engine.ResponseFailed(now, tx, err)
	}
	s.drain(now)
}

// HandleTime runs what is due.
func (s *server) HandleTime(now time.Time) {
	s.lines.advance(now)
	s.engine.Advance(now)
	s.drain(now)
}

// Deadline of the engines.
func (s *server) Deadline() (time.Time, bool) { return s.lines.deadline(s.engine.Deadline()) }

// drain carries out what the engine decided, in order; some effects are answered at once and lead to further ones.
func (s *server) drain(now time.Time) {
	for {
		o, ok := s.engine.Poll()
		if !ok {
			break
		}
		s.carryOut(now, o)
	}
	s.checkIdle()
}

func (s *server) carryOut(now time.Time, o call.Output) {
	switch o := o.(type) {
	case call.SendRequest:
		delete(s.ref, s.tx[o.Ref]) // of a request that is repeated with credentials
		tx := s.stack.Request(o.Msg, s.hop(o.Hop))
		s.tx[o.Ref], s.ref[tx] = tx, o.Ref
		s.lines.invited(tx, o.Msg, o.Hop.URI)
	case call.SendResponse:
		s.stack.Respond(o.Tx, o.Msg)
	case call.SendAck:
		s.stack.Ack(s.tx[o.Ref], o.Msg, s.hop(o.Hop))
	case call.SendCancel:
		s.stack.Cancel(s.tx[o.Ref], o.Headers)
	case call.StopRepeating:
		s.stack.Acked(o.Tx)
	case call.Forget:
		s.lines.heard(s.tx[o.Ref])
		delete(s.ref, s.tx[o.Ref])
		delete(s.tx, o.Ref)
	case call.Locate:
		s.stack.Locate(s.hop(o.Hop), func(now time.Time, at transport.Located, err error) {
			s.engine.Located(now, o.Call, call.Location{Local: at.Local.Addr().Unmap(), Route: routeTo(o.Peer)}, err)
			s.drain(now)
		})
	case call.MediaOpen:
		s.open(now, o)
	case call.MediaSet:
		if st := s.streams[streamKey{o.Call, o.Index}]; st != nil {
			s.set(st, o)
		}
		o.Agreed.Wipe() // the media plane has copies
	case call.PlayTone:
		if st := s.streams[streamKey{o.Call, o.Index}]; st != nil {
			st.Play(plane.Side(o.Side), o.Tone)
		}
	case call.AskPicture:
		if st := s.streams[streamKey{o.Call, o.Index}]; st != nil {
			st.AskPicture(plane.Side(o.Side))
		}
	case call.MediaInherit:
		s.inherit(o)
	case call.MediaClose:
		s.closeMedia(now, o)
	case call.Happened:
		if e, ok := o.Event.(event.Answered); ok {
			s.talks[e.Call.Number] = now
		}
		s.calls.Note(o.Event)
		s.report(o.Event)
	}
}

func (s *server) hop(h call.Hop) transport.NextHop {
	near := transport.Near{Flow: transport.FlowID(h.Near.Flow), Peer: h.Near.Peer, Name: h.Near.Name, Listens: h.Near.Listens}
	return transport.NextHop{URI: h.URI, Flow: transport.FlowID(h.Flow), Key: s.lines.key(h.Account), Near: near, First: h.First}
}

func (s *server) open(now time.Time, o call.MediaOpen) {
	st, err := s.openStream(o)
	if err != nil {
		s.engine.MediaOpened(now, o.Call, o.Index, sdp.Ports{}, sdp.Ports{}, explainBind(err, s.mediaAddress, o.A, o.B))
		return
	}
	for side, uri := range o.Known {
		st.Present(plane.Side(side), uri)
	}
	s.streams[streamKey{o.Call, o.Index}] = &stream{Stream: st, kind: o.Kind, local: [2]sdp.Ports{st.Ports(plane.A), st.Ports(plane.B)}}
	s.counts[o.Call] = max(s.counts[o.Call], o.Index+1)
	s.engine.MediaOpened(now, o.Call, o.Index, st.Ports(plane.Side(call.SideA)), st.Ports(plane.Side(call.SideB)), nil)
}

// openStream opens the streams of a call beside each other.
func (s *server) openStream(o call.MediaOpen) (*plane.Stream, error) {
	for i := range s.counts[o.Call] {
		if beside := s.streams[streamKey{o.Call, i}]; beside != nil {
			return s.plane.OpenBeside(beside.Stream, o.Kind, o.A, o.B)
		}
	}
	return s.plane.Open(fmt.Sprint(o.Call), o.Kind, o.A, o.B)
}

func (s *server) set(st *stream, o call.MediaSet) {
	st.set[o.Side] = true
	st.checks[o.Side] = o.Agreed.Enabled && o.Agreed.ICE != nil && !o.Agreed.ICE.PeerLite
	st.rides[o.Side] = o.Agreed.Rides(o.Index)
	st.late[o.Side] = o.Agreed.Encryption == sdp.DTLS || o.Agreed.Encryption == sdp.ZRTP
	var err error
	if !st.rides[o.Side] {
		err = st.Set(plane.Side(o.Side), o.Agreed)
	} else if lead := s.streams[streamKey{o.Call, o.Agreed.Group.Tagged}]; lead != nil {
		err = st.SetOn(plane.Side(o.Side), o.Agreed, lead.Stream)
	} else {
		err = fmt.Errorf("stream %d, whose transport it shares, is not there", o.Agreed.Group.Tagged+1)
	}
	if err != nil {
		s.report(event.Media{Call: o.Call, Stream: o.Index, Leg: o.Side.String(), Bad: true, What: "cannot be set: " + err.Error()})
	}
}

func (s *server) inherit(o call.MediaInherit) {
	st, from := s.streams[streamKey{o.Call, o.Index}], s.streams[streamKey{o.Call, o.From}]
	if st == nil || from == nil {
		return
	}
	if err := st.Inherit(plane.Side(o.Side), from.Stream); err != nil {
		s.report(event.Media{Call: o.Call, Stream: o.Index, Leg: o.Side.String(), Bad: true, What: "cannot go on without the first stream of its bundle: " + err.Error()})
		return
	}
	st.local[o.Side], from.local[o.Side] = from.local[o.Side], st.local[o.Side]
	st.keyed[o.Side], from.keyed[o.Side] = from.keyed[o.Side], st.keyed[o.Side]
	st.control[o.Side], from.control[o.Side] = from.control[o.Side], st.control[o.Side]
	st.source[o.Side], st.path[o.Side] = from.source[o.Side], from.path[o.Side]
}

func (s *server) closeMedia(now time.Time, o call.MediaClose) {
	if o.Index != call.AllStreams {
		s.closeStream(now, o.Call, o.Index)
		return
	}
	for i := range s.counts[o.Call] {
		s.closeStream(now, o.Call, i)
	}
	delete(s.counts, o.Call)
	delete(s.talks, o.Call)
	s.movedOften(o.Call)
}

func (s *server) closeStream(now time.Time, number uint64, index int) {
	key := streamKey{number, index}
	st := s.streams[key]
	if st == nil {
		return
	}
	delete(s.streams, key)
	talks := s.talks[number]
	ran := st.set[call.SideA] && st.set[call.SideB]
	st.Finish(func(a, b plane.Stats) { // on a media thread
		if ran { // a stream that nobody agreed on has nothing to tell
			s.report(event.Traffic{Call: number, Stream: index, A: counters(a), B: counters(b)})
			for side, stats := range [2][2]plane.Stats{{a, b}, {b, a}} {
				if what := silence(now, talks, s.accepts, st, side, stats[0], stats[1]); what != "" {
					bad := st.kind == sdp.Audio // a camera that is off is nobody's fault
					s.report(event.Media{Call: number, Stream: index, Leg: call.Side(side).String(), Bad: bad, Plain: !bad, What: what})
				}
			}
		}
	})
}

func counters(t plane.Stats) event.Counters {
	return event.Counters{
		Received: t.Packets, Lost: uint64(max(t.Lost, 0)), Sent: t.Sent,
		Jitter: t.Jitter, RoundTrip: t.RoundTrip, FarLost: t.FarLost, FarJitter: t.FarJitter,
		NotAuthentic: t.AuthFailed, Replayed: t.Replayed, Late: t.Late, Strangers: t.Strangers, Tones: t.Tones,
		Dropped: t.Unmapped + t.Malformed + t.Oversized + t.Flooded,
	}
}

// mediaInput turns what the media plane saw into an input of the engine, or into a line of the log.
func (s *server) mediaInput(now time.Time, ev plane.Event) {
	number, index, ok := s.find(ev)
	if !ok {
		return // closed meanwhile
	}
	side := call.Side(ev.Side)
	switch ev.Kind {
	case plane.NoMedia:
		s.streams[streamKey{number, index}].silent[side] = true
		if s.streams[streamKey{number, index}].kind == sdp.Audio { // spec 2.10 supervises audio
			s.engine.MediaLost(now, number, side, ev.For)
		}
	case plane.PictureLost:
		s.engine.PictureLost(now, number, side)
	case plane.ToneHeard:
		s.engine.Tone(now, number, side, ev.Tone)
	case plane.Secured, plane.SecureFailed:
		s.keyEvent(now, ev, number, index)
	case plane.Unsecured:
		s.engine.Unsecured(now, number, index, side)
	case plane.Suspicious:
		s.engine.Suspicious(number, index, side, strings.TrimPrefix(ev.Err.Error(), "ZRTP: "))
	case plane.Latched:
		s.latched(number, index, side, ev.Addr)
	case plane.PathSelected:
		s.pathSelected(number, index, side, ev)
	case plane.Flooded:
		s.report(event.Media{Call: number, Stream: index, Leg: side.String(), Bad: true, What: fmt.Sprintf(
			"%d packets dropped, the newest from %s: more come at a time than any stream has; somebody floods the port, or packets run in a circle", ev.Count, ev.Addr)})
	case plane.AuthFailures:
		s.report(event.Media{Call: number, Stream: index, Leg: side.String(), Bad: true, What: fmt.Sprintf(
			"%d packets are not authentic: the peer uses another key or suite than it agreed to, or somebody else sends", ev.Count)})
	case plane.Unroutable:
		s.report(event.Media{Call: number, Stream: index, Leg: side.String(), Bad: true, What: fmt.Sprintf(
			"%d packets could not be sent to %s", ev.Count, ev.Addr)})
	}
}

func (s *server) find(ev plane.Event) (number uint64, index int, ok bool) {
	number, err := strconv.ParseUint(ev.Call, 10, 64)
	if err != nil {
		return 0, 0, false
	}
	for i := range s.counts[number] {
		if st := s.streams[streamKey{number, i}]; st != nil && st.Stream == ev.Stream {
			return number, i, true
		}
	}
	return 0, 0, false
}
