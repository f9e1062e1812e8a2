package zrtp

import (
	"testing"
	"time"

	"b2bua/media/zrtp/alg"
)

// BenchmarkExchange is both ends of one exchange in DH mode, with everything around it.
func BenchmarkExchange(b *testing.B) {
	for _, agreement := range alg.KindAgreement.Supported() {
		if agreement == alg.Mult {
			continue
		}
		b.Run(agreement.String(), func(b *testing.B) {
			b.ReportAllocs()
			for range b.N {
				w := newWorld(b, 1)
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
			}
		})
	}
}
