package control

import "time"

const (
	// maxRequest is what the original reads of a request.
	maxRequest = 511
	// clients bounds those that are served at a time; more wait in the kernel's queue. The original serves one.
	clients = 4
	// readPatience is how long a client may take to send its request. It sends at once, so that a longer wait helps nobody.
	readPatience = 2 * time.Second
	// workPatience is how long an answer may take; the loop answers within milliseconds unless something is badly wrong.
	workPatience = 5 * time.Second
	// writePatience is how long a client may take to read; an answer about many accounts has megabytes.
	writePatience = 10 * time.Second
	// partPatience is how long an answered client may take to close, and maxIgnored how much is read of what it still sends: more than one
	// write puts into a socket.
	partPatience = 500 * time.Millisecond
	maxIgnored   = 1 << 20
	// lastWrite is the same at a stop.
	lastWrite = 200 * time.Millisecond
	// maxAnswer bounds what our own client reads: a million accounts.
	maxAnswer = 512 << 20
)
