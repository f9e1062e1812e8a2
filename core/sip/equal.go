package sip

import (
	"slices"
	"strings"
)

// Equal compares by the rules of RFC 3261 section 19.1.4; URIs of other schemes compare as text.
func (u URI) Equal(v URI) bool {
	if u.Scheme != "sip" && u.Scheme != "sips" {
		return u.String() == v.String()
	}
	return u.Scheme == v.Scheme &&
		unescape(u.User) == unescape(v.User) &&
		unescape(u.Password) == unescape(v.Password) &&
		strings.EqualFold(u.Host, v.Host) &&
		u.Port == v.Port &&
		paramsAgree(u.Params, v.Params) && paramsAgree(v.Params, u.Params) &&
		slices.Equal(sortedHeaders(u.Headers), sortedHeaders(v.Headers))
}

// paramsAgree: parameters in both must be equal; user, ttl, method and maddr may not be in one only.
// Of several of one name, which the RFC forbids, the first counts, as everywhere.
func paramsAgree(a, b Params) bool {
	for _, p := range a {
		value, ok := b.Get(p.Name)
		switch {
		case ok:
			if mine, _ := a.Get(p.Name); !strings.EqualFold(unescape(value), unescape(mine)) {
				return false
			}
		case strings.EqualFold(p.Name, "user"), strings.EqualFold(p.Name, "ttl"),
			strings.EqualFold(p.Name, "method"), strings.EqualFold(p.Name, "maddr"):
			return false
		}
	}
	return true
}

func sortedHeaders(s string) []string {
	if s == "" {
		return nil
	}
	out := strings.Split(unescape(s), "&")
	for i := range out {
		name, value, _ := strings.Cut(out[i], "=")
		out[i] = strings.ToLower(name) + "=" + value
	}
	slices.Sort(out)
	return out
}

// unescape resolves %HH; broken ones stay as they are.
func unescape(s string) string {
	if strings.IndexByte(s, '%') < 0 {
		return s
	}
	out := make([]byte, 0, len(s))
	for i := 0; i < len(s); i++ {
		if s[i] == '%' && i+2 < len(s) {
			hi, lo := unhex(s[i+1]), unhex(s[i+2])
			if hi >= 0 && lo >= 0 {
				out = append(out, byte(hi<<4|lo))
				i += 2
				continue
			}
		}
		out = append(out, s[i])
	}
	return string(out)
}

// Unescape resolves the %HH of a user part or parameter (RFC 3261 section 19.1.2); broken ones stay as they are.
func Unescape(s string) string { return unescape(s) }

func unhex(c byte) int {
	switch {
	case c >= '0' && c <= '9':
		return int(c - '0')
	case c|0x20 >= 'a' && c|0x20 <= 'f':
		return int(c|0x20-'a') + 10
	}
	return -1
}
