package zrtp

import "time"

// Timers (RFC 6189 section 6, and what works with the peers there are).
const (
	helloFirst  = 50 * time.Millisecond // T1
	helloMax    = 200 * time.Millisecond
	helloSends  = 20
	helloSlow   = 800 * time.Millisecond // afterwards, if the peer is known to speak ZRTP or must
	helloEnd    = 30 * time.Second
	repeatFirst = 150 * time.Millisecond // T2
	repeatMax   = 1200 * time.Millisecond
	repeats     = 10
	// repeatsDeaf is how often an Error is repeated to a peer that never acknowledges one.
	repeatsDeaf = 3
	// linger is the wait after the last Confirm2, longer than a packet lives: the responder may be secure already.
	linger = 5 * time.Second
	// silence is how long a responder waits for an initiator that stopped in the middle.
	silence = 10 * time.Second
	// grace is how long a peer must be silent after an Error, before it is believed: who sent a true one says nothing more.
	grace = 2 * time.Second
)

// Limits on what strangers cause.
const (
	answersPerSecond = 10  // of each kind: what is sent because something came
	badPackets       = 200 // that are dropped before it is reported, once
	// takeover is how long a peer must be silent before the Hello of another one replaces its own.
	takeover = time.Second
	// maxMessage is the longest message that is put together from fragments: DHPart1 of X3M3 has 1708 octets.
	maxMessage = 2048
	// defaultMTU is the longest datagram that bzrtp sends.
	defaultMTU = 1452
	minMTU     = 600
	// lastSequence ends our packets: a peer that compares sequence numbers without wrapping would drop what follows.
	lastSequence = 0xffff
	// maxNonces bounds the nonces that a session remembers; each costs the peer an exchange.
	maxNonces = 256
)
