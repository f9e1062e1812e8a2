package sipbridge

import (
	"bytes"
	"fmt"
	"runtime"
	"testing"

	"github.com/stretchr/testify/require"

	"b2bua/core/account"
	"b2bua/core/app"
)

// many is a bridge that finds its callers by alias and its callees by URI among n accounts, as the seed's first example does.
func many(b testing.TB, n int) *Bridge {
	bridge := bidirectional(b)
	pool := bridge.Pools()[0]
	pool.StartLoad()
	for _, uri := range pool.Stale() {
		pool.Remove(uri)
	}
	pool.Grow(n)
	for i := range n {
		text := account.Text{
			URI: fmt.Sprintf("sip:user%d@jabiru.example.org", i), Alias: fmt.Sprintf("sip:user%d@flexisip.example.org", i),
			SecretType: "clrtxt", Secret: "correct horse battery",
		}
		s, _ := text.Check()
		pool.Put(s).Account.SetRegistration(account.Registered, "")
	}
	return bridge
}

// BenchmarkDecide is one decision by alias, by URI and of no provider at all, among so many accounts.
func BenchmarkDecide(b *testing.B) {
	for _, n := range []int{1_000, 1_000_000} {
		bridge := many(b, n)
		for _, c := range []struct{ name, from, to string }{
			{"alias", "sip:user%d@flexisip.example.org", "sip:jasper@flexisip.example.org"},
			{"uri", "sip:jasper@jabiru.example.org", "sip:user%d@jabiru.example.org"},
			{"none", "sip:nobody%d@a.org", "sip:nobody@b.org"},
		} {
			b.Run(fmt.Sprintf("%d/%s", n, c.name), func(b *testing.B) {
				var calls []app.Facts
				for i := range 1000 {
					who := i * (n / 1000)
					from, to := c.from, c.to
					if bytes.Contains([]byte(from), []byte("%d")) {
						from = fmt.Sprintf(from, who)
					} else {
						to = fmt.Sprintf(to, who)
					}
					calls = append(calls, facts(b, from, to, "sip:x@127.0.0.1"))
				}
				b.ReportAllocs()
				i := 0
				for b.Loop() {
					d := bridge.Decide(calls[i%len(calls)])
					if (d.Refusal == nil) == (c.name == "none") {
						b.Fatal(d.Why)
					}
					i++
				}
			})
		}
	}
}

// BenchmarkMillion is the memory of an account with both indexes.
func BenchmarkMillion(b *testing.B) {
	const n = 1_000_000
	for range b.N {
		before := heap()
		bridge := many(b, n)
		b.ReportMetric(float64(heap()-before)/n, "B/account")
		runtime.KeepAlive(bridge)
	}
}

// BenchmarkLoad is a providers file with 100 000 accounts.
func BenchmarkLoad(b *testing.B) {
	var file bytes.Buffer
	file.WriteString(`[{"name": "p", "pattern": ".*", "accounts": [`)
	for i := range 100_000 {
		if i > 0 {
			file.WriteString(",")
		}
		fmt.Fprintf(&file, "{\"uri\": \"sip:user%d@provider.example.com\", \"userid\": \"id%d\", \"password\": \"correct horse\"}\n", i, i)
	}
	file.WriteString("]}]")
	for b.Loop() {
		bridge, problems := Load(file.Bytes(), options())
		require.NotNil(b, bridge)
		require.Empty(b, problems)
	}
}

func heap() uint64 {
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return m.HeapAlloc
}
