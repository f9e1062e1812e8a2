package peers

import (
	"context"
	"net/netip"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"b2bua/simulator/proxy"
)

const domain = "sip.example.org"

// TestInteropLinphone: two linphones with different encryptions talk through b2bua, both ways round.
func TestInteropLinphone(t *testing.T) {
	for _, test := range []struct{ caller, callee, suite string }{
		{"srtp", "none", ""},
		{"none", "srtp", "AES_CM_128_HMAC_SHA1_80"},
		{"srtp", "srtp", "AES_256_CM_HMAC_SHA1_80"},
		{"none", "none", ""},
		{"dtls", "none", ""},
		{"none", "dtls", ""},
		{"dtls", "srtp", "AES_CM_128_HMAC_SHA1_80"},
		{"dtls", "dtls", ""},
	} {
		t.Run(test.caller+" calls "+test.callee, func(t *testing.T) {
			l := newLab(t)
			callThroughB2BUA(t, l, test.caller, test.callee, test.suite)
		})
	}
}

// spoken is how long the two talk: enough for the counters to tell a stream from a few packets.
const spoken = 100 // packets, two seconds

func callThroughB2BUA(t *testing.T, l *lab, caller, callee, suite string) {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	at := l.address(t).String()
	registrar, err := proxy.New(proxy.Config{
		Listen: []string{"tcp:" + at + ":5060", "udp:" + at + ":5060"}, Domains: []string{domain},
		Divert: proxy.Divert{URI: "sip:" + l.b2bua.String() + ";transport=tcp"},
	})
	require.NoError(t, err)
	defer func() { _ = registrar.Close() }()
	mode := map[string]string{"srtp": "sdes", "none": "none", "dtls": "dtls-srtp"}[callee]
	more := []string{"[b2bua-server::trenscrypter]", "outgoing-enc-regex=" + mode + " sip:bob@.*"}
	if suite != "" {
		more = append(more, "outgoing-srtp-regex="+suite+" sip:bob@.*")
	}
	l.start(t, "tcp", registrar.URI(), more...)
	phone := func(name, encryption string, auto bool) *Linphone {
		p, err := StartLinphone(ctx, LinphoneConfig{
			Name: name, Addr: l.address(t), Encryption: encryption, Domain: domain, Proxy: "sip:" + at + ":5060", Codec: "PCMU",
			AutoAnswer: auto, Dir: l.subdir(t, name),
		})
		require.NoError(t, err)
		t.Cleanup(p.Stop)
		return p
	}
	bob := phone("bob", callee, true)
	alice := phone("alice", caller, false)
	for _, p := range []*Linphone{bob, alice} {
		require.NoError(t, p.AwaitLog(ctx, "to \\[LinphoneRegistrationOk\\]"))
	}
	require.NoError(t, alice.Command("call sip:bob@"+domain))
	for _, p := range []*Linphone{alice, bob} {
		require.NoError(t, p.AwaitLog(ctx, "to LinphoneCallStreamsRunning"))
	}
	for name, encryption := range map[string]string{"A": caller, "B": callee} {
		if encryption == "dtls" {
			_, err := l.process.AwaitLine(ctx, regexp.MustCompile("leg "+name+": secured: audio dtls-srtp"))
			require.NoError(t, err)
		}
	}
	talk(ctx, t, l)
	require.NoError(t, bob.Command("terminate all"))
	heard := map[string]Counters{}
	for name, p := range map[string]*Linphone{"alice": alice, "bob": bob} {
		c, err := p.AwaitCounters(ctx)
		require.NoError(t, err)
		t.Logf("%s: %+v", name, c)
		assert.Greater(t, c.Sent, spoken, "%s sent audio", name)
		assert.Greater(t, c.Received, spoken, "%s received audio", name)
		assert.Zero(t, c.Bad, "%s got malformed packets", name)
		assert.Zero(t, c.Errors, "%s could not decrypt", name)
		loudness, err := Loudness(filepath.Join(l.dir, name, "heard.wav"))
		require.NoError(t, err)
		assert.Greater(t, loudness, 100.0, "%s heard the other's recording, and not silence", name)
		heard[name] = c
	}
	assert.InDelta(t, heard["alice"].Sent, heard["bob"].Received, 10, "what alice sent, bob received")
	assert.InDelta(t, heard["bob"].Sent, heard["alice"].Received, 10, "what bob sent, alice received")
	if suite != "" {
		assert.Equal(t, suite, heard["bob"].Suite)
	}
}

// talk lets the two speak; the counters come only at the end of the call, so there is nothing to wait for but time.
func talk(ctx context.Context, t *testing.T, l *lab) {
	t.Helper()
	select {
	case <-time.After(3 * time.Second):
	case <-l.process.Exited():
		t.Fatal("b2bua ended during the call")
	case <-ctx.Done():
		t.Fatal(ctx.Err())
	}
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
			t.Logf("%+v", outcome)
			assert.Equal(t, Outcome{Created: load.Calls, Successful: load.Calls, Retransmissions: outcome.Retransmissions}, outcome)
		})
	}
}
