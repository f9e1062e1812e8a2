package sdp

import (
	"errors"
	"slices"
	"strings"
)

// errBundled: the sections of one group may share a transport (RFC 9143), which is not done here.
var errBundled = errors.New("it is offered on the transport of another stream only (a=group:BUNDLE), and each has its own here; " +
	"a browser offers that with the bundle policy \"balanced\"")

// group takes an a=group line (RFC 5888 section 5). The first one with BUNDLE counts.
func (p *parser) group(value string) {
	f := strings.Fields(value)
	if len(f) > 1 && f[0] == "BUNDLE" && p.s.Bundle == nil && len(f) <= maxMedia+1 {
		p.s.Bundle = f[1:]
	}
}

// bundled tells whether a section of an offer has no transport of its own beside the one that is tagged; nil: none is yet. Without an address
// nothing is known: a peer that tells its candidates later writes 0.0.0.0 and 9 everywhere.
func (s *Session) bundled(m, tagged *Media) bool {
	return tagged != nil && m.Label != "" && m.Port == tagged.Port && m.Addr == tagged.Addr && !m.Addr.IsUnspecified() &&
		slices.Contains(s.Bundle, m.Label) && slices.Contains(s.Bundle, tagged.Label)
}

// tag makes the group of an answer. It holds the answerer-tagged section alone, which is the first of the offered group that is accepted; the
// others are moved out of it, to a transport of their own (RFC 9143 sections 7.3.1 and 7.3.3).
func (s *Session) tag(offered []string) {
	for _, mid := range offered {
		for i := range s.Media {
			if m := &s.Media[i]; m.Port != 0 && m.Label == mid {
				s.Bundle = []string{mid}
				return
			}
		}
	}
}
