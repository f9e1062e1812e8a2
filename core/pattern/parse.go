package pattern

import (
	"fmt"
	"slices"
	"strings"
	"unicode/utf8"
)

// tree is a parsed expression.
type tree struct {
	root       node
	backtracks bool // has look-ahead or back-reference
}

// parser is a recursive descent over the grammar of ECMA-262 section 22.2.1, as std::regex reads it.
type parser struct {
	text       string
	at         int
	depth      int
	groups     int   // capturing groups opened so far
	open       []int // numbers of those not closed yet
	backtracks bool
}

// fault ends the parse from any depth; parse recovers it.
type fault struct{ err *SyntaxError }

func (p *parser) fail(at int, fix, problem string, args ...any) {
	panic(fault{&SyntaxError{Text: p.text, At: at, Problem: fmt.Sprintf(problem, args...), Fix: fix}})
}

func parse(text string) (t tree, err error) {
	p := &parser{text: text}
	defer func() {
		if r := recover(); r != nil {
			f, ok := r.(fault)
			if !ok {
				panic(r)
			}
			err = f.err
		}
	}()
	if len(text) > MaxPattern {
		p.text = text[:32] + "…"
		p.fail(0, "several shorter rules", "the expression has %d characters, at most %d are allowed", len(text), MaxPattern)
	}
	if !utf8.ValidString(text) {
		p.fail(0, "the expression in UTF-8", "the expression is not valid UTF-8")
	}
	root := p.alternation()
	if p.at < len(p.text) { // only ')' ends an alternation early
		p.fail(p.at, `\) for a literal parenthesis, or the missing (`, "unbalanced )")
	}
	if root.size() > maxSize {
		p.fail(0, "smaller counts in { }", "the expression is too large once its repetitions are written out")
	}
	return tree{root, p.backtracks}, nil
}

func (p *parser) more() bool { return p.at < len(p.text) }

// peek is the next byte, 0 at the end.
func (p *parser) peek() byte {
	if p.more() {
		return p.text[p.at]
	}
	return 0
}

func (p *parser) accept(s string) bool {
	if strings.HasPrefix(p.text[p.at:], s) {
		p.at += len(s)
		return true
	}
	return false
}

func (p *parser) rune() rune {
	r, n := utf8.DecodeRuneInString(p.text[p.at:])
	p.at += n
	return r
}

func (p *parser) alternation() node {
	options := []node{p.sequence()}
	for p.accept("|") {
		options = append(options, p.sequence())
	}
	if len(options) == 1 {
		return options[0]
	}
	return alternation{options}
}

func (p *parser) sequence() node {
	var items []node
	for p.more() && p.peek() != '|' && p.peek() != ')' {
		items = append(items, p.term())
	}
	return sequence{items}
}

func (p *parser) term() node {
	start := p.at
	n, repeats := p.atom()
	if !repeats {
		if c := p.peek(); p.more() && strings.IndexByte("*+?{", c) >= 0 {
			p.fail(p.at, fmt.Sprintf(`\%c for a literal %c`, c, c), "%s cannot be repeated", p.text[start:p.at])
		}
		return n
	}
	for range maxStacked {
		again, ok := p.quantifier(n)
		if !ok {
			return n
		}
		n = again
	}
	p.fail(start, "one repetition", "too many repetitions of one element")
	return nil
}

// quantifier reads one of * + ? {m,n}, each with an optional lazy ?. Several in a row repeat the repetition, as in std::regex.
func (p *parser) quantifier(of node) (node, bool) {
	n := repeat{of: of, max: -1}
	switch {
	case p.accept("*"):
	case p.accept("+"):
		n.min = 1
	case p.accept("?"):
		n.max = 1
	case p.peek() == '{':
		n.min, n.max = p.counts()
	default:
		return nil, false
	}
	n.lazy = p.accept("?")
	return n, true
}

// counts reads {m}, {m,} or {m,n}.
func (p *parser) counts() (lo, hi int) {
	start := p.at
	p.at++
	fix := `{m}, {m,} or {m,n} with m not above n, or \{ for a literal brace`
	lo, ok := p.number()
	if !ok {
		p.fail(start, fix, "{ without a first count")
	}
	hi = lo
	if p.accept(",") {
		if hi, ok = p.number(); !ok {
			hi = -1
		}
	}
	if !p.accept("}") {
		p.fail(start, fix, "{ without its }")
	}
	if hi >= 0 && hi < lo {
		p.fail(start, fix, "the counts of %s are in the wrong order", p.text[start:p.at])
	}
	return lo, hi
}

// number reads decimal digits, saturating beyond every limit.
func (p *parser) number() (int, bool) {
	start, n := p.at, 0
	for p.peek() >= '0' && p.peek() <= '9' {
		n = min(n*10+int(p.peek()-'0'), maxSize+1)
		p.at++
	}
	return n, p.at > start
}

// atom reads one element. The second result says whether a quantifier may follow.
func (p *parser) atom() (node, bool) {
	start := p.at
	switch r := p.rune(); r {
	case '^', '$':
		return anchor{byte(r)}, false
	case '.':
		return class{anyChar}, true
	case '*', '+', '?':
		p.fail(start, fmt.Sprintf(`\%c for a literal %c, or .%c for any text`, r, r, r), "nothing to repeat before %c", r)
	case '{':
		p.fail(start, `\{ for a literal brace`, "nothing to repeat before {")
	case '(':
		return p.group(start)
	case '[':
		return class{p.bracket(start)}, true
	case '\\':
		return p.escape(start)
	default:
		return literal{r}, true
	}
	return nil, false // unreachable: fail does not return
}

func (p *parser) group(start int) (node, bool) {
	if p.depth++; p.depth > maxDepth {
		p.fail(start, "fewer nested groups", "groups are nested deeper than %d", maxDepth)
	}
	depth := p.depth
	var build func(node) node
	repeats := true
	switch {
	case p.accept("?:"):
		build = func(n node) node { return group{of: n} }
	case p.accept("?="), p.accept("?!"):
		negated := p.text[p.at-1] == '!'
		p.backtracks, repeats = true, false
		build = func(n node) node { return look{n, negated} }
	case p.peek() == '?':
		p.fail(start, "(?: ), (?= ) or (?! ); letters of both cases as [Aa]", "unknown group (?%s", clip(p.text[p.at+1:], 2))
	default:
		if p.groups++; p.groups > maxGroups {
			p.fail(start, "(?: ) for groups without back-reference", "more than %d groups", maxGroups)
		}
		p.open = append(p.open, p.groups)
		build = func(n node) node {
			p.open = p.open[:len(p.open)-1]
			return group{of: n, capture: true}
		}
	}
	inner := p.alternation()
	if !p.accept(")") {
		p.fail(start, `\( for a literal parenthesis, or the missing )`, "unbalanced (")
	}
	p.depth = depth - 1
	return build(inner), repeats
}

func clip(s string, n int) string { return s[:min(n, len(s))] }

// escape reads what follows a backslash outside of a class.
func (p *parser) escape(start int) (node, bool) {
	if !p.more() {
		p.fail(start, `\\ for a literal backslash`, "nothing follows the last backslash")
	}
	switch c := p.peek(); {
	case c == 'b' || c == 'B':
		p.at++
		return anchor{c}, false
	case c >= '1' && c <= '9':
		return p.backreference(start), true
	default:
		if s, ok := p.classEscape(); ok {
			return class{s}, true
		}
		return literal{p.charEscape(start)}, true
	}
}

func (p *parser) backreference(start int) node {
	n, _ := p.number()
	if n > p.groups || slices.Contains(p.open, n) {
		p.fail(start, "the number of a group that ends before it", `\%d refers to a group that does not exist before it`, n)
	}
	p.backtracks = true
	return backref{n}
}

// classEscape reads d, D, w, W, s or S after a backslash.
func (p *parser) classEscape() (set, bool) {
	c := p.peek()
	lower := c | 0x20
	if !p.more() || (lower != 'd' && lower != 'w' && lower != 's') {
		return set{}, false
	}
	p.at++
	return set{spans: named[string(lower)], negated: c != lower}, true
}

// charEscape reads the rest of an escape that stands for one character: control, \cX, \xHH, \uHHHH, or the character itself.
func (p *parser) charEscape(start int) rune {
	r := p.rune()
	if i := strings.IndexRune("0fnrtv", r); i >= 0 {
		return rune("\x00\f\n\r\t\v"[i])
	}
	switch r {
	case 'c':
		if c := p.peek() | 0x20; c >= 'a' && c <= 'z' {
			p.at++
			return rune(c & 0x1f)
		}
		p.fail(start, `\cA to \cZ`, `\c without a letter`)
	case 'x':
		return p.hex(start, 2)
	case 'u':
		return p.hex(start, 4)
	}
	return r
}

func (p *parser) hex(start, digits int) rune {
	v := rune(0)
	for range digits {
		i := strings.IndexByte("0123456789abcdef", p.peek()|0x20)
		if !p.more() || i < 0 || (p.peek() < '0') {
			p.fail(start, fmt.Sprintf("%d hexadecimal digits", digits), "incomplete escape")
		}
		v = v<<4 | rune(i)
		p.at++
	}
	if v >= 0xD800 && v <= 0xDFFF { // half of a surrogate pair is no character
		p.fail(start, "the character itself", "the escape is no character")
	}
	return v
}
