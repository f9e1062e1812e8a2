package server

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"math/rand/v2"
	"os"
	"path/filepath"

	"b2bua/core/account"
	"b2bua/core/account/sqlstore"
	"b2bua/core/app"
	"b2bua/core/app/sipbridge"
	"b2bua/core/config"
)

// maxProviders bounds the providers file: a million accounts have 200 MB.
const maxProviders = 1 << 30

// bridge is the application sip-bridge with what its pools are loaded from.
type bridge struct {
	*sipbridge.Bridge
	sources []source // in the order of the pools
}

// loadBridge reads the providers file of [b2bua-server::sip-bridge]; the bridge is nil when a finding is a fault.
func loadBridge(cfg *config.Config) (*bridge, []config.Finding) {
	path := cfg.SIPBridge.Providers
	data, err := readProviders(path)
	if err != nil {
		return nil, []config.Finding{{
			Severity: config.Fault, Section: sectionBridge, Key: "providers", Value: path,
			Problem: fmt.Sprintf("failed to open external SIP providers JSON configuration file '%s': %v", path, err),
			Fix:     "the path of a JSON file that the user of the service can read; a relative one starts at the directory of the configuration file",
		}}
	}
	plans := plans{}
	loaded, problems := sipbridge.Load(data, sipbridge.Options{
		Supported: supported, Random: rand.IntN, RegexLimit: cfg.Timers.RegexTimeout, SQL: plans.compile,
	})
	list := make([]config.Finding, 0, len(problems))
	for _, p := range problems {
		list = append(list, finding(path, p, cfg.Own.Strict))
	}
	if loaded == nil {
		return nil, list
	}
	b := &bridge{Bridge: loaded}
	for _, pool := range loaded.Pools() {
		if sql := loaded.Loader(pool); sql != nil {
			if c := &plans[sql].Connection; c.Backend == sqlstore.SQLite {
				c.Database = findFile(c.Database, filepath.Dir(path))
			}
			b.sources = append(b.sources, source{pool, sql, plans[sql]})
		}
	}
	if len(b.sources) > 0 && cfg.Registrar.RedisConfigured {
		_, faults := redisTLS(cfg.Registrar)
		list = append(list, faults...)
	}
	return b, list
}

// finding of the providers file. With b2bua/strict what is left out or ignored is a fault.
func finding(path string, p sipbridge.Problem, strict bool) config.Finding {
	f := config.Finding{
		Severity: config.Warning, File: path, Line: p.Line, Column: p.Column, Key: p.Path, Value: p.Value, Problem: p.Problem, Fix: p.Fix,
	}
	switch {
	case p.Severity == sipbridge.Fault, strict && (p.Severity == sipbridge.Skipped || p.Ignored):
		f.Severity = config.Fault
	case p.Severity == sipbridge.Skipped:
		f.Severity = config.Skipped
	}
	return f
}

func readProviders(path string) ([]byte, error) {
	file, err := os.Open(path)
	var failed *fs.PathError
	if errors.As(err, &failed) {
		return nil, failed.Err
	}
	if err != nil {
		return nil, err
	}
	defer func() { _ = file.Close() }()
	data, err := io.ReadAll(io.LimitReader(file, maxProviders+1))
	if err != nil {
		return nil, err
	}
	if len(data) > maxProviders {
		return nil, fmt.Errorf("it has more than %d bytes", maxProviders)
	}
	return data, nil
}

// bridgeOf is loadBridge for a start.
func bridgeOf(cfg *config.Config) (*bridge, error) {
	b, list := loadBridge(cfg)
	var faults []config.Finding
	for _, f := range list {
		if f.Severity == config.Fault {
			faults = append(faults, f)
		}
	}
	if len(faults) > 0 {
		return nil, &ConfigError{faults}
	}
	return b, nil
}

// summary of a bridge is for the log at the start.
func summary(b *bridge, path string) string {
	accounts := 0
	for _, p := range b.Pools() {
		accounts += p.Len()
	}
	text := fmt.Sprintf("sip-bridge: providers=%d pools=%d accounts=%d, from %s", len(b.Providers()), len(b.Pools()), accounts, path)
	if n := len(b.sources); n > 0 {
		text += fmt.Sprintf("; pools that a database fills: %d", n)
	}
	return text
}

// ExplainBridge decides one call as the running server would if every account were registered and had a free line. Pools of a database
// are loaded for it.
func ExplainBridge(ctx context.Context, cfg *config.Config, facts app.Facts) (sipbridge.Explanation, error) {
	b, err := bridgeOf(cfg)
	if err != nil {
		return sipbridge.Explanation{}, err
	}
	for _, src := range b.sources {
		if err := src.loadNow(ctx); err != nil {
			return sipbridge.Explanation{}, err
		}
	}
	for _, pool := range b.Pools() {
		for a := range pool.All() {
			a.SetRegistration(account.Registered, "")
		}
	}
	return b.Explain(facts), nil
}
