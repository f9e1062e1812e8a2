package server

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"b2bua/core/account"
	"b2bua/core/account/keeper"
	"b2bua/core/account/redisfeed"
	"b2bua/core/account/redisfeed/redislink"
	"b2bua/core/account/sqlstore"
	"b2bua/core/config"
	"b2bua/core/control"
	"b2bua/core/digest"
	"b2bua/core/event"
)

// stores keep the pools that a database fills up to date. Nil without such a pool.
type stores struct {
	s      *server
	pools  []*kept
	redis  redislink.Config
	cancel context.CancelFunc
	done   chan struct{} // nil: not started
	feed   feedState
}

// feedState is the subscription at Redis.
type feedState struct {
	sync.Mutex
	shown *control.Feed // nil: Redis is not configured
}

// kept is one pool: its Keeper belongs to the loop, the rest to the goroutines of redislink.Run.
type kept struct {
	st     *stores
	store  *sqlstore.Store
	keeper *keeper.Keeper
	blind  bool // updateQuery was refused at the start
	state  poolState
}

// poolState is what b2bua ctl shows.
type poolState struct {
	sync.Mutex
	backend  string
	rows     int       // of the load that runs
	loading  time.Time // since when; zero: none runs
	loaded   time.Time // end of the last complete load
	failed   time.Time // since when the database cannot be asked; zero: it answers
	failing  bool      // a load failed, so that no single read can say that all is well
	reason   string
	lastRead time.Time
}

// newStores opens and checks what the pools are loaded from.
func (s *server) newStores(ctx context.Context, cfg *config.Config, sources []source) (*stores, error) {
	st := &stores{s: s, redis: redislink.Config{Log: s.report}}
	var faults []config.Finding
	for _, src := range sources {
		store, fault := src.open(cfg.SIPBridge.Providers)
		if fault != nil {
			faults = append(faults, *fault)
			continue
		}
		k := &kept{st: st, store: store, state: poolState{backend: src.sql.Backend}}
		k.keeper = keeper.New(src.pool, s)
		src.pool.SetLacking(k.state.lacking(store.Where()))
		st.pools = append(st.pools, k)
	}
	if r := cfg.Registrar; r.RedisConfigured {
		secure, more := redisTLS(r)
		faults = append(faults, more...)
		st.redis.TLS, st.redis.User, st.redis.Password = secure, r.RedisAuthUser, digest.Secret(r.RedisAuthPassword)
		st.feed.shown = &control.Feed{Server: redisfeed.Host{Name: r.RedisServerDomain, Port: r.RedisServerPort}.String(), Since: time.Now()}
		st.redis.Followed = st.followed
		st.redis.Redis = &redisfeed.Config{
			Server: redisfeed.Host{Name: r.RedisServerDomain, Port: r.RedisServerPort}, CheckPeriod: r.RedisSlaveCheckPeriod,
			UseReplicas: r.RedisUseSlavesAsBackup, KeepAlive: r.RedisKeepAliveCheck,
		}
	}
	if len(faults) == 0 {
		faults = st.check(ctx, cfg.SIPBridge.Providers, sources)
	}
	if len(faults) > 0 {
		st.close()
		return nil, &ConfigError{faults}
	}
	return st, nil
}

// check asks all databases at the same time.
func (st *stores) check(ctx context.Context, file string, sources []source) []config.Finding {
	faults := make([]*config.Finding, len(sources))
	var all sync.WaitGroup
	for i := range sources {
		all.Go(func() {
			fault, away := sources[i].check(ctx, st.pools[i].store, file)
			faults[i] = fault
			if away != nil && ctx.Err() == nil {
				st.pools[i].warn(away)
			}
		})
	}
	all.Wait()
	var out []config.Finding
	for _, f := range faults {
		if f != nil {
			out = append(out, *f)
		}
	}
	return out
}

// warn tells of what does not end a start.
func (k *kept) warn(err error) {
	what := fmt.Sprintf("its queries could not be tried (%v); the start goes on without its accounts", err)
	var query *sqlstore.QueryError
	if errors.As(err, &query) && query.Field == "updateQuery" && query.Lasting() {
		k.blind = true
		what = fmt.Sprintf("changes that are announced cannot be read (%v): accounts change only when all are loaded", err)
	}
	k.st.s.report(event.Accounts{At: event.Warning, Pool: k.keeper.Pool().Name(), What: what})
}

// start begins to load. The stack runs.
func (st *stores) start() {
	if st == nil {
		return
	}
	ctx, cancel := context.WithCancel(context.Background())
	st.cancel, st.done = cancel, make(chan struct{})
	pools := make([]redislink.Pool, 0, len(st.pools))
	for _, k := range st.pools {
		pools = append(pools, redislink.Pool{Name: k.keeper.Pool().Name(), Loader: k})
	}
	go func() {
		defer close(st.done)
		redislink.Run(ctx, st.redis, pools)
	}()
}

// storePatience is how long a stop waits for databases to give up; they do at once, unless a file system hangs.
const storePatience = time.Second

// stop ends what start began, and the connections.
func (st *stores) stop() {
	if st == nil {
		return
	}
	if st.done != nil {
		st.cancel()
		t := time.NewTimer(storePatience)
		defer t.Stop()
		select {
		case <-st.done:
		case <-t.C:
			st.s.log.Warn("a database does not let go of a query; the stop goes on without it")
			return
		}
	}
	st.close()
}

func (st *stores) close() {
	if st == nil {
		return
	}
	for _, k := range st.pools {
		_ = k.store.Close() // nothing was written
	}
}

// Rows and accounts that the loop deals with at a time: 0.2 ms of work. Who allocates pays for the garbage collector, too, if it runs just
// then: of a million rows 50 at a time, four turns took 5 to 10 ms, and 200 at a time fifteen took up to 23 ms.
const (
	rowsAtOnce  = 50
	sweepAtOnce = 5000
)

// progressEvery is how often a long load is told of.
const progressEvery = 5 * time.Second

// slowLoad is how soon a load is told of that has brought nothing yet.
const slowLoad = 10 * time.Second

// onLoop runs f on the loop and waits for it.
func (k *kept) onLoop(ctx context.Context, f func(now time.Time)) error {
	done := make(chan struct{})
	if err := k.st.s.stack.Do(func(now time.Time) {
		defer close(done)
		f(now)
		k.st.s.lines.drain()
	}); err != nil {
		return err
	}
	select {
	case <-done:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// batchesAhead are read while the loop deals with others: a file is locked against writers no longer than it takes to read, and 16,000
// rows are 8 MB.
const batchesAhead = 16

// Reload implements redislink.Loader.
func (k *kept) Reload(ctx context.Context) error {
	begin := time.Now()
	k.state.begin(begin)
	err := k.load(ctx, begin)
	if err == nil {
		err = k.sweep(ctx, begin)
	}
	k.ended(true, err)
	return err
}

// load reads, and has the loop apply what is read.
func (k *kept) load(ctx context.Context, begin time.Time) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	batches, applied := make(chan sqlstore.Batch, batchesAhead), make(chan error)
	go func() {
		var err error
		for b := range batches {
			if err == nil {
				if err = k.take(ctx, b); err != nil {
					cancel()
				}
			}
		}
		applied <- err
	}()
	late := time.AfterFunc(slowLoad, func() {
		k.st.s.report(event.Accounts{At: event.Warning, Pool: k.keeper.Pool().Name(), What: fmt.Sprintf(
			"%s has not answered initQuery within %v; the accounts stay as they are until it does, for %v at most", k.store.Where(), slowLoad, sqlstore.DefaultLoad)})
	})
	defer late.Stop()
	told := begin
	_, err := k.store.Load(ctx, func(b sqlstore.Batch) error {
		late.Stop()
		if now := time.Now(); now.Sub(told) >= progressEvery {
			told = now
			k.st.s.report(event.AccountsLoading{Pool: k.keeper.Pool().Name(), From: k.store.Where(), Rows: b.Total, After: now.Sub(begin)})
		}
		k.state.progress(b.Total)
		select {
		case batches <- b:
			return nil
		case <-ctx.Done():
			return ctx.Err()
		}
	})
	close(batches)
	if unapplied := <-applied; err == nil {
		err = unapplied
	}
	return err
}

// take hands a batch to the loop, a bit at a time.
func (k *kept) take(ctx context.Context, b sqlstore.Batch) error {
	for first := b.First; first || len(b.Rows) > 0; first = false {
		part := b.Rows[:min(rowsAtOnce, len(b.Rows))]
		b.Rows = b.Rows[len(part):]
		if err := k.onLoop(ctx, func(now time.Time) {
			if first {
				k.keeper.Begin()
			}
			k.keeper.Take(now, part)
			k.st.s.lines.grown()
		}); err != nil {
			return err
		}
	}
	return nil
}

// sweep ends a load.
func (k *kept) sweep(ctx context.Context, begin time.Time) error {
	for done := false; !done; {
		if err := k.onLoop(ctx, func(now time.Time) {
			if done = k.keeper.Sweep(now, sweepAtOnce); !done {
				return
			}
			t := k.keeper.Tally()
			k.st.s.report(event.AccountsLoaded{
				Pool: k.keeper.Pool().Name(), From: k.store.Where(), Accounts: k.keeper.Pool().Len(), Rows: t.Rows, Created: t.Created,
				Updated: t.Updated, Removed: t.Removed, Refused: t.Refused, Untold: k.keeper.Untold(), After: time.Since(begin),
			})
		}); err != nil {
			return err
		}
	}
	return nil
}

// One implements redislink.Loader.
func (k *kept) One(ctx context.Context, key redisfeed.Key) error {
	row, ok, err := k.store.Lookup(ctx, key.Identifier)
	var null *sqlstore.NullError
	if errors.As(err, &null) { // the row's fault, not the database's
		row, ok, err = sqlstore.Row{Spec: account.Spec{URI: key.URI}, Problems: []account.Problem{null.Problem()}}, true, nil
	}
	var query *sqlstore.QueryError
	if errors.As(err, &query) && query.Lasting() && (k.blind || k.store.Plan().UpdateFault != nil) { // to ask again would be of no use
		return k.onLoop(ctx, func(now time.Time) { k.keeper.Unread(now, key.URI, err) })
	}
	if err == nil {
		err = k.onLoop(ctx, func(now time.Time) {
			k.keeper.One(now, key.URI, &row, ok)
			k.st.s.lines.grown()
		})
	}
	k.ended(false, err)
	return err
}

// Created, Updated, Removed and Tell make the server the owner of its pools; they run on the loop.

// Created implements keeper.Owner.
func (s *server) Created(now time.Time, a *account.Account) { s.lines.add(now, a) }

// Updated implements keeper.Owner.
func (s *server) Updated(now time.Time, a *account.Account) { s.lines.update(now, a) }

// Removed implements keeper.Owner.
func (s *server) Removed(now time.Time, a *account.Account) { s.lines.remove(now, a) }

// Tell implements keeper.Owner.
func (s *server) Tell(e event.Event) { s.report(e) }

func (p *poolState) begin(now time.Time) {
	p.Lock()
	defer p.Unlock()
	p.loading, p.rows = now, 0
}

func (p *poolState) progress(rows int) {
	p.Lock()
	defer p.Unlock()
	p.rows = rows
}

// end of a load, or of a lookup. One that was cancelled says nothing of the database.
func (p *poolState) end(now time.Time, load bool, err error) {
	p.Lock()
	defer p.Unlock()
	if load {
		p.loading = time.Time{}
	}
	if errors.Is(err, context.Canceled) {
		return
	}
	if err != nil {
		p.failing = p.failing || load
		if p.reason = err.Error(); p.failed.IsZero() {
			p.failed = now
		}
		return
	}
	if p.lastRead = now; load {
		p.loaded, p.failing = now, false
	}
	if !p.failing {
		p.failed, p.reason = time.Time{}, ""
	}
}

// lacking is why the pool may lack accounts, or have old ones.
func (p *poolState) lacking(where string) string {
	p.Lock()
	defer p.Unlock()
	switch {
	case p.loaded.IsZero() && !p.failed.IsZero():
		return where + " has not answered since " + p.failed.Format(time.DateTime)
	case p.loaded.IsZero():
		return where + " is still being read"
	case !p.failed.IsZero():
		return fmt.Sprintf("its accounts are those of %s, %s has not answered since %s", p.lastRead.Format(time.DateTime), where, p.failed.Format(time.DateTime))
	}
	return ""
}

// ended notes how a load or a lookup ended, also for the calls that find no account.
func (k *kept) ended(load bool, err error) {
	k.state.end(time.Now(), load, err)
	_ = k.st.s.stack.Do(func(time.Time) { k.keeper.Pool().SetLacking(k.state.lacking(k.store.Where())) }) // closed: there are no calls
}

// followed notes that announcements are heard, or not any more.
func (st *stores) followed(server string, yes bool) {
	st.feed.Lock()
	defer st.feed.Unlock()
	st.feed.shown = &control.Feed{Server: server, Followed: yes, Since: time.Now()}
}

// feedShown is what b2bua ctl shows of the subscription, nil without one.
func (st *stores) feedShown() *control.Feed {
	if st == nil {
		return nil
	}
	st.feed.Lock()
	defer st.feed.Unlock()
	return st.feed.shown
}

// shown is what b2bua ctl shows of the pools that a database fills. It runs on the loop.
func (st *stores) shown() []control.Pool {
	if st == nil {
		return nil
	}
	out := make([]control.Pool, 0, len(st.pools))
	for _, k := range st.pools {
		out = append(out, k.shown())
	}
	return out
}

func (k *kept) shown() control.Pool {
	p := &k.state
	p.Lock()
	defer p.Unlock()
	pool := k.keeper.Pool()
	c := control.Pool{
		Name: pool.Name(), Loader: p.backend, From: k.store.Where(), Accounts: pool.Len(), Available: pool.Free(), Loaded: p.loaded, LastRead: p.lastRead,
		Stale: p.failed, Error: p.reason,
	}
	switch {
	case !p.loading.IsZero():
		c.State, c.Rows = "loading", p.rows
	case !p.failed.IsZero():
		c.State = "stale"
	case p.loaded.IsZero():
		c.State = "waiting"
	default:
		c.State = "loaded"
	}
	return c
}
