package main

import (
	"bytes"
	"encoding/json"
	"net"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"testing"
	"time"

	"b2bua/simulator/endpoint"

	"github.com/alecthomas/kong"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"
)

func TestMain(m *testing.M) {
	// signal.NotifyContext leaves the runtime's one signal goroutine behind
	goleak.VerifyTestMain(m, goleak.IgnoreTopFunction("os/signal.signal_recv"), goleak.IgnoreTopFunction("os/signal.loop"))
}

// buffer may be written by several goroutines and wakes who waits for a text.
type buffer struct {
	mu      sync.Mutex
	b       bytes.Buffer
	changed chan struct{}
}

func newBuffer() *buffer { return &buffer{changed: make(chan struct{}, 1)} }

func (b *buffer) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	select {
	case b.changed <- struct{}{}:
	default:
	}
	return b.b.Write(p)
}

func (b *buffer) String() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.b.String()
}

var listens = regexp.MustCompile(`listens at (\S+),`)

// uri is where the phone listens, once it says so.
func (b *buffer) uri(t *testing.T) string {
	t.Helper()
	deadline := time.After(10 * time.Second)
	for {
		if m := listens.FindStringSubmatch(b.String()); m != nil {
			return m[1]
		}
		select {
		case <-b.changed:
		case <-deadline:
			t.Fatalf("no phone listens:\n%s", b)
		}
	}
}

// background runs a command and returns its output and a way to its exit status.
func background(args ...string) (out *buffer, status chan int) {
	out, status = newBuffer(), make(chan int, 1)
	go func() { status <- run(args, out, out) }()
	return out, status
}

func TestCallAndAnswer(t *testing.T) {
	answering, answered := background("answer", "--aor", "sip:pauline@127.0.0.1", "--calls", "1", "--ring", "1ms", "--encryption", "sdes", "--early")
	uri := answering.uri(t)
	pcap := filepath.Join(t.TempDir(), "call.pcapng")
	var stdout, stderr bytes.Buffer
	code := run([]string{
		"call", uri, "--aor", "sip:marie@127.0.0.1", "--duration", "1s", "--encryption", "sdes", "--suite", "AEAD_AES_128_GCM,AES_CM_128_HMAC_SHA1_80",
		"--header", "X-Test: 1", "--json", "--ladder", "--pcap", pcap,
	}, &stdout, &stderr)
	require.Equal(t, exitOK, code, stderr.String())
	var result callResult
	require.NoError(t, json.Unmarshal(stdout.Bytes(), &result))
	assert.Equal(t, "ok", result.Verdict)
	assert.Equal(t, "AES_CM_128_HMAC_SHA1_80", result.Call.Audio().Suite, "the callee has no GCM by default")
	assert.True(t, result.Call.Early)
	assert.Contains(t, stderr.String(), "INVITE ----")
	assert.NotContains(t, stderr.String(), "inline:W")
	st, err := os.Stat(pcap)
	require.NoError(t, err)
	assert.Greater(t, st.Size(), int64(5000))
	assert.Equal(t, os.FileMode(0o600), st.Mode().Perm())
	assert.Equal(t, exitOK, <-answered, answering.String())
	assert.Contains(t, answering.String(), "ended by remote (bye)")
}

func TestRefusedCallIsStatusTwo(t *testing.T) {
	answering, answered := background("answer", "--decline", "486", "--calls", "1", "--json")
	uri := answering.uri(t)
	out, called := background("call", uri)
	assert.Equal(t, exitCall, <-called)
	assert.Contains(t, out.String(), "486 Busy Here")
	assert.Equal(t, exitOK, <-answered)
	assert.Contains(t, answering.String(), `"status": 486`)
}

func TestPing(t *testing.T) {
	answering, answered := background("answer", "--decline", "486", "--calls", "1", "--listen", "tcp:127.0.0.1:0")
	uri := answering.uri(t)
	out, status := background("ping", uri)
	assert.Equal(t, exitOK, <-status, out.String())
	assert.Equal(t, uri+" answers\n", out.String())
	_, status = background("call", uri, "--listen", "tcp:127.0.0.1:0")
	assert.Equal(t, exitCall, <-status)
	assert.Equal(t, exitOK, <-answered)
	for target, says := range map[string]string{
		uri:                                "nothing answers at " + uri,
		"sip:127.0.79.9:1":                 "nothing answers at",
		"sip:127.0.79.9;transport=tls":     "UDP and TCP only",
		"sips:127.0.79.9":                  "UDP and TCP only",
		"127.0.79.9":                       "127.0.79.9: ",
		"sip:nobody.invalid;transport=tcp": "nobody.invalid",
	} {
		out, status := background("ping", target)
		assert.Equal(t, exitUsage, <-status, target)
		assert.Contains(t, out.String(), says)
	}
}

func TestDatabase(t *testing.T) {
	file := filepath.Join(t.TempDir(), "100 % accounts?#")
	run := func(args ...string) (string, int) {
		out, status := background(append([]string{"database", file}, args...)...)
		code := <-status
		return out.String(), code
	}
	const example = "../../simulator/examples/bridge/accounts.sql"
	for range 2 {
		out, status := run(example)
		assert.Equal(t, exitOK, status, out)
		assert.Equal(t, "table users: rows=2\n", out)
	}
	assert.FileExists(t, file)
	out, status := run("--sql", "INSERT INTO users (username, domain, password) VALUES ('a', 'b', 'c')", "--sql", "INSERT INTO nowhere VALUES (1)")
	assert.Equal(t, exitUsage, status)
	assert.Contains(t, out, file+": ")
	assert.Contains(t, out, "no such table: nowhere")
	out, _ = run("--sql", `CREATE TABLE "a ""b"" c" (x)`)
	assert.Equal(t, "table a \"b\" c: rows=0\ntable users: rows=2\n", out, "all statements or none")
	out, status = run("/nonexistent")
	assert.Equal(t, exitUsage, status)
	assert.Contains(t, out, "/nonexistent")
}

func TestSilentCallIsStatusThree(t *testing.T) {
	answering, answered := background("answer", "--calls", "1", "--ring", "0s", "--direction", "recvonly")
	uri := answering.uri(t)
	out, called := background("call", uri, "--duration", "700ms")
	assert.Equal(t, exitMedia, <-called)
	assert.Contains(t, out.String(), "received none")
	assert.Equal(t, exitOK, <-answered)
}

func TestUsage(t *testing.T) {
	for _, args := range [][]string{
		{"--nonsense"},
		{"call"},
		{"call", "sip:x@y", "--listen", "x"},
		{"call", "sip:x@y", "--header", "x"},
		{"call", "sip:x@y", "--tone", "441"},
		{"call", "sip:x@y", "--do", "2s dance"},
		{"answer", "--do", "hold"},
		{"answer", "--tone", "7"},
		{"call", "sip:x@y", "--expect", "441"},
		{"proxy", "--bind", "x"},
		{"proxy", "--hosts", "x=y"},
		{"proxy", "--config", "/nonexistent"},
		{"proxy", "--routes", "/nonexistent"},
		{"proxy", "--certificate", "/nonexistent"},
		{"proxy", "--ca-file", "/nonexistent"},
		{"proxy", "--listen", "tcp:127.0.0.1:0", "--filter", "x"},
		{"authority"},
		{"database"},
		{"load", "calls", "--dut", "192.0.2.1:5060"},
		{"load", "calls", "--dut", "here"},
		{"demo", "--b2bua", "/nonexistent/b2bua"},
	} {
		out, status := background(args...)
		code := <-status
		assert.Contains(t, []int{exitUsage, exitCall}, code, "%v: %s", args, out)
		assert.Contains(t, out.String(), "sipsim:")
	}
}

func TestHelpTeaches(t *testing.T) {
	for _, args := range [][]string{
		{},
		{"--help"},
		{"call", "--help"},
		{"answer", "--help"},
		{"proxy", "--help"},
		{"authority", "--help"},
		{"ping", "--help"},
		{"database", "--help"},
		{"demo", "--help"},
		{"load", "--help"},
		{"load", "calls", "--help"},
		{"load", "media", "--help"},
		{"completion", "--help"},
	} {
		out, status := background(args...)
		assert.Equal(t, exitOK, <-status)
		assert.Greater(t, len(out.String()), 300, "%v", args)
	}
	out, status := background("--help")
	<-status
	assert.Contains(t, out.String(), "Exit status:")
	out, status = background("load", "media", "--help")
	<-status
	assert.Contains(t, out.String(), "sip:%u@sdes.example.org")
}

func TestCompletion(t *testing.T) {
	for _, shell := range []string{"bash", "zsh", "fish"} {
		out, status := background("completion", shell)
		assert.Equal(t, exitOK, <-status)
		for _, word := range []string{"demo", "--ladder", "--encryption", "media", "--do"} {
			assert.Contains(t, out.String(), word)
		}
	}
}

func TestLoadAgainstItself(t *testing.T) {
	out, status := background("load", "calls", "--transport", "udp", "--dut", "127.0.79.1:5070", "--uas", "127.0.79.1:5070", "--uac", "127.0.79.2:5069", "-n", "50")
	assert.Equal(t, exitOK, <-status, out.String())
	assert.Contains(t, out.String(), "50 completed, 0 failed")
	out, status = background("load", "media", "--transport", "udp", "--dut", "127.0.79.1:5070", "--uas", "127.0.79.1:5070", "--uac", "127.0.79.2:5069", "-n", "2", "--duration", "200ms", "--warm", "40ms", "--json")
	assert.Equal(t, exitOK, <-status, out.String())
	assert.Contains(t, out.String(), `"loss_percent": 0`)
}

func TestLoadOnNothingEndsAtOnce(t *testing.T) {
	for _, network := range []string{"tcp", "udp"} {
		out, status := background("load", "calls", "--transport", network, "--dut", "127.0.79.3:5070", "--timeout", "1h")
		assert.Equal(t, exitCall, <-status, out.String())
		assert.Contains(t, out.String(), "no B2BUA answers at 127.0.79.3:5070 over "+network)
		assert.Contains(t, out.String(), "--dut")
	}
	silent, err := net.Listen("tcp", "127.0.79.4:0")
	require.NoError(t, err)
	defer func() { _ = silent.Close() }()
	out, status := background("load", "calls", "--dut", silent.Addr().String(), "--timeout", "1h")
	assert.Equal(t, exitCall, <-status, out.String())
	assert.Contains(t, out.String(), "silence for 2s")
}

// Whoever starts b2bua without a configuration and load without options has two ends that fit.
func TestDefaultsOfLoadAreThoseOfTheServer(t *testing.T) {
	out, status := background("load", "calls", "--help")
	assert.Equal(t, exitOK, <-status)
	help := strings.Join(strings.Fields(out.String()), " ")
	for _, want := range []string{"Default: 127.0.0.1:6067.", "Default: 127.0.0.1:5060.", "Default: tcp.", "Default: 1000.", "Default: 10s."} {
		assert.Contains(t, help, want)
	}
	var c commands
	parser, err := kong.New(&c)
	require.NoError(t, err)
	_, err = parser.Parse([]string{"load", "calls"})
	require.NoError(t, err)
	load := c.Load.Calls
	assert.Equal(t, "sip:127.0.0.1:6067;transport=tcp", "sip:"+load.DUT+";transport="+load.Transport, "b2bua-server/transport")
	assert.Equal(t, "sip:127.0.0.1:5060;transport=tcp", "sip:"+load.UAS+";transport="+load.Transport, "b2bua-server/outbound-proxy")
}

func TestLinesForPeople(t *testing.T) {
	assert.Equal(t, "video off", describe(endpoint.StreamSummary{Kind: "video"}))
	text := describe(endpoint.StreamSummary{Kind: "audio", Enabled: true, Encryption: "sdes", Suite: "S", Received: 5, Refused: 2, ToneHeard: 1000, Certainty: 1})
	assert.True(t, strings.Contains(text, "SDES S") && strings.Contains(text, "2 refused") && strings.Contains(text, "hears 1000 Hz"), text)
}
