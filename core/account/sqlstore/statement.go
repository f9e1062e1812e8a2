package sqlstore

import (
	"fmt"
	"slices"
	"strings"
)

// Placeholder is what an update query has in the place of the identifier.
const Placeholder = ":identifier"

// Statement is a query that reads, ready to run.
type Statement struct {
	Text string // each :identifier is a ?
	Args int    // number of them
}

// StatementError is what is wrong with a query, and where.
type StatementError struct {
	At   int // byte, from 1; 0: the whole
	What string
}

func (e *StatementError) Error() string {
	if e.At == 0 {
		return e.What
	}
	return fmt.Sprintf("character %d: %s", e.At, e.What)
}

// CompileStatement checks that a query is one single statement that only reads, and replaces its placeholders. This is a net
// for mistakes in front of the session, which refuses writes itself; writing files is what only this net catches.
func CompileStatement(b Backend, text string) (Statement, error) {
	if b == SQLite {
		return compile(lexer{text: text})
	}
	s, err := compile(lexer{text: text, mysql: true, escapes: true})
	if err != nil {
		return s, err
	}
	// With NO_BACKSLASH_ESCAPES or ANSI_QUOTES a server ends a string elsewhere.
	if other, err := compile(lexer{text: text, mysql: true}); err != nil || other != s {
		return Statement{}, &StatementError{0, `a backslash before a quote means one thing or another depending on the server's sql_mode; write '' for a quote in a string`}
	}
	return s, nil
}

// token is a word, a string ('s'), a quoted name ('n'), a placeholder ('p') or any other character.
type token struct {
	kind byte // 'w', 's', 'n', 'p', or the character
	word string
	at   int
	end  int
}

func compile(l lexer) (Statement, error) {
	tokens, err := l.all()
	if err != nil {
		return Statement{}, err
	}
	if n := len(tokens); n > 0 && tokens[n-1].kind == ';' {
		tokens = tokens[:n-1]
	}
	if err := readsOnly(tokens, l.mysql); err != nil {
		return Statement{}, err
	}
	var out strings.Builder
	s, from := Statement{}, 0
	for _, t := range tokens {
		if t.kind == 'p' {
			out.WriteString(l.text[from:t.at])
			out.WriteByte('?')
			from = t.end
			s.Args++
		}
	}
	out.WriteString(l.text[from:tokens[len(tokens)-1].end])
	s.Text = out.String()
	return s, nil
}

// openers begin statements that only read. TABLE is a short SELECT of MySQL 8.
var openers = []string{"SELECT", "WITH", "VALUES", "TABLE"}

// readsOnly looks for what writes.
func readsOnly(tokens []token, mysql bool) error {
	first := slices.IndexFunc(tokens, func(t token) bool { return t.kind != '(' })
	if first < 0 {
		return &StatementError{0, "it is empty"}
	}
	if t := tokens[first]; t.kind != 'w' || !slices.Contains(openers, t.word) {
		return &StatementError{t.at + 1, "only a statement that reads is run: it must begin with SELECT, or WITH"}
	}
	for i, t := range tokens {
		next := token{}
		if i+1 < len(tokens) {
			next = tokens[i+1]
		}
		switch {
		case t.kind == ';':
			return &StatementError{t.at + 1, "only one statement is run, and another one begins after this semicolon"}
		case t.kind == '?':
			return &StatementError{t.at + 1, "nothing is bound to ?; write " + Placeholder}
		case !mysql && (t.kind == '@' || t.kind == '$'):
			return &StatementError{t.at + 1, "nothing is bound to this parameter; write " + Placeholder}
		case t.kind == 'w' && !named(tokens[:i], t) && writes(t.word, next, mysql):
			return &StatementError{t.at + 1, t.word + " is refused: nothing is ever written, neither rows nor files"}
		}
	}
	return nil
}

// named tells whether a word is the second part of a.b, where keywords are names. 1.INTO is a number before a keyword.
func named(before []token, t token) bool {
	n := len(before)
	if n < 2 || before[n-1].kind != '.' || before[n-1].end != t.at || before[n-2].end != before[n-1].at {
		return false
	}
	owner := before[n-2]
	return owner.kind == 'n' || owner.kind == 'w' && !isDigit(owner.word[0])
}

// writes tells whether a keyword or function changes anything. REPLACE and INSERT are functions of strings, too.
func writes(word string, next token, mysql bool) bool {
	switch word {
	case "INTO", "OUTFILE", "DUMPFILE", "UPDATE", "DELETE", "ATTACH", "DETACH", "VACUUM", "PRAGMA", "LOAD_EXTENSION":
		return true
	case "NEXTVAL", "SETVAL": // sequences of MariaDB
		return mysql
	case "NEXT":
		return next.word == "VALUE"
	case "REPLACE", "INSERT":
		return next.kind != '('
	}
	return false
}

// lexer splits a statement as the two databases do.
type lexer struct {
	text    string
	mysql   bool
	escapes bool // a backslash in a string escapes
	at      int
}

func (l *lexer) all() ([]token, error) {
	var out []token
	for l.at < len(l.text) {
		start := l.at
		skipped, err := l.blank()
		if err != nil {
			return nil, err
		}
		if skipped {
			continue
		}
		t, err := l.token()
		if err != nil {
			return nil, err
		}
		t.at, t.end = start, l.at
		out = append(out, t)
	}
	return out, nil
}

func (l *lexer) peek(n int) byte {
	if l.at+n < len(l.text) {
		return l.text[l.at+n]
	}
	return 0
}

func (l *lexer) fail(what string) error { return &StatementError{l.at + 1, what} }

// blank skips a space or a comment.
func (l *lexer) blank() (bool, error) {
	c := l.peek(0)
	switch {
	case isSpace(c):
		l.at++
		return true, nil
	case c == '-' && l.peek(1) == '-' && (!l.mysql || l.peek(2) <= ' '), c == '#' && l.mysql:
		if n := strings.IndexByte(l.text[l.at:], '\n'); n >= 0 {
			l.at += n + 1
		} else {
			l.at = len(l.text)
		}
		return true, nil
	case c == '/' && l.peek(1) == '*':
		if l.mysql && (l.peek(2) == '!' || l.peek(2) == 'M' && l.peek(3) == '!') {
			return false, l.fail("a comment that the server runs is refused; write its text without /*! and */")
		}
		n := strings.Index(l.text[l.at+2:], "*/")
		if n < 0 {
			return false, l.fail("the comment that begins here has no end")
		}
		l.at += n + 4
		return true, nil
	}
	return false, nil
}

func (l *lexer) token() (token, error) {
	switch c := l.peek(0); {
	case c == '\'' || c == '"':
		return token{kind: 's'}, l.quoted(c, l.escapes)
	case c == '`':
		return token{kind: 'n'}, l.quoted(c, false)
	case c == '[' && !l.mysql:
		n := strings.IndexByte(l.text[l.at:], ']')
		if n < 0 {
			return token{}, l.fail("the name that begins here has no end")
		}
		l.at += n + 1
		return token{kind: 'n'}, nil
	case c == ':' && isWord(l.peek(1)):
		return l.placeholder()
	case isWord(c) && (l.mysql || c != '$'):
		return token{kind: 'w', word: strings.ToUpper(l.word())}, nil
	case c == 0:
		return token{}, l.fail("it has a NUL")
	default:
		l.at++
		return token{kind: c}, nil
	}
}

func (l *lexer) word() string {
	start := l.at
	for l.at < len(l.text) && isWord(l.text[l.at]) {
		l.at++
	}
	return l.text[start:l.at]
}

func (l *lexer) placeholder() (token, error) {
	start := l.at
	l.at++
	if name := l.word(); ":"+name != Placeholder {
		l.at = start
		return token{}, l.fail("nothing is bound to :" + name + "; write " + Placeholder)
	}
	return token{kind: 'p'}, nil
}

// quoted skips a string or name; a doubled quote is part of it.
func (l *lexer) quoted(quote byte, escapes bool) error {
	for i := l.at + 1; i < len(l.text); i++ {
		switch c := l.text[i]; {
		case c == 0:
			l.at = i
			return l.fail("it has a NUL")
		case escapes && c == '\\':
			i++
		case c == quote && i+1 < len(l.text) && l.text[i+1] == quote:
			i++
		case c == quote:
			l.at = i + 1
			return nil
		}
	}
	return l.fail("the quote that begins here has no end")
}

func isDigit(c byte) bool { return c >= '0' && c <= '9' }

func isWord(c byte) bool { return isLetter(c) || isDigit(c) || c == '_' || c == '$' || c >= 0x80 }
