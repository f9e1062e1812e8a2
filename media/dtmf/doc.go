// Package dtmf reads and writes the digits of telephone events (RFC 4733).
//
// A [Detector] turns the packets of one incoming stream into digits, each once; a [Player] turns digits into the packets of an
// outgoing one, and tells when the next is due. Both are engines: time is an argument, and neither allocates.
package dtmf
