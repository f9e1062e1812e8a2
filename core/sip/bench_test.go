package sip

import "testing"

const benchInvite = "INVITE sip:+15551234@b2bua.example.com;user=phone SIP/2.0\r\n" +
	"Via: SIP/2.0/TCP 192.0.2.20:5060;rport;branch=z9hG4bK.5x8Jm3q2\r\n" +
	"Via: SIP/2.0/UDP 198.51.100.7:5062;branch=z9hG4bK.aa7;received=203.0.113.9;rport=40123\r\n" +
	"Record-Route: <sip:192.0.2.20;transport=tcp;lr>\r\n" +
	"From: \"Alice Example\" <sip:alice@example.com>;tag=aFz8K~2p\r\n" +
	"To: <sip:+15551234@example.com;user=phone>\r\n" +
	"CSeq: 20 INVITE\r\nCall-ID: 5wz9kWQ0xE\r\nMax-Forwards: 69\r\n" +
	"Supported: replaces, outbound, gruu, path\r\n" +
	"Allow: INVITE, ACK, CANCEL, OPTIONS, BYE, REFER, NOTIFY, MESSAGE, SUBSCRIBE, INFO, PRACK, UPDATE\r\n" +
	"Content-Type: application/sdp\r\nContent-Length: 320\r\n" +
	"Contact: <sip:alice@198.51.100.7:5062;transport=udp>;+sip.instance=\"<urn:uuid:2c9d>\"\r\n" +
	"User-Agent: Phone/5.1 (linux)\r\n\r\n"

func BenchmarkParseSerialise(b *testing.B) {
	msg := []byte(benchInvite)
	for len(msg) < len(benchInvite)+320 {
		msg = append(msg, 'x')
	}
	b.ReportAllocs()
	for b.Loop() {
		m, err := Parse(msg)
		if err != nil {
			b.Fatal(err)
		}
		_ = m.Bytes()
	}
}
