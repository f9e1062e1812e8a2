//go:build linux

package daemons

import (
	"errors"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
)

// prefix of the directories of all homes.
const prefix = "b2bua-daemons-"

// roomy is enough memory for the servers of a run: 45 MB each, and 300 MB for a table of a million accounts.
const roomy = 2 << 30

// Home is the directory of the servers' data.
type Home struct {
	dir  string
	lock net.Listener // of a name that ends with the process

	prepare  sync.Once // the template
	unready  error
	mu       sync.Mutex
	children map[*Server]bool
	number   int
}

// NewHome makes a home, and removes those whose process is gone.
func NewHome() (*Home, error) {
	base := os.TempDir()
	const memory = "/dev/shm"
	removeDeserted(memory)
	removeDeserted(base)
	var fs syscall.Statfs_t
	if err := syscall.Statfs(memory, &fs); err == nil && fs.Bavail*uint64(fs.Bsize) >= roomy {
		base = memory
	}
	dir, err := os.MkdirTemp(base, prefix)
	if err != nil {
		return nil, fmt.Errorf("daemons: %w", err)
	}
	lock, err := net.Listen("unix", lockOf(dir))
	if err != nil {
		_ = os.RemoveAll(dir)
		return nil, fmt.Errorf("daemons: %w", err)
	}
	return &Home{dir: dir, lock: lock, children: map[*Server]bool{}}, nil
}

func lockOf(dir string) string { return "@" + filepath.Base(dir) }

// removeDeserted: a directory whose name can be taken belongs to nobody. One that is being made may look so for a moment, so the
// youngest stay.
func removeDeserted(base string) {
	dirs, _ := filepath.Glob(filepath.Join(base, prefix+"*"))
	for _, dir := range dirs {
		info, err := os.Stat(dir)
		if err != nil || age(info) < deserted {
			continue
		}
		if lock, err := net.Listen("unix", lockOf(dir)); err == nil {
			_ = os.RemoveAll(dir)
			_ = lock.Close()
		}
	}
}

// Close ends every server and removes their data.
func (h *Home) Close() error {
	h.mu.Lock()
	var left []*Server
	for s := range h.children {
		left = append(left, s)
	}
	h.mu.Unlock()
	var faults []error
	for _, s := range left {
		faults = append(faults, s.Remove())
	}
	faults = append(faults, os.RemoveAll(h.dir), h.lock.Close())
	return errors.Join(faults...)
}

// room makes the directory of one server. The path of a unix socket in it is far below the 107 bytes that it may have.
func (h *Home) room(files map[string][]byte) (string, error) {
	h.mu.Lock()
	h.number++
	dir := filepath.Join(h.dir, fmt.Sprint(h.number))
	h.mu.Unlock()
	if err := os.Mkdir(dir, 0o700); err != nil {
		return "", err
	}
	for name, content := range files {
		if strings.ContainsRune(name, filepath.Separator) {
			return "", fmt.Errorf("file name %q", name)
		}
		if err := os.WriteFile(filepath.Join(dir, name), content, 0o600); err != nil {
			return "", err
		}
	}
	return dir, nil
}
