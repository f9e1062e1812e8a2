package call

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"b2bua/core/account"
	"b2bua/core/digest"
	"b2bua/core/sip"
)

const challenge = `Digest realm="x.org", nonce="n1", qop="auth", algorithm=MD5`

// answerBye is the peer of a BYE of ours.
func (w *world) answerBye(o SendRequest) {
	w.byes = append(w.byes, o.Msg.Clone())
	status := 200
	if _, has := o.Msg.Header("Proxy-Authorization"); w.closed && !has {
		status = 407
	}
	resp := sip.NewResponse(o.Msg, status, "", "")
	if status == 407 {
		resp.Add("Proxy-Authenticate", challenge)
	}
	w.e.Response(w.now, o.Ref, resp, Source{})
}

// line gives the world's application an account that may take two calls.
func (w *world) line(secret string) *account.Account {
	return w.lineOf(account.Text{URI: "sip:line@x.org", SecretType: "clrtxt", Secret: digest.Secret(secret)})
}

// hashed is one whose secret is a hash by MD5.
func (w *world) hashed() *account.Account {
	return w.lineOf(account.Text{URI: "sip:line@x.org", Secret: digest.Secret(strings.Repeat("0", 32))})
}

func (w *world) lineOf(text account.Text) *account.Account {
	s, problems := text.Check()
	require.Empty(w.t, problems)
	a := account.NewPool(account.Settings{Name: "pool", MaxCallsPerLine: 2}, new(account.Numbers)).Put(s).Account
	w.app.d.Account = a
	w.app.d.From = a.Identity()
	return a
}

func authorization(m *sip.Message, name string) string {
	v, _ := m.Header(name)
	return v
}

// RFC 3261 section 22: the INVITE is repeated in its dialog with credentials; ACK and what follows carry them, too.
func TestLegBAnswersChallenges(t *testing.T) {
	w := newWorld(t)
	w.line("pw")
	w.command("invite")
	first := w.reqB.Clone()
	w.command("b 407 tag=gone 'Proxy-Authenticate: " + challenge + "'")
	second := w.reqB
	assert.Equal(t, first.CallID, second.CallID)
	assert.Equal(t, first.From.Tag(), second.From.Tag())
	assert.Equal(t, first.CSeq.Number+1, second.CSeq.Number)
	assert.Equal(t, first.Body, second.Body)
	assert.Contains(t, authorization(second, "Proxy-Authorization"), `username="line", realm="x.org", nonce="n1"`)
	assert.Contains(t, authorization(second, "Proxy-Authorization"), "nc=00000001")

	w.command("b 407 'Proxy-Authenticate: " + strings.Replace(challenge, "n1", "n2", 1) + ", stale=true'")
	assert.Contains(t, authorization(w.reqB, "Proxy-Authorization"), `nonce="n2"`)
	w.command("b 401 'WWW-Authenticate: " + challenge + "'")
	assert.Contains(t, authorization(w.reqB, "Authorization"), `nonce="n1"`, "one server after the other")
	assert.NotEmpty(t, authorization(w.reqB, "Proxy-Authorization"))

	w.command("b 200 sdp=pcma")
	w.command("ack")
	require.Equal(t, 1, w.e.Active())
	w.command("from-a BYE")
	require.NotEmpty(t, w.byes)
	bye := w.byes[len(w.byes)-1]
	assert.Equal(t, w.reqB.CSeq.Number+1, bye.CSeq.Number)
	assert.Contains(t, authorization(bye, "Proxy-Authorization"), "nc=00000003", "it is not challenged again")
}

func TestAckCarriesTheCredentialsOfItsInvite(t *testing.T) {
	w := newWorld(t)
	w.full = true
	w.line("pw")
	w.command("invite")
	w.command("b 407 'Proxy-Authenticate: " + challenge + "'")
	w.take()
	w.command("b 200 sdp=pcma")
	assert.Contains(t, w.take(), "Proxy-Authorization: "+authorization(w.reqB, "Proxy-Authorization"), "of the ACK: nothing else was sent to leg B")
}

func TestAByeThatIsChallenged(t *testing.T) {
	w := newWorld(t)
	w.line("pw")
	for _, c := range []string{"invite", "b 200 sdp=pcma", "ack"} {
		w.command(c)
	}
	w.closed = true
	w.command("from-a BYE")
	require.Len(t, w.byes, 2)
	assert.Equal(t, w.byes[0].CSeq.Number+1, w.byes[1].CSeq.Number)
	assert.NotEmpty(t, authorization(w.byes[1], "Proxy-Authorization"))
	assert.Zero(t, w.e.Pending())
}

func TestChallengesThatAreNotAnswered(t *testing.T) {
	for _, c := range []struct{ name, secret, challenge, want string }{
		{"no secret", "", challenge, "sip:line@x.org has no secret"},
		{"another realm", "pw", strings.Replace(challenge, "x.org", "y.org", 1), `has credentials for realm "x.org"`},
		{"a hash by another algorithm", "md5 hash", strings.Replace(challenge, "MD5", "SHA-256", 1), `realm "x.org" wants a hash by SHA-256, the secret is one by MD5`},
		{"unknown algorithm", "pw", strings.Replace(challenge, "MD5", "FOO-1", 1), "no digest challenge that can be answered"},
	} {
		t.Run(c.name, func(t *testing.T) {
			w := newWorld(t)
			a := w.line(c.secret)
			if c.secret == "md5 hash" {
				a = w.hashed()
			}
			w.command("invite")
			w.take()
			w.command("b 407 phrase='Proxy Authentication Required' 'Proxy-Authenticate: " + c.challenge + "'")
			out := w.take()
			assert.Contains(t, out, c.want)
			assert.Contains(t, out, "A <- 407", "the status is leg B's")
			assert.Equal(t, 2, a.FreeSlots())
			assert.Zero(t, w.e.Active())
		})
	}
	t.Run("refused credentials", func(t *testing.T) {
		w := newWorld(t)
		w.line("pw")
		w.command("invite")
		w.command("b 407 'Proxy-Authenticate: " + challenge + "'")
		w.take()
		w.command("b 407 'Proxy-Authenticate: " + challenge + "'")
		assert.Contains(t, w.take(), "the credentials were refused")
	})
	t.Run("without end", func(t *testing.T) {
		w := newWorld(t)
		w.line("pw")
		w.command("invite")
		for i := range 5 {
			require.Equal(t, 1, w.e.Active(), i)
			w.command("b 407 'Proxy-Authenticate: " + challenge + ", stale=true'")
		}
		assert.Zero(t, w.e.Active())
		assert.Contains(t, w.take(), "4 challenges in vain")
	})
	t.Run("cancelled meanwhile", func(t *testing.T) {
		w := newWorld(t)
		w.line("pw")
		w.command("invite")
		w.command("cancel")
		before := w.reqB
		w.command("b 407 'Proxy-Authenticate: " + challenge + "'")
		assert.Same(t, before, w.reqB)
		assert.Zero(t, w.e.Pending())
	})
}

func TestARedirectionGetsNoCredentials(t *testing.T) {
	w := newWorld(t)
	w.line("pw")
	w.command("invite")
	w.command("b 407 'Proxy-Authenticate: " + challenge + "'")
	require.NotEmpty(t, authorization(w.reqB, "Proxy-Authorization"))
	w.command("b 302 'Contact: <sip:evil@elsewhere.org>'")
	require.Equal(t, "elsewhere.org", w.reqB.URI.Host)
	assert.Empty(t, authorization(w.reqB, "Proxy-Authorization"))
}

// A slot is taken by the decision and given back once, whatever way the call ends (spec 4.6).
func TestSlotsAreReleased(t *testing.T) {
	for name, end := range map[string][]string{
		"cancelled":        {"cancel"},
		"refused":          {"b 486"},
		"failed":           {"b-fails timeout"},
		"rung out":         {"advance 241s"},
		"answered and BYE": {"b 200 sdp=pcma", "ack", "from-b BYE"},
		"no ACK":           {"b 200 sdp=pcma", "a-fails timeout"},
		"media lost":       {"b 200 sdp=pcma", "ack", "media-lost a"},
		"unusable answer":  {"b 200"},
		"shutdown":         {"shutdown"},
		"internal fault":   {"fault"},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t)
			a := w.line("pw")
			w.command("invite")
			require.Equal(t, 1, a.FreeSlots())
			for _, c := range end {
				w.command(c)
			}
			assert.Equal(t, 2, a.FreeSlots())
			w.command("advance 100s")
			assert.Equal(t, 2, a.FreeSlots())
			assert.Zero(t, w.e.Active())
		})
	}
}

// Forks of one call reach us with one Call-ID: each is a call of its own (spec 4.6).
func TestForksTakeASlotEach(t *testing.T) {
	w := newWorld(t)
	a := w.line("pw")
	w.command("invite")
	w.command("invite")
	assert.Zero(t, a.FreeSlots())
	w.command("cancel")
	assert.Equal(t, 1, a.FreeSlots())
}

func TestContactOfAnAccount(t *testing.T) {
	w := newWorld(t)
	a := w.line("pw")
	w.app.d.From = sip.Address{URI: sip.URI{Scheme: "sip", User: "rendered", Host: "x.org"}}
	contact := func() string {
		w.command("invite")
		defer w.command("cancel")
		return w.reqB.Contact[0].URI.String()
	}
	assert.Equal(t, "sip:rendered@", contact(), "not registered")
	a.SetContact("sip:line-4711@192.0.2.1:5062;transport=tcp")
	assert.Equal(t, "sip:line-4711@", contact(), "the connection fills in the rest")
	a.SetContact("sip:line@x.org;gr=urn:uuid:1")
	assert.Equal(t, "sip:line@x.org;gr=urn:uuid:1", contact())
	w.app.d.OwnHop = true
	assert.Equal(t, "sip:rendered@", contact(), "the route is the provider's")
}
