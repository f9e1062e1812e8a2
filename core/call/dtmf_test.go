package call

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"b2bua/media/dtmf"
)

// What devices write in an INFO.
func TestParseTone(t *testing.T) {
	for body, want := range map[string]string{
		"Signal=5\r\nDuration=250\r\n":         "5",
		"Signal= 5\r\nDuration= 160\r\n":       "5",
		"Signal=5\nDuration=160\n":             "5",
		"Signal=5":                             "5",
		"signal=#\r\n":                         "#",
		"SIGNAL = *\r\n":                       "*",
		"Signal=a\r\nDuration=1":               "A",
		"Signal=D\r\n":                         "D",
		"Duration=250\r\nSignal=9\r\n":         "9",
		"Signal=10\r\n":                        "*",
		"Signal=11\r\n":                        "#",
		"Signal=15\r\n":                        "D",
		"Signal=\"3\"\r\n":                     "3",
		"\r\n\r\nSignal=0\r\n":                 "0",
		"7":                                    "7",
		" 7 \r\n":                              "7",
		"d":                                    "D",
		"11\r\n":                               "#",
		"8\r\nDuration=100\r\n":                "8",
		"":                                     "",
		"Signal=\r\n":                          "",
		"Signal=16\r\n":                        "",
		"Signal=hf\r\n":                        "",
		"Signal=123\r\n":                       "",
		"Signal=5 6\r\n":                       "",
		"Duration=250\r\n":                     "",
		"<media_control/>":                     "",
		"Signal=5" + strings.Repeat("\n", 512): "",
	} {
		got, ok := parseTone([]byte(body))
		require.Equal(t, want != "", ok, "%q", body)
		if ok {
			require.Equal(t, want, got.String(), "%q", body)
		}
	}
}

// FuzzInfoBody: nothing panics, and what is read is a digit that can be written and read again.
func FuzzInfoBody(f *testing.F) {
	f.Add([]byte("Signal=5\r\nDuration=250\r\n"))
	f.Fuzz(func(t *testing.T, body []byte) {
		tone, ok := parseTone(body)
		if !ok {
			return
		}
		again, ok := parseTone([]byte("Signal=" + tone.String() + "\r\n"))
		require.True(t, ok)
		require.Equal(t, tone, again)
		_, ok = dtmf.Parse(tone.String()[0])
		require.True(t, ok)
	})
}
