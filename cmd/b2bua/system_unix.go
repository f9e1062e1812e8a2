//go:build !windows && !plan9

package main

import (
	"os"
	"syscall"
)

// mostFiles raises the limit of open files as far as the system lets us, and tells it.
func mostFiles() (uint64, error) {
	var limit syscall.Rlimit
	err := syscall.Getrlimit(syscall.RLIMIT_NOFILE, &limit)
	if err == nil && limit.Cur < limit.Max {
		limit.Cur = limit.Max
		err = syscall.Setrlimit(syscall.RLIMIT_NOFILE, &limit)
	}
	return uint64(limit.Cur), err //nolint:unconvert // it has a sign on some systems
}

// mostCore raises the limit of core files as far as the system lets us.
func mostCore() error {
	var limit syscall.Rlimit
	err := syscall.Getrlimit(syscall.RLIMIT_CORE, &limit)
	if err == nil {
		limit.Cur = limit.Max
		err = syscall.Setrlimit(syscall.RLIMIT_CORE, &limit)
	}
	return err
}

func endBy(signal os.Signal) { _ = syscall.Kill(os.Getpid(), signal.(syscall.Signal)) }
