package capture

import (
	"bytes"
	"net/netip"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

var (
	start  = time.Date(2026, 1, 1, 12, 0, 0, 0, time.UTC)
	marie  = netip.MustParseAddrPort("127.0.1.1:5070")
	dut    = netip.MustParseAddrPort("127.0.1.2:5060")
	bob    = netip.MustParseAddrPort("127.0.1.3:5080")
	secret = "WVNfX19zZW1jdGwgKCkgewkyMjA7fQp9CnVubGVz"
)

const invite = "INVITE sip:bob@sip.example.org SIP/2.0\r\n" +
	"v: SIP/2.0/UDP 127.0.1.1:5070;branch=z9hG4bK1\r\nMax-Forwards: 70\r\nf: <sip:marie@sip.example.org>;tag=1\r\nTo: <sip:bob@sip.example.org>\r\n" +
	"Call-ID: a1\r\nCSeq: 20 INVITE\r\nContact: <sip:marie@127.0.1.1:5070>\r\nX-Folded: one\r\n two\r\nContent-Type: application/sdp\r\n" +
	"Authorization: Digest username=\"marie\", response=\"0123456789abcdef\"\r\n" +
	"Content-Length: 217\r\n\r\n" +
	"v=0\r\no=marie 1 1 IN IP4 127.0.1.1\r\ns=-\r\nc=IN IP4 127.0.1.1\r\nt=0 0\r\nm=audio 7078 RTP/SAVP 0\r\n" +
	"a=crypto:1 AES_CM_128_HMAC_SHA1_80 inline:WVNfX19zZW1jdGwgKCkgewkyMjA7fQp9CnVubGVz|2^31\r\nm=video 0 RTP/AVP 96\r\na=inactive\r\n"

const trying = "SIP/2.0 100 Trying\r\nVia: SIP/2.0/UDP 127.0.1.1:5070;branch=z9hG4bK1\r\nFrom: <sip:marie@sip.example.org>;tag=1\r\n" +
	"To: <sip:bob@sip.example.org>\r\nCall-ID: a1\r\nCSeq: 20 INVITE\r\nContent-Length: 0\r\n\r\n"

func TestMessageReading(t *testing.T) {
	m := Message{Raw: []byte(invite)}
	assert.True(t, m.IsRequest())
	assert.Equal(t, "INVITE", m.Method())
	assert.Equal(t, "sip:bob@sip.example.org", m.RequestURI())
	assert.Zero(t, m.Status())
	assert.Equal(t, "<sip:marie@sip.example.org>;tag=1", m.Header("From"))
	assert.Equal(t, "one two", m.Header("x-folded"))
	assert.True(t, m.HasHeader("Via"))
	assert.False(t, m.HasHeader("Route"))
	assert.Contains(t, m.Body(), "m=audio")
	r := Message{Raw: []byte(trying)}
	assert.Equal(t, 100, r.Status())
	assert.Equal(t, "INVITE", r.Method())
	assert.Empty(t, r.RequestURI())
	assert.Empty(t, Message{}.Method())
	assert.Zero(t, Message{Raw: []byte("SIP/2.0 x")}.Status())
}

func TestNoKeyIsPrinted(t *testing.T) {
	m := Message{Raw: []byte(invite)}
	assert.NotContains(t, m.String(), secret)
	assert.NotContains(t, m.String(), "0123456789abcdef")
	assert.Len(t, m.String(), len(invite))
	assert.Contains(t, string(m.Raw), secret, "the record itself is untouched")
}

func filled() *Recorder {
	r := NewRecorder()
	r.Other("b2bua")
	send := func(ms int, raw, owner string, from, to netip.AddrPort) {
		m := Message{At: start.Add(time.Duration(ms) * time.Millisecond), Owner: owner, Sent: true, Network: "udp", From: from, To: to, Raw: []byte(raw)}
		r.SIP(m)
	}
	send(0, invite, "marie", marie, dut)
	r.SIP(Message{At: start.Add(time.Millisecond), Owner: "marie", Network: "udp", From: dut, To: marie, Raw: []byte(trying)})
	r.SIP(Message{At: start.Add(3 * time.Millisecond), Owner: "bob", Network: "tcp", From: dut, To: bob, Raw: []byte(strings.ReplaceAll(invite, "a1", "b1"))})
	send(9, "SIP/2.0 200 OK\r\nCSeq: 20 INVITE\r\n\r\n", "bob", bob, dut)
	for i := range 10 {
		rtp := make([]byte, 172)
		rtp[0], rtp[3] = 0x80, byte(i)
		r.Packet(start.Add(time.Duration(20+20*i)*time.Millisecond), true, netip.AddrPortFrom(marie.Addr(), 7078), netip.AddrPortFrom(dut.Addr(), 9000), rtp)
	}
	r.Packet(start.Add(time.Second), false, netip.AddrPortFrom(marie.Addr(), 7079), netip.AddrPortFrom(dut.Addr(), 9001), []byte{0x80, 200, 0, 6, 0, 0, 0, 1})
	return r
}

func TestLadder(t *testing.T) {
	var out bytes.Buffer
	require.NoError(t, filled().Ladder(&out))
	got := out.String()
	lines := strings.Split(got, "\n")
	require.Greater(t, len(lines), 8, got)
	assert.Regexp(t, `^ +marie +b2bua +bob$`, lines[0])
	assert.Regexp(t, `^ +0\.000s  \|- INVITE -*>\| +\|$`, lines[2])
	assert.Regexp(t, `^ +\| +audio RTP/SAVP AES_CM_128_HMAC_SHA1_80.* +\| +\|$`, lines[3])
	assert.Regexp(t, `^ +0\.001s  \|<- 100 Trying \(INVITE\) -+\| +\|$`, lines[4])
	assert.Regexp(t, `^ +0\.003s  \| +\|- INVITE -+>\|$`, lines[5])
	assert.Regexp(t, `^ +0\.009s  \| +\|<- 200 OK \(INVITE\) -+\|$`, lines[7])
	assert.Contains(t, got, "127.0.1.1:7078        -> 127.0.1.2:9000        RTP payload type 0       10 packets, 1720 octets")
	assert.Contains(t, got, "RTCP")
	assert.NotContains(t, got, secret)
}

func TestLadderOfNothing(t *testing.T) {
	var out bytes.Buffer
	require.NoError(t, NewRecorder().Ladder(&out))
	assert.Contains(t, out.String(), "nothing")
}

func TestBothEndsOfAMessageAreOneArrow(t *testing.T) {
	r := NewRecorder()
	m := Message{At: start, Owner: "marie", Sent: true, Network: "udp", From: marie, To: dut, Raw: []byte(invite)}
	got := m
	got.Owner, got.Sent, got.At = "proxy", false, start.Add(time.Millisecond)
	r.SIP(m)
	r.SIP(got)
	assert.Len(t, r.Messages(), 1)
	r.SIP(m) // a retransmission is another message
	r.SIP(got)
	assert.Len(t, r.Messages(), 2)
	var out bytes.Buffer
	require.NoError(t, r.Ladder(&out))
	assert.Regexp(t, `^ +marie +proxy\n`, out.String())
}

func TestPcapngIsReadByTshark(t *testing.T) {
	tshark, err := exec.LookPath("tshark")
	if err != nil {
		t.Log("tshark is not installed; TestPcapngStructure reads the file with our own reader")
		return
	}
	file := filepath.Join(t.TempDir(), "run.pcapng")
	f, err := os.Create(file)
	require.NoError(t, err)
	r := filled()
	r.SIP(Message{At: start.Add(2 * time.Second), Network: "tls", Owner: "six", Sent: true, From: netip.MustParseAddrPort("[::1]:5061"), To: netip.MustParseAddrPort("[::2]:5060"), Raw: []byte(trying)})
	require.NoError(t, r.WritePcapng(f))
	require.NoError(t, f.Close())
	out, err := exec.Command(tshark, "-r", file, "-o", "udp.check_checksum:TRUE", "-T", "fields", "-e", "sip.Method", "-e", "sip.Status-Code", "-e", "rtp.seq", "-e", "frame.comment", "-e", "udp.checksum.status", "-e", "ip.checksum.status").CombinedOutput()
	require.NoError(t, err, string(out))
	text := string(out)
	assert.Equal(t, 2, strings.Count(text, "INVITE\t"), text)
	assert.Contains(t, text, "marie -> b2bua over udp")
	assert.Contains(t, text, "b2bua -> bob over tcp")
	assert.Contains(t, text, "six -> b2bua over tls")
	assert.Equal(t, 10, len(regexpLines(text, "\t\t")), "RTP packets are dissected from the SDP: %s", text)
	assert.NotContains(t, text, "Malformed")
	raw, err := os.ReadFile(file)
	require.NoError(t, err)
	assert.NotContains(t, string(raw), secret)
}

// regexpLines are the lines that carry an RTP sequence number.
func regexpLines(text, prefix string) []string {
	var out []string
	for _, l := range strings.Split(text, "\n") {
		if f := strings.TrimPrefix(l, prefix); f != l && f != "" && f[0] >= '0' && f[0] <= '9' {
			out = append(out, l)
		}
	}
	return out
}

func FuzzMessage(f *testing.F) {
	f.Add([]byte(invite))
	f.Add([]byte(trying))
	f.Fuzz(func(t *testing.T, raw []byte) {
		m := Message{Raw: raw}
		if m.IsRequest() == (m.Status() != 0) && m.IsRequest() {
			t.Fatal("a request with a status")
		}
		_, _, _ = m.Method(), m.RequestURI(), m.Headers("via")
		if len(m.String()) != len(raw) {
			t.Fatal("striking out changed the length")
		}
		r := NewRecorder()
		r.SIP(m)
		var out bytes.Buffer
		if err := r.Ladder(&out); err != nil {
			t.Fatal(err)
		}
		if err := r.WritePcapng(&out); err != nil {
			t.Fatal(err)
		}
	})
}
