package server

import (
	"b2bua/core/account"
	"b2bua/core/control"
	"b2bua/core/register"
)

// standings tells how accounts and their registrations are; nil where the application has none.
func (s *server) standings() func() []control.ProviderStanding {
	if s.bridge == nil {
		return nil
	}
	return func() []control.ProviderStanding {
		out := []control.ProviderStanding{}
		for _, p := range s.bridge.Providers() {
			one := control.ProviderStanding{Name: p.Name(), Accounts: make([]control.AccountStanding, 0, p.Pool().Len())}
			for a := range p.Pool().All() {
				one.Accounts = append(one.Accounts, s.lines.standing(a))
			}
			out = append(out, one)
		}
		return out
	}
}

func (l *lines) standing(a *account.Account) control.AccountStanding {
	out := control.AccountStanding{Address: a.URI(), Status: a.Status(), FreeSlots: a.FreeSlots(), RegisterEnabled: a.RegisterEnabled()}
	if a.Spec().Display != "" {
		out.Address = a.Identity().String()
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
