package config

import (
	"slices"
	"strings"

	"b2bua/core/suggest"
)

const redacted = "[redacted]"

// mayBeSecret tells from a key that the table does not know whether its value may be a password that was meant for another.
func (l *loader) mayBeSecret(name string) bool {
	name = strings.ToLower(name)
	telling := func(word string) bool { return strings.Contains(name, word) }
	if slices.ContainsFunc([]string{"pass", "secret", "auth", "key", "token"}, telling) {
		return true
	}
	var secrets []string
	for _, s := range l.sections {
		for _, k := range s.keys {
			if k.secret {
				secrets = append(secrets, k.name)
			}
		}
	}
	return slices.Contains(secrets, name) || suggest.Closest(name, secrets) != ""
}

// unknown is the finding that the faults of an entry start from whose key the table does not know.
func (l *loader) unknown(e entry) Finding {
	f := e.place()
	if f.Value != "" && l.mayBeSecret(e.key) {
		f.Value = redacted
	}
	return f
}

// withoutValue is what may be shown of a line that could not be read: a password may stand anywhere in it but before the =.
func withoutValue(line string) string {
	if left, _, ok := strings.Cut(line, "="); ok {
		return shorten(strings.TrimRight(left, blanks)) + "=" + redacted
	}
	return ""
}
