package jsondoc

import (
	"fmt"
	"strconv"
	"unicode/utf16"
	"unicode/utf8"
)

// text reads a string, from its opening quote on (RFC 8259 section 7). What it holds is never part of a message: it may be a
// password.
func (p *parser) text() (string, bool) {
	begin := p.at
	p.at++
	from := p.at
	for p.at < len(p.data) && p.data[p.at] != '"' && p.data[p.at] != '\\' && p.data[p.at] >= ' ' && p.data[p.at] < utf8.RuneSelf {
		p.at++
	}
	out := append(make([]byte, 0, p.at-from), p.data[from:p.at]...)
	for p.at < len(p.data) {
		switch c := p.data[p.at]; {
		case c == '"':
			p.at++
			return string(out), true
		case c == '\\':
			out = p.escape(out)
		case c == '\n':
			p.fault(begin, `a closing "; a line break within a string is written \n`, "the string does not end on its line")
			return "", false
		case c < ' ':
			p.fault(p.at, fmt.Sprintf(`\u%04x`, c), "control character 0x%02x in a string", c)
			p.at++
		default:
			out = p.char(out)
		}
		if len(p.faults) >= maxFaults {
			return "", false
		}
	}
	p.fault(begin, `a closing "`, "the string does not end")
	return "", false
}

func (p *parser) char(out []byte) []byte {
	r, size := utf8.DecodeRune(p.data[p.at:])
	if r == utf8.RuneError && size == 1 {
		p.fault(p.at, "the file in UTF-8", "byte 0x%02x is no UTF-8", p.data[p.at])
	}
	p.at += size
	return utf8.AppendRune(out, r)
}

var escapes = map[byte]byte{'"': '"', '\\': '\\', '/': '/', 'b': '\b', 'f': '\f', 'n': '\n', 'r': '\r', 't': '\t'}

// escape reads one, from its backslash on. One that JSON does not have stands for itself: that is what was meant.
func (p *parser) escape(out []byte) []byte {
	begin := p.at
	p.at++
	if p.at == len(p.data) {
		return out
	}
	c := p.data[p.at]
	if plain, ok := escapes[c]; ok {
		p.at++
		return append(out, plain)
	}
	if c == 'u' {
		if r, ok := p.unicode(); ok {
			return utf8.AppendRune(out, r)
		}
		p.fault(begin, `\u with four hexadecimal digits, or \\u for a backslash and u`, `\u without four hexadecimal digits`)
		return append(out, '\\')
	}
	if c < ' ' || c >= utf8.RuneSelf {
		p.fault(begin, `\\ for a backslash`, `a backslash that begins no JSON escape`)
		return append(out, '\\')
	}
	p.fault(begin, fmt.Sprintf(`\\%c for a backslash and %c`, c, c), `\%c is no JSON escape`, c)
	return append(out, '\\')
}

// unicode reads u and four hexadecimal digits, and the second half of a surrogate pair. A half alone becomes U+FFFD.
func (p *parser) unicode() (rune, bool) {
	unit := func(at int) (rune, bool) {
		if at+5 > len(p.data) || p.data[at] != 'u' {
			return 0, false
		}
		n, err := strconv.ParseUint(string(p.data[at+1:at+5]), 16, 16)
		return rune(n), err == nil
	}
	r, ok := unit(p.at)
	if !ok {
		return 0, false
	}
	p.at += 5
	if utf16.IsSurrogate(r) {
		if p.at < len(p.data) && p.data[p.at] == '\\' {
			if low, ok := unit(p.at + 1); ok {
				if pair := utf16.DecodeRune(r, low); pair != utf8.RuneError {
					p.at += 6
					return pair, true
				}
			}
		}
		return utf8.RuneError, true
	}
	return r, true
}
