// Package load puts many calls through a B2BUA, or a media relay, from both ends and measures what they cost.
//
// Contract. One Run is one measurement: caller and callee are both played here (around a B2BUA by SIP, around rtpengine by its NG
// protocol, with the same packets), on one locked thread with raw non-blocking system
// calls, so the generator costs little and its own delays are known. Only loopback addresses are taken. The SIP is a fast path of
// its own: enough for a B2BUA that follows the rules, no judge of one that does not. Media packets of the whole run are built and
// encrypted before the clock starts. Times come from the kernel (receive time stamps), CPU times from /proc; Linux only.
package load
