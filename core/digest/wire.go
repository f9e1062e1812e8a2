package digest

import (
	"strconv"
	"strings"

	lib "github.com/icholy/digest"

	"b2bua/core/sip"
)

// challenge is one digest challenge as far as it matters for an answer (RFC 7616 section 3.3, RFC 3261 section 22.4).
type challenge struct {
	realm, nonce, opaque string
	algorithm            string // as written, it is repeated; "": MD5
	qop                  string // "auth", "auth-int", or "" for RFC 2069
	stale, userhash      bool
}

// answer is a parsed Authorization or Proxy-Authorization.
type answer struct {
	user, realm, nonce, uri, response, algorithm, cnonce, qop string

	count int
}

// parseChallenge reads the value of a WWW-Authenticate or Proxy-Authenticate; false: nobody could answer it.
func parseChallenge(value string) (challenge, bool) {
	var c challenge
	qops := ""
	ok := params(value, func(key, value string) {
		switch {
		case strings.EqualFold(key, "realm"):
			c.realm = value
		case strings.EqualFold(key, "nonce"):
			c.nonce = value
		case strings.EqualFold(key, "opaque"):
			c.opaque = value
		case strings.EqualFold(key, "algorithm"):
			c.algorithm = value
		case strings.EqualFold(key, "qop"):
			qops = value
		case strings.EqualFold(key, "stale"):
			c.stale = strings.EqualFold(value, "true")
		case strings.EqualFold(key, "userhash"):
			c.userhash = strings.EqualFold(value, "true")
		}
	})
	if !ok || c.nonce == "" || !lib.CanDigest(&lib.Challenge{Algorithm: c.algorithm}) {
		return c, false
	}
	c.qop = choose(qops)
	return c, c.qop != "" || strings.TrimSpace(qops) == ""
}

// choose prefers auth: intermediaries that touch a body break auth-int.
func choose(qops string) string {
	found := ""
	for qops != "" {
		var one string
		one, qops, _ = strings.Cut(qops, ",")
		switch one = strings.TrimSpace(one); {
		case strings.EqualFold(one, "auth"):
			return "auth"
		case strings.EqualFold(one, "auth-int"):
			found = "auth-int"
		}
	}
	return found
}

// parseAnswer reads the value of an Authorization or Proxy-Authorization.
func parseAnswer(value string) (answer, bool) {
	var a answer
	counted := true
	ok := params(value, func(key, value string) {
		switch {
		case strings.EqualFold(key, "username"):
			a.user = value
		case strings.EqualFold(key, "realm"):
			a.realm = value
		case strings.EqualFold(key, "nonce"):
			a.nonce = value
		case strings.EqualFold(key, "uri"):
			a.uri = value
		case strings.EqualFold(key, "response"):
			a.response = value
		case strings.EqualFold(key, "algorithm"):
			a.algorithm = value
		case strings.EqualFold(key, "cnonce"):
			a.cnonce = value
		case strings.EqualFold(key, "qop"):
			a.qop = value
		case strings.EqualFold(key, "nc"):
			n, err := strconv.ParseUint(value, 16, 31)
			a.count, counted = int(n), err == nil //nolint:gosec // 31 bits
		}
	})
	return a, ok && counted
}

// params reads what follows "Digest". Values refer to the text. A parameter without value is passed over; false: it is no digest, or a
// quote is left open.
func params(text string, f func(key, value string)) bool {
	const scheme = "Digest"
	text = strings.TrimLeft(text, " \t")
	if len(text) <= len(scheme) || !strings.EqualFold(text[:len(scheme)], scheme) || text[len(scheme)] != ' ' && text[len(scheme)] != '\t' {
		return false
	}
	for text = text[len(scheme):]; ; {
		text = strings.TrimLeft(text, " \t,")
		if text == "" {
			return true
		}
		end := strings.IndexAny(text, "=,")
		if end < 0 {
			return true
		}
		key := strings.TrimRight(text[:end], " \t")
		if text[end] == ',' {
			text = text[end:]
			continue
		}
		var value string
		var ok bool
		if value, text, ok = valueOf(strings.TrimLeft(text[end+1:], " \t")); !ok {
			return false
		}
		f(key, value)
	}
}

// valueOf takes a token or a quoted string off the front.
func valueOf(text string) (value, rest string, ok bool) {
	if text == "" || text[0] != '"' {
		end := strings.IndexByte(text, ',')
		if end < 0 {
			end = len(text)
		}
		return strings.TrimRight(text[:end], " \t"), text[end:], true
	}
	end := sip.QuotedEnd(text)
	if end == 0 {
		return "", "", false
	}
	return sip.Unquote(text[:end]), text[end:], true
}

// format is the value of an Authorization header. The response stands last: some servers expect it there.
func format(c *lib.Credentials) string {
	b := make([]byte, 0, 320)
	b = append(b, "Digest username="...)
	b = sip.AppendQuoted(b, c.Username)
	b = sip.AppendQuoted(append(b, ", realm="...), c.Realm)
	b = sip.AppendQuoted(append(b, ", nonce="...), c.Nonce)
	b = sip.AppendQuoted(append(b, ", uri="...), c.URI)
	if c.Algorithm != "" {
		b = append(append(b, ", algorithm="...), c.Algorithm...)
	}
	if c.QOP != "" {
		b = sip.AppendQuoted(append(b, ", cnonce="...), c.Cnonce)
	}
	if c.Opaque != "" {
		b = sip.AppendQuoted(append(b, ", opaque="...), c.Opaque)
	}
	if c.QOP != "" {
		b = append(append(b, ", qop="...), c.QOP...)
		b = appendCount(append(b, ", nc="...), c.Nc)
	}
	if c.Userhash {
		b = append(b, ", userhash=true"...)
	}
	return string(sip.AppendQuoted(append(b, ", response="...), c.Response))
}

// appendCount writes the eight digits of nc.
func appendCount(b []byte, n int) []byte {
	for shift := 28; shift >= 0; shift -= 4 {
		b = append(b, "0123456789abcdef"[n>>shift&15])
	}
	return b
}
