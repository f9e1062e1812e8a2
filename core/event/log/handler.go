// Package log writes records as Flexisip writes its log lines.
//
// A Logger fans out to the terminal, a file that can be opened anew for logrotate, and syslog, each with its own lowest
// level. It is a slog.Handler: everything else in the program logs through log/slog and knows nothing of it.
//
//	2026-11-22 10:15:00:123 flexisip-message- call-onInvite - call 1 (leg A x): INVITE from … key=value
package log

import (
	"context"
	"log/slog"
	"runtime"
	"strconv"
	"strings"
	"sync"
	"time"
	"unicode/utf8"
)

// Levels of Flexisip's scale as slog levels.
const (
	Debug   = slog.LevelDebug
	Message = slog.LevelInfo
	Warning = slog.LevelWarn
	Error   = slog.LevelError
	Fatal   = slog.Level(12)
)

// ContextKey is the attribute that replaces the context of a line, which is the package and function of the caller otherwise.
const ContextKey = "context"

// LevelName is the name of the level in a line.
func LevelName(l slog.Level) string {
	switch {
	case l < Message:
		return "debug"
	case l < Warning:
		return "message"
	case l < Error:
		return "warning"
	case l < Fatal:
		return "error"
	default:
		return "fatal"
	}
}

// ParseLevel reads the name of a level; an unknown name is Message.
func ParseLevel(name string) slog.Level {
	switch name {
	case "debug":
		return Debug
	case "warning":
		return Warning
	case "error":
		return Error
	case "fatal":
		return Fatal
	default:
		return Message
	}
}

// handler formats records and hands them to the sinks of a Logger.
type handler struct {
	to      *Logger
	attrs   string // formatted attributes of With
	groups  string // prefix of attribute names, with its dot
	context string
}

// Enabled tells whether some sink takes the level.
func (h *handler) Enabled(_ context.Context, l slog.Level) bool { return h.to.enabled(l) }

// buffers hold lines while they are formatted: a line costs no allocation of its own.
var buffers = sync.Pool{New: func() any { return &scratch{line: make([]byte, 0, 512), attrs: make([]byte, 0, 256)} }}

type scratch struct {
	line, attrs []byte
	where       string
}

// Handle queues one line; it never waits and never fails.
func (h *handler) Handle(_ context.Context, r slog.Record) error {
	b := buffers.Get().(*scratch)
	b.attrs, b.where = append(b.attrs[:0], h.attrs...), h.context
	r.Attrs(func(a slog.Attr) bool {
		if a.Key == ContextKey && h.groups == "" {
			b.where = a.Value.String()
		} else {
			b.attrs = appendAttr(b.attrs, h.groups, a)
		}
		return true
	})
	if b.where == "" {
		b.where = caller(r.PC)
	}
	b.line = appendHead(b.line[:0], r.Time, r.Level, b.where)
	b.line = append(appendPlain(appendPlain(b.line, r.Message), b.attrs), '\n')
	h.to.write(r.Level, b.line)
	if cap(b.line)+cap(b.attrs) < 64<<10 {
		buffers.Put(b)
	}
	return nil
}

// WithAttrs adds attributes to every line.
func (h *handler) WithAttrs(attrs []slog.Attr) slog.Handler {
	c := *h
	out := []byte(h.attrs)
	for _, a := range attrs {
		if a.Key == ContextKey && h.groups == "" {
			c.context = a.Value.String()
			continue
		}
		out = appendAttr(out, h.groups, a)
	}
	c.attrs = string(out)
	return &c
}

// WithGroup prefixes the names of the attributes that follow.
func (h *handler) WithGroup(name string) slog.Handler {
	if name == "" {
		return h
	}
	c := *h
	c.groups += name + "."
	return &c
}

// appendAttr writes " name=value". Values decide how they print, so secrets print redacted.
func appendAttr(b []byte, groups string, a slog.Attr) []byte {
	v := a.Value.Resolve()
	if v.Kind() == slog.KindGroup {
		if a.Key != "" {
			groups += a.Key + "."
		}
		for _, inner := range v.Group() {
			b = appendAttr(b, groups, inner)
		}
		return b
	}
	if a.Key == "" {
		return b
	}
	text := v.String()
	b = append(append(append(b, ' '), groups...), a.Key...)
	b = append(b, '=')
	if text == "" || strings.ContainsAny(text, " =\"") {
		return strconv.AppendQuote(b, text)
	}
	return append(b, text...)
}

// timeFormat is Flexisip's; milliseconds follow a colon and are written by hand, as Go's layouts know only . and , there.
const timeFormat = "2006-01-02 15:04:05"

// Line formats one record, with its line end. The message stays on one line whatever a stranger put into it.
func Line(at time.Time, l slog.Level, where, message string) []byte {
	b := appendHead(make([]byte, 0, 64+len(where)+len(message)), at, l, where)
	return append(appendPlain(b, message), '\n')
}

// appendHead writes what precedes the message.
func appendHead(b []byte, at time.Time, l slog.Level, where string) []byte {
	b = at.AppendFormat(b, timeFormat)
	ms := at.Nanosecond() / int(time.Millisecond)
	b = append(b, ':', byte('0'+ms/100), byte('0'+ms/10%10), byte('0'+ms%10))
	b = append(append(append(b, " flexisip-"...), LevelName(l)...), "- "...)
	return append(appendPlain(b, where), " - "...)
}

// appendPlain escapes control characters and what is no UTF-8: a line must not be split, nor a terminal steered.
func appendPlain[T string | []byte](b []byte, s T) []byte {
	for i := 0; i < len(s); {
		if c := s[i]; c >= ' ' && c < 0x7f {
			b = append(b, c)
			i++
			continue
		}
		r, n := utf8.DecodeRuneInString(string(s[i:min(i+utf8.UTFMax, len(s))]))
		switch {
		case r == utf8.RuneError && n == 1:
			b = append(b, `\x`...)
			b = append(b, "0123456789abcdef"[s[i]>>4], "0123456789abcdef"[s[i]&15])
		case r == '\n':
			b = append(b, `\n`...)
		case r == '\r':
			b = append(b, `\r`...)
		case r == '\t':
			b = append(b, `\t`...)
		case r < ' ' || r >= 0x7f && r < 0xa0 || r == 0x2028 || r == 0x2029:
			b = append(b, `\u`...)
			for shift := 12; shift >= 0; shift -= 4 {
				b = append(b, "0123456789abcdef"[r>>shift&15])
			}
		default:
			b = append(b, s[i:i+n]...)
		}
		i += n
	}
	return b
}

// callers remembers the names of the places that log: there are few, and looking one up is dear.
var callers sync.Map // uintptr -> string

// caller is package-function of the code that logged.
func caller(pc uintptr) string {
	if name, ok := callers.Load(pc); ok {
		return name.(string)
	}
	name := "b2bua"
	if pc != 0 {
		frame, _ := runtime.CallersFrames([]uintptr{pc}).Next()
		name = place(frame.Function)
	}
	callers.Store(pc, name)
	return name
}

// place shortens b2bua/core/server.(*server).stop.func1 to server-stop.
func place(function string) string {
	name := function[strings.LastIndexByte(function, '/')+1:]
	parts := strings.FieldsFunc(name, func(r rune) bool { return r == '.' || r == '(' || r == ')' || r == '*' })
	if len(parts) == 0 {
		return "b2bua"
	}
	last := len(parts) - 1
	for last > 1 && isClosure(parts[last]) {
		last--
	}
	named, _, _ := strings.Cut(parts[last], "-range") // the body of a range over a function: stop-range1
	return parts[0] + "-" + named
}

// isClosure recognises the compiler's names of function literals: func1, gowrap2, 3, func1-range2.
func isClosure(name string) bool {
	name, _, _ = strings.Cut(name, "-range")
	name = strings.TrimPrefix(strings.TrimPrefix(name, "func"), "gowrap")
	_, err := strconv.Atoi(name)
	return err == nil
}
