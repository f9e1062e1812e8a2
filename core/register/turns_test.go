package register

import (
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"b2bua/core/sip"
)

// crowd is an engine with accounts that are registered by one connection.
func crowd(t testing.TB, accounts int) *Engine {
	e := New(Config{Rand: seed(70)})
	p := e.Pool("pool", 0)
	hop := sip.URI{Scheme: "sip", Host: "registrar.example.org"}
	for i := range accounts {
		u := sip.URI{Scheme: "sip", User: fmt.Sprint("account", i), Host: "example.org"}
		e.Add(begun, p, Account{Name: u.String(), Identity: sip.Address{URI: u}, Registrar: hop, Unregister: true})
		for answerAll(e, begun) {
			continue
		}
	}
	require.Equal(t, accounts, e.Count(OK))
	return e
}

var begun = time.Unix(1_700_000_000, 0)

// answerAll registers who asks.
func answerAll(e *Engine, now time.Time) (asks bool) {
	for o, more := e.Poll(); more; o, more = e.Poll() {
		if s, ok := o.(SendRequest); ok {
			asks = true
			resp := sip.NewResponse(s.Msg, 200, "", "t")
			resp.Contact = s.Msg.Contact
			e.Response(now, s.Ref, resp, Way{Flow: 1, Contact: s.Msg.Contact[0].URI})
		}
	}
	return asks
}

// turns calls f and then Advance until nothing more is due, and tells how long the longest of these took and how many they were.
func turns(e *Engine, now time.Time, f func()) (longest time.Duration, n int) {
	for step := f; ; step = func() { e.Advance(now) } {
		at := time.Now()
		step()
		for o, more := e.Poll(); more; o, more = e.Poll() {
			_ = o
		}
		longest = max(longest, time.Since(at))
		n++
		if due, ok := e.Deadline(); !ok || due.After(now) {
			return longest, n
		}
	}
}

// A lost connection, a registrar that falls silent and its return are dealt with some accounts at a time, whatever their number.
func TestWorkIsDoneInSteps(t *testing.T) {
	const accounts = 20*atOnce + 3
	e := crowd(t, accounts)
	now := begun.Add(time.Second)
	_, n := turns(e, now, func() { e.FlowLost(now, 1) })
	assert.Equal(t, 21, n)
	assert.Equal(t, accounts, e.Count(Refreshing), "%v", e.counts)
	for ref := range e.refs { // all that are under way fail; they are repeated once, in vain
		e.Failed(now, ref, errRefused)
	}
	_, n = turns(e, now, func() {
		for e.Count(Failed) == 0 {
			for ref := range e.refs {
				e.Failed(now, ref, errRefused)
			}
		}
	})
	assert.GreaterOrEqual(t, n, 19)
	for e.Count(Refreshing) > 0 { // what was under way
		for ref := range e.refs {
			e.Failed(now, ref, errRefused)
		}
	}
	assert.Equal(t, accounts, e.Count(Failed))
	var one Ref
	for one = range e.refs {
		break
	}
	if one == 0 { // no probe yet
		now, _ = e.Deadline()
		e.Advance(now)
		for one = range e.refs {
			break
		}
	}
	m := e.refs[one].pending
	_, n = turns(e, now, func() { e.Response(now, one, sip.NewResponse(m, 500, "", "t"), Way{}) })
	assert.GreaterOrEqual(t, n, 20)
	h := e.byID[1].hop
	assert.Zero(t, h.held())
	assert.Equal(t, window, h.unanswered)
}

// BenchmarkTurns is the longest turn that a million accounts need at once.
func BenchmarkTurns(b *testing.B) {
	const accounts = 1_000_000
	e := crowd(b, accounts)
	now := begun.Add(time.Second)
	lost, _ := turns(e, now, func() { e.FlowLost(now, 1) })
	b.ReportMetric(float64(lost.Microseconds()), "µs/lost-connection")
	var fell time.Duration
	for e.Count(Failed) == 0 { // each failure is a turn
		for ref := range e.refs {
			one, _ := turns(e, now, func() { e.Failed(now, ref, errRefused) })
			fell = max(fell, one)
		}
	}
	b.ReportMetric(float64(fell.Microseconds()), "µs/registrar-down")
	now, _ = e.Deadline()
	e.Advance(now)
	var ref Ref
	for o, more := e.Poll(); more; o, more = e.Poll() {
		if s, ok := o.(SendRequest); ok {
			ref = s.Ref
		}
	}
	m := e.refs[ref].pending
	back, _ := turns(e, now, func() { e.Response(now, ref, sip.NewResponse(m, 500, "", "t"), Way{}) })
	b.ReportMetric(float64(back.Microseconds()), "µs/registrar-back")
	at := time.Now()
	e.Shutdown(now)
	b.ReportMetric(float64(time.Since(at).Microseconds()), "µs/shutdown")
}
