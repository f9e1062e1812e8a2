// Package stream is one media stream of a simulated phone: it plays a tone, looks for the peer's and counts what happens to packets.
//
// Contract. Open binds an even RTP port and the odd RTCP port after it; Set tells what was negotiated and may be called again;
// Close stops sending, closes the sockets and waits for the stream's goroutines. Every method is safe for concurrent use.
// With DTLS-SRTP agreed nothing is sent or taken before the handshake has made keys; the peer's certificate has to be that of its description.
// With ZRTP agreed it is the same until the exchange is over; the streams of a call share a Leg.
// Packets that are not authentic on an SRTP stream are counted as refused and otherwise ignored. Keys are never printed.
package stream
