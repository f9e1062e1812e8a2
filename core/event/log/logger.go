package log

import (
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"path/filepath"
	"sync"
	"sync/atomic"
	"syscall"
	"time"
)

// Options say where lines go.
type Options struct {
	Terminal      io.Writer // nil: none
	TerminalLevel slog.Level
	Directory     string // of the file, created with its parents; empty: no file
	Filename      string
	FileLevel     slog.Level
	Syslog        bool
	SyslogLevel   slog.Level
	SyslogTag     string // process name in syslog
	SyslogSocket  string // path of its socket; empty: the system's
	// Faults is told of a sink that fails, when there is no terminal. nil: nobody is.
	Faults io.Writer
	// Patience is how long Close waits for the last lines to be written; 0: a second.
	Patience time.Duration
}

// Logger owns the sinks. It is safe for use by several goroutines and never makes one wait for a sink: each has a bounded
// queue and a goroutine that writes. A sink that does not keep up loses lines, which it counts and tells.
type Logger struct {
	opt      Options
	terminal *sink
	faults   *sink
	syslog   *sink
	file     atomic.Pointer[sink]
	path     atomic.Pointer[string]
	opening  sync.Mutex // one Reopen or Close at a time; no line needs it
	closed   bool
}

// Open opens the sinks. A sink that cannot be opened is left out and named in the error, which tells what to do; the Logger
// is usable all the same.
func Open(opt Options) (*Logger, error) {
	l := &Logger{opt: opt}
	if opt.Terminal != nil {
		l.terminal = newSink("the terminal", opt.TerminalLevel, &stream{w: opt.Terminal, final: hungUp}, l.fault)
	}
	if opt.Faults != nil {
		l.faults = newSink("standard error", Error, &stream{w: opt.Faults, final: hungUp}, func(*sink, error) {}) // nobody is left to tell
	}
	var errs []error
	if opt.Directory != "" {
		if err := l.reopen(); err != nil {
			errs = append(errs, fmt.Errorf("no log file: %w; make the directory writable or set global/log-directory", err))
		}
	}
	if opt.Syslog {
		d, err := dialSyslog(opt.SyslogSocket, opt.SyslogTag)
		if err != nil {
			errs = append(errs, fmt.Errorf("no syslog: %w; start a syslog daemon or leave --syslog out", err))
		} else {
			l.syslog = newSink("syslog", opt.SyslogLevel, d, l.fault)
		}
	}
	return l, errors.Join(errs...)
}

// hungUp recognises the errors of a terminal or pipe whose other end is gone.
func hungUp(err error) bool {
	for _, gone := range []error{syscall.EPIPE, syscall.EIO, syscall.EBADF, syscall.ENXIO, os.ErrClosed, io.ErrClosedPipe} {
		if errors.Is(err, gone) {
			return true
		}
	}
	return false
}

// Handler is what log/slog writes to.
func (l *Logger) Handler() slog.Handler { return &handler{to: l} }

// Path is the log file, empty when there is none.
func (l *Logger) Path() string {
	if p := l.path.Load(); p != nil {
		return *p
	}
	return ""
}

// Reopen closes the file and opens it by its name again, with its directory: after logrotate has renamed it, lines go to a
// new one. When that fails, lines go on into the old one, and whoever reads the other sinks is told.
func (l *Logger) Reopen() error {
	if l.opt.Directory == "" {
		return nil
	}
	err := l.reopen()
	if err != nil {
		l.tell(nil, fmt.Sprintf("the log file could not be opened anew, lines go where they went: %v; make %s writable and send HUP again",
			err, l.opt.Directory))
	}
	return err
}

func (l *Logger) reopen() error {
	l.opening.Lock()
	defer l.opening.Unlock()
	if l.closed {
		return os.ErrClosed
	}
	if err := os.MkdirAll(l.opt.Directory, 0o750); err != nil {
		return err
	}
	f, err := os.OpenFile(filepath.Join(l.opt.Directory, l.opt.Filename), os.O_WRONLY|os.O_APPEND|os.O_CREATE, 0o640)
	if err != nil {
		return err
	}
	name := f.Name()
	l.path.Store(&name)
	if s := l.file.Load(); s != nil {
		s.replace(&stream{w: f})
		return nil
	}
	l.file.Store(newSink("the log file", l.opt.FileLevel, &stream{w: f}, l.fault))
	return nil
}

func (l *Logger) sinks() [4]*sink { return [4]*sink{l.terminal, l.file.Load(), l.syslog, l.faults} }

// Flush waits until every line so far is written, at most so long. False: some sink does not take them.
func (l *Logger) Flush(patience time.Duration) bool {
	expired := time.NewTimer(patience)
	defer expired.Stop()
	for _, s := range l.sinks() {
		if s == nil {
			continue
		}
		select {
		case <-s.flushed():
		case <-expired.C:
			return false
		}
	}
	return true
}

// Close writes what is queued and closes the sinks; later lines are lost. A sink that does not take its lines in time is left
// as it is and named in the error. Close may be called again.
func (l *Logger) Close() error {
	l.opening.Lock()
	defer l.opening.Unlock()
	if l.closed {
		return nil
	}
	l.closed = true
	patience := l.opt.Patience
	if patience <= 0 {
		patience = time.Second
	}
	var errs []error
	expired := time.NewTimer(patience)
	defer expired.Stop()
	late := false
	for _, s := range l.sinks() {
		if s != nil {
			s.close()
		}
	}
	for _, s := range l.sinks() {
		if s == nil {
			continue
		}
		if !late {
			select {
			case <-s.done:
			case <-expired.C:
				late = true
			}
		}
		select {
		case <-s.done:
			errs = append(errs, s.err)
		default:
			errs = append(errs, fmt.Errorf("%s did not take the last lines", s.name))
		}
	}
	l.path.Store(nil)
	return errors.Join(errs...)
}

// Banner writes the line that every start leaves, whatever the levels.
func (l *Logger) Banner(at time.Time, version string) {
	line := Line(at, Message, "main", "Starting Flexisip-b2bua server [version: "+version+"]")
	for _, s := range [...]*sink{l.terminal, l.file.Load(), l.syslog} {
		if s.takes(Fatal) {
			s.put(Message, line)
		}
	}
}

// SetLevel changes what the terminal and the log file show, from the next line on.
func (l *Logger) SetLevel(level slog.Level) {
	l.opening.Lock()
	defer l.opening.Unlock()
	l.opt.FileLevel = level // of files that are opened later
	for _, s := range [...]*sink{l.terminal, l.file.Load()} {
		if s != nil {
			s.level.Store(int64(level))
		}
	}
}

// SetSyslogLevel changes what goes to syslog, from the next line on.
func (l *Logger) SetSyslogLevel(level slog.Level) {
	if l.syslog != nil {
		l.syslog.level.Store(int64(level))
	}
}

// enabled tells whether some sink takes the level.
func (l *Logger) enabled(level slog.Level) bool {
	return l.terminal.takes(level) || l.file.Load().takes(level) || l.syslog.takes(level)
}

func (l *Logger) write(level slog.Level, line []byte) {
	for _, s := range [...]*sink{l.terminal, l.file.Load(), l.syslog} {
		if s.takes(level) {
			s.put(level, line)
		}
	}
}

// fault tells the readers of the other sinks that one fails. It runs on the goroutine of that one.
func (l *Logger) fault(s *sink, err error) {
	text := fmt.Sprintf("%s cannot be written: %v; it is tried again with each line", s.name, err)
	if s.gone.Load() {
		text = fmt.Sprintf("%s went away (%v), the program goes on without it", s.name, err)
	}
	l.tell(s, text)
}

// tell writes a line to all sinks but one, whatever their levels, and to Faults when there is no terminal.
func (l *Logger) tell(but *sink, text string) {
	line := Line(time.Now(), Error, "log", text)
	for _, s := range [...]*sink{l.terminal, l.file.Load(), l.syslog} {
		if s != but && s.takes(Fatal) {
			s.put(Error, line)
		}
	}
	if (but != nil && but == l.terminal || !l.terminal.takes(Fatal)) && l.faults.takes(Fatal) {
		l.faults.put(Error, line)
	}
}
