package peers

import (
	"context"
	"fmt"
	"net/netip"
	"os"
	"strconv"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func runPairs(t *testing.T, pairs []pair) {
	t.Helper()
	for _, p := range pairs {
		t.Run(p.String(), func(t *testing.T) {
			t.Parallel()
			p.run(t)
		})
	}
}

// TestInteropLinphone: two linphones with different encryptions talk through b2bua, both ways round.
func TestInteropLinphone(t *testing.T) {
	runPairs(t, []pair{
		{caller: "linphone srtp", callee: "linphone none"},
		{caller: "linphone none", callee: "linphone srtp", suite: "AES_CM_128_HMAC_SHA1_80"},
		{caller: "linphone srtp", callee: "linphone srtp", suite: "AES_256_CM_HMAC_SHA1_80"},
		{caller: "linphone none", callee: "linphone none"},
		{caller: "linphone dtls", callee: "linphone none"},
		{caller: "linphone none", callee: "linphone dtls"},
		{caller: "linphone dtls", callee: "linphone srtp", suite: "AES_CM_128_HMAC_SHA1_80"},
		{caller: "linphone dtls", callee: "linphone dtls"},
	})
}

// TestInteropBaresip: baresip with every encryption on either leg. It plays back what it hears, so the other one has to hear itself.
func TestInteropBaresip(t *testing.T) {
	runPairs(t, []pair{
		{caller: "baresip none", callee: "phone srtp", suite: "AES_CM_128_HMAC_SHA1_80"},
		{caller: "baresip srtp", callee: "phone none"},
		{caller: "baresip dtls", callee: "phone none"},
		{caller: "phone srtp", callee: "baresip none", callerSuite: "AES_256_CM_HMAC_SHA1_80"},
		{caller: "phone none", callee: "baresip srtp", suite: "AES_CM_128_HMAC_SHA1_80"},
		{caller: "phone none", callee: "baresip srtp", suite: "AES_CM_128_HMAC_SHA1_32", shortRTCP: true},
		{caller: "phone none", callee: "baresip srtp", suite: "AEAD_AES_128_GCM"},
		{caller: "phone none", callee: "baresip srtp", suite: "AEAD_AES_256_GCM"},
		{caller: "phone none", callee: "baresip dtls"},
		{caller: "baresip dtls", callee: "baresip srtp"},
		{caller: "baresip srtp", callee: "baresip dtls"},
	})
}

// TestInteropMixed: linphone and baresip, each with its own encryption, both ways round.
func TestInteropMixed(t *testing.T) {
	runPairs(t, []pair{
		{caller: "linphone dtls", callee: "baresip srtp"},
		{caller: "baresip srtp", callee: "linphone dtls"},
		{caller: "linphone srtp", callee: "baresip dtls"},
		{caller: "baresip dtls", callee: "linphone srtp"},
		{caller: "linphone dtls", callee: "baresip dtls"},
		{caller: "baresip dtls", callee: "linphone dtls"},
		{caller: "linphone none", callee: "baresip dtls"},
		{caller: "baresip srtp", callee: "linphone none"},
	})
}

// TestInteropICE: full agents against the lite one of b2bua, with every encryption on either leg, on both and on one, and where
// b2bua is told to do without. The agents of the others above are off: b2bua's is on by default.
func TestInteropICE(t *testing.T) {
	runPairs(t, []pair{
		{caller: "linphone none ice", callee: "linphone srtp ice"},
		{caller: "linphone srtp ice", callee: "linphone dtls ice"},
		{caller: "linphone dtls ice", callee: "linphone none ice"},
		{caller: "linphone srtp ice", callee: "linphone none"},
		{caller: "linphone dtls ice", callee: "linphone srtp"},
		{caller: "linphone none", callee: "linphone dtls ice"},
		{caller: "linphone srtp", callee: "linphone srtp ice"},
		{caller: "baresip srtp ice", callee: "linphone dtls ice"},
		{caller: "linphone dtls ice", callee: "baresip dtls ice"},
		{caller: "baresip dtls ice", callee: "phone none"},
		{caller: "phone none", callee: "baresip none ice"},
		{caller: "linphone srtp ice", callee: "linphone dtls ice", noICE: true},
	})
}

// TestInteropICETwoNetworks: linphone speaks from its first address at once, checks from another one first, and loses nothing.
func TestInteropICETwoNetworks(t *testing.T) {
	second, remove, why := secondNetwork()
	t.Cleanup(remove)
	require.NoError(t, why)
	runPairs(t, []pair{
		{caller: "linphone none ice", callee: "linphone srtp ice", second: second},
		{caller: "linphone dtls ice", callee: "linphone none ice", second: second},
	})
}

// TestInteropSIPp: fifty calls per second without one that fails. INTEROP_SECONDS makes it shorter or longer than a minute.
func TestInteropSIPp(t *testing.T) {
	seconds := 60
	if text := os.Getenv("INTEROP_SECONDS"); text != "" {
		n, err := strconv.Atoi(text)
		require.NoError(t, err, "INTEROP_SECONDS")
		seconds = n
	}
	for _, network := range []string{"udp", "tcp"} {
		t.Run(network, func(t *testing.T) {
			row := Row{Pair: "sipp > sipp over " + network, Wire: "signalling only"}
			defer func() {
				row.Failed = t.Failed()
				table.Add(row)
				t.Log(row)
			}()
			l := newLab(t)
			callee := netip.AddrPortFrom(l.address(t), 5060)
			l.start(t, network, "sip:"+callee.String()+";transport="+network)
			load := Load{
				Caller: netip.AddrPortFrom(l.address(t), 5060), Callee: callee, B2BUA: l.b2bua, Network: network,
				Rate: 50, Calls: 50 * seconds, Hold: time.Second, Dir: l.subdir(t, "sipp"),
			}
			ctx, cancel := context.WithTimeout(context.Background(), time.Duration(seconds)*time.Second+2*time.Minute)
			defer cancel()
			outcome, err := load.Run(ctx)
			require.NoError(t, err)
			row.Note = fmt.Sprintf("; %d calls at %d per second, %d failed", outcome.Created, load.Rate, outcome.Failed)
			assert.Equal(t, Outcome{Created: load.Calls, Successful: load.Calls, Retransmissions: outcome.Retransmissions}, outcome)
		})
	}
}
