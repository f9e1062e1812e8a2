// Package zrtp agrees on SRTP keys with a peer by ZRTP (RFC 6189), as the extensions and habits of bzrtp, ZRTPCPP and libzrtp need it.
//
// A [Session] is one leg of one call; it owns what its streams share: the session key, the SAS, the retained secrets. A [Stream]
// is the exchange on one RTP port. Both are pure: [Stream.Handle] takes the time and one [Input] and returns what is to be done,
// [Stream.Deadline] tells when to hand it a [Tick]. A session and its streams belong to one goroutine at a time.
//
// Two things take time and are done elsewhere. [NeedKeys] carries a [Job] with public-key work, to be run on any goroutine and
// given back as [KeysDone]. [LookupSecrets] asks a [Cache], the answer is [SecretsLoaded]. Until then the stream goes on
// answering, and a peer that repeats itself causes no second job.
//
// A peer that announces another Hello gets another stream: [Session.Succeed] keeps ours, [Session.Renew] lets a new session go on with the
// former one if it turns out that the peer does.
//
// An output names its stream, because a stream that becomes secure lets the others of its session begin.
//
// Everything a stranger sends is checked in the order of its price: frame, CRC, SSRC, a=zrtp-hash, hash chain, and then at most
// one key agreement. Wrong packets are dropped and counted, and an Error, which anyone can forge, only ends a stream whose peer
// falls silent. Errors, reports and String methods hold no secret; secrets are overwritten when they were used.
//
// Left out on purpose: GoClear, Preshared mode, enrollment, SAS relay, signatures.
package zrtp
