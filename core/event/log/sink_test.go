package log

import (
	"bytes"
	"fmt"
	"io"
	"log/slog"
	"net"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// gate is a terminal that takes nothing until it is opened.
type gate struct {
	opened chan struct{}
	bytes.Buffer
}

func (g *gate) Write(p []byte) (int, error) {
	<-g.opened
	return g.Buffer.Write(p)
}

func open(t *testing.T, opt Options) (*Logger, *slog.Logger) {
	t.Helper()
	l, err := Open(opt)
	require.NoError(t, err)
	return l, slog.New(l.Handler())
}

func TestTerminalThatTakesNothingHoldsNobodyUp(t *testing.T) {
	dir := t.TempDir()
	g := &gate{opened: make(chan struct{})}
	l, log := open(t, Options{Terminal: g, TerminalLevel: Debug, Directory: dir, Filename: "x.log", FileLevel: Error, Patience: 20 * time.Second})
	long := strings.Repeat("x", 1000)
	const lines = 3 * queueSize / 1000
	for i := range lines { // returns at all: no call waits for the terminal
		log.Info(fmt.Sprintf("line %d %s", i, long))
	}
	log.Error("an error has a reserve")
	require.False(t, l.Flush(time.Millisecond), "the terminal is stuck")
	require.Eventually(t, func() bool {
		file, _ := os.ReadFile(filepath.Join(dir, "x.log"))
		return strings.Contains(string(file), "an error has a reserve")
	}, 20*time.Second, time.Millisecond, "the other sinks go on")
	assert.Less(t, len(l.terminal.pending.data), queueSize+queueReserve+1)

	close(g.opened)
	require.True(t, l.Flush(20*time.Second))
	log.Info("goes on")
	require.True(t, l.Flush(20*time.Second))
	text := g.String()
	require.NoError(t, l.Close())
	kept := strings.Count(text, " - line ")
	assert.Contains(t, text, fmt.Sprintf("%d lines were dropped, the terminal does not take them\n", lines-kept))
	assert.Equal(t, 1, strings.Count(text, "were dropped"))
	assert.Contains(t, text, "an error has a reserve")
	assert.Regexp(t, `were dropped[^\n]*\n[^\n]* - goes on\n$`, text, "told where they are missing")
	last := -1
	for i, line := range strings.Split(text, "\n")[:kept] {
		require.Contains(t, line, fmt.Sprintf(" - line %d ", i), "in order, without a gap before the notice")
		last = i
	}
	assert.Equal(t, kept-1, last)
}

func TestCloseDoesNotWaitForAStuckSink(t *testing.T) {
	dir := t.TempDir()
	g := &gate{opened: make(chan struct{})}
	l, log := open(t, Options{Terminal: g, Directory: dir, Filename: "x.log", Patience: 10 * time.Millisecond})
	log.Error("refused")
	log.Info("stopped: calls=0")
	require.ErrorContains(t, l.Close(), "the terminal did not take the last lines")
	log.Info("later")
	file, err := os.ReadFile(filepath.Join(dir, "x.log"))
	require.NoError(t, err)
	assert.Contains(t, string(file), " - refused\n")
	assert.True(t, strings.HasSuffix(string(file), "stopped: calls=0\n"), "the healthy sink has the last line")
	assert.False(t, l.Flush(time.Millisecond))
	close(g.opened)
	<-l.terminal.done
}

func TestLastLinesAreWrittenBeforeTheEnd(t *testing.T) {
	dir := t.TempDir()
	var out bytes.Buffer
	l, log := open(t, Options{Terminal: &out, Directory: dir, Filename: "x.log", Patience: 20 * time.Second})
	for i := range 10000 {
		log.Info("line", "i", i)
	}
	log.Info("stopped: calls=0 streams=0 flows=0")
	require.NoError(t, l.Close())
	file, err := os.ReadFile(filepath.Join(dir, "x.log"))
	require.NoError(t, err)
	for _, text := range []string{string(file), out.String()} {
		assert.Equal(t, 10001, strings.Count(text, "\n"))
		assert.True(t, strings.HasSuffix(text, " - stopped: calls=0 streams=0 flows=0\n"))
	}
}

func TestTerminalThatWentAwayIsDropped(t *testing.T) {
	ours, theirs := net.Pipe()
	require.NoError(t, theirs.Close())
	r, w, err := os.Pipe()
	require.NoError(t, err)
	require.NoError(t, r.Close())
	for name, terminal := range map[string]io.WriteCloser{"pipe": w, "connection": ours} { // the runtime takes SIGPIPE for descriptors above 2
		t.Run(name, func(t *testing.T) {
			dir := t.TempDir()
			var faults bytes.Buffer
			l, log := open(t, Options{Terminal: terminal, Faults: &faults, Directory: dir, Filename: "x.log", FileLevel: Fatal})
			log.Info("one")
			written(t, log)
			assert.False(t, l.enabled(Message), "nobody reads it any more")
			log.Log(t.Context(), Fatal, "two")
			written(t, log)
			require.NoError(t, l.Close())
			file, err := os.ReadFile(filepath.Join(dir, "x.log"))
			require.NoError(t, err)
			assert.Equal(t, 1, strings.Count(string(file), "the terminal went away ("), string(file))
			assert.Contains(t, string(file), " - two\n")
			assert.Equal(t, 1, strings.Count(faults.String(), "the terminal went away ("))
			_ = terminal.Close()
		})
	}
}

// flaky fails as long as it is told to.
type flaky struct {
	bytes.Buffer
	mu  sync.Mutex
	err error
	cut int // takes that much of the failing write
}

func (f *flaky) Write(p []byte) (int, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.err != nil {
		_, _ = f.Buffer.Write(p[:f.cut])
		return f.cut, f.err
	}
	return f.Buffer.Write(p)
}

func (f *flaky) set(err error, cut int) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.err, f.cut = err, cut
}

func TestLinesThatFoundNoSpaceAreCounted(t *testing.T) {
	f := &flaky{}
	l, log := open(t, Options{Terminal: f, Faults: io.Discard})
	f.set(syscall.ENOSPC, 5)
	log.Info("one")
	written(t, log)
	f.set(syscall.ENOSPC, 0)
	log.Info("two")
	written(t, log)
	f.set(nil, 0)
	log.Info("three")
	require.NoError(t, l.Close())
	got := strings.Split(strings.TrimSpace(f.String()), "\n")
	require.Len(t, got, 3, f.String())
	assert.Len(t, got[0], 5, "the torn line ends before the next begins")
	assert.Contains(t, got[1], "2 lines were dropped, the terminal does not take them")
	assert.Contains(t, got[2], " - three")
}

func TestOneLineIsOneLine(t *testing.T) {
	s := &sink{name: "syslog"}
	assert.Contains(t, string(s.notice(1).data), " - 1 line was dropped, syslog does not take them\n")
}

func TestReopenMakesTheDirectory(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "a", "b")
	l, log := open(t, Options{Directory: dir, Filename: "x.log"})
	require.NoError(t, os.RemoveAll(dir))
	require.NoError(t, l.Reopen())
	require.NoError(t, l.Reopen(), "twice in a row")
	log.Info("here")
	require.NoError(t, l.Close())
	file, err := os.ReadFile(filepath.Join(dir, "x.log"))
	require.NoError(t, err)
	assert.Contains(t, string(file), " - here\n")
	assert.ErrorIs(t, l.Reopen(), os.ErrClosed)
}

func TestReopenThatFailsIsToldOnStandardError(t *testing.T) {
	top := t.TempDir()
	dir := filepath.Join(top, "logs")
	var faults bytes.Buffer
	l, log := open(t, Options{Directory: dir, Filename: "x.log", Faults: &faults})
	require.NoError(t, os.Rename(dir, dir+".old"))
	require.NoError(t, os.WriteFile(dir, nil, 0o600))
	require.Error(t, l.Reopen())
	log.Info("goes on")
	require.NoError(t, l.Close())
	assert.Contains(t, faults.String(), "the log file could not be opened anew, lines go where they went: ")
	file, err := os.ReadFile(filepath.Join(dir+".old", "x.log"))
	require.NoError(t, err)
	assert.Contains(t, string(file), "goes on")
}

func TestReopenThatComesLateFindsAFile(t *testing.T) {
	top := t.TempDir()
	dir := filepath.Join(top, "logs")
	require.NoError(t, os.WriteFile(dir, nil, 0o600))
	l, err := Open(Options{Directory: dir, Filename: "x.log"})
	require.Error(t, err)
	require.NoError(t, os.Remove(dir))
	require.NoError(t, l.Reopen())
	slog.New(l.Handler()).Info("now")
	require.NoError(t, l.Close())
	file, err := os.ReadFile(filepath.Join(dir, "x.log"))
	require.NoError(t, err)
	assert.Contains(t, string(file), " - now\n")
}

// Each goroutine's lines keep their order, whatever the others and a rotation do.
func TestOrderUnderLoad(t *testing.T) {
	dir := t.TempDir()
	l, log := open(t, Options{Directory: dir, Filename: "x.log", Patience: 20 * time.Second})
	const writers, lines = 4, 2000
	var all sync.WaitGroup
	for w := range writers {
		all.Go(func() {
			for i := range lines {
				log.Info("say", "w", w, "i", i)
			}
		})
	}
	var texts []byte
	for n := range 5 {
		old := filepath.Join(dir, fmt.Sprint(n))
		require.NoError(t, os.Rename(filepath.Join(dir, "x.log"), old))
		require.NoError(t, l.Reopen())
		written(t, log)
		part, err := os.ReadFile(old)
		require.NoError(t, err)
		texts = append(texts, part...)
	}
	all.Wait()
	require.NoError(t, l.Close())
	part, err := os.ReadFile(filepath.Join(dir, "x.log"))
	require.NoError(t, err)
	texts = append(texts, part...)
	next := [writers]int{}
	for line := range strings.Lines(string(texts)) {
		var w, i int
		_, err := fmt.Sscanf(line[strings.Index(line, " - say")+len(" - say"):], " w=%d i=%d", &w, &i)
		require.NoError(t, err, line)
		require.Equal(t, next[w], i)
		next[w]++
	}
	assert.Equal(t, [writers]int{lines, lines, lines, lines}, next)
}

func TestPlaceOfALine(t *testing.T) {
	for function, want := range map[string]string{
		"b2bua/core/server.(*server).stop":              "server-stop",
		"b2bua/core/server.(*server).stop.func1":        "server-stop",
		"b2bua/core/server.(*server).stop-range1":       "server-stop",
		"b2bua/core/server.(*server).stop.func2-range1": "server-stop",
		"b2bua/core/server.stop.gowrap1.2":              "server-stop",
		"main.main":                                     "main-main",
		"main.main.func1":                               "main-main",
		"":                                              "b2bua",
	} {
		assert.Equal(t, want, place(function), function)
	}
}

func TestLineIsCheap(t *testing.T) {
	l, log := open(t, Options{Terminal: io.Discard})
	assert.LessOrEqual(t, testing.AllocsPerRun(1000, func() { log.Info("call 1 (leg A x): INVITE from a to b") }), 6.0, "the race detector empties pools at random")
	require.NoError(t, l.Close())
	require.NoError(t, l.Reopen(), "no file, nothing to open")
}
