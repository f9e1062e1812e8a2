package main

import (
	"bytes"
	"context"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/dlclark/regexp2"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// command is the program as a process of its own, with a log in dir.
func start(t *testing.T, dir string, stdout, stderr *os.File, args ...string) *exec.Cmd {
	t.Helper()
	cmd := exec.Command(os.Args[0], append([]string{"-c", write(t, ""), "-s", "global/log-directory=" + dir, "-s", "b2bua-server/data-directory=" + dir}, args...)...)
	cmd.Env = append(os.Environ(), asProgram+"=1", "GORACE=atexit_sleep_ms=10")
	cmd.Stdout, cmd.Stderr = stdout, stderr
	cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	require.NoError(t, cmd.Start())
	t.Cleanup(func() { _ = cmd.Process.Kill() })
	return cmd
}

// logged waits for a text in the log file.
func logged(t *testing.T, dir, text string) string {
	t.Helper()
	var file []byte
	require.Eventually(t, func() bool {
		file, _ = os.ReadFile(filepath.Join(dir, "flexisip-b2bua.log"))
		return bytes.Contains(file, []byte(text))
	}, 30*time.Second, 5*time.Millisecond, "not in the log: %s", text)
	return string(file)
}

// ended waits for the end of the process.
func ended(t *testing.T, cmd *exec.Cmd) *os.ProcessState {
	t.Helper()
	done := make(chan struct{})
	go func() {
		defer close(done)
		_ = cmd.Wait() // the state tells
	}()
	select {
	case <-done:
	case <-time.After(30 * time.Second):
		require.NoError(t, cmd.Process.Kill())
		<-done
		require.Fail(t, "the process does not end")
	}
	return cmd.ProcessState
}

func pipe(t *testing.T) (r, w *os.File) {
	t.Helper()
	r, w, err := os.Pipe()
	require.NoError(t, err)
	t.Cleanup(func() { _, _ = r.Close(), w.Close() })
	return r, w
}

const options = "OPTIONS sip:b2bua SIP/2.0\r\nVia: SIP/2.0/UDP %s;branch=z9hG4bK%d\r\nFrom: <sip:a@a>;tag=%d\r\nTo: <sip:b2bua>\r\nCall-ID: %d\r\nCSeq: 1 OPTIONS\r\n" +
	"Max-Forwards: 70\r\nContent-Length: 0\r\n\r\n"

// A terminal that nobody reads (^S, a pager, a journal that hangs) holds up neither signalling nor the end.
func TestTerminalThatNobodyReads(t *testing.T) {
	dir := t.TempDir()
	_, w := pipe(t)
	fill := bytes.Repeat([]byte{'.'}, 4096)
	fd := int(w.Fd()) // once: it makes the descriptor blocking each time
	require.NoError(t, syscall.SetNonblock(fd, true))
	for {
		if _, err := syscall.Write(fd, fill); err != nil {
			require.ErrorIs(t, err, syscall.EAGAIN)
			break
		}
	}
	require.NoError(t, syscall.SetNonblock(fd, false))
	cmd := start(t, dir, w, w, "-d", "-s", "b2bua-server/transport=sip:127.0.91.5:0", "-s", "global/log-level=debug")
	at := between(logged(t, dir, "ready; listening on udp "), "listening on udp ", "\n")
	conn, err := net.Dial("udp", at)
	require.NoError(t, err)
	defer func() { _ = conn.Close() }()
	buf := make([]byte, 2000)
	for i := range 300 {
		_, err := fmt.Fprintf(conn, options, conn.LocalAddr(), i, i, i)
		require.NoError(t, err)
		require.NoError(t, conn.SetReadDeadline(time.Now().Add(30*time.Second)))
		_, err = conn.Read(buf)
		require.NoError(t, err, "request %d is not answered", i)
	}
	require.NoError(t, cmd.Process.Signal(syscall.SIGTERM))
	assert.Equal(t, 0, ended(t, cmd).ExitCode())
	assert.Contains(t, logged(t, dir, "stopped: "), "stopped: calls=0 streams=0 flows=0")
}

func between(text, before, after string) string {
	_, text, _ = strings.Cut(text, before)
	text, _, _ = strings.Cut(text, after)
	return text
}

func TestTerminalThatGoesAway(t *testing.T) {
	dir := t.TempDir()
	r, w := pipe(t)
	cmd := start(t, dir, w, w, "-s", "b2bua-server/transport=sip:127.0.91.6:0")
	logged(t, dir, "ready; ")
	require.NoError(t, r.Close())
	require.NoError(t, w.Close())
	require.NoError(t, cmd.Process.Signal(syscall.SIGHUP)) // as a terminal does that is closed
	logged(t, dir, "the terminal went away (")
	logged(t, dir, "the log file has been opened anew")
	require.NoError(t, cmd.Process.Signal(syscall.SIGTERM))
	assert.Equal(t, 0, ended(t, cmd).ExitCode())
	assert.Contains(t, logged(t, dir, "stopped: "), "stopped: calls=0 streams=0 flows=0")
}

func TestPagerThatQuitsEndsAPrintingCommand(t *testing.T) {
	r, w := pipe(t)
	require.NoError(t, r.Close())
	errs, we := pipe(t)
	cmd := start(t, t.TempDir(), w, we, "--dump-default")
	state := ended(t, cmd)
	require.NoError(t, we.Close())
	said := make([]byte, 100)
	n, _ := errs.Read(said)
	assert.Equal(t, syscall.SIGPIPE, state.Sys().(syscall.WaitStatus).Signal(), string(said[:n]))
	assert.Zero(t, n, string(said[:n]))
}

func TestSecondSignalEndsTheDrain(t *testing.T) {
	sig := &signals{make(chan os.Signal, 8), make(chan os.Signal, 1)}
	o, _, end := sig.obey(context.Background())
	defer end()
	sig.stop <- syscall.SIGTERM
	<-o.Done()
	select {
	case <-o.hurry:
		require.Fail(t, "one signal is no hurry")
	default:
	}
	sig.stop <- syscall.SIGINT
	<-o.hurry
}

func TestPidFileOfAnother(t *testing.T) {
	path := filepath.Join(t.TempDir(), "pid")
	taken, err := net.Listen("tcp", "127.0.91.7:0")
	require.NoError(t, err)
	defer func() { _ = taken.Close() }()
	require.NoError(t, os.WriteFile(path, []byte("1"), 0o600))
	status, _, _ := run(t, "-c", write(t, ""), "-p", path, "-s", "b2bua-server/transport=sip:"+taken.Addr().String()+";transport=tcp", "-s", "global/log-directory="+t.TempDir())
	require.Equal(t, 1, status)
	text, err := os.ReadFile(path)
	require.NoError(t, err)
	assert.Equal(t, "1", string(text), "a start that fails leaves it alone")

	pid := pidFile(path)
	pid.remove()
	assert.FileExists(t, path, "it is another process's")
	require.NoError(t, pid.write())
	pid.remove()
	assert.NoFileExists(t, path)
	pidFile("").remove()
}

func TestPidFileThatCannotBeWrittenStops(t *testing.T) {
	dir := t.TempDir() // a directory is no file to write
	status, stdout, _ := run(t, "-c", write(t, ""), "-p", dir, "-s", "b2bua-server/transport=sip:127.0.91.8:0", "-s", "global/log-directory="+t.TempDir())
	assert.Equal(t, 1, status)
	assert.Regexp(t, `flexisip-error- .*the pid file cannot be written`, stdout)
	assert.NotContains(t, stdout, "ready; ")
}

func TestFilesForMaxCalls(t *testing.T) {
	assert.Empty(t, tooFewFiles(4100, 500))
	assert.Equal(t, "at most 1024 files may be open (RLIMIT_NOFILE), which is enough for 231 audio calls or 115 calls with video, and b2bua-server/max-calls is 500: "+
		"set LimitNOFILE=4100 in the systemd unit or ulimit -n 4100 in the shell, or lower max-calls", tooFewFiles(1024, 500))
	assert.Contains(t, tooFewFiles(10, 1), "for 0 audio calls")
}

func TestRemedies(t *testing.T) {
	for err, want := range map[error]string{
		syscall.EADDRINUSE: "ss -lntp", syscall.EACCES: "CAP_NET_BIND_SERVICE", syscall.EADDRNOTAVAIL: "ip address shows",
	} {
		text := withRemedy(fmt.Errorf("b2bua-server/transport: %w", err))
		assert.Contains(t, text, want)
		assert.Equal(t, 2, strings.Count(text, "b2bua-server/transport"), "names the key")
	}
	assert.Equal(t, "broken pipe", withRemedy(syscall.EPIPE))
}

func TestCheckFindsWhatTheStartFinds(t *testing.T) {
	path := write(t, "[b2bua-server]\napplication=sip-bridge\nmax-calls=0\n[b2bua::tls]\ncertificate=/nowhere/c.pem\nkey=/nowhere/k.pem\nca-file="+os.Args[0]+"\n[b2bua-server::sip-bridge]\nproviders=none.json\n")
	for _, args := range [][]string{{"-c", path}, {"--check", "-c", path}} {
		status, stdout, stderr := run(t, args...)
		assert.Equal(t, 255, status)
		assert.Empty(t, stdout)
		assert.Contains(t, stderr, "the configuration has 5 faults, ")
		for i, want := range []string{":9: b2bua-server::sip-bridge/providers", ":3: b2bua-server/max-calls", ":5: b2bua::tls/certificate", ":6: b2bua::tls/key", ":7: b2bua::tls/ca-file"} {
			assert.Contains(t, stderr, path+want, i)
		}
		assert.Equal(t, 5, strings.Count(stderr, "\n    write: "))
		assert.Equal(t, len(args) == 2, strings.Contains(stderr, "nothing was started"))
	}
}

func TestCheckFindsAddressesThatCannotBeUsed(t *testing.T) {
	dir := t.TempDir()
	for _, tt := range []struct {
		set, want string
		status    int
	}{
		{"b2bua-server/nat-addresses=0.0.0.0", "nobody can send media to 0.0.0.0", 255},
		{"b2bua-server/nat-addresses=192.0.2.1:5060", "neither an IP address nor a host name", 255},
		{"b2bua-server/nat-addresses=192.0.2.300", "neither an IP address nor a host name", 255},
		{"b2bua-server/nat-addresses=nowhere.invalid", "warning: --set: b2bua-server/nat-addresses: ", 0},
		{"b2bua/media-address=192.0.2.77", "this host does not have the address 192.0.2.77, it has 127.0.0.1", 255},
		{"b2bua/nat-address-in-sdp=true", "it has no effect without b2bua-server/nat-addresses", 0},
		{"b2bua-server/data-directory=" + write(t, ""), "warning: --set: b2bua-server/data-directory", 0},
		{"b2bua-server/data-directory=/nowhere/at/all", "no such file or directory", 0},
	} {
		status, _, stderr := run(t, "--check", "-c", write(t, ""), "-s", "b2bua-server/data-directory="+dir, "-s", tt.set)
		assert.Equal(t, tt.status, status, tt.set)
		assert.Contains(t, stderr, tt.want)
	}
	_, _, stderr := run(t, "--check", "-c", write(t, "[b2bua-server]\nmax-calls=10\naudio-port=20000-20999\nvideo-port=20998-22000\n"))
	assert.Contains(t, stderr, "video-port = 20998-22000: it overlaps with audio-port=20000-20999")
}

func TestStartTellsConfigurationFaultsAsCheckDoes(t *testing.T) {
	args := []string{"-s", "b2bua-server/data-directory=" + t.TempDir(), "-s", "global/log-directory=" + t.TempDir(), "-s", "b2bua-server/nat-addresses=nowhere.invalid"}
	status, stdout, stderr := run(t, append([]string{"-c", write(t, "")}, args...)...)
	assert.Equal(t, 255, status)
	assert.NotContains(t, stdout+stderr, "unexpected exception")
	assert.Contains(t, stdout, "--set: b2bua-server/nat-addresses: invalid value")
	assert.Contains(t, stderr, "b2bua: the configuration has 1 fault, nothing was started:\n\n--set: b2bua-server/nat-addresses")
	assert.Contains(t, stderr, "\n    write: ")
}

func TestUnusableDataDirectoryIsToldOnce(t *testing.T) {
	dir := t.TempDir()
	cmd := start(t, dir, nil, nil, "-s", "b2bua-server/transport=sip:127.0.91.9:0", "-s", "b2bua-server/data-directory="+write(t, "")+"/below")
	text := logged(t, dir, "ready; ")
	assert.Equal(t, 1, strings.Count(text, "data-directory"))
	assert.NotContains(t, text, ".probe")
	require.NoError(t, cmd.Process.Signal(syscall.SIGTERM))
	assert.Equal(t, 0, ended(t, cmd).ExitCode())
}

// A start that waits for a pipe that nobody writes to ends by a signal, as any other.
func TestSignalEndsAStartThatHangs(t *testing.T) {
	dir := t.TempDir()
	fifo := filepath.Join(dir, "fifo")
	require.NoError(t, syscall.Mkfifo(fifo, 0o600))
	_, w := pipe(t)
	cmd := start(t, dir, w, w, "-c", fifo)
	var writer *os.File
	require.Eventually(t, func() (opened bool) { // not before somebody has it open for reading
		f, err := os.OpenFile(fifo, os.O_WRONLY|syscall.O_NONBLOCK, 0)
		writer = f
		return err == nil
	}, 30*time.Second, 5*time.Millisecond)
	defer func() { _ = writer.Close() }()
	require.NoError(t, cmd.Process.Signal(syscall.SIGTERM))
	assert.Equal(t, 0, ended(t, cmd).ExitCode())
}

func TestExplainOfARefusal(t *testing.T) {
	t.Cleanup(regexp2.StopTimeoutClock)
	const slow = "sip:aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa@b"
	path := write(t, "[b2bua-server::trenscrypter]\noutgoing-enc-regex=sdes sip:a@c zrtp (?=sip)(.*a.*)*\\1x\n[b2bua::timers]\nregex-timeout=1ms\n")
	status, stdout, stderr := run(t, "explain", slow, "-c", path)
	assert.Equal(t, exitRefused, status)
	assert.Contains(t, stdout, "The call is refused with 488")
	assert.Empty(t, stderr)
	status, stdout, _ = run(t, "explain", slow, "-c", path, "--json", "--leg-a", "sdes")
	assert.Equal(t, exitRefused, status)
	assert.Contains(t, stdout, `"refused": 488`)
	_, stdout, _ = run(t, "explain", "sip:a@c", "-c", path, "--leg-a", "sdes")
	assert.NotContains(t, stdout, "assumed")
	status, _, stderr = run(t, "explain", "sip:a@b", "-c", write(t, "[b2bua-server]\nmax-calls=0\n"))
	assert.Equal(t, exitConfig, status)
	assert.Contains(t, stderr, "1 fault, so there is no decision to explain")
	assert.NotContains(t, stderr, "nothing was started")
}
