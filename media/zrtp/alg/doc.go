// Package alg computes what a ZRTP exchange needs computed (RFC 6189): codes of algorithms, hashes, key agreements, keys, SAS.
//
// Everything is a function of its arguments: no clock, socket or goroutine, and randomness only from an io.Reader that is
// given. The order of one exchange in DH mode:
//
//	agreement, _ := AgreementOf(DH3k)
//	private, err := agreement.Draw(rand, Initiator, AES256)  // cheap, where the randomness is
//	party, err := agreement.Initiate(hash, private)          // public-key work: anywhere, no shared state
//	party.Commit, party.Public                               // what Commit and DHPart carry
//	result, err := party.Result(peersPublic)                 // public-key work: anywhere
//	s0 := S0(hash, result, context, shared)                  // microseconds
//	keys, err := Derive(suite, s0, context)
//
// A [Party] is used by one goroutine at a time. Errors say what was wrong with a value and never show it; secrets print
// redacted. Wipe methods overwrite what this package holds; copies inside the libraries that it calls are left to the
// garbage collector, which is why keys are expanded only for the call that needs them.
package alg
