package pattern

import (
	"cmp"
	"slices"
	"strings"
)

// bracket reads a class, the opening [ being read already.
func (p *parser) bracket(start int) set {
	s := set{negated: p.accept("^")}
	if p.peek() == ']' {
		// POSIX reads ] as a member here, ECMAScript as the end of an empty class.
		p.fail(start, `\] for a bracket as first member, or [\s\S] for any character`, "a class that begins with ] is read in two ways")
	}
	for {
		if !p.more() {
			p.fail(start, `\[ for a literal bracket, or the missing ]`, "unbalanced [")
		}
		if p.accept("]") {
			return s
		}
		at := p.at
		lo, one := p.member(start, &s)
		if p.peek() != '-' || strings.HasPrefix(p.text[p.at:], "-]") {
			if one {
				s.spans = append(s.spans, span{lo, lo})
			}
			continue
		}
		p.at++
		hi, end := p.member(start, &s)
		switch {
		case !one || !end:
			p.fail(at, `\- for a literal minus`, "a range must go from one character to another")
		case hi < lo:
			p.fail(at, `the lower character first, or \- for a literal minus`, "the range %s is in the wrong order", p.text[at:p.at])
		}
		s.spans = append(s.spans, span{lo, hi})
	}
}

// member reads one element of a class. A named class goes into s at once and is no single character.
func (p *parser) member(start int, s *set) (r rune, single bool) {
	at := p.at
	switch {
	case !p.more():
		p.fail(start, `\[ for a literal bracket, or the missing ]`, "unbalanced [")
	case p.accept("[:"):
		name := p.until(start, ":]")
		spans, ok := named[strings.ToLower(name)]
		if !ok {
			p.fail(at, "one of alnum alpha blank cntrl digit graph lower print punct space upper xdigit", "unknown class [:%s:]", name)
		}
		s.spans = append(s.spans, spans...)
		return 0, false
	case p.accept("[."):
		return p.collating(at, p.until(start, ".]")), true
	case p.accept("[="):
		return p.collating(at, p.until(start, "=]")), true
	case p.accept(`\`):
		if !p.more() {
			p.fail(at, `\\ for a literal backslash`, "nothing follows the last backslash")
		}
		if c, ok := p.classEscape(); ok {
			if c.negated {
				c.spans = outside(c.spans)
			}
			s.spans = append(s.spans, c.spans...)
			return 0, false
		}
		if c := p.peek(); c == 'B' || c >= '1' && c <= '9' {
			p.fail(at, "the character without the backslash", `\%c means nothing within a class`, c)
		}
		if p.accept("b") { // backspace inside of a class (ECMA-262 section 22.2.1)
			return '\b', true
		}
		return p.charEscape(at), true
	}
	return p.rune(), true
}

func (p *parser) until(start int, end string) string {
	name, _, ok := strings.Cut(p.text[p.at:], end)
	if !ok {
		p.fail(start, "the missing "+end, "unbalanced [")
	}
	p.at += len(name) + len(end)
	return name
}

// collating is a collating element: one character, or a POSIX name of one.
func (p *parser) collating(at int, name string) rune {
	if r := []rune(name); len(r) == 1 {
		return r[0]
	}
	if i := slices.Index(collatingNames, name); i >= 0 {
		return rune(collatingChars[i])
	}
	p.fail(at, "the character itself", "unknown character name %s", name)
	return 0
}

// Names of the portable character set (POSIX.1-2017, XBD 6.1) for what is neither letter nor control character.
const collatingChars = " !\"#$%&'()*+,-./:;<=>?@[\\]^_`{|}~\t0123456789"

var collatingNames = []string{
	"space", "exclamation-mark", "quotation-mark", "number-sign", "dollar-sign", "percent-sign", "ampersand", "apostrophe",
	"left-parenthesis", "right-parenthesis", "asterisk", "plus-sign", "comma", "hyphen", "period", "slash", "colon", "semicolon",
	"less-than-sign", "equals-sign", "greater-than-sign", "question-mark", "commercial-at", "left-square-bracket", "backslash",
	"right-square-bracket", "circumflex", "underscore", "grave-accent", "left-curly-bracket", "vertical-line",
	"right-curly-bracket", "tilde", "tab", "zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine",
}

// ordered sorts spans and joins those that touch.
func ordered(spans []span) []span {
	sorted := slices.Clone(spans)
	slices.SortFunc(sorted, func(a, b span) int { return cmp.Compare(a.lo, b.lo) })
	var out []span
	for _, s := range sorted {
		if n := len(out); n > 0 && s.lo <= out[n-1].hi+1 {
			out[n-1].hi = max(out[n-1].hi, s.hi)
			continue
		}
		out = append(out, s)
	}
	return out
}
