package register

import (
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"b2bua/core/event"
	"b2bua/core/sip"
)

func welcome(_ *world, m *sip.Message) *sip.Message { return ok(m, 3600) }

var errRefused = errors.New("tcp 192.0.2.9:5060: connection refused")

// lines are those of the log at the normal level.
func (w *world) lines() []string {
	var out []string
	for _, ev := range w.events {
		if ev.Level() > event.Debug {
			out = append(out, ev.Text())
		}
	}
	return out
}

// away makes the registrar refuse connections, or say nothing to datagrams.
func (w *world) away(refuses bool) {
	if w.answer = silence; refuses {
		w.broken = errRefused
	}
}

func (w *world) returns() { w.answer, w.broken = welcome, nil }

// A registrar that comes back has all of its accounts within seconds, however few they are and however long it was away; meanwhile one
// request at a time asks for it.
func TestSilentRegistrarReturns(t *testing.T) {
	for _, accounts := range []int{1, 3, 10_000} {
		for _, refuses := range []bool{true, false} {
			for _, out := range []time.Duration{2 * time.Second, 70 * time.Second, time.Hour} {
				t.Run(fmt.Sprintf("%d accounts, refused %v, %v", accounts, refuses, out), func(t *testing.T) {
					w := newWorld(t, seed(40))
					w.flow, w.udp = 1, !refuses
					for i := range accounts {
						w.add(account(i))
					}
					w.run(10 * time.Second)
					require.Equal(t, accounts, w.e.Count(OK))
					w.away(refuses)
					w.e.FlowLost(w.now, w.flow)
					w.flow++
					w.run(out)
					w.run(66 * time.Second) // what was under way at first has failed
					w.events, w.sent, w.most = nil, nil, w.open
					w.run(2 * time.Minute)
					assert.LessOrEqual(t, w.most, 1)
					assert.Less(t, len(w.sent), 120/4+1)
					require.Equal(t, accounts, w.e.Count(Failed))
					w.events = nil
					w.returns()
					w.run(6 * time.Second)
					assert.Equal(t, accounts, w.e.Count(OK))
					lines := w.lines()
					require.NotEmpty(t, lines)
					assert.Regexp(t, `answers again, (\d+h)?(\d+m)?[\d.]+s after it was found silent`, lines[0])
					assert.Contains(t, lines[0], fmt.Sprintf("accounts that waited for it: %d", accounts))
					assert.LessOrEqual(t, len(lines), 1+named)
				})
			}
		}
	}
}

// One that is away for a moment only, and all that it left without an answer.
func TestRegistrarAwayForAMoment(t *testing.T) {
	for _, out := range []time.Duration{500 * time.Millisecond, 3 * time.Second, 20 * time.Second, 34 * time.Second, 50 * time.Second} {
		w := newWorld(t, seed(41))
		w.flow, w.udp = 1, true
		for i := range 3 {
			w.add(account(i))
		}
		w.run(10 * time.Second)
		w.away(false)
		w.e.FlowLost(w.now, w.flow)
		w.run(out)
		w.returns()
		w.run(6 * time.Second)
		assert.Equal(t, 3, w.e.Count(OK), "%v", out)
	}
}

// The first failure of one account may be the registrar's: when it returns while another account asks, both are registered.
func TestSuspicionEndsWithTheReturn(t *testing.T) {
	w := newWorld(t, seed(42))
	w.udp = true
	for i := range 2 {
		a := account(i)
		a.Expires = time.Duration(100+1000*i) * time.Second // the first is refreshed long before the second
		w.add(a)
	}
	w.answer = func(_ *world, m *sip.Message) *sip.Message {
		v, _ := m.Header("Expires")
		n := 0
		_, _ = fmt.Sscan(v, &n)
		return ok(m, n)
	}
	before := w.answer
	w.run(10 * time.Second)
	w.answer = silence
	for len(w.sent) < 3 { // the first one's refresh
		w.run(time.Second)
	}
	w.run(33 * time.Second)
	require.Equal(t, 1, w.e.Count(Failed))
	assert.Empty(t, eventsOf[event.RegistrarDown](w), "the other one is asked")
	w.answer = before
	w.run(6 * time.Second)
	assert.Equal(t, 2, w.e.Count(OK))
	assert.Empty(t, eventsOf[event.RegistrarDown](w))
}

// Who was refused rests as long as before, whatever becomes of the registrar.
func TestRefusedOnesKeepTheirRest(t *testing.T) {
	w := newWorld(t, seed(43))
	w.flow = 1
	refused := func(m *sip.Message) bool { return m.To.URI.User == "account0" }
	w.answer = func(_ *world, m *sip.Message) *sip.Message {
		if refused(m) {
			return sip.NewResponse(m, 403, "", "t")
		}
		return ok(m, 3600)
	}
	back := w.answer
	first := w.add(account(0))
	for i := range 3 {
		w.add(account(i + 1))
	}
	w.run(235 * time.Second) // refused three times: it rests for 240 s or longer
	rest := w.e.Standing(first)
	require.Equal(t, BadCredentials, rest.Reason)
	w.broken = errRefused
	w.e.FlowLost(w.now, 1)
	w.run(10 * time.Second)
	require.Equal(t, 4, w.e.Count(Failed))
	w.broken, w.answer, w.sent = nil, back, nil
	w.run(6 * time.Second)
	assert.Equal(t, 3, w.e.Count(OK))
	for _, s := range w.sent {
		assert.False(t, refused(s.msg))
	}
	assert.Equal(t, rest, w.e.Standing(first))
	assert.True(t, rest.Next.After(w.now))
}

// Connections that break while a crowd registers are the registrar's end, although some were just answered.
func TestDiesWhileACrowdRegisters(t *testing.T) {
	w := newWorld(t, seed(44))
	w.flow = 1
	for i := range 1000 {
		w.add(account(i))
	}
	w.run(15 * time.Millisecond) // one window was answered, the next one waits
	require.NotZero(t, w.e.Count(OK))
	w.broken = errRefused
	w.e.FlowLost(w.now, 1)
	for ref := range w.e.refs {
		w.e.Failed(w.now, ref, errors.New("tcp 192.0.2.9:5060: connection reset"))
	}
	w.run(20 * time.Second)
	require.Equal(t, 1000, w.e.Count(Failed))
	w.returns()
	w.run(6 * time.Second)
	assert.Equal(t, 1000, w.e.Count(OK))
}

// The distance of first registrations holds for those that had to wait for the registrar, too (spec 4.10); it is no matter of refreshes.
func TestReturnKeepsThePace(t *testing.T) {
	w := newWorld(t, seed(45))
	slow := w.e.Pool("slow", 50*time.Millisecond)
	w.broken = errRefused
	for i := range 100 {
		w.e.Add(w.now, slow, account(i))
	}
	w.run(20 * time.Second)
	require.Equal(t, 100, w.e.Count(Failed))
	w.returns()
	w.sent, w.flow = nil, 1
	w.run(6*time.Second + 100*50*time.Millisecond)
	require.Equal(t, 100, w.e.Count(OK))
	require.Len(t, w.sent, 100)
	for i := 2; i < len(w.sent); i++ { // the first one is the probe
		assert.GreaterOrEqual(t, w.sent[i].at.Sub(w.sent[i-1].at), 50*time.Millisecond)
	}
	w.broken, w.sent = errRefused, nil
	w.e.FlowLost(w.now, 1)
	w.run(20 * time.Second)
	w.returns()
	w.run(6 * time.Second)
	assert.Equal(t, 100, w.e.Count(OK), "re-registrations are not spaced")
}

// What operators see while a registrar is silent, and what they can do.
func TestStandingWhileSilent(t *testing.T) {
	w := newWorld(t, seed(46))
	w.broken = errRefused
	ids := []ID{w.add(account(0)), w.add(account(1)), w.add(account(2))}
	assert.Equal(t, ForAnswer, w.e.Standing(ids[0]).Waits)
	w.run(30 * time.Second)
	list := w.e.Silent(10)
	require.Len(t, list, 1)
	assert.Equal(t, SilentRegistrar{
		Name: "sip:registrar.example.org", Accounts: 3, Waiting: 3, Since: list[0].Since, Why: errRefused.Error(), Next: list[0].Next,
	}, list[0])
	assert.WithinRange(t, list[0].Next, w.now, w.now.Add(5*time.Second))
	for _, id := range ids {
		s := w.e.Standing(id)
		assert.Equal(t, ForRegistrar, s.Waits)
		assert.Equal(t, list[0].Next, s.Next)
		assert.Equal(t, errRefused.Error(), s.Why)
	}
	assert.Empty(t, w.e.Silent(0))
	w.returns()
	for _, id := range ids {
		w.e.Retry(w.now, id)
	}
	w.drain()
	assert.Equal(t, 1, w.open, "one of them asks at once")
	w.run(30 * time.Millisecond)
	assert.Equal(t, 3, w.e.Count(OK))
	assert.Empty(t, w.e.Silent(10))
	assert.Equal(t, ForTime, w.e.Standing(ids[0]).Waits)
}

// The account that asks is removed, or moves to another registrar: another one asks.
func TestProbeIsTakenAway(t *testing.T) {
	w := newWorld(t, seed(47))
	w.answer, w.udp = silence, true
	ids := []ID{w.add(account(0)), w.add(account(1)), w.add(account(2))}
	w.run(40 * time.Second)
	for i, id := range ids[:2] {
		for w.e.Standing(id).Waits != ForAnswer {
			w.run(time.Second)
		}
		if i == 0 {
			w.e.Remove(w.now, id)
		} else {
			a := account(1)
			a.Registrar.Host = "other.example.org"
			w.e.Update(w.now, id, a)
		}
	}
	w.run(3 * time.Minute)
	w.returns()
	w.run(6 * time.Second)
	assert.Equal(t, 2, w.e.Count(OK))
	assert.Equal(t, 2, w.e.Len())
}
