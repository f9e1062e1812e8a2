package server

import (
	"fmt"
	"net"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"b2bua/core/account/redisfeed"
	"b2bua/core/config"
)

// registrar answers every REGISTER with 200, those that un-register only when they are let go.
type registrar struct {
	t    *testing.T
	conn net.PacketConn
	sync.Mutex
	got  []string // "+alice", "-alice"
	hold bool
	held []func()
	no   bool // it refuses all
}

func newRegistrar(t *testing.T) *registrar {
	conn, err := net.ListenPacket("udp", "127.0.0.1:0")
	require.NoError(t, err)
	r := &registrar{t: t, conn: conn}
	done := make(chan struct{})
	go func() { r.serve(); close(done) }()
	t.Cleanup(func() { _ = conn.Close(); <-done })
	return r
}

func (r *registrar) serve() {
	buf := make([]byte, 65536)
	seen := map[string]bool{}
	for {
		n, from, err := r.conn.ReadFrom(buf)
		if err != nil {
			return
		}
		text := string(buf[:n])
		if !strings.HasPrefix(text, "REGISTER ") {
			continue
		}
		header := func(name string) string {
			_, rest, _ := strings.Cut(text, "\r\n"+name+": ")
			value, _, _ := strings.Cut(rest, "\r\n")
			return value
		}
		user, _, _ := strings.Cut(strings.SplitN(header("To"), "sip:", 2)[1], "@")
		sign := "+"
		if header("Expires") == "0" || strings.Contains(header("Contact"), "expires=0") {
			sign = "-"
		}
		answer := "SIP/2.0 200 OK\r\n"
		if r.refuses() {
			answer = "SIP/2.0 403 Forbidden\r\n"
		}
		for _, name := range []string{"Via", "From", "To", "Call-ID", "CSeq", "Contact"} {
			answer += name + ": " + header(name) + "\r\n"
		}
		answer += "Content-Length: 0\r\n\r\n"
		reply := func() { _, _ = r.conn.WriteTo([]byte(answer), from) }
		r.Lock()
		if key := header("Call-ID") + header("CSeq"); !seen[key] {
			seen[key] = true
			r.got = append(r.got, sign+user)
		}
		if r.hold && sign == "-" {
			r.held = append(r.held, reply)
		} else {
			reply()
		}
		r.Unlock()
	}
}

func (r *registrar) refuses() bool {
	r.Lock()
	defer r.Unlock()
	return r.no
}

// refuse begins or ends a refusal of all.
func (r *registrar) refuse(yes bool) {
	r.Lock()
	defer r.Unlock()
	r.no = yes
}

// saw waits for what has come since the last time, in any order.
func (r *registrar) saw(want ...string) {
	r.t.Helper()
	r.reach(len(want))
	r.Lock()
	defer r.Unlock()
	assert.ElementsMatch(r.t, want, r.got)
	r.got = nil
}

func (r *registrar) reach(n int) {
	r.t.Helper()
	require.Eventually(r.t, func() bool { r.Lock(); defer r.Unlock(); return len(r.got) >= n }, 20*time.Second, time.Millisecond)
}

func (r *registrar) letGo() {
	r.Lock()
	defer r.Unlock()
	r.hold = false
	for _, reply := range r.held {
		reply()
	}
}

// registering is a server whose pool registers there.
func (d *database) registering(r *registrar) *config.Config {
	cfg, report, _ := bridgeConfig(d.t, fmt.Sprintf(`{"schemaVersion": 2, "providers": [],
 "accountPools": {"sql": {"outboundProxy": "<sip:%s>", "registrationRequired": true, "maxCallsPerLine": 3,
  "loader": {"dbBackend": "sqlite3", "connection": "db=%s", "initQuery": "SELECT * FROM accounts", "updateQuery": "SELECT * FROM accounts WHERE id = :identifier"}}}}`,
		r.conn.LocalAddr(), d.path), "[b2bua-server]\ntransport=sip:127.0.0.1:0;transport=udp\ndata-directory="+d.t.TempDir()+"\n[b2bua::timers]\nshutdown-timeout=5\n")
	require.False(d.t, report.Failed(), "%v", report.Findings)
	return cfg
}

func (s *server) registered(t *testing.T, n int) {
	t.Helper()
	s.accounts(t, "registered", n)
}

// accounts waits for so many in a state.
func (s *server) accounts(t *testing.T, state string, n int) {
	t.Helper()
	require.Eventually(t, func() bool {
		return s.ask(t, func() int { return s.lines.counts()[state] }) == n
	}, 20*time.Second, time.Millisecond)
}

// ask runs f on the loop.
func (s *server) ask(t *testing.T, f func() int) int {
	t.Helper()
	out := make(chan int, 1)
	require.NoError(t, s.stack.Do(func(time.Time) { out <- f() }))
	return <-out
}

// An operator repaired something: one account, or all that failed, are registered at once.
func TestFailedAccountsAreTriedAgain(t *testing.T) {
	r, d := newRegistrar(t), newDatabase(t)
	d.add("alice", "bob", "carol")
	r.refuse(true)
	s, _ := running(t, d.registering(r))
	s.accounts(t, "failed", 3)
	r.saw("+alice", "+bob", "+carol")
	r.refuse(false)
	retry := func(name string) int { return s.lines.retry(name) }
	var alice string
	s.ask(t, func() int {
		for a := range s.lines.pools[0].All() {
			if strings.HasPrefix(a.URI(), "sip:alice@") {
				alice = a.URI()
			}
		}
		return 0
	})
	assert.Zero(t, retry("sip:nobody@x.org"))
	assert.Equal(t, 1, retry(alice))
	s.registered(t, 1)
	r.saw("+alice")
	assert.Equal(t, 1, retry(alice), "one that is registered is refreshed")
	r.saw("+alice")
	assert.Equal(t, 2, retry("all"), "only those that failed")
	s.registered(t, 3)
	r.saw("+bob", "+carol")
}

// Spec 4.9.4: what an update sends to the registrar.
func TestOnlyWhatMattersIsRegistered(t *testing.T) {
	r, d := newRegistrar(t), newDatabase(t)
	d.add("alice", "bob", "carol")
	s, _ := running(t, d.registering(r))
	r.saw("+alice", "+bob", "+carol")
	s.registered(t, 3)
	pool := s.stores.pools[0]
	reload := func(statements ...string) {
		t.Helper()
		d.run(statements...)
		require.NoError(t, pool.Reload(t.Context()))
		s.registered(t, 3)
	}
	// Nothing comes of the first three: the last one is what the registrar sees next.
	reload()
	reload("UPDATE accounts SET alias_username = 'other' WHERE id = 'alice'")
	reload("UPDATE accounts SET secret = '' WHERE id = 'alice'")
	reload("UPDATE accounts SET secret = 'Friend' WHERE id = 'bob'")
	r.saw("+bob")
	reload("UPDATE accounts SET secret = 'Friend' WHERE id = 'alice'")
	r.saw("+alice")
	reload("UPDATE accounts SET username = 'dave' WHERE id = 'carol'")
	r.saw("+dave", "-carol")
}

func TestAnAccountThatComesBackWaitsForItsEnd(t *testing.T) {
	r, d := newRegistrar(t), newDatabase(t)
	d.add("alice")
	r.hold = true
	s, _ := running(t, d.registering(r))
	r.saw("+alice")
	s.registered(t, 1)
	pool, key := s.stores.pools[0], redisfeed.Key{URI: "sip:alice@provider.example.com", Identifier: "alice"}
	d.run("DELETE FROM accounts")
	require.NoError(t, pool.One(t.Context(), key))
	r.reach(1)
	d.add("alice")
	require.NoError(t, pool.One(t.Context(), key))
	d.add("bob")
	require.NoError(t, pool.One(t.Context(), redisfeed.Key{URI: "sip:bob@provider.example.com", Identifier: "bob"}))
	r.saw("-alice", "+bob") // and not +alice
	r.letGo()
	r.saw("+alice")
	s.registered(t, 2)
	out := make(chan int, 1)
	require.NoError(t, s.stack.Do(func(time.Time) { out <- len(s.lines.leaving) + len(s.lines.later) }))
	assert.Zero(t, <-out)
}
