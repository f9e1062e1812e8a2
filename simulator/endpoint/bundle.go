package endpoint

import (
	"slices"
	"strconv"

	"b2bua/media/sdp"
	"b2bua/simulator/stream"
)

// Ways of a phone to offer its streams on one transport (RFC 9143), as browsers name them.
const (
	BundleBalanced = "balanced"   // each with a transport of its own beside
	BundleMax      = "max-bundle" // all but the first on the shared one only
)

// midExtension is the number of the header extension for a=mid that a browser writes.
const midExtension = 4

// bundle is what a call has agreed on; the zero value: nothing.
type bundle struct {
	agreed  bool
	tag     int // the section that describes the transport
	carrier int // the stream whose sockets it is: the first one for ever, as in a browser
}

// bundled tells whether this description keeps a transport that is shared.
func (c *Call) bundled() bool { return c.bundle.agreed && c.want.bundle != "" }

// transportOf is where section i of our next description is: if it is the first that is on, on the transport of the bundle. The section
// that described that before comes with it.
func (c *Call) transportOf(i int, s *sdp.Session, old *sdp.Media) (sdp.Ports, *sdp.Media) {
	first := !slices.ContainsFunc(s.Media, func(m sdp.Media) bool { return m.Port != 0 })
	if c.bundled() && first && c.bundle.tag < len(c.local.Media) {
		return c.port(c.bundle.carrier), &c.local.Media[c.bundle.tag]
	}
	return c.port(i), old
}

// group puts the sections of our description that are on into a bundle.
func (c *Call) group(s *sdp.Session) {
	if c.want.bundle == "" {
		return
	}
	var tagged *sdp.Media
	for i := range s.Media {
		m := &s.Media[i]
		if m.Port == 0 || m.Kind == sdp.Other {
			continue
		}
		m.Label, m.MIDExtension, m.RTCPMux = strconv.Itoa(i), midExtension, true
		s.Bundle = append(s.Bundle, m.Label)
		if tagged == nil {
			tagged = m
			continue
		}
		if c.bundle.agreed || c.want.bundle == BundleMax {
			m.BundleOnly = !c.bundle.agreed
			share(m, tagged)
			if c.want.bundle == BundleMax && i < len(c.streams) && c.streams[i] != nil {
				m.Sources = []uint32{c.streams[i].Stats().SSRC}
			}
		}
	}
}

// share takes from a section what describes a transport.
func share(m, tagged *sdp.Media) {
	m.Port, m.RTCP, m.Crypto, m.ICE, m.Fingerprint, m.Setup = tagged.Port, tagged.RTCP, nil, nil, "", ""
}

// groupAnswer answers the bundle of an offer.
func (c *Call) groupAnswer(offer, s *sdp.Session, agreed []sdp.Agreed) {
	if c.want.bundle == "" {
		return
	}
	tag := -1
	for i := range s.Media {
		m := &s.Media[i]
		if !agreed[i].Enabled || !slices.Contains(offer.Bundle, offer.Media[i].Label) {
			continue
		}
		if m.Label, m.MIDExtension = offer.Media[i].Label, offer.Media[i].MIDExtension; tag < 0 {
			tag = i
		} else {
			share(m, &s.Media[tag])
		}
		s.Bundle = append(s.Bundle, m.Label)
		agreed[i].Group = &sdp.Group{Tagged: tag, MID: m.Label, Extension: m.MIDExtension}
	}
}

// share tells each stream whose transport it has, and gives what was agreed for that to the one whose it is.
func (c *Call) share(agreed []sdp.Agreed) (of []sdp.Agreed) {
	of = slices.Clone(agreed)
	tag := slices.IndexFunc(agreed, func(a sdp.Agreed) bool { return a.Enabled && a.Group != nil })
	if tag >= 0 {
		tag = agreed[tag].Group.Tagged
	}
	if tag < 0 || tag >= len(c.streams) || c.streams[tag] == nil {
		c.bundle = bundle{}
		for _, s := range c.streams {
			if s != nil {
				s.SetBundle(stream.Bundle{})
			}
		}
		return of
	}
	if !c.bundle.agreed {
		c.bundle.carrier = tag
	}
	c.bundle.agreed, c.bundle.tag = true, tag
	carrier := c.bundle.carrier
	for i, s := range c.streams {
		switch {
		case s == nil || i >= len(agreed):
		case i == carrier || agreed[i].Enabled && agreed[i].Group != nil:
			s.SetBundle(c.member(i, agreed))
		default:
			s.SetBundle(stream.Bundle{})
		}
	}
	if carrier != tag && carrier < len(of) {
		t, own := agreed[tag], agreed[carrier]
		t.Kind, t.Codecs, t.Direction = own.Kind, own.Codecs, own.Direction
		if !own.Enabled {
			t.Codecs, t.Direction = nil, sdp.Inactive
		}
		of[carrier] = t
	}
	return of
}

func (c *Call) member(i int, agreed []sdp.Agreed) stream.Bundle {
	b := stream.Bundle{On: c.streams[c.bundle.carrier]}
	if g := agreed[i].Group; g != nil && agreed[i].Enabled {
		b.MID, b.Heard, b.Extension = g.MID, g.MID, g.Extension
	}
	switch c.want.fault {
	case FaultNoMID:
		b.MID = ""
	case FaultWrongMID:
		b.MID = "z"
	}
	return b
}
