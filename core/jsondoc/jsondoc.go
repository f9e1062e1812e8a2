// Package jsondoc reads a JSON text into a tree that knows where everything stands.
//
// It is for files that people write: the grammar is that of RFC 8259, and a fault that can be repaired by guessing is reported
// and read over, so that one look shows them all. A document with faults must not be used.
package jsondoc

import (
	"fmt"
	"strings"
	"unicode"
	"unicode/utf8"
)

// Limits: a providers file is written by an operator, or by a program of theirs that may run wild.
const (
	maxDepth  = 64
	maxFaults = 20
)

// Kind of a Node.
type Kind uint8

// Kinds.
const (
	Null Kind = iota
	Bool
	Number
	String
	Array
	Object
)

// String is the kind in words, with its article.
func (k Kind) String() string {
	switch k {
	case Null:
		return "null"
	case Bool:
		return "a boolean"
	case Number:
		return "a number"
	case String:
		return "a string"
	case Array:
		return "an array"
	case Object:
		return "an object"
	}
	return "unknown"
}

// Node is one value.
type Node struct {
	Kind    Kind
	Bool    bool
	Offset  int      // of its first byte
	Text    string   // String: decoded; Number: as written
	Items   []Node   // Array
	Members []Member // Object, in the order of the file
}

// Member is one name of an object with its value.
type Member struct {
	Name   string
	Offset int // of the name's first byte, the quote
	Value  Node
}

// Private tells whether the value of a member of that name may be, or hold, a password: it never stands in a Fault, and must not in any
// other message.
func Private(name string) bool {
	name = strings.ToLower(name)
	for _, word := range []string{"secret", "passw", "pwd", "connection", "ha1"} {
		if strings.Contains(name, word) {
			return true
		}
	}
	return false
}

// Get is the value of that name, nil when there is none.
func (n *Node) Get(name string) *Node {
	for i := range n.Members {
		if n.Members[i].Name == name {
			return &n.Members[i].Value
		}
	}
	return nil
}

// Fault is one thing that is no JSON, and what to write instead.
type Fault struct {
	Offset       int
	Problem, Fix string
	Mild         bool // what was meant is beyond doubt: the document may be used
}

// Parse reads one document. The tree is nil when the text ends or turns into something else before the document is complete.
// rest is the offset of what follows the document and is not white space, -1 when nothing does.
func Parse(data []byte) (root *Node, rest int, faults []Fault) {
	p := parser{data: data}
	if len(data) >= 3 && string(data[:3]) == "\xef\xbb\xbf" { // RFC 8259 section 8.1 lets a reader ignore it
		p.at = 3
	}
	rest = -1
	p.space()
	if p.at == len(data) {
		return nil, rest, []Fault{{Offset: p.at, Problem: "the file is empty", Fix: "a JSON document"}}
	}
	n, ok := p.value(0)
	if !ok {
		return nil, rest, p.faults
	}
	if p.space(); p.at < len(data) {
		rest = p.at
	}
	if p.odd > 0 {
		p.faults = append(p.faults, Fault{p.oddAt, fmt.Sprintf("%d no-break or similar spaces, which JSON does not have, are taken for spaces", p.odd), "plain spaces: a web page or word processor has replaced them", true})
	}
	return &n, rest, p.faults
}

// Position is the line and column of an offset, from 1; a column is a character.
func Position(data []byte, offset int) (line, column int) {
	line, column = 1, 1
	for i := 0; i < offset && i < len(data); {
		r, size := utf8.DecodeRune(data[i:])
		switch {
		case r == '\n':
			line, column = line+1, 1
		case r == '\ufeff' && i == 0:
		default:
			column++
		}
		i += size
	}
	return line, column
}

// Within is the offset in the file of byte i of a string's decoded text.
func Within(data []byte, n *Node, i int) int {
	if n.Kind != String {
		return n.Offset
	}
	p := parser{data: data, at: n.Offset + 1}
	for decoded := 0; p.at < len(data) && data[p.at] != '"'; {
		before := p.at
		size := 1
		if data[p.at] == '\\' {
			size = len(p.escape(nil))
		} else {
			p.at++
		}
		if decoded += size; decoded > i {
			return before
		}
	}
	return p.at
}

type parser struct {
	data   []byte
	at     int
	faults []Fault
	secret bool // the value of a member that Private names is being read
	odd    int  // white space that JSON does not have
	oddAt  int  // the first of it
}

// fault notes one and tells whether it makes sense to go on.
func (p *parser) fault(at int, fix, problem string, args ...any) bool {
	p.faults = append(p.faults, Fault{Offset: at, Problem: fmt.Sprintf(problem, args...), Fix: fix})
	return len(p.faults) < maxFaults
}

// space skips white space and, with a fault, comments.
func (p *parser) space() {
	for p.at < len(p.data) {
		switch c := p.data[p.at]; {
		case c == ' ', c == '\t', c == '\r', c == '\n':
			p.at++
		case c == '#', c == '/' && p.at+1 < len(p.data) && p.data[p.at+1] == '/':
			p.fault(p.at, "nothing: remove it", "JSON has no comments")
			for p.at < len(p.data) && p.data[p.at] != '\n' {
				p.at++
			}
		case c == '/' && p.at+1 < len(p.data) && p.data[p.at+1] == '*':
			p.fault(p.at, "nothing: remove it", "JSON has no comments")
			p.blockComment()
		case c >= utf8.RuneSelf && p.oddSpace():
		default:
			return
		}
		if len(p.faults) >= maxFaults {
			return
		}
	}
}

// oddSpace steps over white space that text gets on its way through a web page.
func (p *parser) oddSpace() bool {
	r, size := utf8.DecodeRune(p.data[p.at:])
	if !unicode.IsSpace(r) && r != '\ufeff' && r != '\u200b' {
		return false
	}
	if p.odd++; p.odd == 1 {
		p.oddAt = p.at
	}
	p.at += size
	return true
}

func (p *parser) blockComment() {
	for p.at += 2; p.at+1 < len(p.data); p.at++ {
		if p.data[p.at] == '*' && p.data[p.at+1] == '/' {
			p.at += 2
			return
		}
	}
	p.at = len(p.data)
}

// peek is the next byte after white space, 0 at the end.
func (p *parser) peek() byte {
	p.space()
	if p.at >= len(p.data) || len(p.faults) >= maxFaults {
		return 0
	}
	return p.data[p.at]
}

func (p *parser) value(depth int) (Node, bool) {
	c := p.peek()
	n := Node{Offset: p.at}
	if depth > maxDepth {
		p.fault(p.at, "fewer", "more than %d levels of brackets", maxDepth)
		return n, false
	}
	var ok bool
	switch {
	case c == '{':
		n.Kind = Object
		n.Members, ok = p.object(depth)
	case c == '[':
		n.Kind = Array
		n.Items, ok = p.array(depth)
	case c == '"':
		n.Kind = String
		n.Text, ok = p.text()
	case c == '-' || c >= '0' && c <= '9' || c == '+' || c == '.':
		n.Kind = Number
		n.Text, ok = p.number()
	case c == 0:
		p.ended("a value")
		return n, false
	default:
		return p.word(n)
	}
	return n, ok
}

func (p *parser) ended(expected string) {
	if len(p.faults) < maxFaults {
		p.fault(len(p.data), expected, "the file ends where %s is expected", expected)
	}
}

// word is true, false or null, or what people write instead of a value.
func (p *parser) word(n Node) (Node, bool) {
	begin := p.at
	for p.at < len(p.data) && isWord(p.data[p.at]) {
		p.at++
	}
	text := string(p.data[begin:p.at])
	switch text {
	case "true", "false":
		n.Kind, n.Bool = Bool, text == "true"
		return n, true
	case "null":
		return n, true
	case "True", "TRUE", "yes", "False", "FALSE", "no":
		n.Kind, n.Bool = Bool, text[0]|0x20 == 't' || text[0] == 'y'
		return n, p.fault(begin, fmt.Sprint(n.Bool), "%s is no JSON value", text)
	case "None", "NULL", "nil", "undefined":
		return n, p.fault(begin, "null, or leave the member out", "%s is no JSON value", text)
	}
	r, _ := utf8.DecodeRune(p.data[begin:])
	switch {
	case r == '\'' || r == '“' || r == '”' || r == '„' || r == '«' || r == '‘' || r == '’':
		p.fault(begin, `plain double quotes: "…"`, "%c begins no JSON string", r)
	case r == ',' || r == ']' || r == '}':
		p.fault(begin, "a value, or remove the comma before it", "a value is expected, and there is %c", r)
	case text != "" && p.secret:
		p.fault(begin, "it in double quotes", "a word is no JSON value")
	case text != "":
		p.fault(begin, fmt.Sprintf("%q if it is a string", clip(text)), "%s is no JSON value", clip(text))
	default:
		p.fault(begin, "a string, number, true, false, null, [ or {", "a value is expected, and there is %q", r)
	}
	return n, false
}

func isWord(c byte) bool {
	return c|0x20 >= 'a' && c|0x20 <= 'z' || c >= '0' && c <= '9' || c == '_' || c == '-' || c == '.'
}

func clip(s string) string {
	if len(s) > 40 {
		return s[:40] + "…"
	}
	return s
}

// next steps over the comma between two elements, or over the closing bracket; last tells the latter. A missing comma is read over.
func (p *parser) next(closing byte, what string) (last, ok bool) {
	switch c := p.peek(); {
	case c == closing:
		p.at++
		return true, true
	case c == ',':
		comma := p.at
		p.at++
		if p.peek() == closing {
			p.at++
			return true, p.fault(comma, "nothing: remove it", "a comma before %c", closing)
		}
		return false, true
	case c == '"' || c == '{' || c == '[' && closing == ']':
		return false, p.fault(p.at, "a comma before it", "a comma is missing before this %s", what)
	case c == 0:
		p.ended(fmt.Sprintf("a comma or %c", closing))
		return true, false
	default:
		r, _ := utf8.DecodeRune(p.data[p.at:])
		p.fault(p.at, fmt.Sprintf(", or %c", closing), "a comma or %c is expected, and there is %q", closing, r)
		return true, false
	}
}

func (p *parser) array(depth int) ([]Node, bool) {
	p.at++
	if p.peek() == ']' {
		p.at++
		return nil, true
	}
	var items []Node
	for {
		n, ok := p.value(depth + 1)
		if !ok {
			return items, false
		}
		items = append(items, n)
		last, ok := p.next(']', "element")
		if last || !ok {
			return items, ok
		}
	}
}

func (p *parser) object(depth int) ([]Member, bool) {
	p.at++
	if p.peek() == '}' {
		p.at++
		return nil, true
	}
	var members []Member
	seen := map[string]int{}
	for {
		m, ok := p.member(depth)
		if !ok {
			return members, false
		}
		if first, twice := seen[m.Name]; twice {
			line, _ := Position(p.data, first)
			if !p.fault(m.Offset, "it once", "%q is here a second time, the first is in line %d", clip(m.Name), line) {
				return members, false
			}
		}
		seen[m.Name] = m.Offset
		members = append(members, m)
		last, ok := p.next('}', "member")
		if last || !ok {
			return members, ok
		}
	}
}

func (p *parser) member(depth int) (m Member, ok bool) {
	c := p.peek()
	m.Offset = p.at
	switch {
	case c == '"':
		if m.Name, ok = p.text(); !ok {
			return m, false
		}
	case c == 0:
		p.ended("a member")
		return m, false
	case c != '-' && isWord(c):
		for p.at < len(p.data) && isWord(p.data[p.at]) {
			p.at++
		}
		m.Name = string(p.data[m.Offset:p.at])
		if !p.fault(m.Offset, fmt.Sprintf("%q", clip(m.Name)), "a name needs quotes") {
			return m, false
		}
	default:
		r, _ := utf8.DecodeRune(p.data[p.at:])
		p.fault(p.at, `a name in double quotes, such as "name"`, "the name of a member is expected, and there is %q", r)
		return m, false
	}
	switch p.peek() {
	case ':':
		p.at++
	case 0:
		p.ended("a colon")
		return m, false
	case '=':
		if p.at++; !p.fault(p.at-1, ":", "a colon is expected after %q, and there is =", clip(m.Name)) {
			return m, false
		}
	default:
		if !p.fault(p.at, ":", "a colon is missing after %q", clip(m.Name)) {
			return m, false
		}
	}
	p.secret = Private(m.Name)
	m.Value, ok = p.value(depth + 1)
	p.secret = false
	return m, ok
}

// number is RFC 8259 section 6.
func (p *parser) number() (string, bool) {
	begin := p.at
	for p.at < len(p.data) && (isWord(p.data[p.at]) || p.data[p.at] == '+') {
		p.at++
	}
	text := p.data[begin:p.at]
	switch {
	case isNumber(text):
		return string(text), true
	case p.secret:
		return string(text), p.fault(begin, "it in double quotes", "it is no JSON number")
	default:
		return string(text), p.fault(begin, "digits such as 20, without leading zeros and +; or a string in double quotes", "%s is no JSON number", clip(string(text)))
	}
}

func isNumber(s []byte) bool {
	digits := func() bool {
		n := 0
		for n < len(s) && s[n] >= '0' && s[n] <= '9' {
			n++
		}
		s = s[n:]
		return n > 0
	}
	if len(s) > 0 && s[0] == '-' {
		s = s[1:]
	}
	if len(s) > 1 && s[0] == '0' && s[1] >= '0' && s[1] <= '9' {
		return false
	}
	if !digits() {
		return false
	}
	if len(s) > 0 && s[0] == '.' {
		if s = s[1:]; !digits() {
			return false
		}
	}
	if len(s) > 0 && s[0]|0x20 == 'e' {
		if s = s[1:]; len(s) > 0 && (s[0] == '+' || s[0] == '-') {
			s = s[1:]
		}
		if !digits() {
			return false
		}
	}
	return len(s) == 0
}
