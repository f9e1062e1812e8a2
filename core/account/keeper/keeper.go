package keeper

import (
	"fmt"
	"time"

	"b2bua/core/account"
	"b2bua/core/account/sqlstore"
	"b2bua/core/event"
)

// Owner is who owns the pool.
type Owner interface {
	// Created, Updated and Removed tell of an account after its change.
	Created(now time.Time, a *account.Account)
	Updated(now time.Time, a *account.Account)
	Removed(now time.Time, a *account.Account)
	Tell(event.Event)
}

// Tally counts the changes of a load.
type Tally struct{ Rows, Created, Updated, Removed, Refused int }

// Keeper of one pool.
type Keeper struct {
	pool  *account.Pool
	owner Owner
	tally Tally
	sweep int // where Sweep goes on
	swept bool
	lines lines // about rows
	news  lines // about announced changes

	loading bool
	hidden  []account.Collision // of the load: at its end they may be none any more
	ones    map[string]bool     // changed by One during the load, whose rows of them are no second ones
}

// New makes the Keeper of a pool.
func New(pool *account.Pool, owner Owner) *Keeper { return &Keeper{pool: pool, owner: owner} }

// Pool is the pool.
func (k *Keeper) Pool() *account.Pool { return k.pool }

// Tally is that of the load that is under way, or was the last.
func (k *Keeper) Tally() Tally { return k.tally }

// Begin starts a full load. One that has begun and did not end is of no account any more.
func (k *Keeper) Begin() {
	k.pool.StartLoad()
	k.tally, k.swept, k.loading, k.hidden, k.ones = Tally{}, false, true, nil, map[string]bool{}
}

// Take applies rows of the load: new accounts are created, known ones updated. A row that is no account costs itself alone: the
// account that it should have been stays as it is.
func (k *Keeper) Take(now time.Time, rows []sqlstore.Row) {
	for i := range rows {
		r := &rows[i]
		k.tally.Rows++
		switch {
		case !r.Usable:
			k.tally.Refused++
			kept := r.Spec.URI != "" && k.pool.Keep(r.Spec.URI)
			k.tellRow(now, r, kept)
		case k.pool.Brought(r.Spec.URI) && !k.ones[r.Spec.URI]: // already present: dropped (spec 4.9.4)
			k.tally.Refused++
			k.tell(now, event.Warning, fmt.Sprintf("%s: the query has more than one row of this account; the first one counts", r.Spec.URI))
		default:
			delete(k.ones, r.Spec.URI)
			k.tellRow(now, r, false)
			k.put(now, r.Spec, k.loading)
		}
	}
}

func (k *Keeper) put(now time.Time, s account.Spec, later bool) account.Kind {
	c := k.pool.Put(s)
	for _, x := range c.Collisions {
		if !later {
			k.tellHidden(now, x)
		} else if len(k.hidden) < maxHidden {
			k.hidden = append(k.hidden, x)
		}
	}
	switch c.Kind {
	case account.Created:
		k.tally.Created++
		k.owner.Created(now, c.Account)
	case account.Updated:
		k.tally.Updated++
		k.owner.Updated(now, c.Account)
	case account.Unchanged:
	}
	return c.Kind
}

// maxHidden bounds what is remembered of accounts that others hide.
const maxHidden = 100

// tellHidden tells of an account that an index does not find, unless that is over.
func (k *Keeper) tellHidden(now time.Time, c account.Collision) {
	x, _ := k.pool.Index(c.Index, nil) // it is there
	if c.Hides.Pool() == nil || x.Find(c.Key) == c.Hides || x.Find(c.Key) == nil {
		return
	}
	k.tell(now, event.Warning, fmt.Sprintf("account %s has the same %s as account %s, so it is not found by that", c.Hides.URI(), c.Index, x.Find(c.Key).URI()))
}

// Sweep removes what a complete load did not bring, looking at n accounts at most; it is called until it is done.
func (k *Keeper) Sweep(now time.Time, n int) (done bool) {
	if !k.swept {
		k.swept, k.sweep = true, k.pool.Len()
	}
	var stale []string
	stale, k.sweep = k.pool.Sweep(k.sweep, n)
	for _, uri := range stale {
		k.remove(now, uri)
	}
	if k.sweep > 0 {
		return false
	}
	for _, x := range k.hidden {
		k.tellHidden(now, x)
	}
	k.loading, k.hidden, k.ones = false, nil, nil
	return true
}

func (k *Keeper) remove(now time.Time, uri string) bool {
	a := k.pool.Remove(uri)
	if a == nil {
		return false
	}
	k.tally.Removed++
	k.owner.Removed(now, a)
	return true
}

// One applies what the database says of the account uri: a row, or with ok false that there is none (spec 4.9.3).
func (k *Keeper) One(now time.Time, uri string, row *sqlstore.Row, ok bool) {
	defer func(t Tally) { k.tally = t }(k.tally) // it is that of a load
	switch {
	case !ok && k.remove(now, uri):
		k.done(now, event.Message, uri, "is deleted")
	case !ok:
		k.tell(now, event.Warning, uri+": a change was announced, but neither the database nor the pool has this account")
	case row.Spec.URI != "" && row.Spec.URI != uri:
		k.tell(now, event.Error, fmt.Sprintf("%s: a change was announced, but updateQuery returns %s for its identifier; the row is ignored", uri, row.Spec.URI))
	case !row.Usable:
		k.tellRow(now, row, k.pool.Get(uri) != nil)
	default:
		k.tellRow(now, row, false)
		if k.loading && !k.pool.Brought(uri) {
			k.ones[uri] = true
		}
		kind := k.put(now, row.Spec, false)
		level := event.Message
		if kind == account.Unchanged {
			level = event.Debug
		}
		k.done(now, level, uri, [...]string{account.Unchanged: "is as it was", account.Created: "is new", account.Updated: "has changed"}[kind])
	}
}

// Unread tells of an announced change that cannot be read.
func (k *Keeper) Unread(now time.Time, uri string, why error) {
	k.tell(now, event.Error, fmt.Sprintf("%s: its change was announced and cannot be read (%v); it is seen when all accounts are loaded", uri, why))
}

// done tells what came of an announcement. Whoever looks for the reason of a refused call wants to see that an account went, and
// when; of a flood only debug has every line, and the next line at the normal level says how many were left out.
func (k *Keeper) done(now time.Time, at event.Level, uri, what string) {
	if at > event.Debug && k.news.full(now) {
		at = event.Debug
	}
	if n := k.news.untold; n > 0 && at > event.Debug {
		k.news.untold = 0
		k.owner.Tell(event.Accounts{At: at, Pool: k.pool.Name(), What: fmt.Sprintf("%d more announced changes have no line at this level", n)})
	}
	k.owner.Tell(event.Accounts{At: at, Pool: k.pool.Name(), What: uri + " " + what})
}

// tellRow tells what is wrong with a row, if anything is.
func (k *Keeper) tellRow(now time.Time, r *sqlstore.Row, kept bool) {
	if len(r.Problems) == 0 {
		return
	}
	level, then := event.Warning, ""
	if !r.Usable {
		level, then = event.Error, "; the row is left out"
		if kept {
			then = "; the account stays as it was"
		}
	}
	k.tell(now, level, r.Describe()+then)
}

// Lines about rows, and about announced changes: so many of each within so long, the rest as a number.
const (
	maxLines  = 10
	lineEvery = time.Minute
)

type lines struct {
	until  time.Time
	n      int
	untold int
}

// full counts a line, and says whether it is one too many.
func (l *lines) full(now time.Time) bool {
	if !now.Before(l.until) {
		l.until, l.n = now.Add(lineEvery), 0
	}
	if l.n++; l.n > maxLines {
		l.untold++
		return true
	}
	return false
}

func (k *Keeper) tell(now time.Time, at event.Level, what string) {
	l := &k.lines
	if l.full(now) {
		return
	}
	k.owner.Tell(event.Accounts{At: at, Pool: k.pool.Name(), What: what, Untold: l.untold})
	l.untold = 0
}

// Untold is the number of lines about rows that were left out since it was last asked.
func (k *Keeper) Untold() int {
	n := k.lines.untold
	k.lines.untold = 0
	return n
}
