//go:build stores

package sqlstore

import (
	"context"
	"database/sql"
	"net"
	"net/netip"
	"path/filepath"
	"testing"

	"github.com/go-sql-driver/mysql"
	"github.com/stretchr/testify/require"

	"b2bua/simulator/daemons"
	"b2bua/simulator/testca"
)

// mariadb is a server of the test's own: a child process, on loopback and a unix socket.
type mariadb struct {
	*daemons.Server
	t      testing.TB
	dir    string
	port   int
	ca     string
	client *sql.DB // with all rights, and without the product's care
}

const dbPassword = `correct 'horse`

// mariadbServer starts one; without the package mariadb-server-core the test fails.
func mariadbServer(t testing.TB) *mariadb {
	t.Helper()
	home, err := daemons.NewHome()
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, home.Close()) })
	ca, err := testca.New()
	require.NoError(t, err)
	files, err := ca.Files("127.0.0.1")
	require.NoError(t, err)
	server, err := home.MariaDB(t.Context(), daemons.Options{
		Addr: freePort(t), Files: files,
		Args: []string{"--ssl-ca={dir}/ca.pem", "--ssl-cert={dir}/certificate.pem", "--ssl-key={dir}/key.pem"},
		Init: "CREATE DATABASE IF NOT EXISTS accounts;\nCREATE OR REPLACE USER 'b2bua'@'%' IDENTIFIED BY 'correct ''horse';\n" +
			"GRANT ALL ON *.* TO 'b2bua'@'%' WITH GRANT OPTION;\n",
	})
	require.NoError(t, err)
	s := &mariadb{Server: server, t: t, dir: server.Dir(), port: int(server.Addr().Port()), ca: filepath.Join(server.Dir(), "ca.pem")}
	cfg := mysql.NewConfig()
	cfg.User, cfg.Passwd, cfg.Net, cfg.Addr, cfg.DBName, cfg.Logger = "b2bua", dbPassword, "unix", s.dir+"/s", "accounts", &mysql.NopLogger{}
	connector, err := mysql.NewConnector(cfg)
	require.NoError(t, err)
	s.client = sql.OpenDB(connector)
	t.Cleanup(func() { _ = s.client.Close() })
	require.NoError(t, s.client.Ping())
	return s
}

func freePort(t testing.TB) netip.AddrPort {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	defer func() { _ = l.Close() }()
	return netip.MustParseAddrPort(l.Addr().String())
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
