package main

import (
	"fmt"
	"os"
	"path/filepath"
	"strconv"
)

// pidFile is --pidfile; the empty path is none.
type pidFile string

// possible finds a directory that is missing before anything is started.
func (p pidFile) possible() error {
	if p == "" {
		return nil
	}
	if _, err := os.Stat(filepath.Dir(string(p))); err != nil {
		return p.refuse(err)
	}
	return nil
}

// write leaves the number without a line end, as the original's tools expect.
func (p pidFile) write() error {
	if p == "" {
		return nil
	}
	if err := os.WriteFile(string(p), []byte(strconv.Itoa(os.Getpid())), 0o644); err != nil {
		return p.refuse(err)
	}
	return nil
}

func (p pidFile) refuse(err error) error {
	return fmt.Errorf("the pid file cannot be written: %w; make its directory, writable for this user, or leave --pidfile out", err)
}

// remove takes the file away unless another process has written its number into it meanwhile.
func (p pidFile) remove() {
	if p == "" {
		return
	}
	if text, err := os.ReadFile(string(p)); err == nil && string(text) == strconv.Itoa(os.Getpid()) {
		_ = os.Remove(string(p)) // a file that stays says no more than the number of a process that is gone
	}
}
