package ice

import "time"

// Limits on what a peer writes (RFC 8839 sections 5.1 and 5.4).
const (
	minUfrag, maxUfrag = 4, 256
	minPwd, maxPwd     = 22, 256
	// maxCandidate is the longest candidate line that is read: foundation, six fields and a few extensions.
	maxCandidate = 1024
	// maxListed candidates of a component: a browser on many networks lists some twenty.
	maxListed = 32
	// maxHost is the longest address or name in a candidate.
	maxHost = 255
)

// maxMessage is the longest STUN message that is answered, octets: a check has 150, and RFC 8489 section 6.1 wants them below
// the MTU.
const maxMessage = 1500

// maxUnknown is how many types a 420 lists.
const maxUnknown = 16

// listTakes is how long after a peer's first nomination its check list may still be at work, which has up to a hundred pairs at intervals of
// some 20 to 50 ms (RFC 8445 sections 6.1.2.5 and 14.2): so long a nomination keeps one of less priority off.
const listTakes = 3 * time.Second

// Limits on how often a peer that nominates several pairs again and again moves the path. A phone that changes its network leaves the pair
// before for good, and is followed at once.
const (
	// rivalry is how long after a pair was left its nomination shows that the peer nominates both: twice the interval of consent (RFC 7675
	// section 5.1: 4 to 6 s).
	rivalry = 12 * time.Second
	// abandoned is how long the selected one of such pairs has not been nominated when another one of no higher priority takes its place.
	abandoned = 7 * time.Second
	// maxMoves in one moveWindow.
	maxMoves, moveWindow = 5, 10 * time.Second
)
