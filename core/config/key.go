package config

import (
	"errors"
	"fmt"
	"path"
	"strings"
	"time"

	"b2bua/core/suggest"
)

// key is one row of the table: all that is known about a setting.
type key struct {
	name    string
	aliases []string // other spellings; the documents disagree on some
	kind    string   // type, in the words of the help
	def     string   // default, as it would be written in a file
	unit    time.Duration
	help    string
	secret  bool // never shown
	// store puts the value into a Config. It returns a *valueError or errBoolean, and leaves the Config as it was then.
	store func(c *Config, v value) error
}

// value is a setting on its way into a Config.
type value struct {
	text string
	file string        // where it was written, for relative paths; "": default or override
	add  func(Finding) // reports something about a part of the value; place and names are filled in
}

// warn notes what is odd but accepted.
func (v value) warn(problem, fix string) {
	v.add(Finding{Severity: Warning, Value: v.text, Problem: problem, Fix: fix, soft: true})
}

// section is a group of keys.
type section struct {
	name  string
	help  string
	keys  []key
	noted map[string]string // names that are accepted with a warning: deprecated, without effect
	// quiet names are keys that belong to Flexisip's other servers: accepted without a word.
	quiet []string
}

func boolean(name, def, help string, at func(*Config) *bool) key {
	return key{name: name, kind: "Boolean", def: def, help: help, store: func(c *Config, v value) error {
		b, err := parseBool(v.text)
		if err == nil {
			*at(c) = b
		}
		return err
	}}
}

func integer(name, def, help string, at func(*Config) *int, check func(int) error) key {
	return key{name: name, kind: "Integer", def: def, help: help, store: func(c *Config, v value) error {
		n, junk, err := parseInt(v.text)
		if err == nil && check != nil {
			err = check(n)
		}
		if err != nil {
			return err
		}
		if junk != "" {
			v.warn(fmt.Sprintf("%q after the number is ignored", junk), fmt.Sprintf("%s=%d", name, n))
		}
		*at(c) = n
		return nil
	}}
}

func positive(n int) error {
	if n <= 0 {
		return refuse("a number from 1", "it must be strictly positive")
	}
	return nil
}

func port(name, def, help string, at func(*Config) *uint16) key {
	k := integer(name, def, help, nil, nil)
	k.store = func(c *Config, v value) error {
		n, junk, err := parseInt(v.text)
		if err == nil && (n < 1 || n > 65535 || junk != "") {
			err = refuse("a port from 1 to 65535", "it is not a port")
		}
		if err == nil {
			*at(c) = uint16(n)
		}
		return err
	}
	return k
}

func ports(name, def, help string, at func(*Config) *PortRange) key {
	return parsed(name, "IntegerRange", def, help, at, parsePorts)
}

func duration(name, def string, unit time.Duration, help string, at func(*Config) *time.Duration, checks ...func(time.Duration) error) key {
	return key{name: name, kind: "Duration", def: def, unit: unit, help: help, store: func(c *Config, v value) error {
		d, err := parseDuration(v.text, unit)
		for _, check := range checks {
			if err == nil {
				err = check(d)
			}
		}
		if err != nil {
			return err
		}
		if digits, ok := strings.CutSuffix(v.text, "m"); ok {
			v.warn("m means months", digits+"min for minutes")
		}
		*at(c) = d
		return nil
	}}
}

// meant warns of a bare number that is shorter than any value somebody could mean: he thinks of the seconds that [b2bua-server] counts in.
func meant(k key, least time.Duration) key {
	store := k.store
	k.store = func(c *Config, v value) error {
		if err := store(c, v); err != nil {
			return err
		}
		if d, err := parseDuration(v.text, k.unit); err == nil && d > 0 && d < least && isDigits(v.text) {
			v.warn(fmt.Sprintf("without a unit it counts %s: %s is %s%s", unitName(k.unit), v.text, v.text, unitName(k.unit)),
				fmt.Sprintf("%ss; or %s%s, if it is meant", v.text, v.text, unitName(k.unit)))
		}
		return nil
	}
	return k
}

func isDigits(s string) bool { return strings.Trim(s, "0123456789") == "" }

func aboveZero(d time.Duration) error {
	if d <= 0 {
		return refuse("a duration from 1 unit, such as 30s", "duration must be strictly positive")
	}
	return nil
}

func text(name, def, help string, at func(*Config) *string) key {
	return key{name: name, kind: "String", def: def, help: help, store: func(c *Config, v value) error {
		*at(c) = v.text
		return nil
	}}
}

// file is a path; a relative one belongs to the directory of the file that names it.
func file(name, def, help string, at func(*Config) *string) key {
	return key{name: name, kind: "String", def: def, help: help, store: func(c *Config, v value) error {
		*at(c) = v.text
		if v.text != "" && v.file != "" && !strings.HasPrefix(v.text, "/") {
			*at(c) = path.Join(path.Dir(v.file), v.text)
		}
		return nil
	}}
}

func parsed[T any](name, kind, def, help string, at func(*Config) *T, parse func(string) (T, error)) key {
	return key{name: name, kind: kind, def: def, help: help, store: func(c *Config, v value) error {
		x, err := parse(v.text)
		if err == nil {
			*at(c) = x
		}
		return err
	}}
}

// choice is a text out of a list; unknown is the original's message for any other.
func choice[T ~string](name, def, help, unknown string, at func(*Config) *T, allowed ...T) key {
	return parsed(name, "String", def, help, at, func(v string) (T, error) {
		names := make([]string, len(allowed))
		for i, a := range allowed {
			if names[i] = string(a); names[i] == v {
				return a, nil
			}
		}
		fix := "one of " + strings.Join(names, ", ")
		if guess := suggest.Closest(v, names); guess != "" {
			fix = guess
		}
		return "", refuse(fix, "%s", unknown)
	})
}

// explain turns the error of a store into a finding, in the words of the original followed by what to write.
func explain(e entry, k key, err error) Finding {
	f := e.place()
	f.Severity = Fault
	if k.secret {
		f.Value = redacted
	}
	var refused *valueError
	switch {
	case errors.Is(err, errBoolean):
		f.Problem = fmt.Sprintf("invalid value '%s' for key '%s' in section '%s'", shorten(f.Value), k.name, e.section)
		f.Fix = k.name + "=true or " + k.name + "=false"
	case errors.As(err, &refused):
		f.Problem = fmt.Sprintf("invalid value for parameter '%s/%s' (%s): %s", e.section, k.name, shorten(f.Value), refused.reason)
		f.Fix = refused.fix
	default:
		f.Problem, f.Fix = err.Error(), "a valid value"
	}
	return f
}
