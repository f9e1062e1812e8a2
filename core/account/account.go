// Package account keeps the lines that a bridge has at its providers.
//
// A Pool holds the accounts of one entry of accountPools: it finds them by any key in constant time, knows which of them can
// take a call, and counts the calls of each. An Account is its own settings (Spec), its registration state and its count of
// calls; it stays the same object through updates. Nothing here is safe for concurrent use: the signalling loop owns all pools.
package account

import (
	"fmt"

	"b2bua/core/digest"
	"b2bua/core/sip"
)

// Registration is the state of an account at its registrar.
type Registration uint8

// States, named as spec 4.12 tells them apart.
const (
	None       Registration = iota // nothing tried yet
	Progress                       // the first REGISTER is under way
	Registered                     // accepted, not expired
	Refreshing                     // accepted, and a refresh is under way
	Failed                         // the last attempt failed
	Cleared                        // un-registered
)

// Account is one identity at a provider.
type Account struct {
	spec    Spec
	pool    *Pool // nil: deleted
	number  uint64
	at      int32  // in pool.all
	freeAt  int32  // in pool.free, -1: not there
	used    int32  // calls
	load    uint32 // of the pool, that brought it
	state   Registration
	reason  string // of Failed
	contact string // URI that the registrar knows us by
}

// Spec is what is configured.
func (a *Account) Spec() Spec { return a.spec }

// Format prints the URI alone, by any verb: fmt does not ask fields that are not exported, so the secret would show.
func (a Account) Format(f fmt.State, _ rune) { _, _ = f.Write([]byte("account " + a.spec.URI)) }

// Number names the account in this process; it is not used twice.
func (a *Account) Number() uint64 { return a.number }

// URI is the identity, canonical. It is the key of the account in its pool.
func (a *Account) URI() string { return a.spec.URI }

// Alias is the second identity as written, "" when there is none.
func (a *Account) Alias() string { return a.spec.Alias }

// Identity is the address of the account.
func (a *Account) Identity() sip.Address {
	return sip.Address{Display: a.spec.Display, URI: mustParse(a.spec.URI)}
}

// mustParse reads a URI that Check produced.
func mustParse(s string) sip.URI {
	u, err := sip.ParseURI(s)
	if err != nil {
		return sip.URI{}
	}
	return u
}

// Credentials answer challenges; ok is false for an account without secret (spec 4.8).
func (a *Account) Credentials() (c digest.Credentials, ok bool) {
	s := &a.spec
	if s.Secret == "" {
		return c, false
	}
	u := mustParse(s.URI)
	c = digest.Credentials{User: s.UserID, Realm: s.Realm}
	if c.User == "" {
		c.User = sip.Unescape(u.User)
	}
	if c.Realm == "" {
		c.Realm = u.Host
	}
	switch s.SecretType {
	case Clear:
		c.Password = s.Secret
	case SHA256:
		c.HA1, c.Algorithm = s.Secret, "SHA-256"
	case MD5, unknown:
		c.HA1, c.Algorithm = s.Secret, "MD5"
	}
	return c, true
}

// Route is where calls of the account go, and the setting that says so: its own outbound proxy, that of its pool, or its domain (spec 4.4).
func (a *Account) Route() (sip.Address, string) {
	switch pool := a.pool; {
	case a.spec.OutboundProxy != "":
		return mustServer(a.spec.OutboundProxy), "outboundProxy of account " + a.spec.URI
	case pool != nil && !pool.cfg.OutboundProxy.URI.IsZero():
		return pool.cfg.OutboundProxy, "outboundProxy of pool " + pool.cfg.Name
	default:
		return a.domain(), "domain of account " + a.spec.URI
	}
}

// Registrar is the next hop of REGISTER: the account's, that of its pool, or its Route (spec 4.4).
func (a *Account) Registrar() sip.Address {
	switch pool := a.pool; {
	case a.spec.Registrar != "":
		return mustServer(a.spec.Registrar)
	case pool != nil && !pool.cfg.Registrar.URI.IsZero():
		return pool.cfg.Registrar
	default:
		route, _ := a.Route()
		return route
	}
}

func mustServer(s string) sip.Address {
	a, err := parseServer(s)
	if err != nil {
		return sip.Address{}
	}
	return a
}

// domain is the server that an account without any proxy belongs to. The port is kept: it is where the provider listens.
func (a *Account) domain() sip.Address {
	u := mustParse(a.spec.URI)
	server := sip.URI{Scheme: u.Scheme, Host: u.Host, Port: u.Port}
	switch a.spec.Protocol {
	case TCP:
		server.Params = sip.Params{{Name: "transport", Value: "tcp", HasValue: true}}
	case TLS:
		server.Scheme = "sips"
	case UDP:
	}
	return sip.Address{URI: server}
}

// Pool is where the account is, nil once it was deleted.
func (a *Account) Pool() *Pool { return a.pool }

// Registration is the state, with the reason of a failure in the words of spec 4.12.
func (a *Account) Registration() (Registration, string) { return a.state, a.reason }

// SetRegistration notes a change; reason is looked at for Failed only.
func (a *Account) SetRegistration(s Registration, reason string) {
	if s != Failed {
		reason = ""
	}
	a.state, a.reason = s, reason
	a.refile()
}

// Contact is the URI by which the registrar knows us (the GRUU if it gave one), "" when there is none.
func (a *Account) Contact() string { return a.contact }

// SetContact notes it.
func (a *Account) SetContact(uri string) { a.contact = uri }

// RegisterEnabled tells whether the account registers.
func (a *Account) RegisterEnabled() bool { return a.pool != nil && a.pool.cfg.RegistrationRequired }

// Available tells whether the account can take a call now (spec 4.6). A refresh that is under way leaves it available.
func (a *Account) Available() bool { return a.Unavailable() == Ready }

// Obstacle is why an account cannot take a call.
type Obstacle uint8

// Obstacles.
const (
	Ready         Obstacle = iota // none
	Deleted                       // it is in no pool any more
	Busy                          // all its lines are taken
	NotRegistered                 // it has to be, and is not
)

// Unavailable is the first obstacle, Ready when the account can take a call.
func (a *Account) Unavailable() Obstacle {
	switch {
	case a.pool == nil:
		return Deleted
	case int(a.used) >= a.pool.cfg.MaxCallsPerLine:
		return Busy
	case a.pool.cfg.RegistrationRequired && a.state != Registered && a.state != Refreshing:
		return NotRegistered
	}
	return Ready
}

// Why is an obstacle in words, with the setting or state behind it.
func (a *Account) Why(o Obstacle) string {
	switch o {
	case Deleted:
		return "it was deleted"
	case Busy:
		if a.pool.cfg.MaxCallsPerLine == 0 {
			return fmt.Sprintf("maxCallsPerLine of pool %q is 0, so it never takes a call", a.pool.cfg.Name)
		}
		return fmt.Sprintf("it is in use by %d of %d calls (maxCallsPerLine of pool %q)", a.used, a.pool.cfg.MaxCallsPerLine, a.pool.cfg.Name)
	case NotRegistered:
		return "it is not registered: " + a.Status()
	case Ready:
	}
	return "it is available"
}

// Status is the account's status in the words of SIP_BRIDGE INFO (spec 4.12).
func (a *Account) Status() string {
	if !a.RegisterEnabled() {
		return "OK"
	}
	switch a.state {
	case None:
		return "Should register"
	case Progress:
		return "Registration in progress"
	case Registered:
		return "OK"
	case Refreshing:
		return "Unexpected state: LinphoneRegistrationRefreshing"
	case Failed:
		return "Registration failed: " + a.reason
	case Cleared:
		return "Unexpected state: LinphoneRegistrationCleared"
	}
	return "Unexpected state: unknown"
}

// FreeSlots is the number of calls that the account could still take.
func (a *Account) FreeSlots() int {
	if a.pool == nil {
		return 0
	}
	return max(0, a.pool.cfg.MaxCallsPerLine-int(a.used))
}

// Take counts a call in. Each Take needs one Release, whatever becomes of the account meanwhile.
func (a *Account) Take() {
	a.used++
	a.refile()
}

// Release counts a call out.
func (a *Account) Release() {
	if a.used > 0 {
		a.used--
	}
	a.refile()
}

// refile puts the account into its pool's list of available ones, or takes it out.
func (a *Account) refile() {
	p := a.pool
	if p == nil {
		return
	}
	switch available := a.Available(); {
	case available && a.freeAt < 0:
		a.freeAt = int32(len(p.free))
		p.free = append(p.free, a)
	case !available:
		a.unfile(p)
	}
}

// unfile takes the account out of the list of available ones.
func (a *Account) unfile(p *Pool) {
	if a.freeAt < 0 {
		return
	}
	n := len(p.free) - 1
	last := p.free[n]
	p.free[a.freeAt], last.freeAt = last, a.freeAt
	p.free[n] = nil
	p.free, a.freeAt = p.free[:n], -1
}
