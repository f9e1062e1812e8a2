package register

import (
	"cmp"
	"slices"
	"strings"
	"time"

	"b2bua/core/digest"
	"b2bua/core/event"
	"b2bua/core/sip"
)

// Bindings that are left behind.

// goal is a registrar that an account moves to, and as what it is known at the present one.
type goal struct {
	to     sip.URI
	old    kept
	client *digest.Client
}

// farewellCSeq is more than the requests of one attempt: what comes after an un-registration counts as later (RFC 3261 section 10.3), also
// if both registrars turn out to be one.
const farewellCSeq = 10

// takeLeave un-registers an account at a registrar that it is about to move away from, without waiting for that, and once; where that one is
// silent, as soon as it answers, unless the binding has ended by then. Nobody is left behind by another way to the same host.
func (e *Engine) takeLeave(now time.Time, r *registration, g *goal, flow uint64) {
	from := r.hop
	if !r.bound(now) || r.former || strings.EqualFold(from.uri.Host, g.to.Host) && from.uri.Port == g.to.Port {
		return
	}
	e.last++
	f := &registration{
		id: e.last, kept: g.old, pool: r.pool, hop: from, client: g.client, callID: r.callID, tag: r.tag, cseq: r.cseq, expires: r.expires,
		contact: r.contact, until: r.until, made: r.made, settled: true, removed: true, farewell: true,
	}
	f.fire = f
	f.bye = r.bye
	for f.bye != nil && f.bye.phase == over {
		f.bye = f.bye.bye
	}
	from.byes++
	e.byes++
	e.byID[f.id] = f
	e.ride(f, flow)
	r.client, r.former, r.cseq, r.bye = nil, true, r.cseq+farewellCSeq, f
	e.enqueue(now, f)
}

// stay takes a farewell back that has not been said, because its account returns.
func (e *Engine) stay(now time.Time, r *registration) {
	for f := r.bye; f != nil; f = f.bye {
		if f.hop != r.hop || f.phase == asked || f.phase == over {
			continue
		}
		if r.former && r.until.Equal(f.until) {
			r.former = false
		}
		e.conclude(now, f)
	}
}

// unsaid is the end of a farewell that did not reach its registrar.
func (e *Engine) unsaid(now time.Time, f *registration, why string) {
	f.hop.unsaid, f.hop.whyUnsaid = f.hop.unsaid+1, why
	e.conclude(now, f)
}

// parted forgets a farewell; the last one of a registrar tells how many were in vain.
func (e *Engine) parted(f *registration) {
	h := f.hop
	e.byes--
	if h.byes--; h.byes == 0 && h.unsaid > 0 {
		e.tell(event.FormerBindings{Registrar: h.name, Accounts: h.unsaid, Why: h.whyUnsaid})
		h.unsaid = 0
	}
	e.tidy(h)
}

// Left is what a Shutdown could not un-register at a registrar.
type Left struct {
	Registrar string // empty: several others
	Accounts  int
	Names     []string // the first few
	Why       string   // of the first one
}

// fewNames of accounts are kept for each registrar, and so many registrars; those of all others are one number.
const fewNames, fewRegistrars = 3, 100

// stays notes a binding that a shutdown leaves behind.
func (e *Engine) stays(now time.Time, r *registration, why string) {
	if e.stopping && r.bound(now) && !r.former {
		e.left = leave(e.left, r, why)
	}
}

func leave(list []Left, r *registration, why string) []Left {
	of := func(name string) int { return slices.IndexFunc(list, func(l Left) bool { return l.Registrar == name }) }
	name := r.hop.name
	i := of(name)
	if i < 0 && len(list) >= fewRegistrars {
		name, why = "", ""
		i = of(name)
	}
	if i < 0 {
		i = len(list)
		list = append(list, Left{Registrar: name, Why: why})
	}
	l := &list[i]
	l.Accounts++
	if len(l.Names) < fewNames && name != "" {
		l.Names = append(l.Names, r.name)
	}
	return list
}

// Left are the accounts that a Shutdown did not un-register although it should have: those that failed, and those for which nothing has
// come back yet. Those of the registrar with most of them come first, those of the registrars beyond the first hundred last.
func (e *Engine) Left() []Left {
	list := slices.Clone(e.left)
	for i := range list {
		list[i].Names = slices.Clone(list[i].Names)
	}
	if e.leaving > 0 {
		for _, r := range e.byID {
			if r.counted {
				list = leave(list, r, "no answer so far")
			}
		}
	}
	slices.SortStableFunc(list, func(a, b Left) int {
		if a.Registrar == "" || b.Registrar == "" {
			return -cmp.Compare(a.Registrar, b.Registrar)
		}
		return cmp.Compare(b.Accounts, a.Accounts)
	})
	for i := range list {
		slices.Sort(list[i].Names)
	}
	return list
}
