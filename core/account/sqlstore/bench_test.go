package sqlstore

import (
	"context"
	"fmt"
	"strconv"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// benchmarked is the number of accounts of a large operator.
const benchmarked = 1_000_000

func BenchmarkSQLite(b *testing.B) {
	path := file(b, exampleDDL, fmt.Sprintf(`WITH RECURSIVE c(x) AS (SELECT 1 UNION ALL SELECT x+1 FROM c WHERE x < %d)
		INSERT INTO users SELECT x, 'account' || x, 'provider.example.org', 'p@$sword' FROM c`, benchmarked))
	benchmarkLoad(b, open(b, sqliteConfig(path)))
}

// benchmarkLoad: the time to the first account, to all of them, and of one Lookup.
func benchmarkLoad(b *testing.B, s *Store) {
	b.Run("load", func(b *testing.B) {
		b.ReportAllocs()
		var first time.Duration
		for b.Loop() {
			begun := time.Now()
			n, err := s.Load(context.Background(), func(batch Batch) error {
				if batch.First {
					first += time.Since(begun)
				}
				return nil
			})
			require.NoError(b, err)
			require.Equal(b, benchmarked, n)
		}
		b.ReportMetric(first.Seconds()*1000/float64(b.N), "ms-to-first")
		b.ReportMetric(b.Elapsed().Seconds()/float64(b.N)/benchmarked*1e9, "ns/account")
	})
	b.Run("lookup", func(b *testing.B) {
		b.ReportAllocs()
		i := 0
		for b.Loop() {
			i++
			_, ok, err := s.Lookup(context.Background(), strconv.Itoa(i%benchmarked+1))
			require.NoError(b, err)
			require.True(b, ok)
		}
	})
}
