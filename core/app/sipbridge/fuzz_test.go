package sipbridge

import (
	"os"
	"testing"

	"github.com/stretchr/testify/require"

	"b2bua/core/app"
	"b2bua/core/sip"
)

// Whatever a file says, it is loaded or refused with reasons, and what is loaded decides.
func FuzzLoad(f *testing.F) {
	for _, name := range []string{"bidirectional", "pstn"} {
		data, err := os.ReadFile("testdata/" + name + ".json")
		require.NoError(f, err)
		f.Add(data)
	}
	f.Add([]byte(full))
	f.Add([]byte(`[{"name": "p", "pattern": "sip:(?=a)\\w*@.*", "accounts": [{"uri": "sip:a@b", "password": "x"}]}]`))
	f.Fuzz(func(t *testing.T, data []byte) {
		b, problems := Load(data, options())
		faults := 0
		for _, p := range problems {
			require.NotEmpty(t, p.Problem)
			require.NotEmpty(t, p.Fix)
			require.Positive(t, p.Line)
			if p.Severity == Fault {
				faults++
			}
		}
		require.Equal(t, b == nil, faults > 0)
		if b == nil {
			return
		}
		d := b.Decide(facts(t, `"A" <sip:felix@flexisip.example.org>`, "sip:b@x.org;p=1", "sip:+33123@example.net;user=phone"))
		require.Equal(t, d.Refusal == nil, d.Account != nil)
		require.NotEmpty(t, d.Why)
	})
}

// Whatever the template, and whoever calls whom: what is rendered is a SIP address that survives the wire, or refused.
func FuzzTemplate(f *testing.F) {
	f.Add("{incoming.from.displayName} <sip:{incoming.to.user}@{account.uri.hostport}{incoming.to.uriParameters}>", `"x>;" <sip:a%3ab@x;y=z>`)
	f.Add("sip:{incoming.requestUri.user}@x", "sip:a;b?c/d@x.org")
	f.Add("{account.alias}{", "tel:+33;x=y")
	f.Fuzz(func(t *testing.T, text, party string) {
		compiled, fault := compile(text, inviteNames)
		if fault != nil {
			require.LessOrEqual(t, fault.At, len(text))
			require.NotEmpty(t, fault.Error())
			require.NotEmpty(t, fault.Line())
			require.NotEmpty(t, fault.Fix)
			return
		}
		a, err := sip.ParseAddress(party)
		if err != nil {
			return
		}
		f := app.Facts{From: a, To: a, RequestURI: a.URI}
		b := load(t, `[{"name": "p", "pattern": ".*", "accounts": [{"uri": "sip:a@b"}]}]`)
		v := values{from: &f.From, to: &f.To, request: &f.RequestURI, account: b.Pools()[0].Get("sip:a@b")}
		got, ok := parseRendered(compiled.render(&v))
		if !ok {
			return
		}
		again, err := sip.ParseAddress(got.String())
		require.NoError(t, err, got.String())
		require.Equal(t, got.String(), again.String())
	})
}
