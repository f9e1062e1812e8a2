package config

import (
	"bytes"
	"strings"
)

// MaxFile bounds one file, so that a wrong path (a disk, a log) is refused instead of read.
const MaxFile = 4 << 20

// entry is one key=value with the place it was written at.
type entry struct {
	file         string
	line         int
	section, key string // lower case, as names compare without case
	value        string
	written      [2]string // section and key as they stand in the file, for messages
}

// place is the finding that an entry's faults start from.
func (e entry) place() Finding {
	return Finding{File: e.file, Line: e.line, Section: e.written[0], Key: e.written[1], Value: e.value}
}

const blanks = " \t"

// heading is a section header, kept for sections that have no entry.
type heading struct {
	name, written string // lower case, and as it stands in the file
	line          int
}

// iniReader goes through one file.
type iniReader struct {
	file     string
	report   *Report
	line     int // from 1
	section  heading
	entries  []entry
	headings []heading
}

// parseINI reads one file (spec 1.1). Whatever is no entry and no comment is reported and ignored, as the original ignores
// it in silence.
func parseINI(f File, r *Report) ([]entry, []heading) {
	if len(f.Data) > MaxFile {
		r.add(Finding{Severity: Fault, File: f.Name, Problem: "the file is too large for a configuration", Fix: "the path of an INI file"})
		return nil, nil
	}
	if line, ok := notText(f.Data); ok {
		r.add(Finding{
			Severity: Fault, File: f.Name, Line: line, Problem: "the file is not plain text: it holds bytes of UTF-16 or another encoding with zeros in it",
			Fix: "the same lines, saved as UTF-8",
		})
		return nil, nil
	}
	ini := iniReader{file: f.Name, report: r}
	for text := strings.TrimPrefix(string(f.Data), "\ufeff"); text != ""; {
		raw, rest, ended := strings.Cut(text, "\n")
		text = rest
		ini.line++
		if line := strings.TrimLeft(strings.TrimSuffix(raw, "\r"), blanks); line != "" && line[0] != '#' {
			ini.take(line, ended)
		}
	}
	return ini.entries, ini.headings
}

// notText finds a byte order mark of UTF-16 or a zero byte, which no setting has.
func notText(data []byte) (line int, found bool) {
	if bytes.HasPrefix(data, []byte{0xff, 0xfe}) || bytes.HasPrefix(data, []byte{0xfe, 0xff}) {
		return 1, true
	}
	at := bytes.IndexByte(data, 0)
	if at < 0 {
		return 0, false
	}
	return 1 + bytes.Count(data[:at], []byte{'\n'}), true
}

// take reads a line that is neither empty nor a comment; ended says whether a line end follows it.
func (ini *iniReader) take(line string, ended bool) {
	if line[0] == '[' {
		ini.header(line)
		return
	}
	e, problem, fix := parseEntry(line, ended)
	switch {
	case problem != "":
		ini.warn(withoutValue(line), problem, fix)
	case ini.section.name == "":
		ini.warn(withoutValue(line), "this key stands before the first section header and is ignored", "a line [section] above it")
	case e.key != "":
		e.file, e.line, e.section, e.written[0] = ini.file, ini.line, ini.section.name, ini.section.written
		ini.entries = append(ini.entries, e)
	}
}

func (ini *iniReader) header(line string) {
	switch name, closed := sectionName(line); {
	case !closed && ours(strings.ToLower(name)): // its keys would be another section's
		ini.warn(line, "this section header has no ]", line+"]")
		ini.report.Findings[len(ini.report.Findings)-1].Severity = Fault
	case !closed:
		ini.warn(line, "this section header has no ] and is ignored: the keys below belong to the section above", line+"]")
	case name == "":
		ini.warn(line, "this section header is empty and is ignored", "[name]")
	default:
		ini.section = heading{strings.ToLower(name), name, ini.line}
		ini.headings = append(ini.headings, ini.section)
	}
}

func (ini *iniReader) warn(line, problem, fix string) {
	ini.report.add(Finding{
		Severity: Warning, File: ini.file, Line: ini.line, Section: ini.section.written, Value: shorten(line), Problem: problem, Fix: fix,
	})
}

// sectionName is the first token between the brackets.
func sectionName(line string) (name string, closed bool) {
	inner, _, closed := strings.Cut(line[1:], "]")
	if fields := strings.FieldsFunc(inner, isBlank); len(fields) > 0 {
		name = fields[0]
	}
	return name, closed
}

func isBlank(r rune) bool { return r == ' ' || r == '\t' }

// parseEntry reads key=value. A key with nothing at all after its = is unset (spec 1.1 rule 5): the entry is empty then,
// unless the line is the last of the file and has no line end.
func parseEntry(line string, ended bool) (e entry, problem, fix string) {
	left, value, ok := strings.Cut(line, "=")
	names := strings.FieldsFunc(left, isBlank)
	switch {
	case !ok:
		return e, "this line has no = and is ignored", "key=value, or # in front of a comment"
	case len(names) == 0:
		return e, "this line has no key before its = and is ignored", "key=value"
	case len(names) > 1:
		return e, "there is more than one word before the =, the line is ignored", strings.Join(names, "-") + "=…"
	case value == "" && ended:
		return e, "", ""
	}
	return entry{key: strings.ToLower(names[0]), value: strings.Trim(value, blanks), written: [2]string{"", names[0]}}, "", ""
}
