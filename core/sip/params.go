package sip

import "strings"

// Get returns the first parameter of that name; a quoted value comes with its quotes (see Unquote).
func (p Params) Get(name string) (value string, ok bool) {
	for i := range p {
		if strings.EqualFold(p[i].Name, name) {
			return p[i].Value, true
		}
	}
	return "", false
}

// Has tells whether a parameter of that name is there.
func (p Params) Has(name string) bool {
	_, ok := p.Get(name)
	return ok
}

// With returns a copy in which name has that value, in its old place if it had one.
func (p Params) With(name, value string) Params {
	return p.with(Param{Name: name, Value: value, HasValue: true})
}

// WithFlag returns a copy that has the parameter without a value.
func (p Params) WithFlag(name string) Params { return p.with(Param{Name: name}) }

// Without returns a copy that has no parameter of that name.
func (p Params) Without(name string) Params {
	var out Params
	for _, one := range p {
		if !strings.EqualFold(one.Name, name) {
			out = append(out, one)
		}
	}
	return out
}

func (p Params) with(one Param) Params {
	out := make(Params, 0, len(p)+1)
	done := false
	for _, old := range p {
		switch {
		case !strings.EqualFold(old.Name, one.Name):
			out = append(out, old)
		case !done:
			out, done = append(out, one), true
		}
	}
	if !done {
		out = append(out, one)
	}
	return out
}

// String is the parameters as written on the wire, each with its semicolon.
func (p Params) String() string {
	if len(p) == 0 {
		return ""
	}
	return string(p.appendTo(nil))
}

func (p Params) appendTo(dst []byte) []byte {
	for i := range p {
		dst = append(dst, ';')
		dst = appendText(dst, p[i].Name)
		if p[i].HasValue {
			dst = append(dst, '=')
			dst = appendText(dst, p[i].Value)
		}
	}
	return dst
}

// Unquote returns the content of a quoted-string, or the text itself when it isn't one.
func Unquote(s string) string {
	if len(s) < 2 || s[0] != '"' || s[len(s)-1] != '"' {
		return s
	}
	s = s[1 : len(s)-1]
	if strings.IndexByte(s, '\\') < 0 {
		return s
	}
	out := make([]byte, 0, len(s))
	for i := 0; i < len(s); i++ {
		if s[i] == '\\' && i+1 < len(s) {
			i++
		}
		out = append(out, s[i])
	}
	return string(out)
}

// Quote returns s as a quoted-string (RFC 3261 section 25.1).
func Quote(s string) string { return string(AppendQuoted(nil, s)) }

// AppendQuoted appends s as a quoted-string. What could end the header becomes a space.
func AppendQuoted(dst []byte, s string) []byte {
	dst = append(dst, '"')
	for i := 0; i < len(s); i++ {
		switch s[i] {
		case '"', '\\':
			dst = append(dst, '\\', s[i])
		case '\r', '\n':
			dst = append(dst, ' ')
		default:
			dst = append(dst, s[i])
		}
	}
	return append(dst, '"')
}

// appendText keeps a line break that someone put into a value from becoming a header of its own.
func appendText(dst []byte, s string) []byte {
	if strings.IndexByte(s, '\n') < 0 && strings.IndexByte(s, '\r') < 0 {
		return append(dst, s...)
	}
	for i := 0; i < len(s); i++ {
		if s[i] == '\r' || s[i] == '\n' {
			dst = append(dst, ' ')
		} else {
			dst = append(dst, s[i])
		}
	}
	return dst
}

// parseParams reads ";name=value;flag" of a header value, white space around the separators allowed, empty ones skipped.
func parseParams(s string) (Params, *ParseError) {
	n := strings.Count(s, ";")
	if n == 0 {
		if trim(s) != "" {
			return nil, faultf(400, "text after the value where only parameters may follow")
		}
		return nil, nil
	}
	if s = trim(s); s[0] != ';' {
		return nil, faultf(400, "text after the value where only parameters may follow")
	}
	out := make(Params, 0, n)
	for s != "" {
		end := indexOutsideQuotes(s[1:], ';')
		if end < 0 {
			return nil, faultf(400, "unbalanced quotes in a parameter")
		}
		one := trim(s[1 : 1+end])
		s = s[1+end:]
		if one == "" {
			continue
		}
		if len(out) == MaxParams {
			return nil, faultf(400, "more than %d parameters in one value", MaxParams)
		}
		p, err := parseParam(one)
		if err != nil {
			return nil, err
		}
		out = append(out, p)
	}
	if len(out) == 0 { // nothing but separators
		return nil, nil
	}
	return out, nil
}

func parseParam(s string) (Param, *ParseError) {
	name, value, has := strings.Cut(s, "=")
	name, value = trim(name), trim(value)
	if !isToken(name) {
		return Param{}, faultf(400, "parameter name is no token")
	}
	if has && !isParamValue(value) {
		return Param{}, faultf(400, "value of parameter %s is neither token, host nor quoted string", name)
	}
	return Param{Name: name, Value: value, HasValue: has}, nil
}

// isParamValue accepts a token, a host (IPv6 bare or bracketed) or a quoted-string, and nothing with room for tricks.
func isParamValue(s string) bool {
	if s != "" && s[0] == '"' {
		return QuotedEnd(s) == len(s)
	}
	for i := 0; i < len(s); i++ {
		if s[i] <= ' ' || s[i] == 0x7f || s[i] == '"' || s[i] == '<' || s[i] == '>' || s[i] == ',' {
			return false
		}
	}
	return true
}

// QuotedEnd returns the length of the quoted-string that s begins with, 0 when it doesn't end.
func QuotedEnd(s string) int {
	for i := 1; i < len(s); i++ {
		switch s[i] {
		case '\\':
			i++
		case '"':
			return i + 1
		}
	}
	return 0
}

// indexOutsideQuotes returns the place of the first c outside quoted-strings, len(s) when there is none, -1 when quotes don't end.
func indexOutsideQuotes(s string, c byte) int {
	for i := 0; i < len(s); i++ {
		switch s[i] {
		case c:
			return i
		case '"':
			n := QuotedEnd(s[i:])
			if n == 0 {
				return -1
			}
			i += n - 1
		}
	}
	return len(s)
}

func trim(s string) string {
	for s != "" && (s[0] == ' ' || s[0] == '\t') {
		s = s[1:]
	}
	for s != "" && (s[len(s)-1] == ' ' || s[len(s)-1] == '\t') {
		s = s[:len(s)-1]
	}
	return s
}

// tokenChars are those of RFC 3261 section 25.1.
var tokenChars = func() (t [256]bool) {
	for _, c := range "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-.!%*_+`'~" {
		t[c] = true
	}
	return t
}()

func isToken(s string) bool {
	for i := 0; i < len(s); i++ {
		if !tokenChars[s[i]] {
			return false
		}
	}
	return s != ""
}
