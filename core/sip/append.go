package sip

import (
	"strconv"
	"strings"
)

// Bytes is the message as sent on the wire, Content-Length included.
func (m *Message) Bytes() []byte { return m.Append(make([]byte, 0, 1024+len(m.Body))) }

// Append appends the message as sent on the wire. Headers without content are left out; line breaks in values become spaces.
func (m *Message) Append(dst []byte) []byte {
	dst = m.appendStart(dst)
	for i := range m.Via {
		dst = append(dst, "Via: "...)
		dst = append(m.Via[i].appendTo(dst), "\r\n"...)
	}
	dst = appendList(dst, "Record-Route: ", m.RecordRoute)
	dst = appendList(dst, "Route: ", m.Route)
	if m.MaxForwards >= 0 && m.IsRequest() {
		dst = append(dst, "Max-Forwards: "...)
		dst = append(strconv.AppendInt(dst, int64(m.MaxForwards), 10), "\r\n"...)
	}
	if m.From.URI.Scheme != "" {
		dst = append(dst, "From: "...)
		dst = append(m.From.appendTo(dst), "\r\n"...)
	}
	if m.To.URI.Scheme != "" {
		dst = append(dst, "To: "...)
		dst = append(m.To.appendTo(dst), "\r\n"...)
	}
	dst = appendHeader(dst, "Call-ID", m.CallID)
	if m.CSeq.Method != "" {
		dst = append(dst, "CSeq: "...)
		dst = append(strconv.AppendUint(dst, uint64(m.CSeq.Number), 10), ' ')
		dst = append(append(dst, m.CSeq.Method...), "\r\n"...)
	}
	if m.ContactStar {
		dst = append(dst, "Contact: *\r\n"...)
	}
	dst = appendList(dst, "Contact: ", m.Contact)
	for i := range m.Other {
		dst = append(appendText(dst, m.Other[i].Name), ": "...)
		dst = append(appendText(dst, m.Other[i].Value), "\r\n"...)
	}
	dst = appendHeader(dst, "Content-Type", m.ContentType)
	dst = append(dst, "Content-Length: "...)
	dst = append(strconv.AppendInt(dst, int64(len(m.Body)), 10), "\r\n\r\n"...)
	return append(dst, m.Body...)
}

func (m *Message) appendStart(dst []byte) []byte {
	if m.IsRequest() {
		dst = append(append(dst, m.Method...), ' ')
		dst = m.URI.appendTo(dst)
		return append(dst, " SIP/2.0\r\n"...)
	}
	dst = append(dst, "SIP/2.0 "...)
	dst = append(strconv.AppendInt(dst, int64(m.Status), 10), ' ')
	return append(appendText(dst, m.Reason), "\r\n"...)
}

func appendList(dst []byte, name string, list []Address) []byte {
	for i := range list {
		dst = append(dst, name...)
		dst = append(list[i].appendTo(dst), "\r\n"...)
	}
	return dst
}

func appendHeader(dst []byte, name, value string) []byte {
	if value == "" {
		return dst
	}
	dst = append(append(dst, name...), ": "...)
	return append(appendText(dst, value), "\r\n"...)
}

// Header returns the first header of that name among Other.
func (m *Message) Header(name string) (string, bool) {
	name = CanonicalName(name)
	for i := range m.Other {
		if strings.EqualFold(m.Other[i].Name, name) {
			return m.Other[i].Value, true
		}
	}
	return "", false
}

// Values returns the values of all headers of that name among Other, one per header line, lists not split.
func (m *Message) Values(name string) []string {
	name = CanonicalName(name)
	var out []string
	for i := range m.Other {
		if strings.EqualFold(m.Other[i].Name, name) {
			out = append(out, m.Other[i].Value)
		}
	}
	return out
}

// Set puts one header of that name in the place of all others of that name.
func (m *Message) Set(name, value string) {
	name = CanonicalName(name)
	kept, done := make([]Header, 0, len(m.Other)+1), false
	for _, h := range m.Other {
		switch {
		case !strings.EqualFold(h.Name, name):
			kept = append(kept, h)
		case !done:
			kept, done = append(kept, Header{name, value}), true
		}
	}
	if !done {
		kept = append(kept, Header{name, value})
	}
	m.Other = kept
}

// Add appends a header.
func (m *Message) Add(name, value string) {
	m.Other = append(m.Other[:len(m.Other):len(m.Other)], Header{CanonicalName(name), value})
}

// Del removes all headers of that name.
func (m *Message) Del(name string) {
	name = CanonicalName(name)
	kept := make([]Header, 0, len(m.Other))
	for _, h := range m.Other {
		if !strings.EqualFold(h.Name, name) {
			kept = append(kept, h)
		}
	}
	m.Other = kept
}

// ListHas tells whether a comma-separated header such as Supported, Require or Allow names the token, whatever its case.
func (m *Message) ListHas(name, token string) bool {
	for _, value := range m.Values(name) {
		for one := range strings.SplitSeq(value, ",") {
			if strings.EqualFold(trim(one), token) {
				return true
			}
		}
	}
	return false
}
