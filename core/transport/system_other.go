//go:build !linux

package transport

import (
	"net"
	"time"
)

// wantErrors: elsewhere an ICMP error does not tell which of many peers it is about, so requests to nobody end by their timers.
func (u *udpSocket) wantErrors() {}

func (u *udpSocket) unreachable() (list []*FlowError, found bool) { return nil, false }

// resetAfter: elsewhere the keep-alive probes alone tell that a peer is gone.
func resetAfter(*net.TCPConn, time.Duration) {}
