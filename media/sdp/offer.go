package sdp

import (
	"errors"
	"fmt"
	"io"
	"net/netip"
	"slices"
	"strings"

	"b2bua/media/sdes"
)

// Support is what this server accepts on any leg.
type Support struct {
	// Encryptions that can be done. Empty: None and SDES.
	Encryptions []Encryption
	// AudioCodec and VideoCodec are the settings of the same name, "name/rate" or "name". Empty: every codec.
	AudioCodec, VideoCodec string
	// ICE is offered, and answered where it is offered (enable-ice). NAT are our addresses behind a 1:1 NAT (nat-addresses): further
	// candidates, and with NATInSDP the addresses in c= and o=, too, for peers without ICE (b2bua/nat-address-in-sdp).
	ICE      bool
	NAT      []netip.Addr
	NATInSDP bool
	// Bundle: streams share a transport where that is offered (RFC 9143).
	Bundle bool
}

// shown is the address that peers are told for one of ours.
func (s Support) shown(own netip.Addr) netip.Addr {
	if s.NATInSDP && own.IsValid() && !own.IsUnspecified() {
		for _, a := range s.NAT {
			if a.Is4() == own.Is4() {
				return a
			}
		}
	}
	return own
}

func (s Support) encryptions() []Encryption {
	if len(s.Encryptions) == 0 {
		return []Encryption{None, SDES}
	}
	return s.Encryptions
}

func (s Support) does(e Encryption) bool { return slices.Contains(s.encryptions(), e) }

// setting that restricts the codecs of a stream, by name and value.
func (s Support) setting(k Kind) (name, value string) {
	switch k {
	case Audio:
		return "audio-codec", s.AudioCodec
	case Video:
		return "video-codec", s.VideoCodec
	case Other:
	}
	return "", ""
}

// codecs of the section that may be used.
func (s Support) codecs(m *Media) ([]Codec, error) {
	name, value := s.setting(m.Kind)
	list := filter(m.Codecs, value)
	if carries(list) {
		return list, nil
	}
	if value == "" {
		return nil, &NoCodecError{Theirs: names(m.Codecs)}
	}
	return nil, &NoCodecError{Theirs: names(m.Codecs), Ours: []string{value}, Setting: name}
}

// check tells why a live section of an offer cannot be used.
func (s Support) check(m *Media) error {
	if m.repeated {
		return errRepeated
	}
	if _, err := m.choose(s); err != nil {
		return err
	}
	if err := checkAddr(m.Addr); err != nil {
		return err
	}
	_, err := s.codecs(m)
	return err
}

// Usable tells whether a section of an offer is switched on and can be relayed.
func (s Support) Usable(m *Media) bool { return m.live() && s.check(m) == nil }

// checkAddr refuses what a relay must never be talked into sending to. 0.0.0.0 is a hold, or ICE.
func checkAddr(a netip.Addr) error {
	switch {
	case !a.IsValid():
		return &AddressError{"no IP address in the c= line (host names are not resolved)"}
	case a.IsMulticast(), a == netip.AddrFrom4([4]byte{255, 255, 255, 255}):
		return &AddressError{fmt.Sprintf("media to the multicast or broadcast address %s", a)}
	}
	return nil
}

// CheckOffer tells whether at least one stream of an offer can be used, before anyone is called (spec 2.3 step 3). No offer is fine. The error
// is *NoStreamError with the reason of each stream; Warning makes a header for the 488 of it.
func CheckOffer(offer *Session, support Support) error {
	if offer == nil {
		return nil // an INVITE without description: we make the offer
	}
	var reasons []error
	for i := range offer.Media {
		m := &offer.Media[i]
		if !m.live() {
			continue
		}
		err := support.check(m)
		if err == nil {
			return nil
		}
		reasons = append(reasons, &StreamError{Index: i, Type: m.Type, Err: err})
	}
	return &NoStreamError{What: "the offer", Streams: reasons}
}

// OfferPlan is how to write an offer.
type OfferPlan struct {
	Encryption Encryption
	Suites     []Suite // SDES: offered in this order, and only these. Empty: DefaultSuites
	AVPF       bool
	Bundle     bool // DTLS: propose one transport for all streams in the first offer (RFC 9143)
	Support    Support
	Rand       io.Reader // for keys
	SessionID  uint64
	// Fingerprint of our certificate, for DTLS.
	Fingerprint Fingerprint
	// Through: the streams with ZRTP are relayed as they are, and the phones agree on keys with each other. Ports.ZRTPHash is that of the other leg's
	// peer; codecs keep the other leg's numbers, and nothing is added to them.
	Through bool
	// Previous is our last description on this leg, offer or answer; nil in the first. Session id, keys, the role in DTLS and
	// the numbers of known codecs stay while the stream runs, the version grows if anything changed. See Forget.
	Previous *Session
	// Running is what runs on this leg. A stream that is Enabled there keeps its encryption, its suite and its profile, whatever
	// the plan says for new ones.
	Running []Agreed
}

// stream is the plan for one section.
func (plan OfferPlan) stream(i int) OfferPlan {
	if i >= len(plan.Running) || !plan.Running[i].Enabled {
		return plan
	}
	g := &plan.Running[i]
	plan.Encryption, plan.AVPF = g.Encryption, g.AVPF
	if g.SendKey.Suite != NoSuite {
		plan.Suites = []Suite{g.SendKey.Suite}
	}
	return plan
}

// NewOffer writes the offer for one leg from the description of the other leg: from is leg A's offer, or leg B's answer when
// leg A sent an INVITE without SDP and is now made an offer. A nil from is the offer to leg B in that case: opus, PCMU, PCMA
// and telephone-event, audio only (decision 9).
//
// A from of the caller's own making needs Kind, Type, a Port that is not 0, Codecs and Direction in each section.
//
// There is one section per section of from, in its order, with its codecs, payload numbers and direction, and telephone
// events beside audio. Sections that cannot be relayed, and those with zero Ports, stand with port 0, as what they were before if they were there before. Sections of
// Previous that from does not have follow with port 0. Nothing else of from is copied.
func NewOffer(from *Session, plan OfferPlan, local []Ports) (*Session, error) {
	if !plan.Support.does(plan.Encryption) {
		return nil, &EncryptionError{Asked: plan.Encryption, Supported: plan.Support.encryptions()}
	}
	if from == nil {
		from = &Session{Media: []Media{{
			Kind: Audio, Type: "audio", Port: 9, Proto: "RTP/AVP", Addr: netip.IPv4Unspecified(), Codecs: defaultCodecs(),
		}}}
	}
	s := &Session{ID: plan.SessionID, Version: 1, Addr: plan.Support.shown(sessionAddr(local))}
	var reasons []error
	live := 0
	for i := range from.Media {
		src := &from.Media[i]
		m, err := plan.stream(i).section(src, ports(local, i), previousMedia(plan.Previous, i))
		var stream *StreamError
		switch {
		case errors.As(err, &stream):
			stream.Index = i
			reasons = append(reasons, stream)
			m = off(src)
			m.Label = ""
		case err != nil:
			return nil, err
		}
		switch {
		case m.Port != 0:
			live++
		case plan.Previous != nil && i < len(plan.Previous.Media): // a slot changes its type only when it is used again
			m = off(&plan.Previous.Media[i])
		}
		s.Media = append(s.Media, m)
	}
	if plan.Previous != nil { // a section never disappears (RFC 3264 section 8)
		for i := len(s.Media); i < len(plan.Previous.Media); i++ {
			s.Media = append(s.Media, off(&plan.Previous.Media[i]))
		}
	}
	if live == 0 && plan.Previous == nil {
		return nil, &NoStreamError{What: "the offer to be relayed", Streams: reasons}
	}
	if plan.Previous != nil {
		s.regroup(plan.Previous, plan.Support.Bundle)
	} else if plan.Bundle && plan.Support.Bundle {
		s.propose()
	}
	s.follow(plan.Previous)
	return s, nil
}

// section is our m= section for one of the other leg. A *StreamError switches it off, another error ends the whole offer.
func (plan OfferPlan) section(src *Media, local Ports, previous *Media) (Media, error) {
	if !src.live() || local.RTP == 0 {
		m := off(src)
		m.Label = "" // the other leg's name for it
		return m, nil
	}
	if src.Proto != "" { // what the other leg itself cannot use is not offered to this one
		if err := plan.Support.check(src); err != nil {
			return Media{}, &StreamError{Type: src.Type, Err: err}
		}
	}
	codecs, err := plan.Support.codecs(src)
	if err != nil {
		return Media{}, &StreamError{Type: src.Type, Err: err}
	}
	m := Media{
		Kind: src.Kind, Type: src.Type, Proto: protoFor(plan.Encryption, plan.AVPF),
		Direction: src.Direction, Ptime: src.Ptime, MaxPtime: src.MaxPtime, Bandwidth: relayedBandwidth(src.Bandwidth),
	}
	if previous != nil {
		m.Label, m.MIDExtension = previous.Label, previous.MIDExtension // of the same stream (RFC 5888 section 9.1)
	}
	m.at(local, plan.Support)
	if !plan.through() {
		codecs = numbered(offerEvents(src.Kind, codecs), previous)
	}
	for _, c := range codecs {
		n := Codec{PT: c.PT, Name: c.Name, Rate: c.Rate, Channels: c.Channels, Fmtp: c.Fmtp}
		if from, _ := parseProfile(src.Proto); plan.AVPF && from.feedback { // what only one leg has cannot be relayed
			n.Feedback = feedback(c.Feedback, c.Feedback)
		} else if plan.AVPF && src.Kind == Video && !c.auxiliary() {
			n.Feedback = slices.Clone(convertedFeedback)
		}
		m.Codecs = append(m.Codecs, n)
	}
	// A peer that has agreed keeps one port, and its association on it; the port for RTCP stands beside it for the case that it does not, or
	// no longer (RFC 5761 section 5.1.1). Nobody else is offered it (spec 2.11) but a browser, who is known by DTLS-SRTP with feedback and takes
	// no offer without (RFC 8834 section 4.5).
	browser := plan.Encryption == DTLS && plan.AVPF
	m.RTCPMux = (previous == nil && browser || previous != nil && previous.muxed) && muxable(m.Codecs)
	switch plan.Encryption {
	case SDES:
		m.Crypto, err = plan.keys(previous)
	case DTLS:
		err = plan.keyDTLS(&m, previous)
	case ZRTP:
		err = m.hello(local.ZRTPHash, plan.Through)
	case None:
	}
	if err != nil {
		return Media{}, err
	}
	err = plan.offerICE(&m, local, previous)
	return m, err
}

// keys makes one line per suite, each with a key of its own. A suite keeps the key that it had on this leg before: a new
// one would restart the stream's protection (RFC 4568 section 7.1.4). One whose stream ended in between is never used again: packets
// under it would count from the beginning, and so have the keystream of earlier ones (RFC 3711 section 9.1).
func (plan OfferPlan) keys(previous *Media) ([]Crypto, error) {
	suites := plan.Suites
	if len(suites) == 0 {
		suites = DefaultSuites
	}
	var lines []Crypto
	for i, suite := range suites {
		if old, ok := keyOf(previous, suite); ok {
			old.Tag, old.Name = i+1, ""
			lines = append(lines, old)
			continue
		}
		c, err := sdes.New(i+1, suite, plan.Rand)
		if err != nil {
			return nil, err
		}
		lines = append(lines, c)
	}
	return lines, nil
}

func keyOf(m *Media, suite Suite) (Crypto, bool) {
	if m != nil {
		for _, c := range m.Crypto {
			if c.Suite == suite {
				return c.Clone(), true
			}
		}
	}
	return Crypto{}, false
}

func previousMedia(s *Session, i int) *Media {
	if s == nil || i >= len(s.Media) || s.Media[i].Port == 0 || s.Media[i].ended {
		return nil
	}
	return &s.Media[i]
}

func ports(local []Ports, i int) Ports {
	if i >= len(local) {
		return Ports{}
	}
	return local[i]
}

// sessionAddr is the address of the first stream that has one.
func sessionAddr(local []Ports) netip.Addr {
	for _, p := range local {
		if p.Addr.IsValid() {
			return p.Addr
		}
	}
	return netip.IPv4Unspecified()
}

// at puts the section on local ports.
func (m *Media) at(p Ports, s Support) {
	m.Addr, m.Port = s.shown(p.Addr), p.RTP
	if p.RTCP != 0 {
		m.RTCP = netip.AddrPortFrom(m.Addr, p.RTCP)
	}
}

// off is the section with port 0: it keeps its place, type and formats (RFC 3264 section 6).
func off(m *Media) Media {
	return Media{Kind: m.Kind, Type: m.Type, Proto: m.Proto, Formats: m.formats(), Label: m.Label}
}

// relayedBandwidth are the limits of the medium itself (RFC 8866 section 5.8, RFC 3890); those for RTCP are each leg's own.
func relayedBandwidth(lines []string) []string {
	var out []string
	for _, b := range lines {
		if kind, _, ok := parseBandwidth(b); ok && (strings.EqualFold(kind, "AS") || strings.EqualFold(kind, "TIAS")) {
			out = append(out, b)
		}
	}
	return out
}
