package sqlstore

import (
	"fmt"
	"strings"
)

// option is one name=value of a connection string.
type option struct {
	name  string
	value string
	at    int // position of the name, in characters, from 1
}

// grammar is how the two backends of SOCI differ: MySQL knows single quotes and takes a backslash for an escape, SQLite knows
// double quotes. Single quotes are read for SQLite, too: the example of the documentation has them.
type grammar struct {
	quotes string
	escape bool
}

var (
	mysqlGrammar  = grammar{quotes: "'", escape: true}
	sqliteGrammar = grammar{quotes: `'"`}
)

// optionError never shows the text: what follows a password without quotes may be the rest of it.
type optionError struct {
	at    int
	after string // name of the option before it, "": none
	what  string
}

func (e *optionError) Error() string {
	if e.after == "" {
		return fmt.Sprintf("connection, character %d: %s", e.at, e.what)
	}
	return fmt.Sprintf("connection, character %d, after %s=: %s", e.at, e.after, e.what)
}

type optionReader struct {
	grammar
	text string
	at   int
	last string
}

// parseOptions splits a connection string.
func parseOptions(text string, g grammar) ([]option, error) {
	r := optionReader{grammar: g, text: text}
	var out []option
	for {
		r.space()
		if r.at == len(text) {
			return out, nil
		}
		o, err := r.option()
		if err != nil {
			return nil, err
		}
		out = append(out, o)
	}
}

func (r *optionReader) fail(what string) error {
	return &optionError{r.at + 1, r.last, what}
}

func isSpace(c byte) bool { return c == ' ' || c >= '\t' && c <= '\r' }

func (r *optionReader) space() {
	for r.at < len(r.text) && isSpace(r.text[r.at]) {
		r.at++
	}
}

func (r *optionReader) option() (option, error) {
	o := option{at: r.at + 1}
	start := r.at
	for r.at < len(r.text) && (isLetter(r.text[r.at]) || r.text[r.at] == '_') {
		r.at++
	}
	o.name = r.text[start:r.at]
	r.space()
	if o.name == "" || r.at == len(r.text) || r.text[r.at] != '=' {
		return o, r.fail("a name and = are expected; a value with spaces must be in single quotes")
	}
	r.at++
	r.space()
	value, err := r.value()
	o.value = value
	r.last = ""
	if knownOption(o.name) {
		r.last = o.name
	}
	return o, err
}

func (r *optionReader) value() (string, error) {
	var out strings.Builder
	start, quote := r.at, byte(0)
	if r.at < len(r.text) && strings.IndexByte(r.quotes, r.text[r.at]) >= 0 {
		quote = r.text[r.at]
		r.at++
	}
	for ; r.at < len(r.text); r.at++ {
		switch c := r.text[r.at]; {
		case quote != 0 && c == quote:
			r.at++
			return out.String(), nil
		case quote == 0 && isSpace(c):
			return out.String(), nil
		case quote == 0 && r.escape && c == '\'':
			return "", r.fail("a quote in a value that does not begin with one; write \\' for a quote that belongs to the value")
		case r.escape && c == '\\':
			r.at++
			if r.at == len(r.text) {
				return "", r.fail("a backslash at the end; write \\\\ for one that belongs to the value")
			}
			out.WriteByte(r.text[r.at])
		default:
			out.WriteByte(c)
		}
	}
	if quote != 0 {
		r.at = start
		return "", r.fail("the quote that begins here has no end")
	}
	return out.String(), nil
}

func isLetter(c byte) bool { return c|0x20 >= 'a' && c|0x20 <= 'z' }
