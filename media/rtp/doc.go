// Package rtp reads RTP and RTCP packets in place (RFC 3550).
//
// A packet is a byte slice that the caller owns: nothing here allocates or keeps it. Besides the headers it holds what a
// relay has to change in them: [Line] keeps one outgoing SSRC, sequence and timestamp line over changing sources, and
// [RewriteRTCP] applies the same change to compound RTCP packets. [Reception] measures loss and jitter.
package rtp
