package sdp

import (
	"bytes"
	"slices"
)

// follow makes s the successor of previous on its leg: same session id, and the next version if anything changed (RFC 3264
// section 8).
func (s *Session) follow(previous *Session) {
	if previous == nil {
		return
	}
	if s.Addr.IsUnspecified() {
		s.Addr = previous.Addr
	}
	s.ID, s.User, s.Name, s.Version = previous.ID, previous.User, previous.Name, previous.Version
	if !bytes.Equal(s.Marshal(), previous.Marshal()) {
		s.Version++
	}
}

// After gives s the version that follows an offer of ours that was refused, nil: there was none. The offer counts although nothing
// of it came into force: one version never stands for two descriptions (RFC 3264 section 8).
func (s *Session) After(refused *Session) {
	if refused != nil {
		s.follow(refused)
	}
}

// Clone is a copy with memory of its own, keys too.
func (s *Session) Clone() *Session {
	c := *s
	if s.proposal != nil {
		c.proposal = s.proposal.Clone()
	}
	c.Media, c.Bundle = slices.Clone(s.Media), slices.Clone(s.Bundle)
	for i := range c.Media {
		m := &c.Media[i]
		m.Codecs = cloneCodecs(m.Codecs)
		m.Formats = slices.Clone(m.Formats)
		m.Bandwidth = slices.Clone(m.Bandwidth)
		m.Skipped = slices.Clone(m.Skipped)
		m.Sources = slices.Clone(m.Sources)
		m.ICE = m.ICE.clone()
		m.moreFingerprints = slices.Clone(m.moreFingerprints)
		m.Crypto = slices.Clone(m.Crypto)
		for k := range m.Crypto {
			m.Crypto[k] = m.Crypto[k].Clone()
		}
	}
	return &c
}

func cloneCodecs(list []Codec) []Codec {
	list = slices.Clone(list)
	for i := range list {
		list[i].Feedback = slices.Clone(list[i].Feedback)
	}
	return list
}

// Wipe overwrites the keys of a description. What Accept and NewAnswer returned has keys of its own.
func (s *Session) Wipe() {
	if s == nil {
		return
	}
	s.proposal.Wipe()
	for i := range s.Media {
		for _, c := range s.Media[i].Crypto {
			c.Key.Wipe()
		}
		s.Media[i].ICE.wipe()
	}
}

// Forget lets go of one section of a description of ours because its stream has been closed in the media plane, which knows no longer
// what was sent under its keys: no description that follows this one takes anything of it, and its keys are overwritten.
func (s *Session) Forget(i int) {
	if s == nil || i >= len(s.Media) {
		return
	}
	s.proposal.Forget(i)
	m := &s.Media[i]
	for _, c := range m.Crypto {
		c.Key.Wipe()
	}
	m.ICE.wipe()
	m.Crypto, m.ICE, m.Fingerprint, m.Setup, m.role, m.ended = nil, nil, "", "", roleOpen, true
	m.ZRTPHash, m.zrtp, m.through = "", false, false
}

// Clone is a copy whose keys are its own.
func (a *Agreed) Clone() Agreed {
	c := *a
	c.SendKey, c.RecvKey = a.SendKey.Clone(), a.RecvKey.Clone()
	if a.ICE != nil {
		params := *a.ICE
		params.Local = params.Local.Clone()
		c.ICE = &params
	}
	return c
}

// Wipe overwrites the keys of one stream of one leg.
func (a *Agreed) Wipe() {
	a.SendKey.Key.Wipe()
	a.RecvKey.Key.Wipe()
	if a.ICE != nil {
		a.ICE.Local.Pwd.Wipe()
	}
}

// Holds tells whether what one leg agreed to can still be relayed after the other leg's result changed (decision 15): both
// have the same streams, and every codec that the leg may be sent or may send exists on the other; telephone
// events need not, they are converted. If not, the leg needs a re-INVITE. A section that only one of them has counts as switched off on the other.
func Holds(leg, other []Agreed) bool {
	for i := range max(len(leg), len(other)) {
		if !alike(at(leg, i), at(other, i)) {
			return false
		}
	}
	return true
}

func at(agreed []Agreed, i int) Agreed {
	if i >= len(agreed) {
		return Agreed{}
	}
	return agreed[i]
}

func alike(one, other Agreed) bool {
	if !one.Enabled || !other.Enabled {
		return one.Enabled == other.Enabled
	}
	return within(one.Codecs, other.Codecs) && within(other.Codecs, one.Codecs)
}

// within tells whether every codec of list is in other, but for telephone events.
func within(list, other []Codec) bool {
	for _, c := range list {
		if _, ok := MatchCodec(c, list, other); !ok && !c.IsEvents() {
			return false
		}
	}
	return true
}

// Shares tells whether a section of an offer has a medium's codec in common with what the other leg agreed to, so that it can be
// answered without asking there.
func (m *Media) Shares(other Agreed) bool {
	return other.Enabled && carries(answerCodecs(m.Codecs, other, false))
}
