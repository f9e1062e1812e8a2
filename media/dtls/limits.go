package dtls

import "time"

// Limits on what a stranger may make us do, and the times of a handshake.
const (
	// perSecond handshakes for each processor (decision 20): one costs some 0.5 ms of it (half of BenchmarkHandshake, which is both
	// ends), so that media keeps nine tenths.
	perSecond = 200
	// burst may start at once: the streams of a few calls.
	burst = 20
	// waitSeconds of the rate above may wait for their turn. Later ones would exceed the time that a call has to be secure.
	waitSeconds = 8
	// running handshakes at the same time for each processor: as many as the rate lets start within their time.
	running = perSecond * 10

	// reading datagrams at the same time for each processor: up to a millisecond of public-key work each, and a thousand may come at once.
	reading = 1

	// flight is the time until the first repetition; it doubles. The second of RFC 6347 section 4.2.4.1 is heard as a gap;
	// round trips of mobile networks stay below 300 ms.
	flight = 300 * time.Millisecond
	// timeout of one attempt, and so how long a leg may take to be secure (decision 10).
	timeout = 10 * time.Second
	// patience is how many times that a client is waited for that has shown a cookie: OpenSSL repeats its messages for a minute.
	patience = 6
	// linger is how long the last messages are repeated to a peer that did not get them (decision 20).
	linger = 30 * time.Second

	// giveBack is the number of dropped states, some 100 KiB each, after which the memory is given back to the system.
	giveBack = 500

	// queue of datagrams of one peer: three flights of a dozen fragments.
	queue = 32
	// strangers that may try at the same time to be the peer of one association, besides the signalled address.
	strangers = 4
	// maxFragments of a ClientHello, and maxUnproven octets in datagrams with these, from a source that has not shown a cookie, repetitions
	// among them: a browser's has two fragments in 1.5 KiB, and each is kept until the message is whole.
	maxFragments = 32
	maxUnproven  = 2 * maxHello
	// newcomer is how long one that has not shown a cookie keeps its place when another comes.
	newcomer = 300 * time.Millisecond
	// stalled is how long one that has shown a cookie keeps its place against a new ClientHello from the same address.
	stalled = 2 * time.Second
	// maxRecord is the longest datagram taken, octets.
	maxRecord = 2048
)
