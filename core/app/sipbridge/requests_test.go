package sipbridge

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"b2bua/core/account"
)

func TestTransfer(t *testing.T) {
	b := bidirectional(t)
	a := accountOf(t, b, "sip:felix@jabiru.example.org")
	for range 20 {
		a.Take() // availability does not matter
	}
	to, why, ok := b.Transfer(facts(t, "sip:felix@flexisip.example.org", "sip:jasper@flexisip.example.org", "sip:x@y.org"), nil)
	require.True(t, ok)
	assert.Equal(t, "<sip:jasper@jabiru.example.org>", wire(to))
	assert.Contains(t, why, "Outbound")
	to, _, ok = b.Transfer(facts(t, "sip:jasper@jabiru.example.org", "sip:felix@jabiru.example.org", "sip:x@y.org"), nil)
	require.True(t, ok)
	assert.Equal(t, "<sip:felix@flexisip.example.org>", wire(to))
	_, _, ok = b.Transfer(facts(t, "sip:nobody@a.org", "sip:nobody@b.org", "sip:x@y.org"), nil)
	assert.False(t, ok)
}

func TestATransferStaysWithTheAccountOfTheCall(t *testing.T) {
	b := load(t, `[{"name": "p", "pattern": "sip:.*", "accounts": [{"uri": "sip:a@x.org"}, {"uri": "sip:b@x.org"}]}]`)
	f := facts(t, "sip:u@v.org", "sip:target@v.org", "sip:target@v.org")
	for _, uri := range []string{"sip:a@x.org", "sip:b@x.org"} {
		for range 10 {
			_, why, ok := b.Transfer(f, accountOf(t, b, uri))
			require.True(t, ok)
			assert.Contains(t, why, uri)
		}
	}
	_, _, ok := b.Transfer(f, nil)
	assert.False(t, ok)
	_, _, ok = b.Transfer(facts(t, "sip:u@v.org", "sip:target@v.org", "sips:target@v.org"), accountOf(t, b, "sip:a@x.org"))
	assert.False(t, ok, "not triggered")
}

func TestSubscribe(t *testing.T) {
	b := bidirectional(t)
	d := b.Subscribe(facts(t, "sip:felix@flexisip.example.org", "sip:subscribee@jabiru.example.org", "sip:x@y.org"))
	require.Nil(t, d.Refusal, d.Why)
	assert.Equal(t, "<sip:felix@jabiru.example.org>", wire(d.Callee))
	assert.Equal(t, "<sip:jabiru.example.org;transport=tls;lr>", wire(d.Route()[0]))
	a := d.Account
	assert.Equal(t, 20, a.FreeSlots())
	a.SetRegistration(account.Failed, "No response")
	d = b.Subscribe(facts(t, "sip:felix@flexisip.example.org", "sip:subscribee@jabiru.example.org", "sip:x@y.org"))
	require.NotNil(t, d.Refusal)
	assert.Equal(t, 488, d.Refusal.Status)
	d = b.Subscribe(facts(t, "sip:nobody@a.org", "sip:nobody@b.org", "sip:x@y.org"))
	assert.NotNil(t, d.Refusal)
	b = load(t, `[{"name": "p", "pattern": "sip:mwi@.*", "accounts": [{"uri": "sip:a@x.org"}]}]`)
	assert.Nil(t, b.Subscribe(facts(t, "sip:u@v.org", "sip:mwi@v.org", "sip:other@v.org")).Refusal, "the pattern is applied to the resource")
	assert.NotNil(t, b.Subscribe(facts(t, "sip:u@v.org", "sip:other@v.org", "sip:mwi@v.org")).Refusal)
}

func TestNotify(t *testing.T) {
	const find = `"accountToUse": {"strategy": "FindInPool", "by": "alias", "source": "{from}"}, "onAccountNotFound": "nextProvider"`
	text := strings.Replace(full, find, `"accountToUse": {"strategy": "FindInPool", "by": "uri", "source": "{to}"}, "onAccountNotFound": "decline",
	   "outgoingNotify": {"outboundProxy": "<sip:notify2.org>"}`, 1)
	text = strings.Replace(text, `"accountPool": "sql"`, `"accountPool": "static"`, 1)
	b, problems := Load([]byte(text), options())
	require.NotNil(t, b, "%v", problems)
	n, ok := b.Notify(facts(t, "sip:mwi@pool.org", "sip:one@x.org", "sip:one@127.0.0.1"))
	require.True(t, ok)
	assert.Equal(t, "sip:one@x.org", n.Account.URI())
	assert.Equal(t, "sip:alias@y.org", n.Target.String())
	assert.Equal(t, "<sip:notify2.org>", wire(n.Proxy))
	_, ok = b.Notify(facts(t, "sip:mwi@pool.org", "sip:two@x.org", "sip:two@127.0.0.1"))
	assert.False(t, ok, "it has no alias")
	_, ok = b.Notify(facts(t, "sip:mwi@pool.org", "sip:nobody@x.org", "sip:nobody@127.0.0.1"))
	assert.False(t, ok)
	_, ok = bidirectional(t).Notify(facts(t, "sip:mwi@pool.org", "sip:felix@jabiru.example.org", "sip:x@y.org"))
	assert.False(t, ok, "no provider sends NOTIFYs")
}
