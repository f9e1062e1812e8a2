package transport

import (
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"b2bua/core/sip"
)

// targetsOf are the peers to which a user has connections.
func (u *user) targetsOf() (list []string) {
	u.t.Helper()
	u.do(func() {
		for t := range u.stack.targets {
			list = append(list, t.addr.String())
		}
	})
	return list
}

// answers sends a response with a Contact by a connection.
func (b *bare) answers(u *user, req *sip.Message, status int) {
	b.t.Helper()
	conn := b.accepted()
	_, err := conn.Write(sip.NewResponse(b.reads(conn), status, "", "bob").Bytes())
	require.NoError(b.t, err)
	h := u.next("response")
	require.Equal(b.t, req.CallID, h.msg.CallID)
}

func inDialog(m *sip.Message) *sip.Message {
	m.To = m.To.WithTag("bob")
	return m
}

// gone waits for the end of all connections.
func (u *user) gone() {
	u.t.Helper()
	require.Eventually(u.t, func() bool { return u.stack.Flows() == 0 }, patience, time.Millisecond)
}

const aWhile = outgoingIdle + time.Minute

// A connection that we opened does not stay for ever because we send keep-alives by it; the next request makes another one.
func TestOpenedConnectionEnds(t *testing.T) {
	peer := newBare(t, "127.0.68.1:0")
	u := newUser(t, listenOn("tcp", "127.0.68.2:0"), func(c *Config) { c.KeepAlive = 30 * time.Second })
	peer.usedBy(u)
	u.later(outgoingIdle - time.Minute)
	assert.Len(t, u.targetsOf(), 1)
	u.later(aWhile)
	u.gone()
	peer.usedBy(u)
}

// What is waited for keeps a connection: a phone may ring for long.
func TestOpenedConnectionWithTransaction(t *testing.T) {
	peer := newBare(t, "127.0.68.3:0")
	u := newUser(t, listenOn("tcp", "127.0.68.4:0"))
	m := newRequest(t, sip.INVITE, peer.uri)
	u.request(m, NextHop{})
	peer.answers(u, m, 180)
	u.later(aWhile)
	assert.Len(t, u.targetsOf(), 1)
}

// A registrar reaches us by the connection of the registration, for as long as that lasts.
func TestOpenedConnectionOfRegistration(t *testing.T) {
	peer := newBare(t, "127.0.68.5:0")
	u := newUser(t, listenOn("tcp", "127.0.68.6:0"))
	m := newRequest(t, sip.REGISTER, peer.uri)
	m.Add("Expires", "1800")
	u.request(m, NextHop{})
	peer.answers(u, m, 200)
	u.later(25 * time.Minute)
	assert.Len(t, u.targetsOf(), 1)
	u.later(35 * time.Minute)
	u.gone()
}

// A dialog ties the peer to the connection when there is no address where we listen.
func TestOpenedConnectionOfDialog(t *testing.T) {
	for name, settings := range map[string][]setting{"listening": {listenOn("tcp", "127.0.68.8:0")}, "not listening": nil} {
		t.Run(name, func(t *testing.T) {
			peer := newBare(t, "127.0.68.7:0")
			u := newUser(t, append(settings, func(c *Config) { c.Timers.T1 = time.Millisecond })...)
			m := newRequest(t, sip.INVITE, peer.uri)
			u.request(m, NextHop{})
			conn := peer.accepted()
			_, err := conn.Write(sip.NewResponse(peer.reads(conn), 200, "", "bob").Bytes())
			require.NoError(t, err)
			u.next("response")
			require.Eventually(t, func() (empty bool) {
				u.do(func() { empty = u.stack.engine.Len() == 0 })
				return empty
			}, patience, time.Millisecond)
			u.later(aWhile)
			if settings != nil {
				u.gone()
				return
			}
			assert.Len(t, u.targetsOf(), 1)
			bye := inDialog(newRequest(t, sip.BYE, peer.uri))
			bye.CallID, bye.From = m.CallID, m.From
			u.request(bye, NextHop{})
			_, err = conn.Write(sip.NewResponse(peer.reads(conn), 200, "", "").Bytes())
			require.NoError(t, err)
			u.next("response")
			u.later(aWhile)
			u.gone()
		})
	}
}

// Targets that peers name get a share of the connections, and never the place of our proxy's.
func TestOpenedConnectionsOfStrangers(t *testing.T) {
	proxy := newBare(t, "127.0.68.9:0")
	u := newUser(t, listenOn("tcp", "127.0.68.10:0"), limited(func(l *Limits) { l.Outgoing = 8 }))
	proxy.usedBy(u)
	for range 10 {
		peer := newBare(t, "127.0.68.11:0")
		m := inDialog(newRequest(t, sip.BYE, peer.uri))
		u.request(m, NextHop{})
		peer.answers(u, m, 200)
	}
	assert.Len(t, u.targetsOf(), 3, "a quarter of all")
	for range 2 { // now they are busy
		peer := newBare(t, "127.0.68.11:0")
		m := inDialog(newRequest(t, sip.INVITE, peer.uri))
		u.request(m, NextHop{})
		peer.answers(u, m, 100)
	}
	u.request(inDialog(newRequest(t, sip.BYE, newBare(t, "127.0.68.11:0").uri)), NextHop{})
	require.ErrorIs(t, u.next("failure").err, errCrowded)
	for range 10 {
		peer := newBare(t, "127.0.68.12:0")
		m := newRequest(t, sip.OPTIONS, peer.uri)
		u.request(m, NextHop{})
		peer.answers(u, m, 200)
		u.request(newRequest(t, sip.OPTIONS, proxy.uri), NextHop{}) // stays the one used last
	}
	list := u.targetsOf()
	assert.Len(t, list, 8)
	assert.Empty(t, proxy.conns, "the proxy's connection was never made again")
	u.do(func() {
		assert.Equal(t, [2]int{6, 2}, u.stack.opened)
		assert.Zero(t, u.stack.dialling)
	})
}

// A connection that could not be made is not counted.
func TestOpenedConnectionsCount(t *testing.T) {
	u := newUser(t)
	for _, m := range []*sip.Message{newRequest(t, sip.OPTIONS, "sip:127.0.68.13:9;transport=tcp"), inDialog(newRequest(t, sip.BYE, "sip:127.0.68.13:9;transport=tcp"))} {
		u.request(m, NextHop{})
		u.next("failure")
	}
	peer := newBare(t, "127.0.68.14:0")
	m := inDialog(newRequest(t, sip.BYE, peer.uri))
	u.request(m, NextHop{})
	peer.answers(u, m, 200)
	u.do(func() { assert.Equal(t, [2]int{0, 1}, u.stack.opened) })
	u.request(newRequest(t, sip.OPTIONS, peer.uri), NextHop{})
	u.do(func() { assert.Equal(t, [2]int{1, 0}, u.stack.opened, "it is our choice now") })
}
