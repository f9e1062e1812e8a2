package digest

import (
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"b2bua/core/sip"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// seeded is a reproducible source of randomness.
func seeded() *rand.ChaCha8 { return rand.NewChaCha8([32]byte{1}) }

func request(t *testing.T, method sip.Method, uri string) *sip.Message {
	t.Helper()
	u, err := sip.ParseURI(uri)
	require.NoError(t, err)
	return &sip.Message{
		Method: method, URI: u, CallID: "1", CSeq: sip.CSeq{Number: 1, Method: method}, MaxForwards: 70,
		From: sip.Address{URI: u}, To: sip.Address{URI: u},
	}
}

func challengeWith(req *sip.Message, status int, values ...string) *sip.Message {
	resp := sip.NewResponse(req, status, "", "t")
	for _, v := range values {
		resp.Add(map[int]string{401: "WWW-Authenticate", 407: "Proxy-Authenticate"}[status], v)
	}
	return resp
}

// fixed gives the octets whose hex is the cnonce of the vector.
type fixed string

func (f fixed) Read(b []byte) (int, error) { return copy(b, f), nil }

// Vectors that are independent of the library: RFC 2617 section 3.5 without its own cnonce can't be made, so the client nonce is
// eight octets and the responses were computed with md5sum and sha256sum over HA1:nonce:00000001:cnonce:auth:HA2.
func TestResponseValue(t *testing.T) {
	for _, v := range []struct{ algorithm, password, ha1, want string }{
		{"MD5", "Circle Of Life", "", md5Want},
		{"MD5", "", "939e7578ed9e3c518a452acee763bce9", md5Want}, // HA1 of the RFC's Mufasa
		{"SHA-256", "Circle Of Life", "", sha256Want},
	} {
		c := NewClient([]Credentials{{User: "Mufasa", Password: Secret(v.password), HA1: Secret(v.ha1), Algorithm: v.algorithm}}, fixed("abcdefgh"))
		req := request(t, "GET", "sip:dir@example.com")
		out, err := c.Answer(req, challengeWith(req, 401, `Digest realm="testrealm@host.com", qop="auth,auth-int", algorithm=`+v.algorithm+
			`, nonce="dcd98b7102dd2f0e8b11d0f600bfb0c093", opaque="5ccc069c403ebaf9f0171e9517f40e41"`))
		require.NoError(t, err)
		got, _ := out.Header("Authorization")
		assert.Contains(t, got, `response="`+v.want+`"`)
		assert.Contains(t, got, `opaque="5ccc069c403ebaf9f0171e9517f40e41"`)
		assert.Contains(t, got, `nc=00000001`)
		assert.Contains(t, got, `cnonce="6162636465666768"`)
	}
}

func TestNonceThatIsGoodOnce(t *testing.T) {
	s, err := NewServer(ServerConfig{Realm: "example.com", Rand: seeded(), Once: true})
	require.NoError(t, err)
	now := time.Unix(1_700_000_000, 0)
	look := func(string) (Credentials, bool) { return Credentials{User: "alice", Password: "secret"}, true }
	c := NewClient([]Credentials{{User: "alice", Password: "secret"}}, seeded())
	req := request(t, sip.REGISTER, "sip:example.com")
	for range 3 {
		if req.Values("Authorization") != nil {
			require.NoError(t, c.Authorize(req))
			_, err = s.Verify(now, req, look)
			require.ErrorIs(t, err, ErrStale)
		}
		req, err = c.Answer(req, s.Challenge(now, req, "t", true))
		require.NoError(t, err)
		_, err = s.Verify(now, req, look)
		require.NoError(t, err)
	}
}

// The client and the server understand each other in every algorithm, with clear passwords and with HA1.
func TestExchange(t *testing.T) {
	now := time.Unix(1000, 0)
	for _, algorithm := range []string{"MD5", "SHA-256"} {
		for _, proxy := range []bool{false, true} {
			t.Run(fmt.Sprint(algorithm, proxy), func(t *testing.T) {
				s, err := NewServer(ServerConfig{Realm: "example.com", Algorithms: []string{algorithm}, Proxy: proxy, Rand: seeded()})
				require.NoError(t, err)
				look := func(user string) (Credentials, bool) {
					return Credentials{User: user, Password: "secret"}, user == "alice"
				}
				req := request(t, sip.REGISTER, "sip:example.com")
				_, err = s.Verify(now, req, look)
				require.ErrorIs(t, err, ErrNoCredentials)

				c := NewClient([]Credentials{{User: "alice", Realm: "example.com", Password: "secret"}}, seeded())
				out, err := c.Answer(req, s.Challenge(now, req, "t", false))
				require.NoError(t, err)
				user, err := s.Verify(now, out, look)
				require.NoError(t, err)
				assert.Equal(t, "alice", user)

				_, err = s.Verify(now, out, look)
				require.ErrorIs(t, err, ErrStale, "a replay")
				require.NoError(t, c.Authorize(out))
				_, err = s.Verify(now, out, look)
				require.NoError(t, err, "the count goes up")

				require.NoError(t, c.Authorize(out))
				_, err = s.Verify(now.Add(time.Hour), out, look)
				require.ErrorIs(t, err, ErrStale)
				again, err := c.Answer(out, s.Challenge(now.Add(time.Hour), out, "t", true))
				require.NoError(t, err, "stale is no refusal")
				_, err = s.Verify(now.Add(time.Hour), again, look)
				require.NoError(t, err)
			})
		}
	}
}

func TestWrongCredentials(t *testing.T) {
	now := time.Unix(1000, 0)
	s, err := NewServer(ServerConfig{Realm: "example.com", Rand: seeded()})
	require.NoError(t, err)
	look := func(user string) (Credentials, bool) {
		return Credentials{User: user, Password: "secret"}, user == "alice"
	}
	req := request(t, sip.INVITE, "sip:bob@example.com")
	for _, cred := range []Credentials{{User: "alice", Password: "wrong"}, {User: "mallory", Password: "nobody"}} {
		c := NewClient([]Credentials{cred}, seeded())
		out, err := c.Answer(req, s.Challenge(now, req, "t", false))
		require.NoError(t, err)
		_, err = s.Verify(now, out, look)
		require.ErrorIs(t, err, ErrWrong)
		_, err = c.Answer(out, s.Challenge(now, out, "t", false))
		require.ErrorIs(t, err, ErrRefused, "the same password is not tried twice")
	}
	c := NewClient([]Credentials{{User: "alice", Password: "secret"}}, seeded())
	out, err := c.Answer(req, s.Challenge(now, req, "t", false))
	require.NoError(t, err)
	out.URI.User = "carol"
	_, err = s.Verify(now, out, look)
	require.ErrorIs(t, err, ErrWrong, "credentials belong to one target")
	value, _ := out.Header("Authorization")
	out.URI.User = "bob"
	other, err := NewServer(ServerConfig{Realm: "example.com", Rand: rand.NewChaCha8([32]byte{2})})
	require.NoError(t, err)
	_, err = other.Verify(now, out, look)
	require.ErrorIs(t, err, ErrStale, "a nonce of another server")
	assert.NotContains(t, value, "secret")
}

// RFC 8760 section 2.4: the first challenge that can be answered is; several realms are all answered.
func TestSeveralChallenges(t *testing.T) {
	req := request(t, sip.INVITE, "sip:bob@example.com")
	for _, v := range []struct {
		name  string
		creds []Credentials
		in    []string
		want  []string
		err   error
	}{
		{
			"preference of the server",
			[]Credentials{{User: "a", Password: "p"}},
			[]string{`Digest realm="r", nonce="1", algorithm=SHA-256, qop="auth"`, `Digest realm="r", nonce="2", algorithm=MD5`},
			[]string{"SHA-256"},
			nil,
		},
		{
			"HA1 of MD5 only",
			[]Credentials{{User: "a", HA1: "00", Algorithm: "MD5"}},
			[]string{`Digest realm="r", nonce="1", algorithm=SHA-256, qop="auth"`, `Digest realm="r", nonce="2"`},
			[]string{`nonce="2"`},
			nil,
		},
		{
			"unknown algorithm skipped",
			[]Credentials{{User: "a", Password: "p"}},
			[]string{`Digest realm="r", nonce="1", algorithm=AKAv1-MD5`, `Bearer x`, `Digest realm="r", nonce="2"`},
			[]string{`nonce="2"`},
			nil,
		},
		{
			"two realms",
			[]Credentials{{User: "a", Realm: "one", Password: "p"}, {User: "b", Realm: "two", Password: "q"}},
			[]string{`Digest realm="one", nonce="1"`, `Digest realm="two", nonce="2"`},
			[]string{`username="a"`, `username="b"`},
			nil,
		},
		{"no credentials", []Credentials{{User: "a", Realm: "other", Password: "p"}}, []string{`Digest realm="r", nonce="1"`}, nil, ErrNoCredentials},
		{"a hash by another algorithm", []Credentials{{User: "a", Realm: "r", HA1: "00"}}, []string{`Digest realm="r", nonce="1", algorithm=SHA-256`}, nil, ErrAlgorithm},
		{"nothing to answer", []Credentials{{User: "a", Password: "p"}}, []string{`Digest nonsense`, `Basic realm="r"`}, nil, ErrNoChallenge},
		{"no header", []Credentials{{User: "a", Password: "p"}}, nil, nil, ErrNoChallenge},
	} {
		t.Run(v.name, func(t *testing.T) {
			out, err := NewClient(v.creds, seeded()).Answer(req, challengeWith(req, 407, v.in...))
			require.ErrorIs(t, err, v.err)
			if err != nil {
				return
			}
			got := out.Values("Proxy-Authorization")
			require.Len(t, got, len(v.want))
			for i := range got {
				assert.Contains(t, got[i], v.want[i])
			}
			assert.Empty(t, req.Values("Proxy-Authorization"), "the original stays as it was")
		})
	}
}

// A nonce that was used often and is replaced without stale=true is no refusal; servers forget the flag.
func TestNonceReplacedWithoutStale(t *testing.T) {
	req := request(t, sip.INVITE, "sip:bob@example.com")
	c := NewClient([]Credentials{{User: "a", Password: "p"}}, seeded())
	out, err := c.Answer(req, challengeWith(req, 401, `Digest realm="r", nonce="1", qop="auth"`))
	require.NoError(t, err)
	require.NoError(t, c.Authorize(out))
	again, err := c.Answer(out, challengeWith(out, 401, `Digest realm="r", nonce="2", qop="auth"`))
	require.NoError(t, err)
	value, _ := again.Header("Authorization")
	assert.Contains(t, value, "nc=00000001")
	_, err = c.Answer(again, challengeWith(again, 401, `Digest realm="r", nonce="3", qop="auth"`))
	require.ErrorIs(t, err, ErrRefused)
}

func TestSecretsPrintRedacted(t *testing.T) {
	c := Credentials{User: "alice", Password: "geheim", HA1: "0123"}
	js, err := json.Marshal(c)
	require.NoError(t, err)
	client := NewClient([]Credentials{c}, nil)
	for _, s := range []string{fmt.Sprintf("%v %+v %#v %s %v", client, client, client, client, *client), fmt.Sprint(c), fmt.Sprintf("%+v %#v %q %x %s", c, c, c, c.Password, c.HA1), string(js)} {
		assert.False(t, strings.Contains(s, "geheim") || strings.Contains(s, "0123") || strings.Contains(s, "67656865"), s)
	}
}

func FuzzAnswer(f *testing.F) {
	f.Add(`Digest realm="r", nonce="1", algorithm=SHA-256, qop="auth, auth-int"`)
	f.Add(`Digest realm="\"", nonce="", stale=TRUE`)
	f.Add(`digest nonce="1",userhash=true,qop=auth`)
	f.Fuzz(func(t *testing.T, value string) {
		req := request(t, sip.INVITE, "sip:bob@example.com")
		c := NewClient([]Credentials{{User: "a", Password: "p"}}, seeded())
		out, err := c.Answer(req, challengeWith(req, 401, value))
		if err == nil && len(out.Values("Authorization")) != 1 {
			t.Fatal("an answer without credentials")
		}
		s, err := NewServer(ServerConfig{Realm: "r", Rand: seeded()})
		require.NoError(t, err)
		req.Add("Authorization", value)
		if _, err := s.Verify(time.Unix(0, 0), req, func(string) (Credentials, bool) { return Credentials{}, false }); err == nil {
			t.Fatal("accepted without credentials")
		}
	})
}
