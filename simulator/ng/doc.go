// Package ng speaks rtpengine's NG control protocol as a client.
//
// Contract. A message is a cookie, a space and one bencoded dictionary in a datagram. [Marshal] and [Unmarshal] are the pure codec:
// every input is accepted or refused with an error, nesting and length are bounded. [Client] sends one command at a time, repeats it
// with the same cookie (the server answers a repeated cookie from its memory) and reports the server's own words when it refuses.
package ng
