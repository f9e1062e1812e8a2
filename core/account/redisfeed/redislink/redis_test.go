//go:build stores

package redislink

import (
	"fmt"
	"net"
	"net/netip"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"b2bua/core/account/redisfeed"
	"b2bua/core/digest"
	"b2bua/simulator/daemons"
	"b2bua/simulator/testca"
)

// server is a redis-server of the test's own.
type server struct {
	t    *testing.T
	home *daemons.Home
	host redisfeed.Host
	o    daemons.Options
	*daemons.Server
	*redis.Client
}

// newServer takes a port; launch starts it.
func newServer(t *testing.T, args ...string) *server {
	home, err := daemons.NewHome()
	require.NoError(t, err)
	l, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	addr := netip.MustParseAddrPort(l.Addr().String())
	s := &server{t: t, home: home, host: redisfeed.Host{Name: "127.0.0.1", Port: addr.Port()}, o: daemons.Options{Addr: addr, Args: args}}
	require.NoError(t, l.Close())
	s.Client = redis.NewClient(&redis.Options{Addr: s.host.String(), MaxRetries: -1, DialerRetries: 1, PoolSize: 100})
	t.Cleanup(func() {
		_ = s.Close()
		require.NoError(t, home.Close())
	})
	return s
}

func started(t *testing.T, args ...string) *server {
	s := newServer(t, args...)
	s.launch()
	return s
}

// launch starts it with its arguments of the moment, and nothing in it.
func (s *server) launch() {
	s.t.Helper()
	var err error
	s.Server, err = s.home.Redis(s.t.Context(), s.o)
	require.NoError(s.t, err)
}

func (s *server) kill() { require.NoError(s.t, s.Remove()) }

func (s *server) do(args ...any) {
	s.t.Helper()
	require.NoError(s.t, s.Do(s.t.Context(), args...).Err(), "%v", args[0])
}

func (s *server) announce(user string, id any) {
	s.t.Helper()
	n, err := s.Publish(s.t.Context(), redisfeed.Channel, message(user, id)).Result()
	require.NoError(s.t, err)
	require.Positive(s.t, n, "nobody listens")
}

func message(user string, id any) string {
	return fmt.Sprintf(`{"username":%q,"domain":"example.org","identifier":"%v"}`, user, id)
}

func (s *store) follows(t *testing.T, h redisfeed.Host) {
	t.Helper()
	s.says(t, fmt.Sprintf("Redis %v: changes of accounts are followed", h))
}

func (s *store) hasRead(t *testing.T, user string, id any) {
	t.Helper()
	s.has(t, func() bool { return s.read["sip:"+user+"@example.org"] == fmt.Sprint(id) }, "%s is read as %v", user, id)
}

func TestRedisDownAtStartLostAndBack(t *testing.T) {
	r, s := newServer(t), &store{}
	followed := make(chan string, 10)
	run(t, Config{Redis: following(r.host), Followed: func(server string, yes bool) { followed <- fmt.Sprint(server, " ", yes) }}, s)
	s.has(t, func() bool { return s.loads == 1 }, "loaded without Redis")
	s.says(t, "connection refused")
	assert.Empty(t, followed)
	r.launch()
	s.follows(t, r.host)
	assert.Equal(t, r.host.String()+" true", <-followed)
	s.has(t, func() bool { return s.loads == 2 }, "loaded on the subscription")
	r.announce("one", 1)
	s.hasRead(t, "one", 1)

	r.kill()
	s.says(t, "is lost (")
	assert.Equal(t, r.host.String()+" false", <-followed)
	r.launch()
	s.says(t, "followed again, after")
	s.has(t, func() bool { return s.loads == 3 }, "loaded again: what was announced meanwhile is lost")
	r.announce("one", 2)
	s.hasRead(t, "one", 2)
	r.do("PUBLISH", redisfeed.Channel, `{"username":"Mellon"}`)
	s.says(t, `message on flexisip/B2BUA/account ignored: the member "domain" is missing`)
	assert.NotContains(t, s.text(), "Mellon")
}

func TestRedisThatHangsIsNoticed(t *testing.T) {
	r, s := started(t), &store{}
	cfg := following(r.host)
	run(t, Config{Redis: cfg}, s)
	s.follows(t, r.host)
	require.NoError(t, r.Pause())
	s.says(t, "is lost (no answer within 5s)")
	require.NoError(t, r.Resume())
	s.says(t, "followed again")
}

func TestRedisFailsOverToAReplica(t *testing.T) {
	master, replica, s := started(t), newServer(t), &store{}
	replica.o.Args = []string{"--replicaof", fmt.Sprintf("127.0.0.1 %d", master.host.Port)}
	replica.launch()
	require.Eventually(t, func() bool {
		return strings.Contains(master.Info(t.Context(), "replication").Val(), "state=online")
	}, 20*time.Second, 10*time.Millisecond)

	run(t, Config{Redis: following(replica.host)}, s) // a replica leads to its master
	s.follows(t, master.host)
	s.says(t, "1 replicas known")
	master.announce("one", 1)
	s.hasRead(t, "one", 1)

	master.kill()
	s.says(t, fmt.Sprintf("Redis %v is lost (", master.host))
	s.says(t, "it is a replica of "+master.host.String()+" and has lost it")
	replica.do("REPLICAOF", "NO", "ONE")
	s.follows(t, replica.host)
	replica.announce("one", 2)
	s.hasRead(t, "one", 2)

	master.o.Args = []string{"--replicaof", fmt.Sprintf("127.0.0.1 %d", replica.host.Port)}
	master.launch() // back, as a replica
	require.Eventually(t, func() bool {
		return strings.Contains(master.Info(t.Context(), "replication").Val(), "master_link_status:up")
	}, 20*time.Second, 10*time.Millisecond)
	master.do("REPLICAOF", "NO", "ONE")
	replica.do("REPLICAOF", "127.0.0.1", strconv.Itoa(int(master.host.Port)))
	s.says(t, fmt.Sprintf("Redis %v is lost (it is a replica of %v", replica.host, master.host))
	require.Eventually(t, func() bool { return strings.Count(s.text(), fmt.Sprintf("Redis %v: changes", master.host)) == 2 }, 20*time.Second, 5*time.Millisecond)
	master.announce("one", 3)
	s.hasRead(t, "one", 3)
}

func TestRedisCredentials(t *testing.T) {
	r := started(t, "--requirepass", "Mellon-default")
	admin := redis.NewClient(&redis.Options{Addr: r.host.String(), Password: "Mellon-default"})
	defer admin.Close() //nolint:errcheck // over
	require.NoError(t, admin.Do(t.Context(), "ACL", "SETUSER", "bridge", "on", ">Mellon-bridge", "resetchannels", "&"+redisfeed.Channel, "+subscribe", "+info").Err())
	require.NoError(t, admin.Do(t.Context(), "ACL", "SETUSER", "small", "on", ">Mellon-small", "resetchannels", "+subscribe").Err())
	for _, c := range []struct{ user, password, says string }{
		{"", "Mellon-default", "changes of accounts are followed"},
		{"bridge", "Mellon-bridge", "changes of accounts are followed"},
		{"bridge", "Mellon-wrong", "correct redis-auth-user and redis-auth-password"},
		{"nobody", "Mellon-bridge", "correct redis-auth-user and redis-auth-password"},
		{"", "", "correct redis-auth-user and redis-auth-password"},
		{"bridge", "", "correct redis-auth-user and redis-auth-password"},
		{"small", "Mellon-small", "ACL SETUSER <user> +subscribe +ping +info &flexisip/B2BUA/account"},
	} {
		t.Run(c.user+" "+c.password, func(t *testing.T) {
			s := &store{}
			cfg := following(r.host)
			run(t, Config{Redis: cfg, User: c.user, Password: digest.Secret(c.password)}, s)
			s.says(t, c.says)
			s.has(t, func() bool { return s.loads >= 1 }, "loaded all the same")
			assert.NotContains(t, s.text(), "Mellon")
		})
	}
}

func TestRedisFloodIsCoalesced(t *testing.T) {
	r, s := started(t), &store{slow: 5 * time.Millisecond}
	run(t, Config{Redis: following(r.host)}, s)
	s.follows(t, r.host)
	const rate, seconds, accounts = 10_000, 3, 50
	began := time.Now()
	for sent := 0; sent < rate*seconds; { // in bursts of 10 ms
		p := r.Pipeline()
		for ; sent < rate*seconds && float64(sent) < time.Since(began).Seconds()*rate; sent++ {
			p.Publish(t.Context(), redisfeed.Channel, message(fmt.Sprint("account", sent%accounts), sent))
		}
		p.Publish(t.Context(), redisfeed.Channel, "not JSON")
		_, err := p.Exec(t.Context())
		require.NoError(t, err)
	}
	for i := range accounts {
		s.hasRead(t, fmt.Sprint("account", i), rate*seconds-accounts+i)
	}
	t.Logf("%d messages in %v: %d reads, %d loads, %d lines", rate*seconds, time.Since(began).Round(time.Millisecond), s.reads, s.loads, len(s.lines))
	s.mu.Lock()
	assert.LessOrEqual(t, s.loads, 2)
	assert.Less(t, s.reads, rate*seconds/4)
	s.mu.Unlock()
	assert.NotContains(t, s.text(), "is lost")
	assert.Equal(t, 5, strings.Count(s.text(), "ignored: it is not JSON"))
}

func TestRedisStopsWhileTheDatabaseIsSlow(t *testing.T) {
	r, s := started(t), &store{blocked: true}
	stop := run(t, Config{Redis: following(r.host)}, s)
	s.follows(t, r.host)
	for i := range 10 {
		r.announce(fmt.Sprint("account", i), i)
	}
	s.has(t, func() bool { return s.reads == 4 }, "four at a time")
	stop()
	assert.Equal(t, 4, s.aborted)
}

func TestRedisOverTLS(t *testing.T) {
	dir := t.TempDir()
	file := func(name string) string { return filepath.Join(dir, name) }
	ca, err := testca.New()
	require.NoError(t, err)
	require.NoError(t, ca.WriteDir(dir, "127.0.0.1"))
	r := newServer(t)
	r.o.Files, err = ca.Files("127.0.0.1")
	require.NoError(t, err)
	secure := newServer(t).host // its port
	r.o.Args = []string{
		"--tls-port", strconv.Itoa(int(secure.Port)), "--tls-cert-file", "{dir}/certificate.pem", "--tls-key-file", "{dir}/key.pem",
		"--tls-ca-cert-file", "{dir}/ca.pem", "--tls-auth-clients", "yes",
	}
	r.launch()
	mutual, err := TLS(file("ca.pem"), file("certificate.pem"), file("key.pem"))
	require.NoError(t, err)
	s := &store{}
	run(t, Config{Redis: following(secure), TLS: mutual}, s)
	s.follows(t, secure)

	other := t.TempDir()
	strange, err := testca.New()
	require.NoError(t, err)
	require.NoError(t, strange.WriteDir(other, "127.0.0.1"))
	stranger, err := TLS(filepath.Join(other, "ca.pem"), file("certificate.pem"), file("key.pem"))
	require.NoError(t, err)
	s = &store{}
	run(t, Config{Redis: following(secure), TLS: stranger}, s)
	s.says(t, "certificate signed by unknown authority")
	alone, err := TLS(file("ca.pem"), "", "")
	require.NoError(t, err)
	s = &store{}
	run(t, Config{Redis: following(secure), TLS: alone}, s)
	s.says(t, "a server that wants our certificate needs redis-connection=tls-mutual")
}
