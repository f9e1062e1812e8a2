package peers

import (
	"bufio"
	"bytes"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestNetstring(t *testing.T) {
	r := bufio.NewReader(strings.NewReader(string(netstring([]byte("hello"))) + "0:,"))
	for _, want := range []string{"hello", ""} {
		got, err := readNetstring(r)
		require.NoError(t, err)
		assert.Equal(t, want, string(got))
	}
	for _, bad := range []string{"", ":,", "x", "3:ab", "2:abc", "99999999999999999999:", "1048577:"} {
		_, err := readNetstring(bufio.NewReader(strings.NewReader(bad)))
		assert.Error(t, err, bad)
	}
}

func FuzzReadNetstring(f *testing.F) {
	f.Add([]byte("5:hello,"))
	f.Add([]byte("0:,1:a,"))
	f.Fuzz(func(t *testing.T, in []byte) {
		got, err := readNetstring(bufio.NewReader(bytes.NewReader(in)))
		if err == nil {
			again, err := readNetstring(bufio.NewReader(bytes.NewReader(netstring(got))))
			require.NoError(t, err)
			require.Equal(t, got, again)
		}
	})
}

const baresipOutput = "srtp: audio: SRTP is Enabled (cryptosuite=AES_CM_128_HMAC_SHA1_80)\n" +
	"\x1b[31msrtp: failed to decrypt RTCP packet with 86 bytes (Unknown error 217)\n\x1b[;m" +
	"\x1b[31msrtp: failed to decrypt RTP packet with 182 bytes (Unknown error 217)\n\x1b[;m" + `
audio           Transmit:     Receive:
packets:            226          227
avg. bitrate:      64.1         64.3  (kbit/s)
errors:               0            1
pkt.report:         114          113
lost:                 0            2
jitter:             8.2         10.1  (ms)
`

func TestReadBaresip(t *testing.T) {
	assert.Equal(t, Counters{
		Sent: 226, Received: 227, Lost: 2, Bad: 1, Errors: 2, ControlErrors: 1, Suite: "AES_CM_128_HMAC_SHA1_80", Heard: "plays it back",
	}, readBaresip(baresipOutput))
	assert.Equal(t, "AEAD_AES_128_GCM", readBaresip("dtls_srtp: ---> DTLS-SRTP complete (audio/RTP) Profile=AEAD_AES_128_GCM").Suite)
}
