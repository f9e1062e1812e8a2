package plane

import (
	"errors"
	"net/netip"
	"time"
)

// driver moves packets between sockets and streams. All that concerns one stream runs one at a time.
type driver interface {
	bind(at netip.AddrPort, buffer int) (socket, error)
	// attach starts reading the stream's sockets. It runs where beside runs, which may be st itself.
	attach(st, beside *Stream)
	// wire is told that a stream's legs, via or groups have changed. It is called where the stream's packets are handled.
	wire(st *Stream)
	// post runs f where the stream's packets are handled, after what was posted before. False: the stream or the driver is
	// closed, f will not run. An f that is posted at the time of detach may run after it.
	post(st *Stream, f func(now time.Time)) bool
	// rush asks for st.play at next, and again as it says. It is called where the stream's packets are handled.
	rush(st *Stream, next time.Time)
	// detach stops reading and then runs f, once.
	detach(st *Stream, f func())
	// close waits until all that it started has ended. All streams are detached before.
	close()
}

// socket is one bound UDP port. send and connect are called where the stream's packets are handled.
type socket interface {
	send(b []byte, to netip.AddrPort) error
	// connect binds the socket to one peer, or to none when to is invalid, and returns the peer it has now.
	connect(to netip.AddrPort) netip.AddrPort
	// buffer asks for a receive buffer of that many octets.
	buffer(octets int)
	close()
}

// Errors of sending: values, nothing is allocated in the packet path.
var (
	errSend       = errors.New("media plane: the system did not take the datagram")
	errUnroutable = errors.New("media plane: no way to the address")
)

// errPortBusy is the one error of bind after which another port may do.
var errPortBusy = errors.New("port is in use")
