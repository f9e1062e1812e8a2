package sdes

import (
	"bytes"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"log/slog"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// What any printer makes of a key must hold it in no notation.
func requireNoKey(t *testing.T, key []byte, printed string) {
	t.Helper()
	for _, form := range []string{
		string(key), base64.StdEncoding.EncodeToString(key), base64.RawStdEncoding.EncodeToString(key)[:16],
		hex.EncodeToString(key)[:16], strings.ToUpper(hex.EncodeToString(key))[:16],
		strings.Trim(strings.ReplaceAll(fmt.Sprintf("%v", key[:8]), " ", ", "), "[]"), strings.Trim(fmt.Sprintf("%v", key[:8]), "[]"),
		strings.TrimSuffix(strings.TrimPrefix(fmt.Sprintf("%#v", key[:4]), "[]byte{"), "}"),
	} {
		require.NotContains(t, printed, form)
	}
}

func TestNoKeyIsPrinted(t *testing.T) {
	c, err := New(1, AES256CMSHA180, seeded(5))
	require.NoError(t, err)
	type holder struct {
		Line  Crypto
		Lines []Crypto
		Key   Secret
		Map   map[string]Secret
	}
	h := holder{c, []Crypto{c}, c.Key, map[string]Secret{"k": c.Key}}
	for _, v := range []any{c, &c, c.Key, &c.Key, h, &h, h.Lines, h.Map} {
		for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%q", "%x", "%X", "% x", "%d", "%o", "%b", "%c", "%U", "%t"} {
			requireNoKey(t, c.Key, fmt.Sprintf(verb, v))
		}
		var out bytes.Buffer
		slog.New(slog.NewTextHandler(&out, nil)).Info("x", "v", v)
		slog.New(slog.NewJSONHandler(&out, nil)).Info("x", "v", v)
		requireNoKey(t, c.Key, out.String())
		j, err := json.Marshal(v)
		require.NoError(t, err)
		requireNoKey(t, c.Key, string(j))
	}
	require.Equal(t, "1 AES_256_CM_HMAC_SHA1_80 inline:[redacted]", c.String())
}
