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

func TestAccountsFiles(t *testing.T) {
	dir := t.TempDir()
	require.NoError(t, accountsFiles(dir, AccountsConfig{Accounts: 3, Network: "udp"}))
	text, err := os.ReadFile(filepath.Join(dir, "providers.json"))
	require.NoError(t, err)
	var doc struct {
		AccountPools map[string]struct{ Loader []map[string]string }
	}
	require.NoError(t, json.Unmarshal(text, &doc))
	require.Len(t, doc.AccountPools["load"].Loader, 3)
	assert.Equal(t, "sip:account2@accounts.example.org", doc.AccountPools["load"].Loader[2]["uri"])
}

// A program that ends, or is none, is told as such, and nothing is left.
func TestAccountsWithoutServer(t *testing.T) {
	for _, program := range []string{"true", "/nowhere/b2bua"} {
		ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
		defer cancel()
		_, err := Accounts(ctx, AccountsConfig{Accounts: 1, Program: []string{program}, Network: "udp", Lifetime: time.Hour})
		require.Error(t, err, program)
	}
}
