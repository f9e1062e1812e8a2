package register

import (
	"errors"
	"math/rand/v2"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"b2bua/core/digest"
	"b2bua/core/sip"
)

// Whatever happens in whatever order: nothing panics, the books are right at every moment, and once the registrars behave all accounts
// are registered; after a shutdown nothing is left.
func TestAnyOrder(t *testing.T) {
	for n := range byte(12) {
		r := rand.New(seed(n))
		w := newWorld(t, seed(n+100))
		w.keep = false
		good := guarded(t, digest.ServerConfig{Life: 10 * time.Minute})
		moods := []func(*world, *sip.Message) *sip.Message{
			silence, status(401), status(403), status(404), status(503, "Retry-After: 30"), status(423, "Min-Expires: 7200"), good, good, good,
			func(_ *world, m *sip.Message) *sip.Message { return ok(m, 30) },
			func(_ *world, m *sip.Message) *sip.Message { return ok(m, 0) },
		}
		mood := good
		w.answer = func(w *world, m *sip.Message) *sip.Message { return mood(w, m) }
		w.flow = 1
		pools := []PoolID{w.pool, w.e.Pool("slow", 50*time.Millisecond)}
		var ids []ID
		for range 400 {
			switch r.IntN(12) {
			case 0, 1, 2:
				a := withPassword(account(r.IntN(1000)))
				a.Registrar.Host = []string{"one", "two"}[r.IntN(2)]
				a.Unregister = r.IntN(2) == 0
				ids = append(ids, w.e.Add(w.now, pools[r.IntN(2)], a))
			case 3:
				w.e.FlowLost(w.now, w.flow)
				w.flow++
			case 4:
				if len(ids) > 0 {
					w.e.Remove(w.now, ids[r.IntN(len(ids))])
				}
			case 5:
				if len(ids) > 0 {
					a := withPassword(account(r.IntN(1000)))
					a.Registrar.Host = []string{"one", "three"}[r.IntN(2)]
					w.e.Update(w.now, ids[r.IntN(len(ids))], a)
				}
			case 6:
				if len(ids) > 0 {
					w.e.Retry(w.now, ids[r.IntN(len(ids))])
				}
			case 7:
				w.broken = nil
				if r.IntN(3) == 0 {
					w.broken = errors.New("refused")
				}
			case 8:
				mood = moods[r.IntN(len(moods))]
			default:
				w.run(time.Duration(r.Int64N(int64(time.Minute) << r.IntN(5))))
			}
			w.drain()
			check(t, w)
		}
		mood, w.broken = good, nil
		w.run(time.Hour)
		check(t, w)
		require.Equal(t, w.e.Len(), w.e.Count(OK), "seed %d", n)
		w.e.Shutdown(w.now)
		w.run(time.Minute)
		check(t, w)
		require.Zero(t, w.e.Pending())
		require.Empty(t, w.e.refs)
		require.Empty(t, w.e.flows)
		require.Empty(t, w.e.heap)
	}
}

// check compares what is counted with what is there.
func check(t *testing.T, w *world) {
	t.Helper()
	var states [Cleared + 1]int
	unanswered, users, byes := map[*registrar]int{}, map[*registrar]int{}, map[*registrar]int{}
	leaving := 0
	for id, r := range w.e.byID {
		require.Equal(t, id, r.id)
		if r.farewell {
			byes[r.hop]++
		} else {
			states[r.status.State]++
			users[r.hop]++
		}
		if r.slot {
			unanswered[r.hop]++
			require.Equal(t, asked, r.phase)
		}
		if r.counted {
			leaving++
		}
		require.Equal(t, r.phase == asked, r.pending != nil)
		if r.phase == asked {
			require.Same(t, r, w.e.refs[r.ref])
		}
		if r.phase == idle {
			require.True(t, r.in != nil || r.place > 0, "somebody looks after it")
		}
		require.False(t, r.status.Available() && r.phase == idle && !r.bound(w.now))
	}
	require.Equal(t, states, w.e.counts)
	require.Equal(t, leaving, w.e.leaving)
	for _, h := range w.e.hops {
		require.Equal(t, users[h], h.users)
		require.Equal(t, byes[h], h.byes)
		require.Equal(t, unanswered[h], h.unanswered)
	}
	for flow, r := range w.e.flows {
		for ; r != nil; r = r.flowNext {
			require.Equal(t, flow, r.flow)
		}
	}
}
