package zrtp

import (
	"os"
	"strconv"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"b2bua/media/zrtp/alg"
)

// seedsVariable says how many networks are tried.
const seedsVariable = "B2BUA_ZRTP_SEEDS"

func seeds(t *testing.T) uint64 {
	n, err := strconv.ParseUint(os.Getenv(seedsVariable), 10, 32)
	if os.Getenv(seedsVariable) == "" {
		return 1000
	}
	require.NoError(t, err, seedsVariable)
	return n
}

// randomWeather is up to what section 28 of the plan asks for.
func (w *world) randomWeather() (mild bool) {
	r := w.rng
	w.sky = weather{
		delay: time.Duration(1+r.IntN(150)) * time.Millisecond, jitter: time.Duration(r.IntN(100)+1) * time.Millisecond,
		loss: 0.5 * r.Float64(), duplicate: 0.2 * r.Float64(), late: 0.3 * r.Float64(),
		lateness: time.Duration(r.IntN(2000)+1) * time.Millisecond,
	}
	for range r.IntN(3) {
		from := time.Duration(r.IntN(25000)) * time.Millisecond
		w.sky.outages = append(w.sky.outages, outage{from: from, to: from + 5*time.Second, towards: r.IntN(2)})
	}
	w.work = time.Duration(r.IntN(60)+1) * time.Millisecond
	return w.sky.loss < 0.3 && len(w.sky.outages) == 0
}

var agreements = []alg.Code{alg.X255, alg.X255, alg.EC25, alg.X1M1, alg.K255, alg.MLK1, alg.X255, alg.X448}

func randomConfig(w *world, number int) Config {
	c := config(number)
	c.Required = w.rng.IntN(2) == 0
	c.Lists[alg.KindAgreement] = []alg.Code{agreements[w.rng.IntN(len(agreements))], alg.X255, alg.Mult}
	if w.rng.IntN(2) == 0 {
		c.Lists[alg.KindHash] = []alg.Code{alg.S512, alg.S256}
		c.Lists[alg.KindCipher] = []alg.Code{alg.AES3, alg.AES1}
		c.Lists[alg.KindAuthTag] = []alg.Code{alg.GCM, alg.HS80}
	}
	if w.rng.IntN(4) == 0 {
		c.MTU = 600
	}
	return c
}

// Whatever the network does, both ends of a stream are secure with the same keys and SAS, or neither is. Where less than a
// third is lost, all are.
func TestNetworks(t *testing.T) {
	secured, n := 0, seeds(t)
	for seed := range n {
		w := newWorld(t, seed)
		mild := w.randomWeather()
		streams := 1 + w.rng.IntN(3)
		first, second := randomConfig(w, 0), randomConfig(w, 1)
		first.Passive = w.rng.IntN(8) == 0
		a, b := w.join(0, first, streams, nil), w.join(1, second, streams, nil)
		offset := time.Duration(w.rng.IntN(40000)-20000) * time.Millisecond
		if w.rng.IntN(2) == 0 {
			offset = time.Duration(w.rng.IntN(200)-100) * time.Millisecond
		}
		w.start(0, max(0, offset))
		w.start(1, max(0, -offset))
		w.run(110 * time.Second)
		if w.settle() {
			secured++
		} else if mild {
			require.Fail(t, "not secure", "seed %d: %v %v", seed, a.lines[0], b.lines[0])
		}
		require.Less(t, a.sends+b.sends, 1500*streams, "seed %d", seed)
		if t.Failed() {
			t.Fatalf("seed %d", seed)
		}
	}
	t.Logf("%d of %d networks: all streams secure", secured, n)
	assert.Greater(t, secured, int(n)*8/10)
}

// The same seed gives the same packets.
func TestDeterminism(t *testing.T) {
	talk := func() (all []string) {
		w := newWorld(t, 5)
		w.randomWeather()
		w.meddle = func(_ *end, _ int, data []byte) [][]byte {
			all = append(all, string(data))
			return [][]byte{data}
		}
		w.join(0, config(0), 2, nil)
		w.join(1, config(1), 2, nil)
		w.start(0, 0)
		w.start(1, 0)
		w.run(time.Minute)
		return all
	}
	assert.Equal(t, talk(), talk())
}
