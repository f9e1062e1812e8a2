// Package wire is a literal SIP phone: it puts exactly the text on the wire that a scenario asks for.
//
// It shares no line with the product's SIP stack or with the simulator, so that what it sees is a second opinion on both. It
// parses only as much as it needs to find its way in a dialog: start line, header fields, body. It retransmits nothing, which
// is enough on loopback, drops the retransmissions it receives, and carries no media.
package wire
