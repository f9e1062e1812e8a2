package main

import (
	"errors"
	"io"
	"os"
	"syscall"
)

// toldError is an error that the reader of the terminal has seen already.
type toldError struct{ error }

func (e toldError) Unwrap() error { return e.error }

// remedies for what the system says to an address to listen on.
var remedies = []struct {
	is   error
	text string
}{
	{syscall.EADDRINUSE, "another program listens there: ss -lntp (for UDP ss -lnup) shows which; stop it, or write another port into b2bua-server/transport"},
	{syscall.EACCES, "a port below 1024 needs a privilege: AmbientCapabilities=CAP_NET_BIND_SERVICE in the systemd unit; or write a port from 1024 into b2bua-server/transport"},
	{syscall.EADDRNOTAVAIL, "this host does not have that address: ip address shows those that it has; write one of them into b2bua-server/transport, or * for all"},
}

// withRemedy is the text of a start that failed, and what to do about it.
func withRemedy(err error) string {
	for _, r := range remedies {
		if errors.Is(err, r.is) {
			return err.Error() + ": " + r.text
		}
	}
	return err.Error()
}

// sameReader tells whether what is written to a and to b meets the same eyes: one terminal, one journal, one file.
func sameReader(a, b io.Writer) bool {
	x, ok := a.(*os.File)
	y, also := b.(*os.File)
	if !ok || !also {
		return a == b
	}
	first, err := x.Stat()
	if err != nil {
		return false
	}
	second, err := y.Stat()
	return err == nil && os.SameFile(first, second)
}
