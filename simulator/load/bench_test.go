//go:build linux

package load

import (
	"testing"
)

// BenchmarkCalls is what one call costs the generator itself: both ends, without a B2BUA between them.
func BenchmarkCalls(b *testing.B) {
	for i, network := range []string{"udp", "tcp"} {
		b.Run(network, func(b *testing.B) {
			cfg := direct(network, byte(30+i))
			cfg.Calls, cfg.Sockets, cfg.Parallel = b.N, 1, 50
			b.ResetTimer()
			r, err := Run(b.Context(), cfg)
			if err != nil || !r.OK() {
				b.Fatalf("%v %+v", err, r)
			}
			b.ReportMetric(r.PerSecond, "calls/s")
		})
	}
}
