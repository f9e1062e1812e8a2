package zrtp

import (
	"testing"
	"time"

	"b2bua/media/zrtp/alg"
)

// BenchmarkExchange is a whole exchange in DH mode, from Hello to Conf2ACK. handshakes/s is what one end can do on one core, as
// initiator and as responder in turn as contention has it; ns/op is both ends and their network.
func BenchmarkExchange(b *testing.B) {
	for _, agreement := range alg.KindAgreement.Supported() {
		if agreement == alg.Mult {
			continue
		}
		b.Run(agreement.String(), func(b *testing.B) {
			b.ReportAllocs()
			var busy time.Duration
			for seed := range b.N {
				w := newWorld(b, uint64(seed))
				for i := range w.ends {
					c := config(i)
					c.Lists = DefaultLists()
					c.Lists[alg.KindAgreement] = []alg.Code{agreement}
					w.join(i, c, 1, nil)
					w.start(i, 0)
				}
				w.run(2 * time.Second)
				if !w.settle() {
					b.Fatal("not secure")
				}
				busy += w.ends[0].busy
			}
			b.ReportMetric(float64(b.N)/busy.Seconds(), "handshakes/s")
		})
	}
}
