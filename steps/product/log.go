package product

import (
	"regexp"
	"strings"
	"time"
)

// Line is one line that the process printed, on either output.
type Line struct {
	At    time.Time // when it was read
	Level string    // debug, message, warning, error, fatal; empty for a line that is no log line
	Text  string    // whole line
}

// logLine is the format of Flexisip: date, time with milliseconds, "flexisip-<level>-", context, message.
var logLine = regexp.MustCompile(`^\d{4}-\d\d-\d\d \d\d:\d\d:\d\d[:.,]\d{3} flexisip-(debug|message|warning|error|fatal)- `)

func readLine(at time.Time, text string) Line {
	line := Line{At: at, Text: text}
	if m := logLine.FindStringSubmatch(text); m != nil {
		line.Level = m[1]
	}
	return line
}

// Message is the text after the level.
func (l Line) Message() string {
	if l.Level == "" {
		return l.Text
	}
	_, rest, _ := strings.Cut(l.Text, "flexisip-"+l.Level+"- ")
	return rest
}

// isCrash tells the first line of a panic, of a fatal error of the runtime, or of a report of the race detector.
func (l Line) isCrash() bool {
	return l.Level == "" && (strings.HasPrefix(l.Text, "panic: ") || strings.HasPrefix(l.Text, "fatal error: ") ||
		strings.HasPrefix(l.Text, "WARNING: DATA RACE") || strings.HasPrefix(l.Text, "SIGSEGV") || strings.HasPrefix(l.Text, "unexpected fault address"))
}

// isCaughtPanic tells a panic that the product caught and logged, at whatever level.
func (l Line) isCaughtPanic() bool {
	return l.Level != "" && (strings.Contains(l.Text, "panic") || strings.Contains(l.Text, "runtime error:"))
}

func (l Line) isError() bool { return l.Level == "error" || l.Level == "fatal" }
