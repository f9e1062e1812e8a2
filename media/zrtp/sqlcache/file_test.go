package sqlcache

import (
	"bufio"
	"context"
	"database/sql"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// process is another user of the directory.
func process(t *testing.T, dir string, from, to int) (*exec.Cmd, *bufio.Scanner) {
	cmd := exec.Command(os.Args[0], dir, fmt.Sprint(from), fmt.Sprint(to))
	cmd.Env = append(os.Environ(), role+"=1")
	cmd.Stderr = os.Stderr
	out, err := cmd.StdoutPipe()
	require.NoError(t, err)
	require.NoError(t, cmd.Start())
	return cmd, bufio.NewScanner(out)
}

// raw is the file as another program sees it.
func raw(t *testing.T, dir string, f func(db *sql.DB)) {
	db, err := sql.Open("sqlite", "file:"+filepath.Join(dir, fileName))
	require.NoError(t, err)
	f(db)
	require.NoError(t, db.Close())
}

func intact(t *testing.T, dir string) {
	raw(t, dir, func(db *sql.DB) {
		var verdict string
		require.NoError(t, db.QueryRow("PRAGMA integrity_check").Scan(&verdict))
		require.Equal(t, "ok", verdict)
		var counted, records int
		require.NoError(t, db.QueryRow("SELECT records, (SELECT count(*) FROM record) FROM own").Scan(&counted, &records))
		require.Equal(t, records, counted, "the triggers count")
	})
}

// A process that dies in the middle of writing leaves a sound file with all that it had reported as stored.
func TestKilledWhileWriting(t *testing.T) {
	dir, stored := t.TempDir(), 0
	for round := range 6 {
		cmd, out := process(t, dir, stored, -1)
		for n := 0; n < 15+7*round && out.Scan(); {
			require.False(t, strings.HasPrefix(out.Text(), "error") || strings.HasPrefix(out.Text(), "warning"), out.Text())
			if strings.HasPrefix(out.Text(), "stored ") {
				stored++
				n++
			}
		}
		require.NoError(t, cmd.Process.Kill())
		for out.Scan() { // what it had said before it died
			if strings.HasPrefix(out.Text(), "stored ") {
				stored++
			}
		}
		require.ErrorContains(t, cmd.Wait(), "killed")
		if round%2 == 0 {
			intact(t, dir)
		}
		w := open(t, dir, 0)
		for n := range stored {
			require.Equal(t, secret(n), w.load(t, key(n)).RS1, "round %d, record %d of %d", round, n, stored)
		}
		require.Empty(t, w.warned())
		w.close(t)
	}
	intact(t, dir)
}

// Two processes and this one, all at once, from an empty directory on: one ZID, nothing lost.
func TestTwoProcesses(t *testing.T) {
	const each = 60
	dir := t.TempDir()
	a, fromA := process(t, dir, 0, each)
	b, fromB := process(t, dir, each, 2*each)
	w := open(t, dir, 0)
	for _, out := range []*bufio.Scanner{fromA, fromB} {
		require.True(t, out.Scan())
		assert.Equal(t, fmt.Sprintf("zid %x", w.ZID()), out.Text())
		for n := 0; out.Scan(); n++ {
			require.True(t, strings.HasPrefix(out.Text(), "stored "), out.Text())
		}
	}
	require.NoError(t, a.Wait())
	require.NoError(t, b.Wait())
	for n := range 2 * each {
		require.Equal(t, secret(n), w.load(t, key(n)).RS1)
	}
	r := w.load(t, shared)
	assert.NotEqual(t, r.RS1, r.RS2)
	assert.NotEmpty(t, r.RS2)
	assert.Empty(t, w.warned())
	w.close(t)
	intact(t, dir)
}

func TestPermissions(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "data")
	w := open(t, dir, 0)
	w.store(t, key(1), update(1))
	private := func() {
		files, err := os.ReadDir(dir)
		require.NoError(t, err)
		require.GreaterOrEqual(t, len(files), 3)
		for _, f := range files {
			info, err := f.Info()
			require.NoError(t, err)
			assert.Zero(t, info.Mode().Perm()&0o077, f.Name())
		}
	}
	private()
	info, err := os.Stat(dir)
	require.NoError(t, err)
	assert.Zero(t, info.Mode().Perm()&0o077)
	w.close(t)

	require.NoError(t, os.Chmod(filepath.Join(dir, fileName), 0o644))
	w = open(t, dir, 0)
	require.Len(t, w.warned(), 1)
	assert.Contains(t, w.warned()[0], "others could read")
	assert.Equal(t, secret(1), w.load(t, key(1)).RS1)
	private()
}

// A file that is no database, or a damaged one, is kept; our ZID stays what it was.
func TestDamagedFile(t *testing.T) {
	for name, damage := range map[string]func(t *testing.T, path string){
		"no database": func(t *testing.T, path string) {
			require.NoError(t, os.WriteFile(path, []byte(strings.Repeat("not a database. ", 600)), 0o600))
		},
		"page overwritten": func(t *testing.T, path string) {
			f, err := os.OpenFile(path, os.O_RDWR, 0)
			require.NoError(t, err)
			for page := int64(1); page < 12; page++ {
				_, err = f.WriteAt([]byte(strings.Repeat("\xff", 3000)), page*4096)
				require.NoError(t, err)
			}
			require.NoError(t, f.Close())
		},
		"cut": func(t *testing.T, path string) { require.NoError(t, os.Truncate(path, 4096*3+100)) },
		"of another program": func(t *testing.T, path string) {
			require.NoError(t, os.Remove(path))
			raw(t, filepath.Dir(path), func(db *sql.DB) {
				_, err := db.Exec("CREATE TABLE other (x); PRAGMA user_version = 1")
				require.NoError(t, err)
			})
			require.NoError(t, os.Chmod(path, 0o600))
		},
	} {
		t.Run(name, func(t *testing.T) {
			dir := t.TempDir()
			path := filepath.Join(dir, fileName)
			w := open(t, dir, 0)
			zid := w.ZID()
			for n := range 300 {
				require.NoError(t, w.Write(context.Background(), key(n), update(n), func(error) {}))
			}
			w.close(t)
			damage(t, path)

			w = open(t, dir, 0)
			require.Len(t, w.warned(), 1)
			assert.Regexp(t, `cannot be read; it was kept as \S+\.damaged-20261122T053000\S+Z, and a new one begun`, w.warned()[0])
			assert.Equal(t, zid, w.ZID())
			assert.Zero(t, w.load(t, key(1)))
			w.store(t, key(1), update(2))
			aside, err := filepath.Glob(path + ".damaged-*")
			require.NoError(t, err)
			assert.Len(t, aside, 1)
			w.close(t)
			intact(t, dir)
			w = open(t, dir, 0)
			assert.Empty(t, w.warned())
			assert.Equal(t, secret(2), w.load(t, key(1)).RS1)
		})
	}
}

func TestFewDamagedFilesAreKept(t *testing.T) {
	dir := t.TempDir()
	for n := range maxAside + 3 {
		require.NoError(t, os.WriteFile(filepath.Join(dir, fileName), []byte(strings.Repeat("x", 5000)), 0o600))
		_, err := setAside(filepath.Join(dir, fileName), epoch.Add(time.Duration(n)*time.Second))
		require.NoError(t, err)
	}
	aside, err := filepath.Glob(filepath.Join(dir, fileName+".damaged-*"))
	require.NoError(t, err)
	require.Len(t, aside, maxAside)
	assert.Contains(t, aside[0], "T053003")
}

// Another process put the file aside, or somebody removed it: the store goes over to the one that has its name.
func TestFileIsReplacedWhileOpen(t *testing.T) {
	dir := t.TempDir()
	w := open(t, dir, 0)
	w.store(t, key(1), update(1))
	_, err := setAside(filepath.Join(dir, fileName), epoch)
	require.NoError(t, err)
	other := open(t, dir, 0)
	assert.Equal(t, w.ZID(), other.ZID())
	w.store(t, key(2), update(2))
	assert.Equal(t, secret(2), other.load(t, key(2)).RS1)
	assert.Zero(t, w.load(t, key(1)))
}

// A file that turns out to be damaged while it is used is put aside, too, and the write that found it is repeated on the new one.
func TestDamagedWhileOpen(t *testing.T) {
	dir := t.TempDir()
	w := open(t, dir, 0)
	w.store(t, key(1), update(1))
	require.NoError(t, w.do(t.Context(), func(ctx context.Context, d *database) error {
		_, err := d.sql.ExecContext(ctx, "PRAGMA writable_schema = ON; UPDATE sqlite_schema SET rootpage = 4000 WHERE name = 'record'; PRAGMA writable_schema = RESET")
		return err
	}))
	w.store(t, key(2), update(2))
	require.Len(t, w.warned(), 1)
	assert.Contains(t, w.warned()[0], "it was kept as")
	assert.Equal(t, secret(2), w.load(t, key(2)).RS1)
	assert.Equal(t, w.ZID(), open(t, dir, 0).ZID())
}

// A directory that cannot be used: memory, with one warning that names the setting (decision 4 of the design).
func TestMemory(t *testing.T) {
	blocked := filepath.Join(t.TempDir(), "file")
	require.NoError(t, os.WriteFile(blocked, nil, 0o600))
	isDir := t.TempDir()
	require.NoError(t, os.Mkdir(filepath.Join(isDir, fileName), 0o700))
	newer := t.TempDir()
	open(t, newer, 0).close(t)
	raw(t, newer, func(db *sql.DB) {
		_, err := db.Exec("PRAGMA user_version = 99")
		require.NoError(t, err)
	})
	for dir, reason := range map[string]string{
		filepath.Join(blocked, "data"): "not a directory", isDir: "is not a file", newer: "newer version", filepath.Join(isDir, "a", "b", "c"): "no such file",
	} {
		w := open(t, dir, 0)
		require.Len(t, w.warned(), 1)
		assert.Contains(t, w.warned()[0], "b2bua-server/data-directory")
		assert.Contains(t, w.warned()[0], reason)
		w.store(t, key(1), update(1))
		assert.Equal(t, secret(1), w.load(t, key(1)).RS1)
		assert.Len(t, w.entries(t), 1)
	}
	w := open(t, "", 0)
	w.store(t, key(1), update(1))
	assert.Equal(t, secret(1), w.load(t, key(1)).RS1)
	assert.Empty(t, w.warned(), "memory was asked for")
	raw(t, newer, func(db *sql.DB) {
		var version int
		require.NoError(t, db.QueryRow("PRAGMA user_version").Scan(&version))
		assert.Equal(t, 99, version, "a newer file is left as it is")
	})
}

// Version 0 is a file that was made and not yet filled: a process died there.
func TestMigration(t *testing.T) {
	for name, begin := range map[string]func(path string) error{
		"empty":  func(path string) error { return os.WriteFile(path, nil, 0o600) },
		"header": func(string) error { return nil },
	} {
		dir := t.TempDir()
		require.NoError(t, begin(filepath.Join(dir, fileName)), name)
		if name == "header" {
			raw(t, dir, func(db *sql.DB) {
				_, err := db.Exec("PRAGMA journal_mode = WAL; CREATE TABLE x (y); DROP TABLE x")
				require.NoError(t, err)
			})
			require.NoError(t, os.Chmod(filepath.Join(dir, fileName), 0o600))
		}
		w := open(t, dir, 0)
		w.store(t, key(1), update(1))
		assert.Empty(t, w.warned(), name)
		w.close(t)
		raw(t, dir, func(db *sql.DB) {
			var version, id int
			require.NoError(t, db.QueryRow("SELECT user_version, application_id FROM pragma_user_version, pragma_application_id").Scan(&version, &id))
			assert.Equal(t, len(migrations), version)
			assert.Equal(t, application, id)
		})
		assert.Equal(t, secret(1), open(t, dir, 0).load(t, key(1)).RS1)
	}
}
