// Package relay decides what becomes of each packet between the two legs of one stream.
//
// A [Relay] is an engine: [Relay.Handle] takes one datagram and returns the datagram to send, rewritten in the same memory;
// it allocates nothing and does no I/O. The order of its checks is that of RFC 3711 section 3.3: what kind of packet, is it
// authentic, was it seen, may its source speak, does the leg listen, which payload type has the other leg for its codec. A
// leg with an encryption never sends or accepts a clear packet, not even before its keys are there.
//
// [Relay.Apply] gives one side its negotiated parameters; [Relay.Tick], called a few times a second, supervises silence.
// One goroutine at a time may use a Relay.
package relay
