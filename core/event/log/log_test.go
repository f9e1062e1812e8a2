package log

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

var at = time.Date(2026, 11, 22, 9, 5, 7, 42_999_999, time.UTC)

func TestLine(t *testing.T) {
	assert.Equal(t, "2026-11-22 09:05:07:042 flexisip-message- B2buaServer-onCallStateChanged - call 1 refused\n",
		string(Line(at, Message, "B2buaServer-onCallStateChanged", "call 1 refused")))
	for level, name := range map[slog.Level]string{Debug: "debug", Message: "message", Warning: "warning", Error: "error", Fatal: "fatal"} {
		assert.Contains(t, string(Line(at, level, "c", "m")), " flexisip-"+name+"- c - m\n")
		assert.Equal(t, level, ParseLevel(name))
	}
	assert.Equal(t, Message, ParseLevel("chatty"))
}

func TestLineStaysOneLine(t *testing.T) {
	got := string(Line(at, Error, "c", "a\nb\rc\x1b[2J\x00\u2028\xff\té"))
	assert.Equal(t, `2026-11-22 09:05:07:042 flexisip-error- c - a\nb\rc\u001b[2J\u0000\u2028\xff\té`+"\n", got)
}

type secret string

func (secret) String() string { return "[redacted]" }

type lazy struct{}

func (lazy) LogValue() slog.Value { return slog.StringValue("resolved") }

// terminal is a logger that writes to a buffer.
func terminal(t *testing.T, level slog.Level) (*slog.Logger, *bytes.Buffer) {
	t.Helper()
	var out bytes.Buffer
	l, err := Open(Options{Terminal: &out, TerminalLevel: level})
	require.NoError(t, err)
	t.Cleanup(func() { assert.NoError(t, l.Close()) })
	return slog.New(l.Handler()), &out
}

// written waits for the lines that were logged so far.
func written(t *testing.T, log *slog.Logger) {
	t.Helper()
	require.True(t, log.Handler().(*handler).to.Flush(20*time.Second))
}

func TestAttributes(t *testing.T) {
	log, out := terminal(t, Message)
	log.With("call", 7).WithGroup("leg").With("side", "A").Info("answered",
		"status", 200, "key", secret("x"), "err", errors.New("no route"), "empty", "", slog.Group("rtp", "port", 9), "lazy", lazy{}, "q", `a"b`)
	written(t, log)
	assert.Contains(t, out.String(), `answered call=7 leg.side=A leg.status=200 leg.key=[redacted] leg.err="no route" leg.empty="" leg.rtp.port=9 leg.lazy=resolved leg.q="a\"b"`+"\n")
	assert.NotContains(t, out.String(), "secret")
}

type server struct{ log *slog.Logger }

func (s *server) onInvite() { s.log.Info("method") }

func TestContextIsTheCaller(t *testing.T) {
	log, out := terminal(t, Debug)
	(&server{log}).onInvite()
	func() { log.Info("closure") }()
	log.With(ContextKey, "B2buaServer").Info("named")
	log.Info("once", ContextKey, "Other")
	written(t, log)
	lines := strings.Split(out.String(), "\n")
	assert.Contains(t, lines[0], " log-onInvite - method")
	assert.Contains(t, lines[1], " log-TestContextIsTheCaller - closure")
	assert.Contains(t, lines[2], " B2buaServer - named")
	assert.Contains(t, lines[3], " Other - once")
	require.NoError(t, log.Handler().Handle(context.Background(), slog.NewRecord(at, Message, "no caller", 0)))
	written(t, log)
	assert.Contains(t, out.String(), " b2bua - no caller")
}

func TestLevelsOfEachSink(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "a", "b")
	var out bytes.Buffer
	l, err := Open(Options{Terminal: &out, TerminalLevel: Debug, Directory: dir, Filename: "flexisip-b2bua.log", FileLevel: Error})
	require.NoError(t, err)
	log := slog.New(l.Handler())
	l.Banner(at, "1.2.3")
	log.Debug("d")
	log.Error("e")
	require.NoError(t, l.Close())
	require.NoError(t, l.Close(), "again")
	file, err := os.ReadFile(filepath.Join(dir, "flexisip-b2bua.log"))
	require.NoError(t, err)
	assert.Equal(t, "2026-11-22 09:05:07:042 flexisip-message- main - Starting Flexisip-b2bua server [version: 1.2.3]", strings.SplitN(string(file), "\n", 2)[0],
		"the banner is written whatever the level")
	assert.Equal(t, 2, strings.Count(string(file), "\n"))
	assert.Equal(t, 3, strings.Count(out.String(), "\n"))

	quiet := slog.New(func() slog.Handler {
		l, err := Open(Options{})
		require.NoError(t, err)
		return l.Handler()
	}())
	assert.False(t, quiet.Enabled(context.Background(), Fatal), "no sink, no work")
	log, buf := terminal(t, Warning)
	log.Info("no")
	log.Warn("yes")
	written(t, log)
	assert.Regexp(t, regexp.MustCompile(`^\S+ \S+ flexisip-warning- \S+ - yes\n$`), buf.String())
}

func TestReopen(t *testing.T) {
	dir := t.TempDir()
	l, err := Open(Options{Directory: dir, Filename: "x.log", FileLevel: Debug, TerminalLevel: Debug})
	require.NoError(t, err)
	defer func() { require.NoError(t, l.Close()) }()
	log := slog.New(l.Handler())
	path := l.Path()
	log.Info("one")
	require.NoError(t, os.Rename(path, path+".1"))
	log.Info("two")
	require.NoError(t, l.Reopen())
	log.Info("three")
	written(t, log)
	old, _ := os.ReadFile(path + ".1")
	now, _ := os.ReadFile(path)
	assert.Equal(t, 2, strings.Count(string(old), "\n"))
	assert.Contains(t, string(now), "three")
	assert.Equal(t, 1, strings.Count(string(now), "\n"))
}

func TestSinkThatCannotBeOpenedIsLeftOut(t *testing.T) {
	blocked := filepath.Join(t.TempDir(), "file")
	require.NoError(t, os.WriteFile(blocked, nil, 0o600))
	var out bytes.Buffer
	l, err := Open(Options{Terminal: &out, Directory: blocked, Filename: "x.log"})
	require.ErrorContains(t, err, "set global/log-directory")
	assert.Empty(t, l.Path())
	slog.New(l.Handler()).Info("goes on")
	require.True(t, l.Flush(20*time.Second))
	assert.Contains(t, out.String(), "goes on")
	require.Error(t, l.Reopen())
	require.NoError(t, l.Close())
	assert.Contains(t, out.String(), "the log file could not be opened anew")
}

func TestSyslog(t *testing.T) {
	path := filepath.Join(t.TempDir(), "log")
	daemon, err := net.ListenPacket("unixgram", path)
	require.NoError(t, err)
	defer func() { require.NoError(t, daemon.Close()) }()
	l, err := Open(Options{Syslog: true, SyslogLevel: Debug, SyslogTag: "flexisip-b2bua", SyslogSocket: path})
	require.NoError(t, err)
	log := slog.New(l.Handler())
	require.NoError(t, daemon.SetReadDeadline(time.Now().Add(20*time.Second)))
	const facility = 3 << 3 // daemon (RFC 5424 section 6.2.1)
	for level, severity := range map[slog.Level]int{Debug: 7, Message: 6, Warning: 4, Error: 3, Fatal: 2} {
		log.Log(context.Background(), level, "hello")
		buf := make([]byte, 1000)
		n, _, err := daemon.ReadFrom(buf)
		require.NoError(t, err)
		assert.Regexp(t, fmt.Sprintf(`^<%d>.*flexisip-b2bua.*flexisip-%s- .* - hello\n$`, facility+severity, LevelName(level)), string(buf[:n]))
	}
	require.NoError(t, l.Close())
	log.Error("nobody hears it")

	_, err = Open(Options{Syslog: true, SyslogSocket: filepath.Join(t.TempDir(), "none")})
	require.ErrorContains(t, err, "leave --syslog out")
}

func TestFullDiskIsToldOnce(t *testing.T) {
	for _, where := range []string{"terminal", "standard error"} {
		t.Run(where, func(t *testing.T) {
			var out bytes.Buffer
			opt := Options{Terminal: &out, TerminalLevel: Fatal, Faults: io.Discard, Directory: "/dev", Filename: "full"}
			if where != "terminal" {
				opt.Terminal, opt.Faults = nil, &out
			}
			l, err := Open(opt)
			require.NoError(t, err, "Linux has /dev/full")
			log := slog.New(l.Handler())
			log.Info("one")
			written(t, log)
			log.Info("two")
			written(t, log)
			assert.NoError(t, l.Close())
			assert.Equal(t, 1, strings.Count(out.String(), "the log file cannot be written: "), out.String())
			assert.NotContains(t, out.String(), "one")
		})
	}
}

func BenchmarkLine(b *testing.B) {
	l, err := Open(Options{Terminal: io.Discard})
	require.NoError(b, err)
	defer func() { _ = l.Close() }()
	log := slog.New(l.Handler())
	b.ReportAllocs()
	for b.Loop() {
		log.Info("call 1 (leg A x): INVITE from a to b", "status", 200)
	}
}
