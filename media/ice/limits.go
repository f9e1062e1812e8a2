package ice

import "time"

// Limits on what a peer writes (RFC 8839 sections 5.1 and 5.4).
const (
	minUfrag, maxUfrag = 4, 256
	minPwd, maxPwd     = 22, 256
	// maxCandidate is the longest candidate line that is read: foundation, six fields and a few extensions.
	maxCandidate = 1024
	// maxHost is the longest address or name in a candidate.
	maxHost = 255
)

// maxMessage is the longest STUN message that is answered, octets: a check has 150, and RFC 8489 section 6.1 wants them below
// the MTU.
const maxMessage = 1500

// maxUnknown is how many types a 420 lists.
const maxUnknown = 16

// nominationHolds is how long a nomination keeps one of less priority off. A peer of RFC 5245 may nominate with every check of
// its list, which is over by then, and the best of them counts; later the newest counts, because a peer that moves has no
// better address any more.
const nominationHolds = 3 * time.Second
