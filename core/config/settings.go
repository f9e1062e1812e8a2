package config

import "strings"

// Settings are the values in use as text, for people who ask a running server. Passwords are redacted.
type Settings struct {
	sections []section
	values   map[[2]string]string
}

// Entry is one setting, or one section with an empty Key.
type Entry struct{ Section, Key, Value, Help string }

// Settings of the files that the report is about.
func (r *Report) Settings() *Settings {
	s := &Settings{sections: table(), values: map[[2]string]string{}}
	for id, e := range r.places {
		s.values[id] = e.value
	}
	return s
}

// Sections in the order of the default file.
func (s *Settings) Sections() []Entry {
	var out []Entry
	for _, one := range s.sections {
		out = append(out, Entry{Section: display(one.name), Help: oneLine(one.help)})
	}
	return out
}

// Entries of a section; nil: there is no such section.
func (s *Settings) Entries(name string) []Entry {
	one := s.section(name)
	if one == nil {
		return nil
	}
	out := make([]Entry, 0, len(one.keys))
	for i := range one.keys {
		out = append(out, s.entry(one, &one.keys[i]))
	}
	return out
}

// Find looks a setting up by any of its spellings.
func (s *Settings) Find(name, key string) (Entry, bool) {
	one := s.section(name)
	if one == nil {
		return Entry{}, false
	}
	k := one.find(key)
	if k == nil {
		return Entry{}, false
	}
	return s.entry(one, k), true
}

// Change notes a value that was changed in the running process.
func (s *Settings) Change(name, key, value string) {
	if one := s.section(name); one != nil {
		s.values[[2]string{one.name, key}] = value
	}
}

func (s *Settings) section(name string) *section {
	for i := range s.sections {
		if strings.EqualFold(s.sections[i].name, name) {
			return &s.sections[i]
		}
	}
	return nil
}

func (s *Settings) entry(in *section, k *key) Entry {
	e := Entry{Section: display(in.name), Key: k.name, Value: k.def, Help: oneLine(k.help)}
	if v, ok := s.values[[2]string{in.name, k.name}]; ok {
		e.Value = v
	}
	if k.secret && e.Value != "" {
		e.Value = redacted
	}
	return e
}

func oneLine(help string) string { return strings.Join(strings.Fields(help), " ") }
