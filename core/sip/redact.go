package sip

import (
	"regexp"
	"strings"
)

// Redacted is the URI as a log may show it: without its password.
func (u URI) Redacted() string {
	if u.Password != "" {
		u.Password = "***"
	}
	return u.String()
}

// secrets of a message on the wire: SDES keys (RFC 4568), passwords of ICE (RFC 8839), digest answers (RFC 8760), passwords in URIs.
var secrets = regexp.MustCompile(`(?i)(inline:|\na=ice-pwd:)[^\s|]+|((?:^|\n)(?:proxy-)?authorization:)[^\r\n]*|(sips?:[^\s:@<>;]+:)[^\s@<>]+@`)

// RedactedWire is a message as a log may show it: one line, keys, digest answers and passwords struck out.
func RedactedWire(wire []byte) string {
	text := secrets.ReplaceAllStringFunc(string(wire), func(hit string) string {
		for _, cut := range []string{"inline:", "ice-pwd:", "uthorization:"} {
			if i := strings.Index(strings.ToLower(hit), cut); i >= 0 {
				return hit[:i+len(cut)] + " [redacted]"
			}
		}
		return hit[:strings.LastIndexByte(hit[:len(hit)-1], ':')+1] + "***@"
	})
	return strings.ReplaceAll(strings.TrimRight(text, "\r\n"), "\r\n", " | ")
}
