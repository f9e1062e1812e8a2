package sdp

import (
	"errors"
	"slices"
	"strconv"
	"strings"
)

// errBundled: a section without a transport of its own, which cannot be put on that of the group.
var errBundled = errors.New("it is offered on the transport of another stream only (a=group:BUNDLE), and that one is not accepted, or has " +
	"another profile, or no rtcp-mux, or its keys are made by ZRTP; a browser offers each stream its own with the bundle policy \"balanced\"")

// errRepeated: nothing could tell which of the streams a packet or a line of the group means (RFC 5888 section 4).
var errRepeated = errors.New("its a=mid is that of an earlier stream of its group (a=group:BUNDLE), and must be its own")

// Group is what a stream has agreed on BUNDLE (RFC 9143).
type Group struct {
	// Tagged is the index of the section whose transport all of the group use: addresses, connectivity, keys.
	Tagged int
	// MID is the a=mid of this section, and Extension the number of the RTP header extension that carries it (RFC 9143 section 15);
	// 0: none is agreed.
	MID       string
	Extension uint8
	// Sources are SSRCs that the peer announces for it (RFC 5576).
	Sources []uint32
}

// Rides tells whether stream i uses the transport of another one.
func (a *Agreed) Rides(i int) bool { return a.Enabled && a.Group != nil && a.Group.Tagged != i }

// extensionMID is the header extension of RFC 9143 section 15.2, and maxMID the longest value of one in the one-byte form (RFC 8285
// section 4.2), octets.
const (
	extensionMID = "urn:ietf:params:rtp-hdrext:sdes:mid"
	maxMID       = 16
)

// group takes an a=group line (RFC 5888 section 5). The first one with BUNDLE counts.
func (p *parser) group(value string) {
	f := strings.Fields(value)
	if len(f) > 1 && f[0] == "BUNDLE" && p.s.Bundle == nil && len(f) <= maxMedia+1 {
		p.s.Bundle = f[1:]
	}
}

// extmap takes an a=extmap line (RFC 8285 section 5). Of all extensions one is understood, in the one-byte form and both directions.
func (m *Media) extmap(value string) {
	f := strings.Fields(value)
	if len(f) < 2 || f[1] != extensionMID {
		return
	}
	if n, err := strconv.ParseUint(f[0], 10, 8); err == nil && n >= 1 && n <= 14 {
		m.MIDExtension = uint8(n)
	}
}

// source takes an a=ssrc line (RFC 5576 section 4.1): its number.
func (m *Media) source(value string) {
	number, _, _ := strings.Cut(value, " ")
	n, err := strconv.ParseUint(number, 10, 32)
	if err == nil && len(m.Sources) < maxSources && !slices.Contains(m.Sources, uint32(n)) {
		m.Sources = append(m.Sources, uint32(n))
	}
}

// section finds a section by its a=mid; -1: there is none.
func (s *Session) section(mid string) int {
	return slices.IndexFunc(s.Media, func(m Media) bool { return m.Label == mid && mid != "" })
}

// tagged is the index of the section whose transport the group has: the first that is not off; -1: there is no group.
func (s *Session) tagged() int {
	if s == nil {
		return -1
	}
	for _, mid := range s.Bundle {
		if i := s.section(mid); i >= 0 && s.Media[i].Port != 0 && !s.Media[i].ended {
			return i
		}
	}
	return -1
}

// spread gives the sections that have no transport of their own that of the tagged one, with all that belongs to it (RFC 9143 section
// 7.1.3). Without an address nothing is known: a peer that tells its candidates later writes 0.0.0.0 and 9 everywhere.
func (s *Session) spread() {
	k := s.tagged()
	if k < 0 {
		return
	}
	for i := range s.Media {
		m, tagged := &s.Media[i], &s.Media[k]
		m.repeated = slices.Contains(s.Bundle, m.Label) && s.section(m.Label) != i
		same := m.Port == tagged.Port && m.Addr == tagged.Addr && !m.Addr.IsUnspecified()
		if i != k && slices.Contains(s.Bundle, m.Label) && (same || m.BundleOnly && m.Port == 0) {
			m.shared = true
			m.on(tagged)
		}
	}
}

// on puts a section on the transport of another; what it says itself stays.
func (m *Media) on(tagged *Media) {
	m.Port, m.Addr, m.RTCP = tagged.Port, tagged.Addr, tagged.RTCP
	m.RTCPMux = m.RTCPMux || tagged.RTCPMux
	if m.ICE == nil {
		m.ICE = tagged.ICE.clone()
	}
	if m.Fingerprint == "" {
		m.Fingerprint, m.moreFingerprints = tagged.Fingerprint, slices.Clone(tagged.moreFingerprints)
	}
	if m.Setup == "" {
		m.Setup, m.role = tagged.Setup, tagged.role
	}
	if len(m.Crypto) == 0 {
		m.Skipped = slices.Clone(tagged.Skipped)
		for _, c := range tagged.Crypto {
			m.Crypto = append(m.Crypto, c.Clone())
		}
	}
}

// ride makes a section of ours one that has no transport of its own: all that describes one stands in the tagged section alone (RFC 9143
// section 7.1.3; RFC 8859 counts a=crypto to it), but for a=rtcp-mux, for which some look in each.
func (m *Media) ride(tagged *Media) {
	for _, c := range m.Crypto {
		c.Key.Wipe()
	}
	m.ICE.wipe()
	m.Port, m.Addr, m.RTCP, m.RTCPMux, m.muxed = tagged.Port, tagged.Addr, tagged.RTCP, tagged.RTCPMux, tagged.muxed
	m.Crypto, m.ICE, m.ICEMismatch, m.Fingerprint, m.moreFingerprints, m.Setup, m.role = nil, nil, false, "", nil, "", roleOpen
}

// ride makes what is agreed for a stream a part of what is agreed for the group's transport.
func (a *Agreed) ride(tagged *Agreed) {
	a.SendKey.Key.Wipe()
	a.RecvKey.Key.Wipe()
	if a.ICE != nil {
		a.ICE.Local.Pwd.Wipe()
	}
	a.Encryption, a.Remote, a.RemoteRTCP, a.Mux = tagged.Encryption, tagged.Remote, tagged.RemoteRTCP, tagged.Mux
	a.SendKey, a.RecvKey, a.DTLS, a.ICE = Crypto{}, Crypto{}, tagged.DTLS, nil
}

// group is the section's part in the group whose tagged section is k.
func (m *Media) group(k int) *Group {
	g := &Group{Tagged: k, MID: m.Label, Sources: slices.Clone(m.Sources)}
	if len(m.Label) <= maxMID {
		g.Extension = m.MIDExtension
	}
	return g
}

// plannedTag is the section of an offer that its group will have the transport of: the first of the group that is accepted and has one (RFC
// 9143 section 7.3.1); -1: none.
func (plan AnswerPlan) plannedTag(offer *Session, peer []Agreed, local []Ports) int {
	for _, mid := range offer.Bundle {
		i := offer.section(mid)
		if i < 0 || offer.Media[i].BundleOnly {
			continue
		}
		m := &offer.Media[i]
		if m.live() && plan.refusal(m, peerOf(peer, i, m), ports(local, i)) == nil {
			return i
		}
	}
	return -1
}

// heir tells which section has the transport of the group after the one that the description before had it in: one that was on it, or
// one that comes before that and shares it from now on. The transport itself stays: nobody has asked for other credentials or another
// handshake.
func (plan AnswerPlan) heir(offer *Session, tag int) (from int, ok bool) {
	from = plan.Previous.tagged()
	if tag < 0 || from < 0 || tag == from {
		return from, false
	}
	joins := from < len(offer.Media) && offer.Media[from].shared && (offer.Media[tag].shared || tag == offer.tagged())
	return from, joins || plan.Previous.rides(tag)
}

// swapped are the ports with those of two sections exchanged.
func swapped(local []Ports, i, j int) []Ports {
	out := make([]Ports, max(len(local), i+1, j+1))
	copy(out, local)
	out[i], out[j] = out[j], out[i]
	out[i].ZRTPHash, out[j].ZRTPHash = out[j].ZRTPHash, out[i].ZRTPHash // of the stream, not of the port
	return out
}

// rides tells whether section i of a description of ours is on the transport of its group.
func (s *Session) rides(i int) bool {
	return i < len(s.Media) && s.Media[i].Port != 0 && slices.Contains(s.Bundle, s.Media[i].Label)
}

// bundle joins the sections of an answer that may share the transport of section k (RFC 9143 section 7.3). It tells which of the others
// have to be refused, because they have no other.
func (s *Session) bundle(offer *Session, k int, agreed []Agreed, permitted bool) (refused []int) {
	shares := k >= 0 && agreed[k].Enabled && agreed[k].Encryption != ZRTP
	if shares {
		s.Bundle = []string{s.Media[k].Label}
		agreed[k].Group = offer.Media[k].group(k)
	}
	for i := range s.Media {
		theirs, a := &offer.Media[i], &agreed[i]
		if i == k || !a.Enabled || !slices.Contains(offer.Bundle, theirs.Label) {
			continue
		}
		if shares && permitted && agreed[k].Mux && theirs.Proto == offer.Media[k].Proto && theirs.RTCPMux && muxable(a.Codecs) {
			s.Bundle = append(s.Bundle, theirs.Label)
			s.Media[i].ride(&s.Media[k])
			a.ride(&agreed[k])
			a.Group = theirs.group(k)
		} else if theirs.shared {
			refused = append(refused, i)
		}
	}
	return refused
}

// regroup gives an offer of ours the group that the leg has already, with the streams that are new (RFC 9143 section 7.5).
func (s *Session) regroup(previous *Session, permitted bool) {
	before := previous.tagged()
	if before < 0 {
		return
	}
	k := -1
	for _, mid := range previous.Bundle {
		if i := s.section(mid); k < 0 && i >= 0 && s.Media[i].Port != 0 {
			k = i
		}
	}
	if k < 0 {
		return
	}
	s.Bundle = []string{s.Media[k].Label}
	means := meanings{}
	for i := range previous.Media {
		if previous.rides(i) {
			means.note(previous.Media[i].Codecs)
		}
	}
	s.Media[k].Codecs, _ = means.join(s.Media[k].Codecs, previousCodecs(previous, k))
	for i := range s.Media {
		m := &s.Media[i]
		fresh := m.Label == ""
		if m.Port == 0 || i == k || fresh && !permitted || !fresh && !slices.Contains(previous.Bundle, m.Label) {
			continue
		}
		if m.Proto != s.Media[k].Proto || !muxable(m.Codecs) {
			continue
		}
		codecs, fits := means.join(m.Codecs, previousCodecs(previous, i))
		if fresh && !fits {
			continue
		}
		m.Codecs = codecs
		if fresh {
			m.Label = s.newLabel(previous, i)
		}
		s.Bundle = append(s.Bundle, m.Label)
		m.MIDExtension = s.Media[k].MIDExtension
		m.ride(&s.Media[k])
	}
}

// offeredMID is the number of the only header extension that we ever offer. It is the one that Chromium has for it with audio and with video:
// a number means one extension in all of a group (RFC 8285 section 5), and Chromium adds its own ones by numbers of its own, 1 among them.
const offeredMID = 4

// propose puts the sections of a first offer into one group. Each has a transport of its own, for a peer that does not know groups (RFC 9143
// section 7.2.1).
func (s *Session) propose() {
	means := meanings{}
	for i := range s.Media {
		m := &s.Media[i]
		if m.Port == 0 || !m.RTCPMux || m.Fingerprint == "" {
			continue
		}
		codecs, fits := means.join(m.Codecs, nil)
		if !fits {
			continue
		}
		m.Label, m.MIDExtension, m.Codecs = strconv.Itoa(i), offeredMID, codecs
		s.Bundle = append(s.Bundle, m.Label)
	}
	if len(s.Bundle) > 0 {
		s.proposal = s.Clone()
	}
}

// restore makes a proposal what it was before an answer: another branch of a fork may answer it otherwise.
func (s *Session) restore() {
	if s.proposal != nil {
		was := s.proposal.Clone()
		s.Media, s.Bundle = was.Media, was.Bundle
	}
}

// join puts the sections of an answer that it has in the group of our offer on the transport of the group: that they stand there counts, and no
// longer the address and port of their own (RFC 9143 section 7.4). Chromium leaves the port there that a stream had before.
func (s *Session) join(ourOffer *Session) {
	k := s.tagged()
	if k < 0 || len(s.Media) != len(ourOffer.Media) {
		return
	}
	for i := range s.Media {
		m := &s.Media[i]
		if i != k && m.Port != 0 && slices.Contains(s.Bundle, m.Label) && slices.Contains(ourOffer.Bundle, ourOffer.Media[i].Label) {
			m.shared = true
			m.on(&s.Media[k])
		}
	}
}

// newLabel is an a=mid that neither description has.
func (s *Session) newLabel(previous *Session, i int) string {
	for n := i; ; n++ {
		if mid := "b" + strconv.Itoa(n); s.section(mid) < 0 && previous.section(mid) < 0 {
			return mid
		}
	}
}

// acceptBundled is acceptStream for a section that may be on the transport of section k.
func (s *Session) acceptBundled(i, k int, theirs *Media) (Agreed, error) {
	ours := &s.Media[i]
	if k < 0 || k == i || !s.rides(i) || s.proposal != nil {
		return acceptStream(ours, theirs)
	}
	m := *ours
	m.on(&s.Media[k])
	a, err := acceptStream(&m, theirs)
	if len(ours.Crypto) == 0 { // else these are no copies
		for _, c := range m.Crypto {
			c.Key.Wipe()
		}
	}
	if ours.ICE == nil {
		m.ICE.wipe()
	}
	return a, err
}

// regrouped notes in an accepted offer of ours what became of its group. A tagged section that is refused leaves the transport to the next.
// One that is not in the group any more has its own transport, if it was offered one.
func (s *Session) regrouped(theirs *Session, agreed []Agreed) {
	if len(s.Bundle) == 0 {
		return
	}
	was, k := s.Bundle, -1
	before := s.section(was[0])
	s.Bundle = nil
	for _, mid := range was {
		i := s.section(mid)
		if i < 0 || !agreed[i].Enabled {
			continue
		}
		shares := s.proposal == nil && before >= 0 && s.Media[i].Port == s.Media[before].Port
		if !shares && !slices.Contains(theirs.Bundle, mid) || s.proposal != nil && !agreed[i].Mux { // RFC 9143 section 9.3
			continue
		}
		switch {
		case k >= 0:
			agreed[i].ride(&agreed[k])
			if s.proposal != nil {
				s.Media[i].ride(&s.Media[k])
			}
			s.Media[i].role = roleOpen
		case shares && before != i:
			s.retag(before, i)
			if agreed[i].ICE != nil {
				s.Media[i].ICE.Peer = theirs.Media[i].ICE.Clone()
			}
			k = i
		default:
			k = i
		}
		s.Bundle = append(s.Bundle, mid)
		agreed[i].Group = theirs.Media[i].group(k)
		agreed[i].Group.MID = mid
	}
}

// retag moves what describes the transport from one section to another.
func (s *Session) retag(from, to int) {
	f, t := &s.Media[from], &s.Media[to]
	if t.role == roleOpen {
		t.role = f.role
	}
	t.Crypto, t.ICE, t.Fingerprint, t.moreFingerprints, t.Setup = f.Crypto, f.ICE, f.Fingerprint, f.moreFingerprints, f.Setup
	f.Crypto, f.ICE, f.Fingerprint, f.moreFingerprints, f.Setup, f.role = nil, nil, "", nil, "", roleOpen
}
