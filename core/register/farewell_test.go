package register

import (
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"b2bua/core/digest"
	"b2bua/core/event"
	"b2bua/core/sip"
)

func at(host string, a Account) Account {
	a.Registrar.Host = host
	return a
}

func expiresOf(m *sip.Message) string { v, _ := m.Header("Expires"); return v }

// asked are the hosts that got a REGISTER, those of un-registrations with a minus.
func (w *world) asked() (out []string) {
	for _, s := range w.sent {
		host := s.hop.URI.Host
		if expiresOf(s.msg) == "0" {
			host = "-" + host
		}
		out = append(out, host)
	}
	w.sent = nil
	return out
}

// An account that moves to another registrar is un-registered at the former one with what that one knows, and the new one waits for nothing.
func TestMoveUnregisters(t *testing.T) {
	w := newWorld(t, seed(60))
	w.answer = guarded(t, digest.ServerConfig{})
	w.flow = 7
	id := w.add(withPassword(at("one", account(1))))
	w.run(time.Second)
	require.Equal(t, []string{"one", "one"}, w.asked())
	moved := withPassword(at("two", account(1)))
	w.answer = func(_ *world, m *sip.Message) *sip.Message {
		if expiresOf(m) == "0" {
			return nil // the former one is silent: nobody waits for it
		}
		return ok(m, 3600)
	}
	w.e.Update(w.now, id, moved)
	w.drain()
	require.Len(t, w.sent, 2)
	bye, hello := w.sent[0], w.sent[1]
	assert.Equal(t, uint64(7), bye.hop.Flow, "by its connection")
	assert.Zero(t, hello.hop.Flow)
	assert.Equal(t, 40007, bye.msg.Contact[0].URI.Port, "the Contact that it has")
	assert.Equal(t, bye.msg.CallID, hello.msg.CallID)
	assert.Greater(t, hello.msg.CSeq.Number, bye.msg.CSeq.Number+maxRounds)
	_, authorized := bye.msg.Header("Authorization")
	assert.True(t, authorized)
	_, authorized = hello.msg.Header("Authorization")
	assert.False(t, authorized, "the nonce is another registrar's")
	assert.Equal(t, []string{"-one", "two"}, w.asked())
	w.run(time.Second)
	assert.Equal(t, OK, w.e.Status(id).State)
	w.run(40 * time.Second)
	assert.Equal(t, 1, w.e.Len())
	assert.Equal(t, 1, w.e.hops["sip:one"].byes, "the farewell waits")
	assert.Empty(t, w.gone)
	assert.Len(t, w.changes, 1, "nobody hears of the farewell")
	check(t, w)
}

// A move while a request is under way, a second one before the new registrar has answered, and one to where it was.
func TestMovesInARow(t *testing.T) {
	w := newWorld(t, seed(61))
	w.rtt = time.Second
	id := w.add(at("one", account(1)))
	w.run(100 * time.Millisecond)
	w.e.Update(w.now, id, at("two", account(1)))
	w.e.Update(w.now, id, at("three", account(1)))
	w.run(5 * time.Second)
	assert.Equal(t, []string{"one", "-one", "three"}, w.asked())
	w.e.Update(w.now, id, at("four", account(1)))
	w.drain()
	w.e.Update(w.now, id, at("five", account(1)))
	w.run(5 * time.Second)
	assert.Equal(t, []string{"-three", "four", "-four", "five"}, w.asked())
	w.e.Remove(w.now, id)
	w.run(5 * time.Second)
	assert.Equal(t, []string{"-five"}, w.asked())
	assert.Zero(t, w.e.Len())
	assert.Empty(t, w.e.hops)
	check(t, w)
}

// No farewell where there is nothing to say, or nobody to say it to.
func TestNoFarewell(t *testing.T) {
	w := newWorld(t, seed(62))
	w.answer = welcome
	id := w.add(at("one", account(1)))
	w.run(time.Second)
	again := at("one", account(1))
	again.Registrar.Params = again.Registrar.Params.With("transport", "tcp")
	w.e.Update(w.now, id, again)
	w.run(time.Second)
	assert.Equal(t, []string{"one", "one"}, w.asked(), "another way to the same registrar")
	w.broken = errRefused
	w.e.FlowLost(w.now, w.flow)
	other := w.add(at("one", account(2)))
	w.run(time.Second)
	w.sent = nil
	w.e.Update(w.now, other, at("two", account(2)))
	w.broken = nil
	w.run(time.Second)
	assert.NotContains(t, w.asked(), "-one", "it was never there")
}

// A shutdown that does not reach a registrar names the accounts that stay there.
func TestLeft(t *testing.T) {
	w := newWorld(t, seed(63))
	for i := range 5 {
		w.add(at("silent", account(i)))
	}
	w.add(at("refuses", account(5)))
	w.add(at("good", account(6)))
	stays := at("kept", account(7))
	stays.Unregister = false
	w.add(stays)
	w.run(time.Second)
	refuse := status(500)
	w.e.Shutdown(w.now)
	assert.Len(t, w.e.Left(), 3, "nothing has come back yet")
	for {
		o, more := w.e.Poll()
		if !more {
			break
		}
		s, sends := o.(SendRequest)
		switch {
		case !sends:
		case s.Hop.URI.Host == "good":
			w.e.Response(w.now, s.Ref, ok(s.Msg, 0), Way{})
		case s.Hop.URI.Host == "refuses":
			w.e.Response(w.now, s.Ref, refuse(w, s.Msg), Way{})
		}
	}
	left := w.e.Left()
	require.Len(t, left, 2)
	assert.Equal(t, "sip:silent", left[0].Registrar)
	assert.Equal(t, 5, left[0].Accounts)
	assert.Len(t, left[0].Names, fewNames)
	assert.Equal(t, "no answer so far", left[0].Why)
	assert.Equal(t, Left{"sip:refuses", 1, []string{"sip:account5@example.org"}, "the registrar answered 500 Server Internal Error"}, left[1])
}

// Accounts that leave a silent registrar are un-registered there when it is back; until then they are accounts of the new one alone.
func TestFarewellWaitsForASilentRegistrar(t *testing.T) {
	for _, known := range []bool{false, true} {
		w := newWorld(t, seed(64))
		var ids []ID
		for i := range 100 {
			ids = append(ids, w.add(at("one", account(i))))
		}
		w.run(time.Second)
		back := false
		w.answer = func(_ *world, m *sip.Message) *sip.Message {
			switch {
			case expiresOf(m) == "0" && !back:
				return nil
			case expiresOf(m) == "0":
				return ok(m, 3600)
			}
			return sip.NewResponse(m, 403, "", "t")
		}
		if known {
			w.e.fall(w.now, w.e.hops["sip:one"])
		}
		w.events = nil
		for i, id := range ids {
			w.e.Update(w.now, id, at("two", account(i)))
		}
		w.run(time.Second)
		require.Zero(t, w.e.Count(None)+w.e.Count(Progress))
		require.Equal(t, 100, w.e.Len())
		require.Equal(t, 100, w.e.pools[0].all)
		require.Zero(t, w.e.hops["sip:one"].users)
		assert.Zero(t, w.e.Standing(ids[0]).Until)
		w.run(2 * time.Minute)
		require.True(t, w.e.hops["sip:one"].down)
		w.sent = nil
		w.run(time.Minute)
		assert.Less(t, len(w.asked()), 100, "one asks")
		back = true
		w.run(time.Minute)
		assert.NotContains(t, w.e.hops, "sip:one", "all farewells were said")
		assert.Empty(t, eventsOf[event.FormerBindings](w))
		w.sent = nil
		w.e.Remove(w.now, ids[0])
		w.run(time.Second)
		assert.NotContains(t, w.asked(), "-two", "it never was there")
		check(t, w)
	}
}

// A binding that ends meanwhile, or that the registrar does not let go, is told once.
func TestFarewellInVain(t *testing.T) {
	for why, answer := range map[string]func(*world, *sip.Message) *sip.Message{"403": status(403), "waited": silence} {
		w := newWorld(t, seed(65))
		for i := range 5 {
			w.add(at("one", account(i)))
		}
		w.run(time.Second)
		w.answer = func(w *world, m *sip.Message) *sip.Message {
			if expiresOf(m) == "0" {
				return answer(w, m)
			}
			return ok(m, 3600)
		}
		for i := range 5 {
			w.e.Update(w.now, ID(i+1), at("two", account(i)))
		}
		w.run(3 * time.Hour)
		told := eventsOf[event.FormerBindings](w)
		require.Len(t, told, 1)
		assert.Equal(t, 5, told[0].Accounts)
		assert.Contains(t, told[0].Why, why)
		assert.NotContains(t, w.e.hops, "sip:one")
		check(t, w)
	}
}

// Who returns to the silent registrar is not un-registered there afterwards.
func TestFarewellIsTakenBack(t *testing.T) {
	w := newWorld(t, seed(66))
	id := w.add(at("one", account(1)))
	w.run(time.Second)
	w.e.fall(w.now, w.e.hops["sip:one"])
	w.answer = status(403)
	w.e.Update(w.now, id, at("two", account(1)))
	w.run(100 * time.Millisecond)
	require.Equal(t, Failed, w.e.Status(id).State)
	w.answer, w.sent = welcome, nil
	w.e.Update(w.now, id, at("one", account(1)))
	w.run(2 * time.Minute)
	assert.NotContains(t, w.asked(), "-one")
	assert.Equal(t, OK, w.e.Status(id).State)
	check(t, w)
}

// The accounts of more registrars than are listed are no one registrar's.
func TestLeftAtVeryManyRegistrars(t *testing.T) {
	var list []Left
	for i := range fewRegistrars + 50 {
		r := &registration{kept: kept{name: "a"}, hop: &registrar{name: fmt.Sprint("sip:", i)}}
		list = leave(list, r, "no answer")
	}
	require.Len(t, list, fewRegistrars+1)
	for _, l := range list[:fewRegistrars] {
		require.Equal(t, 1, l.Accounts)
	}
	assert.Equal(t, Left{Accounts: 50}, list[fewRegistrars])
	e := New(Config{})
	e.left = list
	assert.Equal(t, Left{Accounts: 50}, e.Left()[fewRegistrars])
}
