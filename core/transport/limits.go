package transport

import (
	"net/netip"
	"sync"
	"time"

	"b2bua/core/transaction"
)

// Limits on what strangers can make a Stack hold; zero fields mean the defaults.
type Limits struct {
	// Connections bounds incoming connections, default 10000: each costs two goroutines and some 20 KB.
	Connections int
	// ConnectionsPerSource bounds those of one address, default 1000: a proxy opens a few, a load test one per call.
	ConnectionsPerSource int
	// Outgoing bounds connections that we open, default 10000, for what they cost. Those that only targets named by peers made us open get
	// a quarter. At the bound the one that was not used for longest is closed if it is free, else nothing is sent to new targets.
	Outgoing int
	// Handshakes bounds TLS handshakes under way, default 200: each may cost a signature; more wait in the kernel's queue.
	// One address gets a quarter of them, so that it can't keep others out by not finishing.
	Handshakes int
	// Stranger is how long a connection may live without one whole valid message, default 30 s; also the time for one message to arrive whole.
	Stranger time.Duration
	// Idle is how long an incoming connection may be silent, default 1 h: in a call nothing may be said for long.
	Idle time.Duration
	// Write is how long a peer may take no data before its connection is closed, default 10 s.
	Write time.Duration
	// WriteQueue bounds the octets waiting for a peer that reads slowly, default 1 MiB: some 500 messages.
	WriteQueue int
	// Transactions bounds the transactions.
	Transactions transaction.Limits
}

func (l Limits) withDefaults() Limits {
	set := func(v *int, d int) {
		if *v <= 0 {
			*v = d
		}
	}
	wait := func(v *time.Duration, d time.Duration) {
		if *v <= 0 {
			*v = d
		}
	}
	set(&l.Connections, 10000)
	set(&l.ConnectionsPerSource, 1000)
	set(&l.Outgoing, 10000)
	set(&l.Handshakes, 200)
	set(&l.WriteQueue, 1<<20)
	wait(&l.Stranger, 30*time.Second)
	wait(&l.Idle, time.Hour)
	wait(&l.Write, 10*time.Second)
	return l
}

// sources counts connections, incoming ones by address.
type sources struct {
	mu     sync.Mutex
	limits Limits
	by     map[netip.Addr]int
	shakes map[netip.Addr]int
	in     int
	all    int
}

func newSources(l Limits) *sources {
	return &sources{limits: l, by: map[netip.Addr]int{}, shakes: map[netip.Addr]int{}}
}

// enter counts an incoming connection; false when its address, or all of them, have too many.
func (s *sources) enter(a netip.Addr) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.in >= s.limits.Connections || s.by[a] >= s.limits.ConnectionsPerSource {
		return false
	}
	s.by[a]++
	s.in++
	s.all++
	return true
}

// shake counts a TLS handshake; false when its address has too many under way.
func (s *sources) shake(a netip.Addr) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.shakes[a] >= max(1, s.limits.Handshakes/4) {
		return false
	}
	s.shakes[a]++
	return true
}

func (s *sources) shaken(a netip.Addr) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.shakes[a]--; s.shakes[a] <= 0 {
		delete(s.shakes, a)
	}
}

func (s *sources) dialled() {
	s.mu.Lock()
	s.all++
	s.mu.Unlock()
}

func (s *sources) leave(a netip.Addr, incoming bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.all--
	if !incoming {
		return
	}
	s.in--
	if s.by[a]--; s.by[a] <= 0 {
		delete(s.by, a)
	}
}

func (s *sources) open() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.all
}
