package transport

import (
	"bufio"
	"io"
	"net"
	"net/textproto"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"b2bua/core/sip"
)

// bare is a TCP peer that does nothing by itself.
type bare struct {
	t     *testing.T
	conns chan *net.TCPConn
	uri   string
}

func newBare(t *testing.T, addr string) *bare {
	t.Helper()
	l, err := net.Listen("tcp", addr)
	require.NoError(t, err)
	b := &bare{t: t, conns: make(chan *net.TCPConn, 100), uri: "sip:bob@" + l.Addr().String() + ";transport=tcp"}
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		for {
			conn, err := l.Accept()
			if err != nil {
				return
			}
			if tcp, ok := conn.(*net.TCPConn); ok {
				b.conns <- tcp
			}
		}
	}()
	t.Cleanup(func() {
		_ = l.Close()
		<-ended
		for close(b.conns); ; {
			conn, ok := <-b.conns
			if !ok {
				return
			}
			_ = conn.Close()
		}
	})
	return b
}

// accepted waits for the next connection.
func (b *bare) accepted() *net.TCPConn {
	b.t.Helper()
	select {
	case conn := <-b.conns:
		b.t.Cleanup(func() { _ = conn.Close() })
		require.NoError(b.t, conn.SetDeadline(time.Now().Add(patience)))
		return conn
	case <-time.After(patience):
		require.Fail(b.t, "no connection")
		return nil
	}
}

// reads takes one message without body.
func (b *bare) reads(conn *net.TCPConn) *sip.Message {
	b.t.Helper()
	r := textproto.NewReader(bufio.NewReader(conn))
	var text strings.Builder
	for {
		line, err := r.ReadLine()
		require.NoError(b.t, err)
		text.WriteString(line + "\r\n")
		if line == "" && text.Len() > 2 {
			m, err := sip.Parse([]byte(text.String()))
			require.NoError(b.t, err)
			return m
		}
	}
}

// reset ends a connection as the death of its process does.
func reset(t *testing.T, conn *net.TCPConn) {
	t.Helper()
	require.NoError(t, conn.SetLinger(0))
	require.NoError(t, conn.Close())
}

// usedBy makes a connection and uses it.
func (b *bare) usedBy(u *user) *net.TCPConn {
	b.t.Helper()
	u.request(newRequest(b.t, sip.OPTIONS, b.uri), NextHop{})
	conn := b.accepted()
	_, err := conn.Write(sip.NewResponse(b.reads(conn), 200, "", "bob").Bytes())
	require.NoError(b.t, err)
	u.next("response")
	return conn
}

// RFC 5923 section 7.1, RFC 3263 section 4.3: a request on a connection that died unnoticed goes out once more, by a new one.
func TestRequestOnDeadConnection(t *testing.T) {
	for _, how := range []string{"reset before", "closed after"} {
		t.Run(how, func(t *testing.T) {
			peer := newBare(t, "127.0.67.1:0")
			u := newUser(t)
			first := peer.usedBy(u)
			var id TxID
			u.do(func() { // the loop has no chance to learn of the end
				if how == "reset before" {
					reset(t, first)
				}
				id = u.stack.Request(newRequest(t, sip.BYE, peer.uri), NextHop{})
			})
			if how == "closed after" {
				peer.reads(first)
				require.NoError(t, first.Close())
			}
			second := peer.accepted()
			bye := peer.reads(second)
			assert.Equal(t, sip.BYE, bye.Method)
			_, err := second.Write(sip.NewResponse(bye, 200, "", "").Bytes())
			require.NoError(t, err)
			h := u.next("response")
			assert.Equal(t, id, h.tx)
			assert.Equal(t, 200, h.msg.Status)
		})
	}
}

// Once more is once: a peer that drops each connection is not dialled for ever.
func TestRequestOnDeadConnectionTwice(t *testing.T) {
	peer := newBare(t, "127.0.67.2:0")
	u := newUser(t)
	first := peer.usedBy(u)
	id := u.request(newRequest(t, sip.BYE, peer.uri), NextHop{})
	peer.reads(first)
	require.NoError(t, first.Close())
	second := peer.accepted()
	peer.reads(second)
	require.NoError(t, second.Close())
	h := u.next("failure")
	assert.Equal(t, id, h.tx)
	var lost *FlowError
	require.ErrorAs(t, h.err, &lost)
	assert.Empty(t, peer.conns)
}

// A request that was answered in part is not sent again, nor one on a connection of its own.
func TestLostConnectionIsNotRepeated(t *testing.T) {
	peer := newBare(t, "127.0.67.3:0")
	u := newUser(t)
	first := peer.usedBy(u)
	u.request(newRequest(t, sip.INVITE, peer.uri), NextHop{})
	_, err := first.Write(sip.NewResponse(peer.reads(first), 100, "", "").Bytes())
	require.NoError(t, err)
	assert.Equal(t, 100, u.next("response").msg.Status)
	require.NoError(t, first.Close())
	assert.ErrorIs(t, u.next("failure").err, io.EOF)

	u.request(newRequest(t, sip.OPTIONS, peer.uri), NextHop{})
	fresh := peer.accepted()
	peer.reads(fresh)
	require.NoError(t, fresh.Close())
	assert.ErrorIs(t, u.next("failure").err, io.EOF)
	assert.Empty(t, peer.conns)
}
