package trenscrypter

import (
	"strings"

	"b2bua/core/sip"
)

// Subject is the string that the patterns see: the URI alone, with its parameters, without display name, header parameters
// and default port. Escapes are normalised, so that `%61lice` cannot pass by a rule for alice (spec 3.1): what may stand
// unescaped does, everything else is escaped in lower case. Letters keep their case.
func Subject(u sip.URI) string {
	u.User = normalize(u.User, userChars)
	u.Password = normalize(u.Password, passwordChars)
	params := make(sip.Params, len(u.Params))
	for i, p := range u.Params {
		params[i] = sip.Param{Name: normalize(p.Name, paramChars), Value: normalize(p.Value, paramChars), HasValue: p.HasValue}
	}
	u.Params = params
	u.Headers = ""
	return u.String()
}

// Characters that need no escape, beside letters and digits (RFC 3261 section 25.1).
const (
	mark          = "-_.!~*'()"
	userChars     = mark + "&=+$,;?/"
	passwordChars = mark + "&=+$,"
	paramChars    = mark + "[]/:&+$"
)

func normalize(s, plain string) string {
	if strings.IndexByte(s, '%') < 0 {
		return s
	}
	const hex = "0123456789abcdef"
	var b strings.Builder
	for i := 0; i < len(s); i++ {
		c := s[i]
		if c != '%' || i+2 >= len(s) {
			b.WriteByte(c)
			continue
		}
		hi, lo := strings.IndexByte(hex, s[i+1]|0x20), strings.IndexByte(hex, s[i+2]|0x20)
		if hi < 0 || lo < 0 || s[i+1] < '0' || s[i+2] < '0' {
			b.WriteByte(c)
			continue
		}
		i += 2
		if c = byte(hi<<4 | lo); isAlnum(c) || strings.IndexByte(plain, c) >= 0 {
			b.WriteByte(c)
			continue
		}
		b.WriteString("%" + string(hex[hi]) + string(hex[lo]))
	}
	return b.String()
}

func isAlnum(c byte) bool {
	return c >= '0' && c <= '9' || c|0x20 >= 'a' && c|0x20 <= 'z'
}
