package sqlstore

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/go-sql-driver/mysql"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"b2bua/core/account"
	"b2bua/core/digest"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// The queries of the documentation's bidirectional example.
const (
	exampleInit = `SELECT username, domain AS hostport, "" AS user_id, "clrtxt" AS secret_type, password AS secret, username AS alias_username, "flexisip.example.org" AS alias_hostport, "" AS outbound_proxy FROM users`
	exampleOne  = exampleInit + ` WHERE pk = :identifier`
	exampleDDL  = `CREATE TABLE users (pk INTEGER PRIMARY KEY, username VARCHAR(64), domain VARCHAR(64), password VARCHAR(64))`
)

// file makes an SQLite file of statements.
func file(t testing.TB, statements ...string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "accounts of today.db")
	change(t, path, statements...)
	return path
}

func change(t testing.TB, path string, statements ...string) {
	t.Helper()
	db, err := sql.Open("sqlite", path)
	require.NoError(t, err)
	defer func() { require.NoError(t, db.Close()) }()
	for _, s := range statements {
		_, err := db.Exec(s)
		require.NoError(t, err, s)
	}
}

func open(t testing.TB, cfg Config) *Store {
	t.Helper()
	plan, err := Compile(cfg)
	require.NoError(t, err)
	s, err := Open(plan)
	require.NoError(t, err)
	t.Cleanup(func() { _ = s.Close() })
	return s
}

func sqliteConfig(path string) Config {
	return Config{Backend: SQLite, Connection: digest.Secret(fmt.Sprintf("db='%s'", path)), InitQuery: exampleInit, UpdateQuery: exampleOne, Threads: 4}
}

// load is all rows of a load.
func load(t testing.TB, s *Store) []Row {
	t.Helper()
	rows, err := loadAll(s)
	require.NoError(t, err)
	return rows
}

func loadAll(s *Store) (rows []Row, err error) {
	n, err := s.Load(context.Background(), func(b Batch) error {
		if b.First {
			rows = nil
		}
		rows = append(rows, b.Rows...)
		if b.Total != len(rows) {
			return fmt.Errorf("%d rows, and the batch says %d", len(rows), b.Total)
		}
		return nil
	})
	if err == nil && n != len(rows) {
		err = fmt.Errorf("%d rows, and the load says %d", len(rows), n)
	}
	return rows, err
}

// exercise is what any database has to do: the test of each backend calls it. change runs statements as somebody else.
func exercise(t *testing.T, s *Store, change func(...string)) {
	t.Helper()
	ctx := context.Background()
	require.NoError(t, s.Check(ctx))
	rows := load(t, s)
	require.Empty(t, rows)

	change(`INSERT INTO users VALUES (1, 'account1', 'jabiru.example.org', 'p@$sword'), (2, '+33123', 'jabiru.example.org', NULL)`)
	rows = load(t, s)
	require.Len(t, rows, 2)
	assert.Equal(t, account.Spec{URI: "sip:account1@jabiru.example.org", Secret: "p@$sword", SecretType: account.Clear, Alias: "sip:account1@flexisip.example.org"}, rows[0].Spec)
	assert.Equal(t, "sip:+33123@jabiru.example.org", rows[1].Spec.URI)
	require.NoError(t, s.Check(ctx))

	row, ok, err := s.Lookup(ctx, "1")
	require.NoError(t, err)
	assert.True(t, ok)
	assert.Equal(t, rows[0], row)
	for _, hostile := range []string{"3", "", "1; DELETE FROM users", "0 OR 1 = 1", "x' OR '1' = '1", `\' OR 1 = 1 -- `} {
		change(`UPDATE users SET pk = 11 WHERE pk = 1`) // MySQL makes a number of what begins with one
		_, ok, err = s.Lookup(ctx, hostile)
		require.NoError(t, err, hostile)
		assert.False(t, ok, hostile)
		change(`UPDATE users SET pk = 1 WHERE pk = 11`)
	}
	assert.Len(t, load(t, s), 2)

	change(`INSERT INTO users VALUES (3, NULL, 'jabiru.example.org', 'Mellon')`)
	_, err = loadAll(s)
	assert.ErrorContains(t, err, "row 3: column 'username' is NULL")
	assert.ErrorContains(t, err, "initQuery on ")
	var failed *QueryError
	require.ErrorAs(t, err, &failed)
	assert.False(t, failed.Lost)
	assert.NotContains(t, err.Error(), "Mellon")
	change(`DELETE FROM users WHERE pk = 3`)

	change(`INSERT INTO users VALUES (4, 'a b', 'jabiru.example.org', 'Mellon')`)
	rows = load(t, s)
	require.Len(t, rows, 3)
	assert.False(t, rows[2].Usable)
	assert.NotContains(t, rows[2].Describe(), "Mellon")
}

func TestSQLite(t *testing.T) {
	path := file(t, exampleDDL)
	exercise(t, open(t, sqliteConfig(path)), func(s ...string) { change(t, path, s...) })
}

// A relative file is in the working directory, and the connection of the documentation's example means one.
func TestSQLiteExample(t *testing.T) {
	path := file(t, exampleDDL, `INSERT INTO users VALUES (1, 'account1', 'jabiru.example.org', 'x')`)
	t.Chdir(filepath.Dir(path))
	require.NoError(t, os.Rename(path, "sip_accounts"))
	cfg := sqliteConfig(path)
	cfg.Connection = "db=sip_accounts user='flexisip-b2bua' password='Mellon' host=db.jabiru.example.org"
	assert.Len(t, load(t, open(t, cfg)), 1)
}

func TestSQLiteInBatches(t *testing.T) {
	const n = 2*BatchSize + 7
	path := file(t, exampleDDL, fmt.Sprintf(`WITH RECURSIVE c(x) AS (SELECT 1 UNION ALL SELECT x+1 FROM c WHERE x < %d)
		INSERT INTO users SELECT x, 'account' || x, 'example.org', 'pw' FROM c`, n))
	s := open(t, sqliteConfig(path))
	var sizes []int
	total, err := s.Load(context.Background(), func(b Batch) error {
		assert.Equal(t, len(sizes) == 0, b.First)
		sizes = append(sizes, len(b.Rows))
		return nil
	})
	require.NoError(t, err)
	assert.Equal(t, n, total)
	assert.Equal(t, []int{BatchSize, BatchSize, 7}, sizes)

	stop := errors.New("stop")
	_, err = s.Load(context.Background(), func(Batch) error { return stop })
	assert.ErrorIs(t, err, stop)
}

// Text that a server or SQLite quotes may be a constant of the query, or a value.
func TestSQLiteFaults(t *testing.T) {
	path := file(t, exampleDDL)
	check := func(change func(*Config)) error {
		cfg := sqliteConfig(path)
		change(&cfg)
		return open(t, cfg).Check(context.Background())
	}
	assert.ErrorContains(t, check(func(c *Config) { c.InitQuery = `SELECT 'x' AS "y" FROM nowhere` }), "no such table: nowhere")
	assert.ErrorContains(t, check(func(c *Config) { c.UpdateQuery = `SELECT username FROM users WHERE pk = :identifier` }), "updateQuery on SQLite file "+path+": column 'domain' or 'hostport' do not exist")
	err := check(func(c *Config) { c.InitQuery = `SELECT 'a' 'Mellon' FROM users` })
	require.Error(t, err)
	assert.NotContains(t, err.Error(), "Mellon")
	missing := filepath.Join(filepath.Dir(path), "missing.db")
	err = check(func(c *Config) { c.Connection = digest.Secret("db='" + missing + "'") })
	assert.ErrorContains(t, err, "unable to open database file")
	assert.NoFileExists(t, missing)

	garbage := filepath.Join(t.TempDir(), "garbage.db")
	require.NoError(t, os.WriteFile(garbage, make([]byte, 8192), 0o600))
	require.NoError(t, os.WriteFile(garbage, []byte("this is no database at all, but a file of some other kind; it is long enough to be looked at: "+string(make([]byte, 4096))), 0o600))
	assert.ErrorContains(t, check(func(c *Config) { c.Connection = digest.Secret("db=" + garbage) }), "not a database")
}

func TestDeadlines(t *testing.T) {
	path := file(t, exampleDDL)
	cfg := sqliteConfig(path)
	const endless = `WITH RECURSIVE c(x) AS (SELECT 1 UNION ALL SELECT x+1 FROM c) SELECT max(x) AS username, 1 AS domain, 1 AS user_id, 1 AS secret, 1 AS secret_type, 1 AS alias_username, 1 AS alias_domain FROM c`
	cfg.InitQuery, cfg.UpdateQuery = endless, endless
	cfg.Load, cfg.Lookup, cfg.Check = 20*time.Millisecond, 20*time.Millisecond, 20*time.Millisecond
	s := open(t, cfg)
	_, err := loadAll(s)
	assert.ErrorContains(t, err, "it took too long and was given up")
	assert.ErrorIs(t, err, context.DeadlineExceeded)
	_, _, err = s.Lookup(context.Background(), "x")
	assert.ErrorIs(t, err, context.DeadlineExceeded)
	assert.ErrorIs(t, s.Check(context.Background()), context.DeadlineExceeded)
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	_, err = s.Load(ctx, func(Batch) error { return nil })
	assert.ErrorIs(t, err, context.Canceled)
}

// A file that was put in the place of the one that was read is read at the latest after sqliteLifetime; a fresh connection reads
// it at once.
func TestSQLiteFileIsReplaced(t *testing.T) {
	path := file(t, exampleDDL)
	s := open(t, sqliteConfig(path))
	require.Empty(t, load(t, s))
	other := file(t, exampleDDL, `INSERT INTO users VALUES (1, 'account1', 'jabiru.example.org', 'x')`)
	require.NoError(t, os.Rename(other, path))
	s.db.SetConnMaxLifetime(time.Nanosecond)
	assert.Len(t, load(t, s), 1)
}

// Whatever passes for a statement, the session refuses to write.
func TestSQLiteNeverWrites(t *testing.T) {
	path := file(t, exampleDDL, `INSERT INTO users VALUES (1, 'account1', 'jabiru.example.org', 'x')`, `PRAGMA journal_mode = WAL`)
	before, err := os.ReadFile(path)
	require.NoError(t, err)
	outside := filepath.Join(t.TempDir(), "outside.db")
	writes := []string{
		`INSERT INTO users VALUES (2, 'a', 'b', 'c')`, `UPDATE users SET username = 'x' WHERE pk = :identifier`, `DELETE FROM users`, `DROP TABLE users`,
		`CREATE TABLE t (a)`, `REPLACE INTO users VALUES (1, 'a', 'b', 'c')`, `WITH x AS (SELECT 1) DELETE FROM users`, `INSERT INTO users VALUES (2, 'a', 'b', 'c') RETURNING *`,
		`VACUUM`, `VACUUM INTO '` + outside + `'`, `ATTACH '` + outside + `' AS y`, `ATTACH '` + outside + `' AS y; CREATE TABLE y.t (a)`, `PRAGMA user_version = 7`, exampleInit + `; DELETE FROM users`,
		`SELECT load_extension('` + outside + `')`, `REINDEX`, `ANALYZE`, `ALTER TABLE users ADD COLUMN x`,
	}
	for _, w := range writes {
		cfg := sqliteConfig(path)
		cfg.InitQuery = w
		_, err := Compile(cfg)
		assert.Error(t, err, w)
		cfg = sqliteConfig(path)
		cfg.UpdateQuery = w
		assert.ErrorContains(t, faultOf(cfg), "updateQuery", w)

		s := open(t, sqliteConfig(path)) // past the check, to what stands behind it
		s.plan.init, s.plan.update = Statement{Text: w}, Statement{Text: w}
		_, _ = loadAll(s)
		_, _, _ = s.Lookup(context.Background(), "1")
		assert.NoError(t, s.Close())
		assert.NoFileExists(t, outside)
	}
	after, err := os.ReadFile(path)
	require.NoError(t, err)
	assert.Equal(t, before, after)
}

// faultOf is what Compile has against a configuration, which is never run then.
func faultOf(cfg Config) error {
	plan, err := Compile(cfg)
	if err == nil && plan.UpdateFault != nil {
		return plan.UpdateFault
	}
	return err
}

func TestARefusedUpdateQueryIsNotRun(t *testing.T) {
	path := file(t, exampleDDL, `INSERT INTO users VALUES (1, 'account1', 'jabiru.example.org', 'x')`)
	cfg := sqliteConfig(path)
	cfg.UpdateQuery = "not yet implemented"
	s := open(t, cfg)
	require.NoError(t, s.Check(t.Context()))
	assert.Len(t, load(t, s), 1)
	_, _, err := s.Lookup(t.Context(), "1")
	var query *QueryError
	require.ErrorAs(t, err, &query)
	assert.True(t, query.Lasting())
	assert.Contains(t, err.Error(), "updateQuery on SQLite file "+path+": character 1: only a statement that reads is run")
}

func TestCompileNamesTheField(t *testing.T) {
	cfg := sqliteConfig("x.db")
	cfg.InitQuery = exampleOne
	_, err := Compile(cfg)
	assert.EqualError(t, err, "initQuery: it has :identifier, and loads all accounts: there is no identifier to bind")
	cfg = sqliteConfig("x.db")
	cfg.Connection = "db="
	_, err = Compile(cfg)
	assert.EqualError(t, err, "connection: connection: it names no database; write db=…")
}

func TestAQueryErrorSaysWhatToDo(t *testing.T) {
	code := func(number uint16, state string) *mysql.MySQLError {
		e := &mysql.MySQLError{Number: number, Message: "as the server says"}
		copy(e.SQLState[:], state)
		return e
	}
	for _, c := range []struct {
		err          error
		lost         bool
		says, advice string
	}{
		{code(1045, "28000"), false, "as the server says (MySQL error 1045)", "correct the pool's connection, or what its user may do"},
		{mysql.ErrInvalidConn, true, "the connection broke: the server has gone, or what answers there is none", "check that the database runs"},
		{&net.OpError{Op: "dial", Err: errors.New("refused")}, true, "dial: refused", "check that the database runs"},
		{context.DeadlineExceeded, false, "it took too long and was given up", "look for what slows the database down"},
		{&NullError{Column: "username", Row: 3}, false, "row 3: column 'username' is NULL, which an account cannot have; correct the row", ""},
		{&ColumnError{Missing: [2]string{"secret"}}, false, "column 'secret' does not exist", "give the result this column"},
		{errors.New("anything"), false, "anything", ""},
	} {
		e := &QueryError{Field: "initQuery", Where: "there", Lost: c.lost, Err: c.err}
		assert.Contains(t, e.Error(), "initQuery on there: "+c.says)
		if assert.Contains(t, e.Advice(), c.advice); c.advice == "" {
			assert.Empty(t, e.Advice())
		}
	}
}
