package zrtp

import (
	"container/heap"
	"fmt"
	"math/rand/v2"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"b2bua/media/zrtp/alg"
)

// weather is what a network does to datagrams.
type weather struct {
	delay, jitter time.Duration
	loss          float64
	duplicate     float64
	late          float64 // how many are overtaken
	lateness      time.Duration
	outages       []outage
}

// outage is a time in which one direction is dead.
type outage struct {
	from, to time.Duration
	towards  int
}

// world is simulated time with two ends in it.
type world struct {
	t      testing.TB
	rng    *rand.Rand
	now    time.Time
	queue  events
	order  int
	ends   [2]*end
	sky    weather
	meddle func(from *end, stream int, data []byte) [][]byte // nil: a datagram is what was sent
	work   time.Duration                                     // how long a job may take
}

// end is one side: a session with the shell that it wants.
type end struct {
	world  *world
	number int
	*Session
	cache *Memory
	lines []*line
	sends int
	busy  time.Duration // real time that this end took, its jobs included
}

// spend adds what something takes.
func (e *end) spend(run func()) {
	began := time.Now()
	run()
	e.busy += time.Since(began)
}

func (l *line) String() string {
	return l.Stream.String() + " " + fmt.Sprintf("%v %v acked %t, Hello %t", l.failures, l.alerts, l.acked, l.peer.hello != nil)
}

// line is one stream with what was said about it.
type line struct {
	*Stream
	send, receive []alg.Secret
	reports       []Report
	failures      []Failure
	alerts        []Suspicion
	nobody        bool
	media         bool
	jobs          []bool // whether the exchange had begun
	tick          time.Time
	silenced      bool // after Stop
}

type event struct {
	at    time.Time
	order int
	run   func()
}

type events []event

func (e events) Len() int { return len(e) }

func (e events) Less(i, j int) bool {
	return e[i].at.Before(e[j].at) || e[i].at.Equal(e[j].at) && e[i].order < e[j].order
}
func (e events) Swap(i, j int) { e[i], e[j] = e[j], e[i] }
func (e *events) Push(x any)   { *e = append(*e, x.(event)) }
func (e *events) Pop() any {
	last := (*e)[len(*e)-1]
	*e = (*e)[:len(*e)-1]
	return last
}

var epoch = time.Unix(1_700_000_000, 0)

func newWorld(t testing.TB, seed uint64) *world {
	return &world{t: t, rng: rand.New(rand.NewPCG(seed, 77)), now: epoch, sky: weather{delay: 10 * time.Millisecond}}
}

// random is a source for sessions.
type random struct{ rng *rand.Rand }

func (r random) Read(b []byte) (int, error) {
	for i := range b {
		b[i] = byte(r.rng.Uint32())
	}
	return len(b), nil
}

func config(number int) Config {
	return Config{
		ZID: alg.ZID{byte(number + 1), 2, 3}, Client: "b2bua test", Expiration: Forever, Required: true,
		Lists: Lists{
			alg.KindHash: {alg.S256}, alg.KindCipher: {alg.AES1}, alg.KindAuthTag: {alg.HS80},
			alg.KindAgreement: {alg.X255, alg.DH3k, alg.Mult}, alg.KindSAS: {alg.B32},
		},
	}
}

// join adds an end with a number of streams.
func (w *world) join(number int, c Config, streams int, cache *Memory) *end {
	if cache == nil {
		cache = &Memory{}
	}
	c.Rand = random{w.rng}
	s, err := NewSession(c)
	require.NoError(w.t, err)
	e := &end{world: w, number: number, Session: s, cache: cache}
	for i := range streams {
		st, err := s.NewStream(uint32(number+1)<<16 + uint32(i))
		require.NoError(w.t, err)
		e.lines = append(e.lines, &line{Stream: st})
	}
	w.ends[number] = e
	return e
}

// pair makes two ends with two streams that have started.
func pair(t testing.TB, seed uint64) (*world, *end, *end) {
	w := newWorld(t, seed)
	a, b := w.join(0, config(0), 2, nil), w.join(1, config(1), 2, nil)
	w.start(0, 0)
	w.start(1, 0)
	return w, a, b
}

func (w *world) after(d time.Duration, run func()) {
	w.order++
	heap.Push(&w.queue, event{at: w.now.Add(d), order: w.order, run: run})
}

func (w *world) start(number int, at time.Duration) {
	w.after(at, func() {
		for i := range w.ends[number].lines {
			w.ends[number].do(i, Start{})
		}
	})
}

// run lets time pass until nothing happens any more, or for d.
func (w *world) run(d time.Duration) {
	end := w.now.Add(d)
	for len(w.queue) > 0 && !w.queue[0].at.After(end) {
		e := heap.Pop(&w.queue).(event)
		w.now = e.at
		e.run()
	}
	w.now = end
}

// do hands an input to a stream and carries out what comes back.
func (e *end) do(stream int, in Input) {
	if e.lines[stream].silenced {
		return
	}
	var outs []Output
	e.spend(func() { outs = e.lines[stream].Handle(e.world.now, in) })
	e.carry(outs)
}

func (e *end) carry(outs []Output) {
	for _, out := range outs {
		e.effect(e.index(out.Stream), out.Effect)
	}
	for i, l := range e.lines {
		e.schedule(i, l)
	}
}

func (e *end) index(st *Stream) int {
	for i, l := range e.lines {
		if l.Stream == st {
			return i
		}
	}
	e.world.t.Fatal("output for a stream that is gone")
	return 0
}

func (e *end) schedule(i int, l *line) {
	at, ok := l.Deadline()
	if !ok || l.silenced || at.Equal(l.tick) {
		return
	}
	l.tick = at
	e.world.after(at.Sub(e.world.now), func() {
		if l.tick.Equal(e.world.now) {
			l.tick = time.Time{}
			e.do(i, Tick{})
		}
	})
}

func (e *end) effect(i int, effect Effect) {
	w, l := e.world, e.lines[i]
	switch x := effect.(type) {
	case Send:
		e.sends++
		w.carry(e, i, x.Data)
	case NeedKeys:
		l.jobs = append(l.jobs, x.Job.Begun())
		w.after(w.span(w.work), func() {
			e.spend(x.Job.Run)
			e.do(i, KeysDone(x))
		})
	case LookupSecrets:
		r, _ := e.cache.Load(x.Key)
		w.after(w.span(w.work), func() { e.do(i, SecretsLoaded{Key: x.Key, Record: r}) })
	case StoreSecrets:
		require.NoError(w.t, e.cache.Store(x.Key, x.Update))
	case InstallReceive:
		l.receive = append(l.receive, x.Master)
	case InstallSend:
		l.send = append(l.send, x.Master)
		w.media(e, i)
	case Secure:
		l.reports = append(l.reports, x.Report)
	case Alert:
		l.alerts = append(l.alerts, x.Reason)
	case Failed:
		l.failures = append(l.failures, x.Reason)
	case NoPeer:
		l.nobody = true
	}
}

func (w *world) span(d time.Duration) time.Duration {
	if d == 0 {
		return 0
	}
	return time.Duration(w.rng.Int64N(int64(d)))
}

// carry takes a datagram to the other end.
func (w *world) carry(from *end, stream int, data []byte) {
	all := [][]byte{data}
	if w.meddle != nil {
		all = w.meddle(from, stream, data)
	}
	for _, d := range all {
		w.fly(from, func() {
			if to := w.ends[1-from.number]; to != nil && stream < len(to.lines) {
				to.do(stream, Packet{Data: d})
			}
		})
	}
}

// fly lets something happen at the other end, as the weather permits.
func (w *world) fly(from *end, arrive func()) {
	sky := &w.sky
	for _, o := range sky.outages {
		if at := w.now.Sub(epoch); o.towards != from.number && at >= o.from && at < o.to {
			return
		}
	}
	copies := 1
	if w.rng.Float64() < sky.duplicate {
		copies = 2
	}
	for range copies {
		if w.rng.Float64() < sky.loss {
			continue
		}
		d := sky.delay + w.span(sky.jitter)
		if w.rng.Float64() < sky.late {
			d += w.span(sky.lateness)
		}
		w.after(d, arrive)
	}
}

// media sends SRTP every 20 ms, until the other end has seen one.
func (w *world) media(from *end, stream int) {
	to := w.ends[1-from.number]
	l := from.lines[stream]
	if to == nil || to.lines[stream].media || l.silenced {
		return
	}
	w.fly(from, func() {
		other := to.lines[stream]
		if len(other.receive) == 0 || len(l.send) == 0 || string(other.receive[0]) != string(l.send[0]) || other.media {
			return // not authentic
		}
		other.media = true
		to.do(stream, Authenticated{})
	})
	w.after(20*time.Millisecond, func() { w.media(from, stream) })
}

// settle checks what has to hold of two ends whatever happened, and tells whether all streams are secure.
func (w *world) settle() bool {
	a, b := w.ends[0], w.ends[1]
	all := true
	for i := range a.lines {
		x, y := a.lines[i], b.lines[i]
		for _, l := range []*line{x, y} {
			require.LessOrEqual(w.t, len(l.send), 1, "a key is installed once")
			require.LessOrEqual(w.t, len(l.receive), 1)
			require.LessOrEqual(w.t, len(l.failures), 1)
			require.Equal(w.t, l.Secure(), len(l.reports) == 1)
		}
		require.Equal(w.t, x.Secure(), y.Secure(), "stream %d: %s %s", i, x.Stream, y.Stream)
		if !x.Secure() {
			all = false
			continue
		}
		require.Equal(w.t, []byte(x.send[0]), []byte(y.receive[0]))
		require.Equal(w.t, []byte(y.send[0]), []byte(x.receive[0]))
		require.NotEqual(w.t, []byte(x.send[0]), []byte(x.receive[0]))
		require.Equal(w.t, x.reports[0].SAS, y.reports[0].SAS)
		require.Equal(w.t, x.reports[0].Suite, y.reports[0].Suite)
		require.NotEqual(w.t, x.reports[0].Role, y.reports[0].Role)
		require.Empty(w.t, x.failures)
	}
	return all
}
