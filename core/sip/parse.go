package sip

import (
	"bytes"
	"strconv"
	"strings"
)

const version = "SIP/2.0"

// Parse reads one whole message, a datagram for instance. Octets after the Content-Length are dropped (RFC 3261 section 18.3).
// The error is a *ParseError. The message does not refer to b afterwards.
func Parse(b []byte) (*Message, error) {
	m, fault := parse(b, false)
	if fault != nil {
		return nil, fault
	}
	return m, nil
}

// parser is the state of one Parse.
type parser struct {
	m             *Message
	seen          [fieldContentLength + 1]uint8
	headers       int
	contentLength int         // -1: none
	fault         *ParseError // the first one; parsing goes on so that the request can be answered
}

func parse(b []byte, stream bool) (*Message, *ParseError) {
	for len(b) > 0 && (b[0] == '\r' || b[0] == '\n') { // RFC 3261 section 7.5
		b = b[1:]
	}
	if len(b) > MaxMessage {
		return nil, faultf(0, "message longer than %d octets", MaxMessage)
	}
	end := headerEnd(b, 0)
	if end < 0 {
		return nil, faultf(0, "no empty line after the headers")
	}
	p := parser{m: &Message{MaxForwards: -1, Other: make([]Header, 0, 12)}, contentLength: -1}
	head := string(b[:end])
	line, rest := cutLine(head)
	if fault := p.startLine(line); fault != nil {
		return nil, fault
	}
	p.allHeaders(rest)
	p.body(b[end:], stream)
	p.validate()
	if p.fault == nil {
		return p.m, nil
	}
	return nil, p.refusal()
}

// refusal decides whether the faulty message can be answered.
func (p *parser) refusal() *ParseError {
	fault := p.fault
	if !p.m.IsRequest() || p.m.Method == ACK || len(p.m.Via) == 0 {
		fault.Status = 0
		return fault
	}
	if fault.Status != 0 {
		fault.Request = p.m
	}
	return fault
}

func (p *parser) fail(fault *ParseError) {
	// Another version outweighs the rest: nobody knows how to read such a message.
	if fault != nil && (p.fault == nil || fault.Status == 505 && p.fault.Status != 505) {
		p.fault = fault
	}
}

// headerEnd returns the place after the empty line, searching from a place before it; -1 when it is not there.
func headerEnd(b []byte, from int) int {
	for {
		i := bytes.IndexByte(b[from:], '\n')
		if i < 0 {
			return -1
		}
		from += i + 1
		switch {
		case from < len(b) && b[from] == '\n':
			return from + 1
		case from+1 < len(b) && b[from] == '\r' && b[from+1] == '\n':
			return from + 2
		}
	}
}

// cutLine cuts a line that ends with CRLF, or with the bare LF that some senders write.
func cutLine(s string) (line, rest string) {
	i := strings.IndexByte(s, '\n')
	if i < 0 {
		return s, ""
	}
	line, rest = s[:i], s[i+1:]
	return strings.TrimSuffix(line, "\r"), rest
}

func (p *parser) startLine(line string) *ParseError {
	if strings.IndexByte(line, '\r') >= 0 {
		return faultf(0, "carriage return inside the start line")
	}
	if strings.HasPrefix(line, "SIP/") {
		return p.statusLine(line)
	}
	method, rest, ok := strings.Cut(line, " ")
	last := strings.LastIndexByte(rest, ' ')
	if !ok || !isToken(method) || last < 0 && !strings.Contains(rest, ":") {
		return faultf(0, "start line is neither request nor response")
	}
	p.m.Method = methodOf(method)
	uri := rest
	switch {
	case last < 0:
		p.fail(faultf(400, "request line without a SIP version"))
	case strings.TrimRight(rest, " \t") != rest || strings.TrimLeft(rest, " \t") != rest:
		uri = trim(rest[:last])
		p.fail(faultf(400, "white space around the parts of the request line"))
	default:
		uri = rest[:last]
		if v := rest[last+1:]; !strings.EqualFold(v, version) {
			p.fail(versionFault(v))
		}
	}
	u, fault := parseURI(uri)
	if fault != nil {
		p.fail(fault)
		return nil
	}
	p.m.URI = u
	if u.Headers != "" {
		p.fail(faultf(400, "Request-URI with headers"))
	}
	if u.Scheme != "sip" && u.Scheme != "sips" && u.Scheme != "tel" {
		p.fail(faultf(416, "Request-URI of scheme %q", clip(u.Scheme)))
	}
	return nil
}

func versionFault(v string) *ParseError {
	if len(v) > 4 && strings.EqualFold(v[:4], "SIP/") {
		return faultf(505, "SIP version is not 2.0")
	}
	return faultf(400, "request line without a SIP version")
}

func (p *parser) statusLine(line string) *ParseError {
	v, rest, _ := strings.Cut(line, " ")
	code, reason, _ := strings.Cut(rest, " ")
	if !strings.EqualFold(v, version) {
		return faultf(0, "response of another SIP version")
	}
	n, err := strconv.Atoi(code)
	if err != nil || len(code) != 3 || n < 100 || n > 699 {
		return faultf(0, "response status is not a number from 100 to 699")
	}
	p.m.Status, p.m.Reason = n, reason
	return nil
}

func (p *parser) allHeaders(s string) {
	for {
		line, rest := cutLine(s)
		if line == "" {
			return
		}
		if rest != "" && (rest[0] == ' ' || rest[0] == '\t') {
			line, rest = unfold(line, rest)
		}
		s = rest
		if p.headers++; p.headers > MaxHeaders {
			p.fail(faultf(400, "more than %d header fields", MaxHeaders))
			return
		}
		if strings.IndexByte(line, '\r') >= 0 {
			p.fail(faultf(400, "carriage return inside a header line"))
			continue
		}
		colon := strings.IndexByte(line, ':')
		if colon < 0 {
			p.fail(faultf(400, "header line without a colon"))
			continue
		}
		p.header(trim(line[:colon]), trim(line[colon+1:]))
	}
}

// unfold joins continuation lines with one space (RFC 3261 section 7.3.1).
func unfold(line, rest string) (string, string) {
	var out strings.Builder
	out.WriteString(line)
	for rest != "" && (rest[0] == ' ' || rest[0] == '\t') {
		var more string
		more, rest = cutLine(rest)
		out.WriteByte(' ')
		out.WriteString(trim(more))
	}
	return out.String(), rest
}

func (p *parser) header(name, value string) {
	if !isToken(name) {
		p.fail(faultf(400, "header name is no token"))
		return
	}
	known, ok := lookName(name)
	if !ok {
		p.m.Other = append(p.m.Other, Header{name, value})
		return
	}
	if known.field == fieldOther {
		p.m.Other = append(p.m.Other, Header{known.canonical, value})
		return
	}
	if p.seen[known.field] < 255 {
		p.seen[known.field]++
	}
	if fault := p.known(known.field, value); fault != nil {
		p.keepRaw(known, value)
		fault.What = known.canonical + ": " + fault.What
		p.fail(fault)
	}
}

// keepRaw keeps what a refusal has to repeat although it can't be read: answers are matched by it.
func (p *parser) keepRaw(name headerName, value string) {
	switch name.field {
	case fieldFrom:
		p.m.From = Address{}
	case fieldTo:
		p.m.To = Address{}
	case fieldCSeq:
		p.m.CSeq = CSeq{}
	case fieldOther, fieldVia, fieldCallID, fieldMaxForwards, fieldContact, fieldRoute, fieldRecordRoute, fieldContentType, fieldContentLength:
		return
	}
	p.m.Other = append(p.m.Other, Header{name.canonical, value})
}

func (p *parser) known(f field, value string) (fault *ParseError) {
	m := p.m
	switch f {
	case fieldVia:
		m.Via, fault = appendVias(m.Via, value)
	case fieldFrom:
		m.From, fault = parseAddress(value)
	case fieldTo:
		m.To, fault = parseAddress(value)
	case fieldCallID:
		if m.CallID = value; value == "" || strings.ContainsAny(value, " \t") {
			return faultf(400, "empty or with white space")
		}
	case fieldCSeq:
		m.CSeq, fault = parseCSeq(value)
	case fieldMaxForwards:
		m.MaxForwards, fault = parseNumber(value, 255)
	case fieldContact:
		if value == "*" {
			m.ContactStar = true
			return nil
		}
		m.Contact, fault = appendAddresses(m.Contact, value)
	case fieldRoute:
		m.Route, fault = appendAddresses(m.Route, value)
	case fieldRecordRoute:
		m.RecordRoute, fault = appendAddresses(m.RecordRoute, value)
	case fieldContentType:
		m.ContentType = value
	case fieldContentLength:
		if p.contentLength, fault = parseNumber(value, 1<<31-1); fault != nil {
			p.contentLength = -1
		}
	case fieldOther:
	}
	return fault
}

func parseNumber(s string, most int) (int, *ParseError) {
	n, err := strconv.ParseUint(s, 10, 63)
	if err != nil || n > uint64(most) {
		return -1, faultf(400, "not a number from 0 to %d", most)
	}
	return int(n), nil
}

func (p *parser) body(b []byte, stream bool) {
	switch {
	case p.contentLength < 0:
		if stream && p.seen[fieldContentLength] == 0 {
			p.fail(faultf(400, "no Content-Length on a stream"))
		}
	case p.contentLength > len(b):
		p.fail(faultf(400, "body shorter than Content-Length"))
	default:
		b = b[:p.contentLength]
	}
	if len(b) > 0 {
		p.m.Body = bytes.Clone(b)
	}
}

// clip keeps what a stranger wrote short enough for a log line.
func clip(s string) string {
	if len(s) > 32 {
		return s[:32]
	}
	return s
}
