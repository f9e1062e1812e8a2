//go:build stores

package sqlstore

import (
	"context"
	"fmt"
	"os"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"b2bua/core/digest"
	"b2bua/simulator/testca"
)

func (s *mariadb) config(more string) Config {
	text := fmt.Sprintf(`db=accounts user='b2bua' password='correct \'horse' host=127.0.0.1 port=%d %s`, s.port, more)
	return Config{Backend: MySQL, Connection: digest.Secret(text), InitQuery: exampleInit, UpdateQuery: exampleOne, Threads: 4}
}

func TestMariaDB(t *testing.T) {
	server := mariadbServer(t)
	for name, test := range map[string]func(*testing.T, *mariadb){
		"TCP": onTCP, "unix socket": onSocket, "TLS": overTLS, "types": ofAnyType, "refused": refused, "killed": killed, "slow": slow,
		"writes": neverWrites, "functions that write": functions,
	} {
		t.Run(name, func(t *testing.T) { test(t, server) })
	}
	t.Run("restarted", func(t *testing.T) { restarted(t, server) })
}

func onTCP(t *testing.T, server *mariadb) {
	server.fresh()
	exercise(t, open(t, server.config("")), server.change)
}

func onSocket(t *testing.T, server *mariadb) {
	server.fresh()
	cfg := server.config("")
	cfg.Connection = digest.Secret(`dbname=accounts user=b2bua pass=correct\ \'horse unix_socket=` + server.dir + "/s")
	exercise(t, open(t, cfg), server.change)
}

func overTLS(t *testing.T, server *mariadb) {
	server.fresh()
	other := strangeCA(t)
	for options, want := range map[string]string{
		"": "", "ssl_mode=REQUIRED": "", "sslca=" + server.ca: "", "ssl_mode=VERIFY_IDENTITY sslca=" + server.ca: "",
		"ssl_mode=DISABLED": "", "sslca=" + other: "certificate signed by unknown authority", "ssl_mode=VERIFY_IDENTITY": "certificate signed by unknown authority",
	} {
		s := open(t, server.config(options))
		err := s.Check(context.Background())
		if want != "" {
			assert.ErrorContains(t, err, want, options)
			continue
		}
		require.NoError(t, err, options)
		var name, cipher string
		require.NoError(t, s.db.QueryRow("SHOW STATUS LIKE 'Ssl_cipher'").Scan(&name, &cipher))
		assert.Equal(t, options == "ssl_mode=DISABLED", cipher == "", options)
	}
}

// strangeCA is a CA that signed nothing.
func strangeCA(t *testing.T) string {
	ca, err := testca.New()
	require.NoError(t, err)
	dir := t.TempDir()
	require.NoError(t, ca.WriteDir(dir, "127.0.0.1"))
	return dir + "/ca.pem"
}

// The first query has no parameters and comes as text, the second in binary: the values are the same.
func ofAnyType(t *testing.T, server *mariadb) {
	const query = `SELECT 33123456789e0 AS username, CAST('h' AS BINARY) AS domain, CAST(12.50 AS DECIMAL(5,2)) AS user_id, DATE '2026-01-02' AS realm,
		TRUE AS secret, 'CLRTXT' AS secret_type, NULL AS alias_username, 18446744073709551615 AS alias_domain, 'unused' AS more`
	cfg := server.config("")
	cfg.InitQuery, cfg.UpdateQuery = query, query+" FROM DUAL WHERE :identifier = 'x'"
	s := open(t, cfg)
	rows := load(t, s)
	require.Len(t, rows, 1)
	spec := rows[0].Spec
	assert.Equal(t, []string{"sip:33123456789@h", "12.50", "2026-01-02", "1"}, []string{spec.URI, spec.UserID, spec.Realm, string(spec.Secret)})
	row, ok, err := s.Lookup(context.Background(), "x")
	require.NoError(t, err)
	assert.True(t, ok)
	assert.Equal(t, rows[0], row)
	require.NoError(t, s.Check(context.Background()))
}

func refused(t *testing.T, server *mariadb) {
	server.fresh()
	check := func(change func(*Config)) error {
		cfg := server.config("")
		change(&cfg)
		err := open(t, cfg).Check(context.Background())
		require.Error(t, err)
		assert.NotContains(t, err.Error(), "Mellon")
		return err
	}
	at := fmt.Sprintf("host=127.0.0.1 port=%d", server.port)
	assert.ErrorContains(t, check(func(c *Config) { c.Connection = digest.Secret("db=accounts user=b2bua password=Mellon " + at) }), "Access denied for user 'b2bua'")
	assert.ErrorContains(t, check(func(c *Config) {
		c.Connection = digest.Secret(`db=elsewhere user=b2bua password='correct \'horse' ` + at)
	}), "Unknown database 'elsewhere' (MySQL error 1049)")
	assert.ErrorContains(t, check(func(c *Config) { c.InitQuery = "SELECT nothing, 'Mellon' FROM users" }), "Unknown column 'nothing'")
	assert.ErrorContains(t, check(func(c *Config) { c.InitQuery = "SELECT 'Mellon' FROM" }), "it is no SQL that the server understands (MySQL error 1064")
	assert.ErrorContains(t, check(func(c *Config) {
		c.InitQuery = "SELECT updatexml(1, concat(0x7e, 'Mellon'), 1) FROM DUAL"
	}), "MySQL error 1105")
	assert.ErrorContains(t, check(func(c *Config) { c.UpdateQuery = "SELECT username FROM users WHERE pk = :identifier" }), "updateQuery on MySQL database accounts at "+
		fmt.Sprintf("127.0.0.1:%d: column 'domain' or 'hostport' do not exist", server.port))
	err := check(func(c *Config) { c.Connection = "db=accounts host=127.0.0.1 port=1 user=b2bua password=Mellon" })
	var failed *QueryError
	require.ErrorAs(t, err, &failed)
	assert.True(t, failed.Lost)
}

// many is a load that no buffer between server and client holds.
const many = `SELECT seq AS username, repeat('example', 20) AS domain, '' AS user_id, '' AS secret, '' AS secret_type, '' AS alias_username, '' AS alias_domain FROM seq_1_to_200000`

// kill ends the sessions of the Store.
func (s *mariadb) kill() {
	var ids []int
	rows, err := s.client.Query("SELECT id FROM information_schema.processlist WHERE user = 'b2bua' AND id <> connection_id()")
	require.NoError(s.t, err)
	for rows.Next() {
		var id int
		require.NoError(s.t, rows.Scan(&id))
		ids = append(ids, id)
	}
	require.NoError(s.t, rows.Err())
	for _, id := range ids {
		_, _ = s.client.Exec(fmt.Sprintf("KILL %d", id)) // it may be gone
	}
}

// A connection that breaks while idle or in the middle of a load is made again, and the statement begins anew, once.
func killed(t *testing.T, server *mariadb) {
	server.fresh("INSERT INTO users VALUES (1, 'account1', 'example.org', 'x')")
	cfg := server.config("")
	s := open(t, cfg)
	require.Len(t, load(t, s), 1)
	server.kill()
	require.Len(t, load(t, s), 1)
	server.kill()
	_, ok, err := s.Lookup(context.Background(), "1")
	require.NoError(t, err)
	assert.True(t, ok)

	cfg.InitQuery = many
	s = open(t, cfg)
	starts, since, kills := 0, 0, 1
	run := func() (int, error) {
		return s.Load(context.Background(), func(b Batch) error {
			if b.First {
				starts, since = starts+1, 0
				if starts <= kills {
					server.kill()
				}
			}
			since += len(b.Rows)
			return nil
		})
	}
	n, err := run()
	require.NoError(t, err)
	assert.Equal(t, []int{200000, 200000, 2}, []int{n, since, starts})

	starts, kills = 0, 2
	_, err = run()
	var failed *QueryError
	require.ErrorAs(t, err, &failed)
	assert.True(t, failed.Lost)
	assert.Equal(t, 2, starts)
}

func slow(t *testing.T, server *mariadb) {
	cfg := server.config("")
	cfg.InitQuery = "SELECT sleep(10) AS username, 1 AS domain, 1 AS user_id, 1 AS secret, 1 AS secret_type, 1 AS alias_username, 1 AS alias_domain"
	cfg.Load = 50 * time.Millisecond
	_, err := loadAll(open(t, cfg))
	assert.ErrorIs(t, err, context.DeadlineExceeded)
	assert.ErrorContains(t, err, "it took too long and was given up")
	cfg.Load = 0
	cfg.Connection += " read_timeout=1"
	_, err = loadAll(open(t, cfg))
	assert.Error(t, err)
}

// The user may do everything, and nothing of it is done: not what the check refuses, and what gets past it not either.
func neverWrites(t *testing.T, server *mariadb) {
	server.fresh("INSERT INTO users VALUES (1, 'account1', 'example.org', 'x')", "DROP SEQUENCE IF EXISTS s", "CREATE SEQUENCE s",
		"DROP TABLE IF EXISTS plain", "CREATE TABLE plain (a INT) ENGINE=MyISAM", "DROP PROCEDURE IF EXISTS p",
		"CREATE PROCEDURE p() BEGIN SET SESSION TRANSACTION READ WRITE; COMMIT; INSERT INTO plain VALUES (1); END")
	state := func() (out string) {
		for _, q := range []string{
			"SELECT group_concat(concat_ws(',', pk, username, domain, password)) FROM users", "SELECT count(*) FROM plain", "SELECT next_not_cached_value FROM s",
			"SELECT group_concat(table_name ORDER BY 1) FROM information_schema.tables WHERE table_schema = 'accounts'", "SELECT count(*) FROM mysql.user", "SHOW VARIABLES LIKE 'max_connections'",
		} {
			rows, err := server.client.Query(q)
			require.NoError(t, err, q)
			for rows.Next() {
				var a, b string
				if rows.Scan(&a) != nil {
					require.NoError(t, rows.Scan(&a, &b))
				}
				out += a + b + "\n"
			}
			require.NoError(t, rows.Close())
		}
		return out
	}
	before := state()
	outside := server.dir + "/outside"
	files := []string{"SELECT 1 INTO OUTFILE '" + outside + "'", "SELECT 1 INTO DUMPFILE '" + outside + "'", "SELECT 1 /*!50000 INTO OUTFILE '" + outside + "' */"}
	for _, w := range append(files,
		"INSERT INTO users VALUES (2, 'a', 'b', 'c')", "UPDATE users SET username = 'x' WHERE pk = 1", "DELETE FROM users", "TRUNCATE users", "DROP TABLE users",
		"CREATE TABLE t (a INT)", "ALTER TABLE users ADD x INT", "REPLACE INTO users VALUES (1, 'a', 'b', 'c')", "INSERT INTO plain VALUES (1)", "CALL p()",
		"SELECT nextval(s)", "SELECT NEXT VALUE FOR s", "SELECT setval(s, 100)", "CREATE USER other", "WITH x AS (SELECT 1) SELECT * FROM x; DELETE FROM users", "SET GLOBAL max_connections = 99",
		"LOAD DATA INFILE '/etc/hostname' INTO TABLE users", "RENAME TABLE users TO other", "INSERT INTO users VALUES (2, 'a', 'b', 'c') RETURNING *",
	) {
		for _, field := range []string{"initQuery", "updateQuery"} {
			cfg := server.config("")
			if field == "initQuery" {
				cfg.InitQuery = w
			} else {
				cfg.UpdateQuery = w
			}
			assert.ErrorContains(t, faultOf(cfg), field, w)
		}
	}
	for _, w := range []string{
		"INSERT INTO users VALUES (2, 'a', 'b', 'c')", "UPDATE users SET username = 'x' WHERE pk = 1", "DELETE FROM users", "TRUNCATE users", "DROP TABLE users",
		"CREATE TABLE t (a INT)", "ALTER TABLE users ADD x INT", "REPLACE INTO users VALUES (1, 'a', 'b', 'c')", "INSERT INTO plain VALUES (1)",
		"SELECT nextval(s)", "SELECT setval(s, 100)", "CREATE USER other", "LOAD DATA INFILE '/etc/hostname' INTO TABLE users", "RENAME TABLE users TO other",
		exampleInit + "; DELETE FROM users",
	} {
		s := open(t, server.config(""))
		s.plan.init, s.plan.update = Statement{Text: w}, Statement{Text: w}
		_, err := loadAll(s)
		assert.Error(t, err, w)
		_, _, err = s.Lookup(context.Background(), "1")
		assert.Error(t, err, w)
		assert.Equal(t, before, state(), w)
	}
	_, err := os.Stat(outside)
	assert.ErrorIs(t, err, os.ErrNotExist)
}

// A SELECT may call what writes. The transaction refuses it, also after the function has changed the session.
func functions(t *testing.T, server *mariadb) {
	server.fresh("DROP TABLE IF EXISTS plain", "CREATE TABLE plain (a INT) ENGINE=MyISAM", "DROP FUNCTION IF EXISTS f", "DROP FUNCTION IF EXISTS g",
		"CREATE FUNCTION f() RETURNS INT MODIFIES SQL DATA BEGIN INSERT INTO plain VALUES (1); RETURN 1; END",
		"CREATE FUNCTION g() RETURNS INT MODIFIES SQL DATA BEGIN SET SESSION tx_read_only = 0; RETURN 1; END")
	cfg := server.config("")
	cfg.Threads = 1
	const row = " AS username, 1 AS domain, 1 AS user_id, 1 AS secret, 1 AS secret_type, 1 AS alias_username, 1 AS alias_domain FROM DUAL"
	cfg.InitQuery, cfg.UpdateQuery = "SELECT g()"+row, "SELECT f()"+row+" WHERE :identifier = ''"
	s := open(t, cfg)
	for range 2 {
		_, _ = loadAll(s)
		_, _, err := s.Lookup(context.Background(), "")
		assert.ErrorContains(t, err, "1792")
	}
	var n int
	require.NoError(t, server.client.QueryRow("SELECT count(*) FROM plain").Scan(&n))
	assert.Zero(t, n)
}

// The server goes away and comes back: what is asked meanwhile fails, and says that it may work later.
func restarted(t *testing.T, server *mariadb) {
	server.fresh("INSERT INTO users VALUES (1, 'account1', 'example.org', 'x')")
	s := open(t, server.config(""))
	require.Len(t, load(t, s), 1)
	require.NoError(t, server.Stop())
	_, err := loadAll(s)
	var failed *QueryError
	require.ErrorAs(t, err, &failed)
	assert.True(t, failed.Lost)
	assert.ErrorContains(t, err, "connection refused")
	require.NoError(t, server.Start(t.Context()))
	require.Len(t, load(t, s), 1)
}

func BenchmarkMariaDB(b *testing.B) {
	server := mariadbServer(b)
	server.fresh(fmt.Sprintf("INSERT INTO users SELECT seq, concat('account', seq), 'provider.example.org', 'p@$sword' FROM seq_1_to_%d", benchmarked))
	benchmarkLoad(b, open(b, server.config("")))
}
