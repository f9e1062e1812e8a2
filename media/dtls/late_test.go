package dtls

import (
	"net/netip"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// A client that heard nothing but the HelloVerifyRequest repeats its ClientHello with that cookie. It succeeds as soon as the way is
// free again, though its time was over.
func TestClientIsWaitedFor(t *testing.T) {
	for name, remote := range map[string]netip.AddrPort{"signalled": addrA, "behind a NAT": signalled} {
		t.Run(name, func(t *testing.T) {
			a, b := handshaker(t, Config{}), handshaker(t, Config{Timeout: 300 * time.Millisecond, Flight: 50 * time.Millisecond})
			var open atomic.Bool
			w := newWire(func(from, _ netip.AddrPort, p []byte) bool {
				_, verify := parseCookie(p)
				return from == addrA || verify || open.Load()
			})
			end, server := w.join(t, b, addrB, remote, false, a.Fingerprint())
			_, client := w.join(t, a, addrA, addrB, true, b.Fingerprint())
			s := result(t, server)
			require.ErrorIs(t, s.Err, ErrTimeout)
			require.Eventually(t, func() bool {
				end.mu.Lock()
				defer end.mu.Unlock()
				return len(end.peers) == 1 && end.peers[0].kept
			}, 30*time.Second, time.Millisecond)
			require.Eventually(t, func() bool { return len(b.running) == 0 }, 30*time.Second, time.Millisecond, "it keeps no other from its handshake")
			open.Store(true)
			requireKeys(t, result(t, client), result(t, server))
		})
	}
}
