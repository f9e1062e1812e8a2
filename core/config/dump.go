package config

import (
	"fmt"
	"strings"
	"time"
)

// Sections lists the names of all sections of the table.
func Sections() []string {
	var names []string
	for _, s := range table() {
		names = append(names, display(s.name))
	}
	return names
}

// Overrides lists section/key of every setting whose section begins with the prefix; "all" lists all.
func Overrides(prefix string) []string {
	var names []string
	for _, s := range table() {
		if prefix != "all" && !strings.HasPrefix(s.name, strings.ToLower(prefix)) {
			continue
		}
		for _, k := range s.keys {
			names = append(names, display(s.name)+"/"+k.name)
		}
	}
	return names
}

// display is the usual spelling of a section; names compare without case.
func display(section string) string {
	if section == sectionRegistrar {
		return "module::Registrar"
	}
	return section
}

// Dump is the commented default file: one section, or "all". It loads again and gives the defaults. False: no such section.
func Dump(name string) (string, bool) {
	return dump(func(s section) bool { return name == "all" || strings.EqualFold(s.name, name) }, nil)
}

// Rewrite is the commented file with the values that the given files set. Passwords are written as they are. What the table
// does not know, and values of other servers, are left out.
func Rewrite(files []File, sets []string) string {
	l := &loader{sections: table(), report: &Report{}, merged: map[[2]string]entry{}}
	for _, f := range files {
		l.file(f)
	}
	for _, s := range sets {
		l.override(s)
	}
	text, _ := dump(func(section) bool { return true }, l.merged)
	return text
}

func dump(wanted func(section) bool, values map[[2]string]entry) (string, bool) {
	var b strings.Builder
	found := false
	for _, s := range table() {
		if !wanted(s) {
			continue
		}
		found = true
		writeSection(&b, s, values)
	}
	return b.String(), found
}

func writeSection(b *strings.Builder, s section, values map[[2]string]entry) {
	b.WriteString("##\n")
	for _, line := range wrap(s.help) {
		b.WriteString("## " + line + "\n")
	}
	fmt.Fprintf(b, "##\n[%s]\n\n", display(s.name))
	for _, k := range s.keys {
		for _, line := range wrap(k.help) {
			b.WriteString("# " + line + "\n")
		}
		b.WriteString(strings.TrimRight("# Default: "+k.def, " ") + "\n")
		if k.unit != 0 {
			fmt.Fprintf(b, "# Default unit: %s\n", unitLong(k.unit))
		}
		if e, ok := values[[2]string{s.name, k.name}]; ok {
			fmt.Fprintf(b, "%s=%s\n\n", k.name, emptyAsBlank(e.value))
			continue
		}
		fmt.Fprintf(b, "#%s=%s\n\n", k.name, k.def)
	}
}

// emptyAsBlank keeps a set empty value apart from an unset one (spec 1.1 rule 5).
func emptyAsBlank(v string) string {
	if v == "" {
		return " "
	}
	return v
}

func unitLong(d time.Duration) string {
	if d == time.Millisecond {
		return "milliseconds"
	}
	return "seconds"
}

const dumpWidth = 118

// wrap fills lines with the words of a help text. An empty line of the text starts a new line, and a line that begins with
// "Example" stands alone and whole, so that it can be copied.
func wrap(text string) []string {
	var lines []string
	line := ""
	flush := func() {
		if line != "" {
			lines = append(lines, line)
		}
		line = ""
	}
	for source := range strings.SplitSeq(text, "\n") {
		if source == "" || strings.HasPrefix(source, "Example") {
			flush()
			line = source
			continue
		}
		for word := range strings.FieldsSeq(source) {
			if len(line)+1+len(word) > dumpWidth {
				flush()
			}
			line = strings.TrimPrefix(line+" "+word, " ")
		}
	}
	flush()
	return lines
}
