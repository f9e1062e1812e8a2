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
	var tagged *Media // of the group of RFC 9143
	live := 0
	for i := range offer.Media {
		theirs := &offer.Media[i]
		m, a, err := plan.section(theirs, peerOf(peer, i, theirs), ports(local, i), previousMedia(plan.Previous, i))
		if err == nil && a.Enabled && offer.bundled(theirs, tagged) {
			err = &StreamError{Type: theirs.Type, Err: errBundled}
		}
		var stream *StreamError
		switch {
		case errors.As(err, &stream):
			stream.Index = i
			reasons = append(reasons, stream)
			m, a = off(theirs), Agreed{Kind: theirs.Kind}
		case err != nil:
			return nil, nil, err
		}
		if a.Enabled {
			live++
			if tagged == nil && slices.Contains(offer.Bundle, theirs.Label) {
				tagged = theirs
			}
		}
		s.Media = append(s.Media, m)
		agreed[i] = a
	}
	if live == 0 {
		return nil, nil, &NoStreamError{What: "the offer", Streams: reasons}
	}
	s.tag(offer.Bundle)
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

// section answers one section. A *StreamError refuses the stream, another error ends the whole answer.
func (plan AnswerPlan) section(theirs *Media, peer Agreed, local Ports, previous *Media) (Media, Agreed, error) {
	refused := Agreed{Kind: theirs.Kind}
	if !theirs.live() {
		return off(theirs), refused, nil
	}
	if !peer.Enabled || local.RTP == 0 {
		return Media{}, refused, &StreamError{Type: theirs.Type, Err: errRefused}
	}
	if err := plan.Support.check(theirs); err != nil {
		return Media{}, refused, &StreamError{Type: theirs.Type, Err: err}
	}
	encryption, _ := theirs.choose(plan.Support) // checked above
	if plan.Support.continuesZRTP(encryption, previous) {
		encryption = ZRTP
	}
	permitted, _ := plan.Support.codecs(theirs)
	p, _ := parseProfile(theirs.Proto)
	codecs := answerCodecs(permitted, peer, p.feedback)
	if !plan.Through || encryption != ZRTP {
		codecs = answerEvents(theirs.Kind, permitted, codecs)
	}
	if !carries(codecs) {
		return Media{}, refused, &StreamError{Type: theirs.Type, Err: &NoCodecError{
			Theirs: names(permitted), Ours: names(peer.Codecs),
		}}
	}
	m := Media{
		Kind: theirs.Kind, Type: theirs.Type, Proto: theirs.Proto, Label: theirs.Label, Codecs: codecs,
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
