package server

import (
	"time"

	"b2bua/core/account"
	"b2bua/core/control"
	"b2bua/core/register"
)

// seenAtOnce is how many accounts are looked at in one turn of the loop: half a millisecond. Calls wait meanwhile.
const seenAtOnce = 1000

// turn runs f on the loop and waits for it; false: the loop has ended.
func (s *server) turn(f func(now time.Time)) bool {
	done := make(chan struct{})
	if s.stack.Do(func(now time.Time) {
		defer close(done)
		f(now)
	}) != nil {
		return false
	}
	<-done
	return true
}

// eachAccount shows all accounts of a pool, some in each turn of the loop, which it must not be called on. One that comes or goes meanwhile
// may be missing. Before, it tells aside how many there are.
func (s *server) eachAccount(p *account.Pool, count func(n int), see func(now time.Time, a *account.Account)) {
	var list []*account.Account
	on := s.turn(func(time.Time) { list = p.List() })
	count(len(list))
	for on && len(list) > 0 {
		part := list[:min(seenAtOnce, len(list))]
		list = list[len(part):]
		on = s.turn(func(now time.Time) {
			for _, a := range part {
				if a.Pool() == p {
					see(now, a)
				}
			}
		})
	}
}

// providers is what SIP_BRIDGE INFO shows.
func (s *server) providers() []control.Provider {
	var out []control.Provider
	for _, p := range s.bridge.Providers() {
		one := control.Provider{Name: p.Name()}
		s.eachAccount(p.Pool(), func(n int) { one.Accounts = make([]control.Account, 0, n) }, func(_ time.Time, a *account.Account) {
			one.Accounts = append(one.Accounts, control.Account{
				Address: address(a), Status: a.Status(), FreeSlots: a.FreeSlots(), RegisterEnabled: a.RegisterEnabled(),
			})
		})
		out = append(out, one)
	}
	return out
}

// address of an account as it is shown. Without a display name there is nothing to parse: there may be a million of these.
func address(a *account.Account) string {
	if a.Spec().Display == "" {
		return a.URI()
	}
	return a.Identity().String()
}

// standings tells how accounts and their registrations are; nil where the application has none.
func (s *server) standings() func() []control.ProviderStanding {
	if s.bridge == nil {
		return nil
	}
	return func() []control.ProviderStanding {
		out := []control.ProviderStanding{}
		for _, p := range s.bridge.Providers() {
			one := control.ProviderStanding{Name: p.Name()}
			s.eachAccount(p.Pool(), func(n int) { one.Accounts = make([]control.AccountStanding, 0, n) }, func(_ time.Time, a *account.Account) {
				one.Accounts = append(one.Accounts, s.lines.standing(a))
			})
			out = append(out, one)
		}
		return out
	}
}

func (l *lines) standing(a *account.Account) control.AccountStanding {
	out := control.AccountStanding{
		Address: address(a), Status: a.Status(), FreeSlots: a.FreeSlots(), RegisterEnabled: a.RegisterEnabled(),
	}
	if l == nil {
		return out
	}
	if id, registers := l.ids[a]; registers {
		st := l.engine.Standing(id)
		out.Failure, out.Failures, out.Next, out.Until = st.Why, st.Failures, st.Next, st.Until
		out.WaitsFor = waits[st.Waits]
	}
	return out
}

var waits = [...]string{register.ForTime: "", register.ForAnswer: "answer", register.ForRegistrar: "registrar", register.ForTurn: "turn"}

// mostSilent is how many registrars that do not answer are listed.
const mostSilent = 20

// silent are the registrars that do not answer.
func (l *lines) silent() []control.Registrar {
	if l == nil {
		return nil
	}
	var out []control.Registrar
	for _, r := range l.engine.Silent(mostSilent) {
		out = append(out, control.Registrar{Registrar: r.Name, Accounts: r.Accounts, Waiting: r.Waiting, Since: r.Since, Failure: r.Why, Next: r.Next})
	}
	return out
}

// retry registers one account at once, however it is, or all that failed; it tells how many it took.
func (l *lines) retry(uri string) int {
	if l == nil {
		return 0
	}
	n := 0
	again := func(now time.Time, a *account.Account) {
		id, ok := l.ids[a]
		switch {
		case !ok || uri == "all" && l.engine.Status(id).State != register.Failed:
			return
		case uri == "all":
			l.engine.Retry(now, id)
		default:
			l.engine.Refresh(now, id)
		}
		l.drain()
		n++
	}
	for _, p := range l.pools {
		if uri == "all" {
			l.s.eachAccount(p, func(int) {}, again)
			continue
		}
		l.s.turn(func(now time.Time) { again(now, p.Get(uri)) })
	}
	return n
}
