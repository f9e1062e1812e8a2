package log

import (
	"errors"
	"fmt"
	"io"
	"log/slog"
	"log/syslog"
	"os"
	"path/filepath"
	"sync"
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
}

// Logger owns the sinks. It is safe for use by several goroutines; a line is written with one write.
type Logger struct {
	opt    Options
	mu     sync.Mutex
	file   *os.File
	syslog *syslog.Writer
	failed bool // the last write to the file failed, and the terminal has been told
}

// Open opens the sinks. A sink that cannot be opened is left out and named in the error, which tells what to do; the Logger
// is usable all the same.
func Open(opt Options) (*Logger, error) {
	l := &Logger{opt: opt}
	var errs []error
	if opt.Directory != "" {
		if err := os.MkdirAll(opt.Directory, 0o750); err != nil {
			errs = append(errs, fmt.Errorf("no log file: %w; create the directory or set global/log-directory", err))
		} else if err := l.reopen(); err != nil {
			errs = append(errs, fmt.Errorf("no log file: %w; make the directory writable or set global/log-directory", err))
		}
	}
	if opt.Syslog {
		network := ""
		if opt.SyslogSocket != "" {
			network = "unixgram"
		}
		w, err := syslog.Dial(network, opt.SyslogSocket, syslog.LOG_DAEMON|syslog.LOG_INFO, opt.SyslogTag)
		if err != nil {
			errs = append(errs, fmt.Errorf("no syslog: %w; start a syslog daemon or leave --syslog out", err))
		}
		l.syslog = w
	}
	return l, errors.Join(errs...)
}

// Handler is what log/slog writes to.
func (l *Logger) Handler() slog.Handler { return &handler{to: l} }

// Path is the log file, empty when there is none.
func (l *Logger) Path() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.file == nil {
		return ""
	}
	return l.file.Name()
}

// Reopen closes the file and opens it by its name again: after logrotate has renamed it, lines go to a new one. When that
// fails, lines go on into the old one.
func (l *Logger) Reopen() error {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.opt.Directory == "" {
		return nil
	}
	return l.reopen()
}

func (l *Logger) reopen() error {
	f, err := os.OpenFile(filepath.Join(l.opt.Directory, l.opt.Filename), os.O_WRONLY|os.O_APPEND|os.O_CREATE, 0o640)
	if err != nil {
		return err
	}
	if l.file != nil {
		_ = l.file.Close() // every line was written by a call of its own
	}
	l.file, l.failed = f, false
	return nil
}

// Close closes the sinks; later lines go to the terminal only. It may be called again.
func (l *Logger) Close() error {
	l.mu.Lock()
	defer l.mu.Unlock()
	var errs []error
	if l.file != nil {
		errs = append(errs, l.file.Close())
		l.file = nil
	}
	if l.syslog != nil {
		errs = append(errs, l.syslog.Close())
		l.syslog = nil
	}
	return errors.Join(errs...)
}

// Banner writes the line that every start leaves, whatever the levels.
func (l *Logger) Banner(at time.Time, version string) {
	line := Line(at, Message, "main", "Starting Flexisip-b2bua server [version: "+version+"]")
	l.mu.Lock()
	defer l.mu.Unlock()
	_ = l.toTerminal(line)
	_ = l.toFile(line)
	l.toSyslog(Message, line)
}

// lowest is the least urgent level that some sink takes.
func (l *Logger) lowest() slog.Level {
	lowest := Fatal + 1
	if l.opt.Terminal != nil {
		lowest = l.opt.TerminalLevel
	}
	if l.opt.Directory != "" {
		lowest = min(lowest, l.opt.FileLevel)
	}
	if l.opt.Syslog {
		lowest = min(lowest, l.opt.SyslogLevel)
	}
	return lowest
}

func (l *Logger) write(level slog.Level, line []byte) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	var err error
	if level >= l.opt.TerminalLevel {
		err = l.toTerminal(line)
	}
	if level >= l.opt.FileLevel {
		err = errors.Join(err, l.toFile(line))
	}
	if level >= l.opt.SyslogLevel {
		l.toSyslog(level, line)
	}
	return err
}

func (l *Logger) toTerminal(line []byte) error {
	if l.opt.Terminal == nil {
		return nil
	}
	_, err := l.opt.Terminal.Write(line)
	return err
}

// toFile writes to the file. A full disk must not end calls: it is told once on the terminal, and tried again each line.
func (l *Logger) toFile(line []byte) error {
	if l.file == nil {
		return nil
	}
	_, err := l.file.Write(line)
	if err != nil && !l.failed && l.opt.Terminal != nil {
		_, _ = fmt.Fprintf(l.opt.Terminal, "the log file cannot be written: %v\n", err)
	}
	l.failed = err != nil
	return err
}

// toSyslog sends the whole line: Flexisip does, and log readers expect its format there too.
func (l *Logger) toSyslog(level slog.Level, line []byte) {
	if l.syslog == nil {
		return
	}
	text := string(line[:len(line)-1])
	var err error
	switch LevelName(level) {
	case "debug":
		err = l.syslog.Debug(text)
	case "message":
		err = l.syslog.Info(text)
	case "warning":
		err = l.syslog.Warning(text)
	case "error":
		err = l.syslog.Err(text)
	default:
		err = l.syslog.Crit(text)
	}
	if err != nil && l.opt.Terminal != nil {
		_, _ = fmt.Fprintf(l.opt.Terminal, "syslog cannot be written: %v\n", err)
	}
}
