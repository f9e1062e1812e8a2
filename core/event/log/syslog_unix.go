//go:build !windows && !plan9

package log

import (
	"log/slog"
	"log/syslog"
)

// dialSyslog connects to the daemon at socket, or where the system has it.
func dialSyslog(socket, tag string) (target, error) {
	network := ""
	if socket != "" {
		network = "unixgram"
	}
	w, err := syslog.Dial(network, socket, syslog.LOG_DAEMON|syslog.LOG_INFO, tag)
	if err != nil {
		return nil, err
	}
	return daemon{w}, nil
}

// daemon writes to syslog, one message for each line.
type daemon struct{ w *syslog.Writer }

func (t daemon) lost(error) bool { return false } // log/syslog connects again
func (t daemon) close() error    { return t.w.Close() }

// write sends the whole line: Flexisip does, and log readers expect its format there too.
func (t daemon) write(b *batch) error {
	begin := 0
	for _, m := range b.marks {
		if err := t.line(m.level, string(b.data[begin:m.end-1])); err != nil {
			return err
		}
		begin = m.end
	}
	return nil
}

func (t daemon) line(level slog.Level, text string) error {
	switch LevelName(level) {
	case "debug":
		return t.w.Debug(text)
	case "message":
		return t.w.Info(text)
	case "warning":
		return t.w.Warning(text)
	case "error":
		return t.w.Err(text)
	default:
		return t.w.Crit(text)
	}
}
