//go:build !linux

package transport

import (
	"net"
	"time"
)

// wantErrors: elsewhere an ICMP error does not tell which of many peers it is about, so requests to nobody end by their timers.
func (u *udpSocket) wantErrors() {}

func (s *Stack) reportUnreachable(*udpSocket) bool { return false }

// resetAfter: elsewhere the keep-alive probes alone tell that a peer is gone.
func resetAfter(*net.TCPConn, time.Duration) {}
