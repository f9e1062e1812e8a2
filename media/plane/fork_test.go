package plane

import (
	"net/netip"
	"testing"

	"github.com/pion/stun/v3"
	"github.com/stretchr/testify/require"

	"b2bua/media/dtls"
	"b2bua/media/ice"
	"b2bua/media/sdp"
)

// A proxy has forked our offer. The phone that made early media with ICE and DTLS gives way to the one that answers: what it sends and asks
// for meanwhile is nothing to the association with the other.
func TestAnotherPhoneWithICEAndDTLS(t *testing.T) {
	for _, active := range []bool{true, false} {
		drivers(t, func(t *testing.T, cfg Config) {
			ours, first, second := newNode(t, cfg, dtls.Config{}), newNode(t, cfg, dtls.Config{}), newNode(t, cfg, dtls.Config{})
			at := func(n *node) netip.AddrPort { return netip.AddrPortFrom(loopback, n.stream.Ports(B).RTP) }
			lines := map[string]*lossy{}
			for name, n := range map[string]*node{"one": first, "two": second} {
				lines[name] = newLossy(t, 1, 0, [2]netip.AddrPort{at(ours), at(n)})
				require.NoError(t, n.stream.Set(B, n.agreed(ours, sdp.Ports{Addr: loopback, RTP: local(lines[name].conns[1]).Port()}, !active, true)))
			}
			nominates := func(name string) {
				t.Helper()
				m, err := stun.Build(stun.TransactionID, stun.BindingRequest, stun.NewUsername("frag:"+name), nominate, stun.NewShortTermIntegrity(string(oldCredentials.Pwd)), stun.Fingerprint)
				require.NoError(t, err)
				c := lines[name].conns[0]
				_, err = c.WriteToUDPAddrPort(m.Raw, at(ours))
				require.NoError(t, err)
			}
			answers := func(name string, n *node) {
				t.Helper()
				agreed := ours.agreed(n, sdp.Ports{Addr: loopback, RTP: 9, RTCP: 9}, active, true)
				agreed.ICE = &ice.Params{Local: oldCredentials, Peer: name}
				require.NoError(t, ours.stream.Set(B, agreed))
			}
			answers("one", first)
			nominates("one")
			ours.events.wait(t, B, Secured, 1)
			first.events.wait(t, B, Secured, 1)
			talk(t, ours, first)

			had := first.stream.Stats(B).Other
			answers("two", second)
			nominates("two")
			ours.events.wait(t, B, Secured, 2)
			second.events.wait(t, B, Secured, 1)
			nominates("one")
			eventually(t, "the response to that check", func() bool { return first.stream.Stats(B).Other > had })
			talk(t, ours, second)
			require.Equal(t, had+1, first.stream.Stats(B).Other, "and nothing of the second handshake")
			require.Empty(t, ours.events.find(B, SecureFailed))
			require.Len(t, ours.events.find(B, PathSelected), 2)
			require.Equal(t, local(lines["two"].conns[0]), ours.stream.Stats(B).Remote)
		})
	}
}
