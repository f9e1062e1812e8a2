package register

import (
	"encoding/binary"
	"io"
	"slices"
	"time"

	"b2bua/core/digest"
	"b2bua/core/event"
	"b2bua/core/sip"
)

// Account is what the registration of one identity needs.
type Account struct {
	Name        string      // how operators know it: its URI
	Identity    sip.Address // To and From, without parameters; the Request-URI is its domain
	Registrar   sip.URI     // next hop
	Credentials []digest.Credentials
	Key         string        // accounts of different keys share no connection and no port; "" is the shared one
	Unregister  bool          // at shutdown
	Expires     time.Duration // asked for; 0: one hour
}

// Config is what an Engine needs; zero durations mean the defaults.
type Config struct {
	UserAgent string
	Instance  string        // "urn:uuid:…", names this server to registrars, so that a new binding replaces the old one; "": none
	Retry     time.Duration // rest after a failure; 0: one minute
	Rand      io.Reader     // moments of refreshes, tags, Call-IDs, nonces
}

// Engine holds the registrations of a process.
type Engine struct {
	cfg      Config
	last     ID
	lastRef  Ref
	byID     map[ID]*registration
	byes     int // of byID: farewells
	refs     map[Ref]*registration
	flows    map[uint64]*registration // heads of the lists of those that a lost connection concerns
	hops     map[string]*registrar
	pools    []*pool
	heap     alarms
	chores   []chore
	out      []Output
	read     int // of out
	counts   [Cleared + 1]int
	stopping bool
	leaving  int // un-registrations, and requests whose outcome decides about one, at shutdown
	left     []Left
}

// registration is one account with its state. What it does next is its phase; what is known of the binding is its status.
type registration struct {
	alarm
	kept
	id   ID
	pool *pool
	hop  *registrar
	goal *goal // where it moves to once its request is answered; nil: it stays

	in         *list
	prev, next *registration

	flow               uint64
	flowPrev, flowNext *registration

	client  *digest.Client // from the first challenge on
	callID  string
	tag     string
	cseq    uint32
	expires time.Duration // asked for
	contact *sip.URI      // of the binding, as it was sent, without its user; nil: not known
	until   time.Time     // end of the binding; zero: none

	status   Status
	phase    phase
	pending  *sip.Message // the unanswered request
	ref      Ref
	sentAt   time.Time
	slot     bool // counts in the registrar's window
	ending   bool // the unanswered request un-registers
	rounds   uint8
	interval bool // a 423 was obeyed in this attempt
	quick    bool // an attempt that a broken connection ended was repeated at once
	failures uint8
	losses   uint8
	made     time.Time     // the last 2xx
	told     Reason        // the failure that was told
	why      string        // of the last failure since the last 2xx
	settled  bool          // had its first outcome
	missed   bool          // counts in registrar.missing
	bye      *registration // its last farewell, and of that one the one before
	farewell bool          // un-registers at the former registrar of another one; nobody else knows it
	former   bool          // the binding is one at a former registrar

	again   bool // something changed while the request was under way
	removed bool // to be un-registered and forgotten
	counted bool // in Engine.leaving
}

// phase is what a registration is doing.
type phase uint8

const (
	idle   phase = iota // its alarm starts the next attempt, if it is set
	queued              // waits for room in the window
	asked               // a request is under way
	over                // un-registered, or nothing to be done any more
)

// pool spaces first registrations.
type pool struct {
	alarm
	name      string
	throttle  time.Duration
	waiting   list
	unsettled int
	failed    int
	all       int
	began     time.Time
}

// New makes an empty engine.
func New(cfg Config) *Engine {
	if cfg.Retry <= 0 {
		cfg.Retry = defaultRetry
	}
	return &Engine{
		cfg: cfg, byID: map[ID]*registration{}, refs: map[Ref]*registration{}, flows: map[uint64]*registration{}, hops: map[string]*registrar{},
	}
}

// Pool makes a pool whose first registrations are at least throttle apart.
func (e *Engine) Pool(name string, throttle time.Duration) PoolID {
	p := &pool{name: name, throttle: throttle}
	p.fire = p
	e.pools = append(e.pools, p)
	return PoolID(len(e.pools)) //nolint:gosec // pools come from a file
}

// Add begins to register an account of a pool.
func (e *Engine) Add(now time.Time, in PoolID, a Account) ID {
	p := e.pools[in-1]
	e.last++
	r := &registration{id: e.last, kept: keep(a), pool: p, callID: sip.NewCallID(e.cfg.Rand), tag: sip.NewTag(e.cfg.Rand), expires: asks(a)}
	r.fire = r
	r.hop = e.registrar(a.Registrar)
	e.byID[r.id] = r
	e.counts[None]++
	if p.unsettled == 0 {
		p.began = now
	}
	p.unsettled++
	p.all++
	if e.stopping {
		r.phase = over
		return r.id
	}
	p.waiting.push(r)
	e.admit(now, p)
	return r.id
}

func asks(a Account) time.Duration {
	if a.Expires <= 0 {
		return defaultExpires
	}
	return min(a.Expires, maxExpires)
}

// admit lets the next ones of a pool go, one per throttle.
func (e *Engine) admit(now time.Time, p *pool) {
	for p.waiting.n > 0 && !p.due.After(now) {
		e.enqueue(now, p.waiting.pop())
		if p.throttle > 0 {
			e.set(&p.alarm, now.Add(p.throttle))
		}
	}
}

func (p *pool) fired(e *Engine, now time.Time) {
	e.admit(now, p)
	if p.waiting.n == 0 && !p.due.After(now) {
		e.set(&p.alarm, time.Time{})
	}
}

// Update takes new data of an account. It is registered again at once if what the registrar knows, or is told, changed.
func (e *Engine) Update(now time.Time, id ID, a Account) {
	r := e.byID[id]
	if r == nil || r.removed || e.stopping {
		return
	}
	old, client := r.kept, r.client
	r.kept = keep(a)
	moved := r.headsFor() != a.Registrar.String()
	if !slices.Equal(old.credentials, r.credentials) {
		r.client = nil
	}
	if !moved && r.sameBinding(&old) {
		return
	}
	r.expires = r.asks
	r.failures = 0
	flow := r.flow
	if moved || old.key != r.key {
		e.alight(r)
	}
	if r.phase == asked {
		r.again = true
		if moved {
			if r.goal != nil { // it has not been there
				old, client = r.goal.old, r.goal.client
			}
			r.goal = &goal{a.Registrar, old, client}
		}
		return
	}
	if moved {
		e.takeLeave(now, r, &goal{a.Registrar, old, client}, flow)
		e.move(now, r, a.Registrar)
	}
	if r.in != &r.pool.waiting {
		e.enqueue(now, r)
	}
}

// headsFor names the registrar that it is at, or will be at when its request is answered.
func (r *registration) headsFor() string {
	if r.goal != nil {
		return r.goal.to.String()
	}
	return r.hop.name
}

// Remove un-registers an account, if it ever was registered, and forgets it. Gone tells when that is done.
func (e *Engine) Remove(now time.Time, id ID) {
	r := e.byID[id]
	if r == nil || r.removed {
		return
	}
	r.removed = true
	if r.phase == asked {
		r.again = true
		return
	}
	e.finish(now, r)
}

// Retry registers an account at once, for an operator who repaired something; one that waits for its turn keeps it. Of those that wait for a silent registrar one
// asks it.
func (e *Engine) Retry(now time.Time, id ID) {
	r := e.byID[id]
	if r == nil || r.phase != idle || r.removed || e.stopping || r.in == &r.pool.waiting {
		return
	}
	r.failures = 0
	if !r.hop.down {
		e.enqueue(now, r)
	} else if p := r.hop.probe; p == nil || now.Sub(p.sentAt) > slotPatience {
		r.leave()
		e.ring(now, r)
	}
}

// Refresh registers an account at once, however it is; not even the distance of its pool holds it.
func (e *Engine) Refresh(now time.Time, id ID) {
	if r := e.byID[id]; r != nil && r.in == &r.pool.waiting && !r.removed && !e.stopping {
		r.leave()
	}
	e.Retry(now, id)
}

// Shutdown un-registers all accounts that are registered, unless theirs says otherwise, and starts nothing else. Pending counts what is
// left of it.
func (e *Engine) Shutdown(now time.Time) {
	if e.stopping {
		return
	}
	e.stopping = true
	for _, r := range e.byID {
		if r.phase == asked {
			r.again = true
			if r.unregister || r.removed {
				r.counted = true
				e.leaving++
			}
			continue
		}
		e.finish(now, r)
	}
}

// Pending is what a Shutdown still waits for.
func (e *Engine) Pending() int { return e.leaving }

// Len is the number of accounts.
func (e *Engine) Len() int { return len(e.byID) - e.byes }

// Count is the number of accounts in a state.
func (e *Engine) Count(s State) int { return e.counts[s] }

// Status of an account; the zero Status for one that is not known.
func (e *Engine) Status(id ID) Status {
	if r := e.byID[id]; r != nil {
		return r.status
	}
	return Status{}
}

// Poll hands out the next output.
func (e *Engine) Poll() (Output, bool) {
	if e.read == len(e.out) {
		e.out, e.read = e.out[:0], 0
		return nil, false
	}
	o := e.out[e.read]
	e.out[e.read] = nil
	e.read++
	return o, true
}

// Deadline is when Advance has something to do; a moment that has passed: at once.
func (e *Engine) Deadline() (time.Time, bool) {
	switch {
	case len(e.chores) > 0:
		return time.Time{}, true
	case len(e.heap) == 0:
		return time.Time{}, false
	}
	return e.heap[0].due, true
}

// Advance does what is due, or a part of it: then Deadline has passed again.
func (e *Engine) Advance(now time.Time) {
	e.work(now)
	for n := 0; n < atOnce && len(e.heap) > 0 && !e.heap[0].due.After(now); n++ {
		a := e.heap[0]
		e.set(a, time.Time{})
		a.due = now // a pool that is due stays due until it admits the next one
		a.fire.fired(e, now)
	}
}

func (e *Engine) emit(o Output) { e.out = append(e.out, o) }

func (e *Engine) tell(ev event.Event) { e.emit(Happened{ev}) }

func (e *Engine) become(r *registration, s Status) {
	if r.status == s {
		return
	}
	old := r.status
	r.status = s
	if r.farewell {
		return
	}
	e.counts[old.State]--
	e.counts[s.State]++
	e.emit(Changed{r.id, s, r.bindingContact()})
}

// bound tells whether the registrar has our Contact.
func (r *registration) bound(now time.Time) bool { return r.until.After(now) }

// between is a random duration from a part of d to another one.
func (e *Engine) between(d time.Duration, from, to float64) time.Duration {
	var b [8]byte
	_, _ = io.ReadFull(e.cfg.Rand, b[:]) // without randomness the earliest moment
	part := float64(binary.LittleEndian.Uint64(b[:])>>11) / (1 << 53)
	return time.Duration(float64(d) * (from + part*(to-from)))
}
