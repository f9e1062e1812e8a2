//go:build linux

package load

import (
	"bytes"
	"strconv"
)

// message is what the fast path needs of a SIP message; all fields point into the buffer.
type message struct {
	start       []byte // start line
	status      int    // 0: request
	method      []byte // of the CSeq
	cseq        []byte // whole CSeq value
	callID      []byte
	from, to    []byte
	contact     []byte
	via         [][]byte // lines' values, in order
	recordRoute [][]byte
	body        []byte
	length      int // Content-Length; -1: none
}

var (
	crlf     = []byte("\r\n")
	blank    = []byte("\r\n\r\n")
	sipStart = []byte("SIP/2.0 ")
)

// parse fills m from one whole message; false: it is none.
func (m *message) parse(b []byte) bool {
	head, body, ok := bytes.Cut(b, blank)
	if !ok {
		return false
	}
	*m = message{via: m.via[:0], recordRoute: m.recordRoute[:0], body: body, length: -1}
	line, rest, _ := bytes.Cut(head, crlf)
	m.start = line
	if bytes.HasPrefix(line, sipStart) && len(line) >= 11 {
		m.status, _ = strconv.Atoi(string(line[8:11]))
	}
	for len(rest) > 0 {
		line, rest, _ = bytes.Cut(rest, crlf)
		m.header(line)
	}
	_, m.method, _ = bytes.Cut(m.cseq, []byte(" "))
	return len(m.callID) > 0 && len(m.method) > 0
}

func (m *message) header(line []byte) {
	name, value, ok := bytes.Cut(line, []byte(":"))
	if !ok {
		return
	}
	value = bytes.TrimSpace(value)
	switch string(bytes.ToLower(bytes.TrimSpace(name))) {
	case "via", "v":
		m.via = append(m.via, value)
	case "record-route":
		m.recordRoute = append(m.recordRoute, value)
	case "from", "f":
		m.from = value
	case "to", "t":
		m.to = value
	case "call-id", "i":
		m.callID = value
	case "cseq":
		m.cseq = value
	case "contact", "m":
		m.contact = value
	case "content-length", "l":
		if n, err := strconv.Atoi(string(value)); err == nil && n >= 0 && n <= 1<<16 { // longer is no message of a call
			m.length = n
		}
	}
}

// is tells the method of a request, or of a response's CSeq.
func (m *message) is(method string) bool { return string(m.method) == method }

// uriIn is the URI of a name-addr or addr-spec.
func uriIn(v []byte) []byte {
	if _, after, ok := bytes.Cut(v, []byte("<")); ok {
		u, _, _ := bytes.Cut(after, []byte(">"))
		return u
	}
	u, _, _ := bytes.Cut(v, []byte(";"))
	return bytes.TrimSpace(u)
}

// frameOf cuts the first whole message off a stream; n is its length, 0: not whole yet. Line ends between messages are skipped.
func frameOf(b []byte) (skip, n int) {
	for skip+1 < len(b) && b[skip] == '\r' && b[skip+1] == '\n' {
		skip += 2
	}
	end := bytes.Index(b[skip:], blank)
	if end < 0 {
		return skip, 0
	}
	var m message
	m.parse(b[skip : skip+end+4])
	if total := end + 4 + max(m.length, 0); skip+total <= len(b) {
		return skip, total
	}
	return skip, 0
}
