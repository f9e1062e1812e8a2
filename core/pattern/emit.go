package pattern

import (
	"fmt"
	"strings"
)

// dialect is the engine that an expression is written for.
type dialect int

const (
	linearDialect    dialect = iota // regexp
	backtrackDialect                // regexp2
)

// emit writes a tree in the syntax of an engine. Everything is spelt out (classes as ranges, characters as escapes), so
// that nothing depends on what an engine's own shorthands mean.
func emit(n node, d dialect) string {
	var b strings.Builder
	write(&b, n, d)
	return b.String()
}

func write(b *strings.Builder, n node, d dialect) {
	switch n := n.(type) {
	case alternation:
		b.WriteString("(?:")
		for i, option := range n.options {
			if i > 0 {
				b.WriteByte('|')
			}
			write(b, option, d)
		}
		b.WriteByte(')')
	case sequence:
		for _, item := range n.items {
			write(b, item, d)
		}
	case group:
		open := "(?:"
		if n.capture && d == backtrackDialect {
			open = "("
		}
		enclose(b, open, n.of, d)
	case look:
		open := "(?="
		if n.negated {
			open = "(?!"
		}
		enclose(b, open, n.of, d)
	case repeat:
		enclose(b, "(?:", n.of, d)
		writeCounts(b, n)
	case class:
		writeSet(b, n.set, d)
	case literal:
		writeRune(b, n.r, d)
	case anchor:
		b.WriteString(anchorText(n.kind, d))
	case backref:
		fmt.Fprintf(b, `(?:\%d)`, n.number)
	}
}

func enclose(b *strings.Builder, open string, n node, d dialect) {
	b.WriteString(open)
	write(b, n, d)
	b.WriteByte(')')
}

func writeCounts(b *strings.Builder, n repeat) {
	switch {
	case n.max < 0 && n.min == 0:
		b.WriteByte('*')
	case n.max < 0 && n.min == 1:
		b.WriteByte('+')
	case n.max < 0:
		fmt.Fprintf(b, "{%d,}", n.min)
	default:
		fmt.Fprintf(b, "{%d,%d}", n.min, n.max)
	}
	if n.lazy {
		b.WriteByte('?')
	}
}

func writeSet(b *strings.Builder, s set, d dialect) {
	b.WriteByte('[')
	if s.negated {
		b.WriteByte('^')
	}
	for _, span := range ordered(s.spans) {
		writeRune(b, span.lo, d)
		if span.hi > span.lo {
			b.WriteByte('-')
			writeRune(b, span.hi, d)
		}
	}
	b.WriteByte(']')
}

func writeRune(b *strings.Builder, r rune, d dialect) {
	switch {
	case r >= '0' && r <= '9', r >= 'A' && r <= 'Z', r >= 'a' && r <= 'z':
		b.WriteRune(r)
	case d == linearDialect:
		fmt.Fprintf(b, `\x{%x}`, r)
	case r <= 0xFFFF:
		fmt.Fprintf(b, `\u%04x`, r)
	default:
		b.WriteRune(r)
	}
}

// Word boundaries are those of ASCII words in both engines.
const (
	word    = `[0-9A-Z_a-z]`
	edge    = `(?:(?<=` + word + `)(?!` + word + `)|(?<!` + word + `)(?=` + word + `))`
	notEdge = `(?:(?<=` + word + `)(?=` + word + `)|(?<!` + word + `)(?!` + word + `))`
)

func anchorText(kind byte, d dialect) string {
	switch {
	case kind == '^':
		return `\A`
	case kind == '$':
		return `\z`
	case d == linearDialect:
		return `\` + string(kind)
	case kind == 'b':
		return edge
	default:
		return notEdge
	}
}
