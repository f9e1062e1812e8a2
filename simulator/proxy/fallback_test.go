package proxy_test

import (
	"net/netip"
	"strings"
	"testing"
	"time"

	"b2bua/simulator/capture"
	"b2bua/simulator/endpoint"
	"b2bua/simulator/proxy"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// gateway is a phone that does not register: where routes lead to.
func gateway(t *testing.T) *endpoint.Phone {
	t.Helper()
	ph, err := endpoint.New(endpoint.Config{Name: "gateway", AOR: "sip:gateway@example.net"})
	require.NoError(t, err)
	t.Cleanup(func() { assert.NoError(t, ph.Close()) })
	return ph
}

const number = "<sip:+33612345678@example.net;user=phone>;q=0.5"

// fallback is a proxy where pauline has a telephone number as second contact, and what it takes to call her.
func fallback(t *testing.T, after time.Duration) (marie, pauline, pstn *endpoint.Phone, p *proxy.Proxy) {
	t.Helper()
	pstn = gateway(t)
	p = start(t, proxy.Config{
		Domains: []string{"sip.example.org"}, Fallback: after, Static: []proxy.Static{{AOR: "sip:pauline@sip.example.org", Contacts: number}},
		Routes: []proxy.Route{{To: "<sip:192.0.2.1>", When: "request.method == 'MESSAGE'"}, {To: "<" + pstn.URI() + ">", When: seedRoute}},
	})
	return phone(t, p, endpoint.Config{Name: "marie"}), phone(t, p, endpoint.Config{Name: "pauline"}), pstn, p
}

func TestFallbackAfterRefusal(t *testing.T) {
	marie, pauline, pstn, _ := fallback(t, -1)
	a, err := marie.Call(pauline.AOR(), endpoint.CallOptions{})
	require.NoError(t, err)
	b, err := pauline.WaitIncoming(within(t))
	require.NoError(t, err)
	assert.Empty(t, pstn.Calls())
	require.NoError(t, b.Decline(486))
	c, err := pstn.WaitIncoming(within(t))
	require.NoError(t, err)
	assert.Equal(t, "sip:+33612345678@example.net;user=phone", c.Invite().RequestURI())
	assert.Contains(t, c.Invite().Header("Route"), ";lr")
	require.NoError(t, c.Answer(nil))
	require.NoError(t, a.WaitRunning(within(t)))
	require.NoError(t, a.HangUp())
	require.NoError(t, c.WaitReleased(within(t)))
}

func TestFallbackAfterTime(t *testing.T) {
	marie, pauline, pstn, _ := fallback(t, 10*time.Millisecond)
	a, err := marie.Call(pauline.AOR(), endpoint.CallOptions{})
	require.NoError(t, err)
	b, err := pauline.WaitIncoming(within(t))
	require.NoError(t, err)
	require.NoError(t, b.Ring())
	c, err := pstn.WaitIncoming(within(t))
	require.NoError(t, err)
	require.NoError(t, b.Answer(nil)) // her phone goes on ringing
	require.NoError(t, a.WaitRunning(within(t)))
	require.NoError(t, c.WaitReleased(within(t)))
	require.NoError(t, a.HangUp())
	require.NoError(t, b.WaitReleased(within(t)))
}

func TestNoFallback(t *testing.T) {
	for name, end := range map[string]func(a, b *endpoint.Call) error{
		"cancelled":              func(a, _ *endpoint.Call) error { return a.HangUp() },
		"declined for all":       func(_, b *endpoint.Call) error { return b.Decline(603) },
		"answered, and released": func(_, b *endpoint.Call) error { return b.Answer(nil) },
	} {
		t.Run(name, func(t *testing.T) {
			marie, pauline, pstn, p := fallback(t, -1)
			a, err := marie.Call(pauline.AOR(), endpoint.CallOptions{})
			require.NoError(t, err)
			b, err := pauline.WaitIncoming(within(t))
			require.NoError(t, err)
			require.NoError(t, b.Ring())
			require.NoError(t, a.WaitRinging(within(t)))
			require.NoError(t, end(a, b))
			if name[0] == 'a' {
				require.NoError(t, a.WaitRunning(within(t)))
				require.NoError(t, a.HangUp())
			}
			require.NoError(t, a.WaitReleased(within(t)))
			require.NoError(t, b.WaitReleased(within(t)))
			require.NoError(t, p.Close())
			assert.Empty(t, pstn.Calls())
		})
	}
}

// All contacts ring at once where there is no fallback, whatever their q.
func TestForkWithoutPriorities(t *testing.T) {
	marie, pauline, pstn, _ := fallback(t, 0)
	a, err := marie.Call(pauline.AOR(), endpoint.CallOptions{})
	require.NoError(t, err)
	b, err := pauline.WaitIncoming(within(t))
	require.NoError(t, err)
	c, err := pstn.WaitIncoming(within(t))
	require.NoError(t, err)
	require.NoError(t, c.Answer(nil))
	require.NoError(t, b.WaitReleased(within(t)))
	require.NoError(t, a.WaitRunning(within(t)))
	require.NoError(t, a.HangUp())
	require.NoError(t, c.WaitReleased(within(t)))
}

func TestHosts(t *testing.T) {
	loopback := netip.MustParseAddr("127.0.0.1")
	hosts := map[string]netip.Addr{"Jabiru.example.org": loopback, "sip.example.org": loopback}
	far := start(t, proxy.Config{Name: "far", Hosts: hosts}) // its own name stands in the Route header
	pauline := phone(t, far, endpoint.Config{Name: "pauline", AOR: "sip:pauline@jabiru.example.org"})
	_, port, _ := strings.Cut(strings.TrimSuffix(far.URI(), ";transport=tcp"), "127.0.0.1:")
	p := start(t, proxy.Config{
		Domains: []string{"sip.example.org"}, Hosts: hosts,
		Routes: []proxy.Route{{To: "<sip:jabiru.example.org:" + port + ";transport=tcp>", When: "request.uri.domain == 'jabiru.example.org'"}},
	})
	marie := phone(t, p, endpoint.Config{Name: "marie"})
	a, err := marie.Call(pauline.AOR(), endpoint.CallOptions{})
	require.NoError(t, err)
	b, err := pauline.WaitIncoming(within(t))
	require.NoError(t, err)
	require.NoError(t, b.Answer(nil))
	require.NoError(t, a.WaitRunning(within(t)))
	require.NoError(t, a.HangUp())
	require.NoError(t, b.WaitReleased(within(t)))
}

// A filter of module::B2bua leaves the other calls alone, and these are not trusted as the B2BUA's own are.
func TestDivertFilter(t *testing.T) {
	b2bua := gateway(t)
	p := start(t, proxy.Config{
		Divert:      proxy.Divert{URI: b2bua.URI(), UserAgent: "b2bua/1", Filter: "to.uri.user == 'far'"},
		AuthDomains: []string{"sip.example.org"}, SharedPassword: "secret",
	})
	marie := phone(t, p, endpoint.Config{Name: "marie", Password: "secret"})
	pauline := phone(t, p, endpoint.Config{Name: "pauline", Password: "secret"})
	a, err := marie.Call(pauline.AOR(), endpoint.CallOptions{})
	require.NoError(t, err)
	b, err := pauline.WaitIncoming(within(t))
	require.NoError(t, err)
	_, err = p.WaitMessage(within(t), "a challenge", func(m capture.Message) bool { return m.Status() == 407 })
	require.NoError(t, err)
	require.NoError(t, b.Decline(486))
	require.NoError(t, a.WaitReleased(within(t)))
	a, err = marie.Call("sip:far@sip.example.org", endpoint.CallOptions{})
	require.NoError(t, err)
	b, err = b2bua.WaitIncoming(within(t))
	require.NoError(t, err)
	require.NoError(t, b.Decline(488))
	require.NoError(t, a.WaitReleased(within(t)))
	_, err = proxy.New(proxy.Config{Divert: proxy.Divert{URI: b2bua.URI(), Filter: "("}})
	require.ErrorContains(t, err, "filter of the B2BUA")
	_, err = proxy.New(proxy.Config{Static: []proxy.Static{{AOR: "x", Contacts: "<"}}})
	require.ErrorContains(t, err, "contact")
}
