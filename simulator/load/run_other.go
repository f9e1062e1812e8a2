//go:build !linux

package load

import (
	"context"
	"errors"
	"net/netip"
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
