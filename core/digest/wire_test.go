package digest

import (
	"testing"

	lib "github.com/icholy/digest"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"b2bua/core/sip"
)

// Challenges as registrars write them: names in any case, spaces and tabs anywhere, quotes or none.
func TestChallengesAsTheyAreWritten(t *testing.T) {
	for value, want := range map[string]challenge{
		`Digest realm="r", nonce="n"`: {realm: "r", nonce: "n"},
		"digest  REALM = \"a \\\"b\\\\\" ,\tNonce=\"n\",ALGORITHM=md5,Qop=\"AUTH\"":        {realm: `a "b\`, nonce: "n", algorithm: "md5", qop: "auth"},
		`Digest nonce=n/+=,realm=r,qop="auth-int",opaque="",stale=TRUE`:                    {realm: "r", nonce: "n/+=", qop: "auth-int", stale: true},
		`Digest nonce="n", realm="r", qop="auth-int , auth", algorithm=SHA-256`:            {realm: "r", nonce: "n", qop: "auth", algorithm: "SHA-256"},
		`Digest ,, nonce="n",domain="sip:a sip:b", realm="r",, userhash=true, novalue,x=y`: {realm: "r", nonce: "n", userhash: true},
		`Digest realm="é", nonce="n", opaque="a,b=c"`:                                      {realm: "é", nonce: "n", opaque: "a,b=c"},
		`Digest realm="r", nonce="n", qop=auth,auth-int`:                                   {realm: "r", nonce: "n", qop: "auth"},
	} {
		got, ok := parseChallenge(value)
		assert.True(t, ok, value)
		assert.Equal(t, want, got, value)
	}
	for _, value := range []string{
		"", "Digest", "Digest ", "Basic realm=\"r\"", "Digestnonce=n", `Digest realm="r"`, `Digest nonce=""`, `Digest nonce="n`, `Digest nonce="n\`,
		`Digest nonce="n", algorithm=MD5-sess`, `Digest nonce="n", qop="auth-conf"`,
	} {
		_, ok := parseChallenge(value)
		assert.False(t, ok, value)
	}
}

// What is written reads as it was meant, whatever the texts are; nothing in them can end the header.
func TestCredentialsSurviveTheWire(t *testing.T) {
	c := lib.Credentials{
		Username: `al"ice\`, Realm: `the, "realm"`, Nonce: "n=1", URI: "sip:example.com;x=1", Response: "abc", Algorithm: "SHA-256",
		Cnonce: "c", Opaque: "o", QOP: "auth", Nc: 0x1a2b3c4d,
	}
	got, ok := parseAnswer(format(&c))
	require.True(t, ok)
	assert.Equal(t, answer{
		user: c.Username, realm: c.Realm, nonce: c.Nonce, uri: c.URI, response: c.Response, algorithm: c.Algorithm, cnonce: c.Cnonce, qop: c.QOP, count: c.Nc,
	}, got)
	assert.Contains(t, format(&c), ", qop=auth, nc=1a2b3c4d, response=\"abc\"")
	assert.NotContains(t, format(&lib.Credentials{Username: "a\r\nb"}), "\n")
	_, ok = parseAnswer(`Digest nc=zz`)
	assert.False(t, ok)
}

// What a client remembers of a challenge is its own: it lives as long as the account, the message does not.
func TestRememberedChallenges(t *testing.T) {
	c := NewClient([]Credentials{{User: "a", Realm: "example.com", Password: "p"}}, seeded())
	req := request(t, sip.REGISTER, "sip:example.com")
	for _, nonce := range []string{"1", "2", "2"} {
		_, err := c.Answer(req, challengeWith(req, 401, `Digest realm="example.com", nonce="`+nonce+`", algorithm=SHA-256, qop="auth"`,
			`Digest realm="example.com", nonce="`+nonce+`", qop="auth"`))
		require.NoError(t, err)
	}
	require.Len(t, c.known, 1)
	assert.Equal(t, known{challenge: challenge{realm: "example.com", nonce: "2", algorithm: "SHA-256", qop: "auth"}, header: "Authorization", count: 2}, c.known[0])
}
