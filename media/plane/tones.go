package plane

import (
	"crypto/rand"
	"encoding/binary"
	"errors"
	"time"

	"b2bua/media/dtmf"
	"b2bua/media/relay"
)

// Play plays a digit to one side, which has agreed on telephone events, after those that are still being played there. Digits that
// cannot be played any more when their turn comes are dropped.
func (st *Stream) Play(side Side, t dtmf.Tone) {
	var b [10]byte
	_, _ = rand.Read(b[:]) // it never fails
	seed := relay.Seed{SSRC: binary.BigEndian.Uint32(b[:]), Timestamp: binary.BigEndian.Uint32(b[4:]), Seq: binary.BigEndian.Uint16(b[8:])}
	st.plane.driver.post(st, func(now time.Time) {
		idle := !st.playing
		if !st.relay.Play(now, side, t, seed) || !idle {
			return
		}
		if next, more := st.play(now); more {
			st.playing = true
			st.plane.driver.rush(st, next)
		}
	})
}

// play sends what is due of the digits, and tells when to come again.
func (st *Stream) play(now time.Time) (next time.Time, more bool) {
	for _, side := range [...]Side{A, B} {
		st.emit(st.relay.NextTone(now, side))
		if due, ok := st.relay.ToneDue(side); ok && (!more || due.Before(next)) {
			next, more = due, true
		}
	}
	st.playing = more
	return next, more
}

// rushed are the streams of a loop that want to be called at a time of their own.
type rushed struct {
	streams map[*Stream]time.Time
	next    time.Time
}

func (r *rushed) add(st *Stream, at time.Time) {
	if r.streams == nil {
		r.streams = map[*Stream]time.Time{}
	}
	r.streams[st] = at
	if len(r.streams) == 1 || at.Before(r.next) {
		r.next = at
	}
}

// before is the earlier of due and what is asked for.
func (r *rushed) before(due time.Time) time.Time {
	if len(r.streams) > 0 && r.next.Before(due) {
		return r.next
	}
	return due
}

func (r *rushed) play(now time.Time) {
	if now.Before(r.next) {
		return
	}
	first := true
	for st, at := range r.streams {
		if !now.Before(at) {
			next, more := st.play(now)
			if !more {
				delete(r.streams, st)
				continue
			}
			at = next
			r.streams[st] = at
		}
		if first || at.Before(r.next) {
			r.next, first = at, false
		}
	}
}

// AskPicture asks the peer of one side for a whole picture, if it has agreed on feedback: now, or as soon as its source is heard.
func (st *Stream) AskPicture(side Side) {
	st.plane.driver.post(st, func(time.Time) { st.relay.AskPicture(side) })
}

// emit sends what was decided.
func (st *Stream) emit(out relay.Output) {
	if len(out.Packet) == 0 {
		return
	}
	if err := st.via[out.Side].sockets[out.Ch].send(out.Packet, out.To); err != nil {
		st.relay.SendFailed(out.Side, out.To, errors.Is(err, errUnroutable))
	}
}
