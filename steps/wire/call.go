package wire

import (
	"context"
	"fmt"
	"math/rand/v2"
	"net/netip"
	"strconv"
	"strings"
	"sync"
)

// Manners are what a phone does without being told. The zero value is a silent phone.
type Manners struct {
	Trying bool // 100 to every INVITE at once
	Cancel bool // 200 to a CANCEL, then 487 to its INVITE
	Bye    bool // 200 to a BYE
	Ack    bool // ACK to every final answer to its own INVITE

	Redirect string // 302 to every INVITE, with this Contact
}

// Polite is how ordinary phones behave.
var Polite = Manners{Trying: true, Cancel: true, Bye: true, Ack: true}

// Call is one INVITE transaction of a phone, and the dialog that grows out of it.
type Call struct {
	Outgoing bool
	ID       string // Call-ID
	Invite   *Message

	phone *Phone
	to    netip.AddrPort // where the requests of this dialog go

	mu        sync.Mutex
	branch    string
	local     string // From (outgoing) or To (incoming) with our tag
	remote    string // the other one; gets its tag from the first answer with one
	target    string // remote target: the peer's Contact
	cseq      int
	finalSent bool
	up        bool // answered with 2xx
	over      bool // refused, or a BYE was sent or received
}

// Phone is a peer with manners that knows its calls.
type Phone struct {
	*Peer
	User string

	mu      sync.Mutex
	manners Manners
	calls   []*Call
}

// NewPhone opens a polite phone for user at addr.
func NewPhone(name, user, network string, addr netip.AddrPort, tap Tap) (*Phone, error) {
	peer, err := Listen(name, network, addr, tap)
	if err != nil {
		return nil, err
	}
	p := &Phone{Peer: peer, User: user, manners: Polite}
	peer.Auto(p.react)
	return p, nil
}

// Behave changes what the phone does without being told.
func (p *Phone) Behave(change func(*Manners)) {
	p.mu.Lock()
	defer p.mu.Unlock()
	change(&p.manners)
}

// Calls are all calls of the phone, the oldest first.
func (p *Phone) Calls() []*Call {
	p.mu.Lock()
	defer p.mu.Unlock()
	return append([]*Call(nil), p.calls...)
}

// Token is a fresh random word for tags, branches and Call-IDs.
func Token() string { return strconv.FormatUint(rand.Uint64(), 36) }

// Contact is the Contact header field value of the phone.
func (p *Phone) Contact() string {
	if p.Network == "tcp" {
		return fmt.Sprintf("<sip:%s@%s;transport=tcp>", p.User, p.Addr())
	}
	return fmt.Sprintf("<sip:%s@%s>", p.User, p.Addr())
}

func (p *Phone) via(branch string) string {
	return fmt.Sprintf("SIP/2.0/%s %s;rport;branch=%s", strings.ToUpper(p.Network), p.Addr(), branch)
}

// Setup is what a scenario may say about an INVITE of its own; what it leaves empty gets a plain value.
type Setup struct {
	RequestURI, From, To, CallID, FromTag string
	Body                                  string // session description; empty: INVITE without SDP
	Headers                               []Header
}

// Call sends an INVITE to the address of a server.
func (p *Phone) Call(to netip.AddrPort, s Setup) (*Call, error) {
	c := &Call{Outgoing: true, phone: p, to: to, ID: s.CallID, branch: "z9hG4bK" + Token(), cseq: 1}
	if c.ID == "" {
		c.ID = Token() + "@" + p.Addr().Addr().String()
	}
	if s.FromTag == "" {
		s.FromTag = Token()
	}
	c.local, c.remote, c.target = s.From+";tag="+s.FromTag, s.To, s.RequestURI
	m := c.request("INVITE", c.branch, c.cseq)
	m.Add("Contact", p.Contact())
	for _, h := range s.Headers {
		if h.Name == "Max-Forwards" || h.Name == "Contact" {
			m.Set(h.Name, h.Value)
		} else {
			m.Headers = append(m.Headers, h)
		}
	}
	if s.Body != "" {
		if !m.Has("Content-Type") {
			m.Add("Content-Type", "application/sdp")
		}
		m.Body = s.Body
	}
	c.Invite = m
	p.mu.Lock()
	p.calls = append(p.calls, c)
	p.mu.Unlock()
	return c, p.Send(to, m.Bytes())
}

// request is a request of this dialog in its present state.
func (c *Call) request(method, branch string, cseq int) *Message {
	return &Message{
		Start: method + " " + c.target + " SIP/2.0",
		Headers: []Header{
			{"Via", c.phone.via(branch)},
			{"Max-Forwards", "70"},
			{"From", c.local},
			{"To", c.remote},
			{"Call-ID", c.ID},
			{"CSeq", strconv.Itoa(cseq) + " " + method},
		},
	}
}

// Cancel sends CANCEL for the INVITE of this call (RFC 3261 9.1: same branch, no To tag).
func (c *Call) Cancel(extra ...Header) error {
	m := &Message{Start: "CANCEL" + strings.TrimPrefix(c.Invite.Start, "INVITE")}
	for _, name := range []string{"Via", "Max-Forwards", "From", "To", "Call-ID"} {
		m.Add(name, c.Invite.Get(name))
	}
	number, _ := c.Invite.CSeq()
	m.Add("CSeq", strconv.Itoa(number)+" CANCEL")
	m.Headers = append(m.Headers, extra...)
	return c.phone.Send(c.to, m.Bytes())
}

// Request sends a request inside the dialog and returns its branch. A body without Content-Type is a session description.
func (c *Call) Request(method, body string, extra ...Header) (branch string, err error) {
	c.mu.Lock()
	c.cseq++
	branch = "z9hG4bK" + Token()
	m := c.request(method, branch, c.cseq)
	c.over = c.over || method == "BYE"
	c.mu.Unlock()
	switch method {
	case "INVITE", "UPDATE", "REFER", "NOTIFY":
		m.Add("Contact", c.phone.Contact())
	}
	m.Headers = append(m.Headers, extra...)
	m.Body = body
	if body != "" && !m.Has("Content-Type") {
		m.Add("Content-Type", "application/sdp")
	}
	return branch, c.phone.Send(c.to, m.Bytes())
}

// CancelRequest sends CANCEL for a request inside the dialog, the latest one.
func (c *Call) CancelRequest(branch string) error {
	c.mu.Lock()
	m := c.request("CANCEL", branch, c.cseq)
	c.mu.Unlock()
	return c.phone.Send(c.to, m.Bytes())
}

// Answer answers the INVITE of an incoming call.
func (c *Call) Answer(status int, reason, body string, extra ...Header) error {
	m := c.respond(c.Invite, status, reason)
	if status > 100 && status < 300 {
		m.Add("Contact", c.phone.Contact())
	}
	m.Headers = append(m.Headers, extra...)
	if body != "" {
		m.Add("Content-Type", "application/sdp")
		m.Body = body
	}
	c.mu.Lock()
	c.finalSent = c.finalSent || status >= 200
	c.up = c.up || status >= 200 && status < 300
	c.over = c.over || status >= 300
	c.mu.Unlock()
	return c.phone.Send(c.to, m.Bytes())
}

func (c *Call) respond(req *Message, status int, reason string) *Message {
	to := req.Get("To")
	if c != nil && Parameter(to, "tag") == "" && status > 100 {
		to = c.local
	}
	m := &Message{Start: fmt.Sprintf("SIP/2.0 %d %s", status, reason)}
	for _, v := range req.Values("Via") {
		m.Add("Via", v)
	}
	for _, v := range req.Values("Record-Route") {
		m.Add("Record-Route", v)
	}
	m.Add("From", req.Get("From"))
	m.Add("To", to)
	m.Add("Call-ID", req.Get("Call-ID"))
	m.Add("CSeq", req.Get("CSeq"))
	return m
}

// react is the automatic behaviour of the phone; it takes only what it answers completely.
func (p *Phone) react(m *Received) bool {
	p.mu.Lock()
	manners := p.manners
	p.mu.Unlock()
	if m.Status() != 0 {
		if c := p.byBranch(m); c != nil {
			c.gotResponse(m, manners)
		}
		return false
	}
	switch m.Method() {
	case "INVITE":
		if Parameter(m.Get("To"), "tag") == "" {
			p.incoming(m, manners)
		}
	case "CANCEL":
		c := p.cancelled(m)
		if c != nil && manners.Cancel {
			_ = p.Send(m.From, c.respond(m.Message, 200, "OK").Bytes())
			c.mu.Lock()
			final := c.finalSent
			c.mu.Unlock()
			if !final {
				_ = c.Answer(487, "Request Terminated", "")
			}
		}
	case "BYE":
		for _, c := range p.Calls() {
			c.gotBye(m)
		}
		if manners.Bye {
			_ = p.Send(m.From, (*Call)(nil).respond(m.Message, 200, "OK").Bytes())
		}
	}
	return false
}

func (p *Phone) incoming(m *Received, manners Manners) {
	c := &Call{phone: p, to: m.From, ID: m.Get("Call-ID"), Invite: m.Message, cseq: 1000}
	c.local, c.remote, c.target = m.Get("To")+";tag="+Token(), m.Get("From"), URI(m.Get("Contact"))
	p.mu.Lock()
	p.calls = append(p.calls, c)
	p.mu.Unlock()
	if manners.Trying {
		_ = p.Send(m.From, c.respond(m.Message, 100, "Trying").Bytes())
	}
	if manners.Redirect != "" {
		_ = c.Answer(302, "Moved Temporarily", "", Header{Name: "Contact", Value: manners.Redirect})
	}
}

// byBranch finds the outgoing call whose INVITE a response answers.
func (p *Phone) byBranch(m *Received) *Call {
	branch := Parameter(m.Get("Via"), "branch")
	for _, c := range p.Calls() {
		if _, method := m.CSeq(); c.Outgoing && c.branch == branch && method == "INVITE" {
			return c
		}
	}
	return nil
}

func (p *Phone) cancelled(m *Received) *Call {
	branch := Parameter(m.Get("Via"), "branch")
	for _, c := range p.Calls() {
		if !c.Outgoing && Parameter(c.Invite.Get("Via"), "branch") == branch {
			return c
		}
	}
	return nil
}

// gotResponse learns the dialog from an answer to our INVITE and acknowledges a final one.
func (c *Call) gotResponse(m *Received, manners Manners) {
	c.mu.Lock()
	if m.Status() > 100 && m.Status() < 300 {
		c.remote = m.Get("To")
		if m.Has("Contact") {
			c.target = URI(m.Get("Contact"))
		}
	}
	number, _ := c.Invite.CSeq()
	var ack *Message
	if m.Status() >= 300 { // RFC 3261 17.1.1.3
		c.over = true
		ack = c.request("ACK", c.branch, number)
		ack.Start = "ACK" + strings.TrimPrefix(c.Invite.Start, "INVITE")
		ack.Set("To", m.Get("To"))
	} else if m.Status() >= 200 { // RFC 3261 13.2.2.4
		ack = c.request("ACK", "z9hG4bK"+Token(), number)
		c.up = true
	}
	c.mu.Unlock()
	if ack != nil && manners.Ack {
		_ = c.phone.Send(c.to, ack.Bytes())
	}
}

func (c *Call) gotBye(m *Received) {
	c.mu.Lock()
	defer c.mu.Unlock()
	// a fork has the Call-ID of its sisters, but a tag of its own
	if m.Get("Call-ID") == c.ID && Parameter(m.Get("To"), "tag") == Parameter(c.local, "tag") && Parameter(m.Get("From"), "tag") == Parameter(c.remote, "tag") {
		c.over = true
	}
}

// Up tells a call that was answered and not yet ended.
func (c *Call) Up() bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.up && !c.over
}

// Over tells a call that was refused or ended.
func (c *Call) Over() bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.over
}

// IsAnswer matches the responses to the INVITE of this outgoing call.
func (c *Call) IsAnswer(m *Received) bool {
	_, method := m.CSeq()
	return m.Status() != 0 && method == "INVITE" && Parameter(m.Get("Via"), "branch") == c.branch
}

// AwaitAnswer waits for the next response to the INVITE that matches.
func (c *Call) AwaitAnswer(ctx context.Context, what string, match func(*Received) bool) (*Received, error) {
	return c.phone.Await(ctx, what, func(m *Received) bool { return c.IsAnswer(m) && match(m) })
}

// AwaitResponse waits for a final response to a request by its branch.
func (c *Call) AwaitResponse(ctx context.Context, branch string) (*Received, error) {
	return c.phone.Await(ctx, "an answer to its request", func(m *Received) bool {
		_, method := m.CSeq() // a CANCEL has the branch of its INVITE
		return m.Status() >= 200 && method != "CANCEL" && Parameter(m.Get("Via"), "branch") == branch
	})
}

// AwaitRequest waits for a request of this dialog.
func (c *Call) AwaitRequest(ctx context.Context, method string) (*Received, error) {
	return c.phone.Await(ctx, method, c.Is(method))
}

// AwaitCall waits for the next new incoming call.
func (p *Phone) AwaitCall(ctx context.Context) (*Call, error) {
	m, err := p.Await(ctx, "a call", func(m *Received) bool {
		return m.Method() == "INVITE" && Parameter(m.Get("To"), "tag") == ""
	})
	if err != nil {
		return nil, err
	}
	for _, c := range p.Calls() {
		if c.Invite == m.Message {
			return c, nil
		}
	}
	return nil, fmt.Errorf("%s got an INVITE that belongs to no call: %s", p.Name, m.Summary())
}
