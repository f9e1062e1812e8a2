package wire

import (
	"bytes"
	"fmt"
	"strconv"
	"strings"
	"time"
)

// Header is one header field, its name as written.
type Header struct{ Name, Value string }

// Message is one SIP message as it was on the wire.
type Message struct {
	Start   string // start line without CRLF
	Headers []Header
	Body    string
	At      time.Time // when it was read; zero for a message that was built
}

// longNames are the compact forms of RFC 3261 section 7.3.3 that a peer may use.
var longNames = map[string]string{
	"i": "call-id", "m": "contact", "e": "content-encoding", "l": "content-length", "c": "content-type", "f": "from",
	"s": "subject", "k": "supported", "t": "to", "v": "via", "r": "refer-to", "b": "referred-by", "o": "event", "x": "session-expires",
}

func canonical(name string) string {
	lower := strings.ToLower(strings.TrimSpace(name))
	if long, ok := longNames[lower]; ok {
		return long
	}
	return lower
}

// Parse reads one whole message. It complains only about what makes the message unusable for a scenario.
func Parse(raw []byte) (*Message, error) {
	head, body, found := bytes.Cut(raw, []byte("\r\n\r\n"))
	if !found {
		return nil, fmt.Errorf("no empty line ends the header of %q", raw)
	}
	lines := strings.Split(string(head), "\r\n")
	m := &Message{Start: lines[0], Body: string(body)}
	for _, line := range lines[1:] {
		if line != "" && (line[0] == ' ' || line[0] == '\t') && len(m.Headers) > 0 {
			m.Headers[len(m.Headers)-1].Value += " " + strings.TrimSpace(line)
			continue
		}
		name, value, ok := strings.Cut(line, ":")
		if !ok {
			return nil, fmt.Errorf("header line without colon: %q", line)
		}
		m.Headers = append(m.Headers, Header{Name: strings.TrimSpace(name), Value: strings.TrimSpace(value)})
	}
	return m, nil
}

// Bytes is the message as sent; Content-Length is computed unless the scenario wrote its own.
func (m *Message) Bytes() []byte {
	var b bytes.Buffer
	b.WriteString(m.Start + "\r\n")
	for _, h := range m.Headers {
		b.WriteString(h.Name + ": " + h.Value + "\r\n")
	}
	if !m.Has("Content-Length") {
		b.WriteString("Content-Length: " + strconv.Itoa(len(m.Body)) + "\r\n")
	}
	b.WriteString("\r\n" + m.Body)
	return b.Bytes()
}

// Method is the method of a request, empty for a response.
func (m *Message) Method() string {
	if m.Status() != 0 {
		return ""
	}
	method, _, _ := strings.Cut(m.Start, " ")
	return method
}

// RequestURI is the Request-URI of a request, empty for a response.
func (m *Message) RequestURI() string {
	fields := strings.Split(m.Start, " ")
	if m.Status() != 0 || len(fields) < 2 {
		return ""
	}
	return fields[1]
}

// Status is the status code of a response, 0 for a request.
func (m *Message) Status() int {
	rest, ok := strings.CutPrefix(m.Start, "SIP/2.0 ")
	if !ok {
		return 0
	}
	code, _, _ := strings.Cut(rest, " ")
	status, _ := strconv.Atoi(code)
	return status
}

// Reason is the reason phrase of a response.
func (m *Message) Reason() string {
	fields := strings.SplitN(m.Start, " ", 3)
	if m.Status() == 0 || len(fields) < 3 {
		return ""
	}
	return fields[2]
}

// Values are all values of a header field, in order, not split at commas.
func (m *Message) Values(name string) []string {
	var out []string
	for _, h := range m.Headers {
		if canonical(h.Name) == canonical(name) {
			out = append(out, h.Value)
		}
	}
	return out
}

// Has tells whether a header field is there.
func (m *Message) Has(name string) bool { return len(m.Values(name)) > 0 }

// Get is the first value of a header field, or nothing.
func (m *Message) Get(name string) string {
	if values := m.Values(name); len(values) > 0 {
		return values[0]
	}
	return ""
}

// Set replaces every value of a header field by one, at the place of the first.
func (m *Message) Set(name, value string) {
	kept := m.Headers[:0]
	done := false
	for _, h := range m.Headers {
		if canonical(h.Name) != canonical(name) {
			kept = append(kept, h)
			continue
		}
		if !done {
			kept = append(kept, Header{Name: h.Name, Value: value})
			done = true
		}
	}
	m.Headers = kept
	if !done {
		m.Add(name, value)
	}
}

// Add appends a header field.
func (m *Message) Add(name, value string) {
	m.Headers = append(m.Headers, Header{Name: name, Value: value})
}

// CSeq is the number and method of the CSeq header field.
func (m *Message) CSeq() (number int, method string) {
	fields := strings.Fields(m.Get("CSeq"))
	if len(fields) != 2 {
		return 0, ""
	}
	number, _ = strconv.Atoi(fields[0])
	return number, fields[1]
}

// Parameter finds a header parameter (after the last '>') such as the tag.
func Parameter(value, name string) string {
	if i := strings.LastIndexByte(value, '>'); i >= 0 {
		value = value[i+1:]
	}
	for _, part := range strings.Split(value, ";")[0:] {
		key, v, _ := strings.Cut(strings.TrimSpace(part), "=")
		if strings.EqualFold(key, name) {
			return v
		}
	}
	return ""
}

// URI is the address inside <>, or the value up to its first parameter.
func URI(value string) string {
	if _, rest, ok := strings.Cut(value, "<"); ok {
		uri, _, _ := strings.Cut(rest, ">")
		return uri
	}
	uri, _, _ := strings.Cut(value, ";")
	return strings.TrimSpace(uri)
}

// Summary is one line for an error message or a ladder: start line and CSeq of a response.
func (m *Message) Summary() string {
	if m.Status() != 0 {
		_, method := m.CSeq()
		return strings.TrimPrefix(m.Start, "SIP/2.0 ") + " (" + method + ")"
	}
	return m.Method() + " " + m.RequestURI()
}
