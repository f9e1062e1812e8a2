package peers

import (
	"context"
	"crypto/tls"
	"fmt"
	"net/netip"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"b2bua/simulator/capture"
	"b2bua/simulator/endpoint"
	"b2bua/simulator/proxy"
	"b2bua/simulator/testca"
)

// The documentation's PSTN fallback: the proxy that sells telephone lines, the domain of its accounts, the number that Pauline registered.
const (
	carrier   = "some.provider.example.org"
	lines     = "some.provider.example.com"
	telephone = "+33612345678"
)

// carrierPasswords are those of the example's accounts, by their userid.
var carrierPasswords = map[string]string{"titdkaLSjWAoYPCt@" + lines: "|e_Zn+@Oo,LI8W3@4b'd", "hrVdbsADrCUkTjdE@" + lines: `%AMC%Vxn8_7/y\5!k!oM`}

// inPSTN is a linphone in the fallback: bob is the telephone, or Pauline's own phone where that is reached.
type inPSTN struct {
	inLab
	hosts             map[string]netip.Addr
	flexisip, carrier *proxy.Proxy
}

// TestInteropPSTN: linphone calls a user whose telephone is a contact of low priority.
func TestInteropPSTN(t *testing.T) {
	t.Run("she lets it ring, and her telephone rings", func(t *testing.T) {
		t.Parallel()
		fallsBack(t, true)
	})
	t.Run("she is not there, and her telephone rings", func(t *testing.T) {
		t.Parallel()
		fallsBack(t, false)
	})
	t.Run("she picks up, and no line is used", answersHerself)
	t.Run("all lines are busy", allLinesBusy)
}

func fallsBack(t *testing.T, rings bool) {
	t.Helper()
	what := "she is not there: "
	if rings {
		what = "she lets it ring: "
	}
	p := newPSTN(t, what, 682)
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	var pauline Peer
	if rings {
		pauline = p.user(ctx, t, Config{Name: "pauline"})
	}
	p.bob = p.peer(ctx, t, Config{Name: telephone, AutoAnswer: true, Domain: lines, Password: password, Proxy: p.hosts[carrier].String() + ":5060"}, p.pair.callee)
	require.NoError(t, p.bob.AwaitRegistered(ctx))
	p.alice = p.user(ctx, t, Config{Name: "alice"})
	require.NoError(t, p.alice.Call("sip:pauline@"+flexisip))
	if rings {
		require.NoError(t, pauline.(*Linphone).awaitLog(ctx, "to LinphoneCallIncomingReceived"))
	}
	require.NoError(t, p.alice.AwaitRunning(ctx))
	require.NoError(t, p.bob.AwaitRunning(ctx))
	invite, err := p.carrier.WaitMessage(ctx, "the INVITE of b2bua", func(m capture.Message) bool {
		return !m.Sent && m.Method() == "INVITE" && m.HasHeader("Proxy-Authorization")
	})
	require.NoError(t, err)
	assert.Equal(t, "sip:"+telephone+"@"+lines+";user=phone", invite.RequestURI())
	assert.Regexp(t, `^<sip:account[12]@some\.provider\.example\.com>;tag=`, invite.Header("From"))
	assert.Equal(t, "tls", invite.Network)
	p.talk(ctx, t)
	if rings {
		require.NoError(t, pauline.(*Linphone).AwaitReleased(ctx, 1))
	}
	require.NoError(t, p.bob.HangUp())
	p.judge(ctx, t)
	require.NoError(t, p.alice.(*Linphone).AwaitReleased(ctx, 1))
}

func answersHerself(t *testing.T) {
	t.Parallel()
	p := newPSTN(t, "she picks up, no b2bua: ", 682)
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	p.bob = p.user(ctx, t, Config{Name: "pauline", AutoAnswer: true})
	p.alice = p.user(ctx, t, Config{Name: "alice"})
	require.NoError(t, p.alice.Call("sip:pauline@"+flexisip))
	require.NoError(t, p.alice.AwaitRunning(ctx))
	require.NoError(t, p.bob.AwaitRunning(ctx))
	p.talk(ctx, t)
	require.NoError(t, p.bob.HangUp())
	a, b := p.counters(ctx, t, "alice", p.alice), p.counters(ctx, t, "pauline", p.bob)
	p.row.Forth, p.row.Back = [2]int{a.Sent, b.Received}, [2]int{b.Sent, a.Received}
	p.row.Wire = p.wire(t, "alice", p.alice, p.pair.caller) + " | " + p.wire(t, "pauline", p.bob, p.pair.callee)
	for _, m := range p.flexisip.Messages() {
		assert.NotEqual(t, p.b2bua, m.To, "b2bua was asked: %s", m.StartLine())
	}
	for _, m := range p.carrier.Messages() {
		assert.NotEqual(t, "INVITE", m.Method(), "a line was used")
	}
}

// allLinesBusy: each of the two lines takes one call. The third caller, a linphone, is refused; when a line is free again it is not.
func allLinesBusy(t *testing.T) {
	t.Parallel()
	p := newPSTN(t, "all lines are busy: ", 1)
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	phone := func(cfg endpoint.Config, host string) *endpoint.Phone {
		cfg.Listen, cfg.Proxy = "tcp:"+p.address(t).String()+":0", "sip:"+p.hosts[host].String()+";transport=tcp"
		cfg.Media = endpoint.Media{Encryption: "none"}
		f, err := endpoint.New(cfg)
		require.NoError(t, err)
		t.Cleanup(func() { _ = f.Close() })
		return f
	}
	answers := phone(endpoint.Config{Name: "telephone", AOR: "sip:" + telephone + "@" + lines, Username: telephone, Password: password, Auto: &endpoint.Auto{}}, carrier)
	require.NoError(t, answers.Register(ctx, time.Hour))
	var others []*endpoint.Call
	for _, name := range []string{"marie", "ruth"} {
		call, err := phone(endpoint.Config{Name: name, AOR: "sip:" + name + "@" + flexisip}, flexisip).Call("sip:pauline@"+flexisip, endpoint.CallOptions{})
		require.NoError(t, err)
		require.NoError(t, call.WaitRunning(ctx))
		others = append(others, call)
	}
	alice := p.user(ctx, t, Config{Name: "alice"}).(*Linphone)
	require.NoError(t, alice.Call("sip:pauline@"+flexisip))
	require.NoError(t, alice.awaitLog(ctx, `(?s)SIP/2\.0 488 .*to LinphoneCallError`))
	_, err := p.process.AwaitLine(ctx, regexp.MustCompile(`refused with 488.*none of the 2 accounts of pool "FrenchPSTN" is available, .* in use by 1 of 1 calls`))
	require.NoError(t, err)
	require.NoError(t, others[0].HangUp())
	_, err = p.process.AwaitLine(ctx, regexp.MustCompile(`call 1 .*released after`))
	require.NoError(t, err)
	require.NoError(t, alice.Call("sip:pauline@"+flexisip))
	require.NoError(t, alice.AwaitRunning(ctx))
	require.NoError(t, alice.HangUp())
	require.NoError(t, alice.AwaitReleased(ctx, 2))
	p.row.Wire = "488, then a line is free again"
}

// newPSTN starts both proxies and b2bua, whose accounts are registered when it returns.
func newPSTN(t *testing.T, what string, maxCallsPerLine int) *inPSTN {
	t.Helper()
	p := &inPSTN{inLab: inLab{lab: newLab(t), pair: pair{caller: "linphone none", callee: "linphone none"}}}
	p.row = Row{Pair: "telephone, " + what + p.pair.String()}
	t.Cleanup(func() {
		p.row.Failed = t.Failed()
		table.Add(p.row)
		t.Log(p.row)
	})
	var err error
	if p.sniffer, err = Sniff(); err != nil {
		require.ErrorIs(t, err, ErrNotAllowed)
	}
	t.Cleanup(p.sniffer.Close)
	p.hosts = map[string]netip.Addr{flexisip: p.address(t), carrier: p.address(t)}
	p.openCarrier(t)
	p.openFlexisip(t)
	providers, err := os.ReadFile("../../simulator/examples/pstn/providers.json")
	require.NoError(t, err)
	text := strings.Replace(string(providers), `"maxCallsPerLine": 682`, fmt.Sprintf(`"maxCallsPerLine": %d`, maxCallsPerLine), 1)
	p.write(t, "providers.json", text)
	for name, addr := range p.hosts {
		p.arguments = append(p.arguments, fmt.Sprintf("--hosts=%s=%s", name, addr))
	}
	p.start(t, "tcp", "sip:ignored.example.org", "application=sip-bridge", "[b2bua-server::sip-bridge]", "providers=providers.json",
		"[b2bua::tls]", "ca-file="+filepath.Join(p.dir, "ca.pem"))
	ctx, cancel := context.WithTimeout(context.Background(), 20*time.Second)
	defer cancel()
	for _, account := range []string{"account1", "account2"} {
		_, err := p.process.AwaitLine(ctx, regexp.MustCompile("account sip:"+account+"@some.provider.example.com: registered"))
		require.NoError(t, err)
	}
	return p
}

func (p *inPSTN) write(t *testing.T, name, text string) {
	t.Helper()
	require.NoError(t, os.WriteFile(filepath.Join(p.dir, name), []byte(text), 0o600))
}

// openCarrier starts the provider's proxy: over TLS for b2bua, the telephone comes by UDP or TCP.
func (p *inPSTN) openCarrier(t *testing.T) {
	t.Helper()
	ca, err := testca.New()
	require.NoError(t, err)
	p.write(t, "ca.pem", string(ca.PEM()))
	certificate, err := ca.Issue(carrier)
	require.NoError(t, err)
	at := p.hosts[carrier].String()
	p.carrier, err = proxy.New(proxy.Config{
		Name: "carrier", Hosts: p.hosts, Listen: []string{"tls:" + at + ":5061", "udp:" + at + ":5060", "tcp:" + at + ":5060"},
		TLS:     &tls.Config{Certificates: []tls.Certificate{certificate}, MinVersion: tls.VersionTLS12},
		Domains: []string{lines}, AuthDomains: []string{lines}, Passwords: carrierPasswords, SharedPassword: password,
	})
	require.NoError(t, err)
	t.Cleanup(func() { _ = p.carrier.Close() })
}

// openFlexisip starts the users' proxy from files as Flexisip's.
func (p *inPSTN) openFlexisip(t *testing.T) {
	t.Helper()
	p.write(t, "routes.conf", fmt.Sprintf("<sip:%s;transport=tcp>     (request.uri.domain == 'example.net' && request.uri.params contains 'user=phone')\n", p.b2bua))
	p.write(t, "records.conf", fmt.Sprintf("<sip:pauline@%s> <sip:%s@example.net;user=phone>;q=0.5\n", flexisip, telephone))
	p.write(t, "flexisip.conf", `[global]
transports=sip:flexisip.example.org
[module::Registrar]
reg-domains=flexisip.example.org
static-records-file=records.conf
[module::Router]
call-fork-current-branches-timeout=1
[module::Forward]
enabled=true
routes-config-path=routes.conf
`)
	cfg, _, err := proxy.ReadFlexisip(filepath.Join(p.dir, "flexisip.conf"), p.hosts)
	require.NoError(t, err)
	cfg.Name, cfg.Hosts = "flexisip", p.hosts
	p.flexisip, err = proxy.New(cfg)
	require.NoError(t, err)
	t.Cleanup(func() { _ = p.flexisip.Close() })
}

// user starts a linphone at the users' proxy and waits until it is registered.
func (p *inPSTN) user(ctx context.Context, t *testing.T, cfg Config) Peer {
	t.Helper()
	cfg.Domain, cfg.Proxy = flexisip, p.hosts[flexisip].String()+":5060"
	user := p.peer(ctx, t, cfg, p.pair.caller)
	require.NoError(t, user.AwaitRegistered(ctx))
	return user
}
