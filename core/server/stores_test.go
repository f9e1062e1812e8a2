package server

import (
	"bytes"
	"database/sql"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"b2bua/core/account/redisfeed"
	"b2bua/core/app"
	"b2bua/core/config"
	"b2bua/core/control"
	"b2bua/core/sip"
	"b2bua/core/transport"
)

// database is an SQLite file with a table of accounts.
type database struct {
	t    *testing.T
	path string
}

func newDatabase(t *testing.T) *database {
	d := &database{t, filepath.Join(t.TempDir(), "accounts.sqlite")}
	d.run("CREATE TABLE accounts (id TEXT, username TEXT, hostport TEXT, user_id TEXT, secret_type TEXT, secret TEXT, alias_username TEXT, alias_hostport TEXT, outbound_proxy TEXT)")
	return d
}

func (d *database) run(statements ...string) {
	d.t.Helper()
	db, err := sql.Open("sqlite", d.path)
	require.NoError(d.t, err)
	defer func() { require.NoError(d.t, db.Close()) }()
	for _, s := range statements {
		_, err := db.ExecContext(d.t.Context(), s)
		require.NoError(d.t, err, s)
	}
}

func (d *database) add(users ...string) {
	d.t.Helper()
	list := make([]string, 0, len(users))
	for _, u := range users {
		list = append(list, fmt.Sprintf("('%s', '%s', 'provider.example.com', '', 'clrtxt', 'Mellon', '%s', 'inside.example.org', '')", u, u, u))
	}
	d.run("INSERT INTO accounts VALUES " + strings.Join(list, ", "))
}

// configured is a bridge whose only pool is filled by the database.
func (d *database) configured(initQuery, more string) *config.Config {
	cfg, report, _ := bridgeConfig(d.t, fmt.Sprintf(`{"schemaVersion": 2, "providers": [{"name": "out", "accountPool": "sql",
 "triggerCondition": {"strategy": "Always"}, "accountToUse": {"strategy": "FindInPool", "source": "{from}", "by": "alias"}, "onAccountNotFound": "decline",
 "outgoingInvite": {"to": "sip:{incoming.to.user}@{account.uri.hostport}"}}],
 "accountPools": {"sql": {"outboundProxy": "<sip:127.0.0.1:9;transport=tcp>", "registrationRequired": false, "maxCallsPerLine": 3,
  "loader": {"dbBackend": "sqlite3", "connection": "db=%s",
   "initQuery": %q,
   "updateQuery": "SELECT * FROM accounts WHERE id = :identifier"}}}}`, d.path, initQuery), more)
	require.False(d.t, report.Failed(), "%v", report.Findings)
	return cfg
}

const allAccounts = "SELECT * FROM accounts"

// journal is a log that can be read while it is written.
type journal struct {
	sync.Mutex
	buf bytes.Buffer
}

func (j *journal) Write(b []byte) (int, error) {
	j.Lock()
	defer j.Unlock()
	return j.buf.Write(b)
}

func (j *journal) text() string {
	j.Lock()
	defer j.Unlock()
	return j.buf.String()
}

func (j *journal) says(t *testing.T, part string) {
	t.Helper()
	require.Eventually(t, func() bool { return strings.Contains(j.text(), part) }, 20*time.Second, time.Millisecond, "no %q in\n%s", part, j.text())
}

func logTo(j *journal) *slog.Logger { return slog.New(slog.NewTextHandler(j, nil)) }

// running is a server of that configuration, and what it logs.
func running(t *testing.T, cfg *config.Config) (*server, *journal) {
	t.Helper()
	before := goleak.IgnoreCurrent()
	t.Cleanup(func() { goleak.VerifyNone(t, before) })
	j := &journal{}
	s, err := start(t.Context(), cfg, Options{Log: logTo(j)})
	require.NoError(t, err)
	require.NoError(t, s.stack.Do(s.lines.start))
	s.stores.start()
	t.Cleanup(func() { require.NoError(t, s.stop(cfg, nil)) })
	return s, j
}

const here = "[b2bua-server]\ntransport=sip:127.0.0.1:0;transport=tcp\n[b2bua::timers]\nshutdown-timeout=5\n"

func (d *database) settings(init string) *config.Config {
	return d.configured(init, here+"[b2bua-server]\ndata-directory="+d.t.TempDir()+"\n")
}

// decide asks the loop.
func decide(t *testing.T, s *server, from string) app.Decision {
	t.Helper()
	u, err := sip.ParseURI(from)
	require.NoError(t, err)
	to, err := sip.ParseURI("sip:callee@outside.example.net")
	require.NoError(t, err)
	out := make(chan app.Decision, 1)
	require.NoError(t, s.stack.Do(func(time.Time) {
		out <- s.bridge.Decide(app.Facts{From: sip.Address{URI: u}, To: sip.Address{URI: to}, RequestURI: to})
	}))
	return <-out
}

func TestAPoolIsFilledByADatabase(t *testing.T) {
	d := newDatabase(t)
	d.add("alice", "bob")
	s, j := running(t, d.settings(allAccounts))
	j.says(t, "pool sql: loaded from SQLite file "+d.path)
	assert.Contains(t, j.text(), "rows=2 created=2 updated=0 removed=0 refused=0; the pool has 2 accounts")
	assert.Contains(t, j.text(), "live updates of accounts are off")
	got := decide(t, s, "sip:bob@inside.example.org")
	require.Nil(t, got.Refusal)
	assert.Equal(t, "sip:bob@provider.example.com", got.Account.URI())
	assert.NotNil(t, decide(t, s, "sip:carol@inside.example.org").Refusal)
}

func TestAStartRefusesQueriesThatTheDatabaseRefuses(t *testing.T) {
	d := newDatabase(t)
	for query, want := range map[string]string{
		"SELECT * FROM acounts": "no such table",
		"SELECT username, hostport, user_id AS wrong, secret, secret_type, alias_username, alias_hostport FROM accounts": "column 'user_id' does not exist",
	} {
		cfg := d.settings(query)
		err := Run(t.Context(), cfg, Options{Log: logTo(&journal{}), Ready: func([]transport.Listener) { assert.Fail(t, "it is not ready") }})
		var unusable *ConfigError
		require.ErrorAs(t, err, &unusable)
		assert.Contains(t, err.Error(), want)
		assert.Contains(t, err.Error(), cfg.SIPBridge.Providers+":6:17: accountPools.sql.loader.initQuery: AccountPool(sql) an error occurred while validating")
	}
	d.path += ".none"
	err := Run(t.Context(), d.settings(allAccounts), Options{Log: logTo(&journal{})})
	require.ErrorContains(t, err, "5:52: accountPools.sql.loader.connection: ")
}

func TestStoresEndWhileTheyLoad(t *testing.T) {
	d := newDatabase(t)
	cfg := d.settings("WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i+1 FROM n) SELECT 'u'||i AS username, 'x.org' AS hostport, '' AS user_id, '' AS secret," +
		" '' AS secret_type, '' AS alias_username, '' AS alias_hostport FROM n")
	s, _ := running(t, cfg)
	require.Eventually(t, func() bool {
		n := make(chan int, 1)
		require.NoError(t, s.stack.Do(func(time.Time) { n <- s.bridge.Pools()[0].Len() }))
		return <-n > 5000
	}, 20*time.Second, time.Millisecond)
	shown := make(chan string, 1)
	require.NoError(t, s.stack.Do(func(time.Time) { shown <- s.stores.shown()[0].State }))
	assert.Equal(t, "loading", <-shown)
}

func TestWhereAnSQLiteFileIs(t *testing.T) {
	working, beside := t.TempDir(), t.TempDir()
	t.Chdir(working)
	assert.Equal(t, filepath.Join(beside, "accounts"), findFile("accounts", beside), "nowhere yet: the error tells a whole path")
	require.NoError(t, os.WriteFile(filepath.Join(beside, "accounts"), nil, 0o600))
	assert.Equal(t, filepath.Join(beside, "accounts"), findFile("accounts", beside))
	require.NoError(t, os.WriteFile("accounts", nil, 0o600))
	assert.Equal(t, "accounts", findFile("accounts", beside), "as Flexisip has it")
	assert.Equal(t, "/nowhere/accounts", findFile("/nowhere/accounts", beside))
}

func TestAStalePoolSaysSo(t *testing.T) {
	d := newDatabase(t)
	d.add("alice")
	s, j := running(t, d.settings(allAccounts))
	j.says(t, "pool sql: loaded from")
	k := s.stores.pools[0]
	state := func() (out control.Pool) {
		t.Helper()
		require.NoError(t, k.onLoop(t.Context(), func(time.Time) { out = s.stores.shown()[0] }))
		return out
	}
	refusal := func() string { return decide(t, s, "sip:carol@inside.example.org").Refusal.Why }
	key := redisfeed.Key{URI: "sip:carol@provider.example.com", Identifier: "carol"}
	assert.Equal(t, "loaded", state().State)
	assert.NotContains(t, refusal(), "has not answered")

	d.run("ALTER TABLE accounts RENAME TO hidden")
	require.Error(t, k.One(t.Context(), key))
	stale := state()
	assert.Equal(t, "stale", stale.State)
	assert.Contains(t, stale.Error, "no such table")
	assert.Contains(t, refusal(), "(its accounts are those of "+stale.LastRead.Format(time.DateTime)+", SQLite file "+d.path+" has not answered since ")
	d.run("ALTER TABLE hidden RENAME TO accounts")
	require.NoError(t, k.One(t.Context(), key))
	assert.Equal(t, "loaded", state().State)
	assert.NotContains(t, refusal(), "has not answered")

	d.run("ALTER TABLE accounts RENAME TO hidden")
	require.Error(t, k.Reload(t.Context()))
	d.run("ALTER TABLE hidden RENAME TO accounts")
	require.NoError(t, k.One(t.Context(), key))
	assert.Equal(t, "stale", state().State, "one account does not make up for a load")
	require.NoError(t, k.Reload(t.Context()))
	assert.Equal(t, "loaded", state().State)
	assert.Empty(t, state().Error)
}

func TestARowWithoutANameThatIsAnnounced(t *testing.T) {
	d := newDatabase(t)
	d.add("alice", "bob")
	s, j := running(t, d.settings(allAccounts))
	j.says(t, "pool sql: loaded from")
	pool, alice := s.stores.pools[0], redisfeed.Key{URI: "sip:alice@provider.example.com", Identifier: "alice"}
	d.run("UPDATE accounts SET username = NULL WHERE id = 'alice'")
	require.NoError(t, pool.One(t.Context(), alice), "to ask again would bring the same")
	j.says(t, "sip:alice@provider.example.com: username: it is NULL, which an account cannot have; write a value; the account stays as it was")
	require.ErrorContains(t, pool.Reload(t.Context()), "column 'username' is NULL")
	accounts := 0
	require.NoError(t, pool.onLoop(t.Context(), func(time.Time) { accounts = s.stores.shown()[0].Accounts }))
	assert.Equal(t, 2, accounts)
}

func TestAnUpdateQueryThatIsNoneIsAWarning(t *testing.T) {
	d := newDatabase(t)
	d.add("alice")
	cfg := d.settings(allAccounts)
	data, err := os.ReadFile(cfg.SIPBridge.Providers)
	require.NoError(t, err)
	key := redisfeed.Key{URI: "sip:alice@provider.example.com", Identifier: "alice"}
	for query, want := range map[string]string{
		"not yet implemented": "only a statement that reads is run",
		"SELECT username FROM accounts WHERE id = :identifier": "column 'domain' or 'hostport' do not exist",
	} {
		require.NoError(t, os.WriteFile(cfg.SIPBridge.Providers, bytes.Replace(data, []byte("SELECT * FROM accounts WHERE id = :identifier"), []byte(query), 1), 0o600))
		b, findings := loadBridge(cfg)
		require.NotNil(t, b, "%v", findings)
		s, j := running(t, cfg)
		j.says(t, "created=1")
		require.NoError(t, s.stores.pools[0].One(t.Context(), key))
		j.says(t, "sip:alice@provider.example.com: its change was announced and cannot be read (updateQuery on SQLite file "+d.path)
		assert.Contains(t, j.text(), want)
	}
}
