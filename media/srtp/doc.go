// Package srtp protects RTP and RTCP packets in place (RFC 3711, 6188, 7714).
//
// A [Sender] or [Receiver] holds one master key and the state of the few SSRCs that it protects; neither allocates per
// packet and neither may be used by two goroutines at once. Nothing that a stranger sends changes any state before it is
// authenticated. The packet formats, with MKI:
//
//	AES-CM  SRTP   header | ciphertext | MKI | tag            SRTCP  8 octets | ciphertext | E+index | MKI | tag
//	GCM     SRTP   header | ciphertext+tag | MKI              SRTCP  8 octets | ciphertext+tag | E+index | MKI
//
// pion/srtp is the reference that every suite is tested against in both directions, libsrtp2's output the second one. The
// state is our own because a relay needs what the reference has not: a bound on the SSRCs of a key, with eviction; a refusal to
// protect two packets with one index, which would disclose keystream or the GCM authentication key; work in place; keys that
// are wiped.
package srtp
