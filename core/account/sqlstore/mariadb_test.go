//go:build stores

package sqlstore

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"database/sql"
	"encoding/pem"
	"fmt"
	"math/big"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"syscall"
	"testing"
	"time"

	"github.com/go-sql-driver/mysql"
	"github.com/stretchr/testify/require"
)

// mariadb is a server of the test's own: a child process, on loopback and a unix socket.
type mariadb struct {
	t      testing.TB
	dir    string
	port   int
	cmd    *exec.Cmd
	ca     string
	extra  []string
	ended  chan struct{}
	client *sql.DB // with all rights, and without the product's care
}

const dbPassword = `correct 'horse`

// mariadbServer starts one; without the package mariadb-server-core the test fails.
func mariadbServer(t testing.TB) *mariadb {
	t.Helper()
	dir, err := os.MkdirTemp("", "db") //nolint:usetesting // the path of a unix socket has 107 bytes at most
	require.NoError(t, err)
	t.Cleanup(func() { _ = os.RemoveAll(dir) })
	s := &mariadb{t: t, dir: dir, port: freePort(t)}
	s.certificates()
	prepare := s.command("mariadb-install-db", "--no-defaults", "--datadir="+dir+"/data", "--auth-root-authentication-method=normal",
		"--skip-test-db", "--innodb-log-file-size=8M", "--innodb-doublewrite=0", "--skip-log-bin", "--debug-no-sync")
	out, err := prepare.CombinedOutput()
	require.NoError(t, err, "%s", out)
	require.NoError(t, os.WriteFile(dir+"/init.sql", []byte("CREATE DATABASE IF NOT EXISTS accounts;\n"+
		"CREATE OR REPLACE USER 'b2bua'@'%' IDENTIFIED BY 'correct ''horse';\nGRANT ALL ON *.* TO 'b2bua'@'%' WITH GRANT OPTION;\n"), 0o600))
	s.start()
	t.Cleanup(s.stop)
	cfg := mysql.NewConfig()
	cfg.User, cfg.Passwd, cfg.Net, cfg.Addr, cfg.DBName, cfg.Logger = "b2bua", dbPassword, "unix", dir+"/s", "accounts", &mysql.NopLogger{}
	connector, err := mysql.NewConnector(cfg)
	require.NoError(t, err)
	s.client = sql.OpenDB(connector)
	t.Cleanup(func() { _ = s.client.Close() })
	require.NoError(t, s.client.Ping())
	return s
}

func freePort(t testing.TB) int {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	defer func() { _ = l.Close() }()
	return l.Addr().(*net.TCPAddr).Port
}

func (s *mariadb) command(name string, args ...string) *exec.Cmd {
	path, err := exec.LookPath(name)
	if err != nil {
		path = "/usr/sbin/" + name
	}
	_, err = os.Stat(path)
	require.NoError(s.t, err, "the tests of MariaDB need the Debian package mariadb-server-core")
	if os.Geteuid() == 0 {
		args = append(args, "--user=root")
	}
	return exec.Command(path, args...)
}

// start waits until the server answers.
func (s *mariadb) start() {
	args := append([]string{
		"--no-defaults", "--datadir=" + s.dir + "/data", "--socket=" + s.dir + "/s", "--pid-file=" + s.dir + "/pid", "--port=" + strconv.Itoa(s.port),
		"--bind-address=127.0.0.1", "--skip-name-resolve", "--character-set-server=utf8mb4", "--init-file=" + s.dir + "/init.sql",
		"--innodb-buffer-pool-size=16M", "--innodb-log-file-size=8M", "--innodb-flush-log-at-trx-commit=2", "--innodb-doublewrite=0",
		"--skip-log-bin", "--performance-schema=0", "--secure-file-priv=", "--ssl-ca=" + s.ca, "--ssl-cert=" + s.dir + "/cert.pem", "--ssl-key=" + s.dir + "/key.pem",
	}, s.extra...)
	s.cmd = s.command("mariadbd", args...)
	log, err := os.OpenFile(s.dir+"/log", os.O_CREATE|os.O_WRONLY|os.O_APPEND, 0o600)
	require.NoError(s.t, err)
	defer func() { _ = log.Close() }()
	s.cmd.Stdout, s.cmd.Stderr = log, log
	require.NoError(s.t, s.cmd.Start())
	s.ended = make(chan struct{})
	go func(c *exec.Cmd, ended chan<- struct{}) { _ = c.Wait(); close(ended) }(s.cmd, s.ended)
	require.Eventually(s.t, func() bool {
		c, err := net.Dial("tcp", fmt.Sprintf("127.0.0.1:%d", s.port))
		if err == nil {
			_ = c.Close()
		}
		return err == nil
	}, 30*time.Second, 10*time.Millisecond, "the server does not listen")
}

func (s *mariadb) stop() {
	if s.cmd != nil {
		_ = s.cmd.Process.Signal(syscall.SIGKILL)
		<-s.ended
		s.cmd = nil
	}
}

func (s *mariadb) change(statements ...string) {
	s.t.Helper()
	for _, text := range statements {
		_, err := s.client.ExecContext(context.Background(), text)
		require.NoError(s.t, err, text)
	}
}

// fresh makes the table of the documentation's example anew.
func (s *mariadb) fresh(more ...string) {
	s.change(append([]string{"DROP TABLE IF EXISTS users", exampleDDL}, more...)...)
}

// certificates: a CA, and a certificate of the server for 127.0.0.1.
func (s *mariadb) certificates() {
	ca := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "test CA"}, NotAfter: time.Now().Add(time.Hour), IsCA: true, BasicConstraintsValid: true,
	}
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	require.NoError(s.t, err)
	root, err := x509.CreateCertificate(rand.Reader, ca, ca, &key.PublicKey, key)
	require.NoError(s.t, err)
	leaf := &x509.Certificate{SerialNumber: big.NewInt(2), Subject: pkix.Name{CommonName: "db"}, NotAfter: time.Now().Add(time.Hour), IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)}}
	cert, err := x509.CreateCertificate(rand.Reader, leaf, ca, &key.PublicKey, key)
	require.NoError(s.t, err)
	private, err := x509.MarshalPKCS8PrivateKey(key)
	require.NoError(s.t, err)
	s.ca = filepath.Join(s.dir, "ca.pem")
	for name, b := range map[string]*pem.Block{
		s.ca: {Type: "CERTIFICATE", Bytes: root}, s.dir + "/cert.pem": {Type: "CERTIFICATE", Bytes: cert}, s.dir + "/key.pem": {Type: "PRIVATE KEY", Bytes: private},
	} {
		require.NoError(s.t, os.WriteFile(name, pem.EncodeToMemory(b), 0o600))
	}
}
