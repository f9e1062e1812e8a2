package sqlcache

import "time"

const (
	// defaultLimit of records: some 30 MB, and more phones than one server has. A stranger can make a record with each call, so
	// beyond it the records that were not used for longest go, those of peers whose SAS was compared last.
	defaultLimit = 100_000
	// maxURI and maxClient bound one record. Without a record a call is secure as well, only without continuity.
	maxURI    = 1024
	maxClient = 64
	// maxSecret is the longest retained secret that an agreement makes, octets.
	maxSecret = 64
	// maxWaiting requests: what several thousand calls begin within a second. Beyond it, or behind a disk that hangs, they are
	// refused.
	maxWaiting = 4096
	// maxBatch writes are one transaction.
	maxBatch = 256
	// timeout of one transaction, and of a request without a deadline of its own. Another process may hold the file for busy.
	timeout = 10 * time.Second
	busy    = 5 * time.Second
	// sweepEvery so often, expired records are deleted.
	sweepEvery = time.Hour
	// reopenEvery is the shortest interval of attempts to leave a file that turned out to be damaged.
	reopenEvery = time.Minute
	// maxAside damaged files are kept, the newest.
	maxAside = 3
	// page of a list: other requests are carried out between two of them.
	page = 200
)
