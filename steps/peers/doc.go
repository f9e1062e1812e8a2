// Package peers drives real third-party SIP and media programs against the real b2bua.
//
// The simulator shares its SIP and media stack with the product and so cannot vouch for it; these programs can: Debian's
// linphone-cli (oRTP, libsrtp2, mbedTLS, bzrtp), baresip-core (libre's SRTP and RTCP, OpenSSL's DTLS), chromium (libwebrtc, BoringSSL),
// libsrtp2 and libbzrtp behind small filters in C, and sip-tester. They run headless, each with a state directory of its own, on loopback addresses and ports that
// nobody else uses. A missing package is a failure that names the command to install it, never a skipped test.
//
// A pair of peers is judged by what both count, by what b2bua reports, by what they hear, and by a sniffer on the loopback interface
// that tells ciphers from speech. The sniffer needs the right to open raw sockets; without it the table says that the wire was not
// read.
package peers
