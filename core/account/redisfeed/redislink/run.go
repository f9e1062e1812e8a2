package redislink

import (
	"context"
	"crypto/tls"
	"sync"
	"time"

	"b2bua/core/account/redisfeed"
	"b2bua/core/digest"
	"b2bua/core/event"
)

// Loader reads the accounts of one pool and applies what it finds. Both methods return when that is done; nil also where rows were
// faulty, which is the loader's to tell. An error means that the database could not be asked: it is asked again. Several Ones, of
// different accounts, run at the same time; none begins during a Reload.
type Loader interface {
	Reload(ctx context.Context) error
	One(ctx context.Context, k redisfeed.Key) error
}

// Pool is what is kept up to date.
type Pool struct {
	Name   string
	Loader Loader
}

// Config of Run.
type Config struct {
	Redis    *redisfeed.Config // nil: no Redis, so pools are loaded once
	User     string            // ignored without Password
	Password digest.Secret
	TLS      *tls.Config       // nil: none; the name of the server is filled in
	Log      func(event.Event) // called by one goroutine
	// Followed tells whether changes are followed, and at which server; nil: nobody asks. Called by the same goroutine, at each change.
	Followed func(server string, yes bool)
}

// hub is the goroutine that owns the engines.
type hub struct {
	cfg   Config
	feed  *redisfeed.Feed // nil: no Redis
	pools []*worker
	links map[redisfeed.Link]*link
	in    chan func(now time.Time)
	done  chan struct{}
	wg    sync.WaitGroup
	ctx   context.Context

	followed bool
}

// worker is a pool with its jobs.
type worker struct {
	queue  *redisfeed.Queue
	loader Loader
	jobs   map[redisfeed.Job]context.CancelFunc
}

// Run keeps the pools up to date until ctx ends.
func Run(ctx context.Context, cfg Config, pools []Pool) {
	quiet()
	// jobs are ended by the queues, so that the engines hear of it
	h := &hub{cfg: cfg, links: map[redisfeed.Link]*link{}, in: make(chan func(time.Time)), done: make(chan struct{}), ctx: context.WithoutCancel(ctx)}
	for _, p := range pools {
		h.pools = append(h.pools, &worker{redisfeed.NewQueue(p.Name), p.Loader, map[redisfeed.Job]context.CancelFunc{}})
	}
	now := time.Now()
	for _, w := range h.pools {
		w.queue.Reload(now)
	}
	if cfg.Redis != nil {
		h.feed = redisfeed.NewFeed(*cfg.Redis)
		h.feed.Start(now)
	} else {
		cfg.Log(redisfeed.Line{At: event.Message, What: "live updates of accounts are off: redis-server-domain in [module::Registrar] is not set"})
	}
	h.loop(ctx)
	close(h.done)
	h.wg.Wait()
}

func (h *hub) loop(ctx context.Context) {
	timer := time.NewTimer(time.Hour)
	defer timer.Stop()
	for {
		h.drain(time.Now())
		h.tellFollowed()
		timer.Reset(h.untilDue(time.Now()))
		select {
		case f := <-h.in:
			f(time.Now())
		case <-timer.C:
			h.advance(time.Now())
		case <-ctx.Done():
			h.stop()
			return
		}
	}
}

func (h *hub) tellFollowed() {
	if h.feed == nil || h.cfg.Followed == nil {
		return
	}
	if at, yes := h.feed.Listening(); yes != h.followed {
		h.followed = yes
		h.cfg.Followed(at.String(), yes)
	}
}

func (h *hub) stop() {
	if h.feed != nil {
		h.feed.Stop()
	}
	for _, w := range h.pools {
		w.queue.Stop()
	}
	h.drain(time.Now())
}

func (h *hub) advance(now time.Time) {
	if h.feed != nil {
		h.feed.Advance(now)
	}
	for _, w := range h.pools {
		w.queue.Advance(now)
	}
}

func (h *hub) untilDue(now time.Time) time.Duration {
	due := time.Hour
	if h.feed != nil {
		due = sooner(due, now, h.feed.Deadline())
	}
	for _, w := range h.pools {
		due = sooner(due, now, w.queue.Deadline())
	}
	return due
}

func sooner(d time.Duration, now, t time.Time) time.Duration {
	if t.IsZero() {
		return d
	}
	return min(d, max(0, t.Sub(now)))
}

// post hands an input to the hub; it waits for its turn, which is what slows a flood down.
func (h *hub) post(f func(now time.Time)) {
	select {
	case h.in <- f:
	case <-h.done:
	}
}

// spawn runs f in a goroutine that Run waits for.
func (h *hub) spawn(f func()) {
	h.wg.Add(1)
	go func() {
		defer h.wg.Done()
		f()
	}()
}

func (h *hub) drain(now time.Time) {
	if h.feed != nil {
		for o, ok := h.feed.Poll(); ok; o, ok = h.feed.Poll() {
			h.do(now, o)
		}
	}
	for _, w := range h.pools {
		for o, ok := w.queue.Poll(); ok; o, ok = w.queue.Poll() {
			h.work(w, o)
		}
	}
}

// do carries out what the feed wants.
func (h *hub) do(now time.Time, o redisfeed.Output) {
	switch o := o.(type) {
	case redisfeed.Connect:
		h.connect(o)
	case redisfeed.AskRole:
		h.askRole(o.Link)
	case redisfeed.Subscribe:
		h.subscribe(o.Link)
	case redisfeed.Ping:
		h.ping(o.Link)
	case redisfeed.Close:
		if l := h.links[o.Link]; l != nil {
			delete(h.links, o.Link)
			h.spawn(l.close)
		}
	case redisfeed.Reload:
		for _, w := range h.pools {
			w.queue.Reload(now)
		}
	case redisfeed.Update:
		for _, w := range h.pools {
			w.queue.Update(now, o.Key)
		}
	case redisfeed.Happened:
		h.cfg.Log(o.Event)
	}
}

// work carries out what a queue wants.
func (h *hub) work(w *worker, o redisfeed.Work) {
	switch o := o.(type) {
	case redisfeed.Load:
		h.job(w, o.Job, w.loader.Reload)
	case redisfeed.Read:
		h.job(w, o.Job, func(ctx context.Context) error { return w.loader.One(ctx, o.Key) })
	case redisfeed.Cancel:
		w.jobs[o.Job]()
	case redisfeed.Happened:
		h.cfg.Log(o.Event)
	}
}

func (h *hub) job(w *worker, j redisfeed.Job, run func(context.Context) error) {
	ctx, cancel := context.WithCancel(h.ctx)
	w.jobs[j] = cancel
	h.spawn(func() {
		err := run(ctx)
		cancel()
		h.post(func(now time.Time) {
			delete(w.jobs, j)
			w.queue.Done(now, j, err)
		})
	})
}
