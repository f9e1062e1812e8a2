package sip

import "strings"

// Canonical is the URI as configuration compares and composes it: without password and headers, the user part with the escapes
// that it needs and no others, everything else as written. Two spellings of one user part have one canonical form.
func (u URI) Canonical() string {
	u.User, u.Password, u.Headers = CanonicalUser(u.User), "", ""
	return u.String()
}

// CanonicalUser is a user part, decoded and escaped anew.
func CanonicalUser(user string) string {
	if !strings.ContainsFunc(user, func(r rune) bool { return r == '%' || r >= 0x7f || mustEscape(byte(r)) }) {
		return user
	}
	const hex = "0123456789ABCDEF"
	plain := unescape(user)
	out := make([]byte, 0, len(plain)+8)
	for i := 0; i < len(plain); i++ {
		if c := plain[i]; mustEscape(c) {
			out = append(out, '%', hex[c>>4], hex[c&15])
		} else {
			out = append(out, c)
		}
	}
	return string(out)
}

// mustEscape: what may not stand in a user part as it is (RFC 3261 section 25.1 user, spec 4.13).
func mustEscape(c byte) bool {
	return c <= ' ' || c >= 0x7f || strings.IndexByte("\"#%:<>@[\\]^`{|}", c) >= 0
}
