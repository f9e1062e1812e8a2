package register

import (
	"fmt"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"b2bua/core/event"
	"b2bua/core/sip"
)

// doubtful is a registrar with that many accounts, all registered, by UDP; another one has one.
func doubtful(t *testing.T, accounts int, throttle time.Duration) *world {
	w := newWorld(t, seed(60))
	w.udp = true
	if throttle > 0 {
		w.pool = w.e.Pool("slow", throttle)
	}
	elsewhere := account(99)
	elsewhere.Registrar.Host = "other.example.org"
	w.add(elsewhere)
	for i := range accounts {
		w.add(account(i))
	}
	w.run(time.Duration(accounts+1)*throttle + time.Second)
	require.Equal(t, accounts+1, w.e.Count(OK))
	w.sent = nil
	return w
}

func (w *world) doubt(refused bool) {
	w.e.Doubt(w.now, account(0).Registrar, refused)
	w.drain()
}

// One request asks whether the registrar is there, at most one in doubtEvery; its answer to what may have been lost on the way ends it.
func TestDoubtIsOneQuestion(t *testing.T) {
	w := doubtful(t, 3, 0)
	for range 5 {
		w.doubt(false)
		w.run(900 * time.Millisecond)
	}
	assert.Len(t, w.sent, 1)
	w.run(600 * time.Millisecond)
	w.doubt(false)
	w.run(time.Minute)
	assert.Len(t, w.sent, 2)
	assert.Equal(t, 4, w.e.Count(OK))
	w.e.Doubt(w.now, sip.URI{Scheme: "sip", Host: "third.example.org"}, true)
	w.run(time.Minute)
	assert.Len(t, w.sent, 2, "nobody registers there")
}

// A refusal proves that the process was away: once it answers, whoever was registered before is registered again, and nobody else.
func TestRegistrarCameBackEmpty(t *testing.T) {
	for _, throttle := range []time.Duration{0, 100 * time.Millisecond} {
		w := doubtful(t, 5, throttle)
		w.doubt(true)
		w.run(100 * time.Millisecond)
		if throttle > 0 {
			assert.LessOrEqual(t, len(w.sent), 3, "pools keep their distance")
		}
		w.run(time.Second)
		asked := map[string]int{}
		for _, s := range w.sent {
			asked[s.msg.To.URI.User]++
		}
		assert.Equal(t, map[string]int{"account0": 1, "account1": 1, "account2": 1, "account3": 1, "account4": 1}, asked)
		w.run(time.Minute)
		assert.Len(t, w.sent, 5)
		assert.Equal(t, 6, w.e.Count(OK))
		w.run(2 * time.Hour)
		assert.Equal(t, 6, w.e.Count(OK), "refreshes go on")
	}
}

// A call finds out that the registrar is away: it is down within a second, and all are registered again when it returns.
func TestCallFindsTheRegistrarAway(t *testing.T) {
	const accounts = 2500 // more than are dealt with at once
	w := doubtful(t, accounts, 0)
	w.answer, w.broken = silence, fmt.Errorf("udp 192.0.2.9:5060: send: %w", syscall.ECONNREFUSED)
	w.doubt(true)
	w.run(time.Second)
	require.Len(t, eventsOf[event.RegistrarDown](w), 1)
	require.Len(t, w.e.Silent(5), 1)
	w.doubt(true)
	w.run(20 * time.Second)
	assert.Less(t, len(w.sent), 20, "one account asks for all")
	w.sent = nil
	w.returns()
	w.run(10 * time.Second)
	asked := map[string]bool{}
	for _, s := range w.sent {
		asked[s.msg.To.URI.User] = true
	}
	assert.Len(t, asked, accounts)
	assert.Less(t, len(w.sent), accounts+10)
	assert.Equal(t, accounts+1, w.e.Count(OK))
	assert.Len(t, eventsOf[event.RegistrarUp](w), 1)
}

func TestDoubtAtTheEnd(t *testing.T) {
	w := doubtful(t, 2, 0)
	w.e.Shutdown(w.now)
	w.run(time.Second)
	n := len(w.sent)
	w.doubt(true)
	w.run(time.Minute)
	assert.Len(t, w.sent, n)
}

func TestSameHop(t *testing.T) {
	for _, v := range []struct {
		a, b string
		same bool
	}{
		{"sip:proxy.example.org", "sip:PROXY.example.org;lr", true},
		{"sip:proxy.example.org", "sip:proxy.example.org:5060", false},
		{"sip:192.0.2.1", "sip:192.0.2.1:5060;transport=UDP", true},
		{"sip:[2001:db8::1]", "sip:[2001:db8::1]:5060", true},
		{"sip:192.0.2.1;transport=tls", "sips:192.0.2.1:5061", true},
		{"sip:192.0.2.1;transport=tcp", "sip:192.0.2.1", false},
		{"sip:192.0.2.1:5070", "sip:192.0.2.1", false},
		{"sip:192.0.2.1", "sip:192.0.2.2", false},
	} {
		a, err := sip.ParseURI(v.a)
		require.NoError(t, err)
		b, err := sip.ParseURI(v.b)
		require.NoError(t, err)
		assert.Equal(t, v.same, sameHop(&a, &b), "%s %s", v.a, v.b)
	}
}
