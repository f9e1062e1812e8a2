package main

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"b2bua/core/config"
)

// asProgram makes the test binary the program itself, for what only a process of its own shows.
const asProgram = "B2BUA_TEST_AS_PROGRAM"

func TestMain(m *testing.M) {
	if os.Getenv(asProgram) != "" {
		main()
	}
	goleak.VerifyTestMain(m, goleak.IgnoreTopFunction("os/signal.loop"))
}

// run executes the program with arguments that make it end by itself.
func run(t *testing.T, args ...string) (status int, stdout, stderr string) {
	t.Helper()
	var out, errs bytes.Buffer
	status = program(context.Background(), args, &out, &errs)
	return status, out.String(), errs.String()
}

// write makes a file and returns its path.
func write(t *testing.T, text string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "b2bua.conf")
	require.NoError(t, os.WriteFile(path, []byte(text), 0o600))
	return path
}

func TestExitStatus(t *testing.T) {
	good, bad := write(t, "[b2bua-server]\nmax-calls=7\n"), write(t, "[b2bua-server]\nmax-calls=0\n")
	for _, tt := range []struct {
		args   string
		status int
		says   string
	}{
		{"--help", 0, "Usage: b2bua <command>"},
		{"-h", 0, "b2bua --dump-default > b2bua.conf"},
		{"explain --help", 0, "b2bua explain sip:bob@example.org -c b2bua.conf"},
		{"completion -h", 0, "b2bua completion bash >"},
		{"--version", 0, "b2bua version: " + config.Version},
		{"-v", 0, config.Version},
		{"--dump-default", 0, "[b2bua::timers]"},
		{"--dump-default all", 0, "[b2bua::timers]"},
		{"--dump-default=b2bua::tls", 0, "[b2bua::tls]"},
		{"--dump-default --dump-format file", 0, "[b2bua-server]"},
		{"--dump-all-default", 0, "[b2bua-server]"},
		{"--list-sections", 0, "b2bua-server::trenscrypter\n"},
		{"--list-overrides", 0, "nosnmp\nglobal/log-directory\n"},
		{"--list-overrides b2bua::tls", 0, "b2bua::tls/verify-peer\n"},
		{"--list-modules", 0, "modules belong to the proxy"},
		{"--dump-mibs", 0, "no SNMP"},
		{"--check -c " + good, 0, "The configuration has no fault."},
		{"--server b2bua --daemon --check -c " + good, 0, "--daemon has no effect"},
		{"-t x --p12-passphrase-file f --show-experimental --remove-deprecated --track-allocations --check -c " + good, 0, "--transports has no effect"},
		{"explain sip:a@b -c " + good, 0, "Encryption of leg B       none"},
		{"completion bash", 0, "complete -F _b2bua b2bua"},

		{"--bogus", 1, "unknown flag --bogus; see b2bua --help"},
		{"explain", 1, "expected \"<callee>\""},
		{"completion tcsh", 1, "bash"},
		{"--server proxy", 1, "this program is the server b2bua only"},
		{"--server all", 1, "this program is the server b2bua only"},
		{"--dump-default nope", 1, "there is no such section"},
		{"--dump-default --dump-format tex", 1, "only the format file is supported"},
		{"--list-overrides nope", 1, "no section begins so"},
		{"explain nonsense -c " + good, 1, "is not a SIP address"},
		{"explain sip:a@b --leg-a srtp -c " + good, 1, "write none, sdes, dtls-srtp or zrtp"},
		{"explain sip:a@b --from nonsense -c " + good, 1, "--from nonsense"},
		{"explain sip:a@b -s b2bua-server/application=sip-bridge -c " + good, 255, "example-path.json"},
		{"--check -s b2bua-server/application=sip-bridge -c " + good, 255, "failed to open external SIP providers JSON configuration file"},
		{"-s b2bua-server/application=sip-bridge -c " + good, 255, "failed to open external SIP providers JSON configuration file"},

		{"-c " + bad, 255, "it must be strictly positive"},
		{"--check -c " + bad, 255, "it must be strictly positive"},
		{"explain sip:a@b -c " + bad, 255, "it must be strictly positive"},
		{"-c /nowhere/b2bua.conf", 255, "No configuration file found at '/nowhere/b2bua.conf'"},
		{"-c /", 255, "cannot be read"},
		{"-s nonsense -c " + good, 255, "not section/key=value"},
	} {
		t.Run(tt.args, func(t *testing.T) {
			status, stdout, stderr := run(t, strings.Fields(tt.args)...)
			assert.Equal(t, tt.status, status, "%s%s", stdout, stderr)
			assert.Contains(t, stdout+stderr, tt.says)
			if tt.status != 0 {
				assert.Empty(t, stdout)
			}
		})
	}
}

func TestFaultsArePrintedInTwoLinesWarningsInOne(t *testing.T) {
	path := write(t, "[b2bua-server]\nmax-calls=0\nenable-ice=yes\n[global]\nlog-lvel=debug\n[b2bua-server::trenscrypter]\noutgoing-enc-regex=dtsl-srtp .*\n")
	status, stdout, stderr := run(t, "-c", path)
	assert.Equal(t, 255, status)
	assert.Empty(t, stdout)
	assert.Contains(t, stderr, "the configuration has 2 faults")
	assert.Equal(t, 2, strings.Count(stderr, "\n    write: "))
	assert.Contains(t, stderr, path+":2: b2bua-server/max-calls")
	assert.Contains(t, stderr, "\nwarning: "+path+":5: global/log-lvel")
	assert.Contains(t, stderr, "\nerror: "+path+":7: b2bua-server::trenscrypter/outgoing-enc-regex: pair 1 is skipped")
	usable := []string{"-c", path, "-s", "b2bua-server/max-calls=1", "-s", "b2bua-server/enable-ice=1", "-s", "b2bua-server/data-directory=" + t.TempDir()}
	status, stdout, stderr = run(t, append(usable, "--check")...)
	assert.Equal(t, 255, status, "a gate in front of a restart must not let a skipped rule through")
	assert.Empty(t, stdout)
	assert.Contains(t, stderr, "1 rule would be skipped")
	status, stdout, _ = run(t, append(usable, "--check", "-s", `b2bua-server::trenscrypter/outgoing-enc-regex=sdes .*`)...)
	assert.Equal(t, 0, status)
	assert.Equal(t, "The configuration can be used; 1 warning.\n", stdout)
}

func TestLaterFilesWinAndSetWinsOverAll(t *testing.T) {
	first, second := write(t, "[b2bua-server]\nmax-calls=1\nenable-ice=false\nno-rtp-timeout=5\n"), write(t, "[b2bua-server]\nmax-calls=2\nno-rtp-timeout=6\n")
	status, stdout, _ := run(t, "--rewrite-config", "-c", first, "-c", second, "--set", "b2bua-server/no-rtp-timeout=7")
	assert.Equal(t, 0, status)
	assert.Contains(t, stdout, "\nmax-calls=2\n")
	assert.Contains(t, stdout, "\nenable-ice=false\n")
	assert.Contains(t, stdout, "\nno-rtp-timeout=7\n")
}

func TestDumpLoadsAgain(t *testing.T) {
	_, dump, _ := run(t, "--dump-default")
	status, stdout, stderr := run(t, "--check", "-c", write(t, dump), "-s", "b2bua-server/data-directory="+t.TempDir())
	assert.Equal(t, 0, status)
	assert.Equal(t, "The configuration has no fault.\n", stdout)
	assert.Empty(t, stderr)
}

const rules = `[b2bua-server::trenscrypter]
outgoing-enc-regex=zrtp .*@sip\.secure-example\.org sdes .*@sip\.example\.org(;.*)?
outgoing-srtp-regex=AEAD_AES_256_GCM .*@sip\.example\.org(;.*)?
`

func TestExplain(t *testing.T) {
	path := write(t, rules)
	_, stdout, stderr := run(t, "explain", "sip:bob@sip.example.org;gr=1", "-c", path)
	assert.Empty(t, stderr)
	assert.Equal(t, `The rules are applied to  sip:bob@sip.example.org;gr=1
Encryption of leg A       none  (assumed; for a caller that encrypts add --leg-a sdes, dtls-srtp or zrtp)

no match  outgoing-enc-regex rule 1: zrtp .*@sip\.secure-example\.org
MATCH     outgoing-enc-regex rule 2: sdes .*@sip\.example\.org(;.*)?
MATCH     outgoing-srtp-regex rule 1: AEAD_AES_256_GCM .*@sip\.example\.org(;.*)?

Encryption of leg B       sdes
Suites offered            AEAD_AES_256_GCM
Sent to                   <sip:127.0.0.1:5060;transport=tcp;lr>
From                      <sip:alice@example.org>
Because                   outgoing-enc-regex rule 2 (sdes .*@sip\.example\.org(;.*)?), outgoing-srtp-regex rule 1 (AEAD_AES_256_GCM .*@sip\.example\.org(;.*)?)
`, stdout)

	_, stdout, _ = run(t, "explain", "--json", "--leg-a", "sdes", "sip:bob@elsewhere.org", "-c", path, "-s", "b2bua-server/outbound-proxy=sip:elsewhere.org")
	var x explanation
	require.NoError(t, json.Unmarshal([]byte(stdout), &x))
	assert.Equal(t, "sdes", x.Encryption)
	assert.Len(t, x.Rules, 3)
	assert.Empty(t, x.Route)
	assert.Contains(t, x.Why, "sdes as on leg A")
}

func TestCompletionScriptsKnowEveryFlag(t *testing.T) {
	options, err := model()
	require.NoError(t, err)
	require.Greater(t, len(options), 25)
	for _, shell := range []string{"bash", "zsh", "fish"} {
		_, script, _ := run(t, "completion", shell)
		for _, o := range options {
			assert.Contains(t, script, o.long, shell)
		}
		assert.Contains(t, script, "b2bua-server/max-calls=")
		if path, err := exec.LookPath(shell); err == nil { // the shells of this machine must be able to read it
			check := exec.Command(path, "-n")
			check.Stdin = strings.NewReader(script)
			output, err := check.CombinedOutput()
			assert.NoError(t, err, "%s: %s", shell, output)
		}
	}
}

func TestBashCompletes(t *testing.T) {
	bash, err := exec.LookPath("bash")
	require.NoError(t, err)
	_, script, _ := run(t, "completion", "bash")
	try := func(words ...string) string {
		line := fmt.Sprintf("%s\nCOMP_WORDS=(b2bua %s); COMP_CWORD=%d; compopt() { :; }; _b2bua; printf '%%s\\n' \"${COMPREPLY[@]}\"", script, strings.Join(words, " "), len(words))
		out, err := exec.Command(bash, "--norc", "-c", line).CombinedOutput()
		require.NoError(t, err, string(out))
		return string(out)
	}
	assert.Equal(t, "--dump-default\n--dump-format\n--dump-mibs\n--dump-all-default\n", sorted(try("--dump-"), "--dump-default", "--dump-format", "--dump-mibs", "--dump-all-default"))
	assert.Equal(t, "explain\n", try("expl"))
	assert.Equal(t, "zsh\n", try("completion", "z"))
	assert.Equal(t, "clear\n", try("zrtp", "c"))
	assert.Equal(t, "b2bua::tls/verify-peer=\n", try("--set", "b2bua::tls/v"))
}

// sorted puts lines into the order of want, so that a comparison does not depend on the order of the flags.
func sorted(text string, want ...string) string {
	var b strings.Builder
	for _, w := range want {
		if strings.Contains("\n"+text, "\n"+w+"\n") {
			b.WriteString(w + "\n")
		}
	}
	return b.String()
}

// output is what a running program prints.
type output struct {
	mu   sync.Mutex
	text bytes.Buffer
	more chan struct{}
}

func (o *output) Write(p []byte) (int, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	n, err := o.text.Write(p)
	select {
	case o.more <- struct{}{}:
	default:
	}
	return n, err
}

func (o *output) String() string {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.text.String()
}

// wait returns once the pattern has been printed.
func (o *output) wait(t *testing.T, pattern string) {
	t.Helper()
	re, deadline := regexp.MustCompile(pattern), time.After(20*time.Second)
	for !re.MatchString(o.String()) {
		select {
		case <-o.more:
		case <-deadline:
			require.Fail(t, "not printed: "+pattern, o.String())
		}
	}
}

func TestServeUntilTold(t *testing.T) {
	dir := t.TempDir()
	notify, err := net.ListenPacket("unixgram", filepath.Join(dir, "notify"))
	require.NoError(t, err)
	t.Setenv("NOTIFY_SOCKET", filepath.Join(dir, "notify"))
	path := write(t, rules+`[b2bua-server]
transport=sip:127.0.91.1:0;transport=tcp
data-directory=`+dir+`/new/data
[global]
log-directory=`+dir+`/log
watchdog-notify-interval=20ms
memory-usage-log-interval=1
dump-corefiles=true
aliases=x
log-lvel=debug
`)
	pid := filepath.Join(dir, "pid")
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	out := &output{more: make(chan struct{}, 1)}
	done := make(chan int, 1)
	go func() { done <- program(ctx, []string{"-c", path, "-p", pid, "-d"}, out, out) }()
	out.wait(t, `flexisip-message- \S+ - ready; listening on tcp 127\.0\.91\.1:\d+\n`)

	number, err := os.ReadFile(pid)
	require.NoError(t, err)
	assert.Equal(t, fmt.Sprint(os.Getpid()), string(number), "digits, no line end")
	assert.DirExists(t, filepath.Join(dir, "new", "data"))
	assert.Contains(t, out.String(), "flexisip-message- main - Starting Flexisip-b2bua server [version: "+config.Version+"]\n")
	assert.Contains(t, out.String(), "flexisip-warning- configuration - "+path+":")
	require.NoError(t, notify.SetReadDeadline(time.Now().Add(20*time.Second)))
	var told []string
	for buf := make([]byte, 100); len(told) < 50 && (!slices.Contains(told, "READY=1") || !slices.Contains(told, "WATCHDOG=1")); {
		n, _, err := notify.ReadFrom(buf)
		require.NoError(t, err)
		told = append(told, string(buf[:n]))
	}
	assert.Contains(t, told, "READY=1")
	require.NoError(t, notify.SetReadDeadline(time.Time{}))
	var drained sync.WaitGroup
	defer drained.Wait()
	defer func() { _ = notify.Close() }()
	drained.Go(func() {
		for buf := make([]byte, 100); ; {
			if _, _, err := notify.ReadFrom(buf); err != nil {
				return
			}
		}
	})

	file := filepath.Join(dir, "log", "flexisip-b2bua.log")
	require.NoError(t, os.Rename(file, file+".1"))
	require.NoError(t, syscall.Kill(os.Getpid(), syscall.SIGHUP))
	out.wait(t, "the log file has been opened anew")
	assert.FileExists(t, file)
	out.wait(t, `memory: \d+ KiB in use`)

	cancel()
	select {
	case status := <-done:
		assert.Equal(t, 0, status, out.String())
	case <-time.After(20 * time.Second):
		require.Fail(t, "it does not stop", out.String())
	}
	assert.NoFileExists(t, pid)
	assert.NotContains(t, out.String(), "flexisip-error-")
}

func TestStartThatFails(t *testing.T) {
	taken, err := net.Listen("tcp", "127.0.91.2:0")
	require.NoError(t, err)
	defer func() { _ = taken.Close() }()
	blocked := write(t, "")
	common := []string{"-c", write(t, ""), "-s", "global/log-directory=" + blocked, "-s", "b2bua-server/data-directory=" + blocked}
	status, stdout, stderr := run(t, append(common, "-s", "b2bua-server/transport=sip:"+taken.Addr().String()+";transport=tcp")...)
	assert.Equal(t, 1, status)
	assert.Regexp(t, `flexisip-error- .*b2bua-server/transport: .*another program listens there: ss -lntp`, stdout)
	assert.Contains(t, stdout, "Error, caught an unexpected exception: ")
	assert.Contains(t, stdout, "set global/log-directory", "no log file is a warning")
	assert.Regexp(t, `flexisip-warning- \S+ - b2bua-server/data-directory=`, stdout)
	assert.Contains(t, stderr, "b2bua: ")

	status, stdout, stderr = run(t, append(common, "-p", "/nowhere/pid", "-s", "b2bua-server/transport=sip:127.0.91.2:0")...)
	assert.Equal(t, 1, status)
	assert.Contains(t, stderr, "the pid file cannot be written")
	assert.Regexp(t, `flexisip-error- .*the pid file cannot be written`, stdout)

	status, stdout, _ = run(t, append(common, "--disable-stdout", "-s", "b2bua-server/transport=sip:"+taken.Addr().String()+";transport=tcp")...)
	assert.Equal(t, 1, status)
	assert.Empty(t, stdout)

	_, stdout, _ = run(t, append(common, "-s", "global/log-directory=/dev/null", "-s", "b2bua-server/transport=sip:"+taken.Addr().String()+";transport=tcp")...)
	assert.NotContains(t, stdout, "log file", "none is wanted")

	both := &output{more: make(chan struct{}, 1)}
	assert.Equal(t, 1, program(context.Background(), append(common, "-s", "b2bua-server/transport=sip:"+taken.Addr().String()+";transport=tcp"), both, both))
	assert.Equal(t, 1, strings.Count(both.String(), "another program listens there"), "once for who sees both: %s", both)
}
