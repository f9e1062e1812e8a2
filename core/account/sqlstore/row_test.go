package sqlstore

import (
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"b2bua/core/account"
)

var minimal = []string{"username", "hostport", "user_id", "secret_type", "secret", "alias_username", "alias_hostport"}

// readOne makes an account of one row.
func readOne(t *testing.T, names []string, values ...any) (Row, error) {
	t.Helper()
	r, err := newRowReader(names)
	require.NoError(t, err)
	for i, v := range values {
		require.NoError(t, r.into[i].(interface{ Scan(any) error }).Scan(v))
	}
	return r.read()
}

func TestColumns(t *testing.T) {
	_, err := newRowReader([]string{"Alias_Domain", "USERNAME", "secret", "domain", "user_id", "extra", "secret_type", "alias_username"})
	require.NoError(t, err)
	for missing, want := range map[string]string{
		"username": "column 'username' does not exist", "hostport": "column 'domain' or 'hostport' do not exist",
		"user_id": "column 'user_id' does not exist", "secret": "column 'secret' does not exist", "secret_type": "column 'secret_type' does not exist",
		"alias_username": "column 'alias_username' does not exist", "alias_hostport": "column 'alias_domain' or 'alias_hostport' do not exist",
	} {
		names := strings.Split(strings.Replace(strings.Join(minimal, ","), missing, "wrong_column_name", 1), ",")
		if missing == "secret" {
			names[3], names[4] = "secret_type", "wrong_column_name"
		}
		_, err := newRowReader(names)
		assert.EqualError(t, err, want)
	}
}

// Spec S-LOAD-2: whatever the columns are called, and in any order, the account is what a providers file would say.
func TestNominalRows(t *testing.T) {
	names := []string{"username", "domain", "user_id", "realm", "secret", "secret_type", "alias_username", "alias_domain", "outbound_proxy", "registrar", "protocol"}
	row, err := readOne(t, names, "account1", "some.provider.example.com", "id", nil, "p@$sword", "CLRTXT", "alias", "internal.example.org", "proxy.example.org", "reg.example.org", "TCP")
	require.NoError(t, err)
	assert.True(t, row.Usable)
	assert.Empty(t, row.Problems)
	assert.Equal(t, account.Spec{
		URI: "sip:account1@some.provider.example.com", UserID: "id", Secret: "p@$sword", SecretType: account.Clear, Alias: "sip:alias@internal.example.org",
		OutboundProxy: "sip:proxy.example.org;transport=tcp", Registrar: "sip:reg.example.org;transport=tcp", Protocol: account.TCP,
	}, row.Spec)

	row, err = readOne(t, names, "account2", "some.provider.example.com", nil, nil, nil, nil, nil, "internal.example.org", nil, nil, nil)
	require.NoError(t, err)
	assert.True(t, row.Usable)
	assert.Equal(t, account.Spec{URI: "sip:account2@some.provider.example.com"}, row.Spec)
}

// Values of any type are text (a superset: Flexisip refuses all but text).
func TestValuesOfAnyType(t *testing.T) {
	at := time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)
	for want, v := range map[string]any{
		"33123456789": float64(33123456789), "1.5": 1.5, "-7": int64(-7), "18446744073709551615": uint64(1<<64 - 1), "1": true, "0": false,
		"text": "text", "bytes": []byte("bytes"), "2026-01-02 03:04:05": at, "2.25": float32(2.25),
	} {
		row, err := readOne(t, minimal, "u", "h", v, "md5", "", "", "")
		require.NoError(t, err)
		assert.Equal(t, want, row.Spec.UserID)
	}
	row, err := readOne(t, minimal, int64(33123), "h", "", "md5", "", "", "")
	require.NoError(t, err)
	assert.Equal(t, "sip:33123@h", row.Spec.URI)
}

func TestNullNames(t *testing.T) {
	_, err := readOne(t, minimal, nil, "h", "", "", "", "", "")
	assert.EqualError(t, err, "row 1: column 'username' is NULL, which an account cannot have; correct the row, or leave it out by WHERE username IS NOT NULL")
	_, err = readOne(t, minimal, "u", nil, "", "", "", "", "")
	assert.ErrorContains(t, err, "column 'hostport' is NULL")
}

// Garbage costs its own row, is named without secrets, and tells which account it would have been.
func TestGarbage(t *testing.T) {
	const secret = "Mellon"
	long := strings.Repeat("x", maxValue+1)
	for name, c := range map[string]struct {
		values []any
		uri    string
		text   string
	}{
		"header injection": {[]any{"u", "h", "id\r\nX: y", "clrtxt", secret, "", ""}, "sip:u@h", "sip:u@h: user_id: it has a control character; write text of one line"},
		"not UTF-8":        {[]any{"u", "h", "", "clrtxt", []byte(secret + "\xff"), "", ""}, "sip:u@h", "sip:u@h: secret: it is not UTF-8; write text of one line"},
		"long":             {[]any{"u", "h", "", "clrtxt", []byte(secret + long), "", ""}, "sip:u@h", "sip:u@h: secret: it has 4103 bytes, and 4096 at most are text of an account; write text of one line"},
		"no text":          {[]any{"u", "h", "", "clrtxt", struct{ s string }{secret}, "", ""}, "sip:u@h", "sip:u@h: secret: it is of the type struct { s string }, which is no text; write text of one line"},
		"empty name":       {[]any{"", "h", "", "clrtxt", secret, "", ""}, "", "a row without a name: username: it or the domain is empty; write both, or leave the row out"},
		"bad name":         {[]any{"u\x00", "h", "", "clrtxt", secret, "", ""}, "", "a row without a name: username: it has a control character; write text of one line"},
		"bad URI":          {[]any{"u v", "h", "", "clrtxt", secret, "", ""}, "", ""},
		"bad alias":        {[]any{"u", "h", "", "clrtxt", secret, "a b", "h"}, "sip:u@h", ""},
	} {
		row, err := readOne(t, minimal, c.values...)
		require.NoError(t, err, name)
		assert.False(t, row.Usable, name)
		assert.Equal(t, c.uri, row.Spec.URI, name)
		assert.NotEmpty(t, row.Problems, name)
		if c.text != "" {
			assert.Equal(t, c.text, row.Describe(), name)
		}
		assert.NotContains(t, row.Describe(), secret, name)
	}
	row, err := readOne(t, minimal, "u", "h", "", "unknown", "0123456789abcdef0123456789abcdef", "", "")
	require.NoError(t, err)
	assert.True(t, row.Usable)
	assert.Equal(t, account.MD5, row.Spec.SecretType)
	assert.Contains(t, row.Describe(), `secret_type "unknown"`)
	row, err = readOne(t, minimal, "u", "h", "", "ha1", secret, "", "")
	require.NoError(t, err)
	assert.True(t, row.Usable)
	assert.NotContains(t, row.Describe(), secret)
}

// One reader reads all rows of a load: nothing of a row is left for the next.
func TestRowsDoNotMix(t *testing.T) {
	r, err := newRowReader(minimal)
	require.NoError(t, err)
	scan := func(values ...any) Row {
		for i, v := range values {
			require.NoError(t, r.into[i].(interface{ Scan(any) error }).Scan(v))
		}
		row, err := r.read()
		require.NoError(t, err)
		return row
	}
	first := scan([]byte("a"), []byte("h"), []byte("id"), []byte("clrtxt"), []byte("pw"), []byte("x"), []byte("y"))
	second := scan([]byte("b"), []byte("h"), nil, []byte("clrtxt"), []byte("pw\n"), nil, []byte("y"))
	third := scan([]byte("c"), []byte("h"), []byte("id"), nil, []byte("pw"), []byte(""), []byte("y"))
	assert.Equal(t, account.Spec{URI: "sip:a@h", UserID: "id", Secret: "pw", SecretType: account.Clear, Alias: "sip:x@y"}, first.Spec)
	assert.False(t, second.Usable)
	assert.Equal(t, account.Spec{URI: "sip:b@h", SecretType: account.Clear}, second.Spec)
	assert.Equal(t, account.Spec{URI: "sip:c@h", UserID: "id", Secret: "pw"}, third.Spec)
}

func FuzzRow(f *testing.F) {
	f.Add("account1", "provider.example.com", "id", "clrtxt", "p@$sword", "alias", "example.org")
	f.Add("u\r\n", "h;transport=tcp", "\xff", "MD5", "", "a b", "@")
	f.Fuzz(func(t *testing.T, a, b, c, d, e, g, h string) {
		row, err := readOne(t, minimal, a, b, []byte(c), d, []byte(e), g, h)
		if err != nil {
			t.Fatal(err)
		}
		if row.Usable && (row.Spec.URI == "" || strings.ContainsAny(row.Spec.URI+row.Spec.UserID+row.Spec.Alias+string(row.Spec.Secret), "\r\n\x00")) {
			t.Errorf("%q is usable", row.Spec)
		}
		_ = row.Describe()
	})
}
