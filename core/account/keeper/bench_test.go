package keeper

import (
	"fmt"
	"testing"
	"time"

	"b2bua/core/account"
	"b2bua/core/account/sqlstore"
	"b2bua/core/event"
)

type nobody struct{}

func (nobody) Created(time.Time, *account.Account) {}
func (nobody) Updated(time.Time, *account.Account) {}
func (nobody) Removed(time.Time, *account.Account) {}
func (nobody) Tell(event.Event)                    {}

// BenchmarkTurns is the longest time that one turn of the loop is kept by a load of a million accounts.
func BenchmarkTurns(b *testing.B) {
	const accounts, turn = 1_000_000, 50
	rows := make([]sqlstore.Row, accounts)
	for i := range rows {
		rows[i] = row(fmt.Sprint("user", i), fmt.Sprint("alias", i), "secret")
	}
	for _, name := range []string{"new", "same", "other"} {
		b.Run(name, func(b *testing.B) {
			k := New(pool(), nobody{})
			k.Pool().Index("alias", func(a *account.Account) string { return a.Spec().Alias })
			if name != "new" {
				load2(k, rows, turn)
			}
			if name == "other" {
				for i := range rows {
					rows[i].Spec.Secret = "changed"
				}
			}
			for b.Loop() {
				longest, sweep := load2(k, rows, turn)
				b.ReportMetric(float64(longest.Microseconds()), "µs/longest-turn")
				b.ReportMetric(float64(sweep.Microseconds()), "µs/longest-sweep")
			}
		})
	}
}

func load2(k *Keeper, rows []sqlstore.Row, turn int) (longest, sweep time.Duration) {
	k.Begin()
	for i := 0; i < len(rows); i += turn {
		at := time.Now()
		k.Take(at, rows[i:i+turn])
		longest = max(longest, time.Since(at))
	}
	for done := false; !done; {
		at := time.Now()
		done = k.Sweep(at, 5000)
		sweep = max(sweep, time.Since(at))
	}
	return longest, sweep
}
