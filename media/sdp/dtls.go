package sdp

import (
	"fmt"
	"net/netip"
	"slices"
	"strings"
)

// Values of a=setup (RFC 4145 section 4).
const (
	setupActive   = "active"
	setupPassive  = "passive"
	setupActpass  = "actpass"
	setupHoldconn = "holdconn"
)

// DTLSParams is what one stream of one leg agreed on DTLS. There is no key in it.
type DTLSParams struct {
	Active      bool          // we are the client, who sends the first message
	Fingerprint Fingerprint   // of the peer's certificate
	Also        []Fingerprint // of certificates that the peer may use instead
}

// Accepts tells whether the peer may show this certificate, in DER.
func (p *DTLSParams) Accepts(der []byte) bool {
	ok := p.Fingerprint.Matches(der)
	for _, f := range p.Also {
		ok = f.Matches(der) || ok
	}
	return ok
}

// Same tells whether p continues what q agreed: same role and fingerprints (RFC 5763 section 6.6, RFC 8842 section 3.1).
func (p *DTLSParams) Same(q *DTLSParams) bool {
	if p == nil || q == nil {
		return p == q
	}
	return p.Active == q.Active && p.Fingerprint.Equal(q.Fingerprint) && slices.EqualFunc(p.Also, q.Also, Fingerprint.Equal)
}

// String is "active" or "passive", our role.
func (p *DTLSParams) String() string {
	if p.Active {
		return setupActive
	}
	return setupPassive
}

// role of ours in a section of our own, once it is known.
type role uint8

const (
	roleOpen role = iota
	roleActive
	rolePassive
)

func roleFor(active bool) role {
	if active {
		return roleActive
	}
	return rolePassive
}

// ourRole is the role that we have after a description of ours. An offer of actpass leaves it to the answer, see Accept.
func (m *Media) ourRole() role {
	if m == nil {
		return roleOpen
	}
	switch {
	case m.role != roleOpen:
		return m.role
	case m.Setup == setupActive:
		return roleActive
	case m.Setup == setupPassive:
		return rolePassive
	}
	return roleOpen
}

// peerFingerprints reads what the peer wrote.
func (m *Media) peerFingerprints() (p DTLSParams, err error) {
	if m.Fingerprint == "" {
		return p, &DTLSError{"no a=fingerprint: the peer's certificate could not be checked"}
	}
	if p.Fingerprint, err = ParseFingerprint(m.Fingerprint); err != nil {
		return p, err
	}
	for _, line := range m.moreFingerprints {
		if f, err := ParseFingerprint(line); err == nil {
			p.Also = append(p.Also, f)
		}
	}
	return p, nil
}

// answerDTLS decides about an offered section. Our role is the one that is left, active where the peer leaves the choice (RFC 5763
// section 5), or the one that we have already. Without a=setup the offerer is active (RFC 4145 section 4).
func (m *Media) answerDTLS(now role) (*DTLSParams, error) {
	p, err := m.peerFingerprints()
	if err != nil {
		return nil, err
	}
	switch strings.ToLower(m.Setup) {
	case setupActpass:
		p.Active = now != rolePassive
	case setupPassive:
		p.Active = true
	case setupActive, "":
	case setupHoldconn:
		return nil, &DTLSError{"a=setup:holdconn: the peer wants no DTLS connection yet, and media in clear is not sent on such a stream"}
	default:
		return nil, &DTLSError{fmt.Sprintf("a=setup:%s is not a role of RFC 4145", clip(m.Setup))}
	}
	return &p, nil
}

// acceptDTLS reads the answer to our section. Without a=setup the answerer is passive (RFC 4145 section 4).
func (m *Media) acceptDTLS(theirs *Media) (*DTLSParams, error) {
	p, err := theirs.peerFingerprints()
	if err != nil {
		return nil, err
	}
	switch strings.ToLower(theirs.Setup) {
	case setupActive:
	case setupPassive, "":
		p.Active = true
	default: // RFC 4145 section 4.1: the answer to actpass, and to anything else, is a decision
		return nil, &DTLSError{fmt.Sprintf("a=setup:%s in the answer is neither active nor passive", clip(theirs.Setup))}
	}
	if m.Setup == setupActive && !p.Active || m.Setup == setupPassive && p.Active {
		return nil, &DTLSError{fmt.Sprintf("a=setup:%s in answer to a=setup:%s: both ends have the same role", clip(orNone(theirs.Setup)), m.Setup)}
	}
	return &p, nil
}

func orNone(s string) string {
	if s == "" {
		return "(none)"
	}
	return s
}

// keyDTLS puts our certificate into a section of ours. In a re-offer the role stays as it was described before, so that a description that
// changes nothing is the same; RFC 5763 section 5 wants actpass in the first.
func (plan OfferPlan) keyDTLS(m *Media, previous *Media) error {
	if plan.Fingerprint.IsZero() {
		return errNoCertificate
	}
	m.Fingerprint, m.Setup = plan.Fingerprint.String(), setupActpass
	if previous != nil && previous.Fingerprint != "" && previous.Setup != "" {
		m.Setup, m.role = previous.Setup, previous.ourRole()
	}
	return nil
}

// carrierNAT is the address range of providers' translators (RFC 6598).
var carrierNAT = netip.MustParsePrefix("100.64.0.0/10")

// behindNAT tells whether a peer signals an address that cannot be reached from ours: private, while ours is not.
func behindNAT(peer, own netip.Addr) bool {
	private := func(a netip.Addr) bool { return a.IsPrivate() || carrierNAT.Contains(a) }
	return private(peer) && own.IsGlobalUnicast() && !private(own)
}

func (plan AnswerPlan) keyDTLS(m *Media, a *Agreed, theirs, previous *Media) error {
	if plan.Fingerprint.IsZero() {
		return errNoCertificate
	}
	now := previous.ourRole()
	if now == roleOpen && behindNAT(a.Remote.Addr(), m.Addr) {
		now = rolePassive // our first message would not reach it; its own opens the way
	}
	var err error
	if a.DTLS, err = theirs.answerDTLS(now); err != nil {
		return &StreamError{Type: theirs.Type, Err: err}
	}
	m.Fingerprint, m.Setup, m.role = plan.Fingerprint.String(), a.DTLS.String(), roleFor(a.DTLS.Active)
	return nil
}
