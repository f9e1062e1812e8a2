// Package capture keeps what crossed the wire during a run, as a pcapng file or as a text ladder.
//
// Contract. A Recorder may be fed from any goroutine. A message that both of its ends record appears once. Nothing it
// prints or writes contains an SDES key or a digest answer unless Recorder.KeepKeys was set; lengths are kept. TLS and TCP messages are
// written to pcapng as UDP datagrams with a comment that names the real transport, because a recorder sees messages, not
// segments.
package capture
