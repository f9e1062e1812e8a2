package impair

import (
	"encoding/binary"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
)

var start = time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)

// run sends n numbered packets, 20 ms apart, and returns the numbers in the order of arrival with their delays.
func run(cfg Config, n int) (order []uint32, delays []time.Duration, c Counters) {
	m := New(cfg)
	var sentAt []time.Time
	now := start
	deliver := func(until time.Time) {
		for {
			at, ok := m.Deadline()
			if !ok || at.After(until) {
				return
			}
			m.Due(at, func(p []byte) {
				i := binary.BigEndian.Uint32(p)
				order = append(order, i)
				delays = append(delays, at.Sub(sentAt[i]))
			})
		}
	}
	packet := make([]byte, 4)
	for i := range n {
		now = start.Add(time.Duration(i) * 20 * time.Millisecond)
		deliver(now)
		binary.BigEndian.PutUint32(packet, uint32(i))
		sentAt = append(sentAt, now)
		m.Push(now, packet)
	}
	deliver(now.Add(time.Hour))
	return order, delays, m.Counters()
}

func TestPerfectPathChangesNothing(t *testing.T) {
	order, delays, c := run(Config{}, 100)
	for i, got := range order {
		assert.EqualValues(t, i, got)
		assert.Zero(t, delays[i])
	}
	assert.Equal(t, Counters{In: 100, Out: 100}, c)
	assert.True(t, Config{Seed: 9}.Perfect())
}

func TestSameSeedSameFate(t *testing.T) {
	cfg := Config{Seed: 7, Loss: 0.1, Duplicate: 0.1, Reorder: 0.1, Delay: 10 * time.Millisecond, Jitter: 30 * time.Millisecond}
	first, _, _ := run(cfg, 1000)
	second, _, _ := run(cfg, 1000)
	assert.Equal(t, first, second)
	cfg.Seed = 8
	other, _, _ := run(cfg, 1000)
	assert.NotEqual(t, first, other)
	assert.False(t, cfg.Perfect())
}

func TestLossIsAboutWhatWasAsked(t *testing.T) {
	_, _, c := run(Config{Seed: 1, Loss: 0.05}, 10000)
	assert.InDelta(t, 500, float64(c.Lost), 80)
	assert.Equal(t, c.In, c.Out+c.Lost)
}

func TestLossOfOnePacketDoesNotMoveTheFateOfOthers(t *testing.T) {
	_, _, all := run(Config{Seed: 3, Duplicate: 0.2}, 1000)
	order, _, _ := run(Config{Seed: 3, Duplicate: 0.2, Loss: 0.5}, 1000)
	twice := map[uint32]int{}
	for _, n := range order {
		twice[n]++
	}
	dup := 0
	for _, n := range twice {
		if n == 2 {
			dup++
		}
	}
	assert.InDelta(t, float64(all.Duplicated)/2, float64(dup), 40)
}

func TestReorderAndDuplicate(t *testing.T) {
	order, _, c := run(Config{Seed: 5, Reorder: 0.05}, 1000)
	late := 0
	for i := 1; i < len(order); i++ {
		if order[i] < order[i-1] {
			late++
		}
	}
	assert.EqualValues(t, c.HeldBack, late, "each held packet comes behind a younger one")
	assert.Len(t, order, 1000)
	_, _, c = run(Config{Seed: 5, Duplicate: 1}, 100)
	assert.EqualValues(t, 200, c.Out)
}

func TestDelayAndJitterStayInTheirBounds(t *testing.T) {
	_, delays, _ := run(Config{Seed: 2, Delay: 50 * time.Millisecond, Jitter: 10 * time.Millisecond}, 500)
	for _, d := range delays {
		assert.GreaterOrEqual(t, d, 50*time.Millisecond)
		assert.Less(t, d, 60*time.Millisecond)
	}
}

func TestWhatIsHeldIsBoundedAndCopied(t *testing.T) {
	m := New(Config{Delay: time.Hour})
	p := []byte{1}
	for range capacity + 10 {
		m.Push(start, p)
	}
	p[0] = 2
	assert.EqualValues(t, 10, m.Counters().Lost)
	m.Due(start.Add(time.Hour), func(got []byte) { assert.Equal(t, []byte{1}, got) })
	assert.EqualValues(t, capacity, m.Counters().Out)
}
