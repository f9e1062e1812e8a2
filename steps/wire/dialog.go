package wire

import (
	"strconv"
)

// This file is about requests inside a dialog, and about more than one dialog from one INVITE.

// Is matches the requests of this dialog with the given method; a CANCEL has no To tag and is for all dialogs of its INVITE.
func (c *Call) Is(method string) func(*Received) bool {
	return func(m *Received) bool {
		c.mu.Lock()
		own := Parameter(c.local, "tag")
		c.mu.Unlock()
		tag := Parameter(m.Get("To"), "tag")
		return m.Method() == method && m.Get("Call-ID") == c.ID && (tag == "" || tag == own)
	}
}

// Sibling is a second callee behind the same INVITE, as a forking proxy makes them: it answers with a To tag of its own.
func (c *Call) Sibling() *Call {
	s := &Call{phone: c.phone, to: c.to, ID: c.ID, Invite: c.Invite, cseq: 2000}
	s.local, s.remote, s.target = c.Invite.Get("To")+";tag="+Token(), c.Invite.Get("From"), URI(c.Invite.Get("Contact"))
	c.phone.mu.Lock()
	c.phone.calls = append(c.phone.calls, s)
	c.phone.mu.Unlock()
	return s
}

// Tags are those of the dialog, our own first. The remote one is empty until the first answer.
func (c *Call) Tags() (local, remote string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	return Parameter(c.local, "tag"), Parameter(c.remote, "tag")
}

// Acknowledge sends the ACK for a final response to a re-INVITE of ours, with an answer if it has to bring one.
func (c *Call) Acknowledge(response *Received, body string) error {
	number, _ := response.CSeq()
	branch := "z9hG4bK" + Token() // RFC 3261 section 13.2.2.4
	if response.Status() >= 300 { // section 17.1.1.3
		branch = Parameter(response.Get("Via"), "branch")
	}
	c.mu.Lock()
	ack := c.request("ACK", branch, number)
	c.mu.Unlock()
	if body != "" {
		ack.Add("Content-Type", "application/sdp")
		ack.Body = body
	}
	return c.phone.Send(c.to, ack.Bytes())
}

// Reply answers a request inside this dialog.
func (c *Call) Reply(m *Received, status int, reason, body string, extra ...Header) error {
	r := c.respond(m.Message, status, reason)
	for _, h := range extra {
		r.Add(h.Name, h.Value)
	}
	if status < 300 {
		r.Add("Contact", c.phone.Contact())
	}
	if body != "" {
		r.Add("Content-Type", "application/sdp")
		r.Body = body
	}
	return c.phone.Send(m.From, r.Bytes())
}

// Origin is the session id and the version of a description, from its o= line (RFC 8866 section 5.2).
func Origin(body string) (id string, version uint64, ok bool) {
	fields := originLine.FindStringSubmatch(body)
	if fields == nil {
		return "", 0, false
	}
	version, err := strconv.ParseUint(fields[2], 10, 64)
	return fields[1], version, err == nil
}
