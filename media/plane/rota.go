package plane

import "time"

// Bounds of a rota's steps.
const (
	rotaSteps = 16
	rotaPart  = 32 // streams: fewer are not worth waking up for
)

// rota has each stream of a loop ticked once in tickEvery, a part of them at a time: all in one go would hold up the packets that
// come meanwhile, some two microseconds for each stream.
type rota struct {
	list []*Stream
	done int // so many of list had their turn in this tour
	due  time.Time
}

func (r *rota) add(st *Stream) {
	r.put(len(r.list), st)
}

func (r *rota) put(i int, st *Stream) {
	if i == len(r.list) {
		r.list = append(r.list, nil)
	}
	r.list[i], st.rank = st, i
}

// remove takes a stream off; of the others none is left out of the tour or has two turns in it.
func (r *rota) remove(st *Stream) {
	i := st.rank
	if i < r.done {
		r.done--
		r.put(i, r.list[r.done])
		i = r.done
	}
	last := len(r.list) - 1
	if i != last {
		r.put(i, r.list[last])
	}
	r.list[last] = nil
	r.list = r.list[:last]
}

// steps of a tour.
func (r *rota) steps() int { return min(max(len(r.list)/rotaPart, 1), rotaSteps) }

// turn is whose turn it is, nobody's before due. The slice is good until the next call of a method. first: a tour begins.
func (r *rota) turn(now time.Time) (part []*Stream, first bool) {
	if now.Before(r.due) {
		return nil, false
	}
	steps := r.steps()
	step := tickEvery / time.Duration(steps)
	if r.due = r.due.Add(step); !r.due.After(now) { // behind: what was missed is not made up for
		r.due = now.Add(step)
	}
	if r.done >= len(r.list) {
		r.done = 0
	}
	from := r.done
	r.done = min(from+(len(r.list)+steps-1)/steps, len(r.list))
	return r.list[from:r.done], from == 0
}
