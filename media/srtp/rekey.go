package srtp

import (
	"cmp"

	"b2bua/media/rtp"
)

// What a Receiver learns from others: the roll-over counters that the key before had reached, and the windows of its own key when that
// was in force earlier.

// Windows are what a Receiver has received, without the keys.
type Windows []source

// Windows is a copy of the state, for a Receiver that is made of the same key later.
func (r *Receiver) Windows() (w Windows) {
	for _, s := range r.sources {
		if s.used > 0 {
			w = append(w, s)
		}
	}
	return w
}

// Resume goes on where a Receiver of the same key was: nothing that it received is received again. It is called before all packets.
func (r *Receiver) Resume(w Windows) {
	r.sources = append(r.sources[:0], w...)
	for _, s := range w {
		r.turn = max(r.turn, s.used)
	}
}

// Follow takes over what the Receiver of the key before knows about its SSRCs. A sender goes on with its roll-over counter under a new
// key (RFC 3711 section 3.3.1) or, as many do that make a new context, begins with 0 again. Nothing but the packet tells which: the first
// one of each SSRC is tried under its own index and under the one that follows the old.
func (r *Receiver) Follow(old *Receiver) {
	for _, o := range old.sources {
		before := o.before
		if o.rtp.started && before == 0 {
			before = o.rtp.top + 1
		}
		if before == 0 {
			continue
		}
		s := r.find(o.ssrc)
		if s == nil {
			if len(r.sources) == MaxReceived {
				continue
			}
			s = r.place()
			*s = source{ssrc: o.ssrc}
		}
		s.before = before
	}
}

// first opens the first packet of an SSRC under this key.
func (r *Receiver) first(b []byte, h rtp.Header, s *source) ([]byte, error) {
	own, ok := s.rtp.estimate(h.Seq)
	kept, keptOK := nearest(s.before-1, h.Seq)
	x := r.scratch()
	x.spare = append(x.spare[:0], b...) // GCM destroys what it cannot open
	var refused error                   // by the first reason
	for i, try := range [...]struct {
		index uint64
		ok    bool
	}{{own, ok}, {kept, keptOK && (kept != own || !ok)}} {
		if !try.ok {
			continue
		}
		if !s.rtp.fresh(try.index) {
			refused = cmp.Or(refused, ErrReplay)
			continue
		}
		if i > 0 {
			copy(b, x.spare)
		}
		out, err := r.t.openRTP(x, b, h.Size, h.SSRC, try.index)
		if err == nil {
			r.touch(s, h.SSRC).rtp.use(try.index)
			s.before = 0
			return out, nil
		}
		refused = cmp.Or(refused, err)
	}
	return nil, cmp.Or(refused, ErrReplay)
}
