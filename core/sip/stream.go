package sip

import (
	"bytes"
	"strconv"
	"strings"
)

// StreamLimits bounds what a StreamReader holds; zero fields mean the package's limits.
type StreamLimits struct {
	Message int // octets of one message
}

// StreamReader cuts a TCP or TLS stream into messages by Content-Length (RFC 3261 section 18.3).
type StreamReader struct {
	// Pongs says that we send the keep-alives on this stream, so that a single CRLF is the answer to one
	// and not the first half of the peer's own (RFC 5626 section 4.4.1).
	Pongs bool

	buf     []byte
	start   int // first octet not consumed
	scanned int // octets after start that hold no header end
	most    int
	last    []byte
	err     *ParseError
	ponged  bool
}

// NewStreamReader makes a reader for one stream.
func NewStreamReader(limits StreamLimits) *StreamReader {
	if limits.Message == 0 {
		limits.Message = MaxMessage
	}
	return &StreamReader{most: limits.Message}
}

// Feed adds octets that came in; call Next until it returns nothing before feeding more, which bounds the buffer.
func (r *StreamReader) Feed(b []byte) {
	if r.start > 0 {
		r.buf = append(r.buf[:0], r.buf[r.start:]...)
		r.start = 0
	}
	r.buf = append(r.buf, b...)
}

// Next returns the next message, or keepalive for a double CRLF that wants a single one in return, or neither when octets are missing.
// After an error that is not Fatal the following message can be read.
func (r *StreamReader) Next() (m *Message, keepalive bool, err error) {
	if r.err != nil {
		return nil, false, r.err
	}
	if r.skipCRLF() {
		return nil, true, nil
	}
	b := r.buf[r.start:]
	if len(b) == 0 || b[0] == '\r' && len(b) < 4 {
		r.shrink()
		return nil, false, nil
	}
	end := headerEnd(b, max(0, r.scanned-2))
	if end < 0 {
		if r.scanned = len(b); len(b) > r.most {
			return nil, false, r.lost(faultf(0, "headers longer than %d octets on a stream", r.most))
		}
		return nil, false, nil
	}
	length, fault := contentLength(b[:end])
	if fault != nil {
		return nil, false, r.unframed(b[:end], fault)
	}
	if length > r.most-end {
		return nil, false, r.unframed(b[:end], faultf(513, "message longer than %d octets on a stream", r.most))
	}
	if len(b) < end+length {
		r.scanned = max(end-2, 0)
		return nil, false, nil
	}
	r.last = b[:end+length]
	r.start += end + length
	r.scanned = 0
	if m, fault = parse(r.last, true); fault != nil {
		return nil, false, fault
	}
	return m, false, nil
}

// Last is the text of the message that Next read last; it is valid until the next Feed.
func (r *StreamReader) Last() []byte { return r.last }

// TakePong tells whether the answer to a keep-alive came since it was asked last.
func (r *StreamReader) TakePong() bool {
	ponged := r.ponged
	r.ponged = false
	return ponged
}

// Buffered is the number of octets waiting for the rest of their message. Line breaks before a message (RFC 3261 section 7.5),
// which may also be half a keep-alive, are none of them.
func (r *StreamReader) Buffered() int {
	b := r.buf[r.start:]
	if len(b) < 4 && len(bytes.Trim(b, "\r\n")) == 0 {
		return 0
	}
	return len(b)
}

// skipCRLF consumes line breaks between messages and tells whether they were a keep-alive.
func (r *StreamReader) skipCRLF() bool {
	for {
		b := r.buf[r.start:]
		switch {
		case !r.Pongs && bytes.HasPrefix(b, []byte("\r\n\r\n")):
			r.start += 4
			return true
		case bytes.HasPrefix(b, []byte("\r\n")) && (r.Pongs || len(b) > 3 || len(b) == 3 && b[2] != '\r'):
			r.start += 2
			r.ponged = r.ponged || r.Pongs
		case len(b) > 0 && b[0] == '\n':
			r.start++
		default:
			return false
		}
	}
}

// shrink gives back the buffer of a long message once it is consumed.
func (r *StreamReader) shrink() {
	if r.start == len(r.buf) && cap(r.buf) > 8192 {
		r.buf, r.start, r.last = nil, 0, nil
	}
}

func (r *StreamReader) lost(fault *ParseError) *ParseError {
	fault.Fatal = true
	r.err = fault
	r.buf, r.start = nil, 0
	return fault
}

// unframed is the end of the stream; the headers may still tell whom to answer.
func (r *StreamReader) unframed(head []byte, fault *ParseError) *ParseError {
	m, other := parse(head, false)
	switch {
	case other != nil:
		fault.Request = other.Request
	case m.IsRequest() && m.Method != ACK:
		fault.Request = m
	}
	if fault.Request == nil {
		fault.Status = 0
	}
	return r.lost(fault)
}

// contentLength finds the header in a header section without parsing the rest.
func contentLength(head []byte) (int, *ParseError) {
	s := string(head)
	_, s = cutLine(s)
	found := -1
	for s != "" {
		var line string
		line, s = cutLine(s)
		name, value, ok := strings.Cut(line, ":")
		if !ok || line[0] == ' ' || line[0] == '\t' { // a continuation is no header of its own
			continue
		}
		if name = trim(name); !strings.EqualFold(name, "Content-Length") && !strings.EqualFold(name, "l") {
			continue
		}
		if s != "" && (s[0] == ' ' || s[0] == '\t') {
			value, s = unfold(value, s)
		}
		n, err := strconv.ParseUint(trim(value), 10, 31)
		if err != nil {
			return 0, faultf(400, "Content-Length is no number")
		}
		if found >= 0 && found != int(n) {
			return 0, faultf(400, "two different Content-Length on a stream")
		}
		found = int(n)
	}
	if found < 0 {
		return 0, faultf(400, "no Content-Length on a stream")
	}
	return found, nil
}
