package sipbridge

import (
	"strings"

	"b2bua/core/sip"
)

// parseRendered reads what a template made: a URI whose parameters are its own, or a name-addr, or a display name followed by a
// bare URI (spec 4.13).
func parseRendered(text string) (sip.Address, bool) {
	display, rest := splitDisplay(strings.TrimSpace(text))
	var a sip.Address
	var err error
	if strings.HasPrefix(rest, "<") {
		a, err = sip.ParseAddress(rest)
	} else {
		a.URI, err = sip.ParseURI(rest)
	}
	if err != nil || a.URI.Scheme != "sip" && a.URI.Scheme != "sips" || strings.ContainsAny(display, "\r\n\x00") {
		return sip.Address{}, false
	}
	a.Display = display
	// What belongs neither into From, To nor a Request-URI (RFC 3261 section 19.1.1), and header parameters: the tag is ours.
	a.URI.Headers, a.URI.Password, a.URI.Params, a.Params = "", "", a.URI.Params.Without("method"), nil
	return a, true
}

// splitDisplay cuts a display name, quoted or not, from the URI after it.
func splitDisplay(text string) (display, rest string) {
	if strings.HasPrefix(text, `"`) {
		for i := 1; i < len(text); i++ {
			switch text[i] {
			case '\\':
				i++
			case '"':
				return sip.Unquote(text[:i+1]), strings.TrimSpace(text[i+1:])
			}
		}
		return "", text
	}
	i := strings.IndexByte(text, '<')
	if i < 0 {
		i = strings.LastIndexAny(text, " \t") + 1
	}
	return strings.TrimSpace(text[:i]), text[i:]
}
