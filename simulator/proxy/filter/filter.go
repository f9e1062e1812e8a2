// Package filter reads and evaluates the filter expressions of Flexisip's modules and routes.
//
// Contract. An expression compares variables of a request (Variables) with texts between single quotes:
//
//	request.uri.domain == 'example.net' && request.uri.params contains 'user=phone'
//
// Operators: == != contains regex (somewhere in the text) in notin nin (one of the words of the right side), defined, numeric,
// ! && || ( ), and the constants true, false, is_request, is_response. && binds closer than ||. A variable that a request does not
// have is empty. An empty expression is true. Parse tells what is wrong, and where; Match never fails.
package filter

import (
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strings"

	"b2bua/core/sip"
)

// Expression is a filter that was read. The zero value matches everything.
type Expression struct {
	text string
	root node
}

// String is the text that it was read from.
func (e Expression) String() string { return e.text }

// Match evaluates it for a request whose Request-URI is uri.
func (e Expression) Match(req *sip.Message, uri sip.URI) bool {
	return e.root == nil || e.root(subject{req, uri})
}

// subject is what a filter looks at.
type subject struct {
	req *sip.Message
	uri sip.URI
}

// node is a part that is true or false.
type node func(subject) bool

// operand is a part that is a text.
type operand func(subject) string

var variables = map[string]operand{
	"direction":           func(subject) string { return "request" },
	"request.method":      func(s subject) string { return string(s.req.Method) },
	"request.method-name": func(s subject) string { return string(s.req.Method) },
	"request.uri.user":    func(s subject) string { return s.uri.User },
	"request.uri.domain":  func(s subject) string { return s.uri.Host },
	"request.uri.params":  func(s subject) string { return params(s.uri) },
	"from.uri.user":       func(s subject) string { return s.req.From.URI.User },
	"from.uri.domain":     func(s subject) string { return s.req.From.URI.Host },
	"from.uri.params":     func(s subject) string { return params(s.req.From.URI) },
	"to.uri.user":         func(s subject) string { return s.req.To.URI.User },
	"to.uri.domain":       func(s subject) string { return s.req.To.URI.Host },
	"to.uri.params":       func(s subject) string { return params(s.req.To.URI) },
	"user-agent":          func(s subject) string { return header(s, "User-Agent") },
	"content-type":        func(s subject) string { return header(s, "Content-Type") },
	"call-id":             func(s subject) string { return s.req.CallID },
}

// Variables that an expression may use.
func Variables() []string { return slices.Sorted(maps.Keys(variables)) }

// params are those of a URI as written, without the first semicolon.
func params(u sip.URI) string { return strings.TrimPrefix(u.Params.String(), ";") }

func header(s subject, name string) string {
	v, _ := s.req.Header(name)
	return v
}

// Error is an expression that cannot be read.
type Error struct {
	Text    string
	At      int // octet, from 0
	Problem string
}

// Error shows the place.
func (e *Error) Error() string {
	return fmt.Sprintf("filter expression: %s at column %d of: %s", e.Problem, e.At+1, e.Text)
}

// maxDepth of parentheses and negations: a file must not overflow the stack.
const maxDepth = 100

// Parse reads an expression.
func Parse(text string) (Expression, error) {
	p := &parser{text: text}
	p.next()
	if p.fault == nil && p.token == "" {
		return Expression{text: text}, nil
	}
	root := p.or()
	if p.fault == nil && p.token != "" {
		p.fail("an operator is missing before %q", p.token)
	}
	if p.fault != nil {
		return Expression{}, p.fault
	}
	return Expression{text, root}, nil
}

type parser struct {
	text   string
	at     int // behind the token
	start  int // of the token
	token  string
	quoted bool // the token is a text
	depth  int
	fault  *Error
}

func (p *parser) fail(format string, args ...any) {
	if p.fault == nil {
		p.fault = &Error{p.text, p.start, fmt.Sprintf(format, args...)}
	}
	p.token, p.quoted, p.at = "", false, len(p.text)
}

// next reads one token: a text, a word, or an operator. At the end the token is empty.
func (p *parser) next() {
	for p.at < len(p.text) && strings.IndexByte(" \t\r\n", p.text[p.at]) >= 0 {
		p.at++
	}
	p.start, p.quoted = p.at, false
	rest := p.text[p.at:]
	switch {
	case rest == "":
		p.token = ""
		return
	case rest[0] == '\'' || rest[0] == '"':
		end := strings.IndexByte(rest[1:], rest[0])
		if end < 0 {
			p.fail("the text has no end")
			return
		}
		p.token, p.quoted = rest[1:1+end], true
		p.at += end + 2
		return
	}
	for _, op := range []string{"&&", "||", "==", "!=", "!", "(", ")"} {
		if strings.HasPrefix(rest, op) {
			p.token = op
			p.at += len(op)
			return
		}
	}
	n := strings.IndexAny(rest, " \t\r\n()!=&|'\"")
	switch {
	case n < 0:
		n = len(rest)
	case n == 0:
		p.fail("%q is no operator", rest[:1])
		return
	}
	p.token = rest[:n]
	p.at += n
}

// is tells whether the token is that operator or word, and goes on if so.
func (p *parser) is(word string) bool {
	if p.quoted || p.token != word || p.fault != nil {
		return false
	}
	p.next()
	return true
}

func (p *parser) or() node {
	left := p.and()
	for p.is("||") {
		a, b := left, p.and()
		left = func(s subject) bool { return a(s) || b(s) }
	}
	return left
}

func (p *parser) and() node {
	left := p.not()
	for p.is("&&") {
		a, b := left, p.not()
		left = func(s subject) bool { return a(s) && b(s) }
	}
	return left
}

func (p *parser) not() node {
	if p.depth++; p.depth > maxDepth {
		p.fail("more than %d levels", maxDepth)
	}
	defer func() { p.depth-- }()
	switch {
	case p.is("!"):
		inner := p.not()
		return func(s subject) bool { return !inner(s) }
	case p.is("("):
		inner := p.or()
		if !p.is(")") {
			p.fail("a closing parenthesis is missing")
		}
		return inner
	case p.is("true"), p.is("is_request"):
		return func(subject) bool { return true }
	case p.is("false"), p.is("is_response"):
		return func(subject) bool { return false }
	case p.is("defined"):
		of := p.operand()
		return func(s subject) bool { return of(s) != "" }
	case p.is("numeric"):
		of := p.operand()
		return func(s subject) bool { return numeric(of(s)) }
	}
	return p.comparison()
}

func numeric(s string) bool {
	return s != "" && !strings.ContainsFunc(s, func(r rune) bool { return r < '0' || r > '9' })
}

// operand is a text or a variable.
func (p *parser) operand() operand {
	text, quoted := p.token, p.quoted
	if quoted {
		p.next()
		return func(subject) string { return text }
	}
	of := variables[text]
	switch {
	case text == "":
		p.fail("a variable or a text is missing")
	case of == nil:
		p.fail("%q is no variable; there are %s; a text stands between single quotes", text, strings.Join(Variables(), ", "))
	default:
		p.next()
		return of
	}
	return func(subject) string { return "" }
}

func (p *parser) comparison() node {
	left := p.operand()
	op := p.token
	known := !p.quoted && slices.Contains([]string{"==", "!=", "contains", "in", "notin", "nin", "regex"}, op)
	if !known {
		p.fail("after a variable or a text comes one of ==, !=, contains, in, notin, regex")
		return func(subject) bool { return false }
	}
	p.next()
	if op == "regex" {
		return p.regex(left)
	}
	right := p.operand()
	switch op {
	case "==":
		return func(s subject) bool { return left(s) == right(s) }
	case "!=":
		return func(s subject) bool { return left(s) != right(s) }
	case "contains":
		return func(s subject) bool { return strings.Contains(left(s), right(s)) }
	case "in":
		return func(s subject) bool { return slices.Contains(strings.Fields(right(s)), left(s)) }
	}
	return func(s subject) bool { return !slices.Contains(strings.Fields(right(s)), left(s)) }
}

// regex compiles its right side once; only a text will do.
func (p *parser) regex(left operand) node {
	never := func(subject) bool { return false }
	if !p.quoted {
		p.fail("after regex comes a pattern between single quotes")
		return never
	}
	re, err := regexp.Compile(p.token)
	if err != nil {
		p.fail("%v", err)
		return never
	}
	p.next()
	return func(s subject) bool { return re.MatchString(left(s)) }
}
