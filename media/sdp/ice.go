package sdp

import (
	"io"
	"net/netip"
	"slices"
	"strings"

	"b2bua/media/ice"
)

// ICE is what a section says about connectivity (RFC 8839).
type ICE struct {
	ice.Credentials
	Lite       bool // session level
	Options    []string
	Candidates []ice.Candidate
	Ended      bool // a=end-of-candidates (RFC 8840)
	// Peer, in a section of our own, are the credentials of the other end that this description goes with: others are a restart.
	Peer ice.Credentials
}

// Option tags (RFC 8839 section 5.6, RFC 8840 section 3).
const (
	optionICE2    = "ice2"
	optionTrickle = "trickle"
)

func (i *ICE) clone() *ICE {
	if i == nil {
		return nil
	}
	c := *i
	c.Credentials, c.Peer = i.Clone(), i.Peer.Clone()
	c.Options, c.Candidates = slices.Clone(i.Options), slices.Clone(i.Candidates)
	return &c
}

func (i *ICE) wipe() {
	if i != nil {
		i.Pwd.Wipe()
		i.Peer.Pwd.Wipe()
	}
}

func (i *ICE) usable() bool { return i != nil && i.Usable() }

// mismatched tells whether somebody on the way changed where the media goes, and not the candidates (RFC 8839 section 4.2.5): one of the
// default addresses is none of them. A peer that has no candidate yet (RFC 8840 section 4.1), or hides its addresses behind names, gives
// no address at all.
func (m *Media) mismatched(mux bool) bool {
	if !m.Addr.IsValid() || m.Addr.IsUnspecified() || len(m.ICE.Candidates) == 0 && slices.Contains(m.ICE.Options, optionTrickle) {
		return false
	}
	rtp, rtcp := remote(m, mux)
	if !m.candidate(ice.RTP, rtp) {
		return true
	}
	return !mux && !m.candidate(ice.RTCP, rtcp) && m.hasComponent(ice.RTCP)
}

func (m *Media) candidate(c ice.Component, at netip.AddrPort) bool {
	return slices.ContainsFunc(m.ICE.Candidates, func(k ice.Candidate) bool { return k.Component == c && k.UDP() && k.Addr == at })
}

func (m *Media) hasComponent(c ice.Component) bool {
	return slices.ContainsFunc(m.ICE.Candidates, func(k ice.Candidate) bool { return k.Component == c })
}

// offerICE puts our end into a section of an offer. Credentials stay, because other ones are a restart (RFC 8839 section 4.4.1.1.1); a peer
// that has begun without ICE goes on without.
func (plan OfferPlan) offerICE(m *Media, local Ports, previous *Media) error {
	if !plan.Support.ICE || previous != nil && previous.ICE == nil {
		return nil
	}
	var old *ICE
	if previous != nil {
		old = previous.ICE
	}
	return m.connect(local, plan.Support.NAT, old, plan.Rand)
}

// answerICE does so in an answer to a section with ICE. New credentials of the peer are a restart, and get new ones of ours.
func (plan AnswerPlan) answerICE(m *Media, a *Agreed, theirs *Media, local Ports, previous *Media) error {
	switch {
	case !plan.Support.ICE || !theirs.ICE.usable():
		return nil
	case theirs.mismatched(a.Mux):
		m.ICEMismatch = true
		return nil
	}
	var old *ICE
	if previous != nil && previous.ICE != nil && previous.ICE.Peer.Same(theirs.ICE.Credentials) {
		old = previous.ICE
	}
	if err := m.connect(local, plan.Support.NAT, old, plan.Rand); err != nil {
		return err
	}
	m.ICE.Peer = theirs.ICE.Clone()
	m.ICE.Ended = slices.Contains(theirs.ICE.Options, optionTrickle)
	a.ICE = m.ICE.params(theirs.ICE)
	return nil
}

// acceptICE reads the answer to our section. A peer without ICE, or one whose address was changed on the way, goes on without.
func (m *Media) acceptICE(a *Agreed, theirs *Media) {
	if !m.ICE.usable() || !theirs.ICE.usable() || theirs.ICEMismatch || theirs.mismatched(a.Mux) {
		return
	}
	m.ICE.Peer = theirs.ICE.Clone()
	a.ICE = m.ICE.params(theirs.ICE)
}

func (i *ICE) params(theirs *ICE) *ice.Params {
	return &ice.Params{Local: i.Clone(), Peer: theirs.Ufrag, Listed: ice.List(theirs.Candidates), PeerLite: theirs.Lite}
}

// connect writes our host candidates: where the port is, and where a 1:1 NAT has it (decision 17). Both go to every peer; one inside the NAT
// reaches the first, which is the default address unless b2bua/nat-address-in-sdp says otherwise.
func (m *Media) connect(local Ports, nat []netip.Addr, old *ICE, random io.Reader) error {
	i := &ICE{Lite: true, Options: []string{optionICE2}}
	if old.usable() {
		i.Credentials, i.Peer = old.Clone(), old.Peer.Clone()
	} else {
		var err error
		if i.Credentials, err = ice.NewCredentials(random); err != nil {
			return err
		}
	}
	addrs := []netip.Addr{local.Addr}
	for _, a := range nat {
		if a.Is4() == local.Addr.Is4() && a != local.Addr {
			addrs = append(addrs, a)
		}
	}
	for rank, a := range addrs {
		i.Candidates = append(i.Candidates, ice.Host(ice.RTP, netip.AddrPortFrom(a, local.RTP), uint16(rank)))
		if local.RTCP != 0 {
			i.Candidates = append(i.Candidates, ice.Host(ice.RTCP, netip.AddrPortFrom(a, local.RTCP), uint16(rank)))
		}
	}
	m.ICE = i
	return nil
}

// iceLevel is what one level of a description says.
type iceLevel struct {
	seen    bool
	ufrag   string
	pwd     string
	options []string
}

// connectivity takes an attribute of RFC 8839. What is not understood is passed over, as its grammar wants.
func (p *parser) connectivity(name, value string) {
	at := &p.session.iceLevel
	if p.media != nil {
		at = &p.section.iceLevel
	}
	switch name {
	case "ice-lite":
		p.session.lite = true
	case "ice-ufrag":
		at.ufrag, at.seen = value, true
	case "ice-pwd":
		at.pwd = value
	case "ice-options":
		if f := strings.Fields(value); len(f) <= maxICEOptions {
			at.options = f
		}
	}
	if p.media == nil {
		return
	}
	switch name {
	case "candidate":
		if c, ok := ice.ParseCandidate(value); ok && len(p.section.candidates) < maxCandidates {
			p.section.candidates = append(p.section.candidates, c)
		}
	case "end-of-candidates":
		p.section.ended = true
	case "ice-mismatch":
		p.media.ICEMismatch = true
	}
}

// finishICE joins the two levels. Each attribute of the session stands for the sections that have none (RFC 8839 section 5.4).
func (p *parser) finishICE(m *Media) {
	at, up := p.section.iceLevel, p.session.iceLevel
	if !at.seen && !up.seen {
		return
	}
	if at.ufrag == "" {
		at.ufrag = up.ufrag
	}
	if at.pwd == "" {
		at.pwd = up.pwd
	}
	m.ICE = &ICE{
		Credentials: ice.Credentials{Ufrag: at.ufrag, Pwd: Secret(at.pwd)}, Lite: p.session.lite,
		Options: append(slices.Clone(up.options), at.options...), Candidates: p.section.candidates, Ended: p.section.ended,
	}
}
