package account_test

import (
	"fmt"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"b2bua/core/account"
	"b2bua/core/digest"
	"b2bua/core/sip"
)

func put(t *testing.T, cfg account.Settings, text account.Text) *account.Account {
	t.Helper()
	return pool(cfg).Put(spec(t, text)).Account
}

func server(t *testing.T, s string) sip.Address {
	t.Helper()
	a, err := account.ParseServer(s)
	require.NoError(t, err)
	return a
}

// The rules and examples of spec 4.4 and S-LOAD-1.
func TestWhereAnAccountSendsTo(t *testing.T) {
	for _, c := range []struct {
		name             string
		pool             account.Settings
		text             account.Text
		route, registrar string
	}{
		{
			"nothing configured: the domain",
			account.Settings{},
			account.Text{URI: "sip:account1@first.provider.example.com"},
			"<sip:first.provider.example.com>", "<sip:first.provider.example.com>",
		},
		{
			"a port of the domain is kept",
			account.Settings{},
			account.Text{URI: "sip:a@p.example.com:5070", Protocol: "tcp"},
			"<sip:p.example.com:5070;transport=tcp>", "<sip:p.example.com:5070;transport=tcp>",
		},
		{
			"a host",
			account.Settings{},
			account.Text{URI: "sip:a@d.org", OutboundProxy: "sip.example.org"},
			"<sip:sip.example.org>", "<sip:sip.example.org>",
		},
		{
			"a host with a protocol",
			account.Settings{},
			account.Text{URI: "sip:a@d.org", OutboundProxy: "sip.example.org:5070", Protocol: "TCP"},
			"<sip:sip.example.org:5070;transport=tcp>", "<sip:sip.example.org:5070;transport=tcp>",
		},
		{
			"a host by tls",
			account.Settings{},
			account.Text{URI: "sip:a@d.org", Registrar: "r.example.org", Protocol: "tls"},
			"<sips:d.org>", "<sips:r.example.org>",
		},
		{
			"whole addresses stay",
			account.Settings{},
			account.Text{URI: "sip:a@d.org", OutboundProxy: "<sip:p.org;transport=tcp>", Registrar: "<sips:host>"},
			"<sip:p.org;transport=tcp>", "<sips:host>",
		},
		{
			"the pool's",
			account.Settings{OutboundProxy: server(t, "<sip:pool.org;transport=tls>")},
			account.Text{URI: "sip:a@d.org"},
			"<sip:pool.org;transport=tls>", "<sip:pool.org;transport=tls>",
		},
		{
			"the account's goes first",
			account.Settings{OutboundProxy: server(t, "sip:pool.org"), Registrar: server(t, "sip:reg.org")},
			account.Text{URI: "sip:a@d.org", OutboundProxy: "own.org"},
			"<sip:own.org>", "<sip:reg.org>",
		},
		{
			"a registrar of its own",
			account.Settings{OutboundProxy: server(t, "sip:pool.org"), Registrar: server(t, "sip:reg.org")},
			account.Text{URI: "sip:a@d.org", Registrar: "own.org"},
			"<sip:pool.org>", "<sip:own.org>",
		},
	} {
		t.Run(c.name, func(t *testing.T) {
			a := put(t, c.pool, c.text)
			route, why := a.Route()
			assert.Equal(t, c.route, route.String())
			assert.NotEmpty(t, why)
			registrar := a.Registrar()
			assert.Equal(t, c.registrar, registrar.String())
		})
	}
}

func TestIdentity(t *testing.T) {
	for text, want := range map[string]string{
		"sip:a@x.org":                      "<sip:a@x.org>",
		"sip:a@x.org;transport=tls;user=x": "<sip:a@x.org;transport=tls;user=x>",
		"<sip:a@x.org:5070>":               "<sip:a@x.org:5070>",
		`"Ann \"A\"" <sip:a@x.org>`:        `"Ann \"A\"" <sip:a@x.org>`,
		"SIP:%61%25b@X.org":                "<sip:a%25b@X.org>",
		"sip:%C3%a9@x.org":                 "<sip:%C3%A9@x.org>",
		"sip:*%23expected@x.org":           "<sip:*%23expected@x.org>",
		"sip:%25=expected-account@x.org":   "<sip:%25=expected-account@x.org>",
		"sips:a@x.org":                     "<sips:a@x.org>",
	} {
		identity := put(t, account.Settings{}, account.Text{URI: text}).Identity()
		assert.Equal(t, want, identity.String(), text)
	}
}

func TestWhatIsWrongWithAnAccount(t *testing.T) {
	for _, c := range []struct {
		text   account.Text
		member string
		fatal  bool
	}{
		{account.Text{}, "uri", true},
		{account.Text{URI: "invalid-sip-uri"}, "uri", true},
		{account.Text{URI: "tel:+33123"}, "uri", true},
		{account.Text{URI: "sip:a:pw@x.org"}, "uri", false},
		{account.Text{URI: "sip:a@x.org", Alias: `"A" <sip:b@y.org>`}, "alias", true},
		{account.Text{URI: "sip:a@x.org", Alias: "<sip:b@y.org>"}, "alias", true},
		{account.Text{URI: "sip:a@x.org", OutboundProxy: "not a host"}, "outboundProxy", false},
		{account.Text{URI: "sip:a@x.org", OutboundProxy: "<sip:>"}, "outboundProxy", false},
		{account.Text{URI: "sip:a@x.org", Registrar: "sip:"}, "registrar", false},
		{account.Text{URI: "sip:a@x.org", Protocol: "dtls"}, "protocol", false},
		{account.Text{URI: "sip:a@x.org", MWIServer: "x"}, "mwiServerUri", true},
		{account.Text{URI: "sip:a@x.org", SecretType: "SHA256"}, "secretType", false},
		{account.Text{URI: "sip:a@x.org", Secret: "my password"}, "secret", false},
		{account.Text{URI: "sip:a@x.org", SecretType: "sha-256", Secret: "0123456789abcdef0123456789abcdef"}, "secret", false},
	} {
		_, problems := c.text.Check()
		if assert.Len(t, problems, 1, "%+v", c.text) {
			assert.Equal(t, c.member, problems[0].Member)
			assert.Equal(t, c.fatal, problems[0].Fatal)
			assert.NotEmpty(t, problems[0].Fix)
			assert.NotContains(t, problems[0].String(), "pw")
			assert.NotContains(t, problems[0].String(), "my password")
		}
	}
}

func TestAnInvalidProxyIsUnset(t *testing.T) {
	text := account.Text{URI: "sip:a@x.org", OutboundProxy: "<sip:>"}
	s, _ := text.Check()
	route, _ := pool(account.Settings{}).Put(s).Account.Route()
	assert.Equal(t, "<sip:x.org>", route.String())
}

func TestCredentials(t *testing.T) {
	const ha1, sha = "0123456789abcdef0123456789abcdef", "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"
	for _, c := range []struct {
		text account.Text
		want digest.Credentials
	}{
		{account.Text{Secret: ha1}, digest.Credentials{User: "a b", Realm: "x.org", HA1: ha1, Algorithm: "MD5"}},
		{account.Text{Secret: ha1, SecretType: "ha1"}, digest.Credentials{User: "a b", Realm: "x.org", HA1: ha1, Algorithm: "MD5"}},
		{account.Text{Secret: sha, SecretType: "sha256"}, digest.Credentials{User: "a b", Realm: "x.org", HA1: sha, Algorithm: "SHA-256"}},
		{account.Text{Secret: "pw", SecretType: "clrtxt"}, digest.Credentials{User: "a b", Realm: "x.org", Password: "pw"}},
		{
			account.Text{Secret: "pw", SecretType: "clrtxt", UserID: "id", Realm: "r"},
			digest.Credentials{User: "id", Realm: "r", Password: "pw"},
		},
	} {
		c.text.URI = "sip:a%20b@x.org:5070"
		got, ok := put(t, account.Settings{}, c.text).Credentials()
		assert.True(t, ok)
		assert.Equal(t, c.want, got)
	}
	_, ok := put(t, account.Settings{}, account.Text{URI: "sip:a@x.org"}).Credentials()
	assert.False(t, ok)
}

func TestASpecDoesNotPrintItsSecret(t *testing.T) {
	s := spec(t, account.Text{URI: "sip:a@x.org", SecretType: "clrtxt", Secret: "Mellon"})
	for _, format := range []string{"%v", "%+v", "%#v", "%s"} {
		assert.NotContains(t, fmt.Sprintf(format, s), "Mellon")
	}
}

func TestNoPasswordIsTold(t *testing.T) {
	for text, want := range map[string]string{
		"sip:a:pw@x.org":                  "sip:a:***@x.org",
		"a:pw@x.org":                      "a:***@x.org",
		"\"A: b\" <sips:a:p:w@x.org>":     "\"A: b\" <sips:a:***@x.org>",
		"<SIP:a:p@w@x.org>":               "<SIP:a:***@x.org>",
		"sip:a@x.org;transport=tls":       "sip:a@x.org;transport=tls",
		"sip.x.org:5060":                  "sip.x.org:5060",
		"Ann <sip:ann@x.org>;methods=a:b": "Ann <sip:ann@x.org>;methods=a:b",
	} {
		assert.Equal(t, want, account.WithoutPassword(text))
	}
	for _, text := range []account.Text{
		{URI: "a:pw@x.org"}, {URI: "sip:a@x.org", OutboundProxy: "sip:a:pw@ x"}, {URI: "sip:a@x.org", MWIServer: "sip:a:pw@ x"}, {URI: "sip:a@x.org", Alias: "a:pw@x.org"},
	} {
		_, problems := text.Check()
		require.NotEmpty(t, problems)
		for _, p := range problems {
			assert.NotContains(t, p.String(), "pw")
		}
	}
}
