package redisfeed

import "strings"

// Cause says what kind of failure it was, as far as the next step depends on it.
type Cause uint8

// Causes.
const (
	Unreachable Cause = iota // no connection, or it broke, or no answer came
	Refused                  // our user or password is not accepted
	Forbidden                // the user may not do this (ACL)
	Busy                     // it answers with another error, such as LOADING
)

// Failure of a connection or a command.
type Failure struct {
	Cause  Cause
	Reason string // for the log
}

// Answered makes a Failure of an error that a server answered. Servers that do not know AUTH repeat its arguments: they are cut
// off, and secret is replaced wherever it stands.
func Answered(text, secret string) Failure {
	code, _, _ := strings.Cut(text, " ")
	f := Failure{Cause: Busy, Reason: clean(text, secret)}
	switch {
	case code == "WRONGPASS", code == "NOAUTH", strings.Contains(f.Reason, " AUTH"), strings.Contains(f.Reason, "invalid password"):
		f.Cause = Refused
	case code == "NOPERM":
		f.Cause = Forbidden
	}
	return f
}

func clean(text, secret string) string {
	text, _, _ = strings.Cut(text, ", with args")
	if secret != "" {
		text = strings.ReplaceAll(text, secret, "…")
	}
	if len(text) > 200 {
		text = text[:200]
	}
	return strings.Map(func(r rune) rune {
		if r < ' ' || r == 0x7f {
			return -1
		}
		return r
	}, strings.ToValidUTF8(text, "?"))
}
