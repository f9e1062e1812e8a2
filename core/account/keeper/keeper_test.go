package keeper

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"b2bua/core/account"
	"b2bua/core/account/sqlstore"
	"b2bua/core/digest"
	"b2bua/core/event"
)

// owner writes down what it is told.
type owner struct {
	changes []string
	lines   []string
}

func (o *owner) Created(_ time.Time, a *account.Account) { o.note("+", a) }
func (o *owner) Updated(_ time.Time, a *account.Account) { o.note("~", a) }
func (o *owner) Removed(_ time.Time, a *account.Account) { o.note("-", a) }
func (o *owner) Tell(e event.Event) {
	if e.Level() != event.Debug {
		o.lines = append(o.lines, e.Text())
	}
}

func (o *owner) note(sign string, a *account.Account) {
	user, _, _ := strings.Cut(strings.TrimPrefix(a.URI(), "sip:"), "@")
	o.changes = append(o.changes, sign+user)
}

// take is what was noted since the last time.
func (o *owner) take() (changes, lines []string) {
	changes, lines = o.changes, o.lines
	o.changes, o.lines = nil, nil
	return changes, lines
}

func row(user, alias, secret string) sqlstore.Row {
	t := account.Text{URI: "sip:" + user + "@x.org", Secret: digest.Secret(secret), SecretType: "clrtxt"}
	if alias != "" {
		t.Alias = "sip:" + alias + "@inside.org"
	}
	s, _ := t.Check()
	return sqlstore.Row{Spec: s, Usable: true}
}

func bad(user string) sqlstore.Row {
	r := sqlstore.Row{Problems: []account.Problem{{Member: "alias_username", Problem: "it has a control character", Fix: "text of one line", Fatal: true}}}
	if user != "" {
		r.Spec.URI = "sip:" + user + "@x.org"
	}
	return r
}

func pool() *account.Pool {
	return account.NewPool(account.Settings{Name: "p", RegistrationRequired: true, MaxCallsPerLine: 2}, &account.Numbers{})
}

var noon = time.Date(2026, 1, 1, 12, 0, 0, 0, time.UTC)

// load is a whole one.
func load(k *Keeper, rows ...sqlstore.Row) {
	k.Begin()
	for ; len(rows) > 0; rows = rows[min(2, len(rows)):] {
		k.Take(noon, rows[:min(2, len(rows))])
	}
	for !k.Sweep(noon, 2) { //nolint:revive // it is called until it is done
	}
}

func TestALoadIsDiffed(t *testing.T) {
	o := &owner{}
	k := New(pool(), o)
	load(k, row("a", "", "1"), row("b", "bob", "2"), row("c", "", "3"))
	got, _ := o.take()
	assert.Equal(t, []string{"+a", "+b", "+c"}, got)
	b := k.Pool().Get("sip:b@x.org")
	b.Take()

	load(k, row("d", "", "4"), row("c", "", "other"), row("b", "bob", "2"))
	got, lines := o.take()
	assert.Equal(t, []string{"+d", "~c", "-a"}, got)
	assert.Empty(t, lines)
	assert.Equal(t, Tally{Rows: 3, Created: 1, Updated: 1, Removed: 1}, k.Tally())
	assert.Same(t, b, k.Pool().Get("sip:b@x.org"))
	assert.Equal(t, 1, b.FreeSlots(), "its call goes on")

	load(k)
	got, _ = o.take()
	slices.Sort(got)
	assert.Equal(t, []string{"-b", "-c", "-d"}, got)
	assert.Zero(t, k.Pool().Len())
	load(k)
	assert.Equal(t, Tally{}, k.Tally())
}

func TestALoadThatDoesNotEndRemovesNothing(t *testing.T) {
	o := &owner{}
	k := New(pool(), o)
	load(k, row("a", "", "1"), row("b", "", "2"))
	k.Begin()
	k.Take(noon, []sqlstore.Row{row("c", "", "3")})
	assert.Equal(t, 3, k.Pool().Len())
	load(k, row("a", "", "1"))
	assert.Equal(t, 1, k.Pool().Len(), "what the one that did not end had brought counts no more")
}

func TestRowsThatAreNoAccounts(t *testing.T) {
	o := &owner{}
	k := New(pool(), o)
	load(k, row("a", "", "1"), row("b", "", "2"))
	o.take()
	load(k, bad("a"), row("b", "", "2"), row("b", "", "3"), bad("new"), bad(""))
	got, lines := o.take()
	assert.Empty(t, got, "a stays as it was, and the first row of b counts")
	assert.Equal(t, Tally{Rows: 5, Refused: 4}, k.Tally())
	require.Len(t, lines, 4)
	assert.Equal(t, "pool p: sip:a@x.org: alias_username: it has a control character; write text of one line; the account stays as it was", lines[0])
	assert.Contains(t, lines[1], "sip:b@x.org: the query has more than one row of this account; the first one counts")
	assert.Contains(t, lines[2], "sip:new@x.org: alias_username: it has a control character; write text of one line; the row is left out")
	assert.Contains(t, lines[3], "a row without a name")
}

func TestOneAccount(t *testing.T) {
	o := &owner{}
	k := New(pool(), o)
	one := func(key string, r *sqlstore.Row) ([]string, []string) {
		k.One(noon, "sip:"+key+"@x.org", r, r != nil)
		return o.take()
	}
	load(k, row("a", "", "1"))
	tally := k.Tally()
	o.take()
	r := row("b", "", "2")
	got, lines := one("b", &r)
	assert.Equal(t, []string{"+b"}, got)
	assert.Equal(t, []string{"pool " + k.Pool().Name() + ": sip:b@x.org is new"}, lines)
	got, lines = one("b", &r)
	assert.Empty(t, got)
	assert.Empty(t, lines)
	r = row("b", "", "3")
	got, _ = one("b", &r)
	assert.Equal(t, []string{"~b"}, got)
	r = row("a", "", "9")
	got, lines = one("b", &r)
	assert.Empty(t, got, "another account than the one that was announced (spec 4.9.3)")
	assert.Contains(t, lines[0], "sip:b@x.org: a change was announced, but updateQuery returns sip:a@x.org for its identifier; the row is ignored")
	r = bad("b")
	got, lines = one("b", &r)
	assert.Empty(t, got)
	assert.Contains(t, lines[0], "the account stays as it was")
	got, lines = one("b", nil)
	assert.Equal(t, []string{"-b"}, got)
	assert.Equal(t, []string{"pool " + k.Pool().Name() + ": sip:b@x.org is deleted"}, lines)
	got, lines = one("b", nil)
	assert.Empty(t, got)
	assert.Contains(t, lines[0], "neither the database nor the pool has this account")
	assert.Equal(t, tally, k.Tally(), "it is that of the load")
	load(k, row("a", "", "1"))
	got, _ = o.take()
	assert.Empty(t, got)
}

// A read that was under way when a load began ends during it.
func TestOneDuringALoadIsNoSecondRow(t *testing.T) {
	o := &owner{}
	k := New(pool(), o)
	r, again := row("a", "", "1"), row("b", "", "1")
	k.Begin()
	k.One(noon, "sip:a@x.org", &r, true)
	k.Take(noon, []sqlstore.Row{row("a", "", "2"), again})
	k.One(noon, "sip:b@x.org", &again, true)
	for !k.Sweep(noon, 2) { //nolint:revive // it is called until it is done
	}
	got, lines := o.take()
	assert.Equal(t, []string{"+a", "~a", "+b"}, got, "the row of the load is the newer one")
	assert.Equal(t, []string{"pool p: sip:a@x.org is new"}, lines, "and no line about rows")
	assert.Zero(t, k.Tally().Refused)
	k.Begin()
	k.One(noon, "sip:a@x.org", &r, true)
	k.Take(noon, []sqlstore.Row{r, r, again, again})
	_, lines = o.take()
	require.Len(t, lines, 3)
	assert.Contains(t, lines[1]+lines[2], "the query has more than one row of this account", "and two rows of one account still are told")
	assert.Contains(t, lines[2], "sip:b@x.org")
}

func TestAChangedURIIsAnotherAccount(t *testing.T) {
	o := &owner{}
	k := New(pool(), o)
	load(k, row("old", "alice", "1"))
	x, _ := k.Pool().Index("{account.alias}", func(a *account.Account) string { return a.Spec().Alias })
	before := k.Pool().Get("sip:old@x.org")
	before.Take()
	o.take()
	load(k, row("new", "alice", "1"))
	got, lines := o.take()
	assert.Equal(t, []string{"+new", "-old"}, got)
	assert.Empty(t, lines)
	assert.Equal(t, "sip:new@x.org", x.Find("sip:alice@inside.org").URI(), "it is found once the other has gone")
	load(k, row("new", "alice", "1"), row("third", "alice", "1"))
	_, lines = o.take()
	require.Len(t, lines, 1)
	assert.Contains(t, lines[0], "account sip:third@x.org has the same {account.alias} as account sip:new@x.org, so it is not found by that")
	r := row("fourth", "alice", "1")
	k.One(noon, r.Spec.URI, &r, true)
	_, lines = o.take()
	require.Len(t, lines, 2)
	assert.Contains(t, lines[0], "sip:fourth@x.org has the same {account.alias}")
	before.Release() // the call of the old one ends
	_, ok := before.Credentials()
	assert.True(t, ok, "its BYE and its un-REGISTER can be authenticated")
}

func TestLinesAboutRowsAreBounded(t *testing.T) {
	o := &owner{}
	k := New(pool(), o)
	var rows []sqlstore.Row
	for range 1000 {
		rows = append(rows, bad(""))
	}
	load(k, rows...)
	_, lines := o.take()
	assert.Len(t, lines, maxLines)
	assert.Equal(t, 1000-maxLines, k.Untold())
	k.Take(noon, rows[:3])
	k.Take(noon.Add(lineEvery), rows[:1])
	_, lines = o.take()
	require.Len(t, lines, 1)
	assert.Contains(t, lines[0], "(3 further lines about its rows were left out)")
}

func TestLinesAboutAnnouncedChangesAreBounded(t *testing.T) {
	o := &owner{}
	k := New(pool(), o)
	for i := range 1000 {
		r := row(fmt.Sprint("u", i), "", "1")
		k.One(noon, r.Spec.URI, &r, true)
	}
	_, lines := o.take()
	assert.Len(t, lines, maxLines)
	k.One(noon.Add(lineEvery), "sip:u0@x.org", nil, false)
	_, lines = o.take()
	require.Len(t, lines, 2)
	assert.Contains(t, lines[0], "990 more announced changes have no line at this level")
	assert.Contains(t, lines[1], "sip:u0@x.org is deleted")
}

// Whatever loads and single reads bring, the pool has in the end what the last load has.
func TestAnyOrder(t *testing.T) {
	for seed := range uint64(200) {
		rnd := rand.New(rand.NewPCG(seed, 1))
		o := &owner{}
		k := New(pool(), o)
		have := map[string]bool{}
		for range 30 {
			if rnd.IntN(3) == 0 {
				var rows []sqlstore.Row
				for _, n := range rnd.Perm(20)[:rnd.IntN(20)] {
					rows = append(rows, row(fmt.Sprint("u", n), "", fmt.Sprint(rnd.IntN(3))))
				}
				k.Begin()
				k.Take(noon, rows)
				if rnd.IntN(3) == 0 {
					continue // it broke off
				}
				for !k.Sweep(noon, 1+rnd.IntN(4)) { //nolint:revive // it is called until it is done
				}
				assert.Equal(t, len(rows), k.Pool().Len())
				continue
			}
			r := row(fmt.Sprint("u", rnd.IntN(20)), "", fmt.Sprint(rnd.IntN(3)))
			k.One(noon, r.Spec.URI, &r, rnd.IntN(2) == 0)
		}
		for _, c := range o.changes {
			name := "sip:" + c[1:] + "@x.org"
			require.Equal(t, c[0] != '+', have[name], "seed %d: %s", seed, c)
			have[name] = c[0] != '-'
		}
		for name, there := range have {
			assert.Equal(t, there, k.Pool().Get(name) != nil, name)
		}
	}
}
