// Package sip is what we say and read on the wire: messages, URIs, addresses and their limits.
// It is the only package that knows the SIP library's types; everything above it sees plain structs.
//
// A Message is a value without behaviour of its own: no transaction, no connection, no clock.
// Parse and Message.Append are inverse up to header order and folding.
package sip

import "slices"

// Method is a request method, upper case as on the wire (RFC 3261 section 7.1).
type Method string

// The methods the product knows; any other token is carried as it is.
const (
	INVITE    Method = "INVITE"
	ACK       Method = "ACK"
	CANCEL    Method = "CANCEL"
	BYE       Method = "BYE"
	OPTIONS   Method = "OPTIONS"
	REGISTER  Method = "REGISTER"
	INFO      Method = "INFO"
	UPDATE    Method = "UPDATE"
	PRACK     Method = "PRACK"
	REFER     Method = "REFER"
	NOTIFY    Method = "NOTIFY"
	SUBSCRIBE Method = "SUBSCRIBE"
	MESSAGE   Method = "MESSAGE"
	PUBLISH   Method = "PUBLISH"
)

// Param is one ;name or ;name=value of a URI or header. Flag parameters have HasValue false.
type Param struct {
	Name, Value string
	HasValue    bool
}

// Params keeps parameters in the order of the wire, names in the case of the wire; look-up ignores case.
type Params []Param

// URI is a SIP, SIPS or TEL URI. User and Params are kept escaped, as written.
type URI struct {
	Scheme   string // "sip", "sips", "tel"; lower case
	User     string // escaped; for tel: the number
	Password string
	Host     string // IPv6 with its brackets; case as written
	Port     int    // 0: none written
	Params   Params
	Headers  string // what follows '?', raw
}

// Address is a name-addr or addr-spec with header parameters: From, To, Contact, Route, Referred-By (RFC 3261 section 20.10).
type Address struct {
	Display string // unquoted and unescaped; empty: none
	URI     URI
	Params  Params // header parameters such as tag
}

// Via is one Via header value (RFC 3261 section 20.42).
type Via struct {
	Transport string // "UDP", "TCP", "TLS", upper case
	Host      string
	Port      int // 0: none written
	Params    Params
}

// CSeq is the sequence number and method of a request (RFC 3261 section 20.16).
type CSeq struct {
	Number uint32
	Method Method
}

// Header is a header field that has no field of its own in Message.
type Header struct{ Name, Value string }

// Message is a request (Method set) or a response (Status set).
//
// A Contact whose URI.Host is empty is filled in when the message is sent, with the address of the flow that carries it:
// who builds a message does not know yet which socket it will leave by. The same holds for the top Via of a request,
// which the transaction layer adds.
type Message struct {
	Method Method // requests
	URI    URI    // requests: Request-URI
	Status int    // responses: 100..699
	Reason string // responses: reason phrase

	Via         []Via
	From, To    Address
	CallID      string
	CSeq        CSeq
	MaxForwards int // -1: header absent
	Contact     []Address
	ContactStar bool // "Contact: *"
	Route       []Address
	RecordRoute []Address
	ContentType string
	Body        []byte

	Other []Header // all other header fields, in the order of the wire, names in canonical spelling
}

// IsRequest tells a request from a response.
func (m *Message) IsRequest() bool { return m.Method != "" }

// Clone copies the message so that the copy's lists can be changed; strings and the body are shared.
func (m *Message) Clone() *Message {
	c := *m
	c.Via = slices.Clone(m.Via)
	c.Contact = slices.Clone(m.Contact)
	c.Route = slices.Clone(m.Route)
	c.RecordRoute = slices.Clone(m.RecordRoute)
	c.Other = slices.Clone(m.Other)
	return &c
}
