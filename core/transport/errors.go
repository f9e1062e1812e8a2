package transport

import (
	"errors"
	"fmt"
	"net/netip"
)

// ErrClosed says that the stack is closed.
var ErrClosed = errors.New("the SIP transport is closed")

// ErrCancelled is the failure of a request that was cancelled before it left.
var ErrCancelled = errors.New("cancelled before it was sent")

// FlowError says that a connection or socket could not carry a message.
type FlowError struct {
	Network string
	Remote  netip.AddrPort
	Doing   string // "connect", "send", "receive", "handshake"
	Err     error
}

// Error names the peer, the step and the reason.
func (e *FlowError) Error() string {
	return fmt.Sprintf("%s %s: %s: %v", e.Network, e.Remote, e.Doing, e.Err)
}

// Unwrap returns the system's error.
func (e *FlowError) Unwrap() error { return e.Err }

// ResolveError says that a next hop has no address that we can use.
type ResolveError struct {
	Host string
	Err  error
}

// Error names the host and the reason.
func (e *ResolveError) Error() string { return fmt.Sprintf("no address for %s: %v", e.Host, e.Err) }

// Unwrap returns the resolver's error.
func (e *ResolveError) Unwrap() error { return e.Err }

// impossibleError is the error for URIs that no try at any time can reach.
type impossibleError string

// Error says why.
func (e impossibleError) Error() string { return string(e) }

// Impossible tells it from a failure that may pass.
func (e impossibleError) Impossible() bool { return true }
