package config

import (
	"cmp"
	"fmt"
	"strings"
)

// Severity is what a finding does to the start.
type Severity int

// Severities, the mildest first.
const (
	Warning Severity = iota // noted; the program runs
	Skipped                 // one rule is left out, an error in the log; the program runs
	Fault                   // the program does not start
)

func (s Severity) String() string {
	switch s {
	case Warning:
		return "warning"
	case Skipped:
		return "error"
	case Fault:
		return "fault"
	}
	return "unknown"
}

// Finding is one thing that is wrong with the configuration, and what to write instead.
type Finding struct {
	Severity Severity
	File     string // as named by the caller; "--set" for an override; empty: no single place
	Line     int    // from 1; 0: none
	Column   int    // from 1; 0: none
	Section  string
	Key      string
	Value    string // as written; passwords redacted
	Pair     int    // position in a list of rules, from 1; 0: not about a pair
	Item     string // what the list consists of; empty: pairs
	Problem  string
	Fix      string // what to write instead

	soft bool // stays a warning when strict is on
}

// Place is file:line, as far as known.
func (f Finding) Place() string {
	switch {
	case f.File == "":
		return "configuration"
	case f.Line == 0:
		return f.File
	case f.Column > 0:
		return fmt.Sprintf("%s:%d:%d", f.File, f.Line, f.Column)
	default:
		return fmt.Sprintf("%s:%d", f.File, f.Line)
	}
}

// Name is section/key, or the section alone.
func (f Finding) Name() string {
	switch {
	case f.Key == "":
		return f.Section
	case f.Section == "":
		return f.Key
	default:
		return f.Section + "/" + f.Key
	}
}

// String is the finding on one line, for logs.
func (f Finding) String() string { return f.head() + "; write " + printable(f.Fix) }

// head is where and what.
func (f Finding) head() string {
	var b strings.Builder
	b.WriteString(f.Place())
	if name := f.Name(); name != "" {
		fmt.Fprintf(&b, ": %s", printable(name))
	}
	if f.Value != "" && !strings.Contains(f.Problem, shorten(f.Value)) {
		fmt.Fprintf(&b, " = %s", printable(shorten(f.Value)))
	}
	if f.Pair > 0 {
		fmt.Fprintf(&b, ": %s %d", cmp.Or(f.Item, "pair"), f.Pair)
		if f.Severity == Skipped {
			b.WriteString(" is skipped")
		}
	}
	fmt.Fprintf(&b, ": %s", printable(f.Problem))
	return b.String()
}

// Text is the finding for a terminal: one line on what is wrong, one on what to write.
func (f Finding) Text() string { return f.head() + "\n    write: " + printable(f.Fix) }

const maxShown = 120 // characters of a value in a message

func shorten(s string) string {
	if len(s) <= maxShown {
		return s
	}
	return strings.ToValidUTF8(s[:maxShown], "") + "…"
}

// printable escapes what would end a line or steer a terminal.
func printable(s string) string {
	clean := func(r rune) bool { return r < ' ' || r >= 0x7f && r < 0xa0 || r == '\ufffd' }
	if strings.IndexFunc(s, clean) < 0 {
		return s
	}
	var b strings.Builder
	for _, r := range s {
		if clean(r) {
			fmt.Fprintf(&b, `\x%02x`, r)
			continue
		}
		b.WriteRune(r)
	}
	return b.String()
}

// Report is everything that Load found, in the order of files and lines.
type Report struct {
	Findings []Finding

	files  []File
	places map[[2]string]entry // of what was set, by section and canonical key, both lower case
}

// Add puts in what others found wrong with a setting that Load could read: each names its Section and Key, and gets the place
// where that was set. Warnings among them stay warnings when strict is on.
func (r *Report) Add(list ...Finding) {
	for _, f := range r.Placed(list) {
		f.soft = true
		r.add(f)
	}
	r.sort(r.files)
}

// Placed are findings of others with the place where each setting was set.
func (r *Report) Placed(list []Finding) []Finding {
	var out []Finding
	for _, f := range list {
		if e, ok := r.places[[2]string{strings.ToLower(f.Section), f.Key}]; ok {
			f.File, f.Line = e.file, e.line
		}
		out = append(out, f)
	}
	return out
}

// Failed tells whether the program must not start.
func (r *Report) Failed() bool { return r.Count(Fault) > 0 }

// Count is the number of findings of one severity.
func (r *Report) Count(s Severity) int {
	n := 0
	for _, f := range r.Findings {
		if f.Severity == s {
			n++
		}
	}
	return n
}

// Of lists the findings of one severity.
func (r *Report) Of(s Severity) []Finding {
	var list []Finding
	for _, f := range r.Findings {
		if f.Severity == s {
			list = append(list, f)
		}
	}
	return list
}

func (r *Report) add(f Finding) { r.Findings = append(r.Findings, f) }
