package register

import (
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"

	"b2bua/core/event"
	"b2bua/core/sip"
)

// S-POOL-11: 1 s is obeyed, and said once.
func TestShortLifetime(t *testing.T) {
	w := newWorld(t, seed(31))
	w.answer = func(_ *world, m *sip.Message) *sip.Message { return ok(m, 1) }
	id := w.add(account(1))
	w.run(100 * time.Second)
	assert.Equal(t, Status{State: OK}, w.e.Status(id))
	assert.Greater(t, len(w.sent), 100)
	assert.Less(t, len(w.sent), 200)
	assert.Equal(t, 1, briefs(w))
	w.answer = func(_ *world, m *sip.Message) *sip.Message { return ok(m, 3600) }
	w.run(time.Minute)
	w.answer = func(_ *world, m *sip.Message) *sip.Message { return ok(m, 5) }
	w.run(time.Hour)
	assert.Equal(t, 2, briefs(w), "told again when it is so again")
}

func briefs(w *world) (n int) {
	for _, ev := range w.events {
		if b, is := ev.(event.RegistrarBrief); is {
			n++
			assert.Contains(w.t, b.Text(), "ask the provider")
		}
	}
	return n
}

// However many accounts a registrar grants one second, it gets a bearable number of requests.
func TestShortLifetimeOfMany(t *testing.T) {
	const n = 3000
	w := newWorld(t, seed(32))
	w.keep = false
	w.answer = func(_ *world, m *sip.Message) *sip.Message { return ok(m, 1) }
	for i := range n {
		w.add(account(i))
	}
	w.run(3 * time.Second)
	before := w.count
	w.run(4 * time.Second)
	perSecond := (w.count - before) / 4
	assert.InDelta(t, 2850, perSecond, 300)
}

// A registrar that refuses for ever is not asked as often as it says.
func TestShortRetryAfter(t *testing.T) {
	for _, v := range []struct {
		after   string
		atMost  int
		atLeast int
		text    string
	}{
		{"1", 70, 55, "too short for a registrar that keeps refusing"},
		{"20", 65, 50, ""},
		{"4000000000", 1, 1, "24h0m0s is the longest"},
	} {
		w := newWorld(t, seed(33))
		w.answer = status(503, "Retry-After: "+v.after)
		w.add(account(1))
		w.run(time.Hour)
		assert.LessOrEqual(t, len(w.sent), v.atMost, v.after)
		assert.GreaterOrEqual(t, len(w.sent), v.atLeast, v.after)
		assert.Contains(t, fmt.Sprint(w.events), v.text)
	}
}
