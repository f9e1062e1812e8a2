//go:build linux

package load

import (
	"context"
	"encoding/json"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestDatabaseFiles(t *testing.T) {
	dir := t.TempDir()
	d := databaseRunning{cfg: DatabaseConfig{Accounts: 10, Backend: "sqlite3", Updates: 20, Duration: time.Second}}
	connection, end, err := d.fill(t.Context(), nil, dir)
	require.NoError(t, err)
	end()
	require.NoError(t, d.files(dir, connection))
	text, err := os.ReadFile(filepath.Join(dir, "providers.json"))
	require.NoError(t, err)
	var doc struct {
		AccountPools map[string]struct {
			Loader struct{ InitQuery, UpdateQuery, Connection string }
		}
	}
	require.NoError(t, json.Unmarshal(text, &doc))
	loader := doc.AccountPools["load"].Loader
	assert.Contains(t, loader.InitQuery, "id < 10")
	assert.Contains(t, loader.UpdateQuery, "id = :identifier")
	assert.Equal(t, "db="+filepath.Join(dir, "accounts.sqlite"), loader.Connection)
	text, err = os.ReadFile(filepath.Join(dir, "b2bua.conf"))
	require.NoError(t, err)
	assert.Contains(t, string(text), "redis-server-port=6379")
}

// A program that ends is told as such, and nothing is left.
func TestDatabaseWithoutServer(t *testing.T) {
	dir := t.TempDir()
	d := databaseRunning{cfg: DatabaseConfig{Accounts: 2, Backend: "sqlite3", Program: []string{"true"}}, result: &DatabaseResult{}}
	connection, _, err := d.fill(t.Context(), nil, dir)
	require.NoError(t, err)
	require.NoError(t, d.files(dir, connection))
	d.probe, err = newProbe(accountsAddress)
	require.NoError(t, err)
	defer d.probe.close()
	d.server = &accountsRunning{cfg: AccountsConfig{Program: d.cfg.Program}}
	require.NoError(t, d.server.start(dir))
	defer d.server.kill()
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
	defer cancel()
	require.ErrorContains(t, d.measure(ctx), "b2bua ended")
}
