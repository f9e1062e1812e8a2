package server

import (
	"fmt"
	"os"
	"path/filepath"
)

// openDataDirectory makes b2bua-server/data-directory, with at most one missing parent as the original does, and tries to write
// there. What would live there stays in memory if that fails (the warning says so).
func openDataDirectory(dir string) error {
	if err := os.Mkdir(filepath.Dir(dir), 0o750); err != nil && !os.IsExist(err) {
		return fmt.Errorf("cannot be made: %w", err)
	}
	if err := os.Mkdir(dir, 0o700); err != nil && !os.IsExist(err) {
		return fmt.Errorf("cannot be made: %w", err)
	}
	probe, err := os.CreateTemp(dir, ".probe-*")
	if err != nil {
		return fmt.Errorf("is not writable: %w", err)
	}
	name := probe.Name()
	_ = probe.Close()
	return os.Remove(name)
}
