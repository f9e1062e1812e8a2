package account

import (
	"fmt"
	"iter"
	"slices"
	"time"

	"b2bua/core/sip"
)

// Settings of a pool.
type Settings struct {
	Name                 string
	OutboundProxy        sip.Address // zero: none
	Registrar            sip.Address // zero: none
	MWIServer            string      // URI; "": none
	RegistrationRequired bool
	Throttle             time.Duration // shortest time between two operations of a load, 0: none
	KeepRegistered       bool          // no un-REGISTER at shutdown (unregisterOnServerShutdown false)
	MaxCallsPerLine      int           // 0: the pool never bridges
}

// Pool is a set of accounts with common settings.
type Pool struct {
	cfg     Settings
	byURI   map[string]*Account
	all     []*Account // in the order of creation, but for deletions
	free    []*Account // the available ones
	indexes []*Index
	numbers *uint64
	load    uint32 // the last StartLoad
	lacking string
}

// Numbers gives accounts their numbers; pools of one process share it.
type Numbers struct{ last uint64 }

// NewPool makes an empty pool.
func NewPool(cfg Settings, n *Numbers) *Pool {
	return &Pool{cfg: cfg, byURI: map[string]*Account{}, numbers: &n.last}
}

// Format prints the name alone, by any verb: see Account.Format.
func (p Pool) Format(f fmt.State, _ rune) { _, _ = f.Write([]byte("pool " + p.cfg.Name)) }

// Settings are what is configured.
func (p *Pool) Settings() Settings { return p.cfg }

// Name is the key in accountPools.
func (p *Pool) Name() string { return p.cfg.Name }

// SetLacking notes why the pool may lack accounts or have old ones, for who is to know why a call found none; "": it is up to date.
func (p *Pool) SetLacking(why string) { p.lacking = why }

// Lacking is what was noted.
func (p *Pool) Lacking() string { return p.lacking }

// Grow makes room for so many accounts, before a load.
func (p *Pool) Grow(n int) {
	if len(p.all) > 0 {
		return
	}
	p.byURI = make(map[string]*Account, n)
	p.all, p.free = make([]*Account, 0, n), make([]*Account, 0, n)
	for _, x := range p.indexes {
		x.entries = make(map[string]*Account, n)
	}
}

// Len is the number of accounts.
func (p *Pool) Len() int { return len(p.all) }

// Free is the number of accounts that could take a call.
func (p *Pool) Free() int { return len(p.free) }

// All are the accounts in the order of creation, except that one moves up when another is deleted.
func (p *Pool) All() iter.Seq[*Account] {
	return func(yield func(*Account) bool) {
		for _, a := range p.all {
			if !yield(a) {
				return
			}
		}
	}
}

// List is a copy of all accounts as they are now.
func (p *Pool) List() []*Account { return slices.Clone(p.all) }

// Get is the account of a canonical URI, nil when there is none.
func (p *Pool) Get(uri string) *Account { return p.byURI[uri] }

// Pick is one of the available accounts, nil when there is none; random(n) chooses from 0 to n-1.
func (p *Pool) Pick(random func(n int) int) *Account {
	if len(p.free) == 0 {
		return nil
	}
	return p.free[random(len(p.free))]
}

// Kind of a Change.
type Kind uint8

// Kinds.
const (
	Unchanged Kind = iota
	Created
	Updated
)

// Change is what Put did.
type Change struct {
	Account    *Account
	Kind       Kind
	Reregister bool // an update of what the registrar sees: credentials, next hop (spec 4.9.4)
	Collisions []Collision
}

// Put creates the account of a checked Spec, or updates the one that has its URI: the object, its calls and its registration
// state stay.
func (p *Pool) Put(s Spec) Change {
	a := p.byURI[s.URI]
	if a == nil {
		return p.create(s)
	}
	a.load = p.load
	old := a.spec
	if old == s {
		return Change{Account: a}
	}
	c := Change{Account: a, Kind: Updated}
	before := a.Registrar()
	keys := make([]string, len(p.indexes))
	for i, x := range p.indexes {
		keys[i] = x.key(a)
	}
	a.spec = s
	for i, x := range p.indexes {
		if key := x.key(a); key != keys[i] {
			x.remove(keys[i], a)
			c.Collisions = x.add(key, a, c.Collisions)
		}
	}
	c.Reregister = p.cfg.RegistrationRequired && (credentialsChanged(&old, &s) || before.String() != a.Registrar().String())
	return c
}

// credentialsChanged: removing them sends nothing (spec 4.9.4).
func credentialsChanged(old, s *Spec) bool {
	return s.Secret != "" &&
		(old.Secret != s.Secret || old.SecretType != s.SecretType || old.UserID != s.UserID || old.Realm != s.Realm)
}

func (p *Pool) create(s Spec) Change {
	*p.numbers++
	a := &Account{spec: s, pool: p, number: *p.numbers, at: int32(len(p.all)), freeAt: -1, load: p.load}
	p.all = append(p.all, a)
	p.byURI[s.URI] = a
	c := Change{Account: a, Kind: Created}
	for _, x := range p.indexes {
		c.Collisions = x.add(x.key(a), a, c.Collisions)
	}
	a.refile()
	return c
}

// Remove deletes the account of a canonical URI and returns it, nil when there is none. Its calls go on, and nobody finds it any
// more.
func (p *Pool) Remove(uri string) *Account {
	a := p.byURI[uri]
	if a == nil {
		return nil
	}
	delete(p.byURI, uri)
	for _, x := range p.indexes {
		x.remove(x.key(a), a)
	}
	a.pool = nil
	a.unfile(p)
	last := p.all[len(p.all)-1]
	p.all[a.at], last.at = last, a.at
	p.all[len(p.all)-1] = nil
	p.all = p.all[:len(p.all)-1]
	return a
}

// StartLoad begins a full load: Put and Keep mark the accounts that it brings, Stale are the others. A load that began before
// it does not count any more.
func (p *Pool) StartLoad() { p.load++ }

// Keep marks an account that the load has, though not in a form that could be Put: it stays as it is. False: there is none.
func (p *Pool) Keep(uri string) bool {
	a := p.byURI[uri]
	if a != nil {
		a.load = p.load
	}
	return a != nil
}

// Brought tells whether the load has brought the account of a canonical URI, or kept it.
func (p *Pool) Brought(uri string) bool {
	a := p.byURI[uri]
	return a != nil && a.load == p.load
}

// Sweep looks at no more than n accounts, from the one before at downwards, and returns those that the load did not bring; it goes on
// at next, and 0 is the end. Accounts may be removed meanwhile, not created. It begins with Len.
func (p *Pool) Sweep(at, n int) (stale []string, next int) {
	at = min(at, len(p.all))
	next = max(0, at-n)
	for _, a := range p.all[next:at] {
		if a.load != p.load {
			stale = append(stale, a.spec.URI)
		}
	}
	return stale, next
}

// Stale are the canonical URIs of the accounts that the load did not bring: the ones to Remove once it is complete (spec 4.9.3).
func (p *Pool) Stale() []string {
	var out []string
	for _, a := range p.all {
		if a.load != p.load {
			out = append(out, a.spec.URI)
		}
	}
	return out
}
