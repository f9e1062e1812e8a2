package sip

import (
	"encoding/hex"
	"io"
)

// NewResponse answers a request: Via, From, To, Call-ID, CSeq and, where a dialog may come of it, Record-Route are copied
// (RFC 3261 sections 8.2.6.2 and 12.1.1). The tag is put on To unless it has one or the status is 100. An empty reason is the standard phrase.
func NewResponse(req *Message, status int, reason, toTag string) *Message {
	if reason == "" {
		reason = ReasonPhrase(status)
	}
	resp := &Message{
		Status: status, Reason: reason, MaxForwards: -1,
		Via: req.Via, From: req.From, To: req.To, CallID: req.CallID, CSeq: req.CSeq,
	}
	if status > 100 && status < 300 {
		resp.RecordRoute = req.RecordRoute
	}
	if toTag != "" && status != 100 && resp.To.Tag() == "" && resp.To.URI.Scheme != "" {
		resp.To = resp.To.WithTag(toTag)
	}
	// Parse keeps what it can't read of a refused request under its name.
	if req.From.URI.Scheme == "" || req.To.URI.Scheme == "" || req.CSeq.Method == "" {
		for _, name := range []string{"From", "To", "CSeq"} {
			if v, ok := req.Header(name); ok {
				resp.Add(name, v)
			}
		}
	}
	if status == 100 {
		// A 100 carries the Timestamp of the request (RFC 3261 section 8.2.6.1).
		if v, ok := req.Header("Timestamp"); ok {
			resp.Add("Timestamp", v)
		}
	}
	return resp
}

// ReasonPhrase is the phrase that belongs to a status, that of its class when the status is unknown.
func ReasonPhrase(status int) string {
	if phrase, ok := phrases[status]; ok {
		return phrase
	}
	switch status / 100 {
	case 1:
		return "Session Progress"
	case 2:
		return "OK"
	case 3:
		return "Redirection"
	case 4:
		return "Request Failure"
	case 5:
		return "Server Failure"
	}
	return "Global Failure"
}

var phrases = map[int]string{
	100: "Trying", 180: "Ringing", 181: "Call Is Being Forwarded", 182: "Queued", 183: "Session Progress", 199: "Early Dialog Terminated",
	200: "OK", 202: "Accepted", 204: "No Notification",
	300: "Multiple Choices", 301: "Moved Permanently", 302: "Moved Temporarily", 305: "Use Proxy", 380: "Alternative Service",
	400: "Bad Request", 401: "Unauthorized", 402: "Payment Required", 403: "Forbidden", 404: "Not Found", 405: "Method Not Allowed",
	406: "Not Acceptable", 407: "Proxy Authentication Required", 408: "Request Timeout", 410: "Gone", 412: "Conditional Request Failed",
	413: "Request Entity Too Large", 414: "Request-URI Too Long", 415: "Unsupported Media Type", 416: "Unsupported URI Scheme",
	417: "Unknown Resource-Priority", 420: "Bad Extension", 421: "Extension Required", 422: "Session Interval Too Small",
	423: "Interval Too Brief", 428: "Use Identity Header", 429: "Provide Referrer Identity", 430: "Flow Failed", 433: "Anonymity Disallowed",
	436: "Bad Identity-Info", 437: "Unsupported Certificate", 438: "Invalid Identity Header", 439: "First Hop Lacks Outbound Support",
	440: "Max-Breadth Exceeded", 469: "Bad Info Package", 470: "Consent Needed",
	480: "Temporarily Unavailable", 481: "Call/Transaction Does Not Exist", 482: "Loop Detected", 483: "Too Many Hops",
	484: "Address Incomplete", 485: "Ambiguous", 486: "Busy Here", 487: "Request Terminated", 488: "Not Acceptable Here",
	489: "Bad Event", 491: "Request Pending", 493: "Undecipherable", 494: "Security Agreement Required",
	500: "Server Internal Error", 501: "Not Implemented", 502: "Bad Gateway", 503: "Service Unavailable", 504: "Server Time-out",
	505: "Version Not Supported", 513: "Message Too Large", 555: "Push Notification Service Not Supported", 580: "Precondition Failure",
	600: "Busy Everywhere", 603: "Decline", 604: "Does Not Exist Anywhere", 606: "Not Acceptable", 607: "Unwanted", 608: "Rejected",
}

// NewTag makes a From or To tag of 64 random bits (RFC 3261 section 19.3 asks for 32).
func NewTag(random io.Reader) string { return randomHex(random, 8) }

// NewBranch makes a branch that no other transaction has (RFC 3261 section 8.1.1.7).
func NewBranch(random io.Reader) string { return MagicCookie + randomHex(random, 10) }

// NewCallID makes a Call-ID of 128 random bits; it names no host, so that it tells nothing of the network.
func NewCallID(random io.Reader) string { return randomHex(random, 16) }

// randomHex panics when the source fails: crypto/rand never does, and a call with a guessable tag must not exist.
func randomHex(random io.Reader, n int) string {
	var b [16]byte
	if _, err := io.ReadFull(random, b[:n]); err != nil {
		panic("sip: no randomness: " + err.Error())
	}
	return hex.EncodeToString(b[:n])
}
