package sdes

import (
	"bytes"
	"math/rand"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

func seeded(seed int64) *rand.Rand { return rand.New(rand.NewSource(seed)) }

// Lines of RFC 4568 as it prints them, and what becomes of each here.
func TestRFC4568Examples(t *testing.T) {
	for _, tc := range []struct {
		section, line string
		tag           int
		suite         Suite
		mki           []byte
		err           error
	}{
		{
			"4.2", "1 AES_CM_128_HMAC_SHA1_80 inline:PS1uQCVeeCFCanVmcjkpPywjNWhcYD0mXXtxaVBR|2^20|1:32",
			1, AESCM128SHA180, append(make([]byte, 31), 1), nil,
		},
		{
			"6.1", "1 AES_CM_128_HMAC_SHA1_80 inline:d0RmdmcmVCspeEc3QGZiNWpVLFJhQX1cfHAwJSoj|2^20|1:4",
			1, AESCM128SHA180,
			[]byte{0, 0, 0, 1},
			nil,
		},
		{
			"6.1, no lifetime", "1 AES_CM_128_HMAC_SHA1_80 inline:YUJDZGVmZ2hpSktMbW9QUXJzVHVWd3l6MTIzNDU2|1066:4",
			1, AESCM128SHA180,
			[]byte{0, 0, 4, 42},
			nil,
		},
		{
			"6.1, no MKI", "1 AES_CM_128_HMAC_SHA1_80 inline:YUJDZGVmZ2hpSktMbW9QUXJzVHVWd3l6MTIzNDU2|2^20",
			1, AESCM128SHA180, nil, nil,
		},
		{
			"7.1.1", "1 AES_CM_128_HMAC_SHA1_80 inline:WVNfX19zZW1jdGwgKCkgewkyMjA7fQp9CnVubGVz|2^20|1:4 FEC_ORDER=FEC_SRTP",
			1, NoSuite, nil, ErrParameter,
		},
		{
			"appendix, SHA1_32", "1 AES_CM_128_HMAC_SHA1_32 inline:NzB4d1BINUAvLEw6UzF3WSJ+PSdFcGdUJShpX1Zj|2^20|1:32",
			1, AESCM128SHA132, append(make([]byte, 31), 1), nil,
		},
		{"7.1.1, two keys", "2 AES_CM_128_HMAC_SHA1_80 inline:MTIzNDU2Nzg5QUJDREUwMTIzNDU2Nzg5QUJjZGVm|2^20|1:4;" +
			"inline:QUJjZGVmMTIzNDU2Nzg5QUJDREUwMTIzNDU2Nzg5|2^20|2:4", 2, NoSuite, nil, ErrSeveralKeys},
	} {
		t.Run(tc.section, func(t *testing.T) {
			c, err := Parse(tc.line)
			if tc.err != nil {
				require.ErrorIs(t, err, tc.err)
				var line *LineError
				require.ErrorAs(t, err, &line)
				require.Equal(t, tc.tag, line.Tag)
				return
			}
			require.NoError(t, err)
			require.Equal(t, tc.tag, c.Tag)
			require.Equal(t, tc.suite, c.Suite)
			require.Equal(t, tc.mki, c.MKI)
			require.Len(t, c.Key, 30)
		})
	}
}

func TestF8IsAnUnsupportedSuite(t *testing.T) {
	_, err := Parse("1 F8_128_HMAC_SHA1_80 inline:MTIzNDU2Nzg5QUJDREUwMTIzNDU2Nzg5QUJjZGVm|2^20|1:4")
	var suite *SuiteError
	require.ErrorAs(t, err, &suite)
	require.Equal(t, "F8_128_HMAC_SHA1_80", suite.Name)
}

const key30 = "WVNfX19zZW1jdGwgKCkgewkyMjA7fQp9CnVubGVz"

func TestParseFaults(t *testing.T) {
	const s = "1 AES_CM_128_HMAC_SHA1_80 "
	for _, tc := range []struct {
		name, line string
		want       error
	}{
		{"empty", "", ErrSyntax},
		{"no key", "1 AES_CM_128_HMAC_SHA1_80", ErrSyntax},
		{"tag zero", "0 AES_CM_128_HMAC_SHA1_80 inline:" + key30, ErrSyntax},
		{"tag negative", "-1 AES_CM_128_HMAC_SHA1_80 inline:" + key30, ErrSyntax},
		{"tag of ten digits", "1234567890 AES_CM_128_HMAC_SHA1_80 inline:" + key30, ErrSyntax},
		{"another key method", s + "uri:http://example.org", ErrSyntax},
		{"not base64", s + "inline:!!!!", ErrKey},
		{"short key", s + "inline:" + key30[:20], ErrKey},
		{"long key", s + "inline:" + key30 + "AAAA", ErrKey},
		{"lifetime not a number", s + "inline:" + key30 + "|abc", ErrSyntax},
		{"lifetime beyond SRTP", s + "inline:" + key30 + "|2^49", ErrSyntax},
		{"lifetime zero", s + "inline:" + key30 + "|0", ErrSyntax},
		{"MKI before lifetime", s + "inline:" + key30 + "|1:4|2^20", ErrSyntax},
		{"four parts", s + "inline:" + key30 + "|2^20|1:4|1:4", ErrSyntax},
		{"MKI too large for its length", s + "inline:" + key30 + "|256:1", ErrSyntax},
		{"MKI length zero", s + "inline:" + key30 + "|1:0", ErrSyntax},
		{"MKI length 129", s + "inline:" + key30 + "|1:129", ErrSyntax},
		{"MKI negative", s + "inline:" + key30 + "|-1:4", ErrSyntax},
		{"unencrypted SRTP", s + "inline:" + key30 + " UNENCRYPTED_SRTP", ErrParameter},
		{"unencrypted SRTCP", s + "inline:" + key30 + " UNENCRYPTED_SRTCP", ErrParameter},
		{"unauthenticated SRTP", s + "inline:" + key30 + " UNAUTHENTICATED_SRTP", ErrParameter},
		{"lower case", s + "inline:" + key30 + " unencrypted_srtp", ErrParameter},
		{"FEC key", s + "inline:" + key30 + " FEC_KEY=inline:" + key30, ErrParameter},
		{"key derivation rate", s + "inline:" + key30 + " KDR=1", ErrParameter},
		{"unknown parameter", s + "inline:" + key30 + " XYZ=1", ErrParameter},
		{"seventeen parameters", s + "inline:" + key30 + strings.Repeat(" WSH=64", 17), ErrParameter},
	} {
		t.Run(tc.name, func(t *testing.T) {
			c, err := Parse(tc.line)
			require.ErrorIs(t, err, tc.want)
			require.Zero(t, c)
			require.NotContains(t, err.Error(), key30[:8])
		})
	}
}

func TestParseAccepts(t *testing.T) {
	const s = "7 AES_CM_128_HMAC_SHA1_80 "
	for name, line := range map[string]string{
		"plain":                        s + "inline:" + key30,
		"lifetime in decimal":          s + "inline:" + key30 + "|1048576",
		"lifetime 2^48":                s + "inline:" + key30 + "|2^48",
		"window size hint":             s + "inline:" + key30 + " WSH=128",
		"key derivation rate zero":     s + "inline:" + key30 + " KDR=0",
		"optional unknown parameter":   s + "inline:" + key30 + " -xyz=1",
		"key method in capitals":       s + "INLINE:" + key30,
		"several blanks between words": "7   AES_CM_128_HMAC_SHA1_80    inline:" + key30,
	} {
		t.Run(name, func(t *testing.T) {
			c, err := Parse(line)
			require.NoError(t, err)
			require.Equal(t, 7, c.Tag)
			require.Len(t, c.Key, 30)
		})
	}
}

func TestSuites(t *testing.T) {
	for _, tc := range []struct {
		suite     Suite
		name      string
		key, salt int
	}{
		{AESCM128SHA180, "AES_CM_128_HMAC_SHA1_80", 16, 14},
		{AESCM128SHA132, "AES_CM_128_HMAC_SHA1_32", 16, 14},
		{AES256CMSHA180, "AES_256_CM_HMAC_SHA1_80", 32, 14},
		{AES256CMSHA132, "AES_256_CM_HMAC_SHA1_32", 32, 14},
		{AEADAES128GCM, "AEAD_AES_128_GCM", 16, 12},
		{AEADAES256GCM, "AEAD_AES_256_GCM", 32, 12},
	} {
		t.Run(tc.name, func(t *testing.T) {
			require.Equal(t, tc.name, tc.suite.String())
			require.Equal(t, tc.key, tc.suite.KeyLen())
			require.Equal(t, tc.salt, tc.suite.SaltLen())
			s, err := ParseSuite(tc.name)
			require.NoError(t, err)
			require.Equal(t, tc.suite, s)
			require.Contains(t, Suites(), s)

			c, err := New(3, s, seeded(1))
			require.NoError(t, err)
			back, err := Parse(c.Attribute())
			require.NoError(t, err)
			require.True(t, c.Same(back))
			require.Equal(t, 3, back.Tag)
			unpadded, err := Parse(strings.TrimRight(c.Attribute(), "="))
			require.NoError(t, err)
			require.True(t, c.Same(unpadded))
		})
	}
	require.Len(t, Suites(), 6)
}

func TestSecondSpellingIsRepeated(t *testing.T) {
	for other, suite := range map[string]Suite{
		"AES_CM_256_HMAC_SHA1_80": AES256CMSHA180, "AES_CM_256_HMAC_SHA1_32": AES256CMSHA132,
	} {
		c, err := New(1, suite, seeded(2))
		require.NoError(t, err)
		line := strings.Replace(c.Attribute(), suite.String(), other, 1)
		back, err := Parse(line)
		require.NoError(t, err)
		require.Equal(t, suite, back.Suite)
		require.Equal(t, line, back.Attribute())
	}
}

func TestUnknownSuiteNames(t *testing.T) {
	for _, name := range []string{"", "none", "AES_192_CM_HMAC_SHA1_80", "AES_192_CM_HMAC_SHA1_32", "aes_cm_128_hmac_sha1_80"} {
		s, err := ParseSuite(name)
		require.Error(t, err, name)
		require.Equal(t, NoSuite, s)
	}
	_, err := ParseSuite("aes_cm_128_hmac_sha1_80")
	require.ErrorContains(t, err, "write AES_CM_128_HMAC_SHA1_80")
}

func TestMKIRoundTrip(t *testing.T) {
	r := seeded(3)
	for range 200 {
		c, err := New(1, AEADAES128GCM, r)
		require.NoError(t, err)
		c.MKI = make([]byte, 1+r.Intn(128))
		_, _ = r.Read(c.MKI)
		back, err := Parse(c.Attribute())
		require.NoError(t, err)
		require.True(t, c.Same(back))
	}
}

func TestNewNeedsRandomness(t *testing.T) {
	_, err := New(1, AESCM128SHA180, nil)
	require.Error(t, err)
	_, err = New(1, AESCM128SHA180, bytes.NewReader(make([]byte, 29)))
	require.Error(t, err)
	_, err = New(1, NoSuite, seeded(1))
	require.Error(t, err)
}

func TestWipeAndClone(t *testing.T) {
	c, err := New(1, AESCM128SHA180, seeded(4))
	require.NoError(t, err)
	d := c.Clone()
	c.Key.Wipe()
	require.Equal(t, make([]byte, 30), []byte(c.Key))
	require.NotEqual(t, make([]byte, 30), []byte(d.Key))
	require.False(t, c.Same(d))
}
