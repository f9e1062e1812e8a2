package transport

import (
	"fmt"
	"net"
	"net/netip"
	"sync"
	"syscall"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"b2bua/core/sip"
)

// The kernel reports an ICMP error to whoever uses the socket next, so whatever the error says, a datagram is tried again.
func TestDatagramInsists(t *testing.T) {
	again := []error{
		syscall.ECONNREFUSED, syscall.EHOSTUNREACH, syscall.ENETUNREACH, syscall.EMSGSIZE, syscall.EPROTO, syscall.ENOPROTOOPT,
		syscall.EACCES, syscall.EPERM, syscall.ENOBUFS, syscall.EINVAL,
	}
	for _, err := range again {
		tries := 0
		foul, got := insist(func() error {
			if tries++; tries < 3 {
				return &net.OpError{Op: "write", Err: err}
			}
			return nil
		})
		require.NoError(t, got, err)
		assert.True(t, foul, "the error queue is to be read")
		tries = 0
		_, got = insist(func() error { tries++; return err })
		require.ErrorIs(t, got, err)
		assert.Equal(t, sendTries, tries)
	}
	for _, err := range []error{nil, syscall.EAGAIN, net.ErrClosed} {
		tries := 0
		foul, got := insist(func() error { tries++; return err })
		assert.Equal(t, err, got)
		assert.Equal(t, 1, tries)
		assert.False(t, foul)
	}
}

// Errors about one peer, however many, end no transaction with another.
func TestErrorsAboutOthers(t *testing.T) {
	uas := answering(t, 200, listenOn("udp", "127.0.64.20:0"))
	uac := newUser(t, listenOn("udp", "127.0.64.21:0"))
	dead := netip.MustParseAddrPort(fmt.Sprintf("127.0.64.22:%d", deadPort(t, "127.0.64.22")))
	var socket *udpSocket
	uac.do(func() { socket = uac.stack.udp.listeners[0] })
	stop := make(chan struct{})
	var flood sync.WaitGroup
	for range 3 {
		flood.Go(func() {
			for {
				select {
				case <-stop:
					return
				default:
					_, _ = socket.conn.WriteToUDPAddrPort([]byte("\r\n\r\n"), dead)
				}
			}
		})
	}
	for range 300 {
		id := uac.request(newRequest(t, sip.OPTIONS, fmt.Sprintf("sip:%s", uas.at())), NextHop{})
		h := <-uac.seen
		assert.Equal(t, "response", h.what, "%v", h.err)
		assert.Equal(t, id, h.tx)
	}
	close(stop)
	flood.Wait()
	id := uac.request(newRequest(t, sip.OPTIONS, fmt.Sprintf("sip:%s", dead)), NextHop{})
	h := uac.next("failure")
	assert.Equal(t, id, h.tx, "the one that is about the dead port")
	assert.ErrorIs(t, h.err, syscall.ECONNREFUSED)
}

// What is too long for any datagram fails at once.
func TestDatagramTooLong(t *testing.T) {
	uac := newUser(t, listenOn("udp", "127.0.64.23:0"), func(c *Config) { c.MaxDatagram = -1 })
	m := newRequest(t, sip.INFO, "sip:127.0.64.23:9")
	m.ContentType, m.Body = "text/plain", make([]byte, maxDatagram)
	uac.request(m, NextHop{})
	assert.ErrorIs(t, uac.next("failure").err, syscall.EMSGSIZE)
}
