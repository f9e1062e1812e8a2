package main

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"net"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"sync"
	"time"

	"b2bua/core/config"
)

// prepareData creates the data directory. Without it the program runs as well (decision 4).
func prepareData(lines *slog.Logger, dir string) (usable bool) {
	_, err := makeData(dir)
	if err == nil {
		err = probeData(dir, 0) // on a full disk, what is there already can still be read
	}
	if err != nil {
		lines.Warn(fmt.Sprintf("b2bua-server/data-directory=%s %s; create the directory for the user of the service, or name another one", dir, unusableData(err)))
	}
	return err == nil
}

// makeData makes a directory, with at most one missing parent, and lists what it made.
func makeData(dir string) (made []string, err error) {
	mkdir := func(path string) error {
		err := os.Mkdir(path, 0o750)
		if err == nil {
			made = append(made, path)
		}
		return err
	}
	err = mkdir(dir)
	if errors.Is(err, fs.ErrNotExist) {
		if err = mkdir(filepath.Dir(dir)); err == nil {
			err = mkdir(dir)
		}
	}
	if errors.Is(err, fs.ErrExist) {
		err = nil // what it is, the probe tells
	}
	return made, err
}

// probeData makes a file of that size in a directory and removes it.
func probeData(dir string, size int) error {
	probe, err := os.CreateTemp(dir, ".probe-*")
	if err != nil {
		return err
	}
	if size > 0 {
		if _, err = probe.Write(make([]byte, size)); err == nil {
			err = probe.Sync()
		}
	}
	return errors.Join(err, probe.Close(), os.Remove(probe.Name()))
}

// unusableData tells what the system said, without the names of files that we try.
func unusableData(err error) string {
	var failed *fs.PathError
	if errors.As(err, &failed) {
		err = failed.Err
	}
	return fmt.Sprintf("cannot be used (%v): what is not there already stays in memory, and with a DTLS-SRTP certificate in memory peers see another fingerprint after each start, and phones with ZRTP ask to compare the SAS anew", err)
}

// checkData tries what a start tries, room on the disk too, and leaves nothing behind. It is tried as the user who asks.
func checkData(dir string) []config.Finding {
	made, err := makeData(dir)
	if err == nil {
		err = probeData(dir, 4096)
	}
	for _, path := range slices.Backward(made) {
		_ = os.Remove(path) // a server that starts meanwhile has put something into it
	}
	if err == nil {
		return nil
	}
	return []config.Finding{{
		Severity: config.Warning, Section: "b2bua-server", Key: "data-directory", Value: dir,
		Problem: "as this user it " + unusableData(err), Fix: "a directory that the user of the service can write in, with room on its disk, or create this one for that user",
	}}
}

// allowCore raises the limit of core files as far as the system lets us.
func allowCore(lines *slog.Logger) {
	if err := mostCore(); err != nil {
		lines.Warn(fmt.Sprintf("global/dump-corefiles has no effect: %v", err))
	}
}

// manager is the service manager's socket (sd_notify(3)); the zero value is none.
type manager struct{ address string }

// newManager reads where systemd listens. The variable is removed, as sd_notify does, so that no child answers for us.
func newManager() manager {
	m := manager{os.Getenv("NOTIFY_SOCKET")}
	_ = os.Unsetenv("NOTIFY_SOCKET")
	return m
}

func (m manager) tell(lines *slog.Logger, state string) {
	if m.address == "" {
		return
	}
	conn, err := net.Dial("unixgram", m.address)
	if err == nil {
		_ = conn.SetWriteDeadline(time.Now().Add(time.Second)) // a manager that does not read must not hold up a stop
		_, err = conn.Write([]byte(state))
		_ = conn.Close()
	}
	if err != nil {
		lines.Warn(fmt.Sprintf("the service manager could not be told %s: %v", state, err))
	}
}

// periodic runs the watchdog notification and the memory line until ctx ends; wait for the returned function then.
func periodic(ctx context.Context, lines *slog.Logger, g config.Global, m manager) (wait func()) {
	var tasks sync.WaitGroup
	every := func(d time.Duration, what func()) {
		if d <= 0 {
			return
		}
		tasks.Add(1)
		go func() {
			defer tasks.Done()
			tick := time.NewTicker(d)
			defer tick.Stop()
			for {
				select {
				case <-ctx.Done():
					return
				case <-tick.C:
					what()
				}
			}
		}()
	}
	if m.address != "" {
		every(g.WatchdogNotifyInterval, func() { m.tell(lines, "WATCHDOG=1") })
	}
	every(g.MemoryUsageLogInterval, func() {
		var mem runtime.MemStats
		runtime.ReadMemStats(&mem)
		lines.Info(fmt.Sprintf("memory: %d KiB in use, %d KiB from the system, %d goroutines", mem.HeapInuse/1024, mem.Sys/1024, runtime.NumGoroutine()))
	})
	return tasks.Wait
}
