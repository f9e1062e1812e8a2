// Package ice is the connectivity of one stream on one leg as an ICE-lite agent (RFC 8445 section 2.5).
//
// An Agent has a public address, or an address behind a 1:1 NAT: it sends no check of its own, answers those of the peer, and
// sends media where the peer tells it to (USE-CANDIDATE). Consent checks (RFC 7675) are ordinary checks, answered as long as the
// agent lives. A peer that is lite as well sends none, and media goes to its default address.
//
// Input is a datagram and its source, output is the response and what it means for the path. Credentials and Candidate are the
// vocabulary that session descriptions share. Randomness and time are arguments.
package ice
