package product

import (
	"context"
	"net"
	"net/netip"
	"os"
	"sync"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestSocketsOfThisProcess(t *testing.T) {
	listener, err := net.Listen("tcp", "127.0.0.9:0")
	require.NoError(t, err)
	defer func() { _ = listener.Close() }()
	packets, err := net.ListenPacket("udp", "127.0.0.9:0")
	require.NoError(t, err)
	conn, err := net.Dial("tcp", listener.Addr().String())
	require.NoError(t, err)
	defer func() { _ = conn.Close() }()

	sockets, err := Sockets(os.Getpid())
	require.NoError(t, err)
	assert.Contains(t, sockets, Socket{
		Network: "tcp", Local: addr(listener.Addr()), Remote: netip.MustParseAddrPort("0.0.0.0:0"), Listening: true,
	})
	assert.Contains(t, sockets, Socket{
		Network: "udp", Local: addr(packets.LocalAddr()), Remote: netip.MustParseAddrPort("0.0.0.0:0"), Listening: true,
	})
	assert.Contains(t, sockets, Socket{Network: "tcp", Local: addr(conn.LocalAddr()), Remote: addr(listener.Addr())})

	gone := addr(packets.LocalAddr())
	require.NoError(t, packets.Close())
	sockets, err = Sockets(os.Getpid())
	require.NoError(t, err)
	for _, s := range sockets {
		assert.NotEqual(t, gone, s.Local, "a closed socket is not listed")
	}
}

// The kernel's table is read in pieces, and what others open and close in between moves its rows: one may come twice.
func TestSocketsAreToldOnce(t *testing.T) {
	own, err := net.ListenPacket("udp", "127.0.0.9:0")
	require.NoError(t, err)
	defer func() { _ = own.Close() }()
	ctx, cancel := context.WithCancel(t.Context())
	var others sync.WaitGroup
	defer others.Wait()
	defer cancel()
	for range 4 {
		others.Go(func() {
			for ctx.Err() == nil { // some pages of rows
				var open []net.PacketConn
				for range 100 {
					if c, err := net.ListenPacket("udp", "127.0.0.9:0"); err == nil {
						open = append(open, c)
					}
				}
				for _, c := range open {
					_ = c.Close()
				}
			}
		})
	}
	for range 40 {
		sockets, err := Sockets(os.Getpid())
		require.NoError(t, err)
		n := 0
		for _, s := range sockets {
			if s.Local == addr(own.LocalAddr()) {
				n++
			}
		}
		require.LessOrEqual(t, n, 1)
	}
}

func addr(a net.Addr) netip.AddrPort { return netip.MustParseAddrPort(a.String()) }

func TestHexAddr(t *testing.T) {
	for text, want := range map[string]string{
		"0100007F:17B3":                         "127.0.0.1:6067",
		"00000000000000000000000001000000:0016": "[::1]:22",
		"0000000000000000FFFF00000100007F:0050": "127.0.0.1:80",
		"B80D01200000000067452301EFCDAB89:FFFF": "[2001:db8::123:4567:89ab:cdef]:65535",
	} {
		got, err := hexAddr(text)
		require.NoError(t, err, text)
		assert.Equal(t, want, got.String())
	}
	for _, bad := range []string{"", "0100007F", "01:50", "zz:50", "0100007F:x"} {
		_, err := hexAddr(bad)
		assert.Error(t, err, bad)
	}
}
