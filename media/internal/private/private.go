// Package private keeps what only the owner of the process may read.
//
// It knows two things: directories of ours, and locks against other processes of ours.
package private

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"time"
)

// ErrLocked is a lock that another process has.
var ErrLocked = errors.New("locked by another process")

// pause between two looks at a lock.
const pause = 10 * time.Millisecond

// MakeDir makes a directory for the owner alone, and at most one parent that others may enter. One that is there stays as it is.
func MakeDir(dir string) error {
	err := os.Mkdir(dir, 0o700)
	if errors.Is(err, fs.ErrNotExist) {
		if err = os.Mkdir(filepath.Dir(dir), 0o755); err == nil || errors.Is(err, fs.ErrExist) { // another process was quicker
			err = os.Mkdir(dir, 0o700)
		}
	}
	if errors.Is(err, fs.ErrExist) {
		return nil
	}
	return err
}

// Lock takes the lock of an open file or directory, for which it waits so long: ErrLocked tells that another process still has it,
// another error that the system or the file system has no such locks. To close f is to unlock it; the system does that for a
// process that dies.
func Lock(f *os.File, patience time.Duration) error {
	for begin := time.Now(); ; time.Sleep(pause) {
		err := tryLock(f)
		if !errors.Is(err, ErrLocked) || time.Since(begin) >= patience {
			return err
		}
	}
}
