package server

import (
	"os"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"b2bua/core/config"
)

func TestCheckStores(t *testing.T) {
	d := newDatabase(t)
	d.add("alice", "bob", "carol")
	d.run("UPDATE accounts SET hostport = '' WHERE id = 'bob'")
	good := d.settings(allAccounts)
	data, err := os.ReadFile(good.SIPBridge.Providers)
	require.NoError(t, err)
	for _, v := range []struct {
		name, old, now string
		line           string // empty: none
		severity       config.Severity
		key, problem   string
	}{
		{"good, but for a row", "", "", "pool sql: SQLite file " + d.path + ": 3 rows, 2 accounts, read in ", config.Warning, "initQuery", "a row without a name"},
		{"no rows", "SELECT * FROM accounts\"", "SELECT * FROM accounts WHERE 1 = 0\"", "0 rows, 0 accounts", config.Warning, "initQuery", "it returns no row"},
		{"no table", "SELECT * FROM accounts\"", "SELECT * FROM nothing\"", "", config.Fault, "initQuery", "an error occurred while validating initialization SQL query"},
		{"no file", d.path, d.path + ".gone", "", config.Fault, "connection", "unable to open"},
		{
			"no column for updates", "SELECT * FROM accounts WHERE id", "SELECT username FROM accounts WHERE id", "3 rows, 2 accounts", config.Warning, "updateQuery",
			"changes that are announced cannot be read",
		},
	} {
		t.Run(v.name, func(t *testing.T) {
			changed := strings.ReplaceAll(string(data), v.old, v.now)
			if v.old == "" {
				changed = string(data)
			}
			require.Equal(t, v.old == "", changed == string(data), "%s", data)
			require.NoError(t, os.WriteFile(good.SIPBridge.Providers, []byte(changed), 0o600))
			lines, list := CheckStores(t.Context(), good)
			if v.line == "" {
				assert.Empty(t, lines)
			} else {
				require.Len(t, lines, 1)
				assert.Contains(t, lines[0], v.line)
			}
			require.NotEmpty(t, list)
			f := list[0]
			assert.Equal(t, v.severity, f.Severity)
			assert.Equal(t, "accountPools.sql.loader."+v.key, f.Key)
			assert.Contains(t, f.Problem, v.problem)
			assert.Positive(t, f.Line)
			assert.Positive(t, f.Column)
			assert.NotEmpty(t, f.Fix)
			assert.NotContains(t, f.String(), "Mellon")
		})
	}
}

func TestCheckStoresOfOthers(t *testing.T) {
	cfg, _ := config.Load(nil, nil)
	lines, list := CheckStores(t.Context(), cfg)
	assert.Empty(t, lines)
	assert.Empty(t, list)
	cfg.B2BUA.Application, cfg.SIPBridge.Providers = config.AppSIPBridge, "/nowhere"
	lines, list = CheckStores(t.Context(), cfg)
	assert.Empty(t, lines)
	assert.Empty(t, list, "Check has told it")
}
