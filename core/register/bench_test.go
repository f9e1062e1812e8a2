package register

import (
	"runtime"
	"testing"
	"time"

	"b2bua/core/digest"
)

// BenchmarkAccounts registers accounts with a challenge each, and refreshes them for two hours of simulated time.
func BenchmarkAccounts(b *testing.B) {
	for _, n := range []int{10_000, 100_000} {
		b.Run(map[int]string{10_000: "10k", 100_000: "100k"}[n], func(b *testing.B) {
			for b.Loop() {
				heap := func() uint64 {
					var m runtime.MemStats
					runtime.GC()
					runtime.ReadMemStats(&m)
					return m.HeapAlloc
				}
				w := newWorld(b, seed(1))
				w.keep = false
				w.answer = guarded(b, digest.ServerConfig{Life: time.Hour * 24})
				before := heap()
				begin := time.Now()
				for i := range n {
					w.e.Add(w.now, w.pool, withPassword(account(i)))
				}
				w.run(time.Minute)
				took := time.Since(begin)
				if w.e.Count(OK) != n {
					b.Fatalf("%d of %d", w.e.Count(OK), n)
				}
				w.changes, w.events, w.answer = nil, nil, nil
				b.ReportMetric(float64(heap()-before)/float64(n), "B/account")
				b.ReportMetric(float64(n)/took.Seconds(), "accounts/s")
				runtime.KeepAlive(w)
			}
		})
	}
}
