package peers

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

const linphoneLog = `2026-11-22 01:18:12:315 belle-sip-message-channel: message sent
m=audio 7100 RTP/SAVP 0 101
a=crypto:1 AES_256_CM_HMAC_SHA1_80 inline:xxxx
2026-11-22 01:18:15:315 ortp-message-oRTP-stats:
   AUDIO SESSION'S RTP STATISTICS
2026-11-22 01:18:15:315 ortp-message-sent                                 151 packets
2026-11-22 01:18:15:315 ortp-message-                                   25972 bytes
2026-11-22 01:18:15:315 ortp-message-received                             150 packets
2026-11-22 01:18:15:315 ortp-message-incoming delivered to the app      24000 bytes
2026-11-22 01:18:15:315 ortp-message-cumulative lost                        2 packets
2026-11-22 01:18:15:315 ortp-message-received too late                      0 packets
2026-11-22 01:18:15:315 ortp-message-bad formatted                          1 packets
2026-11-22 01:18:15:315 ortp-message-sent rtcp                              2 packets
`

func TestReadCounters(t *testing.T) {
	c, complete := readCounters(linphoneLog)
	assert.True(t, complete)
	assert.Equal(t, Counters{Sent: 151, Received: 150, Lost: 2, Bad: 1, Suite: "AES_256_CM_HMAC_SHA1_80", Profile: "RTP/SAVP"}, c)
	_, complete = readCounters("nothing yet")
	assert.False(t, complete)
	c, _ = readCounters("srtp_unprotect() failed (7)\nsrtp_unprotect() failed (7)\n")
	assert.Equal(t, 2, c.Errors)
}

func TestReadOutcome(t *testing.T) {
	path := filepath.Join(t.TempDir(), "caller.csv")
	write := func(text string) { require.NoError(t, os.WriteFile(path, []byte(text), 0o600)) }
	write("StartTime;TotalCallCreated;SuccessfulCall(C);FailedCall(C);Retransmissions(C);\nx;10;4;0;0;\nx;20;19;1;3;\n")
	got, err := readOutcome(path)
	require.NoError(t, err)
	assert.Equal(t, Outcome{Created: 20, Successful: 19, Failed: 1, Retransmissions: 3}, got)
	write("StartTime;TotalCallCreated;\nx;10;\n")
	_, err = readOutcome(path)
	assert.ErrorContains(t, err, "SuccessfulCall(C)")
	write("StartTime;\n")
	_, err = readOutcome(path)
	assert.Error(t, err)
}

func TestMissingPackagesAreNamedWithTheCommand(t *testing.T) {
	t.Setenv("PATH", t.TempDir())
	assert.ErrorContains(t, Missing(), "apt-get install -y --no-install-recommends linphone-cli")
}

func TestLoudness(t *testing.T) {
	wav := append([]byte("RIFF....WAVEfmt "), make([]byte, 28)...)
	wav[34] = 16
	got, err := loudness(append(wav, 0xe8, 0x03, 0x18, 0xfc)) // 1000, -1000
	require.NoError(t, err)
	assert.InDelta(t, 1000, got, 0.01)
	for _, bad := range [][]byte{nil, []byte("RIFF"), wav, append(make([]byte, 44), 1, 2)} {
		_, err := loudness(bad)
		assert.Error(t, err)
	}
}

func TestReadTraffic(t *testing.T) {
	got, err := readTraffic("call 1: stream 0: leg A received 150, lost 1 (0.6 %), jitter 600µs, sent 159, round trip 9.8ms, peer reports lost 7, " +
		"jitter 400µs, 3 not authentic, 1 late; leg B received 158, lost 2 (1.2 %), jitter 600µs, sent 151, 4 replayed, 2 digits converted")
	require.NoError(t, err)
	assert.Equal(t, traffic{received: [2]int{150, 158}, sent: [2]int{159, 151}, lost: 3, refused: 8}, got)
	_, err = readTraffic("stream 0: leg A received 1; leg B received 2, lost 0, sent 3")
	require.ErrorContains(t, err, "missing")
	got, err = readTraffic("stream 0: leg A received 0, sent 3; leg B received 2, lost 0, sent 0")
	require.NoError(t, err)
	assert.Equal(t, traffic{received: [2]int{0, 2}, sent: [2]int{3, 0}}, got)
	_, err = readTraffic("nothing")
	require.Error(t, err)
}
