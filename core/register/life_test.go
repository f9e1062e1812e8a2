package register

import (
	"errors"
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"b2bua/core/digest"
	"b2bua/core/event"
	"b2bua/core/sip"
)

// Spec 4.14: un-registered with authentication, with the Contact that is registered; pools may say no.
func TestShutdown(t *testing.T) {
	w := newWorld(t, seed(20))
	w.flow = 3
	strict := guarded(t, digest.ServerConfig{Life: 15 * time.Millisecond})
	w.answer = strict
	const n = 1200
	for i := range n {
		a := withPassword(account(i))
		a.Unregister = i%3 != 0
		w.add(a)
	}
	bad := account(n) // no credentials: never registered
	w.add(bad)
	w.run(time.Minute)
	require.Equal(t, n, w.e.Count(OK))
	w.sent, w.most = nil, 0
	w.e.Shutdown(w.now)
	w.drain()
	assert.Equal(t, n*2/3, w.e.Pending())
	w.run(2 * time.Second)
	assert.Zero(t, w.e.Pending())
	assert.Equal(t, n*2/3, w.e.Count(Cleared))
	assert.LessOrEqual(t, w.most, window)
	assert.GreaterOrEqual(t, len(w.sent), n*2/3*2, "each is challenged")
	for _, s := range w.sent {
		expires, _ := s.msg.Header("Expires")
		require.Equal(t, "0", expires)
		require.Equal(t, "192.0.2.1", s.msg.Contact[0].URI.Host, "the Contact that is registered")
		require.Equal(t, 40003, s.msg.Contact[0].URI.Port)
	}
	w.run(24 * time.Hour)
	assert.Len(t, w.sent, n*2/3*2, "nothing else comes")
	w.add(account(5000))
	w.run(time.Hour)
	assert.Len(t, w.sent, n*2/3*2)
}

// At a shutdown a request under way decides: what it binds is un-bound, and nothing waits for a registrar that is down.
func TestShutdownWhileAsked(t *testing.T) {
	w := newWorld(t, seed(21))
	w.rtt = time.Second
	id := w.add(account(1))
	w.e.Shutdown(w.now)
	assert.Equal(t, 1, w.e.Pending())
	w.run(1500 * time.Millisecond)
	assert.Equal(t, 1, w.e.Pending())
	w.run(time.Second)
	assert.Zero(t, w.e.Pending())
	assert.Equal(t, Cleared, w.e.Status(id).State)

	w = newWorld(t, seed(22))
	id = w.add(account(1))
	w.run(time.Second)
	w.answer = silence
	w.run(time.Hour)
	require.Equal(t, Failed, w.e.Status(id).State)
	for w.open > 0 { // between two probes
		w.run(time.Second)
	}
	w.e.Shutdown(w.now)
	assert.Zero(t, w.e.Pending())
}

func TestRemove(t *testing.T) {
	w := newWorld(t, seed(23))
	registered := w.add(account(1))
	w.run(time.Second)
	w.answer = status(403)
	never := w.add(account(2))
	w.run(time.Second)
	slow := w.e.Pool("slow", time.Hour)
	w.e.Add(w.now, slow, account(3))
	waiting := w.e.Add(w.now, slow, account(4))
	w.run(time.Second)
	w.answer = func(_ *world, m *sip.Message) *sip.Message { return ok(m, 3600) }
	w.sent = nil
	for _, id := range []ID{registered, never, waiting} {
		w.e.Remove(w.now, id)
		w.e.Remove(w.now, id)
	}
	w.run(time.Second)
	assert.ElementsMatch(t, []ID{registered, never, waiting}, w.gone)
	require.Len(t, w.sent, 1, "only the registered one is un-registered")
	assert.Equal(t, "account1", w.sent[0].msg.To.URI.User)
	assert.Equal(t, 1, w.e.Len())
	assert.Equal(t, Status{}, w.e.Status(registered))

	w.rtt = time.Second
	asked := w.add(account(5))
	w.e.Remove(w.now, asked)
	w.sent = nil
	w.run(5 * time.Second)
	assert.Contains(t, w.gone, asked)
	assert.Len(t, w.sent, 1)

	refused := w.add(account(6))
	w.run(5 * time.Second)
	w.answer = status(500)
	w.e.Remove(w.now, refused)
	w.run(5 * time.Second)
	assert.Contains(t, w.gone, refused, "also when the un-registration fails")
}

// Spec 4.9.4: what the registrar is told, or the credentials, registers again; nothing else does.
func TestUpdate(t *testing.T) {
	w := newWorld(t, seed(24))
	id := w.add(withPassword(account(1)))
	w.run(time.Second)
	require.Len(t, w.sent, 1)
	same := withPassword(account(1))
	same.Name, same.Unregister = "other", false
	w.e.Update(w.now, id, same)
	w.run(time.Second)
	assert.Len(t, w.sent, 1)
	changes := []func(*Account){
		func(a *Account) { a.Credentials[0].Password = "other" },
		func(a *Account) { a.Registrar.Host = "other.example.org" },
		func(a *Account) { a.Key = "own" },
		func(a *Account) { a.Expires = time.Minute },
		func(a *Account) { a.Identity.Display = "name" },
	}
	a := withPassword(account(1))
	for i, change := range changes {
		change(&a)
		a.Credentials = append([]digest.Credentials(nil), a.Credentials...)
		w.e.Update(w.now, id, a)
		w.run(time.Second)
		w.sent = slices.DeleteFunc(w.sent, func(s sent) bool { // of the former registrar
			v, _ := s.msg.Header("Expires")
			return v == "0" && s.hop.URI.Host != a.Registrar.Host
		})
		require.Len(t, w.sent, i+2)
		assert.Equal(t, a.Registrar.Host, w.sent[i+1].hop.URI.Host)
	}
	assert.Len(t, w.e.hops, 1)
	w.rtt = 5 * time.Second
	a.Registrar.Host = "third.example.org"
	w.e.Update(w.now, id, a)
	w.run(time.Second)
	a.Registrar.Host = "fourth.example.org"
	w.e.Update(w.now, id, a)
	w.run(20 * time.Second)
	assert.Equal(t, "fourth.example.org", w.sent[len(w.sent)-1].hop.URI.Host)
	assert.Equal(t, OK, w.e.Status(id).State)
	assert.Len(t, w.e.hops, 1)
	w.e.Remove(w.now, id)
	w.run(20 * time.Second)
	assert.Empty(t, w.e.hops)
	assert.Empty(t, w.e.refs)
	assert.Empty(t, w.e.heap)
}

func TestRetryNow(t *testing.T) {
	w := newWorld(t, seed(25))
	w.answer = status(403)
	id := w.add(account(1))
	w.run(time.Second)
	w.answer = func(_ *world, m *sip.Message) *sip.Message { return ok(m, 3600) }
	w.e.Retry(w.now, id)
	w.run(time.Second)
	assert.Equal(t, Status{State: OK}, w.e.Status(id))
	done := eventsOf[event.Registered](w)
	require.Len(t, done, 1)
	assert.Contains(t, done[0].Text(), "registered again at sip:registrar.example.org for 1h0m0s")
}

// An operator may have any account registered at once: one that is registered, and one that waits for its turn.
func TestRefreshNow(t *testing.T) {
	w := newWorld(t, seed(27))
	w.pool = w.e.Pool("slow", time.Hour)
	ids := []ID{w.add(account(0)), w.add(account(1))}
	w.run(time.Second)
	require.Len(t, w.sent, 1)
	for i, id := range ids {
		w.e.Refresh(w.now, id)
		w.e.Refresh(w.now, id) // it is under way
		w.run(time.Second)
		assert.Len(t, w.sent, 2+i)
		assert.Equal(t, OK, w.e.Status(id).State)
	}
	assert.Equal(t, []State{Progress, OK}, w.states(ids[0]), "the binding lives all the while")
	w.e.Refresh(w.now, 99)
	w.run(2 * time.Hour)
	assert.Equal(t, 2, w.e.Count(OK))
}

// What one registrar, or one account, does is nobody else's matter.
func TestFaultsStayWhereTheyAre(t *testing.T) {
	w := newWorld(t, seed(26))
	const n = 700
	w.answer = func(_ *world, m *sip.Message) *sip.Message {
		switch {
		case m.URI.Host == "dead.example.org":
			return nil
		case len(m.To.URI.User)%2 == 0 && m.To.URI.User < "account2": // some of the good registrar's accounts are ignored
			return nil
		}
		return ok(m, 600)
	}
	var good []ID
	for i := range n {
		bad := account(i)
		bad.Identity.URI.Host, bad.Registrar.Host = "dead.example.org", "dead.example.org"
		w.add(bad)
		id := w.add(account(i))
		if u := account(i).Identity.URI.User; len(u)%2 != 0 || u >= "account2" {
			good = append(good, id)
		}
	}
	w.run(20 * time.Second)
	for _, id := range good {
		require.Equal(t, OK, w.e.Status(id).State)
	}
	w.run(6 * time.Hour)
	for _, id := range good {
		require.Equal(t, []State{Progress, OK}, w.states(id))
	}
	dead := 0
	begin := w.now
	for _, s := range w.sent {
		if s.hop.URI.Host == "dead.example.org" && s.at.After(begin.Add(-time.Hour)) {
			dead++
		}
	}
	assert.LessOrEqual(t, dead, 3600/36, "a dead registrar is probed, not flooded, and by one account at a time")
	assert.Greater(t, dead, 3600/39)
	assert.Len(t, eventsOf[event.RegistrarDown](w), 1, "the good one, which ignores some, is not taken for dead")
}

// A registrar that comes back has all its accounts within seconds, and the log some lines.
func TestRegistrarRestarts(t *testing.T) {
	w := newWorld(t, seed(27))
	const n = 5000
	w.answer = func(_ *world, m *sip.Message) *sip.Message { return ok(m, 300) }
	for i := range n {
		w.add(account(i))
	}
	w.run(10 * time.Second)
	require.Equal(t, n, w.e.Count(OK))
	before := w.answer
	w.answer = silence
	w.run(10 * time.Minute)
	assert.Zero(t, w.e.Count(OK))
	assert.Equal(t, n, w.e.Count(Failed))
	w.answer, w.events = before, nil
	w.run(15 * time.Second)
	assert.GreaterOrEqual(t, w.e.Count(OK), n-10, "all but those that were just asked")
	w.run(2 * time.Minute)
	assert.Equal(t, n, w.e.Count(OK))
	lines := 0
	for _, ev := range w.events {
		if ev.Level() > event.Debug {
			lines++
		}
	}
	assert.LessOrEqual(t, lines, 2*linesPer+2)
}

// A registrar that was never there: every account says so, although only some were tried.
func TestRegistrarThatIsNotThere(t *testing.T) {
	w := newWorld(t, seed(28))
	w.broken = errors.New("udp 192.0.2.9:5060: connection refused")
	for i := range 2000 {
		w.add(account(i))
	}
	w.run(time.Second)
	assert.Equal(t, 2000, w.e.Count(Failed))
	assert.Less(t, len(w.sent), windowNew+10)
	done := eventsOf[event.PoolRegistered](w)
	require.Len(t, done, 1)
	assert.Contains(t, done[0].Text(), "0 of 2000")
	assert.Contains(t, done[0].Text(), "failed so far: 2000")
}

func TestStatusText(t *testing.T) {
	for s, want := range map[Status]string{
		{}:                       "Should register",
		{State: Progress}:        "Registration in progress",
		{State: OK}:              "OK",
		{State: Refreshing}:      "Unexpected state: LinphoneRegistrationRefreshing",
		{State: Cleared}:         "Unexpected state: LinphoneRegistrationCleared",
		{Failed, BadCredentials}: "Registration failed: Bad credentials",
	} {
		assert.Equal(t, want, s.Text())
		assert.Equal(t, want == "OK" || s.State == Refreshing, s.Available(), fmt.Sprint(s))
	}
	for status, want := range map[int]Reason{403: BadCredentials, 404: NotFound, 408: NotAnswered, 488: NotAcceptable, 503: IOError, 400: UnknownError, 606: UnknownError} {
		assert.Equal(t, want, reasonFor(status))
	}
}

// Secrets stay out of everything that is printed.
func TestSecretsAreNotTold(t *testing.T) {
	w := newWorld(t, seed(29))
	w.answer = guarded(t, digest.ServerConfig{})
	a := withPassword(account(1))
	a.Credentials[0].Password = "geheim"
	w.add(a)
	w.run(time.Hour)
	for _, ev := range w.events {
		assert.NotContains(t, fmt.Sprintf("%s %+v", ev.Text(), ev), "geheim")
	}
	assert.NotContains(t, fmt.Sprintf("%+v", a), "geheim")
}
