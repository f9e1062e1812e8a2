package transport

import (
	"bufio"
	"crypto/tls"
	"fmt"
	"io"
	"log/slog"
	"net"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"b2bua/core/sip"
)

func logging(l *testLog) setting {
	return func(c *Config) { c.Log = slog.New(slog.NewTextHandler(l, nil)) }
}

func limited(set func(*Limits)) setting { return func(c *Config) { set(&c.Limits) } }

// dial opens a raw connection that the test closes at its end; reads time out instead of hanging.
func dial(t *testing.T, u *user) net.Conn {
	t.Helper()
	conn, err := net.Dial("tcp", u.at().String())
	require.NoError(t, err)
	t.Cleanup(func() { _ = conn.Close() })
	require.NoError(t, conn.SetDeadline(time.Now().Add(patience)))
	return conn
}

func text(lines ...string) string { return strings.Join(lines, "\r\n") + "\r\n\r\n" }

// What can be answered is answered, statelessly; the rest is dropped; no word of it reaches the handler or, beyond a warning, the log.
func TestMalformedRequests(t *testing.T) {
	const rest = "Via: SIP/2.0/UDP 127.0.0.1:9;rport;branch=z9hG4bK1\r\nFrom: <sip:a@b>;tag=1\r\nTo: <sip:c@d>\r\nCall-ID: secret-of-the-caller\r\nCSeq: 1 OPTIONS"
	for _, v := range []struct{ name, message, want string }{
		{"version", text("OPTIONS sip:a@b SIP/3.0", rest), "SIP/2.0 505 "},
		{"scheme", text("OPTIONS http://a SIP/2.0", rest), "SIP/2.0 416 "},
		{"uri", text("OPTIONS <sip:a@b> SIP/2.0", rest), "SIP/2.0 400 "},
		{"method", text("INVITE sip:a@b SIP/2.0", rest), "SIP/2.0 400 "},
		{"no via", text("OPTIONS sip:a@b SIP/2.0", "From: <sip:a@b>"), ""},
		{"ack", text("ACK sip:a@b SIP/2.0", rest), ""},
		{"response", text("SIP/2.0 999 x", rest), ""},
		{"noise", "\x16\x03\x01\x02\x00\x01\x00\x01", ""},
		{"stun", "\x00\x01\x00\x00\x21\x12\xa4\x42aaaabbbbcccc", ""},
	} {
		t.Run(v.name, func(t *testing.T) {
			var lines testLog
			u := newUser(t, listenOn("udp", "127.0.65.1:0"), logging(&lines))
			conn, err := net.Dial("udp", u.at().String())
			require.NoError(t, err)
			defer func() { _ = conn.Close() }()
			_, err = conn.Write([]byte(v.message))
			require.NoError(t, err)
			_, err = conn.Write([]byte(text("OPTIONS sip:a@b SIP/2.0", strings.Replace(rest, "bK1", "bK2", 1))))
			require.NoError(t, err)
			h := u.next("request")
			assert.Equal(t, "z9hG4bK2", h.msg.Via[0].Branch(), "only the good one is handed up")
			u.respond(h.tx, sip.NewResponse(h.msg, 200, "", ""))
			require.NoError(t, conn.SetReadDeadline(time.Now().Add(patience)))
			buf := make([]byte, 2000)
			n, err := conn.Read(buf)
			require.NoError(t, err)
			if v.want == "" {
				assert.Contains(t, string(buf[:n]), "SIP/2.0 200 ")
			} else {
				assert.True(t, strings.HasPrefix(string(buf[:n]), v.want), string(buf[:n]))
				assert.Contains(t, string(buf[:n]), "rport=")
			}
			assert.Contains(t, lines.String(), "level=WARN")
			assert.NotContains(t, lines.String(), "secret-of-the-caller")
			assert.NotContains(t, lines.String(), "level=ERROR")
		})
	}
}

// A scan does not flood the log.
func TestFaultsAreLoggedSparingly(t *testing.T) {
	var lines testLog
	u := newUser(t, listenOn("udp", "127.0.65.2:0"), logging(&lines))
	conn, err := net.Dial("udp", u.at().String())
	require.NoError(t, err)
	defer func() { _ = conn.Close() }()
	for range 500 {
		_, err = conn.Write([]byte("rubbish\r\n\r\n"))
		require.NoError(t, err)
	}
	_, err = conn.Write([]byte(text("OPTIONS sip:a@b SIP/2.0", "Via: SIP/2.0/UDP 127.0.0.1;rport;branch=z9hG4bK2", "From: <sip:a@b>;tag=1", "To: <sip:c@d>", "Call-ID: x", "CSeq: 1 OPTIONS")))
	require.NoError(t, err)
	u.next("request")
	assert.LessOrEqual(t, strings.Count(lines.String(), "level="), 3*faultLines)
}

// A stream whose framing is lost gets its answer and ends; one whose message is merely wrong goes on.
func TestMalformedOnStream(t *testing.T) {
	const head = "Via: SIP/2.0/TCP 127.0.0.1;branch=z9hG4bK%d\r\nFrom: <sip:a@b>;tag=1\r\nTo: <sip:c@d>\r\nCall-ID: x\r\nCSeq: 1 OPTIONS"
	u := answering(t, 200, listenOn("tcp", "127.0.65.3:0"))
	conn := dial(t, u)
	r := bufio.NewReader(conn)
	status := func() string {
		t.Helper()
		line, err := r.ReadString('\n')
		require.NoError(t, err)
		for {
			more, err := r.ReadString('\n')
			require.NoError(t, err)
			if more == "\r\n" {
				return strings.Fields(line)[1]
			}
		}
	}
	write := func(s string) {
		_, err := io.WriteString(conn, s)
		require.NoError(t, err)
	}
	write(text("OPTIONS sip:a@b SIP/2.0", fmt.Sprintf(head, 1), "Content-Length: 0", "Content-Type: a/b", "Content-Type: a/b"))
	assert.Equal(t, "400", status())
	write(text("OPTIONS sip:a@b SIP/2.0", fmt.Sprintf(head, 2), "l: 0"))
	assert.Equal(t, "200", status())
	write(text("OPTIONS sip:a@b SIP/2.0", fmt.Sprintf(head, 3), "Content-Length: 999999"))
	assert.Equal(t, "513", status())
	_, err := r.ReadByte()
	require.Error(t, err, "the connection ends")
}

// RFC 5626 section 4.4.1: a double CRLF is answered by a single one, between messages and inside none.
func TestKeepAliveAnswered(t *testing.T) {
	u := newUser(t, listenOn("tcp", "127.0.65.4:0"))
	conn := dial(t, u)
	_, err := io.WriteString(conn, "\r\n\r\n")
	require.NoError(t, err)
	pong := make([]byte, 2)
	_, err = io.ReadFull(conn, pong)
	require.NoError(t, err)
	assert.Equal(t, "\r\n", string(pong))
}

// RFC 5626 section 4.4.1: we send keep-alives on connections that we opened; a peer that used to answer them and stops is gone.
func TestKeepAliveSent(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.65.5:0")
	require.NoError(t, err)
	defer func() { _ = l.Close() }()
	uac := newUser(t, func(c *Config) { c.KeepAlive = 10 * time.Millisecond })
	uac.request(newRequest(t, sip.OPTIONS, fmt.Sprintf("sip:%s;transport=tcp", l.Addr())), NextHop{})
	conn, err := l.Accept()
	require.NoError(t, err)
	defer func() { _ = conn.Close() }()
	require.NoError(t, conn.SetDeadline(time.Now().Add(patience)))
	r := bufio.NewReader(conn)
	for line := ""; line != "\r\n"; { // the request
		line, err = r.ReadString('\n')
		require.NoError(t, err)
	}
	for range 2 {
		ping := make([]byte, 4)
		_, err = io.ReadFull(r, ping)
		require.NoError(t, err)
		assert.Equal(t, "\r\n\r\n", string(ping))
		_, err = io.WriteString(conn, "\r\n")
		require.NoError(t, err)
	}
	ponged := func() (yes bool) {
		uac.do(func() {
			for _, f := range uac.stack.flows {
				yes = f.ponged.Load() != 0
			}
		})
		return yes
	}
	require.Eventually(t, ponged, patience, time.Millisecond)
	uac.do(func() { uac.stack.sweepFlows(time.Now().Add(time.Second)) })
	uac.do(func() { uac.stack.sweepFlows(time.Now().Add(pongWait + 2*time.Second)) })
	var e *FlowError
	require.ErrorAs(t, uac.next("failure").err, &e)
	assert.ErrorIs(t, e, errNoPong)
}

// closed waits until the peer closes the connection.
func closed(t *testing.T, conn net.Conn) {
	t.Helper()
	_, err := io.Copy(io.Discard, conn)
	assert.NotErrorIs(t, err, os.ErrDeadlineExceeded, "still open")
}

// Who connects and says nothing, or sends a message drop by drop, does not stay.
func TestIdleStrangers(t *testing.T) {
	for _, said := range []string{"", "OPTIONS sip:a@b SIP/2.0\r\nVia:", "\r\n\r\n"} {
		u := newUser(t, listenOn("tcp", "127.0.65.6:0"), limited(func(l *Limits) { l.Stranger = 20 * time.Millisecond }))
		conn := dial(t, u)
		_, err := io.WriteString(conn, said)
		require.NoError(t, err)
		closed(t, conn)
	}
}

// RFC 3261 section 7.5: a line break after a message, or a keep-alive of a single one, is not the beginning of a message that never ends.
func TestRFC3261_7_5_LineBreakAfterMessage(t *testing.T) {
	u := answering(t, 200, listenOn("tcp", "127.0.65.16:0"), limited(func(l *Limits) { l.Stranger = time.Minute }))
	for _, after := range []string{"\r", "\r\n", "\r\n\r"} {
		conn := dial(t, u)
		_, err := conn.Write(append(saying(t, sip.OPTIONS, fmt.Sprint("crlf", len(after))).Bytes(), after...))
		require.NoError(t, err)
		u.next("request")
		_, err = conn.Read(make([]byte, 4000))
		require.NoError(t, err)
		u.later(2 * time.Minute)
		_, err = conn.Write(saying(t, sip.OPTIONS, fmt.Sprint("again", len(after))).Bytes())
		require.NoError(t, err)
		u.next("request")
	}
}

// A peer that spoke SIP may be silent for as long as Idle, not as Stranger.
func TestIdlePeers(t *testing.T) {
	u := answering(t, 200, listenOn("tcp", "127.0.65.7:0"), limited(func(l *Limits) { l.Stranger, l.Idle = time.Millisecond, time.Hour }))
	uac := newUser(t)
	uac.request(newRequest(t, sip.OPTIONS, fmt.Sprintf("sip:%s;transport=tcp", u.at())), NextHop{})
	uac.next("response")
	u.do(func() { u.stack.sweepFlows(time.Now().Add(time.Minute)) })
	u.do(func() { assert.Len(t, u.stack.flows, 1) })
	u.do(func() { u.stack.sweepFlows(time.Now().Add(2 * time.Hour)) })
	require.Eventually(t, func() bool { return u.stack.Flows() == 0 }, patience, time.Millisecond)
}

// One address gets so many connections and no more; when one ends there is room again.
func TestConnectionsPerSource(t *testing.T) {
	u := newUser(t, listenOn("tcp", "127.0.65.8:0"), limited(func(l *Limits) { l.ConnectionsPerSource = 3 }))
	var conns []net.Conn
	for range 3 {
		conns = append(conns, dial(t, u))
	}
	require.Eventually(t, func() bool { return u.stack.Flows() == 3 }, patience, time.Millisecond)
	closed(t, dial(t, u))
	_ = conns[0].Close()
	require.Eventually(t, func() bool { return u.stack.Flows() == 2 }, patience, time.Millisecond)
	fine := dial(t, u)
	_, err := io.WriteString(fine, "\r\n\r\n")
	require.NoError(t, err)
	_, err = io.ReadFull(fine, make([]byte, 2))
	require.NoError(t, err)
}

// Half a TLS handshake holds its place for a short time only, and one address can't take all places.
func TestHalfOpenHandshakes(t *testing.T) {
	cert, pool := certificate(t, "127.0.65.9")
	u := answering(t, 200, listenOn("tls", "127.0.65.9:0"), serving(cert), limited(func(l *Limits) { l.Handshakes = 8 }),
		func(c *Config) { c.ConnectTimeout = 200 * time.Millisecond })
	var halves []net.Conn
	for range 6 {
		halves = append(halves, dial(t, u))
	}
	uac := newUser(t, trusting(pool), listenOn("udp", "127.0.65.10:0"))
	uac.request(newRequest(t, sip.OPTIONS, fmt.Sprintf("sips:%s", u.at())), NextHop{})
	uac.next("response")
	for _, half := range halves {
		closed(t, half)
	}
	_, err := tls.Dial("tcp", u.at().String(), &tls.Config{RootCAs: pool, MaxVersion: tls.VersionTLS11, MinVersion: tls.VersionTLS10})
	require.Error(t, err, "TLS 1.1")
}

// A peer that does not read costs a bounded queue and then its connection, never the loop.
func TestSlowReader(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.65.11:0")
	require.NoError(t, err)
	defer func() { _ = l.Close() }()
	uac := newUser(t, limited(func(l *Limits) { l.WriteQueue = 64 << 10 }))
	target := fmt.Sprintf("sip:%s;transport=tcp", l.Addr())
	big := newRequest(t, sip.INFO, target)
	big.ContentType, big.Body = "text/plain", make([]byte, 60000)
	for range 500 {
		uac.do(func() { uac.stack.Request(big.Clone(), NextHop{}) })
	}
	var e *FlowError
	require.ErrorAs(t, uac.next("failure").err, &e)
	assert.ErrorIs(t, e, errSlow)
}

// A fault in one callback is logged with its call and ends nothing else.
func TestPanic(t *testing.T) {
	var lines testLog
	told := make(chan string, 1)
	u := &user{on: func(h happening) {
		if h.msg != nil && h.msg.Method == sip.INFO {
			panic("a fault of the test")
		}
	}}
	startUser(t, u, listenOn("udp", "127.0.65.12:0"), logging(&lines), func(c *Config) {
		c.OnPanic = func(callID string, _ any) { told <- callID }
	})
	uac := newUser(t)
	bad := newRequest(t, sip.INFO, fmt.Sprintf("sip:%s", u.at()))
	uac.request(bad, NextHop{})
	assert.Equal(t, bad.CallID, <-told)
	assert.Contains(t, lines.String(), bad.CallID)
	uac.request(newRequest(t, sip.OPTIONS, fmt.Sprintf("sip:%s", u.at())), NextHop{})
	assert.Equal(t, sip.OPTIONS, u.next("request").msg.Method)
}

// The tap sees everything, in order, and both ways.
func TestTap(t *testing.T) {
	var seen []string
	u := answering(t, 200, listenOn("tcp", "127.0.65.13:0"), func(c *Config) {
		c.Tap = func(dir Direction, f Flow, msg []byte, _ time.Time) {
			line, _, _ := strings.Cut(string(msg), "\r\n")
			seen = append(seen, fmt.Sprint(dir, f.Network, f.Remote.IsValid(), " ", line))
		}
	})
	uac := newUser(t)
	target := fmt.Sprintf("sip:%s;transport=tcp", u.at())
	uac.request(newRequest(t, sip.OPTIONS, target), NextHop{})
	uac.next("response")
	u.do(func() {
		assert.Equal(t, []string{"1tcptrue OPTIONS " + target + " SIP/2.0", "2tcptrue SIP/2.0 200 OK"}, seen)
	})
}

// UDP keeps nothing of who wrote: the tables are as before.
func TestUDPRemembersNobody(t *testing.T) {
	u := answering(t, 200, listenOn("udp", "127.0.65.14:0"), func(c *Config) { c.Timers.T1 = time.Millisecond })
	for range 20 {
		uac := newUser(t, listenOn("udp", "127.0.65.15:0"))
		uac.request(newRequest(t, sip.OPTIONS, fmt.Sprintf("sip:%s", u.at())), NextHop{})
		uac.next("response")
	}
	require.Eventually(t, func() (empty bool) {
		u.do(func() { empty = u.stack.engine.Len() == 0 })
		return empty
	}, patience, time.Millisecond)
	u.do(func() {
		assert.Empty(t, u.stack.flows)
		assert.LessOrEqual(t, len(u.stack.routes.by), routeCacheSize)
	})
}
