package impair

import (
	"container/heap"
	"math/rand/v2"
	"time"
)

// heldBack is how long a reordered packet waits: behind the next two of an audio stream of 50 packets/s.
const heldBack = 45 * time.Millisecond

// LateBy is how long a late packet waits: behind the next 150 packets of audio, where RFC 3711 section 3.3.2 wants a window of 64.
const LateBy = 3 * time.Second

// capacity bounds what is held: ten seconds of audio. A packet beyond it is lost, as in a router's queue.
const capacity = 500

// Counters tell what was done.
type Counters struct{ In, Out, Lost, Duplicated, HeldBack uint64 }

// Impairer is one direction of one path.
type Impairer struct {
	cfg    Config
	random *rand.Rand
	queue  queue
	n      uint64
	counts Counters
}

// New makes a path with nothing on it.
func New(cfg Config) *Impairer {
	return &Impairer{cfg: cfg, random: rand.New(rand.NewPCG(cfg.Seed, 0x6e65746d))}
}

// Push puts a packet on the path. The same numbers are drawn whatever happens, so the fate of packet n depends on the seed and n alone.
func (m *Impairer) Push(now time.Time, packet []byte) {
	loss, dup, back := m.random.Float64(), m.random.Float64(), m.random.Float64()
	jitter, jitter2 := m.random.Float64(), m.random.Float64()
	late := m.cfg.Late > 0 && m.random.Float64() < m.cfg.Late
	m.counts.In++
	if loss < m.cfg.Loss {
		m.counts.Lost++
		return
	}
	due := now.Add(m.cfg.Delay + time.Duration(jitter*float64(m.cfg.Jitter)))
	if back < m.cfg.Reorder {
		m.counts.HeldBack++
		due = due.Add(heldBack)
	}
	if late {
		m.counts.HeldBack++
		due = due.Add(LateBy)
	}
	m.hold(due, packet)
	if dup < m.cfg.Duplicate {
		m.counts.Duplicated++
		m.hold(now.Add(m.cfg.Delay+time.Duration(jitter2*float64(m.cfg.Jitter))), packet)
	}
}

func (m *Impairer) hold(due time.Time, packet []byte) {
	if len(m.queue) >= capacity {
		m.counts.Lost++
		return
	}
	m.n++
	heap.Push(&m.queue, item{due, m.n, append([]byte(nil), packet...)})
}

// Due hands over, in order of their time, all packets due by now.
func (m *Impairer) Due(now time.Time, send func([]byte)) {
	for len(m.queue) > 0 && !m.queue[0].due.After(now) {
		it, ok := heap.Pop(&m.queue).(item)
		if !ok {
			return
		}
		m.counts.Out++
		send(it.packet)
	}
}

// Deadline is the time of the next packet; false: none is held.
func (m *Impairer) Deadline() (time.Time, bool) {
	if len(m.queue) == 0 {
		return time.Time{}, false
	}
	return m.queue[0].due, true
}

// Counters so far.
func (m *Impairer) Counters() Counters { return m.counts }

type item struct {
	due    time.Time
	n      uint64
	packet []byte
}

// queue orders by time, then by arrival.
type queue []item

func (q queue) Len() int      { return len(q) }
func (q queue) Swap(i, j int) { q[i], q[j] = q[j], q[i] }
func (q queue) Less(i, j int) bool {
	if q[i].due.Equal(q[j].due) {
		return q[i].n < q[j].n
	}
	return q[i].due.Before(q[j].due)
}

// Push and Pop are container/heap's.
func (q *queue) Push(x any) {
	if it, ok := x.(item); ok {
		*q = append(*q, it)
	}
}

// Pop removes the last element.
func (q *queue) Pop() any {
	old := *q
	it := old[len(old)-1]
	old[len(old)-1] = item{}
	*q = old[:len(old)-1]
	return it
}
