package account_test

import (
	"fmt"
	"math/rand/v2"
	"runtime"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"b2bua/core/account"
)

func spec(t testing.TB, text account.Text) account.Spec {
	t.Helper()
	s, problems := text.Check()
	require.Empty(t, problems)
	return s
}

func pool(cfg account.Settings) *account.Pool {
	if cfg.Name == "" {
		cfg.Name = "pool"
	}
	return account.NewPool(cfg, new(account.Numbers))
}

func uriOf(a *account.Account) string   { return a.URI() }
func aliasOf(a *account.Account) string { return a.Alias() }

func TestPutCreatesOnceAndUpdatesInPlace(t *testing.T) {
	p := pool(account.Settings{MaxCallsPerLine: 2})
	byAlias, _ := p.Index("alias", aliasOf)
	first := p.Put(spec(t, account.Text{URI: "sip:a@x.org", Alias: "sip:old@y.org"}))
	require.Equal(t, account.Created, first.Kind)
	a := first.Account
	a.Take()

	again := p.Put(spec(t, account.Text{URI: "sip:a@x.org", Alias: "sip:old@y.org"}))
	assert.Equal(t, account.Unchanged, again.Kind)
	assert.Same(t, a, again.Account)

	changed := p.Put(spec(t, account.Text{URI: "sip:a@x.org", Alias: "sip:new@y.org"}))
	assert.Equal(t, account.Updated, changed.Kind)
	assert.False(t, changed.Reregister, "an alias is nothing to a registrar")
	assert.Same(t, a, changed.Account)
	assert.Equal(t, 1, a.FreeSlots(), "slots survive an update")
	assert.Nil(t, byAlias.Find("sip:old@y.org"))
	assert.Same(t, a, byAlias.Find("sip:new@y.org"))
	assert.Equal(t, 1, p.Len())
}

func TestUpdatesThatRegisterAgain(t *testing.T) {
	base := account.Text{URI: "sip:a@x.org", SecretType: "clrtxt", Secret: "one", UserID: "id", OutboundProxy: "p.x.org"}
	for name, c := range map[string]struct {
		change func(*account.Text)
		want   bool
	}{
		"secret":           {func(x *account.Text) { x.Secret = "two" }, true},
		"user id":          {func(x *account.Text) { x.UserID = "other" }, true},
		"realm":            {func(x *account.Text) { x.Realm = "r" }, true},
		"secret removed":   {func(x *account.Text) { x.Secret = "" }, false},
		"proxy":            {func(x *account.Text) { x.OutboundProxy = "q.x.org" }, true},
		"registrar":        {func(x *account.Text) { x.Registrar = "r.x.org" }, true},
		"registrar = same": {func(x *account.Text) { x.Registrar = "p.x.org" }, false},
		"alias":            {func(x *account.Text) { x.Alias = "sip:b@y.org" }, false},
	} {
		t.Run(name, func(t *testing.T) {
			for _, required := range []bool{true, false} {
				p := pool(account.Settings{RegistrationRequired: required})
				p.Put(spec(t, base))
				text := base
				c.change(&text)
				got := p.Put(spec(t, text))
				assert.Equal(t, account.Updated, got.Kind)
				assert.Equal(t, c.want && required, got.Reregister)
			}
		})
	}
}

func TestRemovedAccountIsFoundByNothingAndItsCallsGoOn(t *testing.T) {
	p := pool(account.Settings{MaxCallsPerLine: 1})
	x, _ := p.Index("alias", aliasOf)
	a := p.Put(spec(t, account.Text{URI: "sip:a@x.org", Alias: "sip:a@y.org"})).Account
	b := p.Put(spec(t, account.Text{URI: "sip:b@x.org", Alias: "sip:b@y.org"})).Account
	a.Take()
	require.Same(t, a, p.Remove("sip:a@x.org"))
	assert.Nil(t, p.Remove("sip:a@x.org"))
	assert.Nil(t, p.Get("sip:a@x.org"))
	assert.Nil(t, x.Find("sip:a@y.org"))
	assert.Equal(t, account.Deleted, a.Unavailable())
	assert.Equal(t, []*account.Account{b}, collect(p))

	anew := p.Put(spec(t, account.Text{URI: "sip:a@x.org"})).Account
	assert.NotSame(t, a, anew)
	assert.NotEqual(t, a.Number(), anew.Number())
	assert.Equal(t, 1, anew.FreeSlots(), "the calls of the deleted account are not the new one's")
	a.Release()
	assert.Equal(t, 1, anew.FreeSlots())
	assert.Equal(t, 2, p.Free())
}

func TestOfEqualKeysTheFirstIsFoundAndTheNextFollows(t *testing.T) {
	p := pool(account.Settings{})
	x, _ := p.Index("alias", aliasOf)
	put := func(user, alias string) account.Change {
		return p.Put(spec(t, account.Text{URI: "sip:" + user + "@x.org", Alias: alias}))
	}
	a := put("a", "sip:same@y.org").Account
	second := put("b", "sip:same@y.org")
	require.Equal(t, []account.Collision{{Index: "alias", Key: "sip:same@y.org", Has: a, Hides: second.Account}}, second.Collisions)
	c := put("c", "sip:same@y.org").Account
	assert.Same(t, a, x.Find("sip:same@y.org"))
	put("b", "sip:own@y.org")
	p.Remove(a.URI())
	assert.Same(t, c, x.Find("sip:same@y.org"), "b has another key by now")
	p.Remove(c.URI())
	assert.Nil(t, x.Find("sip:same@y.org"))
	assert.Same(t, second.Account, x.Find("sip:own@y.org"))
}

func TestEmptyKeysAreNotIndexed(t *testing.T) {
	p := pool(account.Settings{})
	p.Put(spec(t, account.Text{URI: "sip:early@x.org"}))
	x, collisions := p.Index("alias", aliasOf)
	assert.Empty(t, collisions)
	assert.Empty(t, p.Put(spec(t, account.Text{URI: "sip:a@x.org"})).Collisions)
	assert.Nil(t, x.Find(""))
}

func TestAvailability(t *testing.T) {
	p := pool(account.Settings{RegistrationRequired: true, MaxCallsPerLine: 1})
	a := p.Put(spec(t, account.Text{URI: "sip:a@x.org"})).Account
	for _, c := range []struct {
		state  account.Registration
		reason string
		status string
		want   account.Obstacle
	}{
		{account.None, "", "Should register", account.NotRegistered},
		{account.Progress, "", "Registration in progress", account.NotRegistered},
		{account.Registered, "", "OK", account.Ready},
		{account.Refreshing, "", "Unexpected state: LinphoneRegistrationRefreshing", account.Ready},
		{account.Failed, "Bad credentials", "Registration failed: Bad credentials", account.NotRegistered},
		{account.Cleared, "", "Unexpected state: LinphoneRegistrationCleared", account.NotRegistered},
	} {
		a.SetRegistration(c.state, c.reason)
		assert.Equal(t, c.status, a.Status())
		assert.Equal(t, c.want, a.Unavailable())
		assert.Equal(t, c.want == account.Ready, p.Free() == 1)
	}
	a.SetRegistration(account.Registered, "")
	a.Take()
	assert.Equal(t, account.Busy, a.Unavailable())
	assert.Zero(t, p.Free())
	assert.Contains(t, a.Why(account.Busy), "1 of 1 calls")
	a.SetRegistration(account.Failed, "IO error")
	a.Release()
	assert.Equal(t, account.NotRegistered, a.Unavailable())
	assert.Contains(t, a.Why(account.NotRegistered), "IO error")
}

func TestPoolWithoutLinesNeverBridges(t *testing.T) {
	p := pool(account.Settings{MaxCallsPerLine: 0})
	a := p.Put(spec(t, account.Text{URI: "sip:a@x.org"})).Account
	assert.Equal(t, account.Busy, a.Unavailable())
	assert.Contains(t, a.Why(account.Busy), "maxCallsPerLine")
	assert.Nil(t, p.Pick(rand.IntN))
}

// The two scenarios of spec S-SB-11: an even distribution, every slot is used, and not one more.
func TestPickIsEvenAndUsesEverySlot(t *testing.T) {
	p := pool(account.Settings{MaxCallsPerLine: 5000})
	for i := range 3 {
		p.Put(spec(t, account.Text{URI: fmt.Sprintf("sip:a%d@x.org", i)}))
	}
	random := rand.New(rand.NewPCG(1, 2))
	calls := map[*account.Account]int{}
	for range 5000 {
		a := p.Pick(random.IntN)
		a.Take()
		calls[a]++
	}
	require.Len(t, calls, 3)
	for _, n := range calls {
		assert.InEpsilon(t, 5000.0/3, float64(n), 0.08)
	}
	for range 10000 {
		a := p.Pick(random.IntN)
		require.NotNil(t, a)
		a.Take()
	}
	assert.Nil(t, p.Pick(random.IntN))
}

// Whatever happens in whatever order, the list of available accounts and the indexes tell what a look at each account tells.
func TestPoolStaysConsistent(t *testing.T) {
	random := rand.New(rand.NewPCG(3, 4))
	p := pool(account.Settings{RegistrationRequired: true, MaxCallsPerLine: 2})
	byAlias, _ := p.Index("alias", aliasOf)
	byURI, _ := p.Index("uri", uriOf)
	for range 5000 {
		uri := fmt.Sprintf("sip:u%d@x.org", random.IntN(20))
		a := p.Get(uri)
		switch n := random.IntN(6); {
		case n == 0:
			p.Put(spec(t, account.Text{URI: uri, Alias: fmt.Sprintf("sip:al%d@y.org", random.IntN(12))}))
		case a == nil:
		case n == 1 && random.IntN(4) == 0:
			p.Remove(uri)
		case n == 2 && a.FreeSlots() > 0:
			a.Take()
		case n == 3:
			a.Release()
		default:
			a.SetRegistration(account.Registration(random.IntN(6)), "No response")
		}
		check(t, p, byURI, byAlias)
	}
}

func check(t *testing.T, p *account.Pool, byURI, byAlias *account.Index) {
	t.Helper()
	free := 0
	for a := range p.All() {
		if a.Available() {
			free++
		}
		require.Same(t, a, byURI.Find(a.URI()))
		if a.Alias() != "" {
			holder := byAlias.Find(a.Alias())
			require.NotNil(t, holder)
			require.Equal(t, a.Alias(), holder.Alias())
			require.NotNil(t, holder.Pool())
		}
	}
	require.Equal(t, free, p.Free())
	require.Equal(t, p.Len(), byURI.Len())
	if free > 0 {
		require.True(t, p.Pick(rand.IntN).Available())
	}
}

func collect(p *account.Pool) []*account.Account {
	var list []*account.Account
	for a := range p.All() {
		list = append(list, a)
	}
	return list
}

func TestStaleAreThoseThatALoadDidNotBring(t *testing.T) {
	p := pool(account.Settings{})
	put := func(users ...string) {
		for _, u := range users {
			p.Put(spec(t, account.Text{URI: "sip:" + u + "@x.org"}))
		}
	}
	put("a", "b", "c")
	assert.Empty(t, p.Stale(), "no load")
	p.StartLoad()
	put("b", "new")
	assert.True(t, p.Keep("sip:c@x.org"), "a row that cannot be used")
	assert.False(t, p.Keep("sip:unknown@x.org"))
	assert.Equal(t, []string{"sip:a@x.org"}, p.Stale())
	p.StartLoad() // the first one broke
	put("a")
	assert.ElementsMatch(t, []string{"sip:b@x.org", "sip:c@x.org", "sip:new@x.org"}, p.Stale())
}

// A load that changes a URI deletes one account and creates another. The calls of the first go on, and give back their lines.
func TestALoadLeavesCallsAlone(t *testing.T) {
	p := pool(account.Settings{MaxCallsPerLine: 2})
	x, _ := p.Index("alias", aliasOf)
	old := p.Put(spec(t, account.Text{URI: "sip:old@x.org", Alias: "sip:phone@y.org"})).Account
	other := p.Put(spec(t, account.Text{URI: "sip:other@x.org", Alias: "sip:other@y.org"})).Account
	old.Take()
	other.Take()
	p.StartLoad()
	created := p.Put(spec(t, account.Text{URI: "sip:new@x.org", Alias: "sip:phone@y.org"}))
	assert.Equal(t, account.Created, created.Kind)
	assert.Len(t, created.Collisions, 1, "the alias is still that of the old one")
	assert.Equal(t, account.Unchanged, p.Put(other.Spec()).Kind)
	for _, uri := range p.Stale() {
		assert.Same(t, old, p.Remove(uri))
	}
	assert.Same(t, created.Account, x.Find("sip:phone@y.org"))
	assert.Equal(t, []int{2, 1}, []int{created.Account.FreeSlots(), other.FreeSlots()})
	old.Release()
	other.Release()
	assert.Equal(t, []int{2, 2, 2}, []int{created.Account.FreeSlots(), other.FreeSlots(), p.Free()})
}

// A million accounts with two indexes: `go test ./core/account -bench Million -benchtime 1x` reports the memory of each.
func BenchmarkMillion(b *testing.B) {
	for range b.N {
		var before, after runtime.MemStats
		runtime.GC()
		runtime.ReadMemStats(&before)
		p := pool(account.Settings{MaxCallsPerLine: 20, RegistrationRequired: true})
		p.Index("uri", uriOf)
		p.Index("alias", aliasOf)
		const n = 1_000_000
		p.Grow(n)
		for i := range n {
			p.Put(spec(b, account.Text{
				URI: fmt.Sprintf("sip:account%d@some.provider.example.com", i), Alias: fmt.Sprintf("sip:user%d@flexisip.example.org", i),
				UserID: fmt.Sprintf("titdkaLS%d", i), SecretType: "clrtxt", Secret: "correct horse",
			})).Account.SetRegistration(account.Registered, "")
		}
		runtime.GC()
		runtime.ReadMemStats(&after)
		b.ReportMetric(float64(after.HeapAlloc-before.HeapAlloc)/n, "B/account")
		runtime.KeepAlive(p)
	}
}

func TestNoSecretIsPrinted(t *testing.T) {
	p := pool(account.Settings{})
	a := p.Put(spec(t, account.Text{URI: "sip:a@x.org", SecretType: "clrtxt", Secret: "Mellon"})).Account
	for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%d", "%x"} {
		for _, x := range []any{a, *a, p, *p, a.Spec(), struct{ Account *account.Account }{a}} {
			s := fmt.Sprintf(verb, x)
			assert.NotContains(t, s, "Mellon")
			assert.NotContains(t, s, fmt.Sprintf("%x", "Mellon"))
		}
	}
	assert.Equal(t, "account sip:a@x.org", fmt.Sprint(a))
}
