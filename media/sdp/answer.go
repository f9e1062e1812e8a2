package sdp

import (
	"errors"
	"io"
	"slices"

	"b2bua/media/sdes"
)

var errRefused = errors.New("the other leg refused it, or there is no port for it")

// AnswerPlan is how to write an answer.
type AnswerPlan struct {
	Support   Support
	Rand      io.Reader // for keys
	SessionID uint64
	// Fingerprint of our certificate, for DTLS.
	Fingerprint Fingerprint
	// Through is as in OfferPlan.
	Through bool
	// Previous is our last description on this leg; nil in the first. Session id stays, and the key of a stream whose suite
	// stays, and our role in DTLS where the peer leaves it to us; the version grows if anything changed.
	Previous *Session
}

// NewAnswer answers an offer with what the other leg agreed to: peer has one entry per section, and a stream that is missing
// there or not Enabled is refused with port 0. A nil peer accepts every stream and codec of the offer that Support permits.
//
// Codecs come in the peer's order with the offer's numbers; telephone events of the offer are kept even if the peer has none. Direction is the one that the other leg's far end chose, within
// the offer's. The suite is the first of the offer that is supported, with its tag and spelling and a fresh key.
// The result has one Agreed per section. Errors are *NoStreamError with the reason of each stream, or the failure of Rand.
func NewAnswer(offer *Session, peer []Agreed, plan AnswerPlan, local []Ports) (*Session, []Agreed, error) {
	s := &Session{ID: plan.SessionID, Version: 1, Addr: plan.Support.shown(sessionAddr(local))}
	agreed := make([]Agreed, len(offer.Media))
	var reasons []error
	tag := plan.plannedTag(offer, peer, local)
	from, moves := plan.heir(offer, tag)
	if moves { // it goes on with the transport that the other one had
		local = swapped(local, from, tag)
	}
	for i := range offer.Media {
		theirs := &offer.Media[i]
		before := previousMedia(plan.Previous, i)
		if moves && i == tag {
			before = previousMedia(plan.Previous, from)
		} else if moves && i == from {
			before = nil
		}
		m, a, err := plan.section(theirs, peerOf(peer, i, theirs), ports(local, i), before)
		var stream *StreamError
		switch {
		case errors.As(err, &stream):
			stream.Index = i
			reasons = append(reasons, stream)
			m, a = off(theirs), Agreed{Kind: theirs.Kind}
		case err != nil:
			return nil, nil, err
		}
		s.Media = append(s.Media, m)
		agreed[i] = a
	}
	for _, i := range s.bundle(offer, tag, agreed, plan.Support.Bundle) {
		reasons = append(reasons, &StreamError{Index: i, Type: offer.Media[i].Type, Err: errBundled})
		s.Media[i], agreed[i] = off(&offer.Media[i]), Agreed{Kind: offer.Media[i].Kind}
	}
	if !slices.ContainsFunc(agreed, func(a Agreed) bool { return a.Enabled }) {
		return nil, nil, &NoStreamError{What: "the offer", Streams: reasons}
	}
	s.follow(plan.Previous)
	return s, agreed, nil
}

// peerOf is the other leg's side of a stream.
func peerOf(peer []Agreed, i int, theirs *Media) Agreed {
	switch {
	case peer == nil:
		p, _ := parseProfile(theirs.Proto)
		return Agreed{Enabled: true, Codecs: theirs.Codecs, AVPF: p.feedback}
	case i >= len(peer):
		return Agreed{}
	}
	return peer[i]
}

// refusal tells why a live section is refused; nil: it is not.
func (plan AnswerPlan) refusal(theirs *Media, peer Agreed, local Ports) error {
	if !peer.Enabled || local.RTP == 0 {
		return errRefused
	}
	if err := plan.Support.check(theirs); err != nil {
		return err
	}
	if !carries(plan.codecs(theirs, peer, None)) {
		permitted, _ := plan.Support.codecs(theirs)
		return &NoCodecError{Theirs: names(permitted), Ours: names(peer.Codecs)}
	}
	return nil
}

// encryption of the answer to a section that is not refused.
func (plan AnswerPlan) encryption(theirs, previous *Media) Encryption {
	chosen, _ := theirs.choose(plan.Support)
	if plan.Support.continuesZRTP(chosen, previous) {
		return ZRTP
	}
	return chosen
}

// codecs of the answer to a section.
func (plan AnswerPlan) codecs(theirs *Media, peer Agreed, encryption Encryption) []Codec {
	permitted, _ := plan.Support.codecs(theirs)
	p, _ := parseProfile(theirs.Proto)
	codecs := answerCodecs(permitted, peer, p.feedback)
	if plan.Through && encryption == ZRTP {
		return codecs
	}
	return answerEvents(theirs.Kind, permitted, codecs)
}

// section answers one section. A *StreamError refuses the stream, another error ends the whole answer.
func (plan AnswerPlan) section(theirs *Media, peer Agreed, local Ports, previous *Media) (Media, Agreed, error) {
	refused := Agreed{Kind: theirs.Kind}
	if !theirs.live() {
		return off(theirs), refused, nil
	}
	if err := plan.refusal(theirs, peer, local); err != nil {
		return Media{}, refused, &StreamError{Type: theirs.Type, Err: err}
	}
	encryption := plan.encryption(theirs, previous)
	p, _ := parseProfile(theirs.Proto)
	codecs := plan.codecs(theirs, peer, encryption)
	m := Media{
		Kind: theirs.Kind, Type: theirs.Type, Proto: theirs.Proto, Label: theirs.Label, Codecs: codecs, MIDExtension: theirs.MIDExtension,
		Direction: theirs.Direction.Mirror().And(peer.Direction.Mirror()), // spec 2.4.6: what the far end chose
		RTCPMux:   theirs.RTCPMux && muxable(codecs),
		Ptime:     peer.Ptime, MaxPtime: peer.MaxPtime, Bandwidth: relayedBandwidth(peer.Bandwidth),
	}
	if m.muxed = m.RTCPMux; m.muxed {
		local.RTCP = 0
	}
	m.at(local, plan.Support)
	a := Agreed{
		Kind: m.Kind, Enabled: true, Encryption: encryption, Direction: m.Direction, Mux: m.RTCPMux, Codecs: codecs, AVPF: p.feedback,
		Ptime: theirs.Ptime, MaxPtime: theirs.MaxPtime, Bandwidth: relayedBandwidth(theirs.Bandwidth),
	}
	a.Remote, a.RemoteRTCP = remote(theirs, a.Mux)
	var err error
	switch a.Encryption {
	case SDES:
		err = plan.key(&m, &a, theirs.Crypto[0], previous)
	case DTLS:
		err = plan.keyDTLS(&m, &a, theirs, previous)
	case ZRTP:
		err = plan.answerZRTP(&m, &a, theirs, local)
	case None:
	}
	if err == nil {
		err = plan.answerICE(&m, &a, theirs, local, previous)
	}
	if err != nil {
		return Media{}, refused, err
	}
	return m, a, nil
}

// key answers the first line that can be used: the caller's list is in its order of preference (RFC 4568 section 5.1.2).
func (plan AnswerPlan) key(m *Media, a *Agreed, theirs Crypto, previous *Media) error {
	if previous != nil {
		if err := checkEcho(previous, theirs); err != nil {
			return &StreamError{Type: m.Type, Err: err}
		}
	}
	ours, ok := keyOf(previous, theirs.Suite)
	if !ok {
		var err error
		if ours, err = sdes.New(theirs.Tag, theirs.Suite, plan.Rand); err != nil {
			return err
		}
	}
	ours.Tag, ours.Name = theirs.Tag, theirs.Name
	m.Crypto = []Crypto{ours}
	a.SendKey, a.RecvKey = ours.Clone(), theirs.Clone()
	return nil
}

// answerCodecs are the peer's codecs that the offer has, with the offer's numbers and the peer's parameters.
func answerCodecs(offered []Codec, peer Agreed, avpf bool) []Codec {
	var list []Codec
	for _, c := range peer.Codecs {
		o, ok := MatchCodec(c, peer.Codecs, offered)
		if !ok {
			continue
		}
		if _, twice := byNumber(list, o.PT); twice {
			continue
		}
		n := Codec{PT: o.PT, Name: o.Name, Rate: o.Rate, Channels: o.Channels, Fmtp: renumber(c, peer.Codecs, offered)}
		switch {
		case avpf && peer.AVPF:
			n.Feedback = feedback(o.Feedback, c.Feedback)
		case avpf:
			n.Feedback = feedback(o.Feedback, convertedFeedback)
		}
		list = append(list, n)
	}
	return list
}

// muxable tells whether RTP and RTCP can share a port: payload numbers 64 to 95 look like RTCP there (RFC 5761 section 4).
func muxable(codecs []Codec) bool {
	for _, c := range codecs {
		if c.PT >= 64 && c.PT <= 95 {
			return false
		}
	}
	return true
}
