package control

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
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// echo answers ECHO with its arguments and BIG with that many megabytes.
type echo struct{ name string }

func (e *echo) Handle(command string, args []string) Answer {
	switch command {
	case e.name:
		return Text(strings.Join(args, "|"))
	case "BIG":
		return func() string { return strings.Repeat("x", 8<<20) }
	case "EMPTY":
		return Text("")
	}
	return nil
}

// loop runs functions one after the other on a goroutine of its own.
func loop(t *testing.T) func(func()) error {
	work, done := make(chan func()), make(chan struct{})
	var once sync.Once
	go func() {
		for f := range work {
			f()
		}
		close(done)
	}()
	t.Cleanup(func() { once.Do(func() { close(work) }); <-done })
	return func(f func()) error { work <- f; return nil }
}

func open(t *testing.T, do func(func()) error) (*Socket, string) {
	t.Helper()
	path := filepath.Join(t.TempDir(), "flexisip-b2bua-1")
	table := &Table{}
	table.Register(&echo{"ECHO"})
	s, err := Open(Config{Path: path, Handle: table.Handle, Do: do, Log: slog.New(slog.DiscardHandler)})
	require.NoError(t, err)
	t.Cleanup(s.Close)
	return s, path
}

func within(t *testing.T) context.Context {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
	t.Cleanup(cancel)
	return ctx
}

// original does what flexisip_cli.py does: one send, one recv of at most 65535 bytes.
func original(t *testing.T, path, request string) string {
	t.Helper()
	conn, err := net.Dial("unix", path)
	require.NoError(t, err)
	defer func() { _ = conn.Close() }()
	require.NoError(t, conn.SetDeadline(time.Now().Add(30*time.Second)))
	_, err = conn.Write([]byte(request))
	require.NoError(t, err)
	buf := make([]byte, 65535)
	n, err := conn.Read(buf)
	require.NoError(t, err)
	return string(buf[:n])
}

func TestRequests(t *testing.T) {
	_, path := open(t, loop(t))
	for request, want := range map[string]string{
		"ECHO a b":                         "a|b",
		"ECHO a  b\n":                      "a||b",
		"ECHO a\r\n":                       "a",
		"ECHO a \n":                        "a|",
		"unknown":                          "Error - Unknown command: unknown",
		"unknown with words":               "Error - Unknown command: unknown",
		"echo a":                           "Error - Unknown command: echo",
		"\n":                               "Error - Unknown command: ",
		"ECHO " + strings.Repeat("x", 506): strings.Repeat("x", 506),
		"ECHO " + strings.Repeat("x", 507): "Error - a request has at most 511 bytes",
		strings.Repeat("x", 100_000):       "Error - a request has at most 511 bytes",
	} {
		assert.Equal(t, want, original(t, path, request), "%.20q", request)
	}
	text, err := Ask(within(t), path, "BIG")
	require.NoError(t, err)
	assert.Len(t, text, 8<<20)
	var refused RefusedError
	_, err = Ask(within(t), path, "unknown")
	require.ErrorAs(t, err, &refused)
	_, err = Ask(within(t), path, "EMPTY")
	require.Error(t, err)
	_, err = Ask(within(t), path, strings.Repeat("x", 512))
	require.ErrorContains(t, err, "more than the 511")
	_, err = Ask(within(t), path+"0", "ECHO")
	require.ErrorContains(t, err, "does not take the question")
}

// A request that is too long, or followed by more, does not cost the client its answer.
func TestAnswerSurvivesWhatIsNotRead(t *testing.T) {
	_, path := open(t, loop(t))
	for request, want := range map[string]string{
		"ECHO " + strings.Repeat("x", 506) + "\r\n": strings.Repeat("x", 506),
		"ECHO " + strings.Repeat("x", 900_000):      "Error - a request has at most 511 bytes",
	} {
		conn, err := net.Dial("unix", path)
		require.NoError(t, err)
		require.NoError(t, conn.SetDeadline(time.Now().Add(30*time.Second)))
		_, err = conn.Write([]byte(request))
		require.NoError(t, err)
		text, err := io.ReadAll(conn)
		require.NoError(t, err)
		assert.Equal(t, want, string(text))
		require.NoError(t, conn.Close())
	}
}

// Who never ends is cut off.
func TestEndlessRequest(t *testing.T) {
	_, path := open(t, loop(t))
	conn, err := net.Dial("unix", path)
	require.NoError(t, err)
	defer func() { _ = conn.Close() }()
	require.NoError(t, conn.SetDeadline(time.Now().Add(20*time.Second)))
	for block := make([]byte, 64<<10); err == nil; {
		_, err = conn.Write(block)
	}
	require.NotErrorIs(t, err, os.ErrDeadlineExceeded)
	text, err := Ask(within(t), path, "ECHO", "served")
	require.NoError(t, err)
	assert.Equal(t, "served", text)
}

// Spec 1.14: most recently registered first, nil goes on to the next one, registering again moves to the front.
func TestOrderOfHandlers(t *testing.T) {
	a, b := &echo{"ECHO"}, handler(func(command string, _ []string) Answer {
		if command == "ECHO" {
			return Text("b")
		}
		return nil
	})
	var table Table
	ask := func(command string) string { return table.Handle(command, []string{"a"})() }
	table.Register(a)
	table.Register(&b)
	assert.Equal(t, "b", ask("ECHO"))
	assert.Empty(t, ask("EMPTY"))
	table.Register(a)
	assert.Equal(t, "a", ask("ECHO"))
	table.Unregister(a)
	table.Unregister(a)
	assert.Equal(t, "b", ask("ECHO"))
	table.Unregister(&b)
	assert.Equal(t, "Error - Unknown command: ECHO", ask("ECHO"))
}

type handler func(string, []string) Answer

func (h *handler) Handle(command string, args []string) Answer { return (*h)(command, args) }

// Clients that say nothing, hang up, send half, read nothing: others are answered, and nothing is left.
func TestClientsThatDoNotPlay(t *testing.T) {
	s, path := open(t, loop(t))
	var conns []net.Conn
	for i := range 60 {
		conn, err := net.Dial("unix", path)
		if err != nil { // the queue of the kernel is full
			break
		}
		switch i % 4 {
		case 0:
			require.NoError(t, conn.Close())
			continue
		case 1:
			_, err = conn.Write([]byte("BIG"))
			assert.NoError(t, err)
		case 2:
			_, err = conn.Write([]byte("ECHO"))
			assert.NoError(t, err)
			require.NoError(t, conn.Close())
			continue
		}
		conns = append(conns, conn)
	}
	done := make(chan struct{})
	go func() { defer close(done); s.Close() }()
	select {
	case <-done:
	case <-within(t).Done():
		require.Fail(t, "Close does not end")
	}
	for _, c := range conns {
		_ = c.Close()
	}
	_, err := os.Lstat(path)
	require.ErrorIs(t, err, os.ErrNotExist)
	s.Close()
}

// A silent client loses its place after a moment; who waits is served then.
func TestSilentClientsMakeRoom(t *testing.T) {
	_, path := open(t, loop(t))
	for range clients {
		conn, err := net.Dial("unix", path)
		require.NoError(t, err)
		defer func() { _ = conn.Close() }()
	}
	text, err := Ask(within(t), path, "ECHO", "served")
	require.NoError(t, err)
	assert.Equal(t, "served", text)
}

func TestServerThatStops(t *testing.T) {
	_, path := open(t, func(func()) error { return errors.New("closed") })
	assert.Equal(t, "Error - the server is stopping", original(t, path, "ECHO"))

	asked := make(chan struct{})
	s, path := open(t, func(func()) error { close(asked); return nil }) // a loop that hangs
	conn, err := net.Dial("unix", path)
	require.NoError(t, err)
	defer func() { _ = conn.Close() }()
	_, err = conn.Write([]byte("ECHO"))
	require.NoError(t, err)
	<-asked
	s.Close()
	text, err := io.ReadAll(conn)
	require.NoError(t, err)
	assert.Equal(t, "Error - the server is stopping", string(text))
}

func TestFile(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "flexisip-b2bua-1")
	require.NoError(t, os.WriteFile(path, nil, 0o644), "what a process that was killed left")
	cfg := Config{Path: path, Handle: (&Table{}).Handle, Do: loop(t), Log: slog.New(slog.DiscardHandler)}
	s, err := Open(cfg)
	require.NoError(t, err)
	info, err := os.Lstat(path)
	require.NoError(t, err)
	assert.Equal(t, os.ModeSocket|0o600, info.Mode())
	second, err := Open(cfg)
	require.NoError(t, err, "a process of the same number takes over")
	s.Close()
	_, err = os.Lstat(path)
	require.NoError(t, err, "the socket of another one stays")
	second.Close()
	left, err := os.ReadDir(dir)
	require.NoError(t, err)
	assert.Empty(t, left)

	cfg.Path = filepath.Join(dir, "missing", "socket")
	_, err = Open(cfg)
	require.ErrorContains(t, err, "b2bua ctl")
	require.NoError(t, os.MkdirAll(filepath.Join(dir, "taken", "x"), 0o755))
	cfg.Path = filepath.Join(dir, "taken")
	_, err = Open(cfg)
	require.Error(t, err, "a directory stands there")
	left, err = os.ReadDir(dir)
	require.NoError(t, err)
	assert.Len(t, left, 1)
}

func TestFind(t *testing.T) {
	path, err := Find(17, "/nowhere")
	require.NoError(t, err)
	assert.Equal(t, "/tmp/flexisip-b2bua-17", path)
	file := filepath.Join(t.TempDir(), "pid")
	require.NoError(t, os.WriteFile(file, []byte("18\n"), 0o600))
	path, err = Find(0, file)
	require.NoError(t, err)
	assert.Equal(t, "/tmp/flexisip-b2bua-18", path)

	dir := t.TempDir()
	pattern := filepath.Join(dir, "b-0")
	_, err = only(pattern)
	require.ErrorIs(t, err, ErrNotFound)
	require.NoError(t, os.WriteFile(filepath.Join(dir, "b-1"), nil, 0o600))
	for i := 2; i < 4; i++ {
		one := filepath.Join(dir, fmt.Sprintf("b-%d", i))
		s, err := Open(Config{Path: one, Handle: (&Table{}).Handle, Do: loop(t), Log: slog.New(slog.DiscardHandler)})
		require.NoError(t, err)
		t.Cleanup(s.Close)
		path, err = only(pattern)
		if i == 2 {
			require.NoError(t, err)
			assert.Equal(t, one, path)
			continue
		}
		require.ErrorContains(t, err, "2 servers run; say which: --pid 2 or --pid 3")
	}
}

// The log never has what was asked for beyond its first word.
func TestArgumentsAreNotLogged(t *testing.T) {
	var log bytes.Buffer
	path := filepath.Join(t.TempDir(), "s")
	s, err := Open(Config{Path: path, Handle: (&Table{}).Handle, Do: loop(t), Log: slog.New(slog.NewTextHandler(&log, &slog.HandlerOptions{Level: slog.LevelDebug}))})
	require.NoError(t, err)
	original(t, path, "COMMAND geheim")
	s.Close()
	assert.Contains(t, log.String(), "COMMAND")
	assert.NotContains(t, log.String(), "geheim")
}
