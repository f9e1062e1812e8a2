// Package dialog is the peer-to-peer SIP relationship of RFC 3261 section 12: tags, sequence numbers, route set and remote target.
//
// A Dialog only keeps these and builds or checks messages with them. It sends nothing and knows no time; whose call it belongs
// to, and what a request inside it means, is decided above. It is not safe for concurrent use: one owner, as for a call.
package dialog

import (
	"fmt"
	"slices"

	"b2bua/core/sip"
)

// FirstCSeq is the sequence number of the first request we send in a dialog (spec 2.1; the number itself is no contract).
const FirstCSeq = 20

// maxForwards is RFC 3261 section 8.1.1.6's recommended initial value.
const maxForwards = 70

// ID identifies a dialog from our side (RFC 3261 section 12).
type ID struct{ CallID, Local, Remote string }

// Dialog is one early or confirmed dialog.
type Dialog struct {
	id        ID
	local     sip.Address // with our tag
	remote    sip.Address // with the peer's tag
	localSeq  uint32
	remoteSeq uint32
	heard     bool // remoteSeq is set
	routes    []sip.Address
	target    sip.URI

	// Contact is written into requests and responses that refresh the target. An empty host is filled in when sent.
	Contact sip.Address
}

// NewUAS opens the dialog of an INVITE we received and answer with localTag (RFC 3261 section 12.1.1).
func NewUAS(invite *sip.Message, localTag string) *Dialog {
	d := &Dialog{
		id:     ID{CallID: invite.CallID, Local: localTag, Remote: invite.From.Tag()},
		local:  invite.To.WithTag(localTag),
		remote: invite.From,
		// Requests of ours in this dialog start here, whatever the peer counts.
		localSeq:  FirstCSeq - 1,
		remoteSeq: invite.CSeq.Number,
		heard:     true,
		routes:    slices.Clone(invite.RecordRoute),
		target:    invite.From.URI,
	}
	if len(invite.Contact) > 0 {
		d.target = invite.Contact[0].URI
	}
	return d
}

// NewUAC opens the dialog that a response to our INVITE creates (RFC 3261 section 12.1.2). A missing To tag counts as null tag, as
// that section says for peers of RFC 2543.
func NewUAC(invite, resp *sip.Message) (*Dialog, error) {
	if resp.CallID != invite.CallID {
		return nil, fmt.Errorf("response %d with Call-ID %s does not belong to INVITE %s", resp.Status, resp.CallID, invite.CallID)
	}
	tag, remote := resp.To.Tag(), invite.To
	if tag != "" {
		remote = invite.To.WithTag(tag)
	}
	d := &Dialog{
		id:       ID{CallID: invite.CallID, Local: invite.From.Tag(), Remote: tag},
		local:    invite.From,
		remote:   remote,
		localSeq: invite.CSeq.Number,
		routes:   slices.Clone(resp.RecordRoute),
		target:   invite.URI,
	}
	slices.Reverse(d.routes)
	if len(resp.Contact) > 0 {
		d.target = resp.Contact[0].URI
	}
	return d, nil
}

// ID of the dialog.
func (d *Dialog) ID() ID { return d.id }

// Local is our side's address with its tag.
func (d *Dialog) Local() sip.Address { return d.local }

// Remote is the peer's address with its tag.
func (d *Dialog) Remote() sip.Address { return d.remote }

// Target is where the peer wants requests (its last Contact).
func (d *Dialog) Target() sip.URI { return d.target }

// Routed tells whether proxies stay on the path of this dialog.
func (d *Dialog) Routed() bool { return len(d.routes) > 0 }

// NextHop is where requests of this dialog are sent: the first route, or the target. With a strict first router it is also the
// Request-URI, so the rule "first Route header" does not hold and the caller must pass it on (RFC 3261 section 12.2.1.1).
func (d *Dialog) NextHop() sip.URI {
	if len(d.routes) > 0 {
		return d.routes[0].URI
	}
	return d.target
}

// Request builds the next request of the dialog. ACK and CANCEL are not requests of their own number: see Ack.
func (d *Dialog) Request(m sip.Method) *sip.Message {
	d.localSeq++
	req := d.build(m, d.localSeq)
	if refreshesTarget(m) {
		req.Contact = []sip.Address{d.Contact}
	}
	return req
}

// Again gives a request of this dialog that is to be sent once more, with credentials, its new number (RFC 3261 section 22.2).
func (d *Dialog) Again(req *sip.Message) {
	d.localSeq++
	req.CSeq.Number = d.localSeq
}

// Ack builds the ACK for a 2xx to the INVITE that had the given sequence number (RFC 3261 section 13.2.2.4).
func (d *Dialog) Ack(inviteCSeq uint32) *sip.Message { return d.build(sip.ACK, inviteCSeq) }

func (d *Dialog) build(m sip.Method, seq uint32) *sip.Message {
	req := &sip.Message{
		Method: m, URI: d.target, From: d.local, To: d.remote, CallID: d.id.CallID,
		CSeq: sip.CSeq{Number: seq, Method: m}, MaxForwards: maxForwards, Route: slices.Clone(d.routes),
	}
	if len(d.routes) > 0 && !d.routes[0].URI.Params.Has("lr") { // strict router (RFC 3261 section 12.2.1.1)
		req.URI = d.routes[0].URI
		req.Route = append(req.Route[1:], sip.Address{URI: d.target})
	}
	return req
}

// Receive checks the sequence number of a request inside the dialog and remembers it (RFC 3261 section 12.2.2).
// Status 0: go on; else the request is to be answered with it. An ACK never counts.
func (d *Dialog) Receive(req *sip.Message) (status int, err error) {
	if req.Method == sip.ACK {
		return 0, nil
	}
	if d.heard && req.CSeq.Number <= d.remoteSeq {
		return 500, fmt.Errorf("%s with CSeq %d after %d in dialog %s (RFC 3261 section 12.2.2)", req.Method, req.CSeq.Number, d.remoteSeq, d.id.CallID)
	}
	d.remoteSeq, d.heard = req.CSeq.Number, true
	return 0, nil
}

// UpdateTarget takes the Contact of a target refresh (a re-INVITE or UPDATE request, or its 2xx) as the new remote target
// (RFC 3261 section 12.2). Other messages and messages without Contact change nothing.
func (d *Dialog) UpdateTarget(m *sip.Message) {
	if refreshesTarget(m.CSeq.Method) && len(m.Contact) > 0 && (m.IsRequest() || m.Status/100 == 2) {
		d.target = m.Contact[0].URI
	}
}

// refreshesTarget: the methods that may change the remote target of a dialog, and so carry a Contact
// (RFC 3261 section 12.2, RFC 3311, RFC 6665 section 4.1.2).
func refreshesTarget(m sip.Method) bool {
	switch m { //nolint:exhaustive // a set of methods, not a decision over all of them
	case sip.INVITE, sip.UPDATE, sip.SUBSCRIBE, sip.NOTIFY, sip.REFER:
		return true
	default:
		return false
	}
}
