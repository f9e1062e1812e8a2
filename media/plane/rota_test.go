package plane

import (
	"math/rand/v2"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

func TestRotaHasEveryStreamOnceInATick(t *testing.T) {
	for _, n := range []int{1, 31, 64, 100, 1000, 5000} {
		var r rota
		turns := map[*Stream]int{}
		for range n {
			r.add(&Stream{})
		}
		start := time.Unix(1000, 0)
		widest := 0
		const tours = 10
		for now := start; now.Before(start.Add(tours * tickEvery)); now = now.Add(time.Millisecond / 4) {
			part, _ := r.turn(now)
			widest = max(widest, len(part))
			for _, st := range part {
				turns[st]++
			}
		}
		require.Len(t, turns, n)
		for _, k := range turns {
			require.Equal(t, tours, k)
		}
		require.LessOrEqual(t, widest, max(2*rotaPart, n/rotaSteps+1))
	}
}

// Streams come and go in the middle of tours: none of those that stay is left out of one, or has two turns in it.
func TestRotaWhileStreamsComeAndGo(t *testing.T) {
	for seed := range uint64(50) {
		rng := rand.New(rand.NewPCG(seed, 1))
		var r rota
		var all []*Stream
		tour := map[*Stream]bool{} // whose turn it was; false: here since the tour began
		now := time.Unix(1000, 0)
		for range 2000 {
			switch k := rng.IntN(10); {
			case k < 3 || len(all) < 5:
				st := &Stream{}
				all = append(all, st)
				r.add(st)
			case k < 6:
				i := rng.IntN(len(all))
				r.remove(all[i])
				delete(tour, all[i])
				all = append(all[:i], all[i+1:]...)
			default:
				now = now.Add(tickEvery)
				part, first := r.turn(now)
				if first {
					for _, st := range all {
						require.True(t, tour[st] || !has(tour, st), "left out, seed %d", seed)
					}
					tour = map[*Stream]bool{}
					for _, st := range all {
						tour[st] = false
					}
				}
				for _, st := range part {
					require.False(t, tour[st], "two turns, seed %d", seed)
					tour[st] = true
				}
			}
			require.Len(t, r.list, len(all))
			for i, st := range r.list {
				require.Equal(t, i, st.rank)
			}
		}
	}
}

func has(m map[*Stream]bool, st *Stream) bool {
	_, ok := m[st]
	return ok
}

func TestRotaDoesNotMakeUpForWhatItMissed(t *testing.T) {
	var r rota
	r.add(&Stream{})
	now := time.Unix(1000, 0)
	part, first := r.turn(now)
	require.Len(t, part, 1)
	require.True(t, first)
	part, _ = r.turn(now)
	require.Empty(t, part)
	now = now.Add(time.Hour)
	part, _ = r.turn(now)
	require.Len(t, part, 1)
	part, _ = r.turn(now.Add(tickEvery - 1))
	require.Empty(t, part)
	require.Equal(t, now.Add(tickEvery), r.due)
}
