package redisfeed

import "time"

const (
	// defaultRetry is the rest after all servers were tried in vain (spec 4.9.3).
	defaultRetry = time.Second
	// maxRest is where the doubling of that rest ends when a server refuses us or hangs up on us again and again: each attempt
	// writes a line into its log, each subscription costs a full load.
	maxRest = 30 * time.Second
	// stable is how long a subscription lives to count as a good one: its loss is repaired at once.
	stable = 10 * time.Second
	// patience is how long a server may take for any answer.
	patience = 5 * time.Second
	// maxReplicas bounds what INFO can make us try; Sentinel set-ups have two to five.
	maxReplicas = 32
	// maxVisits bounds the servers of one round, also where masters name masters.
	maxVisits = maxReplicas + 8
	// maxMessage: three names, each at most 255 bytes in any database, with escapes.
	maxMessage = 4096
	// maxInfo bounds what is looked at of an answer to INFO; the section has about 30 short lines.
	maxInfo = 64 << 10
	// badLines malformed messages are told singly in badWindow, the rest as a number.
	badLines, badWindow = 5, time.Minute
	// tellAgain is how often an outage that goes on is told.
	tellAgain = 10 * time.Minute
	// tellChange is how soon a new reason of the same outage is told.
	tellChange = time.Minute

	// maxPending bounds the accounts of a pool that wait to be read, 200 bytes each; reading so many singly takes longer than
	// reading all.
	maxPending = 1 << 16
	// parallel reads of a pool: the time of a read is mostly the way to the database.
	parallel = 4
	// mostDoubtful of them at most are repeated ones, as these may be slow to fail: the others are for accounts that never failed.
	mostDoubtful = parallel - 2
	// loadEvery is the shortest time between two full loads that an overflow asks for.
	loadEvery = 10 * time.Second
	// firstPause and lastPause: the rest after a database could not be asked, or an account not be read, doubled each time.
	firstPause, lastPause = time.Second, 30 * time.Second
)
