package sip

// Limits on what a stranger can make us hold while one message is read. All are far above what phones and proxies send.
const (
	// MaxMessage is the largest message read, in octets: what a UDP datagram can carry (RFC 3261 section 18.1.1 asks for 65535).
	MaxMessage = 65535
	// MaxHeaders bounds the header fields of one message; calls through several proxies stay under 60.
	MaxHeaders = 128
	// MaxVia bounds the hops a message may have come by: Max-Forwards starts at 70 (RFC 3261 section 8.1.1.6).
	MaxVia = 70
	// MaxAddresses bounds Contact, Route and Record-Route together; a route is as long as the Via list at most.
	MaxAddresses = 140
	// MaxParams bounds the parameters of one URI or header value; registered parameters are fewer than 64.
	MaxParams = 64
	// MaxCSeq is the largest sequence number (RFC 3261 section 8.1.1.5).
	MaxCSeq = 1<<31 - 1
	// maxPort is the largest port of UDP and TCP.
	maxPort = 65535
)
