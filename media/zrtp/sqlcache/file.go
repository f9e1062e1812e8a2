package sqlcache

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"io/fs"
	"net/url"
	"os"
	"path/filepath"
	"strconv"

	"modernc.org/sqlite" // the driver, and its errors
	sqlite3 "modernc.org/sqlite/lib"

	"b2bua/media/internal/private"
	"b2bua/media/zrtp/alg"
)

const (
	fileName = "zrtp-cache.db"
	zidName  = "zrtp-zid"
	lockName = "zrtp-cache.lock"
)

// sidecars are what SQLite puts beside a file: the log, and the index of the log that its users share.
var sidecars = []string{"-wal", "-shm"}

// database is an open file, or memory.
type database struct {
	sql  *sql.DB
	zid  alg.ZID
	path string      // "": memory
	info fs.FileInfo // tells whether the path still names this file
}

// fault names the file.
func (d *database) fault(what string, err error) error {
	where := d.path
	if where == "" {
		where = "in memory"
	}
	if what == "" {
		return fmt.Errorf("zrtp cache %s: %w", where, err)
	}
	return fmt.Errorf("zrtp cache %s: %s: %w", where, what, err)
}

// close moves the log into the file.
func (d *database) close() { _ = d.sql.Close() }

// moved tells whether the file has lost its name. It must not be opened to find out: closing it would end SQLite's locks, which
// are those of the process (fcntl(2)).
func (d *database) moved() bool {
	if d.path == "" {
		return false
	}
	info, err := os.Stat(d.path)
	return err != nil || !os.SameFile(info, d.info)
}

// open opens the file of the directory, else memory. Zero: the ZID is not known yet.
func (s *Store) open(zid alg.ZID) (*database, error) {
	candidate := func() (alg.ZID, error) {
		if zid != (alg.ZID{}) {
			return zid, nil
		}
		return savedZID(s.dir, s.options.Rand)
	}
	if s.dir != "" {
		d, err := s.openFile(candidate)
		if err == nil {
			return d, nil
		}
		s.options.Warn(fmt.Errorf("the retained secrets of ZRTP cannot be kept in %s (b2bua-server/data-directory): they are in memory until the next start, and then phones will ask their users to compare the SAS: %w",
			filepath.Join(s.dir, fileName), err))
	}
	ctx, cancel := context.WithTimeout(context.Background(), timeout)
	defer cancel()
	return connect(ctx, "", candidate)
}

// openFile opens the file of the directory; a damaged one is put aside. A lock keeps other processes from doing so at once.
func (s *Store) openFile(candidate func() (alg.ZID, error)) (*database, error) {
	dir, err := filepath.Abs(s.dir)
	if err != nil {
		return nil, err
	}
	if err := private.MakeDir(dir); err != nil {
		return nil, err
	}
	unlock, err := lock(filepath.Join(dir, lockName))
	if err != nil {
		return nil, err
	}
	defer unlock()
	path := filepath.Join(dir, fileName)
	d, err := s.tryFile(path, candidate)
	if err != nil && damaged(err) {
		aside, asideErr := setAside(path, s.options.Now())
		if asideErr != nil {
			return nil, errors.Join(err, asideErr)
		}
		s.options.Warn(fmt.Errorf("the ZRTP cache %s cannot be read; it was kept as %s, and a new one begun: phones will ask their users to compare the SAS: %w", path, aside, err))
		d, err = s.tryFile(path, candidate)
	}
	if err != nil {
		return nil, err
	}
	if err := saveZID(dir, d.zid); err != nil {
		s.options.Warn(fmt.Errorf("our ZID cannot be saved in %s; it is in %s only: %w", filepath.Join(dir, zidName), path, err))
	}
	return d, nil
}

func (s *Store) tryFile(path string, candidate func() (alg.ZID, error)) (*database, error) {
	if err := s.own(path); err != nil {
		return nil, err
	}
	ctx, cancel := context.WithTimeout(context.Background(), timeout)
	defer cancel()
	return connect(ctx, path, candidate)
}

// own makes the file if it is not there, and takes the rights of others from it.
func (s *Store) own(path string) error {
	f, err := os.OpenFile(path, os.O_CREATE|os.O_EXCL|os.O_RDWR, 0o600)
	if err == nil {
		return f.Close()
	}
	if !errors.Is(err, fs.ErrExist) {
		return err
	}
	for _, name := range append([]string{""}, sidecars...) {
		info, err := os.Stat(path + name)
		if errors.Is(err, fs.ErrNotExist) && name != "" {
			continue
		}
		if err != nil {
			return err
		}
		if !info.Mode().IsRegular() {
			return fmt.Errorf("%s is not a file", path+name)
		}
		if info.Mode().Perm()&0o077 == 0 {
			continue
		}
		if err := os.Chmod(path+name, 0o600); err != nil {
			return err
		}
		s.options.Warn(fmt.Errorf("others could read the retained secrets of ZRTP in %s (mode %04o): now they cannot; clear the cache if somebody may have read it", path+name, info.Mode().Perm()))
	}
	return nil
}

func openExisting(dir string) (*database, error) {
	path, err := filepath.Abs(filepath.Join(dir, fileName))
	if err != nil {
		return nil, err
	}
	if _, err := os.Stat(path); err != nil {
		return nil, err
	}
	ctx, cancel := context.WithTimeout(context.Background(), timeout)
	defer cancel()
	return connect(ctx, path, func() (alg.ZID, error) {
		return alg.ZID{}, fmt.Errorf("%s is empty: no server has used it yet", path)
	})
}

// connect opens a file that exists, or memory for an empty path.
func connect(ctx context.Context, path string, candidate func() (alg.ZID, error)) (*database, error) {
	name := "file::memory:"
	if path != "" {
		name = (&url.URL{Scheme: "file", Path: path}).String()
	}
	// FULL: a commit is on the disk when it returns, in WAL, too.
	parameters := url.Values{
		"mode": {"rw"}, "_txlock": {"immediate"},
		"_pragma": {
			"busy_timeout(" + strconv.FormatInt(busy.Milliseconds(), 10) + ")", "journal_mode(WAL)", "synchronous(FULL)",
			"secure_delete(ON)", "trusted_schema(OFF)", "cell_size_check(ON)", "temp_store(MEMORY)",
		},
	}
	if path == "" {
		parameters.Set("mode", "memory")
	}
	db, err := sql.Open("sqlite", name+"?"+parameters.Encode())
	if err != nil {
		return nil, err
	}
	db.SetMaxOpenConns(1)
	d := &database{sql: db, path: path}
	if d.zid, err = prepare(ctx, db, candidate); err == nil && path != "" {
		d.info, err = os.Stat(path)
	}
	if err != nil {
		d.close()
		return nil, err
	}
	return d, nil
}

// damaged tells whether another file would help.
func damaged(err error) bool {
	var e *sqlite.Error
	if errors.As(err, &e) {
		code := e.Code() & 0xff // without the extension
		return code == sqlite3.SQLITE_CORRUPT || code == sqlite3.SQLITE_NOTADB
	}
	return errors.Is(err, errDamaged) || errors.Is(err, errForeign)
}
