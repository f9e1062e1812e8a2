package sip

import "fmt"

// ParseError tells what is wrong with a message or a part of it.
type ParseError struct {
	// Status is the response such a request deserves (400, 416, 505, 513…); 0 where none may be sent: responses and ACK.
	Status int
	// What names the fault without repeating the message's content.
	What string
	// Request holds what could be read of a request that can be answered with NewResponse; nil where it can't.
	Request *Message
	// Fatal says that the position in a stream is lost, so that the connection has to end.
	Fatal bool
}

// Error says what is wrong.
func (e *ParseError) Error() string { return "malformed SIP: " + e.What }

func faultf(status int, format string, args ...any) *ParseError {
	return &ParseError{Status: status, What: fmt.Sprintf(format, args...)}
}
