package capture

import (
	"net/netip"
	"strconv"
	"strings"
	"time"
)

// Message is one SIP message as it crossed a socket.
type Message struct {
	At       time.Time
	Owner    string // party that recorded it
	Sent     bool   // by the owner; false: received
	Network  string // "udp", "tcp", "tls"
	From, To netip.AddrPort
	Raw      []byte // whole message
}

// IsRequest tells a request from a response.
func (m Message) IsRequest() bool {
	return len(m.Raw) > 0 && !strings.HasPrefix(string(m.Raw), "SIP/2.0 ")
}

// StartLine is the first line without its line end.
func (m Message) StartLine() string {
	line, _, _ := strings.Cut(string(m.Raw), "\r\n")
	return line
}

// Method is the request's method, for a response the one of its CSeq.
func (m Message) Method() string {
	if m.IsRequest() {
		method, _, _ := strings.Cut(m.StartLine(), " ")
		return method
	}
	_, method, _ := strings.Cut(m.Header("CSeq"), " ")
	return strings.TrimSpace(method)
}

// RequestURI of a request; empty for a response.
func (m Message) RequestURI() string {
	if f := strings.Fields(m.StartLine()); m.IsRequest() && len(f) == 3 {
		return f[1]
	}
	return ""
}

// Status of a response; 0 for a request.
func (m Message) Status() int {
	f := strings.Fields(m.StartLine())
	if m.IsRequest() || len(f) < 2 {
		return 0
	}
	status, err := strconv.Atoi(f[1])
	if err != nil {
		return 0
	}
	return status
}

// compactForms are the single-letter names of RFC 3261 section 7.3.3, RFC 3515, 3892, 6665.
var compactForms = map[string]string{
	"i": "call-id", "m": "contact", "e": "content-encoding", "l": "content-length", "c": "content-type", "f": "from", "s": "subject",
	"k": "supported", "t": "to", "v": "via", "r": "refer-to", "b": "referred-by", "o": "event", "u": "allow-events",
}

// Headers are all values of a header field in the order of the wire; the name ignores case, compact forms are known.
func (m Message) Headers(name string) []string {
	head, _, _ := strings.Cut(string(m.Raw), "\r\n\r\n")
	lines := strings.Split(head, "\r\n")
	var values []string
	last := false
	for _, line := range lines[1:] {
		if line != "" && (line[0] == ' ' || line[0] == '\t') { // folded, RFC 3261 section 7.3.1
			if last {
				values[len(values)-1] += " " + strings.TrimSpace(line)
			}
			continue
		}
		key, value, ok := strings.Cut(line, ":")
		key = strings.ToLower(strings.TrimSpace(key))
		if full, compact := compactForms[key]; compact {
			key = full
		}
		if last = ok && key == strings.ToLower(name); last {
			values = append(values, strings.TrimSpace(value))
		}
	}
	return values
}

// Header is the first value of a header field; empty: absent (or empty).
func (m Message) Header(name string) string {
	if v := m.Headers(name); len(v) > 0 {
		return v[0]
	}
	return ""
}

// HasHeader tells whether the field is there at all.
func (m Message) HasHeader(name string) bool { return len(m.Headers(name)) > 0 }

// Body is what follows the empty line, keys included: do not print it, print String.
func (m Message) Body() string {
	_, body, _ := strings.Cut(string(m.Raw), "\r\n\r\n")
	return body
}

// String is the message with SDES keys and digest answers struck out.
func (m Message) String() string { return string(Redact(m.Raw)) }
