package sipbridge

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"b2bua/core/account"
)

// S-TPL-1, S-SEL-2, S-SEL-3 and the grammar of spec 4.13.
func TestTemplatesThatAreRefused(t *testing.T) {
	for _, c := range []struct {
		text  string
		names scope
		token string
		at    int
		open  bool
		fix   string
	}{
		{"{unknown.hostport}", requestNames, "unknown", 1, false, "from, to, requestUri"},
		{"{to.hostport.what}", requestNames, "what", 13, false, "no parts"},
		{"sip:{from.hostport", requestNames, "", 4, true, "{from}"},
		{"{from.uriParameters} is valid, but {from.invalid} is not", requestNames, "invalid", 41, false, "user, hostport"},
		{"{}", requestNames, "", 1, false, "one of"},
		{"{.}", requestNames, "", 1, false, "one of"},
		{"{to..user}", requestNames, "", 4, false, "one of"},
		{"{to }", requestNames, "to ", 1, false, "to"},
		{"{to.User}", requestNames, "User", 4, false, "user"},
		{"{From}", requestNames, "From", 1, false, "from"},
		{"{incoming.from}", requestNames, "incoming", 1, false, "without incoming."},
		{"{from}", inviteNames, "from", 1, false, "incoming.from"},
		{"{uri}", inviteNames, "uri", 1, false, "account.uri"},
		{"{account}", inviteNames, "account", 1, false, "account.uri, account.alias"},
		{"{incoming.}", inviteNames, "incoming", 1, false, "incoming.from, incoming.to, incoming.requestUri"},
		{"sip:{account.alias.displayName}", inviteNames, "displayName", 19, false, "user, hostport, uriParameters"},
		{"{account.uri}", accountNames, "account", 1, false, "uri, alias"},
		{"{to}", accountNames, "to", 1, false, "uri, alias"},
		{"{{to}}", requestNames, "{to", 1, false, "to"},
	} {
		_, err := compile(c.text, c.names)
		if assert.NotNil(t, err, c.text) {
			assert.Equal(t, c.token, err.Token, c.text)
			assert.Equal(t, c.at, err.At, c.text)
			assert.Equal(t, c.open, err.Open, c.text)
			assert.Contains(t, err.Fix, c.fix, c.text)
		}
	}
}

func TestTemplateErrorsReadAsTheOriginal(t *testing.T) {
	_, err := compile("sip:{from.hostport", requestNames)
	assert.Equal(t, "Missing closing delimiter. Expected '}' but reached end of string:\nsip:{from.hostport\n    ^substitution template started here", err.Error())
	_, err = compile("é{to.x}", requestNames)
	assert.Equal(t, "Token \"x\" is invalid within this context:\né{to.x}\n     ^here", err.Error())
	assert.Equal(t, `Token "x" is invalid within this context (character 6 of é{to.x})`, err.Line())
}

func TestTemplatesThatAreFilled(t *testing.T) {
	f := facts(t, `"Fel\"ix" <sip:fe%6Cix@flexisip.example.org:5070;p=%40/From;flag>`,
		"sip:expected-user-info@expected-hostport.com;transport=tcp;device=phone", "sip:*%23req@127.0.0.1:5062;x=1")
	text := account.Text{URI: `"Acc" <sip:%25=acc@account.example.org;a=b>`, Alias: "sip:%61lias@sip.example.org:5080;custom-param=Alias"}
	spec, problems := text.Check()
	require.Empty(t, problems)
	pool := account.NewPool(account.Settings{}, new(account.Numbers))
	a := pool.Put(spec).Account
	for template, want := range map[string]string{
		"{incoming.to}": "sip:expected-user-info@expected-hostport.com;transport=tcp;device=phone",
		"{incoming.to.displayName} <sip:{incoming.to.user}@{incoming.to.hostport}{incoming.to.uriParameters}>": " <sip:expected-user-info@expected-hostport.com;transport=tcp;device=phone>",
		"{incoming.from.displayName}":        `"Fel\"ix"`,
		"{incoming.from}":                    "sip:felix@flexisip.example.org:5070;p=%40/From;flag",
		"{incoming.from.user}":               "felix",
		"{incoming.from.hostport}":           "flexisip.example.org:5070",
		"{incoming.from.uriParameters}":      ";p=%40/From;flag",
		"{incoming.requestUri.user}":         "*%23req",
		"{incoming.requestAddress.hostport}": "127.0.0.1:5062",
		"{incoming.requestUri.displayName}":  "",
		"{account.uri}":                      "sip:%25=acc@account.example.org;a=b",
		"{account.uri.}":                     "sip:%25=acc@account.example.org;a=b",
		"{account.sipIdentity.user}":         "%25=acc",
		"{account.uri.displayName}":          `"Acc"`,
		"{account.alias}":                    "sip:%61lias@sip.example.org:5080;custom-param=Alias",
		"{account.alias.user}":               "%61lias",
		"{account.alias.hostport}":           "sip.example.org:5080",
		"{account.alias.uriParameters}":      ";custom-param=Alias",
		"${incoming.to.hostport}}":           "$expected-hostport.com}",
		"no substitution":                    "no substitution",
	} {
		compiled, err := compile(template, inviteNames)
		require.Nil(t, err, template)
		v := values{from: &f.From, to: &f.To, request: &f.RequestURI, account: a}
		assert.Equal(t, want, compiled.render(&v), template)
	}
}

func TestAnAccountWithoutAliasRendersNothing(t *testing.T) {
	spec, _ := (&account.Text{URI: "sip:a@x.org"}).Check()
	a := account.NewPool(account.Settings{}, new(account.Numbers)).Put(spec).Account
	for _, text := range []string{"{alias}", "{alias.user}", "{alias.hostport}", "{alias.uriParameters}"} {
		compiled, err := compile(text, accountNames)
		require.Nil(t, err)
		assert.Empty(t, compiled.render(&values{account: a}))
	}
}

func TestRenderedAddresses(t *testing.T) {
	for text, want := range map[string]string{
		"sip:a@x.org;transport=tcp":                   "<sip:a@x.org;transport=tcp>",
		`"Fel\"ix" sip:a@x.org;p=1`:                   `"Fel\"ix" <sip:a@x.org;p=1>`,
		`"a > b;>;" sip:a@x.org`:                      `"a > b;>;" <sip:a@x.org>`,
		`"a <sip:evil@y.org>" <sip:a@x.org>;tag=evil`: `"a <sip:evil@y.org>" <sip:a@x.org>`,
		" sip:a@x.org":                                "<sip:a@x.org>",
		"Plain Name <sip:a@x.org>":                    `"Plain Name" <sip:a@x.org>`,
		"Plain Name sip:a@x.org":                      `"Plain Name" <sip:a@x.org>`,
		"<sips:a@x.org:5061>":                         "<sips:a@x.org:5061>",
		"sip:a:pw@x.org?subject=1":                    "<sip:a@x.org>",
		"sip:a@x.org;method=BYE;x":                    "<sip:a@x.org;x>",
		"alias;woops=invalid-uri":                     "",
		"":                                            "",
		"tel:+33123":                                  "",
		"sip:":                                        "",
		"sip:@x.org":                                  "",
		"<sip:a@x.org":                                "",
		`"open sip:a@x.org`:                           "",
		`"x" "y" sip:a@x.org`:                         "",
		"sip:a b@x.org":                               "",
	} {
		a, ok := parseRendered(text)
		assert.Equal(t, want != "", ok, text)
		if ok {
			assert.Equal(t, want, wire(a), text)
		}
	}
}
