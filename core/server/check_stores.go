package server

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"b2bua/core/account/keeper"
	"b2bua/core/account/sqlstore"
	"b2bua/core/config"
	"b2bua/core/event"
)

// checkLoad is how long a check reads rows; who has more of them learns how many came in that time.
const checkLoad = 10 * time.Second

// CheckStores asks the databases that fill pools what a start asks them, and reads their rows once: a line for each pool that can be
// loaded, findings for the others and for rows that are no accounts. Unlike for a start, a database that is away is a fault.
func CheckStores(ctx context.Context, cfg *config.Config) (lines []string, list []config.Finding) {
	if cfg.B2BUA.Application != config.AppSIPBridge {
		return nil, nil
	}
	b, _ := loadBridge(cfg) // what is wrong with the file is known already
	if b == nil {
		return nil, nil
	}
	results := make([]storeCheck, len(b.sources))
	var all sync.WaitGroup
	for i := range b.sources {
		all.Go(func() { results[i] = b.sources[i].examine(ctx, cfg.SIPBridge.Providers) })
	}
	all.Wait()
	for _, r := range results {
		if r.line != "" {
			lines = append(lines, r.line)
		}
		list = append(list, r.list...)
	}
	return lines, list
}

type storeCheck struct {
	line string
	list []config.Finding
}

// examine is the check of one pool.
func (src *source) examine(ctx context.Context, file string) (r storeCheck) {
	store, fault := src.open(file)
	if fault != nil {
		return storeCheck{list: []config.Finding{*fault}}
	}
	defer func() { _ = store.Close() }() // nothing was written
	fault, away := src.check(ctx, store, file)
	if fault != nil {
		return storeCheck{list: []config.Finding{*fault}}
	}
	var query *sqlstore.QueryError
	if errors.As(away, &query) && query.Field == "updateQuery" && query.Lasting() {
		r.list = append(r.list, src.finding(config.Warning, file, query.Field,
			fmt.Sprintf("changes that are announced cannot be read (%v): accounts change only when all are loaded", away), fixes[query.Field]))
	} else if away != nil {
		r.list = append(r.list, src.finding(config.Fault, file, "connection", fmt.Sprintf("the database cannot be asked: %v", away),
			"a connection that leads to a database that runs; where it cannot be reached from, check with --no-databases"))
		return r
	}
	rows := &rowProblems{}
	k := keeper.New(src.pool, rows)
	ctx, cancel := context.WithTimeout(ctx, checkLoad)
	defer cancel()
	begin, total := time.Now(), 0
	_, err := store.Load(ctx, func(b sqlstore.Batch) error {
		if b.First {
			k.Begin()
		}
		k.Take(time.Now(), b.Rows)
		total = b.Total
		return nil
	})
	for _, problem := range rows.texts {
		r.list = append(r.list, src.finding(config.Warning, file, "initQuery", problem, "a query, or a table, whose rows are accounts"))
	}
	r.line = fmt.Sprintf("pool %s: %s: %d rows, %d accounts", src.pool.Name(), store.Where(), total, src.pool.Len())
	switch {
	case err == nil && total == 0:
		r.list = append(r.list, src.finding(config.Warning, file, "initQuery", "it returns no row: the pool has no account", "a query that finds the accounts"))
	case err == nil:
		r.line += fmt.Sprintf(", read in %s", time.Since(begin).Round(time.Millisecond))
	case errors.Is(ctx.Err(), context.DeadlineExceeded):
		r.line += fmt.Sprintf(" within %v, and more to come", checkLoad)
	default:
		r.line = ""
		r.list = append(r.list, src.finding(config.Fault, file, "initQuery", err.Error(), fixes["initQuery"]))
	}
	return r
}

// finding is one about a member of the pool's loader.
func (src *source) finding(severity config.Severity, file, field, problem, fix string) config.Finding {
	f := config.Finding{Severity: severity, File: file, Key: "accountPools." + src.pool.Name() + ".loader." + field, Problem: problem, Fix: fix}
	f.Line, f.Column = src.sql.Place(field)
	return f
}

// rowProblems keeps what is wrong with the first few rows.
type rowProblems struct {
	unheard
	texts []string
}

// mostRows with problems are listed.
const mostRows = 5

// Tell implements keeper.Owner.
func (p *rowProblems) Tell(e event.Event) {
	if a, ok := e.(event.Accounts); ok && a.At > event.Message && len(p.texts) < mostRows {
		p.texts = append(p.texts, a.What)
	}
}

var _ keeper.Owner = (*rowProblems)(nil)
