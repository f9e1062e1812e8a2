package main

import (
	"fmt"
	"os"
	"path/filepath"
	"syscall"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

const encRegex = "b2bua-server::trenscrypter/outgoing-enc-regex="

// What a start would find out about the data directory, the check finds out, and it leaves nothing behind.
func TestCheckTriesTheDataDirectory(t *testing.T) {
	dir := t.TempDir()
	file, empty := write(t, ""), write(t, "")
	for path, says := range map[string]string{
		filepath.Join(dir, "new"):              "no fault",
		filepath.Join(dir, "parent", "new"):    "no fault",
		filepath.Join(dir, "a", "b", "new"):    "no such file or directory",
		file:                                   "not a directory",
		filepath.Join(file, "below"):           "not a directory",
		filepath.Join("/proc", "b2bua", "new"): "cannot be used",
	} {
		status, stdout, stderr := run(t, "--check", "-c", empty, "-s", "b2bua-server/data-directory="+path)
		assert.Equal(t, 0, status, "%s: %s", path, stderr)
		assert.Contains(t, stdout+stderr, says, path)
		assert.NotContains(t, stderr, "write create")
	}
	left, err := os.ReadDir(dir)
	require.NoError(t, err)
	assert.Empty(t, left)
}

func TestCheckAndExplainKnowSkippedRules(t *testing.T) {
	empty := write(t, "")
	status, _, stderr := run(t, "--check", "-c", empty, "-s", "b2bua/webrtc-regex=+x .*@web")
	assert.Equal(t, 255, status)
	assert.Contains(t, stderr, "webrtc-regex: regex 1 is skipped")
	status, stdout, _ := run(t, "explain", "sip:bob@example.org", "-c", empty, "-s", encRegex+"dtsl-srtp .*")
	assert.Equal(t, 0, status)
	assert.NotContains(t, stdout, "There are no rules")
	assert.Contains(t, stdout, "SKIPPED   outgoing-enc-regex rule 1: list contains invalid encryption mode (dtsl-srtp)")
}

func TestWebRTCWithoutEffectIsTold(t *testing.T) {
	empty, web := write(t, ""), "b2bua/webrtc-regex=.*@web"
	const note = "webrtc-regex rule 1 (.*@web) matches, but leg B is sdes: no effect"
	_, stdout, _ := run(t, "explain", "sip:bob@web", "-c", empty, "-s", web, "-s", encRegex+"sdes .*")
	assert.Contains(t, stdout, note)
	_, stdout, _ = run(t, "explain", "sip:bob@web", "-c", empty, "-s", web, "-s", encRegex+"sdes .*", "--json")
	assert.Contains(t, stdout, note)
	_, stdout, _ = run(t, "explain", "sip:bob@web", "-c", empty, "-s", web, "-s", encRegex+"dtls-srtp .*")
	assert.NotContains(t, stdout, "no effect")
	_, stdout, _ = run(t, "explain", "sip:bob@elsewhere", "-c", empty, "-s", web, "-s", encRegex+"sdes .*")
	assert.NotContains(t, stdout, "no effect")
	_, _, stderr := run(t, "--check", "-c", empty, "-s", web, "-s", "b2bua-server/application=sip-bridge")
	assert.Regexp(t, `warning: --set: b2bua/webrtc-regex = .* ignored with application=sip-bridge.*enableAvpf`, stderr)
}

func TestSeveralServersAreNamed(t *testing.T) {
	var want []string
	for i := range 2 {
		dir, at := t.TempDir(), fmt.Sprintf("127.0.91.%d", 60+i)
		cmd := start(t, dir, nil, nil, "-s", "b2bua-server/transport=sip:"+at+":0")
		logged(t, dir, "ready; ")
		want = append(want, fmt.Sprintf("--pid %d  trenscrypter, listening on udp:%s:", cmd.Process.Pid, at))
		t.Cleanup(func() {
			require.NoError(t, cmd.Process.Signal(syscall.SIGTERM))
			assert.Equal(t, 0, ended(t, cmd).ExitCode())
		})
	}
	status, _, stderr := run(t, "ctl", "status", "--pidfile", filepath.Join(t.TempDir(), "none"))
	assert.Equal(t, 1, status)
	assert.Contains(t, stderr, " servers run; say which:")
	for _, line := range want {
		assert.Contains(t, stderr, line)
	}
}
