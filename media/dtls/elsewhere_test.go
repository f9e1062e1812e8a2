package dtls

import (
	"net/netip"
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

var signalled = netip.MustParseAddrPort("10.0.0.1:4000")

// A server with several addresses, or behind a NAT, answers from elsewhere than its description says: its certificate proves it.
func TestServerFromElsewhere(t *testing.T) {
	a, b := handshaker(t, Config{}), handshaker(t, Config{})
	w := newWire(nil)
	end, server := w.join(t, b, addrB, addrA, false, a.Fingerprint())
	w.mu.Lock()
	w.ends[signalled] = end // what is sent there arrives
	w.mu.Unlock()
	_, client := w.join(t, a, addrA, signalled, true, b.Fingerprint())
	c := result(t, client)
	requireKeys(t, c, result(t, server))
	require.Equal(t, addrB, c.Remote)
}

// Who answers first for a server that is somewhere else gains nothing, and loses it a moment at most.
func TestStrangerAnswersForTheServer(t *testing.T) {
	for name, at := range map[string]netip.AddrPort{"signalled": signalled, "elsewhere": addrB} {
		t.Run(name, func(t *testing.T) {
			a, b, x := handshaker(t, Config{}), handshaker(t, Config{}), handshaker(t, Config{})
			w := newWire(nil)
			w.filter = func(from, to netip.AddrPort, p []byte) bool {
				end := w.ends[addrX]
				if from == addrA && to == signalled && end != nil { // the stranger hears it first
					go end.Receive(slices.Clone(p), addrA)
				}
				return true
			}
			_, _ = w.join(t, x, addrX, addrA, false, a.Fingerprint())
			_, client := w.join(t, a, addrA, signalled, true, b.Fingerprint())
			require.Eventually(t, func() bool { return w.records(addrX.String()) > 0 }, 30*time.Second, time.Millisecond)
			end, server := w.join(t, b, at, addrA, false, a.Fingerprint())
			w.mu.Lock()
			w.ends[signalled] = end
			w.mu.Unlock()
			c := result(t, client)
			requireKeys(t, c, result(t, server))
			require.Equal(t, at, c.Remote)
		})
	}
}

// A server elsewhere that is not the peer is refused: what was wrong is told with the silence of the peer, and no key is made.
func TestWrongServerElsewhere(t *testing.T) {
	a, x := handshaker(t, Config{Timeout: 500 * time.Millisecond}), handshaker(t, Config{})
	w := newWire(nil)
	end, _ := w.join(t, x, addrX, addrA, false, a.Fingerprint())
	w.mu.Lock()
	w.ends[signalled] = end
	w.mu.Unlock()
	_, client := w.join(t, a, addrA, signalled, true, certificate(t).Fingerprint())
	c := result(t, client)
	require.ErrorIs(t, c.Err, ErrTimeout)
	require.ErrorIs(t, c.Err, ErrFingerprint)
	require.ErrorContains(t, c.Err, addrX.String())
	require.Empty(t, c.Send.Key)
}
