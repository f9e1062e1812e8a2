package server

import (
	"context"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"b2bua/core/config"
	"b2bua/media/zrtp"
	"b2bua/media/zrtp/alg"
	"b2bua/media/zrtp/sqlcache"
)

func TestSecretsAreKeptWhereTheyCanBe(t *testing.T) {
	var lines strings.Builder
	opt := Options{Log: slog.New(slog.NewTextHandler(&lines, nil))}
	cfg := &config.Config{B2BUA: config.B2BUA{DataDirectory: filepath.Join(t.TempDir(), "data")}}
	open := func() *sqlcache.Store {
		store, err := secrets(cfg, opt)
		require.NoError(t, err)
		t.Cleanup(func() { assert.NoError(t, closeSecrets(store)) })
		return store
	}
	first := open()
	require.NoError(t, closeSecrets(first))
	assert.Equal(t, first.ZID(), open().ZID(), "phones know us by it")
	require.Empty(t, lines.String())

	opt.Dataless = true // told by who found it out
	other := open()
	assert.NotEqual(t, first.ZID(), other.ZID())
	require.Empty(t, lines.String())

	opt.Dataless = false
	cfg.B2BUA.DataDirectory = filepath.Join(cfg.B2BUA.DataDirectory, "zrtp-cache.db")
	info, err := os.Stat(cfg.B2BUA.DataDirectory)
	require.NoError(t, err)
	assert.Equal(t, os.FileMode(0o600), info.Mode())
	inMemory := open()
	assert.Contains(t, lines.String(), "b2bua-server/data-directory")
	key := zrtp.Key{Own: inMemory.ZID(), Peer: alg.ZID{1}}
	require.NoError(t, inMemory.Store(key, zrtp.Update{Retained: make(alg.Secret, 32)}))
	n := 0
	for _, err := range inMemory.List(context.Background()) {
		require.NoError(t, err)
		n++
	}
	assert.Equal(t, 1, n)
}

func TestZRTPClient(t *testing.T) {
	assert.Equal(t, "b2bua 0.1.0", zrtpClient("0.1.0"))
	assert.Equal(t, "b2bua 12.345.678", zrtpClient("12.345.6789-rc1"))
}

func TestReportOfZRTP(t *testing.T) {
	assert.Nil(t, agreedByZRTP(nil))
	suite, err := alg.NewSuite([alg.Kinds]alg.Code{})
	require.Error(t, err)
	z := agreedByZRTP(&zrtp.Report{Suite: suite, SAS: "e8yz", Peer: alg.ZID{0xab}, Client: "BZRTPv1.1       ", Mismatch: true, Verified: true})
	assert.Equal(t, "BZRTPv1.1", z.Client)
	assert.Equal(t, "ab0000000000000000000000", z.ZID)
	assert.True(t, z.Mismatch && z.Verified && !z.Continuity && !z.PeerVerified)
}
