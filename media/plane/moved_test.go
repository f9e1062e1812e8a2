package plane

import (
	"fmt"
	"net/netip"
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"b2bua/media/dtls"
	"b2bua/media/relay"
	"b2bua/media/sdp"
)

// The peer of a moves to another address of its own, with the same certificate and role, and keeps its association: it answers no new
// handshake. Its keys are still good, whatever becomes of that.
func TestMovedPeerKeepsItsKeys(t *testing.T) {
	for _, active := range []bool{true, false} {
		t.Run(fmt.Sprintf("active=%t", active), func(t *testing.T) {
			a, b := newNode(t, Config{}, dtls.Config{Timeout: 200 * time.Millisecond}), newNode(t, Config{}, dtls.Config{})
			b.secure(t, a, !active, true)
			a.secure(t, b, active, true)
			a.events.wait(t, B, Secured, 1)
			b.events.wait(t, B, Secured, 1)
			talk(t, a, b)
			pa, pb := a.stream.Ports(B), b.stream.Ports(B)
			l := newLossy(t, 1, 0, [2]netip.AddrPort{netip.AddrPortFrom(pa.Addr, pa.RTP), netip.AddrPortFrom(pb.Addr, pb.RTP)})
			moved := sdp.Ports{Addr: loopback, RTP: local(l.conns[0]).Port()}
			require.NoError(t, a.stream.Set(B, a.agreed(b, moved, active, true)))
			failed := a.events.wait(t, B, SecureFailed, 1)[0]
			require.True(t, failed.Retried)
			require.ErrorIs(t, failed.Err, dtls.ErrTimeout)
			require.Eventually(t, func() bool { a.phone.say(8, "moved"); return len(b.events.find(B, Latched)) == 2 },
				10*time.Second, 5*time.Millisecond, "b's side of the line hears a from its other end")
			a.phone.say(8, "there")
			for heard := "moved"; heard == "moved"; {
				heard = string(b.phone.hear().Payload)
			}
			talk(t, a, b)
			s := a.stream.Stats(B)
			require.Zero(t, s.Unsent+s.NotReady+s.AuthFailed)

			// Another certificate is another peer: who has the old keys is not believed any more once that does not come.
			stranger := newHandshaker(t, dtls.Config{})
			other := a.agreed(b, moved, active, true)
			other.DTLS.Fingerprint = stranger.Fingerprint()
			require.NoError(t, a.stream.Set(B, other))
			a.events.wait(t, B, SecureFailed, 2)
			a.phone.say(8, "nobody's")
			require.Eventually(t, func() bool { return a.stream.Stats(B).Unsent == 1 }, 30*time.Second, time.Millisecond)
		})
	}
}

// A user has two phones. The first one is in early media, the second one picks up and says nothing yet, while the first sends on until it
// is cancelled: who is called is sent to at once, and heard alone as soon as it speaks.
func TestAnotherPhonePicksUp(t *testing.T) {
	drivers(t, func(t *testing.T, cfg Config) {
		for _, mux := range []bool{true, false} {
			t.Run(fmt.Sprintf("mux=%t", mux), func(t *testing.T) {
				a, first, second := newNode(t, cfg, dtls.Config{}), newNode(t, cfg, dtls.Config{}), newNode(t, cfg, dtls.Config{Flight: 30 * time.Millisecond})
				a.secure(t, first, true, mux)
				first.secure(t, a, false, mux)
				keyed := 1
				if !mux {
					keyed = 2
				}
				a.events.wait(t, B, Secured, keyed)
				first.events.wait(t, B, Secured, keyed)
				talk(t, a, first)

				a.secure(t, second, true, mux)
				first.phone.say(8, "not cancelled yet")
				require.Equal(t, "not cancelled yet", string(a.phone.hear().Payload))
				second.secure(t, a, false, mux)
				require.Eventually(t, func() bool {
					byRTCP := func(ev Event) bool { return ev.Channel == relay.RTCP }
					return len(slices.DeleteFunc(a.events.find(B, Secured), byRTCP)) == 2
				}, 30*time.Second, time.Millisecond)
				first.phone.say(8, "nor now") // under keys that are taken for some more seconds
				require.Equal(t, "nor now", string(a.phone.hear().Payload))
				a.events.wait(t, B, Secured, 2*keyed)
				second.events.wait(t, B, Secured, keyed)
				a.phone.say(8, "hello")
				require.Equal(t, "hello", string(second.phone.hear().Payload))
				second.phone.say(8, "hello too")
				require.Equal(t, "hello too", string(a.phone.hear().Payload))
				sent := first.stream.Stats(B).Sent
				first.phone.say(8, "nobody's") // refused by its source, by its key if that is forgotten already, or by the kernel
				require.Eventually(t, func() bool { return first.stream.Stats(B).Sent == sent+1 }, 30*time.Second, time.Millisecond)
				talk(t, a, second)
			})
		}
	})
}
