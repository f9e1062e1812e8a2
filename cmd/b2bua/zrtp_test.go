package main

import (
	"context"
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"b2bua/media/zrtp"
	"b2bua/media/zrtp/alg"
	"b2bua/media/zrtp/sqlcache"
)

// retain makes a data directory with two phones and three records, held open as a running server does.
func retain(t *testing.T) (dir string, store *sqlcache.Store) {
	t.Helper()
	dir = filepath.Join(t.TempDir(), "data")
	store, err := sqlcache.Open(dir, sqlcache.Options{})
	require.NoError(t, err)
	t.Cleanup(func() { assert.NoError(t, store.Close(context.Background())) })
	linphone, other, yes := alg.ZID{1, 2, 0xab}, alg.ZID{3}, true
	used := time.Date(2026, 11, 22, 6, 0, 0, 0, time.UTC)
	secret := func() alg.Secret { return alg.Secret(strings.Repeat("s", 32)) }
	for _, r := range []struct {
		key zrtp.Key
		up  zrtp.Update
	}{
		{zrtp.Key{Own: store.ZID(), Peer: linphone, URI: "sip:bob@example.org"}, zrtp.Update{Retained: secret(), Client: "BZRTPv1.1", Used: used, Verified: &yes}},
		{zrtp.Key{Own: store.ZID(), Peer: linphone, URI: "sip:carol@example.org"}, zrtp.Update{Retained: secret(), Client: "BZRTPv1.1", Used: used}},
		{zrtp.Key{Own: store.ZID(), Peer: other}, zrtp.Update{Retained: secret(), Client: "GNU ZRTP 4.7.0  ", Used: used, Expires: used.AddDate(10, 0, 0)}},
	} {
		require.NoError(t, store.Store(r.key, r.up))
	}
	return dir, store
}

func TestZRTPList(t *testing.T) {
	dir, store := retain(t)
	in := []string{"-c", write(t, ""), "-s", "b2bua-server/data-directory=" + dir}
	status, stdout, stderr := run(t, append([]string{"zrtp", "list"}, in...)...)
	assert.Equal(t, 0, status)
	assert.Empty(t, stderr)
	assert.Equal(t, `ZID                       CLIENT          VERIFIED  MISMATCHES  LAST USED             EXPIRES               URI
0102ab000000000000000000  BZRTPv1.1       yes       0           2026-11-22T06:00:00Z  never                 sip:bob@example.org
0102ab000000000000000000  BZRTPv1.1       no        0           2026-11-22T06:00:00Z  never                 sip:carol@example.org
030000000000000000000000  GNU ZRTP 4.7.0  no        0           2026-11-22T06:00:00Z  2036-11-22T06:00:00Z  -
`, stdout)

	_, stdout, _ = run(t, append([]string{"zrtp", "list", "--json"}, in...)...)
	var list []retained
	require.NoError(t, json.Unmarshal([]byte(stdout), &list))
	require.Len(t, list, 3)
	assert.Equal(t, "sip:carol@example.org", list[1].URI)
	assert.Nil(t, list[1].Expires)
	assert.Equal(t, store.ZID(), must(sqlcache.ParseZID(list[2].OwnZID)))
	assert.Contains(t, stdout, `"expires": null`)
	assert.NotContains(t, stdout, "ssss")
}

func must(zid alg.ZID, err error) alg.ZID {
	if err != nil {
		panic(err)
	}
	return zid
}

func TestZRTPClear(t *testing.T) {
	dir, store := retain(t)
	in := []string{"-c", write(t, ""), "-s", "b2bua-server/data-directory=" + dir}
	known := func() (n int) {
		for _, err := range store.List(context.Background()) {
			require.NoError(t, err)
			n++
		}
		return n
	}
	for _, tt := range []struct {
		args   string
		status int
		stdout string
		stderr string
		left   int
	}{
		{"zrtp clear", 1, "", "write the ZIDs that b2bua zrtp list prints, or --all", 3},
		{"zrtp clear --all 0102ab000000000000000000", 1, "", "or --all", 3},
		{"zrtp clear 0102ab000000000000000000 nonsense", 1, "", "zrtp clear nonsense: a ZID has 24 hexadecimal digits", 3},
		{"zrtp clear 0102AB000000000000000000 040000000000000000000000", 1, "2 records forgotten.\n", "nothing is known of 040000000000000000000000", 1},
		{"zrtp clear 030000000000000000000000", 0, "1 record forgotten.\n", "", 0},
		{"zrtp clear --all --json", 0, "{\n  \"cleared\": 0,\n  \"unknown\": []\n}\n", "", 0},
	} {
		status, stdout, stderr := run(t, append(strings.Fields(tt.args), in...)...)
		assert.Equal(t, tt.status, status, tt.args)
		assert.Equal(t, tt.stdout, stdout, tt.args)
		if tt.stderr == "" {
			assert.Empty(t, stderr, tt.args)
		}
		assert.Contains(t, stderr, tt.stderr, tt.args)
		assert.Equal(t, tt.left, known(), tt.args)
	}
}

// Where no server has kept anything, there is nothing to list, and nothing is made.
func TestZRTPWithoutFile(t *testing.T) {
	dir := t.TempDir()
	in := []string{"-c", write(t, ""), "-s", "b2bua-server/data-directory=" + dir}
	status, stdout, stderr := run(t, append([]string{"zrtp", "list"}, in...)...)
	assert.Equal(t, 0, status)
	assert.Empty(t, stdout)
	assert.Contains(t, stderr, "no ZRTP secrets are retained in "+dir+" (b2bua-server/data-directory)")
	_, stdout, _ = run(t, append([]string{"zrtp", "list", "--json"}, in...)...)
	assert.Equal(t, "[]\n", stdout)
	status, stdout, _ = run(t, append([]string{"zrtp", "clear", "--all"}, in...)...)
	assert.Equal(t, 0, status)
	assert.Equal(t, "0 records forgotten.\n", stdout)
	status, _, stderr = run(t, append([]string{"zrtp", "clear", "0102ab000000000000000000"}, in...)...)
	assert.Equal(t, 1, status)
	assert.Contains(t, stderr, "nothing is known of 0102ab000000000000000000")
	left, err := os.ReadDir(dir)
	require.NoError(t, err)
	assert.Empty(t, left)
}

func TestZRTPOfAFaultyConfiguration(t *testing.T) {
	status, _, stderr := run(t, "zrtp", "list", "-c", write(t, "[b2bua-server]\nmax-calls=0\n"))
	assert.Equal(t, 255, status)
	assert.Contains(t, stderr, "so it is not known where ZRTP secrets are retained")
	for args, says := range map[string]string{
		"zrtp --help": "zrtp clear", "zrtp list --help": "jq '.[] | select(.mismatches > 0)'", "zrtp clear -h": "b2bua zrtp clear --all --json",
	} {
		status, stdout, _ := run(t, strings.Fields(args)...)
		assert.Equal(t, 0, status)
		assert.Contains(t, stdout, says)
	}
	status, _, stderr = run(t, "zrtp")
	assert.Equal(t, 1, status)
	assert.Contains(t, stderr, "list")
}
