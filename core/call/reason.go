package call

import (
	"fmt"
	"strconv"
	"strings"

	"b2bua/core/sip"
)

// relayableReasons are the Reason values of a message that denote an error, to be repeated on the other leg (spec 2.4.5):
// SIP causes 1xx, 2xx and 487 are no errors and are dropped, everything else is forwarded as it came.
func relayableReasons(m *sip.Message) []sip.Header {
	if m == nil {
		return nil
	}
	var out []sip.Header
	for _, field := range m.Values("Reason") {
		for _, v := range splitOutsideQuotes(field) {
			if v = strings.TrimSpace(v); v != "" && denotesError(v) {
				out = append(out, sip.Header{Name: "Reason", Value: v})
			}
		}
	}
	return out
}

func denotesError(reason string) bool {
	protocol, params, _ := strings.Cut(reason, ";")
	if !strings.EqualFold(strings.TrimSpace(protocol), "SIP") {
		return true
	}
	for p := range strings.SplitSeq(params, ";") {
		name, value, _ := strings.Cut(p, "=")
		if !strings.EqualFold(strings.TrimSpace(name), "cause") {
			continue
		}
		cause, err := strconv.Atoi(strings.TrimSpace(value))
		return err == nil && cause >= 300 && cause != 487
	}
	return false
}

// splitOutsideQuotes splits a comma list, minding quoted strings (RFC 3326 text parameters).
func splitOutsideQuotes(s string) []string {
	var out []string
	quoted, start := false, 0
	for i := 0; i < len(s); i++ {
		switch {
		case s[i] == '\\' && quoted:
			i++
		case s[i] == '"':
			quoted = !quoted
		case s[i] == ',' && !quoted:
			out = append(out, s[start:i])
			start = i + 1
		}
	}
	return append(out, s[start:])
}

// reasonSIP is a Reason header of our own (RFC 3326).
func reasonSIP(cause int, text string) []sip.Header {
	return []sip.Header{{Name: "Reason", Value: fmt.Sprintf("SIP;cause=%d;text=%s", cause, sip.Quote(text))}}
}

// copied are the header fields of leg B's failure that leg A gets with the status (spec 2.4.3).
func copied(resp *sip.Message) []sip.Header {
	var out []sip.Header
	for _, name := range []string{"Warning", "Reason"} {
		for _, v := range resp.Values(name) {
			out = append(out, sip.Header{Name: name, Value: v})
		}
	}
	return out
}
