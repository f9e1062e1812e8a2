// Package dtls makes the keys of DTLS-SRTP (RFC 5763, RFC 5764) from handshakes over sockets of the media plane.
//
// It is an adapter around pion/dtls, which has goroutines of its own. A [Handshaker] is shared by all calls: it holds our
// certificate and bounds the handshakes. An [Association] is one channel of one leg: the owner of the socket gives it the
// datagrams whose first octet is 20 to 63, and sends what it wants to send. The peer's certificate is checked against the
// fingerprint of its description, in both roles, before a key is exported. A stranger's datagrams never end an association.
//
// No close_notify is sent: some peers end their media with it.
package dtls
