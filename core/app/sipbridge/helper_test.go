package sipbridge

import (
	"math/rand/v2"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"b2bua/core/account"
	"b2bua/core/app"
	"b2bua/core/sip"
	"b2bua/media/sdp"
)

func options() Options {
	return Options{
		Supported: []sdp.Encryption{sdp.None, sdp.SDES, sdp.DTLS}, Random: rand.New(rand.NewPCG(1, 2)).IntN, RegexLimit: time.Second,
	}
}

// load makes a Bridge of a file without any problem.
func load(t testing.TB, text string) *Bridge {
	t.Helper()
	b, problems := Load([]byte(text), options())
	require.Empty(t, problems)
	return b
}

func printed(t testing.TB, name string) string {
	t.Helper()
	data, err := os.ReadFile("testdata/" + name + ".json")
	require.NoError(t, err)
	return string(data)
}

// plainSpaces is the text without the no-break spaces that it was printed with.
func plainSpaces(s string) string { return strings.ReplaceAll(s, "\u00a0", " ") }

func addr(t testing.TB, s string) sip.Address {
	t.Helper()
	a, err := sip.ParseAddress("<" + s + ">")
	if strings.Contains(s, "<") {
		a, err = sip.ParseAddress(s)
	}
	require.NoError(t, err, s)
	return a
}

func facts(t testing.TB, from, to, request string) app.Facts {
	t.Helper()
	return app.Facts{From: addr(t, from), To: addr(t, to), RequestURI: addr(t, request).URI}
}

func wire(a sip.Address) string { return a.String() }

func accountOf(t testing.TB, b *Bridge, uri string) *account.Account {
	t.Helper()
	for _, p := range b.Pools() {
		if a := p.Get(uri); a != nil {
			return a
		}
	}
	require.Fail(t, "no account "+uri)
	return nil
}
