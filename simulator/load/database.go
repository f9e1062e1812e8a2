//go:build linux

package load

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"net/netip"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	_ "modernc.org/sqlite" // the driver "sqlite"

	"b2bua/simulator/daemons"
)

// DatabaseConfig describes a load of accounts from a database, which do not register.
type DatabaseConfig struct {
	Accounts int
	Backend  string // "sqlite3" or "mysql", which is a MariaDB server of our own
	Program  []string
	// Updates per second are announced by Redis for Duration, while Calls per second run. 0: none.
	Updates, Calls int
	Duration       time.Duration
}

// DatabaseResult is what it took. Usable means that a call that needs the account has left by it.
type DatabaseResult struct {
	Accounts        int     `json:"accounts"`
	Backend         string  `json:"backend"`
	FirstSeconds    float64 `json:"first_usable_s"` // from the start of the process
	TotalSeconds    float64 `json:"last_usable_s"`
	CPUSeconds      float64 `json:"cpu_s"`                   // until then
	Longest         float64 `json:"answer_ms_max"`           // to a call meanwhile
	BytesPerAccount float64 `json:"bytes_per_account"`       // resident, over that of one account
	BytesAtRest     float64 `json:"bytes_per_account_later"` // some seconds later
	Updates         int     `json:"updates,omitempty"`       // announced
	UpdateSeconds   float64 `json:"updates_s,omitempty"`
	New             int     `json:"new_accounts,omitempty"` // of the updates; their time is measured
	NewP50          float64 `json:"usable_ms_p50,omitempty"`
	NewP99          float64 `json:"usable_ms_p99,omitempty"`
	NewMax          float64 `json:"usable_ms_max,omitempty"`
	Calls           int     `json:"calls,omitempty"` // meanwhile
	FailedCalls     int     `json:"failed_calls"`
	SetupP99        float64 `json:"setup_ms_p99,omitempty"`
	UpdateCPU       float64 `json:"update_cpu_percent,omitempty"`
}

const (
	databaseAddress = "127.0.0.46:3306"
	redisAddress    = "127.0.0.47:6379"
	trunkAddress    = "127.0.0.31:5070" // where accounts without a proxy of their own place calls: the load's callee
	freshPart       = 20                // one update of so many brings a new account
)

// Database measures a start with so many accounts in a database, and changes of them.
func Database(ctx context.Context, cfg DatabaseConfig) (*DatabaseResult, error) {
	home, err := daemons.NewHome()
	if err != nil {
		return nil, err
	}
	defer func() { _ = home.Close() }() // measured is what b2bua does
	one := cfg
	one.Accounts, one.Updates = 2, 0
	base, err := databaseRun(ctx, home, one)
	if err != nil {
		return nil, err
	}
	r, err := databaseRun(ctx, home, cfg)
	if err != nil {
		return nil, err
	}
	n := float64(cfg.Accounts)
	r.BytesPerAccount, r.BytesAtRest = (r.BytesPerAccount-base.BytesAtRest)/n, (r.BytesAtRest-base.BytesAtRest)/n
	return r, nil
}

// databaseRun is one run; the bytes are all of the memory.
func databaseRun(ctx context.Context, home *daemons.Home, cfg DatabaseConfig) (*DatabaseResult, error) {
	dir, err := os.MkdirTemp("", "sipsim-database-")
	if err != nil {
		return nil, err
	}
	defer func() { _ = os.RemoveAll(dir) }() // a directory of ours
	d := databaseRunning{cfg: cfg, result: &DatabaseResult{Accounts: cfg.Accounts, Backend: cfg.Backend}}
	connection, end, err := d.fill(ctx, home, dir)
	if err != nil {
		return nil, err
	}
	defer end()
	if cfg.Updates > 0 {
		redis, err := home.Redis(ctx, daemons.Options{Addr: netip.MustParseAddrPort(redisAddress)})
		if err != nil {
			return nil, err
		}
		defer func() { _ = redis.Remove() }() // of ours
	}
	if err := d.files(dir, connection); err != nil {
		return nil, err
	}
	d.probe, err = newProbe(accountsAddress)
	if err != nil {
		return nil, err
	}
	defer d.probe.close()
	d.server = &accountsRunning{cfg: AccountsConfig{Program: cfg.Program}}
	if err := d.server.start(dir); err != nil {
		return nil, err
	}
	defer d.server.kill()
	if err := d.measure(ctx); err != nil {
		return nil, fmt.Errorf("%w\n%s", err, tail(d.server.out.Bytes()))
	}
	return d.result, nil
}

type databaseRunning struct {
	cfg    DatabaseConfig
	result *DatabaseResult
	server *accountsRunning
	probe  *probe
}

// fresh is how many accounts are in the database that the first load does not bring.
func (d *databaseRunning) fresh() int {
	return d.cfg.Updates*int(d.cfg.Duration/time.Second)/freshPart + 2
}

// fill makes the database: account N has the alias aliasN. The first, the last and the new accounts have the probe as their proxy.
func (d *databaseRunning) fill(ctx context.Context, home *daemons.Home, dir string) (connection string, end func(), err error) {
	n := d.cfg.Accounts
	all := n + d.fresh()
	const table = "CREATE TABLE accounts (id INTEGER PRIMARY KEY, username VARCHAR(40) NOT NULL, secret VARCHAR(40), newer VARCHAR(40), alias VARCHAR(40), proxy VARCHAR(60))"
	rows := func(concat func(parts ...string) string) string {
		return "SELECT i, " + concat("'account'", "i") + ", " + concat("'secret'", "i") + ", " + concat("'newer'", "i") + ", " + concat("'alias'", "i") +
			fmt.Sprintf(", CASE WHEN i = 0 OR i >= %d THEN '<sip:%s>' END", n-1, probeAddress)
	}
	if d.cfg.Backend == "mysql" {
		server, err := home.MariaDB(ctx, daemons.Options{
			Addr: netip.MustParseAddrPort(databaseAddress),
			Args: []string{"--innodb-buffer-pool-size=256M"},
			Init: "CREATE DATABASE load_accounts;\nCREATE USER 'b2bua'@'%' IDENTIFIED BY 'secret';\nGRANT SELECT ON load_accounts.* TO 'b2bua'@'%';\n" +
				"USE load_accounts;\n" + table + ";\nSET SESSION max_recursive_iterations = 100000000;\nINSERT INTO accounts " +
				fmt.Sprintf("WITH RECURSIVE n(i) AS (SELECT 0 UNION ALL SELECT i+1 FROM n WHERE i < %d) ", all-1) +
				rows(func(p ...string) string { return "CONCAT(" + strings.Join(p, ", ") + ")" }) + " FROM n;\n",
		})
		if err != nil {
			return "", nil, err
		}
		addr := server.Addr()
		return fmt.Sprintf("db=load_accounts user=b2bua password=secret host=%s port=%d ssl_mode=DISABLED", addr.Addr(), addr.Port()),
			func() { _ = server.Remove() }, nil
	}
	file := filepath.Join(dir, "accounts.sqlite")
	db, err := sql.Open("sqlite", "file:"+file)
	if err != nil {
		return "", nil, err
	}
	for _, s := range []string{table, "INSERT INTO accounts " +
		fmt.Sprintf("WITH RECURSIVE n(i) AS (SELECT 0 UNION ALL SELECT i+1 FROM n WHERE i < %d) ", all-1) +
		rows(func(p ...string) string { return strings.Join(p, " || ") }) + " FROM n"} {
		if _, err = db.ExecContext(ctx, s); err != nil {
			break
		}
	}
	return "db=" + file, func() {}, errors.Join(err, db.Close())
}

// files writes the configuration. What updateQuery brings is another secret, so each first announcement of an account changes it.
func (d *databaseRunning) files(dir, connection string) error {
	query := func(secret string) string {
		return "SELECT username, '" + accountsDomain + "' AS hostport, '' AS user_id, 'clrtxt' AS secret_type, " + secret +
			" AS secret, alias AS alias_username, 'example.org' AS alias_hostport, proxy AS outbound_proxy FROM accounts WHERE "
	}
	text := fmt.Sprintf(`{"schemaVersion": 2, "providers": [{"name": "load", "accountPool": "load", "triggerCondition": {"strategy": "Always"},
 "accountToUse": {"strategy": "FindInPool", "by": "alias", "source": "{from}"}, "onAccountNotFound": "decline", "outgoingInvite": {"to": "sip:{incoming.requestUri.user}@{account.uri.hostport}"}}],
 "accountPools": {"load": {"outboundProxy": "<sip:%s>", "registrationRequired": false, "maxCallsPerLine": 100000,
 "loader": {"dbBackend": %q, "initQuery": %q, "updateQuery": %q, "connection": %q, "threadPoolSize": 4}}}}`+"\n", trunkAddress, d.cfg.Backend,
		query("secret")+fmt.Sprintf("id < %d", d.cfg.Accounts), query("newer")+"id = :identifier", connection)
	if err := os.WriteFile(filepath.Join(dir, "providers.json"), []byte(text), 0o600); err != nil {
		return err
	}
	conf := fmt.Sprintf("[global]\nlog-directory=%s\n[b2bua-server]\napplication=sip-bridge\ntransport=sip:%s\ndata-directory=%[1]s\nmax-calls=100000\n"+
		"[b2bua-server::sip-bridge]\nproviders=providers.json\n", dir, accountsAddress)
	if d.cfg.Updates > 0 {
		at := netip.MustParseAddrPort(redisAddress)
		conf += fmt.Sprintf("[module::Registrar]\nredis-server-domain=%s\nredis-server-port=%d\n", at.Addr(), at.Port())
	}
	return os.WriteFile(filepath.Join(dir, "b2bua.conf"), []byte(conf), 0o600)
}

func (d *databaseRunning) measure(ctx context.Context) error {
	res, pids := d.result, []int{d.server.cmd.Process.Pid}
	used := func(account int) (time.Duration, error) {
		select {
		case at := <-d.probe.usable(account):
			return at.Sub(d.server.begin), nil
		case <-d.server.done:
			return 0, errors.New("b2bua ended")
		case <-ctx.Done():
			return 0, ctx.Err()
		case <-time.After(5 * time.Minute):
			return 0, fmt.Errorf("account %d is not usable", account)
		}
	}
	first, err := used(0)
	if err != nil {
		return err
	}
	last, err := used(d.cfg.Accounts - 1)
	if err != nil {
		return err
	}
	user, system := cpuOf(pids)
	res.FirstSeconds, res.TotalSeconds, res.CPUSeconds = first.Seconds(), last.Seconds(), user+system
	res.Longest = ms(int64(d.probe.longest()))
	res.BytesPerAccount = float64(memoryOf(pids)) * 1024
	select {
	case <-time.After(5 * time.Second):
	case <-ctx.Done():
		return ctx.Err()
	}
	res.BytesAtRest = float64(memoryOf(pids)) * 1024
	if d.cfg.Updates == 0 {
		return nil
	}
	return d.update(ctx, pids)
}

// update announces changes while calls run. Each freshPart-th one brings a new account, which is tried until a call leaves by it.
func (d *databaseRunning) update(ctx context.Context, pids []int) error {
	res := d.result
	p, err := newPublisher(ctx, redisAddress)
	if err != nil {
		return err
	}
	defer p.close()
	if err := d.settled(ctx, p); err != nil {
		return err
	}
	calls := make(chan error, 1)
	go func() {
		r, err := Run(ctx, Config{
			DUT: netip.MustParseAddrPort(accountsAddress), UAS: netip.MustParseAddrPort(trunkAddress), From: "sip:alias1@example.org",
			Calls: max(1, d.cfg.Calls*int(d.cfg.Duration/time.Second)), Rate: float64(max(1, d.cfg.Calls)), Hold: 200 * time.Millisecond, DUTCPU: -1,
		})
		if err == nil {
			res.Calls, res.FailedCalls, res.SetupP99 = r.Calls, r.Failed, r.SetupP99
		}
		calls <- err
	}()
	user, system := cpuOf(pids)
	began := time.Now()
	waits, err := d.announce(ctx, p)
	if err != nil {
		return err
	}
	res.UpdateSeconds = time.Since(began).Seconds()
	if err := <-calls; err != nil {
		return err
	}
	u, s := cpuOf(pids)
	res.UpdateCPU = 100 * (u + s - user - system) / time.Since(began).Seconds()
	return d.latencies(ctx, waits)
}

// settled waits until b2bua follows Redis: a subscription has it load all accounts again, and changes wait for that.
func (d *databaseRunning) settled(ctx context.Context, p *publisher) error {
	if err := p.heard(ctx, 2*time.Minute); err != nil {
		return err
	}
	account := d.cfg.Accounts + d.fresh() - 1
	if err := p.publish(account); err != nil {
		return err
	}
	select {
	case <-d.probe.usable(account):
		return nil
	case <-d.server.done:
		return errors.New("b2bua ended")
	case <-ctx.Done():
		return ctx.Err()
	case <-time.After(2 * time.Minute):
		return errors.New("the first announced account is not usable")
	}
}

// wait is a new account that was announced.
type wait struct {
	account int
	from    time.Time
	usable  <-chan time.Time
}

func (d *databaseRunning) announce(ctx context.Context, p *publisher) ([]wait, error) {
	res := d.result
	var waits []wait
	next := d.cfg.Accounts
	began := time.Now()
	for n := range d.cfg.Updates * int(d.cfg.Duration/time.Second) {
		if rest := time.Until(began.Add(time.Duration(n) * time.Second / time.Duration(d.cfg.Updates))); rest > 0 {
			select {
			case <-time.After(rest):
			case <-d.server.done:
				return nil, errors.New("b2bua ended")
			case <-ctx.Done():
				return nil, ctx.Err()
			}
		}
		account := 2 + n*7919%max(1, d.cfg.Accounts-3)
		fresh := n%freshPart == 0
		if fresh {
			account = next
			next++
		}
		w := wait{account: account, from: time.Now()}
		if err := p.publish(account); err != nil {
			return nil, err
		}
		res.Updates++
		if fresh {
			w.usable = d.probe.usable(account)
			waits = append(waits, w)
		}
	}
	return waits, nil
}

func (d *databaseRunning) latencies(ctx context.Context, waits []wait) error {
	var took []int64
	patience := time.After(time.Minute)
	for _, w := range waits {
		select {
		case at := <-w.usable:
			took = append(took, int64(at.Sub(w.from)))
		case <-patience:
			return fmt.Errorf("account %d is not usable a minute after the last announcement", w.account)
		case <-ctx.Done():
			return ctx.Err()
		}
	}
	slices.Sort(took)
	res := d.result
	res.New = len(took)
	res.NewP50, res.NewP99, res.NewMax = ms(quantile(took, 0.5)), ms(quantile(took, 0.99)), ms(took[len(took)-1])
	return nil
}
