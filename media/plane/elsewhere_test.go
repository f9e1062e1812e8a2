package plane

import (
	"net"
	"net/netip"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"b2bua/media/dtls"
	"b2bua/media/sdp"
)

// detour is a NAT in front of a server: what is sent to the signalled port arrives, and what comes back comes from another port.
type detour struct{ signalled, real *net.UDPConn }

func newDetour(t testing.TB, client, server netip.AddrPort) *detour {
	d := &detour{signalled: listen(t, loopback), real: listen(t, loopback)}
	forward := func(in *net.UDPConn, to func(from netip.AddrPort) netip.AddrPort) {
		buf := make([]byte, 2048)
		for {
			n, from, err := in.ReadFromUDPAddrPort(buf)
			if err != nil {
				return
			}
			_, _ = d.real.WriteToUDPAddrPort(buf[:n], to(from))
		}
	}
	go forward(d.signalled, func(netip.AddrPort) netip.AddrPort { return server })
	go forward(d.real, func(from netip.AddrPort) netip.AddrPort {
		if from == server {
			return client
		}
		return server
	})
	return d
}

// A DTLS server behind a NAT answers from another port than its description names: its certificate decides, and media goes to where
// it really is.
func TestServerFromElsewhere(t *testing.T) {
	drivers(t, func(t *testing.T, cfg Config) {
		a, b := newNode(t, cfg, dtls.Config{}), newNode(t, cfg, dtls.Config{})
		d := newDetour(t, portOf(a), portOf(b))
		require.NoError(t, b.stream.Set(B, b.agreed(a, sdp.Ports{Addr: loopback, RTP: local(d.real).Port()}, false, true)))
		require.NoError(t, a.stream.Set(B, a.agreed(b, sdp.Ports{Addr: loopback, RTP: local(d.signalled).Port()}, true, true)))
		a.events.wait(t, B, Secured, 1)
		b.events.wait(t, B, Secured, 1)
		require.NoError(t, d.signalled.Close(), "nothing needs that port any more")
		talk(t, a, b)
		s := a.stream.Stats(B)
		require.Equal(t, local(d.real), s.Remote)
		require.Zero(t, s.AuthFailed+s.Unsent)
	})
}

// From there a server with another certificate is refused as it is from the signalled address, and hears nothing.
func TestWrongServerFromElsewhere(t *testing.T) {
	drivers(t, func(t *testing.T, cfg Config) {
		a, b := newNode(t, cfg, dtls.Config{Timeout: 500 * time.Millisecond}), newNode(t, cfg, dtls.Config{})
		d := newDetour(t, portOf(a), portOf(b))
		require.NoError(t, b.stream.Set(B, b.agreed(a, sdp.Ports{Addr: loopback, RTP: local(d.real).Port()}, false, true)))
		agreed := a.agreed(b, sdp.Ports{Addr: loopback, RTP: local(d.signalled).Port()}, true, true)
		agreed.DTLS.Fingerprint = newHandshaker(t, dtls.Config{}).Fingerprint()
		require.NoError(t, a.stream.Set(B, agreed))
		failed := a.events.wait(t, B, SecureFailed, 1)[0]
		require.ErrorIs(t, failed.Err, dtls.ErrFingerprint)
		require.ErrorContains(t, failed.Err, local(d.real).String())
		a.phone.say(8, "secret")
		eventually(t, "it is dropped", func() bool { return a.stream.Stats(B).Unsent == 1 })
		require.Zero(t, a.stream.Stats(B).Sent)
		require.Zero(t, b.stream.Stats(A).Sent)
	})
}

func portOf(n *node) netip.AddrPort {
	p := n.stream.Ports(B)
	return netip.AddrPortFrom(p.Addr, p.RTP)
}
