//go:build stores

package redislink

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"fmt"
	"math/big"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"b2bua/core/account/redisfeed"
	"b2bua/core/digest"
)

// server is a redis-server of the test's own.
type server struct {
	t    *testing.T
	host redisfeed.Host
	args []string
	cmd  *exec.Cmd
	*redis.Client
}

// newServer takes a port; launch starts it.
func newServer(t *testing.T, args ...string) *server {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	s := &server{t: t, host: redisfeed.Host{Name: "127.0.0.1", Port: uint16(l.Addr().(*net.TCPAddr).Port)}, args: args}
	require.NoError(t, l.Close())
	s.Client = redis.NewClient(&redis.Options{Addr: s.host.String(), MaxRetries: -1, DialerRetries: 1, PoolSize: 100})
	t.Cleanup(func() { s.kill(); _ = s.Close() })
	return s
}

func started(t *testing.T, args ...string) *server {
	s := newServer(t, args...)
	s.launch()
	return s
}

func (s *server) launch() {
	s.t.Helper()
	args := append([]string{
		"--port", strconv.Itoa(int(s.host.Port)), "--bind", "127.0.0.1", "--save", "", "--appendonly", "no",
		"--dir", s.t.TempDir(), "--repl-diskless-sync-delay", "0",
	}, s.args...)
	s.cmd = exec.Command("redis-server", args...) //nolint:gosec // our own arguments
	s.cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	require.NoError(s.t, s.cmd.Start(), "install it: apt-get install redis-server")
	require.Eventually(s.t, func() bool {
		c, err := net.Dial("tcp", s.host.String())
		if err == nil {
			_ = c.Close()
		}
		return err == nil
	}, 10*time.Second, 5*time.Millisecond)
}

func (s *server) kill() {
	if s.cmd != nil {
		_ = s.cmd.Process.Kill()
		_ = s.cmd.Wait()
		s.cmd = nil
	}
}

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
	require.NoError(t, r.cmd.Process.Signal(syscall.SIGSTOP))
	s.says(t, "is lost (no answer within 5s)")
	require.NoError(t, r.cmd.Process.Signal(syscall.SIGCONT))
	s.says(t, "followed again")
}

func TestRedisFailsOverToAReplica(t *testing.T) {
	master, replica, s := started(t), newServer(t), &store{}
	replica.args = []string{"--replicaof", fmt.Sprintf("127.0.0.1 %d", master.host.Port)}
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

	master.args = []string{"--replicaof", fmt.Sprintf("127.0.0.1 %d", replica.host.Port)}
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
	certificates(t, dir)
	r := newServer(t)
	port := strconv.Itoa(int(r.host.Port))
	r.args = []string{
		"--port", "0", "--tls-port", port, "--tls-cert-file", file("server.pem"), "--tls-key-file", file("server.key"),
		"--tls-ca-cert-file", file("ca.pem"), "--tls-auth-clients", "yes",
	}
	r.launch()
	mutual, err := TLS(file("ca.pem"), file("client.pem"), file("client.key"))
	require.NoError(t, err)
	s := &store{}
	run(t, Config{Redis: following(r.host), TLS: mutual}, s)
	s.follows(t, r.host)

	other := t.TempDir()
	certificates(t, other)
	stranger, err := TLS(filepath.Join(other, "ca.pem"), file("client.pem"), file("client.key"))
	require.NoError(t, err)
	s = &store{}
	run(t, Config{Redis: following(r.host), TLS: stranger}, s)
	s.says(t, "certificate signed by unknown authority")
	alone, err := TLS(file("ca.pem"), "", "")
	require.NoError(t, err)
	s = &store{}
	run(t, Config{Redis: following(r.host), TLS: alone}, s)
	s.says(t, "a server that wants our certificate needs redis-connection=tls-mutual")
}

// certificates writes an authority and what it signed for 127.0.0.1 and a client.
func certificates(t *testing.T, dir string) {
	ca := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "authority"}, NotAfter: time.Now().Add(time.Hour), IsCA: true,
		BasicConstraintsValid: true, KeyUsage: x509.KeyUsageCertSign,
	}
	caKey, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	require.NoError(t, err)
	write := func(name, kind string, der []byte) {
		require.NoError(t, os.WriteFile(filepath.Join(dir, name), pem.EncodeToMemory(&pem.Block{Type: kind, Bytes: der}), 0o600))
	}
	sign := func(name string, c *x509.Certificate, key *ecdsa.PrivateKey) {
		der, err := x509.CreateCertificate(rand.Reader, c, ca, &key.PublicKey, caKey)
		require.NoError(t, err)
		write(name+".pem", "CERTIFICATE", der)
		der, err = x509.MarshalPKCS8PrivateKey(key)
		require.NoError(t, err)
		write(name+".key", "PRIVATE KEY", der)
	}
	sign("ca", ca, caKey)
	for i, name := range []string{"server", "client"} {
		key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
		require.NoError(t, err)
		sign(name, &x509.Certificate{
			SerialNumber: big.NewInt(int64(i + 2)), Subject: pkix.Name{CommonName: name}, NotAfter: time.Now().Add(time.Hour),
			IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)}, ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth, x509.ExtKeyUsageClientAuth},
		}, key)
	}
}
