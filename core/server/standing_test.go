package server

import (
	"fmt"
	"log/slog"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"b2bua/core/account"
	"b2bua/core/config"
)

// What is shown of many accounts is complete, and is put together in many turns of the loop.
func TestManyAccountsAreShown(t *testing.T) {
	d := newDatabase(t)
	var users []string
	const accounts = 3*seenAtOnce + 7
	for i := range accounts {
		users = append(users, fmt.Sprint("user", i))
	}
	d.add(users...)
	s, j := running(t, d.settings(allAccounts))
	j.says(t, fmt.Sprintf("created=%d", accounts))
	shown := s.providers()
	require.Len(t, shown, 1)
	require.Len(t, shown[0].Accounts, accounts)
	seen := map[string]bool{}
	for _, a := range shown[0].Accounts {
		seen[a.Address] = true
		require.Equal(t, "OK", a.Status)
	}
	assert.Len(t, seen, accounts)
	assert.Len(t, s.standings()()[0].Accounts, accounts)
	assert.Zero(t, s.lines.retry("all"))
	turns, last := 0, 0
	pool := s.stores.pools[0].keeper.Pool()
	s.eachAccount(pool, func(n int) { assert.Equal(t, accounts, n) }, func(time.Time, *account.Account) {
		if last++; last%seenAtOnce == 1 {
			turns++
		}
		if last == seenAtOnce { // what goes away meanwhile is not shown
			pool.Remove(users[0])
			pool.Remove("sip:user3001@provider.example.com")
		}
	})
	assert.Equal(t, 4, turns)
	assert.Equal(t, accounts-1, last)
}

// BenchmarkShown is the longest time that anything else waits for the loop while a million accounts are shown.
func BenchmarkShown(b *testing.B) {
	const accounts = 1_000_000
	cfg, _ := config.Load(nil, []string{"b2bua-server/data-directory=" + b.TempDir(), "b2bua-server/transport=sip:127.0.0.1:0"})
	s, err := start(b.Context(), cfg, Options{Log: slog.New(slog.DiscardHandler)})
	require.NoError(b, err)
	b.Cleanup(func() { require.NoError(b, s.stop(cfg, nil)) })
	var numbers account.Numbers
	pool := account.NewPool(account.Settings{Name: "many", MaxCallsPerLine: 5}, &numbers)
	for i := range accounts {
		pool.Put(account.Spec{URI: fmt.Sprintf("sip:user%d@provider.example.com", i)})
	}
	for b.Loop() {
		n, longest, all := 0, time.Duration(0), time.Now()
		s.eachAccount(pool, func(int) {}, func(now time.Time, a *account.Account) {
			if n++; n%seenAtOnce == 0 {
				longest = max(longest, time.Since(now))
			}
			_, _, _ = address(a), a.Status(), a.FreeSlots()
		})
		b.ReportMetric(float64(longest.Microseconds()), "µs/longest-turn")
		b.ReportMetric(float64(time.Since(all).Milliseconds()), "ms/all")
		if n != accounts {
			b.Fatal(n)
		}
	}
}
