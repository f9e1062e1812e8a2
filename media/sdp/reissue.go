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

// Reissue is an offer of the same streams, keys included, for a re-INVITE: with the directions given, one per section, a
// missing one unchanged. The version grows if anything changed. s, our last description on the leg, stays as it is.
func (s *Session) Reissue(directions ...Direction) *Session {
	next := s.Clone()
	for i := range next.Media {
		if i < len(directions) && next.Media[i].live() {
			next.Media[i].Direction = directions[i]
		}
	}
	next.follow(s)
	return next
}

// Clone is a copy with memory of its own, keys too.
func (s *Session) Clone() *Session {
	c := *s
	c.Media = slices.Clone(s.Media)
	for i := range c.Media {
		m := &c.Media[i]
		m.Codecs = cloneCodecs(m.Codecs)
		m.Formats = slices.Clone(m.Formats)
		m.Bandwidth = slices.Clone(m.Bandwidth)
		m.Skipped = slices.Clone(m.Skipped)
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
	for i := range s.Media {
		for _, c := range s.Media[i].Crypto {
			c.Key.Wipe()
		}
	}
}

// Wipe overwrites the keys of one stream of one leg.
func (a *Agreed) Wipe() {
	a.SendKey.Key.Wipe()
	a.RecvKey.Key.Wipe()
}

// Holds tells whether what one leg agreed to can still be relayed after the other leg's result changed (decision 15): both
// have the same streams, and every codec that the leg may be sent or may send exists on the other. If not, the leg needs a
// re-INVITE.
func Holds(leg, other []Agreed) bool {
	if len(leg) != len(other) {
		return false
	}
	for i := range leg {
		if leg[i].Enabled != other[i].Enabled {
			return false
		}
		for _, c := range leg[i].Codecs {
			if _, ok := MatchCodec(c, leg[i].Codecs, other[i].Codecs); !ok {
				return false
			}
		}
		for _, c := range other[i].Codecs {
			if _, ok := MatchCodec(c, other[i].Codecs, leg[i].Codecs); !ok {
				return false
			}
		}
	}
	return true
}
