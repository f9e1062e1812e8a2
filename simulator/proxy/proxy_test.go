package proxy_test

import (
	"context"
	"strings"
	"testing"
	"time"

	"b2bua/simulator/capture"
	"b2bua/simulator/endpoint"
	"b2bua/simulator/proxy"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func within(t *testing.T) context.Context {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
	t.Cleanup(cancel)
	return ctx
}

func start(t *testing.T, cfg proxy.Config) *proxy.Proxy {
	t.Helper()
	p, err := proxy.New(cfg)
	require.NoError(t, err)
	t.Cleanup(func() { assert.NoError(t, p.Close()) })
	return p
}

// phone registers a phone at a proxy.
func phone(t *testing.T, p *proxy.Proxy, cfg endpoint.Config) *endpoint.Phone {
	t.Helper()
	if cfg.AOR == "" {
		cfg.AOR = "sip:" + cfg.Name + "@sip.example.org"
	}
	cfg.Proxy = p.URI()
	if strings.Contains(p.URI(), "tcp") {
		cfg.Listen = "tcp:127.0.0.1:0"
	} else {
		cfg.Listen = "udp:127.0.0.1:0"
	}
	ph, err := endpoint.New(cfg)
	require.NoError(t, err)
	t.Cleanup(func() { assert.NoError(t, ph.Close()) })
	require.NoError(t, ph.Register(within(t), time.Hour))
	return ph
}

func TestCallThroughTheProxy(t *testing.T) {
	for _, network := range []string{"udp", "tcp"} {
		t.Run(network, func(t *testing.T) {
			record := capture.NewRecorder()
			p := start(t, proxy.Config{Listen: []string{network + ":127.0.0.1:0"}, Domains: []string{"sip.example.org"}, Record: record})
			marie := phone(t, p, endpoint.Config{Name: "marie", Record: record, Media: endpoint.Media{Encryption: "sdes"}})
			pauline := phone(t, p, endpoint.Config{Name: "pauline", Record: record, Media: endpoint.Media{Encryption: "sdes"}})
			a, err := marie.Call(pauline.AOR(), endpoint.CallOptions{})
			require.NoError(t, err)
			b, err := pauline.WaitIncoming(within(t))
			require.NoError(t, err)
			require.NoError(t, b.Ring())
			require.NoError(t, a.WaitRinging(within(t)))
			require.NoError(t, b.Answer(nil))
			require.NoError(t, a.WaitRunning(within(t)))
			require.NoError(t, b.WaitRunning(within(t)))
			require.NoError(t, a.WaitAudio(within(t), pauline.Tone()))
			assert.Contains(t, b.Invite().Header("Record-Route"), ";lr")
			assert.Equal(t, "69", b.Invite().Header("Max-Forwards"))
			require.NoError(t, b.HangUp())
			require.NoError(t, a.WaitReleased(within(t)))
			_, err = p.WaitMessage(within(t), "BYE on its way", func(m capture.Message) bool { return m.Sent && m.Method() == "BYE" && m.IsRequest() })
			require.NoError(t, err)
			_, err = pauline.WaitMessage(within(t), "200 to BYE", func(m capture.Message) bool { return m.Method() == "BYE" && m.Status() == 200 })
			require.NoError(t, err)
			var ladder strings.Builder
			require.NoError(t, record.Ladder(&ladder))
			assert.Regexp(t, `^ +marie +proxy +pauline\n`, ladder.String())
		})
	}
}

func TestCancelThroughTheProxy(t *testing.T) {
	for _, network := range []string{"udp", "tcp"} {
		p := start(t, proxy.Config{Listen: []string{network + ":127.0.0.1:0"}})
		marie, pauline := phone(t, p, endpoint.Config{Name: "marie"}), phone(t, p, endpoint.Config{Name: "pauline"})
		a, err := marie.Call(pauline.AOR(), endpoint.CallOptions{})
		require.NoError(t, err)
		b, err := pauline.WaitIncoming(within(t))
		require.NoError(t, err)
		require.NoError(t, b.Ring())
		require.NoError(t, a.WaitRinging(within(t)))
		require.NoError(t, a.Cancel(endpoint.Header{Name: "Reason", Value: "SIP;cause=600"}))
		require.NoError(t, b.WaitReleased(within(t)))
		require.NoError(t, a.WaitReleased(within(t)))
		assert.Equal(t, "cancel", b.Summary().EndCause)
		assert.Equal(t, "SIP;cause=600", b.Summary().Reason)
		assert.Equal(t, 487, a.Summary().Status)
	}
}

func TestForkingCancelsTheLosers(t *testing.T) {
	p := start(t, proxy.Config{Listen: []string{"udp:127.0.0.1:0"}})
	marie := phone(t, p, endpoint.Config{Name: "marie"})
	desk := phone(t, p, endpoint.Config{Name: "desk", AOR: "sip:pauline@sip.example.org"})
	mobile := phone(t, p, endpoint.Config{Name: "mobile", AOR: "sip:pauline@sip.example.org"})
	a, err := marie.Call("sip:pauline@sip.example.org", endpoint.CallOptions{})
	require.NoError(t, err)
	d, err := desk.WaitIncoming(within(t))
	require.NoError(t, err)
	m, err := mobile.WaitIncoming(within(t))
	require.NoError(t, err)
	assert.Equal(t, d.Invite().Header("Call-ID"), m.Invite().Header("Call-ID"))
	assert.Equal(t, d.Invite().Header("From"), m.Invite().Header("From"))
	assert.NotEqual(t, d.Invite().Header("Via"), m.Invite().Header("Via"))
	require.NoError(t, d.Ring())
	require.NoError(t, m.Ring())
	require.NoError(t, m.Answer(nil))
	require.NoError(t, a.WaitRunning(within(t)))
	require.NoError(t, d.WaitReleased(within(t)))
	assert.Equal(t, "cancel", d.Summary().EndCause)
	require.NoError(t, m.WaitRunning(within(t)))
}

// Two phones answer at the same moment: the caller has one call, and none stays behind.
func TestTwoAnswersOfAFork(t *testing.T) {
	for _, listen := range []string{"tcp:127.0.0.1:0", "udp:127.0.0.1:0"} {
		p := start(t, proxy.Config{Listen: []string{listen}})
		marie := phone(t, p, endpoint.Config{Name: "marie"})
		desk := phone(t, p, endpoint.Config{Name: "desk", AOR: "sip:pauline@sip.example.org"})
		mobile := phone(t, p, endpoint.Config{Name: "mobile", AOR: "sip:pauline@sip.example.org"})
		a, err := marie.Call("sip:pauline@sip.example.org", endpoint.CallOptions{})
		require.NoError(t, err)
		d, err := desk.WaitIncoming(within(t))
		require.NoError(t, err)
		m, err := mobile.WaitIncoming(within(t))
		require.NoError(t, err)
		answered := make(chan error, 1)
		go func() { answered <- d.Answer(nil) }()
		second := m.Answer(nil)
		first := <-answered
		assert.True(t, first == nil || second == nil)
		require.NoError(t, a.WaitRunning(within(t)))
		loser, winner := d, m
		if a.Summary().Audio().Remote == d.Summary().Audio().Local {
			loser, winner = m, d
		}
		require.NoError(t, loser.WaitReleased(within(t)))
		require.NoError(t, winner.WaitRunning(within(t)))
		require.NoError(t, a.HangUp())
		require.NoError(t, winner.WaitReleased(within(t)))
	}
}

func TestForkAllRefuse(t *testing.T) {
	p := start(t, proxy.Config{})
	marie := phone(t, p, endpoint.Config{Name: "marie"})
	for name, status := range map[string]int{"desk": 486, "mobile": 603} {
		phone(t, p, endpoint.Config{Name: name, AOR: "sip:pauline@sip.example.org", Auto: &endpoint.Auto{Decline: status}})
	}
	a, err := marie.Call("sip:pauline@sip.example.org", endpoint.CallOptions{})
	require.NoError(t, err)
	status, err := a.WaitFinal(within(t))
	require.NoError(t, err)
	assert.Equal(t, 603, status)
}

// The diverted INVITE goes to the B2BUA without its old routes; the one that bears the B2BUA's User-Agent goes to the callee.
func TestDiversion(t *testing.T) {
	p := start(t, proxy.Config{Domains: []string{"sip.example.org"}})
	server, err := endpoint.New(endpoint.Config{AOR: "sip:b2bua@127.0.0.1", Name: "b2bua", UserAgent: "Flexisip-B2BUA/1", Proxy: p.URI()})
	require.NoError(t, err)
	t.Cleanup(func() { assert.NoError(t, server.Close()) })
	require.NoError(t, p.SetDivert(proxy.Divert{URI: server.URI(), UserAgent: "Flexisip-B2BUA/1"}))
	marie, pauline := phone(t, p, endpoint.Config{Name: "marie"}), phone(t, p, endpoint.Config{Name: "pauline"})

	a, err := marie.Call(pauline.AOR(), endpoint.CallOptions{})
	require.NoError(t, err)
	legA, err := server.WaitIncoming(within(t))
	require.NoError(t, err)
	invite := legA.Invite()
	assert.Equal(t, pauline.AOR(), invite.RequestURI(), "the Request-URI is untouched")
	require.Len(t, invite.Headers("Route"), 1, "the phone's route to the proxy is gone")
	assert.Contains(t, invite.Header("Route"), ";lr")

	legB, err := server.Call(pauline.AOR(), endpoint.CallOptions{Headers: []endpoint.Header{{Name: "X-Flexisip-B2BUA", Value: "ignore"}}})
	require.NoError(t, err)
	b, err := pauline.WaitIncoming(within(t))
	require.NoError(t, err)
	require.NoError(t, b.Answer(nil))
	require.NoError(t, legB.WaitRunning(within(t)))
	require.NoError(t, legA.Answer(nil))
	require.NoError(t, a.WaitRunning(within(t)))

	c, err := marie.Call(pauline.AOR(), endpoint.CallOptions{})
	require.NoError(t, err)
	legC, err := server.WaitIncoming(within(t))
	require.NoError(t, err)
	require.NoError(t, legC.Ring())
	require.NoError(t, c.WaitRinging(within(t)))
	require.NoError(t, c.Cancel())
	require.NoError(t, legC.WaitReleased(within(t)))
	assert.Equal(t, "cancel", legC.Summary().EndCause, "the CANCEL goes to the B2BUA too")

	require.NoError(t, p.SetDivert(proxy.Divert{}))
	_, err = marie.Call(pauline.AOR(), endpoint.CallOptions{})
	require.NoError(t, err)
	_, err = pauline.WaitIncoming(within(t))
	require.NoError(t, err, "module switched off")
}

func TestDiversionByHeaderAndAfterFork(t *testing.T) {
	p := start(t, proxy.Config{})
	server, err := endpoint.New(endpoint.Config{AOR: "sip:b2bua@127.0.0.1", Name: "b2bua", Proxy: p.URI()})
	require.NoError(t, err)
	t.Cleanup(func() { assert.NoError(t, server.Close()) })
	require.NoError(t, p.SetDivert(proxy.Divert{URI: server.URI(), AfterFork: true}))
	marie := phone(t, p, endpoint.Config{Name: "marie"})
	phone(t, p, endpoint.Config{Name: "desk", AOR: "sip:pauline@sip.example.org"})
	phone(t, p, endpoint.Config{Name: "mobile", AOR: "sip:pauline@sip.example.org"})
	_, err = marie.Call("sip:pauline@sip.example.org", endpoint.CallOptions{})
	require.NoError(t, err)
	one, err := server.WaitIncoming(within(t))
	require.NoError(t, err)
	two, err := server.WaitIncoming(within(t))
	require.NoError(t, err)
	assert.Equal(t, one.Invite().Header("Call-ID"), two.Invite().Header("Call-ID"))
	assert.NotEqual(t, one.Invite().RequestURI(), two.Invite().RequestURI())
	require.NoError(t, one.Decline(486))
	require.NoError(t, two.Decline(486))
}

func TestRewriteLeavesTo(t *testing.T) {
	p := start(t, proxy.Config{Rewrite: func(m capture.Message) string {
		if m.Method() == "INVITE" {
			return "sip:unexpected@sip.example.org"
		}
		return ""
	}})
	marie := phone(t, p, endpoint.Config{Name: "marie"})
	other := phone(t, p, endpoint.Config{Name: "unexpected"})
	_, err := marie.Call("sip:intended@sip.example.org", endpoint.CallOptions{})
	require.NoError(t, err)
	b, err := other.WaitIncoming(within(t))
	require.NoError(t, err)
	assert.Equal(t, "<sip:intended@sip.example.org>", b.Invite().Header("To"))
}

func TestUnknownAndAbsentUsers(t *testing.T) {
	p := start(t, proxy.Config{Domains: []string{"sip.example.org"}})
	marie, pauline := phone(t, p, endpoint.Config{Name: "marie"}), phone(t, p, endpoint.Config{Name: "pauline"})
	require.Len(t, p.Contacts(pauline.AOR()), 1)
	require.NoError(t, pauline.Unregister(within(t)))
	require.Empty(t, p.Contacts(pauline.AOR()))
	for target, want := range map[string]int{"sip:nobody@sip.example.org": 404, pauline.AOR(): 480} {
		a, err := marie.Call(target, endpoint.CallOptions{})
		require.NoError(t, err)
		status, err := a.WaitFinal(within(t))
		require.NoError(t, err)
		assert.Equal(t, want, status)
	}
	require.NoError(t, p.Bind(pauline.AOR(), "sip:pauline@127.0.0.1:9;transport=tcp"))
	a, err := marie.Call(pauline.AOR(), endpoint.CallOptions{})
	require.NoError(t, err)
	status, err := a.WaitFinal(within(t))
	require.NoError(t, err)
	assert.Equal(t, 503, status, "nobody listens there")
	status, err = marie.Options(within(t), p.URI())
	require.NoError(t, err)
	assert.Equal(t, 200, status)
}

func TestContactsAreBounded(t *testing.T) {
	p := start(t, proxy.Config{MaxContacts: 2})
	for _, name := range []string{"one", "two", "three"} {
		phone(t, p, endpoint.Config{Name: name, AOR: "sip:pauline@sip.example.org"})
	}
	assert.Len(t, p.Contacts("pauline@sip.example.org"), 2)
}

func TestDigest(t *testing.T) {
	p := start(t, proxy.Config{AuthDomains: []string{"auth.example.org"}, Passwords: map[string]string{"marie@auth.example.org": "secret", "pauline@auth.example.org": "other"}})
	phone(t, p, endpoint.Config{Name: "laure"})
	marie := phone(t, p, endpoint.Config{Name: "marie", AOR: "sip:marie@auth.example.org", Password: "secret"})
	require.NoError(t, marie.Register(within(t), time.Minute), "again")
	a, err := marie.Call("sip:laure@sip.example.org", endpoint.CallOptions{})
	require.NoError(t, err)
	require.NoError(t, a.WaitSummary(within(t), "no challenge left", func(endpoint.Summary) bool {
		return len(p.Contacts("laure@sip.example.org")) == 1
	}))
	m, err := p.WaitMessage(within(t), "the INVITE passing on", func(m capture.Message) bool { return m.Sent && m.Method() == "INVITE" && m.IsRequest() })
	require.NoError(t, err)
	assert.False(t, m.HasHeader("Proxy-Authorization"))

	pauline, err := endpoint.New(endpoint.Config{Name: "pauline", AOR: "sip:pauline@auth.example.org", Password: "wrong", Proxy: p.URI()})
	require.NoError(t, err)
	t.Cleanup(func() { assert.NoError(t, pauline.Close()) })
	var refused *endpoint.StatusError
	require.ErrorAs(t, pauline.Register(within(t), time.Hour), &refused)
	assert.Equal(t, 403, refused.Status)
	for _, m := range append(p.Messages(), pauline.Messages()...) {
		assert.NotContains(t, string(m.Raw), "wrong\"")
	}
}

func TestWrongConfigurations(t *testing.T) {
	for _, cfg := range []proxy.Config{{Listen: []string{"127.0.0.1:0"}}, {Divert: proxy.Divert{URI: "b2bua"}}, {Listen: []string{"tls:127.0.0.1:0"}}} {
		_, err := proxy.New(cfg)
		assert.Error(t, err)
	}
	p := start(t, proxy.Config{})
	assert.Error(t, p.Bind("x@y", "nonsense"))
	assert.NoError(t, p.Close())
}
