package register

import (
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"b2bua/core/digest"
	"b2bua/core/event"
	"b2bua/core/sip"
)

func TestRequest(t *testing.T) {
	w := newWorld(t, seed(1))
	a := account(1)
	a.Identity.Display = "Account"
	a.Registrar = sip.URI{Scheme: "sip", Host: "192.0.2.9", Port: 5080, Params: sip.Params(nil).With("transport", "tcp")}
	a.Key = "line 1"
	w.flow = 7
	id := w.add(a)
	w.run(time.Second)
	require.Len(t, w.sent, 1)
	m := w.sent[0].msg
	assert.Equal(t, "sip:example.org", m.URI.String())
	assert.Equal(t, `"Account" <sip:account1@example.org>`, m.To.String())
	assert.Equal(t, m.To.String(), m.From.WithTag("").String())
	assert.NotEmpty(t, m.From.Tag())
	assert.Empty(t, m.Route, "it goes straight to the registrar")
	assert.Empty(t, m.Contact[0].URI.Host, "the transport fills it in")
	assert.Equal(t, `<sip:account1@>;+sip.instance="<urn:uuid:0>"`, m.Contact[0].String())
	expires, _ := m.Header("Expires")
	assert.Equal(t, "3600", expires)
	assert.Equal(t, Hop{URI: a.Registrar, Key: "line 1"}, w.sent[0].hop)
	assert.Equal(t, []State{Progress, OK}, w.states(id))

	w.run(time.Hour)
	second := w.sent[1]
	assert.Equal(t, m.CallID, second.msg.CallID)
	assert.Equal(t, m.CSeq.Number+1, second.msg.CSeq.Number)
	assert.Equal(t, uint64(7), second.hop.Flow, "the refresh takes the connection of the registration")
	assert.Equal(t, []State{Progress, OK}, w.states(id), "a refresh of a binding that lives is no change")
}

// Spec 2.14, S-POOL-11: refreshes come between 50 % and 90 % of what was granted and are spread over all of it.
func TestRefreshesAreSpread(t *testing.T) {
	w := newWorld(t, seed(2))
	const n, granted = 20_000, 1000
	w.answer = func(_ *world, m *sip.Message) *sip.Message { return ok(m, granted) }
	for i := range n {
		w.add(account(i))
	}
	w.run(30 * time.Second)
	require.Len(t, w.sent, n)
	require.Equal(t, n, w.e.Count(OK))
	w.sent = nil
	begin := w.begin
	w.run(granted * time.Second)
	require.GreaterOrEqual(t, len(w.sent), n)
	first := map[string]bool{}
	buckets := make([]int, 40)
	for _, s := range w.sent {
		if first[s.msg.CallID] {
			continue
		}
		first[s.msg.CallID] = true
		part := s.at.Sub(begin).Seconds() / granted
		require.GreaterOrEqual(t, part, 0.5)
		require.LessOrEqual(t, part, 0.901, "first registrations took less than a second")
		buckets[min(int((part-0.5)*100), 39)]++
	}
	require.Len(t, first, n)
	for i, got := range buckets {
		assert.InDelta(t, n/40, got, n/40*0.25, "bucket %d", i)
	}
}

// Spec 4.10: a lower bound between first registrations; S-POOL-3.
func TestThrottling(t *testing.T) {
	w := newWorld(t, seed(3))
	w.pool = w.e.Pool("slow", 100*time.Millisecond)
	for i := range 10 {
		w.add(account(i))
	}
	w.run(650 * time.Millisecond)
	assert.Len(t, w.sent, 7)
	assert.Equal(t, 3, w.e.Count(None))
	w.run(time.Second)
	require.Len(t, w.sent, 10)
	for i := 1; i < 10; i++ {
		assert.GreaterOrEqual(t, w.sent[i].at.Sub(w.sent[i-1].at), 100*time.Millisecond)
	}
	done := eventsOf[event.PoolRegistered](w)
	require.Len(t, done, 1)
	assert.Equal(t, "account pool slow: accounts registered: 10 of 10, after 910ms", done[0].Text())
	w.run(time.Minute)
	w.add(account(11))
	assert.Len(t, w.sent, 11, "who comes later does not wait")
}

func TestAuthentication(t *testing.T) {
	ha1 := func(algorithm, hash string) []digest.Credentials {
		return []digest.Credentials{{User: "account1", Realm: "example.org", HA1: digest.Secret(hash), Algorithm: algorithm}}
	}
	for _, v := range []struct {
		name   string
		cfg    digest.ServerConfig
		creds  []digest.Credentials
		want   Status
		sent   int
		reason string
	}{
		{"clear text, MD5", digest.ServerConfig{Algorithms: []string{"MD5"}}, withPassword(account(1)).Credentials, Status{State: OK}, 2, ""},
		{"clear text, SHA-256", digest.ServerConfig{Algorithms: []string{"SHA-256"}}, withPassword(account(1)).Credentials, Status{State: OK}, 2, ""},
		{"clear text, both", digest.ServerConfig{Algorithms: []string{"SHA-256", "MD5"}}, withPassword(account(1)).Credentials, Status{State: OK}, 2, ""},
		{"by a proxy", digest.ServerConfig{Proxy: true}, withPassword(account(1)).Credentials, Status{State: OK}, 2, ""},
		{"wrong HA1", digest.ServerConfig{}, ha1("MD5", strings.Repeat("0", 32)), Status{Failed, BadCredentials}, 2, "403"},
		{"HA1 of another algorithm", digest.ServerConfig{Algorithms: []string{"SHA-256"}}, ha1("MD5", strings.Repeat("0", 32)), Status{Failed, Unauthorized}, 1, `realm "example.org" wants a hash by SHA-256, the secret is one by MD5`},
		{"other realm", digest.ServerConfig{}, []digest.Credentials{{User: "account1", Realm: "elsewhere", Password: "secret"}}, Status{Failed, Unauthorized}, 1, `realm is "elsewhere"`},
		{"none", digest.ServerConfig{}, nil, Status{Failed, Unauthorized}, 1, "the account has none"},
	} {
		t.Run(v.name, func(t *testing.T) {
			w := newWorld(t, seed(4))
			w.answer = guarded(t, v.cfg)
			a := account(1)
			a.Credentials = v.creds
			id := w.add(a)
			w.run(time.Second)
			assert.Equal(t, v.want, w.e.Status(id))
			assert.Len(t, w.sent, v.sent)
			if v.reason != "" {
				failed := eventsOf[event.RegistrationFailed](w)
				require.Len(t, failed, 1)
				assert.Contains(t, failed[0].Text(), v.reason)
				assert.Contains(t, failed[0].Text(), "sip:account1@example.org")
			}
		})
	}
}

// A nonce is used again until the registrar calls it stale; then one more round suffices.
func TestNonceIsUsedAgain(t *testing.T) {
	w := newWorld(t, seed(5))
	w.answer = guarded(t, digest.ServerConfig{Life: 2 * time.Hour})
	id := w.add(withPassword(account(1)))
	w.run(time.Second)
	require.Len(t, w.sent, 2)
	w.run(90 * time.Minute)
	for _, s := range w.sent[2:] {
		auth, found := s.msg.Header("Authorization")
		assert.True(t, found, "no refresh is challenged while the nonce lives")
		assert.Contains(t, auth, "nc=0000000")
	}
	w.run(4 * time.Hour)
	assert.Equal(t, []State{Progress, OK}, w.states(id), "a stale nonce is no failure")
	assert.Equal(t, w.sent[0].msg.CallID, w.sent[len(w.sent)-1].msg.CallID)
	for i, s := range w.sent {
		assert.Equal(t, uint32(i+1), s.msg.CSeq.Number) //nolint:gosec // small
	}
}

// A proxy on the way and the registrar both ask.
func TestTwoChallenges(t *testing.T) {
	w := newWorld(t, seed(6))
	proxy, registrar := guarded(t, digest.ServerConfig{Proxy: true}), guarded(t, digest.ServerConfig{})
	w.answer = func(w *world, m *sip.Message) *sip.Message {
		if resp := proxy(w, m); resp.Status != 200 {
			return resp
		}
		return registrar(w, m)
	}
	id := w.add(withPassword(account(1)))
	w.run(time.Second)
	assert.Equal(t, Status{State: OK}, w.e.Status(id))
	assert.Len(t, w.sent, 3)
}

// What registrars do wrong for ever ends each attempt after a few requests, and attempts become rare.
func TestEndlessRefusals(t *testing.T) {
	fresh := 0
	challenge := func(stale string) func(*world, *sip.Message) *sip.Message {
		return func(_ *world, m *sip.Message) *sip.Message {
			fresh++
			resp := sip.NewResponse(m, 401, "", "t")
			resp.Add("WWW-Authenticate", `Digest realm="example.org", qop="auth", nonce="`+strings.Repeat("x", fresh%50+1)+`"`+stale)
			return resp
		}
	}
	for _, v := range []struct {
		name    string
		answer  func(*world, *sip.Message) *sip.Message
		want    Reason
		perTry  int
		atMost  int // requests in a day
		atLeast int
	}{
		{"401 for ever", challenge(""), BadCredentials, 2, 2 * 160, 2 * 100},
		{"stale for ever", challenge(", stale=true"), BadCredentials, 6, 6 * 160, 6 * 100},
		{"403", status(403), BadCredentials, 1, 160, 100},
		{"404", status(404), NotFound, 1, 160, 100},
		{"500", status(500), UnknownError, 1, 160, 100},
		{"302", status(302, "Contact: <sip:elsewhere.example.org>"), "Moved permanently", 1, 160, 100},
		{"401 without challenge", status(401), Unauthorized, 1, 160, 100},
		{"200 without our Contact", func(_ *world, m *sip.Message) *sip.Message { return ok(m, 0) }, UnknownError, 1, 160, 100},
		{"423 for ever", status(423, "Min-Expires: 7200"), UnknownError, 2, 400, 100},
		{"423 without Min-Expires", status(423), UnknownError, 1, 160, 100},
		{"503, Retry-After", status(503, "Retry-After: 3600 (maintenance);duration=60"), IOError, 1, 24, 19},
		{"503, Retry-After of a century", status(503, "Retry-After: 2000000000"), IOError, 1, 1, 1},
		{"503, Retry-After beyond numbers", status(503, "Retry-After: 99999999999999999999"), IOError, 1, 1, 1},
		{"503, Retry-After at once", status(503, "Retry-After: 0"), IOError, 1, 160, 100},
		{"silence", silence, NoResponse, 2, 3600 * 24 / 36, 3600 * 24 / 38}, // each of 32 s, then a rest of 5 s
	} {
		t.Run(v.name, func(t *testing.T) {
			w := newWorld(t, seed(7))
			w.answer = v.answer
			id := w.add(withPassword(account(1)))
			w.run(50 * time.Second)
			assert.Equal(t, Status{Failed, v.want}, w.e.Status(id))
			assert.Len(t, w.sent, v.perTry)
			w.run(24*time.Hour - 50*time.Second)
			assert.LessOrEqual(t, len(w.sent), v.atMost)
			assert.GreaterOrEqual(t, len(w.sent), v.atLeast)
			assert.Equal(t, []State{Progress, Failed}, w.states(id), "a retry does not hide the failure")
			told := 0
			for _, ev := range w.events {
				if ev.Level() > event.Debug {
					told++
				}
			}
			assert.LessOrEqual(t, told, 2, "one failure is told once")
			w.answer = func(_ *world, m *sip.Message) *sip.Message { return ok(m, 3600) }
			w.run(25 * time.Hour)
			assert.Equal(t, Status{State: OK}, w.e.Status(id))
		})
	}
}

// RFC 3261 section 10.2.8.
func TestIntervalTooBrief(t *testing.T) {
	w := newWorld(t, seed(8))
	w.answer = func(_ *world, m *sip.Message) *sip.Message {
		if v, _ := m.Header("Expires"); v != "7200" {
			return status(423, "Min-Expires: 7200")(nil, m)
		}
		return ok(m, 7200)
	}
	id := w.add(account(1))
	w.run(time.Second)
	assert.Equal(t, Status{State: OK}, w.e.Status(id))
	assert.Len(t, w.sent, 2)
	w.run(4 * time.Hour)
	assert.Less(t, len(w.sent), 7, "it is remembered")
}

// The Contact of ours counts, not those of other devices; what a 2xx leaves out comes from the header or the request.
func TestLifetime(t *testing.T) {
	own, _ := sip.ParseURI("sip:account1@192.0.2.1:5060;transport=tcp")
	r := &registration{expires: time.Hour, kept: keep(account(1))}
	for _, v := range []struct {
		contacts string
		expires  string
		own      sip.URI
		want     time.Duration
	}{
		{"<sip:account1@192.0.2.1:5060>;expires=60", "", own, time.Minute},
		{"<sip:account1@192.0.2.7:5060>;expires=5, <sip:account1@192.0.2.1:5060;transport=TCP>;expires=60, <sip:x@y>;expires=7", "90", own, time.Minute},
		{"<sip:account1@192.0.2.1:5060>", "90", own, 90 * time.Second},
		{"", "", own, time.Hour},
		{"<sip:account1@198.51.100.1:1024>;expires=60", "", own, time.Minute},
		{"<sip:account1@192.0.2.1:5060>;expires=nonsense", "", own, time.Hour},
		{"<sip:account1@192.0.2.1:5060>;expires=99999999999", "999999", own, 24 * time.Hour},
		{"<sip:account1@192.0.2.1:5060>;expires=60", "", sip.URI{}, time.Minute},
		{"<sip:account1@192.0.2.1:5060>;expires=0", "", own, 0},
		{"<sip:account1@192.0.2.1:5060>;expires=0.7", "", own, 0},
		{"<sip:account1@192.0.2.1:5060>;expires=59.9", "", own, 59 * time.Second},
		{"<sip:account1@192.0.2.1:5060>;expires=5x", "7 (comment)", own, 7 * time.Second},
	} {
		resp := &sip.Message{Status: 200}
		if v.contacts != "" {
			var err error
			resp.Contact, err = sip.ParseAddresses(v.contacts)
			require.NoError(t, err)
		}
		if v.expires != "" {
			resp.Add("Expires", v.expires)
		}
		assert.Equal(t, v.want, r.lifetime(resp, v.own), "%+v", v)
	}
}

func TestLostConnection(t *testing.T) {
	w := newWorld(t, seed(9))
	w.flow = 1
	const n = 1000
	var ids []ID
	for i := range n {
		ids = append(ids, w.add(account(i)))
	}
	w.run(time.Minute)
	require.Equal(t, n, w.e.Count(OK))
	w.sent, w.flow = nil, 2
	w.e.FlowLost(w.now, 1)
	w.drain()
	assert.Equal(t, n, w.e.Count(Refreshing))
	assert.True(t, w.e.Status(ids[0]).Available(), "outgoing calls work")
	w.run(time.Second)
	assert.Equal(t, n, w.e.Count(OK))
	assert.Len(t, w.sent, n)
	assert.LessOrEqual(t, w.most, window)
	lost := eventsOf[event.RegistrationsLost](w)
	require.Len(t, lost, 1)
	assert.Equal(t, n, lost[0].Accounts)
	w.e.FlowLost(w.now, 1)
	w.run(time.Second)
	assert.Len(t, w.sent, n, "the old connection means nothing any more")
}

// A registrar that closes every connection right after its answer is not asked in a circle.
func TestConnectionsThatDieAtOnce(t *testing.T) {
	w := newWorld(t, seed(10))
	w.flow = 1
	w.add(account(1))
	end := w.now.Add(time.Hour)
	for w.now.Before(end) {
		w.run(170 * time.Millisecond)
		w.e.FlowLost(w.now, w.flow)
		w.flow++
	}
	assert.Less(t, len(w.sent), 90)
	assert.Greater(t, len(w.sent), 40)
}

// A request that its connection took along is repeated once at once; then the account rests.
func TestBrokenWhileAsked(t *testing.T) {
	w := newWorld(t, seed(11))
	w.flow = 1
	id := w.add(account(1))
	w.run(time.Second)
	w.broken = errors.New("tcp 192.0.2.9:5060: connection reset")
	w.e.FlowLost(w.now, 1)
	w.run(700 * time.Millisecond)
	assert.Len(t, w.sent, 3)
	assert.Equal(t, Status{Failed, IOError}, w.e.Status(id))
	assert.Len(t, eventsOf[event.RegistrarDown](w), 1)
	w.broken = nil
	w.run(80 * time.Second)
	assert.Equal(t, Status{State: OK}, w.e.Status(id))
	assert.Len(t, eventsOf[event.RegistrarUp](w), 1)
}

func TestExpiryWithoutAnswer(t *testing.T) {
	w := newWorld(t, seed(12))
	w.answer = func(_ *world, m *sip.Message) *sip.Message { return ok(m, 20) }
	id := w.add(account(1))
	w.run(time.Second)
	w.answer = silence
	w.run(20 * time.Second)
	assert.Equal(t, Status{State: Progress}, w.e.Status(id), "the binding is over and nothing has failed yet")
	w.run(time.Minute)
	assert.Equal(t, Status{Failed, NoResponse}, w.e.Status(id))
}
