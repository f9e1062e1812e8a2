package sip

import "strings"

// ParseAddress reads one name-addr or addr-spec with header parameters.
func ParseAddress(s string) (Address, error) {
	a, err := parseAddress(s)
	if err != nil {
		return Address{}, err
	}
	return a, nil
}

// ParseAddresses reads a comma-separated list of addresses.
func ParseAddresses(s string) ([]Address, error) {
	out, err := appendAddresses(nil, s)
	if err != nil {
		return nil, err
	}
	return out, nil
}

func appendAddresses(dst []Address, s string) ([]Address, *ParseError) {
	for {
		item, rest, more, err := cutItem(s)
		if err != nil {
			return dst, err
		}
		a, err := parseAddress(item)
		if err != nil {
			return dst, err
		}
		if dst = append(dst, a); len(dst) > MaxAddresses {
			return dst, faultf(400, "more than %d addresses", MaxAddresses)
		}
		if !more {
			return dst, nil
		}
		s = rest
	}
}

// cutItem cuts the first item of a comma-separated list; commas in quotes and between < and > belong to the item.
func cutItem(s string) (item, rest string, more bool, fault *ParseError) {
	bracket := false
	for i := 0; i < len(s); i++ {
		switch s[i] {
		case '"':
			if bracket {
				continue
			}
			n := QuotedEnd(s[i:])
			if n == 0 {
				return "", "", false, faultf(400, "unbalanced quotes")
			}
			i += n - 1
		case '<':
			bracket = true
		case '>':
			bracket = false
		case ',':
			if !bracket {
				return s[:i], s[i+1:], true, nil
			}
		}
	}
	return s, "", false, nil
}

func parseAddress(s string) (Address, *ParseError) {
	var a Address
	s = trim(s)
	var open int // 0 after a quoted display name
	if strings.HasPrefix(s, "\"") {
		n := QuotedEnd(s)
		if n == 0 {
			return a, faultf(400, "unbalanced quotes in a display name")
		}
		if strings.ContainsAny(s[:n], "\r\n") { // not even after a backslash (RFC 3261 section 25.1, quoted-pair)
			return a, faultf(400, "line break in a display name")
		}
		a.Display = Unquote(s[:n])
		if s = trim(s[n:]); !strings.HasPrefix(s, "<") {
			return a, faultf(400, "display name without <URI>")
		}
	} else if open = strings.IndexByte(s, '<'); open >= 0 {
		a.Display = trim(s[:open])
		if !isDisplay(a.Display) {
			return a, faultf(400, "display name needs quotes")
		}
	}
	if open >= 0 {
		return a.inBrackets(s[open+1:])
	}
	return a.bare(s)
}

func (a Address) inBrackets(s string) (Address, *ParseError) {
	end := strings.IndexByte(s, '>')
	if end < 0 {
		return a, faultf(400, "address without the closing >")
	}
	var fault *ParseError
	if a.URI, fault = parseURI(s[:end]); fault != nil {
		return a, fault
	}
	a.Params, fault = parseParams(s[end+1:])
	return a, fault
}

// bare reads an addr-spec without < and >: what follows ; belongs to the header, and commas and ? are not allowed (RFC 3261 section 20).
func (a Address) bare(s string) (Address, *ParseError) {
	spec, params := s, ""
	if i := strings.IndexByte(s, ';'); i >= 0 {
		spec, params = trim(s[:i]), s[i:]
	}
	if strings.ContainsAny(spec, ",?") {
		return a, faultf(400, "address with a comma or question mark needs < and >")
	}
	var fault *ParseError
	if a.URI, fault = parseURI(spec); fault != nil {
		return a, fault
	}
	a.Params, fault = parseParams(params)
	return a, fault
}

// isDisplay tolerates in an unquoted display name all that can't be taken for a list, a parameter or a quoted-string;
// the grammar has tokens only, and phones do not keep to it.
func isDisplay(s string) bool {
	for i := 0; i < len(s); i++ {
		if c := s[i]; c < ' ' && c != '\t' || c == 0x7f || c == '"' || c == ',' || c == ';' || c == '\\' {
			return false
		}
	}
	return true
}

// Tag is the tag parameter, "" when there is none.
func (a Address) Tag() string {
	tag, _ := a.Params.Get("tag")
	return tag
}

// WithTag returns the address with that tag, or without one when tag is "".
func (a Address) WithTag(tag string) Address {
	if tag == "" {
		a.Params = a.Params.Without("tag")
	} else {
		a.Params = a.Params.With("tag", tag)
	}
	return a
}

// String is the address as written on the wire, the URI always between < and >.
func (a Address) String() string { return string(a.appendTo(make([]byte, 0, 128))) }

func (a *Address) appendTo(dst []byte) []byte {
	if a.Display != "" {
		dst = append(AppendQuoted(dst, a.Display), ' ')
	}
	dst = append(dst, '<')
	dst = a.URI.appendTo(dst)
	dst = append(dst, '>')
	return a.Params.appendTo(dst)
}
