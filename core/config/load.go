package config

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"b2bua/core/suggest"
)

// File is the content of an INI file under the name to use in messages. Relative paths in it start at the name's directory.
type File struct {
	Name string
	Data []byte
}

// setOrigin is the file name of overrides.
const setOrigin = "--set"

// Load reads files, later ones overriding earlier ones, then overrides of the form section/key=value. The Config is always
// complete: what is wrong keeps its default. It may be used only if the report has not Failed.
func Load(files []File, sets []string) (*Config, *Report) {
	l := &loader{sections: table(), report: &Report{}, merged: map[[2]string]entry{}}
	for i, f := range files {
		// Findings are sorted by the place of a file in the list; a file given twice is a mistake but has one place.
		if slices.ContainsFunc(files[:i], func(o File) bool { return o.Name == f.Name }) {
			l.report.add(Finding{Severity: Warning, File: f.Name, Problem: "this file is given twice", Fix: "each file once", soft: true})
		}
		l.file(f)
	}
	for _, s := range sets {
		l.override(s)
	}
	c := &Config{}
	l.store(c)
	l.crossCheck(c)
	if c.Own.Strict {
		l.report.tighten()
	}
	l.report.files, l.report.places = files, l.merged
	l.report.sort(files)
	return c, l.report
}

type loader struct {
	sections []section
	report   *Report
	merged   map[[2]string]entry // by section and canonical key, both lower case
}

// section finds a section of the table.
func (l *loader) section(name string) *section {
	for i := range l.sections {
		if strings.EqualFold(l.sections[i].name, name) {
			return &l.sections[i]
		}
	}
	return nil
}

// find looks a key up by any of its spellings.
func (s *section) find(name string) *key {
	for i := range s.keys {
		if s.keys[i].name == name || slices.Contains(s.keys[i].aliases, name) {
			return &s.keys[i]
		}
	}
	return nil
}

// file takes the entries of one file.
func (l *loader) file(f File) {
	entries, headings := parseINI(f, l.report)
	l.headings(f.Name, headings)
	first := map[[2]string]entry{}
	spelling := map[[2]string]string{}
	for _, e := range entries {
		known := l.known(e, Warning)
		id := [2]string{e.section, e.key}
		if known != nil {
			id[1] = known.name
		}
		old, again := first[id]
		switch {
		case again && spelling[id] != e.key && old.value == e.value: // transport and transports agree
			continue
		case again && spelling[id] != e.key:
			f := e.place()
			f.Severity, f.Problem = Fault, fmt.Sprintf("%s on line %d has another value (%s), and both mean the same", spelling[id], old.line, shorten(old.value))
			f.Fix = "one of the two lines"
			l.report.add(f)
			continue
		case again:
			f := e.place()
			f.Severity, f.Problem = Fault, fmt.Sprintf("Configuration file parsing error: key \"%s\" has several entrances. The first is on line %d", e.written[1], old.line)
			f.Fix = "the key once in its section"
			if known == nil && l.mayBeSecret(e.key) || known != nil && known.secret {
				f.Value = redacted
			}
			l.report.add(f)
			continue
		}
		first[id], spelling[id] = e, e.key
		if known != nil {
			l.merged[id] = e
		}
	}
}

// headings reports sections that nobody knows, once each and file.
func (l *loader) headings(file string, list []heading) {
	seen := map[string]bool{}
	for _, h := range list {
		if seen[h.name] || l.section(h.name) != nil || slices.Contains(foreign, h.name) {
			continue
		}
		seen[h.name] = true
		f := Finding{Severity: Warning, File: file, Line: h.line, Section: h.written, Problem: "unknown section, its keys are ignored", Fix: "nothing, if it belongs to a plug-in of the proxy"}
		if ours(h.name) {
			f.Severity, f.Problem = Fault, "unknown section (invalid section(s) and/or item(s) in the configuration file are not allowed)"
			f.Fix = "one of the sections that b2bua --list-sections prints"
		}
		if guess := suggest.Closest(h.name, l.names()); guess != "" {
			f.Fix = "[" + guess + "] (did you mean it?)"
		}
		l.report.add(f)
	}
}

// ours tells whether a section is this program's alone, so that an unknown name in it is a mistake (decision 5).
func ours(section string) bool { return strings.HasPrefix(section, "b2bua") }

func (l *loader) names() []string {
	var names []string
	for _, s := range l.sections {
		names = append(names, s.name)
	}
	return append(names, foreign...)
}

// known is the key of an entry. An unknown one is reported, at the given severity where the section is shared.
func (l *loader) known(e entry, shared Severity) *key {
	s := l.section(e.section)
	if s == nil {
		return nil // the section has been reported already, or is another server's
	}
	if k := s.find(e.key); k != nil {
		return k
	}
	f := l.unknown(e)
	if slices.Contains(s.quiet, e.key) {
		return nil
	}
	if why, ok := s.noted[e.key]; ok {
		f.Severity, f.Problem, f.Fix, f.soft = Warning, why, "nothing: the line can be removed", true
		l.report.add(f)
		return nil
	}
	f.Severity = shared
	f.Problem = fmt.Sprintf("Unsupported parameter '%s' in section [%s] at line %d.", e.written[1], e.written[0], e.line)
	if e.file == setOrigin {
		f.Problem = fmt.Sprintf("Unsupported parameter '%s' in section [%s].", e.written[1], e.written[0])
	}
	if ours(e.section) {
		f.Severity = Fault
		f.Problem += " invalid section(s) and/or item(s) in the configuration file are not allowed"
	}
	f.Fix = l.suggest(s, e.key)
	l.report.add(f)
	return nil
}

// suggest is what may have been meant by an unknown key.
func (l *loader) suggest(s *section, name string) string {
	var names []string
	for _, k := range s.keys {
		names = append(names, k.name)
	}
	if guess := suggest.Closest(name, names); guess != "" {
		return guess + " (did you mean it?)"
	}
	for i := range l.sections {
		if l.sections[i].find(name) != nil {
			return fmt.Sprintf("it in section [%s], where this key belongs", l.sections[i].name)
		}
	}
	return fmt.Sprintf("one of the keys that b2bua --list-overrides %s prints", s.name)
}

// override takes one section/key=value. An empty value is ignored (spec 1.1.3).
func (l *loader) override(text string) {
	name, v, hasValue := strings.Cut(text, "=")
	sectionName, keyName, hasKey := strings.Cut(strings.Trim(name, blanks), "/")
	e := entry{file: setOrigin, section: strings.ToLower(sectionName), key: strings.ToLower(keyName), value: strings.Trim(v, blanks), written: [2]string{sectionName, keyName}}
	switch {
	case !hasValue || !hasKey || sectionName == "" || keyName == "" || strings.Contains(text, "\x00"):
		l.report.add(Finding{
			Severity: Fault, File: setOrigin, Value: cmp.Or(withoutValue(text), text), Problem: "this is not section/key=value",
			Fix: "for example --set b2bua-server/max-calls=100",
		})
		return
	case slices.Contains(foreign, e.section):
		return
	case l.section(e.section) == nil:
		f := l.unknown(e)
		f.Severity, f.Problem, f.Fix = Fault, "unknown section", "one of the names that b2bua --list-overrides all prints"
		if guess := suggest.Closest(e.section, l.names()); guess != "" {
			f.Fix = guess + "/" + e.key + " (did you mean it?)"
		}
		l.report.add(f)
		return
	}
	if k := l.known(e, Fault); k != nil && e.value != "" {
		l.merged[[2]string{e.section, k.name}] = e
	}
}

// store puts every key into the Config: its default, then what was written. The sections go last to first, so that the
// rules find the time limit that they are compiled with.
func (l *loader) store(c *Config) {
	for i := len(l.sections) - 1; i >= 0; i-- {
		s := &l.sections[i]
		for _, k := range s.keys {
			if err := k.store(c, value{text: k.def, add: func(Finding) {}}); err != nil {
				panic(fmt.Sprintf("config: default of %s/%s: %v", s.name, k.name, err))
			}
			if e, ok := l.merged[[2]string{s.name, k.name}]; ok {
				l.storeEntry(c, k, e)
			}
		}
	}
	c.Global.LogFilename = strings.ReplaceAll(c.Global.LogFilename, "{server}", "b2bua")
	_, c.Registrar.RedisConfigured = l.merged[[2]string{sectionRegistrar, "redis-server-domain"}]
}

func (l *loader) storeEntry(c *Config, k key, e entry) {
	v := value{text: e.value, add: func(f Finding) {
		at := e.place()
		f.File, f.Line, f.Section, f.Key = at.File, at.Line, at.Section, at.Key
		l.report.add(f)
	}}
	if e.file != setOrigin {
		v.file = e.file
	}
	if err := k.store(c, v); err != nil {
		l.report.add(explain(e, k, err))
	}
}

// tighten makes faults of what strict does not tolerate.
func (r *Report) tighten() {
	for i := range r.Findings {
		if f := &r.Findings[i]; f.Severity == Skipped || f.Severity == Warning && !f.soft {
			f.Severity = Fault
		}
	}
}

// sort orders findings as an operator goes through the files.
func (r *Report) sort(files []File) {
	order := func(f Finding) int {
		i := slices.IndexFunc(files, func(o File) bool { return o.Name == f.File })
		switch {
		case i >= 0:
			return i
		case f.File == setOrigin:
			return len(files)
		default:
			return len(files) + 1
		}
	}
	slices.SortStableFunc(r.Findings, func(a, b Finding) int {
		return cmp.Or(cmp.Compare(order(a), order(b)), cmp.Compare(a.Line, b.Line))
	})
}
