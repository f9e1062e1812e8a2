package filter_test

import (
	"strings"
	"testing"

	"b2bua/core/sip"
	"b2bua/simulator/proxy/filter"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func request(t *testing.T) *sip.Message {
	t.Helper()
	uri, err := sip.ParseURI("sip:+33612345678@example.net;user=phone;x")
	require.NoError(t, err)
	from, err := sip.ParseAddress("<sip:marie@sip.example.org>;tag=1")
	require.NoError(t, err)
	to, err := sip.ParseAddress("<sip:1234@sip.example.org;a=b>")
	require.NoError(t, err)
	m := &sip.Message{Method: sip.INVITE, URI: uri, From: from, To: to, CallID: "x@y"}
	m.Add("User-Agent", "LinphoneAndroid/5.0")
	return m
}

func TestMatch(t *testing.T) {
	for text, want := range map[string]bool{
		"":        true,
		" \t":     true,
		"true":    true,
		"!true":   false,
		"! !true": true,
		"(request.uri.domain == 'example.net' && request.uri.params contains 'user=phone')": true,
		"(request.uri.domain == 'example.org' && request.uri.params contains 'user=phone')": false,
		"request.uri.domain=='example.net'&&request.uri.params contains 'phone'":            true,
		"'INVITE' == request.method":                                     true,
		"request.method != 'INVITE'":                                     false,
		"request.method-name in 'BYE INVITE'":                            true,
		"request.method in 'INVITED'":                                    false,
		"request.method notin 'BYE ACK'":                                 true,
		"request.method nin 'INVITE'":                                    false,
		"user-agent contains 'Linphone' && content-type != 'text/plain'": true,
		"request.uri.user regex '^\\+33[67][0-9]{8}$'":                   true,
		"request.uri.user regex '^33'":                                   false,
		"defined content-type":                                           false,
		"defined call-id && numeric to.uri.user":                         true,
		"numeric request.uri.user":                                       false,
		"is_response || direction == 'request'":                          true,
		"is_request && from.uri.user == 'marie'":                         true,
		"true || true && false":                                          true,
		"(true || true) && false":                                        false,
		"to.uri.params == 'a=b' && from.uri.params == ''":                true,
		`from.uri.domain == "sip.example.org"`:                           true,
		"false || !(to.uri.domain == 'x')":                               true,
	} {
		e, err := filter.Parse(text)
		require.NoError(t, err, text)
		m := request(t)
		assert.Equal(t, want, e.Match(m, m.URI), text)
		assert.Equal(t, text, e.String())
	}
}

func TestRequestURIIsTheBranch(t *testing.T) {
	e, err := filter.Parse("request.uri.domain == '192.0.2.1'")
	require.NoError(t, err)
	m := request(t)
	uri, err := sip.ParseURI("sip:marie@192.0.2.1")
	require.NoError(t, err)
	assert.True(t, e.Match(m, uri))
	assert.False(t, e.Match(m, m.URI))
}

func TestFaultsAreTold(t *testing.T) {
	for text, want := range map[string]string{
		"request.uri.domian == 'x'":       `"request.uri.domian" is no variable`,
		"request.uri.domain = 'x'":        `"=" is no operator at column 20`,
		"request.uri.domain == 'x":        "the text has no end at column 23",
		"(true":                           "a closing parenthesis is missing",
		"true)":                           `an operator is missing before ")" at column 5`,
		"true false":                      "an operator is missing",
		"request.method":                  "one of ==, !=",
		"request.method ==":               "a variable or a text is missing",
		"request.method regex '('":        "missing closing )",
		"request.method regex call-id":    "a pattern between single quotes",
		"request.method '==' 'x'":         "one of ==, !=",
		"true &&":                         "a variable or a text is missing",
		"defined":                         "a variable or a text is missing",
		strings.Repeat("!", 200):          "more than 100 levels",
		strings.Repeat("(", 200) + "true": "more than 100 levels",
	} {
		_, err := filter.Parse(text)
		assert.ErrorContains(t, err, want, text)
	}
}

func FuzzParse(f *testing.F) {
	f.Add("(request.uri.domain == 'example.net' && request.uri.params contains 'user=phone')")
	f.Add("!is_response || defined user-agent && numeric to.uri.user")
	f.Add("request.method in 'A B' || request.uri.user regex '^[0-9]+$'")
	f.Fuzz(func(t *testing.T, text string) {
		e, err := filter.Parse(text)
		if err != nil {
			return
		}
		m := request(t)
		if e.Match(m, m.URI) == e.Match(m, sip.URI{}) {
			return
		}
		assert.Contains(t, text, "request.uri.", "only a filter about the Request-URI tells them apart")
	})
}
