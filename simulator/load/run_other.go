//go:build !linux

package load

import (
	"context"
	"errors"
	"net/netip"
	"time"
)

// ErrUnsupported says that a load generator that gets out of its own way needs the system calls of Linux: epoll, sendmmsg, recvmmsg
// and the kernel's time stamps.
var ErrUnsupported = errors.New("load: measured on Linux only")

// Run checks the configuration and refuses.
func Run(_ context.Context, cfg Config) (*Result, error) {
	if err := cfg.defaults(); err != nil {
		return nil, err
	}
	return nil, ErrUnsupported
}

// Floor refuses.
func Floor(context.Context, netip.AddrPort) error { return ErrUnsupported }

// AccountsConfig describes a load of registrations.
type AccountsConfig struct {
	Accounts      int
	Program       []string
	Network       string
	Lifetime      time.Duration
	Refresh, Drop bool
}

// AccountsResult is what it cost.
type AccountsResult struct{}

// Accounts refuses.
func Accounts(context.Context, AccountsConfig) (*AccountsResult, error) { return nil, ErrUnsupported }

// DatabaseConfig describes a load of accounts from a database.
type DatabaseConfig struct {
	Accounts       int
	Backend        string
	Program        []string
	Updates, Calls int
	Duration       time.Duration
}

// DatabaseResult is what it took.
type DatabaseResult struct{}

// Database refuses.
func Database(context.Context, DatabaseConfig) (*DatabaseResult, error) { return nil, ErrUnsupported }
