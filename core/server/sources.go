package server

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"time"

	"b2bua/core/account"
	"b2bua/core/account/keeper"
	"b2bua/core/account/redisfeed/redislink"
	"b2bua/core/account/sqlstore"
	"b2bua/core/app/sipbridge"
	"b2bua/core/config"
	"b2bua/core/event"
)

const sectionRegistrar = "module::Registrar"

// source is a pool that a database fills.
type source struct {
	pool *account.Pool
	sql  *sipbridge.SQLLoader
	plan *sqlstore.Plan
}

// plans are the loaders of a providers file, checked without their databases.
type plans map[*sipbridge.SQLLoader]*sqlstore.Plan

// fixes are what to write instead.
var fixes = map[string]string{
	"connection":  `for example "db=accounts user='b2bua' password='…' host=db.example.org", or "db=/path/accounts.sqlite" for sqlite3`,
	"initQuery":   `one SELECT … FROM …`,
	"updateQuery": `one SELECT … FROM … WHERE id = :identifier`,
}

// compile is sipbridge.Options.SQL.
func (p plans) compile(l *sipbridge.SQLLoader) []sipbridge.SQLProblem {
	plan, err := sqlstore.Compile(sqlstore.Config{
		Backend: sqlstore.Backend(l.Backend), Connection: l.Connection, InitQuery: l.InitQuery, UpdateQuery: l.UpdateQuery, Threads: l.ThreadPoolSize,
	})
	var field *sqlstore.FieldError
	var statement *sqlstore.StatementError
	var out []sipbridge.SQLProblem
	if err == nil {
		p[l] = plan
		if plan.UpdateFault != nil {
			err = plan.UpdateFault
		}
	}
	if errors.As(err, &field) {
		problem := sipbridge.SQLProblem{
			Field: field.Field, Problem: strings.TrimPrefix(field.Err.Error(), field.Field+": "), Fix: fixes[field.Field], Warning: plan != nil,
		}
		if errors.As(err, &statement) {
			problem.At, problem.Problem = statement.At, statement.What
		}
		if problem.Warning {
			problem.Problem += "; it is never run, so accounts change only when all are loaded"
		}
		out = append(out, problem)
	}
	if plan == nil {
		return out
	}
	for _, w := range plan.Warnings {
		out = append(out, sipbridge.SQLProblem{
			Field: "connection", Warning: true, Problem: strings.TrimPrefix(w, "connection: "), Fix: "the connection without it",
		})
	}
	return out
}

// findFile is where an SQLite file is: a relative name is that of a file in the working directory, as Flexisip has it, or else of one
// beside the providers file.
func findFile(name, beside string) string {
	if _, err := os.Stat(name); err == nil || filepath.IsAbs(name) {
		return name
	}
	if path, err := filepath.Abs(filepath.Join(beside, name)); err == nil {
		return path
	}
	return name
}

// redisTLS is the security of the connection to Redis, nil for none.
func redisTLS(r config.Registrar) (*tls.Config, []config.Finding) {
	if r.RedisConnection == "tcp" {
		return nil, nil
	}
	cert, key := "", ""
	if r.RedisConnection == "tls-mutual" {
		cert, key = r.RedisTLSCertificate, r.RedisTLSKey
	}
	cfg, err := redislink.TLS(r.RedisTLSCAs, cert, key)
	if err != nil {
		name, _, _ := strings.Cut(err.Error(), ":")
		name, _, _ = strings.Cut(name, " ")
		return nil, []config.Finding{{
			Severity: config.Fault, Section: sectionRegistrar, Key: name, Problem: err.Error(), Fix: "a PEM file that the user of the service can read",
		}}
	}
	return cfg, nil
}

// open prepares the database; it is not asked.
func (src *source) open(file string) (*sqlstore.Store, *config.Finding) {
	store, err := sqlstore.Open(src.plan)
	if err != nil {
		f := src.finding(config.Fault, file, "connection", err.Error(), fixes["connection"])
		return nil, &f
	}
	return store, nil
}

// startPatience is how long a start waits for databases. One that does not answer in that time is asked again by the load.
const startPatience = 5 * time.Second

// check asks the database whether it understands the queries. A fault is what only another configuration, or another schema, repairs; a
// database that is away comes back by itself.
//
// An updateQuery that is refused is not fatal (spec 4.9.2 does not look at it): away has it.
func (src *source) check(ctx context.Context, store *sqlstore.Store, file string) (fault *config.Finding, away error) {
	ctx, cancel := context.WithTimeout(ctx, startPatience)
	defer cancel()
	err := store.Check(ctx)
	var query *sqlstore.QueryError
	if err == nil || !errors.As(err, &query) || !query.Lasting() || query.Field == "updateQuery" && !query.Denied() {
		return nil, err
	}
	field, what, fix := query.Field, "initialization SQL query", fixes[query.Field]
	if query.Denied() {
		field, what, fix = "connection", "the connection", "a connection that the database accepts"
	}
	f := src.finding(config.Fault, file, field, fmt.Sprintf("AccountPool(%s) an error occurred while validating %s: %v", src.pool.Name(), what, err), fix)
	return &f, nil
}

// loadNow fills the pool at once, for who needs it no longer than a moment.
func (src *source) loadNow(ctx context.Context) error {
	store, err := sqlstore.Open(src.plan)
	if err != nil {
		return err
	}
	defer func() { _ = store.Close() }()
	k := keeper.New(src.pool, unheard{})
	if _, err := store.Load(ctx, func(b sqlstore.Batch) error {
		if b.First {
			k.Begin()
		}
		k.Take(time.Now(), b.Rows)
		return nil
	}); err != nil {
		return fmt.Errorf("pool %s: its accounts could not be loaded, so no call can be explained: %w", src.pool.Name(), err)
	}
	return nil
}

// unheard is an owner who does not care.
type unheard struct{}

func (unheard) Created(time.Time, *account.Account) {}
func (unheard) Updated(time.Time, *account.Account) {}
func (unheard) Removed(time.Time, *account.Account) {}
func (unheard) Tell(event.Event)                    {}
