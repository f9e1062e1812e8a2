package sip

// field is a header that Message has a field for, or that Parse looks at.
type field uint8

const (
	fieldOther field = iota
	fieldVia
	fieldFrom
	fieldTo
	fieldCallID
	fieldCSeq
	fieldMaxForwards
	fieldContact
	fieldRoute
	fieldRecordRoute
	fieldContentType
	fieldContentLength
)

type headerName struct {
	canonical string
	field     field
}

// headerNames maps lower-case names, compact forms of the IANA registry included, to their canonical spelling.
var headerNames = func() map[string]headerName {
	m := map[string]headerName{
		"via": {"Via", fieldVia}, "v": {"Via", fieldVia},
		"from": {"From", fieldFrom}, "f": {"From", fieldFrom},
		"to": {"To", fieldTo}, "t": {"To", fieldTo},
		"call-id": {"Call-ID", fieldCallID}, "i": {"Call-ID", fieldCallID},
		"cseq":         {"CSeq", fieldCSeq},
		"max-forwards": {"Max-Forwards", fieldMaxForwards},
		"contact":      {"Contact", fieldContact}, "m": {"Contact", fieldContact},
		"route":        {"Route", fieldRoute},
		"record-route": {"Record-Route", fieldRecordRoute},
		"content-type": {"Content-Type", fieldContentType}, "c": {"Content-Type", fieldContentType},
		"content-length": {"Content-Length", fieldContentLength}, "l": {"Content-Length", fieldContentLength},
		"a": {"Accept-Contact", fieldOther}, "b": {"Referred-By", fieldOther}, "d": {"Request-Disposition", fieldOther},
		"e": {"Content-Encoding", fieldOther}, "j": {"Reject-Contact", fieldOther}, "k": {"Supported", fieldOther},
		"n": {"Identity-Info", fieldOther}, "o": {"Event", fieldOther}, "r": {"Refer-To", fieldOther},
		"s": {"Subject", fieldOther}, "u": {"Allow-Events", fieldOther}, "x": {"Session-Expires", fieldOther},
		"y": {"Identity", fieldOther}, "mime-version": {"MIME-Version", fieldOther}, "www-authenticate": {"WWW-Authenticate", fieldOther},
		"rack": {"RAck", fieldOther}, "rseq": {"RSeq", fieldOther}, "min-se": {"Min-SE", fieldOther}, "sip-etag": {"SIP-ETag", fieldOther},
		"sip-if-match": {"SIP-If-Match", fieldOther}, "p-asserted-identity": {"P-Asserted-Identity", fieldOther},
	}
	for _, name := range []string{
		"Accept", "Accept-Encoding", "Accept-Language", "Alert-Info", "Allow", "Allow-Events", "Authorization",
		"Authentication-Info", "Call-Info", "Content-Disposition", "Content-Encoding", "Content-Language", "Date", "Diversion", "Error-Info",
		"Event", "Expires", "History-Info", "Identity", "In-Reply-To", "Join", "Min-Expires", "Organization", "Path", "Priority", "Privacy",
		"Proxy-Authenticate", "Proxy-Authorization", "Proxy-Require", "Reason", "Refer-To", "Referred-By", "Replaces", "Reply-To",
		"Require", "Retry-After", "Server", "Service-Route", "Session-Expires", "Subject", "Subscription-State", "Supported", "Timestamp",
		"Unsupported", "User-Agent", "Warning",
	} {
		m[lower(name)] = headerName{name, fieldOther}
	}
	return m
}()

// lookName finds the canonical spelling without allocating.
func lookName(name string) (headerName, bool) {
	var buf [32]byte
	if len(name) > len(buf) {
		return headerName{}, false
	}
	for i := 0; i < len(name); i++ {
		c := name[i]
		if c >= 'A' && c <= 'Z' {
			c |= 0x20
		}
		buf[i] = c
	}
	n, ok := headerNames[string(buf[:len(name)])]
	return n, ok
}

// CanonicalName is the spelling used for header names in Message.Other; unknown names stay as they are.
func CanonicalName(name string) string {
	if n, ok := lookName(name); ok {
		return n.canonical
	}
	return name
}

func lower(s string) string {
	b := []byte(s)
	for i, c := range b {
		if c >= 'A' && c <= 'Z' {
			b[i] = c | 0x20
		}
	}
	return string(b)
}
