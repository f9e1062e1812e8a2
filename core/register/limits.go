package register

import "time"

const (
	// defaultExpires is asked for where the account says nothing (spec 2.14).
	defaultExpires = time.Hour
	// maxExpires bounds what a 423 can make us ask for, and a 2xx grant.
	maxExpires = 24 * time.Hour
	// refreshFrom and refreshTo are the part of the lifetime between which a refresh is sent (spec 2.14).
	refreshFrom, refreshTo = 0.5, 0.9
	// defaultRetry is how long a failed registration rests when the registrar does not say (spec 2.14).
	defaultRetry = time.Minute
	// maxRetry is where the doubling of that time ends for a registrar that keeps refusing: who asks a provider too often with a wrong
	// password is blocked. A registrar that does not answer is asked without doubling.
	maxRetry = 10 * time.Minute
	// maxRetryAfter bounds what a Retry-After can ask for: longer ones come of mistakes.
	maxRetryAfter = 24 * time.Hour
	// minRetryAfter is the shortest rest that a Retry-After can ask for. It doubles while the registrar goes on refusing, up to the usual
	// rest: an overloaded registrar that says 1 s for ever is not asked every second by each account.
	minRetryAfter = time.Second
	// minLife is the shortest lifetime that refreshes go by, and minLifeEach what each account of a registrar adds to it: there are at
	// most some 3000 refreshes a second, and the shortest lifetime is 60 s with 120 000 accounts.
	minLife, minLifeEach = time.Second, 500 * time.Microsecond
	// shortLife is a lifetime worth a line of the log: most of the traffic is REGISTER then.
	shortLife = 10 * time.Second
	// retryJitter is the part by which a rest may be longer, so that accounts that failed together do not come back together.
	retryJitter = 0.25
	// maxRounds bounds the challenges of one attempt: a proxy and a registrar with a stale nonce each need four.
	maxRounds = 5
	// quietLoss is how long a connection has to live for its loss to be repaired at once again. One that dies sooner is
	// repaired after a second, then two, up to maxLossDelay.
	quietLoss    = time.Minute
	maxLossDelay = time.Minute
	// window bounds the unanswered requests to one registrar; first registrations and repetitions get windowNew of it, so that a
	// refresh always finds room.
	window, windowNew = 500, 400
	// slotPatience is how long an unanswered request counts: a registrar that answers some accounts and ignores others must
	// not make the former wait. It bounds what a dead registrar gets, too.
	slotPatience = 4 * time.Second
	// probeFirst is how soon a registrar that stopped answering is asked again, in case it is only started anew. Twice as long after each
	// probe, up to probeEvery; all of its accounts together, and one at a time. A probe by UDP is repeated every 4 s itself, as long as it
	// is unanswered (RFC 3261 section 17.1.2.2).
	probeFirst, probeEvery = time.Second, 5 * time.Second
	// doubtEvery is the least distance of probes that calls cause.
	doubtEvery = 5 * time.Second
	// probeJitter is the part by which a probe may come sooner, so that many servers do not ask together.
	probeJitter = 0.2
	// named is how many accounts at most that waited for a registrar get a line each.
	named = 3
	// atOnce is how many accounts are dealt with in one call, what many of them need at the same time: about a millisecond.
	atOnce = 1000
	// linesPer is how many lines of the log the accounts of one registrar get in linesEvery.
	linesPer, linesEvery = 20, 10 * time.Second
)
