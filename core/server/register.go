package server

import (
	"crypto/rand"
	"fmt"
	"slices"
	"time"

	"b2bua/core/account"
	"b2bua/core/register"
	"b2bua/core/sip"
	"b2bua/core/transport"
)

// lines are the accounts of all pools and what keeps them registered. Nil without accounts. The loop owns it.
type lines struct {
	s       *server
	engine  *register.Engine
	own     bool // one-connection-per-account
	expires time.Duration
	pools   []*account.Pool
	ids     map[*account.Account]register.ID
	by      map[register.ID]*account.Account
	in      map[*account.Pool]register.PoolID
	leaving map[string]register.ID        // by URI: a deleted account that is being un-registered
	later   map[string][]*account.Account // by URI: new ones that wait for that
	waiting map[transport.TxID]register.Ref
	invites map[transport.TxID]sip.URI // to the next hops of calls, without any response so far
}

func (s *server) newLines(pools []*account.Pool, own bool, expires time.Duration, cfg register.Config) *lines {
	return &lines{
		s: s, engine: register.New(cfg), own: own, expires: expires, pools: pools,
		ids: map[*account.Account]register.ID{}, by: map[register.ID]*account.Account{}, in: map[*account.Pool]register.PoolID{},
		leaving: map[string]register.ID{}, later: map[string][]*account.Account{}, waiting: map[transport.TxID]register.Ref{},
		invites: map[transport.TxID]sip.URI{},
	}
}

// start begins to register the accounts of the pools that want it.
func (l *lines) start(now time.Time) {
	for _, p := range l.pools {
		for a := range p.All() {
			l.add(now, a)
		}
	}
	l.drain()
}

// add registers an account if its pool wants it. One of the same URI that is being un-registered goes first: at the registrar both have
// one Contact.
func (l *lines) add(now time.Time, a *account.Account) {
	if !a.RegisterEnabled() {
		return
	}
	if _, ok := l.leaving[a.URI()]; ok {
		l.later[a.URI()] = append(l.later[a.URI()], a)
		return
	}
	p := a.Pool()
	in, ok := l.in[p]
	if !ok {
		in = l.engine.Pool(p.Name(), p.Settings().Throttle)
		l.in[p] = in
	}
	n := l.engine.Add(now, in, l.described(a))
	l.ids[a], l.by[n] = n, a
}

// update takes over what changed of an account.
func (l *lines) update(now time.Time, a *account.Account) {
	if id, ok := l.ids[a]; ok {
		l.engine.Update(now, id, l.described(a))
	}
}

// remove un-registers a deleted account.
func (l *lines) remove(now time.Time, a *account.Account) {
	if list := l.later[a.URI()]; list != nil {
		l.later[a.URI()] = slices.DeleteFunc(list, func(b *account.Account) bool { return a == b })
	}
	if id, ok := l.ids[a]; ok {
		l.leaving[a.URI()] = id
		l.engine.Remove(now, id)
	}
}

// gone is the end of an account that was removed.
func (l *lines) gone(now time.Time, id register.ID) {
	a := l.by[id]
	delete(l.ids, a)
	delete(l.by, id)
	if a == nil || l.leaving[a.URI()] != id {
		return
	}
	delete(l.leaving, a.URI())
	next := l.later[a.URI()]
	delete(l.later, a.URI())
	for _, a := range next {
		l.add(now, a)
	}
}

// described is an account as its registration needs it.
func (l *lines) described(a *account.Account) register.Account {
	out := register.Account{Name: a.URI(), Identity: a.Identity(), Registrar: a.Registrar().URI, Key: l.key(a.Number()), Expires: l.expires}
	if p := a.Pool(); p != nil {
		out.Unregister = !p.Settings().KeepRegistered
	}
	if c, ok := a.Credentials(); ok {
		out.Credentials = append(out.Credentials, c)
	}
	return out
}

// key names the connection of an account; the empty key is the one that all share.
func (l *lines) key(number uint64) string {
	if l == nil || !l.own || number == 0 {
		return ""
	}
	return fmt.Sprintf("account %d", number)
}

// grown makes room for the connections of accounts that came later.
func (l *lines) grown() {
	if l.own {
		l.s.stack.SetOutgoing(l.connections())
	}
}

// connections is how many may be opened; 0: the transport's default.
func (l *lines) connections() int {
	if l == nil || !l.own {
		return 0
	}
	n := 10_000 // calls
	for _, p := range l.pools {
		n += p.Len()
	}
	return n
}

// drain carries out what the engine decided.
func (l *lines) drain() {
	for {
		o, ok := l.engine.Poll()
		if !ok {
			return
		}
		switch o := o.(type) {
		case register.SendRequest:
			tx := l.s.stack.Request(o.Msg, transport.NextHop{URI: o.Hop.URI, Flow: transport.FlowID(o.Hop.Flow), Key: o.Hop.Key})
			l.waiting[tx] = o.Ref
		case register.Changed:
			l.changed(o)
		case register.Gone:
			l.gone(time.Now(), o.ID)
		case register.Happened:
			l.s.report(o.Event)
		}
	}
}

// states are those of the engine in the words of the accounts.
var states = [...]account.Registration{
	register.None: account.None, register.Progress: account.Progress, register.OK: account.Registered,
	register.Refreshing: account.Refreshing, register.Failed: account.Failed, register.Cleared: account.Cleared,
}

func (l *lines) changed(o register.Changed) {
	a := l.by[o.ID]
	if a == nil {
		return
	}
	a.SetRegistration(states[o.Status.State], string(o.Status.Reason))
	contact := ""
	if o.Status.Available() && o.Contact.Host != "" {
		contact = o.Contact.String()
	}
	a.SetContact(contact)
}

// response takes it if it is to a REGISTER.
func (l *lines) response(now time.Time, tx transport.TxID, resp *sip.Message) bool {
	if l == nil {
		return false
	}
	ref, ours := l.waiting[tx]
	if !ours {
		return false
	}
	if resp.Status >= 200 {
		delete(l.waiting, tx)
	}
	flow := l.s.stack.Came()
	way := register.Way{}
	if flow.Local.IsValid() {
		way.Contact = l.s.stack.RegisteredContact(flow)
		if flow.Network != "udp" {
			way.Flow = uint64(flow.ID)
		}
	}
	l.engine.Response(now, ref, resp, way)
	l.drain()
	return true
}

// failure takes it if it is that of a REGISTER.
func (l *lines) failure(now time.Time, tx transport.TxID, err error) bool {
	if l == nil {
		return false
	}
	ref, ours := l.waiting[tx]
	if ours {
		delete(l.waiting, tx)
		l.engine.Failed(now, ref, err)
		l.drain()
	}
	return ours
}

// flowLost is the end of a connection.
func (s *server) flowLost(now time.Time, flow transport.Flow) {
	if s.lines == nil {
		return
	}
	s.lines.engine.FlowLost(now, uint64(flow.ID))
	s.lines.drain()
}

// shutdown un-registers; pending counts what is left.
func (l *lines) shutdown(now time.Time) {
	if l != nil {
		l.engine.Shutdown(now)
		l.drain()
	}
}

func (l *lines) pending() int {
	if l == nil {
		return 0
	}
	return l.engine.Pending()
}

func (l *lines) advance(now time.Time) {
	if l != nil {
		l.engine.Advance(now)
		l.drain()
	}
}

// deadline is the sooner one of that time and the next one of the registrations.
func (l *lines) deadline(at time.Time, ok bool) (time.Time, bool) {
	if l == nil {
		return at, ok
	}
	if own, due := l.engine.Deadline(); due && (!ok || own.Before(at)) {
		return own, true
	}
	return at, ok
}

// counts are the accounts that register, by status.
func (l *lines) counts() map[string]int {
	if l == nil {
		return nil
	}
	out := map[string]int{}
	for s := register.None; s <= register.Cleared; s++ {
		if n := l.engine.Count(s); n > 0 {
			out[statusWords[s]] += n
		}
	}
	return out
}

var statusWords = [...]string{
	register.None: "waiting", register.Progress: "in progress", register.OK: "registered",
	register.Refreshing: "registering again", register.Failed: "failed", register.Cleared: "un-registered",
}

// instance names this process to registrars (RFC 5626 section 4.1): what one process bound is replaced by its own bindings only.
func instance() string {
	var b [16]byte
	_, _ = rand.Read(b[:])                      // never fails
	b[6], b[8] = b[6]&0x0f|0x40, b[8]&0x3f|0x80 // version 4 (RFC 9562 section 5.4)
	return fmt.Sprintf("urn:uuid:%x-%x-%x-%x-%x", b[:4], b[4:6], b[6:8], b[8:10], b[10:])
}
