package sipbridge

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"b2bua/core/account"
	"b2bua/media/sdp"
)

// full is a file that has every member.
const full = `{
 "schemaVersion": 2,
 "providers": [
  {"name": "regex", "triggerCondition": {"strategy": "MatchRegex", "pattern": "sip:\\+33.*", "source": "{incoming.requestUri}"},
   "accountToUse": {"strategy": "Random"}, "onAccountNotFound": "decline",
   "outgoingInvite": {"to": "{incoming.to}", "from": "{incoming.from}", "outboundProxy": "<sip:invite.org;transport=tcp>", "enableAvpf": true, "mediaEncryption": "sdes"},
   "outgoingNotify": {"outboundProxy": "<sip:notify.org>"}, "accountPool": "static"},
  {"name": "find", "triggerCondition": {"strategy": "Always"},
   "accountToUse": {"strategy": "FindInPool", "by": "alias", "source": "{from}"}, "onAccountNotFound": "nextProvider",
   "outgoingInvite": {"to": "{account.alias}"}, "accountPool": "sql"}],
 "accountPools": {
  "static": {"outboundProxy": "<sip:pool.org;transport=tls>", "registrar": "sip:registrar.org", "mwiServerUri": "sip:mwi@pool.org",
   "registrationRequired": true, "registrationThrottlingRateMs": 100, "unregisterOnServerShutdown": false, "maxCallsPerLine": 682,
   "loader": [
    {"uri": "sip:one@x.org", "userid": "id", "secretType": "sha-256", "secret": "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef",
     "realm": "r", "alias": "sip:alias@y.org", "outboundProxy": "sip.example.org", "registrar": "<sips:host>", "protocol": "TCP", "mwiServerUri": "sip:own@pool.org"},
    {"uri": "sip:two@x.org"}]},
  "sql": {"registrationRequired": false, "maxCallsPerLine": 0,
   "loader": {"dbBackend": "mysql", "initQuery": "SELECT 1", "updateQuery": "SELECT :identifier", "connection": "db=x password='Mellon'", "threadPoolSize": 7}}}
}`

// S-CONF-1: all values are read back.
func TestSchema2(t *testing.T) {
	cfg, problems := Parse([]byte(full))
	require.Len(t, problems, 1)
	assert.Contains(t, problems[0].String(), "never takes a call")
	assert.Equal(t, 2, cfg.Version)
	require.Len(t, cfg.Providers, 2)
	p := cfg.Providers[0]
	assert.Equal(t, []any{"regex", "static", `sip:\+33.*`, true, "{incoming.to}", "{incoming.from}", true, sdp.SDES},
		[]any{p.Name, p.Pool.Value, p.Pattern.Value, p.Decline, p.To.Value, p.From.Value, p.AVPF, p.Encryption})
	assert.Equal(t, "<sip:invite.org;transport=tcp>", p.OutboundProxy.String())
	assert.Equal(t, "<sip:notify.org>", p.NotifyProxy.String())
	assert.Nil(t, p.Find)
	p = cfg.Providers[1]
	assert.Nil(t, p.Pattern)
	assert.Equal(t, []any{"alias", "{from}", false, "{account.uri}", false, sdp.None}, []any{p.Find.By.Value, p.Find.Source.Value, p.Decline, p.From.Value, p.AVPF, p.Encryption})
	assert.True(t, p.OutboundProxy.URI.IsZero())
	assert.True(t, p.NotifyProxy.URI.IsZero())

	require.Len(t, cfg.Pools, 2)
	pool := cfg.Pools[0]
	assert.Equal(t, []any{"static", true, 100 * time.Millisecond, false, 682, "sip:mwi@pool.org"},
		[]any{pool.Name, pool.RegistrationRequired, pool.Throttle, pool.UnregisterOnShutdown, pool.MaxCallsPerLine, pool.MWIServer})
	require.Len(t, pool.Accounts, 2)
	assert.Equal(t, account.Spec{
		URI: "sip:one@x.org", UserID: "id", SecretType: account.SHA256, Secret: pool.Accounts[0].Secret, Realm: "r", Alias: "sip:alias@y.org",
		OutboundProxy: "sip:sip.example.org;transport=tcp", Registrar: "sips:host", Protocol: account.TCP, MWIServer: "sip:own@pool.org",
	}, pool.Accounts[0])
	assert.Equal(t, account.Spec{URI: "sip:two@x.org"}, pool.Accounts[1])
	pool = cfg.Pools[1]
	assert.Equal(t, []any{time.Duration(0), true, 0}, []any{pool.Throttle, pool.UnregisterOnShutdown, pool.MaxCallsPerLine})
	assert.Equal(t, &SQLLoader{Backend: "mysql", InitQuery: "SELECT 1", UpdateQuery: "SELECT :identifier", Connection: "db=x password='Mellon'", ThreadPoolSize: 7}, pool.SQL)
	assert.NotContains(t, fmt.Sprintf("%+v %#v", *pool.SQL, *pool.SQL), "Mellon")
}

func TestBridgeHasThePoolsAndLoaders(t *testing.T) {
	b, problems := Load([]byte(full), options())
	require.NotNil(t, b, problems)
	require.Len(t, b.Pools(), 2)
	assert.Equal(t, "static", b.Pools()[0].Name())
	assert.True(t, b.Pools()[0].Settings().KeepRegistered)
	assert.Equal(t, 2, b.Pools()[0].Len())
	assert.Nil(t, b.Loader(b.Pools()[0]))
	assert.Equal(t, "mysql", b.Loader(b.Pools()[1]).Backend)
	require.Len(t, b.Providers(), 2)
	assert.Equal(t, "find", b.Providers()[1].Name())
	assert.Same(t, b.Pools()[1], b.Providers()[1].Pool())
}

// S-CONF-3: each member that must be there.
func TestRequiredMembers(t *testing.T) {
	for _, path := range []string{
		"schemaVersion", "providers", "accountPools", "providers.0.name", "providers.0.triggerCondition", "providers.0.accountToUse",
		"providers.0.onAccountNotFound", "providers.0.outgoingInvite", "providers.0.accountPool", "providers.0.triggerCondition.strategy",
		"providers.0.triggerCondition.source", "providers.0.triggerCondition.pattern", "providers.1.accountToUse.strategy",
		"providers.1.accountToUse.source", "providers.1.accountToUse.by", "providers.0.outgoingInvite.to", "providers.0.outgoingNotify.outboundProxy",
		"accountPools.static.registrationRequired", "accountPools.static.maxCallsPerLine", "accountPools.static.loader",
		"accountPools.static.loader.0.uri", "accountPools.sql.loader.dbBackend", "accountPools.sql.loader.initQuery",
		"accountPools.sql.loader.updateQuery", "accountPools.sql.loader.connection",
	} {
		t.Run(path, func(t *testing.T) {
			b, problems := Load([]byte(without(t, path)), options())
			assert.Nil(t, b)
			name := path[strings.LastIndexByte(path, '.')+1:]
			fault := onlyFault(t, problems, path == "accountPools")
			assert.Equal(t, "key '"+name+"' not found", fault.Problem)
			assert.Contains(t, fault.Fix, `"`+name+`": `)
		})
	}
	b, _ := Load([]byte(without(t, "accountPools.static.outboundProxy")), options())
	assert.NotNil(t, b, "outboundProxy of a pool may be left out")
}

func onlyFault(t *testing.T, problems []Problem, more bool) Problem {
	t.Helper()
	var faults []Problem
	for _, p := range problems {
		if p.Severity == Fault {
			faults = append(faults, p)
		}
	}
	if more {
		require.NotEmpty(t, faults)
	} else {
		require.Len(t, faults, 1)
	}
	return faults[0]
}

// without is the full file but for one member.
func without(t *testing.T, path string) string {
	t.Helper()
	var root any
	require.NoError(t, json.Unmarshal([]byte(full), &root))
	at := root
	keys := strings.Split(path, ".")
	for _, key := range keys[:len(keys)-1] {
		switch node := at.(type) {
		case map[string]any:
			at = node[key]
		case []any:
			at = node[key[0]-'0']
		}
	}
	object, ok := at.(map[string]any)
	require.True(t, ok, path)
	require.Contains(t, object, keys[len(keys)-1])
	delete(object, keys[len(keys)-1])
	out, err := json.Marshal(root)
	require.NoError(t, err)
	return string(out)
}

// Every fault says where, what and what to write.
func TestFaults(t *testing.T) {
	for _, c := range []struct{ old, new, path, problem, fix string }{
		{`"schemaVersion": 2`, `"schemaVersion": 3`, "schemaVersion", "schema 2", "2"},
		{`"schemaVersion": 2`, `"schemaVersion": "2"`, "schemaVersion", "schema 2", "2"},
		{`"name": "find"`, `"name": ""`, "providers[1].name", "empty `name`", `"name"`},
		{`"name": "find"`, `"name": 5`, "providers[1].name", "it is a number, and a string is expected", "a string"},
		{`"accountPool": "sql"`, `"accountPool": "sqk"`, "providers[1].accountPool", "please provide an existing `accountPools` for provider find", `"sql"`},
		{`"strategy": "Always"`, `"strategy": "always"`, "providers[1].triggerCondition.strategy", "Supported strategies are 'MatchRegex' and 'Always', not: always", `"Always"`},
		{`"strategy": "Random"`, `"strategy": "Rand"`, "providers[0].accountToUse.strategy", "Supported strategies are 'Random' and 'FindInPool', not: Rand", `"Random" or "FindInPool"`},
		{`"nextProvider"`, `"next"`, "providers[1].onAccountNotFound", "not known", `"nextProvider" or "decline"`},
		{`"nextProvider"`, `"nextprovider"`, "providers[1].onAccountNotFound", "not known", `"nextProvider"`},
		{`"sdes"`, `"srtp"`, "providers[0].outgoingInvite.mediaEncryption", "no media encryption", "sdes"},
		{`"enableAvpf": true`, `"enableAvpf": "true"`, "providers[0].outgoingInvite.enableAvpf", "it is a string, and true or false is expected", "true or false"},
		{`<sip:invite.org;transport=tcp>`, `invite.org`, "providers[0].outgoingInvite.outboundProxy", "invalid outbound proxy SIP URI set in provider configuration for outgoing INVITE requests: invite.org", "<sip:"},
		{`<sip:notify.org>`, `tel:123`, "providers[0].outgoingNotify.outboundProxy", "invalid outbound proxy SIP URI set in provider configuration for outgoing NOTIFY requests", "<sip:"},
		{`<sip:pool.org;transport=tls>`, `pool`, "accountPools.static.outboundProxy", "invalid outbound proxy SIP URI set in AccountPool(static)", "<sip:"},
		{`"sip:registrar.org"`, `"x"`, "accountPools.static.registrar", "invalid registrar SIP URI set in AccountPool(static)", "<sip:"},
		{`"sip:mwi@pool.org"`, `"x"`, "accountPools.static.mwiServerUri", "invalid MWI server URI set in AccountPool(static)", "<sip:"},
		{`"maxCallsPerLine": 682`, `"maxCallsPerLine": 6.5`, "accountPools.static.maxCallsPerLine", "whole number", "6"},
		{`"maxCallsPerLine": 682`, `"maxCallsPerLine": 1e3`, "accountPools.static.maxCallsPerLine", "whole number", "1000"},
		{`"maxCallsPerLine": 682`, `"maxCallsPerLine": true`, "accountPools.static.maxCallsPerLine", "it is a boolean", "a number"},
		{`"maxCallsPerLine": 682`, `"maxCallsPerLine": "682"`, "accountPools.static.maxCallsPerLine", "it is a string", "682 without quotes"},
		{`"maxCallsPerLine": 682`, `"maxCallsPerLine": -1`, "accountPools.static.maxCallsPerLine", "from 0", "a whole number"},
		{`"registrationThrottlingRateMs": 100`, `"registrationThrottlingRateMs": -5`, "accountPools.static.registrationThrottlingRateMs", "from 0", "a whole number"},
		{`"registrationRequired": true`, `"registrationRequired": null`, "accountPools.static.registrationRequired", "it is null", "true or false"},
		{`"userid": "id"`, `"userid": null`, "accountPools.static.loader[0].userid", "it is null", "a string"},
		{`"alias": "sip:alias@y.org"`, `"alias": "<sip:alias@y.org>"`, "accountPools.static.loader[0].alias", "bare SIP URI", "without display name"},
		{`"sip:own@pool.org"`, `"own"`, "accountPools.static.loader[0].mwiServerUri", "not the SIP address", "sip:"},
		{`"threadPoolSize": 7`, `"threadPoolSize": -1`, "accountPools.sql.loader.threadPoolSize", "invalid thread pool size (-1) set in SQL Account loader", "from 1 to 50"},
		{`"threadPoolSize": 7`, `"threadPoolSize": 0`, "accountPools.sql.loader.threadPoolSize", "invalid thread pool size (0)", "from 1 to 50"},
		{`"threadPoolSize": 7`, `"threadPoolSize": 51`, "accountPools.sql.loader.threadPoolSize", "at most 50", "50"},
		{`"dbBackend": "mysql"`, `"dbBackend": "postgresql"`, "accountPools.sql.loader.dbBackend", "no database backend", `"mysql" or "sqlite3"`},
		{`"pattern": "sip:\\+33.*"`, `"pattern": ""`, "providers[0].triggerCondition.pattern", "please provide a `pattern` for provider regex", "pattern"},
		{`"pattern": "sip:\\+33.*"`, `"pattern": "sip:(a"`, "providers[0].triggerCondition.pattern", "invalid pattern", `\(`},
		{`"pattern": "sip:\\+33.*"`, `"pattern": "*33"`, "providers[0].triggerCondition.pattern", "nothing to repeat", `"sip:\\*33"`},
		{`"to": "{incoming.to}"`, `"to": "{to}"`, "providers[0].outgoingInvite.to", `Token "to" is invalid`, "incoming.to"},
		{`"to": "{incoming.to}"`, `"to": "{incoming.to"`, "providers[0].outgoingInvite.to", "Missing closing delimiter. Expected '}'", "{incoming.from}"},
		{`"from": "{incoming.from}"`, `"from": "{incoming.from.usr}"`, "providers[0].outgoingInvite.from", `Token "usr" is invalid`, "user"},
		{`"source": "{from}"`, `"source": "{incoming.from}"`, "providers[1].accountToUse.source", `Token "incoming" is invalid`, "without incoming."},
		{`"source": "{from}"`, `"source": ""`, "providers[1].accountToUse.source", "empty template", "{from}"},
		{`"by": "alias"`, `"by": "{aliass}"`, "providers[1].accountToUse.by", `Token "aliass" is invalid`, "alias"},
		{`"loader": {"dbBackend"`, `"loader": "x", "z": {"dbBackend"`, "accountPools.sql.loader", "it is a string", "an array of accounts"},
		{`"providers": [`, `"providers": 5, "x": [`, "providers", "it is a number, and an array", "an array"},
		{`"triggerCondition": {"strategy": "Always"}`, `"triggerCondition": "Always"`, "providers[1].triggerCondition", "it is a string, and an object", "an object"},
		{`"name": "find"`, `"name": "find", "name": "x"`, "", `"name" is here a second time`, "once"},
		{`\\+33`, `\+33`, "", `\+ is no JSON escape`, `\\+`},
	} {
		t.Run(c.new, func(t *testing.T) {
			text := strings.Replace(full, c.old, c.new, 1)
			require.NotEqual(t, full, text)
			b, problems := Load([]byte(text), options())
			assert.Nil(t, b)
			p := onlyFault(t, problems, false)
			assert.Equal(t, c.path, p.Path)
			assert.Contains(t, p.Problem, c.problem)
			assert.Contains(t, p.Fix, c.fix)
			line := 1 + strings.Count(full[:strings.Index(full, c.old)], "\n")
			assert.Equal(t, line, p.Line)
			assert.Positive(t, p.Column)
		})
	}
}

func TestWarnings(t *testing.T) {
	for _, c := range []struct{ old, new, path, problem, fix string }{
		{`"maxCallsPerLine": 682`, `"maxCallsPerLine": 682, "outboundproxy": "x"`, "accountPools.static.outboundproxy", "not known and ignored", `"outboundProxy"`},
		{`"schemaVersion": 2`, `"schemaVersion": 2, "provider": []`, "provider", "not known", `"providers"`},
		{`"userid": "id"`, `"userid": "id", "password": "Mellon"`, "accountPools.static.loader[0].password", "not known", ""},
		{`"source": "{incoming.requestUri}"`, `"source": "{incoming.to}"`, "providers[0].triggerCondition.source", "always applied to the Request-URI", "{incoming.requestUri}"},
		{`"updateQuery": "SELECT :identifier"`, `"updateQuery": "SELECT 1"`, "accountPools.sql.loader.updateQuery", "no :identifier", ":identifier"},
		{`"uri": "sip:two@x.org"`, `"uri": "sip:one@x.org"`, "accountPools.static.loader[1].uri", "already", "once"},
		{`"uri": "sip:two@x.org"`, `"uri": ""`, "accountPools.static.loader[1].uri", "left out", "sip:"},
		{`"uri": "sip:two@x.org"`, `"uri": "invalid-sip-uri"`, "accountPools.static.loader[1].uri", "left out", "sip:"},
		{`"sha-256"`, `"SHA256"`, "accountPools.static.loader[0].secretType", "taken for md5", "sha256"},
		{`sip:\\+33`, `\\+33`, "providers[0].triggerCondition.pattern", "can never match", `"pattern": "sip:\\+33.*"`},
		{`"by": "alias"`, `"by": "fixed"`, "providers[1].accountToUse.by", "same for every account", "uri"},
		{`"accountPool": "static"`, `"accountPool": "sql"`, "accountPools.static", "no provider uses this pool", "accountPool"},
	} {
		t.Run(c.new, func(t *testing.T) {
			text := strings.Replace(full, c.old, c.new, 1)
			require.NotEqual(t, full, text)
			b, problems := Load([]byte(text), options())
			assert.NotNil(t, b)
			for _, p := range problems {
				assert.Equal(t, Warning, p.Severity)
				assert.NotContains(t, p.String(), "Mellon")
				if p.Path == c.path && strings.Contains(p.Problem, c.problem) && strings.Contains(p.Fix, c.fix) {
					return
				}
			}
			assert.Fail(t, "not warned of", "%v", problems)
		})
	}
}

func TestWhatIsIgnoredSilently(t *testing.T) {
	text := strings.Replace(full, `"userid": "id"`, `"userid": "id", "encrypted": false`, 1)
	_, problems := Load([]byte(text), options())
	require.Len(t, problems, 1)
	assert.Contains(t, problems[0].Problem, "never takes a call")
}

func TestAnAccountWithAnInvalidProxyIsKeptWithoutIt(t *testing.T) {
	b, problems := Load([]byte(strings.Replace(full, `"sip.example.org"`, `"not a host"`, 1)), options())
	require.NotNil(t, b)
	require.Len(t, problems, 2)
	assert.Equal(t, Skipped, problems[0].Severity)
	assert.Equal(t, "accountPools.static.loader[0].outboundProxy", problems[0].Path)
	route, _ := b.Pools()[0].Get("sip:one@x.org").Route()
	assert.Equal(t, "<sip:pool.org;transport=tls>", route.String())
}

func TestAccountsThatAnIndexCannotFind(t *testing.T) {
	var list []string
	for i := range 100 {
		list = append(list, fmt.Sprintf(`{"uri": "sip:a%d@x.org", "alias": "sip:same@y.org"}`, i))
	}
	b, problems := Load([]byte(strings.Replace(strings.Replace(full, `"accountPool": "sql"`, `"accountPool": "static"`, 1), `{"uri": "sip:two@x.org"}`, strings.Join(list, ","), 1)), options())
	require.NotNil(t, b)
	told := 0
	for _, p := range problems {
		if strings.Contains(p.Problem, "sip:a0@x.org") {
			told++
		}
	}
	assert.Equal(t, 10, told)
	assert.Contains(t, fmt.Sprint(problems), "99 accounts altogether are not found by {alias}")
}

// S-CONF-2: the conversion of spec 4.3, member by member.
func TestSchema1(t *testing.T) {
	cfg, problems := Parse([]byte(`[
	 {"name": "one", "pattern": "sip:.*", "outboundProxy": "<sip:p.org>", "registrationRequired": true, "maxCallsPerLine": 7,
	  "accounts": [{"uri": "sip:a@x.org", "userid": "id", "password": "clear"}, {"uri": "sip:b@x.org"}], "enableAvpf": true, "mediaEncryption": "dtls-srtp"},
	 {"name": "two", "pattern": ".*"}]`))
	require.Empty(t, problems)
	assert.Equal(t, 1, cfg.Version)
	require.Len(t, cfg.Providers, 2)
	p := cfg.Providers[0]
	assert.Equal(t, []any{"one", "Account pool - one", "sip:.*", true, "{account.uri}", true, sdp.DTLS},
		[]any{p.Name, p.Pool.Value, p.Pattern.Value, p.Decline, p.From.Value, p.AVPF, p.Encryption})
	assert.Equal(t, "sip:{incoming.requestUri.user}@{account.uri.hostport}{incoming.requestUri.uriParameters}", p.To.Value)
	assert.Nil(t, p.Find)
	assert.True(t, p.OutboundProxy.URI.IsZero(), "it is the pool's")
	pool := cfg.Pools[0]
	assert.Equal(t, []any{"Account pool - one", true, true, 7, time.Duration(0)},
		[]any{pool.Name, pool.RegistrationRequired, pool.UnregisterOnShutdown, pool.MaxCallsPerLine, pool.Throttle})
	assert.Equal(t, "<sip:p.org>", pool.OutboundProxy.String())
	assert.Equal(t, []account.Spec{
		{URI: "sip:a@x.org", UserID: "id", SecretType: account.Clear, Secret: "clear"}, {URI: "sip:b@x.org", SecretType: account.Clear},
	}, pool.Accounts)
	pool = cfg.Pools[1]
	assert.Equal(t, []any{"Account pool - two", false, 65535}, []any{pool.Name, pool.RegistrationRequired, pool.MaxCallsPerLine})
	assert.Empty(t, pool.Accounts)
}

func TestSchema1Faults(t *testing.T) {
	for text, want := range map[string]string{
		`[{"pattern": ".*"}]`: "empty `name`",
		`[{"name": "x"}]`:     "please provide a `pattern` for provider x",
		`[{"name": "x", "pattern": ".*", "accounts": {}}]`:       "an array of accounts",
		`[{"name": "x", "pattern": ".*", "outboundProxy": "x"}]`: "invalid outbound proxy",
		`[5]`: "it is a number, and an object",
		`5`:   "it is a number, and an object",
		``:    "empty",
	} {
		b, problems := Load([]byte(text), options())
		assert.Nil(t, b, text)
		assert.Contains(t, fmt.Sprint(problems), want, text)
	}
}

func TestSchema1ProvidersOfOneNameShareThePoolOfTheFirst(t *testing.T) {
	b, problems := Load([]byte(`[{"name": "x", "pattern": "sip:a.*", "accounts": [{"uri": "sip:first@x.org"}]},
	 {"name": "x", "pattern": ".*", "accounts": [{"uri": "sip:second@x.org"}]}]`), options())
	require.NotNil(t, b)
	require.Len(t, problems, 1)
	assert.Equal(t, Warning, problems[0].Severity)
	d := b.Decide(facts(t, "sip:u@v", "sip:b@y", "sip:b@y"))
	require.Nil(t, d.Refusal)
	assert.Equal(t, "sip:first@x.org", d.Account.URI())
}

// The seed's examples as they are printed, no-break spaces and faults included (decision 6).
func TestTheSeedsExamplesAsPrinted(t *testing.T) {
	b, problems := Load([]byte(printed(t, "bidirectional")), options())
	require.NotNil(t, b)
	require.Len(t, problems, 1)
	assert.Equal(t, Warning, problems[0].Severity)
	assert.Contains(t, problems[0].Problem, "no-break")
	assert.Equal(t, "sqlite3", b.Loader(b.Pools()[0]).Backend)

	b, problems = Load([]byte(printed(t, "pstn")), options())
	assert.Nil(t, b)
	require.Len(t, problems, 3)
	assert.Equal(t, `"pattern": "sip:\\+33.*"`, problems[1].Fix)
	assert.Equal(t, 9, problems[1].Line)
	assert.Contains(t, problems[2].Fix, `\\5`)
	assert.Equal(t, 33, problems[2].Line)
	for _, p := range problems {
		assert.NotContains(t, p.String(), "AMC", "a secret is not shown")
	}
	fixed := strings.Replace(strings.Replace(printed(t, "pstn"), `"pattern": "+33.*"`, problems[1].Fix, 1), `\5`, `\\5`, 1)
	b, _ = Load([]byte(fixed), options())
	assert.NotNil(t, b, "what the errors say is what works")
}

func TestTextAfterTheDocumentIsIgnored(t *testing.T) {
	b, problems := Load([]byte(`[] [`), options())
	assert.NotNil(t, b)
	require.Len(t, problems, 1)
	assert.Equal(t, Warning, problems[0].Severity)
}

// A template without a scheme is one that refuses every call: better known at the start than by the first caller.
func TestTemplatesThatMakeNoAddress(t *testing.T) {
	file := func(to, from, secret string) string {
		return `{"schemaVersion": 2, "providers": [{"name": "P", "triggerCondition": {"strategy": "Always"}, "accountToUse": {"strategy": "Random"},
			"onAccountNotFound": "decline", "outgoingInvite": {"to": "` + to + `", "from": "` + from + `"}, "accountPool": "Q"}],
			"accountPools": {"Q": {"outboundProxy": "sip:x.org", "registrationRequired": false, "maxCallsPerLine": 1,
			"loader": [{"uri": "sip:a@x.org", "secretType": "clrtxt", "secret": ` + secret + `}]}}}`
	}
	for _, c := range []struct{ to, from, member string }{
		{"{incoming.to.user}@{account.uri.hostport}", "{account.uri}", "to"},
		{"{account.alias}", "{incoming.from.displayName}", "from"},
		{"sip:anybody", "Sales", "from"},
	} {
		_, problems := Load([]byte(file(c.to, c.from, `"x"`)), Options{})
		require.Len(t, problems, 1, c)
		assert.Equal(t, Warning, problems[0].Severity)
		assert.Equal(t, "providers[0].outgoingInvite."+c.member, problems[0].Path)
		assert.Contains(t, problems[0].Problem, "every call of the provider is refused with 488")
	}
	for _, from := range []string{"{incoming.from}", "{incoming.from.displayName} {account.uri}", "sips:{account.alias.user}@x.org{incoming.to.uriParameters}", "<{account.alias}>"} {
		_, problems := Load([]byte(file("{account.alias}", from, `"x"`)), Options{})
		assert.Empty(t, problems, from)
	}
	_, problems := Load([]byte(file("{account.alias}", "{account.uri}", "4711")), Options{})
	require.Len(t, problems, 1)
	assert.Contains(t, problems[0].Problem, "it is a number, and a string is expected")
	assert.NotContains(t, problems[0].String(), "4711", "a PIN without quotes")
}
