package control

import (
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"

	"b2bua/core/config"
)

// Settings answers CONFIG_LIST, CONFIG_GET and CONFIG_SET and their short names, in the original's words.
type Settings struct {
	Config *config.Settings
	// SetLevel changes the level of the log ("log-level") or of syslog ("syslog-level") of the running process.
	SetLevel func(key, level string) error
	// Changed is told what was set, for the log.
	Changed func(path, value string)

	idle map[string]string // those of idleSettings that were set
}

// idleSettings can be set and read although nothing here depends on them (spec 1.14).
var idleSettings = map[string]string{
	"debug": "false", "sofia-level": "5", "contextual-log-level": "debug", "contextual-log-filter": "",
	"show-body-for": "content-type == 'application/sdp'",
}

var levels = []string{"debug", "message", "warning", "error"}

// Handle implements Handler.
func (s *Settings) Handle(command string, args []string) Answer {
	switch command {
	case "CONFIG_GET", "GET":
		if len(args) == 0 {
			return errorText("'CONFIG_GET' command expects 1 argument: <path>")
		}
		return s.show(args[0], func(e config.Entry) string { return e.Section + "/" + e.Key + ": " + s.value(e) },
			func(e config.Entry) string { return "[" + e.Section + "]" })
	case "CONFIG_LIST", "LIST":
		if len(args) == 0 {
			return errorText("'CONFIG_LIST' command expects 1 argument: <section>")
		}
		return s.show(args[0], func(e config.Entry) string { return e.Key + ": " + e.Help }, func(e config.Entry) string { return "[" + e.Section + "]: " + e.Help })
	case "CONFIG_SET", "SET":
		return s.set(args)
	}
	return nil
}

// show prints one setting, the settings of a section, or the sections; each of several on a line that ends with CRLF.
func (s *Settings) show(path string, setting, section func(config.Entry) string) Answer {
	var b strings.Builder
	if path == "all" {
		for _, e := range s.Config.Sections() {
			b.WriteString(section(e) + "\r\n")
		}
		return Text(b.String())
	}
	name, key, one := strings.Cut(path, "/")
	if one {
		if e, ok := s.find(name, key); ok {
			return Text(setting(e))
		}
		return errorText("Not found: " + path)
	}
	list := s.Config.Entries(name)
	if list == nil {
		return errorText("Not found: " + path)
	}
	if isGlobal(name) {
		for _, key := range slices.Sorted(maps.Keys(idleSettings)) {
			list = append(list, idle(key))
		}
	}
	for _, e := range list {
		b.WriteString(setting(e) + "\r\n")
	}
	return Text(b.String())
}

func isGlobal(section string) bool { return strings.EqualFold(section, "global") }

func idle(key string) config.Entry {
	return config.Entry{Section: "global", Key: key, Value: idleSettings[key], Help: "Without effect in this program."}
}

func (s *Settings) find(section, key string) (config.Entry, bool) {
	if _, ok := idleSettings[key]; ok && isGlobal(section) {
		return idle(key), true
	}
	return s.Config.Find(section, key)
}

func (s *Settings) value(e config.Entry) string {
	if v, ok := s.idle[e.Key]; ok && isGlobal(e.Section) {
		return v
	}
	return e.Value
}

func (s *Settings) set(args []string) Answer {
	if len(args) < 2 {
		return errorText("'CONFIG_SET' command expects 2 arguments: <path> <value>")
	}
	path, value := args[0], args[1]
	section, key, _ := strings.Cut(path, "/")
	if _, ok := s.find(section, key); !ok {
		return errorText("Not found: " + path)
	}
	_, harmless := idleSettings[key]
	switch {
	case !isGlobal(section):
	case key == "log-level", key == "syslog-level":
		return s.setLevel(path, key, value)
	case key == "contextual-log-filter", key == "show-body-for":
		return s.keep(path, key, strings.Join(args[1:], " "))
	case key == "sofia-level":
		if n, err := strconv.Atoi(value); err != nil || n < 1 || n > 9 {
			return errorText("Failed to set Sofia-SIP log level: " + path + " levels range from 1 to 9")
		}
		return s.keep(path, key, value)
	case key == "contextual-log-level":
		if !slices.Contains(levels, value) {
			return unknownLevel(path, value)
		}
		return s.keep(path, key, value)
	case key == "debug": // the original takes any value for debug lines in the log
		return s.setLevel(path, "log-level", "debug")
	case harmless:
		return s.keep(path, key, value)
	}
	return errorText(fmt.Sprintf("Failed to set %q: setting cannot be set while Flexisip is running", value))
}

func unknownLevel(path, value string) Answer {
	return errorText(fmt.Sprintf("Failed to set %s: unknown log level %q, write one of %s", path, value, strings.Join(levels, ", ")))
}

func (s *Settings) setLevel(path, key, level string) Answer {
	if !slices.Contains(levels, level) {
		return unknownLevel(path, level)
	}
	if err := s.SetLevel(key, level); err != nil {
		return errorText(fmt.Sprintf("Failed to set %s: %v", path, err))
	}
	s.Config.Change("global", key, level)
	s.Changed(path, level)
	if path == "global/debug" {
		return s.keep(path, "debug", "true")
	}
	return Text(path + ": " + level)
}

func (s *Settings) keep(path, key, value string) Answer {
	if s.idle == nil {
		s.idle = map[string]string{}
	}
	s.idle[key] = value
	return Text(path + ": " + value)
}
