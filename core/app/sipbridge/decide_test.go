package sipbridge

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"b2bua/core/account"
	"b2bua/core/app"
	"b2bua/media/sdp"
)

// bidirectional is the seed's first example with accounts in place of the SQL loader.
func bidirectional(t testing.TB) *Bridge {
	text := plainSpaces(printed(t, "bidirectional"))
	from, to := strings.Index(text, `"loader"`), strings.LastIndex(text, "}\n  }\n}")
	require.Positive(t, from)
	text = text[:from] + `"loader": [
		{"uri": "sip:felix@jabiru.example.org", "alias": "sip:felix@flexisip.example.org", "secretType": "clrtxt", "secret": "pw"},
		{"uri": "sip:emilie@jabiru.example.org", "alias": "sip:emilie@flexisip.example.org"}]
	` + text[to:]
	b := load(t, text)
	for a := range b.Pools()[0].All() {
		a.SetRegistration(account.Registered, "")
	}
	return b
}

// S-SB-1: what the bidirectional example does with the calls of its table.
func TestBidirectionalBridge(t *testing.T) {
	b := bidirectional(t)
	for _, c := range []struct{ name, from, to, wantFrom, wantTo, route string }{
		{
			"Felix to Jasper", "sip:felix@flexisip.example.org", "sip:jasper@flexisip.example.org",
			"<sip:felix@jabiru.example.org>", "<sip:jasper@jabiru.example.org>", "<sip:jabiru.example.org;transport=tls;lr>",
		},
		{
			"Jasper to Felix", "sip:jasper@jabiru.example.org", "sip:felix@jabiru.example.org",
			"<sip:jasper@flexisip.example.org>", "<sip:felix@flexisip.example.org>", "<sip:flexisip.example.org;transport=tcp;lr>",
		},
		{
			"Emilie to Felix", "sip:emilie@flexisip.example.org", "sip:felix@flexisip.example.org",
			"<sip:emilie@jabiru.example.org>", "<sip:felix@jabiru.example.org>", "<sip:jabiru.example.org;transport=tls;lr>",
		},
		{
			"URI parameters of the callee", "sip:felix@flexisip.example.org", "sip:+33123@flexisip.example.org;user=phone",
			"<sip:felix@jabiru.example.org>", "<sip:+33123@jabiru.example.org;user=phone>", "<sip:jabiru.example.org;transport=tls;lr>",
		},
	} {
		t.Run(c.name, func(t *testing.T) {
			d := b.Decide(facts(t, c.from, c.to, "sip:x@127.0.0.1"))
			require.Nil(t, d.Refusal, d.Why)
			assert.Equal(t, c.wantFrom, wire(d.From))
			assert.Equal(t, c.wantTo, wire(d.Callee))
			require.Len(t, d.Route(), 1)
			assert.Equal(t, c.route, wire(d.Route()[0]))
			assert.Equal(t, strings.Contains(c.route, "flexisip"), d.OwnHop)
			assert.NotNil(t, d.Account)
			assert.Equal(t, sdp.None, d.Encryption)
			assert.False(t, d.AVPF)
			assert.Contains(t, d.Why, d.Account.URI())
		})
	}
	d := b.Decide(facts(t, "sip:nobody@a.org", "sip:nobody@b.org", "sip:x@127.0.0.1"))
	require.NotNil(t, d.Refusal)
	assert.Equal(t, 488, d.Refusal.Status)
	for _, part := range []string{`"Flexisip -> Jabiru (Outbound)"`, "alias = sip:nobody@a.org", `"Jabiru -> Flexisip (Inbound)"`, "uri = sip:nobody@b.org", "JabiruAccountPool"} {
		assert.Contains(t, d.Refusal.Why, part)
	}
}

// The seed's second example, as our errors say it should be.
func TestPSTNFallback(t *testing.T) {
	text := plainSpaces(printed(t, "pstn"))
	text = strings.Replace(text, `"pattern": "+33.*"`, `"pattern": "sip:\\+33.*"`, 1)
	b := load(t, strings.Replace(text, `\5`, `\\5`, 1))
	call := facts(t, "sip:felix@flexisip.example.org", "sip:+33612345678@example.net;user=phone", "sip:+33612345678@example.net;user=phone")
	d := b.Decide(call)
	require.NotNil(t, d.Refusal, "nobody is registered")
	assert.Contains(t, d.Refusal.Why, "none of the 2 accounts")
	assert.Contains(t, d.Refusal.Why, "onAccountNotFound is decline")

	second := accountOf(t, b, "sip:account2@some.provider.example.com")
	second.SetRegistration(account.Registered, "")
	c, _ := second.Credentials()
	assert.Equal(t, `%AMC%Vxn8_7/y\5!k!oM`, string(c.Password))
	assert.Equal(t, "hrVdbsADrCUkTjdE", c.User)
	for range 5 {
		d = b.Decide(call)
		require.Nil(t, d.Refusal)
		assert.Same(t, second, d.Account, "only available accounts are picked")
	}
	assert.Equal(t, "<sip:+33612345678@some.provider.example.com;user=phone>", wire(d.Callee))
	assert.Equal(t, "<sip:account2@some.provider.example.com>", wire(d.From))
	assert.Equal(t, "<sip:some.provider.example.org;transport=tls;lr>", wire(d.Route()[0]))

	d = b.Decide(facts(t, "sip:felix@flexisip.example.org", "sip:+49@example.net", "sip:+49@example.net"))
	require.NotNil(t, d.Refusal)
	assert.Contains(t, d.Refusal.Why, `provider "French telephone numbers": pattern sip:\+33.* does not match sip:+49@example.net`)
}

// outline is a provider with every choice open, followed by one that takes what is left over.
const outline = `{"schemaVersion": 2, "providers": [
  {"name": "first", "accountPool": "one", "triggerCondition": {"strategy": "Always"}, "accountToUse": %s,
   "onAccountNotFound": %q, "outgoingInvite": {"to": "{incoming.to}"}},
  {"name": "second", "accountPool": "two", "triggerCondition": {"strategy": "Always"}, "accountToUse": {"strategy": "Random"},
   "onAccountNotFound": "decline", "outgoingInvite": {"to": "{incoming.to}"}}],
 "accountPools": {
  "one": {"registrationRequired": true, "maxCallsPerLine": 1, "loader": [{"uri": "sip:line@one.org", "alias": "sip:caller@x.org"}]},
  "two": {"registrationRequired": false, "maxCallsPerLine": 9, "loader": [{"uri": "sip:line@two.org"}]}}}`

// Every decline-or-next decision of the seed and spec 4.6.
func TestDeclineOrNext(t *testing.T) {
	const random, find = `{"strategy": "Random"}`, `{"strategy": "FindInPool", "by": "alias", "source": "{from}"}`
	const bridged, declined, next = "line@one.org", "declined", "line@two.org"
	for _, c := range []struct{ strategy, state, onNotFound, want string }{
		{find, "found", "nextProvider", bridged},
		{find, "found", "decline", bridged},
		{find, "not found", "nextProvider", next},
		{find, "not found", "decline", declined},
		{find, "unavailable", "nextProvider", declined}, // regardless of onAccountNotFound
		{find, "unavailable", "decline", declined},
		{find, "busy", "nextProvider", declined},
		{find, "busy", "decline", declined},
		{random, "found", "nextProvider", bridged},
		{random, "found", "decline", bridged},
		{random, "not found", "nextProvider", next}, // an empty pool
		{random, "not found", "decline", declined},
		{random, "unavailable", "nextProvider", next}, // Random picks available accounts only: none is as good as not found
		{random, "unavailable", "decline", declined},
		{random, "busy", "nextProvider", next},
		{random, "busy", "decline", declined},
	} {
		t.Run(strings.Join([]string{c.strategy[14:20], c.state, c.onNotFound}, " "), func(t *testing.T) {
			b := load(t, fmt.Sprintf(outline, c.strategy, c.onNotFound))
			a := accountOf(t, b, "sip:line@one.org")
			a.SetRegistration(account.Registered, "")
			switch c.state {
			case "not found":
				b.Pools()[0].Remove(a.URI())
			case "unavailable":
				a.SetRegistration(account.Failed, "Bad credentials")
			case "busy":
				a.Take()
			}
			d := b.Decide(facts(t, "sip:caller@x.org", "sip:callee@y.org", "sip:callee@y.org"))
			if c.want != declined {
				require.Nil(t, d.Refusal, d.Why)
				assert.Equal(t, "sip:"+c.want, d.Account.URI())
				return
			}
			require.NotNil(t, d.Refusal)
			assert.Equal(t, 488, d.Refusal.Status)
			assert.Contains(t, d.Refusal.Why, `provider "first"`)
			assert.NotContains(t, d.Refusal.Why, "second")
			for state, reason := range map[string]string{"unavailable": "Bad credentials", "busy": "1 of 1 calls"} {
				if c.state == state {
					assert.Contains(t, d.Refusal.Why, reason)
					assert.Contains(t, d.Refusal.Why, "sip:line@one.org")
				}
			}
		})
	}
}

func TestDecidingChangesNothing(t *testing.T) {
	b := bidirectional(t)
	f := facts(t, "sip:felix@flexisip.example.org", "sip:jasper@flexisip.example.org", "sip:x@y.org")
	first := b.Decide(f)
	for range 100 {
		assert.Equal(t, first, b.Decide(f))
	}
	assert.Equal(t, 20, first.Account.FreeSlots())
}

// S-SEL-1 and the rules of spec 4.6.2.
func TestFindInPool(t *testing.T) {
	const file = `{"schemaVersion": 2, "providers": [{"name": "p", "accountPool": "one", "triggerCondition": {"strategy": "Always"},
		"accountToUse": {"strategy": "FindInPool", "by": %q, "source": %q}, "onAccountNotFound": "decline", "outgoingInvite": {"to": "{incoming.to}"}}],
		"accountPools": {"one": {"registrationRequired": false, "maxCallsPerLine": 1, "loader": [
			{"uri": "sip:A@x.org", "alias": "sip:expected-from@sip.example.org"},
			{"uri": "sip:expected-to@sip.example.org", "alias": "sip:b@sip.example.org:5070"},
			{"uri": "sip:C@x.org", "alias": "sip:no-placeholder@static.example.com"},
			{"uri": "sip:D@x.org"}]}}}`
	for _, c := range []struct{ by, source, want string }{
		{"alias", "{from}", "sip:A@x.org"},
		{"{alias}", "sip:{from.user}@{from.hostport}", "sip:A@x.org"},
		{"uri", "{to}", "sip:expected-to@sip.example.org"},
		{"{uri.user}", "{to.user}", "sip:expected-to@sip.example.org"},
		{"sipIdentity", "{to}", ""},
		{"{sipIdentity}", "{to}", "sip:expected-to@sip.example.org"},
		{"alias", "sip:no-placeholder@static.example.com", "sip:C@x.org"},
		{"sip:{uri.user}@y", "sip:C@y", "sip:C@x.org"},
		{"{alias.hostport}", "sip.example.org:5070", "sip:expected-to@sip.example.org"},
		{"alias", "{requestUri}", ""},
		{"alias", "sip:Expected-from@sip.example.org", ""},          // case matters
		{"alias", "sip:expected-from@sip.example.org:5060", ""},     // so does a port
		{"alias", "{from};transport=udp", ""},                       // and a parameter
		{"alias", "{from.uriParameters}", ""},                       // an empty source finds no account without alias
		{"uri", "{from.displayName}{requestUri.uriParameters}", ""}, // likewise
	} {
		t.Run(c.by+" "+c.source, func(t *testing.T) {
			b, problems := Load(fmt.Appendf(nil, file, c.by, c.source), options())
			for _, p := range problems {
				require.Equal(t, Warning, p.Severity, "%v", p)
			}
			d := b.Decide(facts(t, "sip:expected-from@sip.example.org", "sip:expected-to@sip.example.org", "sip:r@127.0.0.1:5060"))
			if c.want == "" {
				require.NotNil(t, d.Refusal)
				return
			}
			require.Nil(t, d.Refusal, d.Why)
			assert.Equal(t, c.want, d.Account.URI())
		})
	}
}

func TestARefusalHintsAtParameters(t *testing.T) {
	b := bidirectional(t)
	d := b.Decide(facts(t, "sip:felix@flexisip.example.org;transport=tls", "sip:j@flexisip.example.org", "sip:x@y.org"))
	require.NotNil(t, d.Refusal)
	assert.Contains(t, d.Refusal.Why, "sip:felix@jabiru.example.org has it but for the parameters")
	assert.Contains(t, d.Refusal.Why, "sip:{from.user}@{from.hostport}")
}

func TestARefusalSaysWhyAccountsAreLacking(t *testing.T) {
	b := bidirectional(t)
	pool := b.Pools()[0]
	pool.SetLacking("the database sleeps")
	why := func() string {
		return b.Decide(facts(t, "sip:nobody@flexisip.example.org", "sip:j@flexisip.example.org", "sip:x@y.org")).Refusal.Why
	}
	assert.Contains(t, why(), `has alias = sip:nobody@flexisip.example.org (the database sleeps)`)
	for _, a := range slices.Collect(pool.All()) {
		pool.Remove(a.URI())
	}
	assert.Contains(t, why(), `has no accounts: the database sleeps`)
	pool.SetLacking("")
	assert.NotContains(t, why(), "sleeps")
}

// S-TWEAK-1.
func TestOutgoingInvite(t *testing.T) {
	const file = `{"schemaVersion": 2, "providers": [{"name": "p", "accountPool": "one", "triggerCondition": {"strategy": "Always"},
		"accountToUse": {"strategy": "Random"}, "onAccountNotFound": "decline", "outgoingInvite": {%s}}],
		"accountPools": {"one": {"registrationRequired": false, "maxCallsPerLine": 1, "loader": [
			{"uri": "sip:%%25=expected-account@account.example.org", "alias": "sip:expected-alias@alias.example.org;custom-param=Alias"}]}}}`
	const account = "<sip:%25=expected-account@account.example.org>"
	for _, c := range []struct{ invite, to, from string }{
		{`"to": "sip:{incoming.requestUri.user}@stub.example.org{incoming.requestUri.uriParameters}"`, "<sip:expected-request-uri@stub.example.org;custom-param=RequestUri;transport=tcp>", account},
		{`"to": "{incoming.to}", "from": ""`, "<sip:*%23expected-to@to.example.org:666;custom-param=%26$To>", account},
		{`"to": "{incoming.requestUri}"`, "<sip:expected-request-uri@127.0.0.1:5070;custom-param=RequestUri;transport=tcp>", account},
		{`"to": "sip:{account.uri.user}@{incoming.to.hostport}{incoming.from.uriParameters}"`, "<sip:%25=expected-account@to.example.org:666;custom-param=%40/From>", account},
		{`"to": "{account.alias}"`, "<sip:expected-alias@alias.example.org;custom-param=Alias>", account},
		{`"to": "sip:stub@example.org", "from": "{incoming.from}"`, "<sip:stub@example.org>", "<sip:expected-from@sip.example.org;custom-param=%40/From>"},
		{`"to": "sip:stub@example.org", "from": "{incoming.from.displayName} {account.uri}"`, "<sip:stub@example.org>", `"From \"Name\"" ` + account},
	} {
		t.Run(c.invite, func(t *testing.T) {
			b := load(t, fmt.Sprintf(file, c.invite))
			d := b.Decide(facts(t, `"From \"Name\"" <sip:expected-from@sip.example.org;custom-param=%40/From>`,
				"sip:*%23expected-to@to.example.org:666;custom-param=%26$To", "sip:expected-request-uri@127.0.0.1:5070;custom-param=RequestUri;transport=tcp"))
			require.Nil(t, d.Refusal, d.Why)
			assert.Equal(t, c.to, wire(d.Callee))
			assert.Equal(t, c.from, wire(d.From))
		})
	}
	t.Run("S-SB-5", func(t *testing.T) {
		for header, invite := range map[string]string{
			"From": `"to": "{incoming.to}", "from": "{account.alias.user};woops=invalid-uri"`,
			"To":   `"to": "{account.alias.user}"`,
		} {
			b, problems := Load(fmt.Appendf(nil, file, invite), options())
			require.Len(t, problems, 1)
			assert.Contains(t, problems[0].Problem, "every call of the provider is refused")
			d := b.Decide(facts(t, "sip:a@b", "sip:c@d", "sip:c@d"))
			require.NotNil(t, d.Refusal)
			assert.Equal(t, 488, d.Refusal.Status)
			assert.Contains(t, d.Refusal.Why, "invalid URI in its '"+header+"' header: 'expected-alias")
			assert.Contains(t, d.Refusal.Why, `provider "p"`)
		}
	})
	t.Run("media", func(t *testing.T) {
		for members, want := range map[string]app.Decision{
			`"mediaEncryption": "sdes", "enableAvpf": true`:                      {Encryption: sdp.SDES, AVPF: true, Suites: sdp.DefaultSuites},
			`"mediaEncryption": "dtls-srtp", "enableAvpf": false`:                {Encryption: sdp.DTLS},
			`"mediaEncryption": "none"`:                                          {},
			`"mediaEncryption": null, "enableAvpf": null, "outboundProxy": null`: {},
		} {
			d := load(t, fmt.Sprintf(file, `"to": "{incoming.to}", `+members)).Decide(facts(t, "sip:a@b", "sip:c@d", "sip:c@d"))
			require.Nil(t, d.Refusal, d.Why)
			assert.Equal(t, want.Encryption, d.Encryption)
			assert.Equal(t, want.AVPF, d.AVPF)
			assert.Equal(t, want.Suites, d.Suites)
		}
		b, problems := Load(fmt.Appendf(nil, file, `"to": "{incoming.to}", "mediaEncryption": "zrtp"`), options())
		require.Len(t, problems, 1)
		assert.Equal(t, "providers[0].outgoingInvite.mediaEncryption", problems[0].Path)
		d := b.Decide(facts(t, "sip:a@b", "sip:c@d", "sip:c@d"))
		require.NotNil(t, d.Refusal, "this build has no ZRTP in the options of this test")
		assert.Contains(t, d.Refusal.Why, "zrtp")
	})
}

// Each proxy that a call can leave by, and the setting that the log names (spec 4.4, 4.5).
func TestRoute(t *testing.T) {
	const file = `{"schemaVersion": 2, "providers": [{"name": "p", "accountPool": "one", "triggerCondition": {"strategy": "Always"},
		"accountToUse": {"strategy": "Random"}, "onAccountNotFound": "decline", "outgoingInvite": {"to": "sip:c@d.org"%s}}],
		"accountPools": {"one": {"registrationRequired": false, "maxCallsPerLine": 1, %s "loader": [{"uri": "sip:a@d.org"%s}]}}}`
	for _, c := range []struct{ invite, pool, account, route, from string }{
		{"", "", "", "", "domain of account sip:a@d.org"}, // where the Request-URI leads anyway
		{"", "", `, "protocol": "tcp"`, "<sip:d.org;transport=tcp;lr>", "domain of account"},
		{"", `"outboundProxy": "<sip:pool.org>",`, "", "<sip:pool.org;lr>", "outboundProxy of pool one"},
		{"", `"outboundProxy": "<sip:pool.org>",`, `, "outboundProxy": "own.org"`, "<sip:own.org;lr>", "outboundProxy of account sip:a@d.org"},
		{`, "outboundProxy": "sip:provider.org;lr"`, `"outboundProxy": "<sip:pool.org>",`, `, "outboundProxy": "own.org"`, "<sip:provider.org;lr>", `outgoingInvite.outboundProxy of provider "p"`},
	} {
		d := load(t, fmt.Sprintf(file, c.invite, c.pool, c.account)).Decide(facts(t, "sip:a@b", "sip:c@d", "sip:c@d"))
		require.Nil(t, d.Refusal, d.Why)
		got := ""
		if len(d.Route()) > 0 {
			got = wire(d.Route()[0])
		}
		assert.Equal(t, c.route, got)
		assert.Contains(t, d.ProxyFrom, c.from)
		assert.Equal(t, c.invite != "", d.OwnHop)
	}
}

// S-SB-9: the whole Request-URI is matched, with its parameters and its case.
func TestMatchRegex(t *testing.T) {
	const file = `[{"name": "p", "pattern": %q, "accounts": [{"uri": "sip:bridge@sip.provider1.com"}]}]`
	for _, c := range []struct {
		pattern, request string
		want             bool
	}{
		{`sip:\+39.*`, "sip:+39067362350@x.org;user=phone", true},
		{`sip:\+39.*`, "sip:+33667362350@x.org;user=phone", false},
		{`sip:\+39.*`, "sips:+39067362350@x.org", false},
		{`sip:\+39.*@x.org`, "sip:+39067362350@x.org;user=phone", false},
		{`sip:Alice@x\.org`, "sip:alice@x.org", false},
		{`sip:alice@x\.org`, "sip:%61lice@x.org", true},
		{`.*`, "sip:u@x.org", true},
		{`sip:(?!\+33).*`, "sip:+33@x.org", false},
		{`sip:(?!\+33).*`, "sip:+34@x.org", true},
		{`sip:(\d)\1@x\.org`, "sip:77@x.org", true},
	} {
		b := load(t, fmt.Sprintf(file, c.pattern))
		d := b.Decide(facts(t, "sip:a@b", "sip:to@z.org", c.request))
		assert.Equal(t, c.want, d.Refusal == nil, "%s %s: %s", c.pattern, c.request, d.Why)
	}
}

// A pattern that cannot be evaluated refuses the call (decision 13), and no later provider gets it.
func TestAPatternThatCannotBeEvaluated(t *testing.T) {
	o := options()
	o.RegexLimit = time.Millisecond
	b, problems := Load([]byte(`[{"name": "slow", "pattern": "sip:(?=(x+x+)+y).*", "accounts": [{"uri": "sip:a@b"}]},
		{"name": "all", "pattern": ".*", "accounts": [{"uri": "sip:c@d"}]}]`), o)
	require.Empty(t, problems)
	d := b.Decide(facts(t, "sip:a@b", "sip:c@d", "sip:"+strings.Repeat("x", 40)+"@b"))
	require.NotNil(t, d.Refusal)
	assert.Contains(t, d.Refusal.Why, `provider "slow"`)
	assert.Contains(t, d.Refusal.Why, "could not be applied")
	d = b.Decide(facts(t, "sip:a@b", "sip:c@d", "sip:"+strings.Repeat("x", 5000)+"@b"))
	require.NotNil(t, d.Refusal)
}

func TestExplain(t *testing.T) {
	b := bidirectional(t)
	e := b.Explain(facts(t, "sip:jasper@jabiru.example.org", "sip:felix@jabiru.example.org", "sip:%66elix@127.0.0.1"))
	assert.Equal(t, "sip:felix@127.0.0.1", e.Subject)
	require.Len(t, e.Steps, 2)
	assert.Equal(t, "Flexisip -> Jabiru (Outbound)", e.Steps[0].Provider)
	assert.Contains(t, e.Steps[0].Outcome, "has alias = sip:jasper@jabiru.example.org")
	assert.Contains(t, e.Steps[1].Outcome, "account sip:felix@jabiru.example.org by uri = sip:felix@jabiru.example.org")
	assert.Nil(t, e.Decision.Refusal)
}

func TestARefusalOfManyProvidersStaysShort(t *testing.T) {
	var list []string
	for i := range 500 {
		list = append(list, fmt.Sprintf(`{"name": "p%d", "pattern": "sip:x", "accounts": [{"uri": "sip:a@b"}]}`, i))
	}
	d := load(t, "["+strings.Join(list, ",")+"]").Decide(facts(t, "sip:a@b", "sip:c@d", "sip:"+strings.Repeat("y", 3000)+"@d"))
	require.NotNil(t, d.Refusal)
	assert.Less(t, len(d.Refusal.Why), 3000)
	assert.Contains(t, d.Refusal.Why, "and 492 more")
	d = load(t, `{"schemaVersion": 2, "providers": [], "accountPools": {}}`).Decide(facts(t, "sip:a@b", "sip:c@d", "sip:c@d"))
	assert.Contains(t, d.Refusal.Why, "no provider: add one")
}
