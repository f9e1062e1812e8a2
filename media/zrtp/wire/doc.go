// Package wire reads and writes the packets of ZRTP (RFC 6189 section 5).
//
// A datagram is a [Packet]: a header, one message or a fragment of one, a CRC-32C. A message stays the octets it came as,
// because commitments and keys are computed over them: [Check] tells its type once everything about its form is right, and the
// Parse functions give views into it that are valid as long as the octets are. The Append functions write messages whose last
// field, where it is a MAC, is zero: [MAC] and [Covered] are the two parts of such a message.
//
// Nothing here knows an algorithm, so any four octets are a code. Parsing does not allocate, except for the one buffer of a
// [Reassembler].
package wire
