package peers

import (
	"context"
	"crypto/tls"
	"fmt"
	"net/netip"
	"os"
	"path/filepath"
	"regexp"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"b2bua/simulator/proxy"
	"b2bua/simulator/testca"
)

// The two domains of the documentation's bidirectional bridge.
const (
	flexisip = "flexisip.example.org"
	jabiru   = "jabiru.example.org"
)

// bridgeProviders is that example with the account of one user in place of the database.
const bridgeProviders = `{
 "schemaVersion": 2,
 "providers": [
  {"name": "Flexisip -> Jabiru (Outbound)", "triggerCondition": {"strategy": "Always"},
   "accountToUse": {"strategy": "FindInPool", "source": "{from}", "by": "alias"}, "onAccountNotFound": "nextProvider",
   "outgoingInvite": {"to": "sip:{incoming.to.user}@{account.uri.hostport}{incoming.to.uriParameters}", "from": "{account.uri}"},
   "accountPool": "JabiruAccountPool"},
  {"name": "Jabiru -> Flexisip (Inbound)", "triggerCondition": {"strategy": "Always"},
   "accountToUse": {"strategy": "FindInPool", "source": "{to}", "by": "uri"}, "onAccountNotFound": "nextProvider",
   "outgoingInvite": {"to": "{account.alias}", "from": "sip:{incoming.from.user}@{account.alias.hostport}{incoming.from.uriParameters}",
    "outboundProxy": "<sip:flexisip.example.org;transport=tcp>"},
   "accountPool": "JabiruAccountPool"}
 ],
 "accountPools": {"JabiruAccountPool": {
  "outboundProxy": "<sip:jabiru.example.org;transport=tls>", "registrationRequired": true, "maxCallsPerLine": 20,
  "loader": [{"uri": "sip:%[1]s@jabiru.example.org", "secretType": "clrtxt", "secret": "Mellon", "alias": "sip:%[1]s@flexisip.example.org"}]}}
}`

// passwords that every registrar asks for.
const password = "Mellon"

// inBridge is a pair at the two ends of the bridge.
type inBridge struct {
	inLab
	hosts map[string]netip.Addr
	in    bool // from Jabiru to Flexisip
}

// TestInteropBridge: linphone as the user's phone at Flexisip, calling out to Jabiru and called from there.
func TestInteropBridge(t *testing.T) {
	for _, b := range []*inBridge{
		{inLab: inLab{pair: pair{caller: "linphone none", callee: "linphone none"}}},
		{inLab: inLab{pair: pair{caller: "linphone srtp", callee: "linphone none"}}},
		{inLab: inLab{pair: pair{caller: "linphone dtls", callee: "linphone none"}}, in: true},
		{inLab: inLab{pair: pair{caller: "linphone none", callee: "linphone none"}}, in: true},
	} {
		direction := "flexisip to jabiru: "
		if b.in {
			direction = "jabiru to flexisip: "
		}
		t.Run(direction+b.pair.String(), func(t *testing.T) {
			t.Parallel()
			b.lab, b.row = newLab(t), Row{Pair: direction + b.pair.String()}
			b.run(t)
		})
	}
}

func (b *inBridge) run(t *testing.T) {
	t.Helper()
	defer func() {
		b.row.Failed = t.Failed()
		table.Add(b.row)
		t.Log(b.row)
	}()
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	var err error
	if b.sniffer, err = Sniff(); err != nil {
		require.ErrorIs(t, err, ErrNotAllowed)
	}
	t.Cleanup(b.sniffer.Close)
	b.domains(t)
	caller, callee, user := flexisip, jabiru, "alice"
	if b.in {
		caller, callee, user = jabiru, flexisip, "bob"
	}
	b.open(t, user)
	b.bob = b.peer(ctx, t, Config{Name: "bob", AutoAnswer: true, Domain: callee, Password: password, Proxy: b.hosts[callee].String() + ":5060"}, b.pair.callee)
	b.alice = b.peer(ctx, t, Config{Name: "alice", Domain: caller, Password: password, Proxy: b.hosts[caller].String() + ":5060"}, b.pair.caller)
	require.NoError(t, b.bob.AwaitRegistered(ctx))
	require.NoError(t, b.alice.AwaitRegistered(ctx))
	_, err = b.process.AwaitLine(ctx, regexp.MustCompile("account sip:"+user+"@jabiru.example.org: registered"))
	require.NoError(t, err)
	require.NoError(t, b.alice.Call("sip:bob@"+caller))
	require.NoError(t, b.alice.AwaitRunning(ctx))
	require.NoError(t, b.bob.AwaitRunning(ctx))
	b.talk(ctx, t)
	require.NoError(t, b.bob.HangUp())
	b.judge(ctx, t)
}

// domains starts both proxies, phones come by UDP; Jabiru's is reached by TLS.
func (b *inBridge) domains(t *testing.T) {
	t.Helper()
	b.hosts = map[string]netip.Addr{flexisip: b.address(t), jabiru: b.address(t)}
	ca, err := testca.New()
	require.NoError(t, err)
	require.NoError(t, os.WriteFile(filepath.Join(b.dir, "ca.pem"), ca.PEM(), 0o600))
	certificate, err := ca.Issue(jabiru)
	require.NoError(t, err)
	for name, more := range map[string]proxy.Config{
		flexisip: {Listen: []string{"tcp:%s:5060", "udp:%s:5060"}, Divert: proxy.Divert{URI: "sip:" + b.b2bua.String() + ";transport=tcp"}},
		jabiru:   {Listen: []string{"tls:%s:5061", "udp:%s:5060"}, TLS: &tls.Config{Certificates: []tls.Certificate{certificate}, MinVersion: tls.VersionTLS12}},
	} {
		for i := range more.Listen {
			more.Listen[i] = fmt.Sprintf(more.Listen[i], b.hosts[name])
		}
		more.Name, more.Hosts, more.Domains, more.AuthDomains, more.SharedPassword = name, b.hosts, []string{name}, []string{name}, password
		p, err := proxy.New(more)
		require.NoError(t, err)
		t.Cleanup(func() { _ = p.Close() })
		b.arguments = append(b.arguments, fmt.Sprintf("--hosts=%s=%s", name, b.hosts[name]))
	}
}

// open starts b2bua with the account of a user.
func (b *inBridge) open(t *testing.T, user string) {
	t.Helper()
	require.NoError(t, os.WriteFile(filepath.Join(b.dir, "providers.json"), fmt.Appendf(nil, bridgeProviders, user), 0o600))
	b.start(t, "tcp", "sip:ignored.example.org", "application=sip-bridge", "[b2bua-server::sip-bridge]", "providers=providers.json",
		"[b2bua::tls]", "ca-file="+filepath.Join(b.dir, "ca.pem"))
}
