package sdp

import (
	"fmt"
	"strconv"
	"strings"

	"b2bua/media/sdes"
)

// attribute takes one a= line. What it does not know is dropped here, and so reaches neither an answer nor the other leg.
func (p *parser) attribute(name, value string) error {
	value = strings.TrimSpace(value)
	if d, ok := parseDirection(name); ok {
		p.direction(d)
		return nil
	}
	switch name {
	case "fingerprint":
		return p.fingerprint(value)
	case "setup", "zrtp-hash":
		p.security(name, value)
		return nil
	case "ice-lite", "ice-ufrag", "ice-pwd", "ice-options", "ice-mismatch", "candidate", "end-of-candidates":
		p.connectivity(name, value)
		return nil
	}
	if p.media == nil {
		if name == "group" {
			p.group(value)
		}
		return nil
	}
	switch name {
	case "crypto":
		return p.crypto(value)
	case "rtpmap":
		p.perFormat(p.section.rtpmap, value)
	case "fmtp":
		p.perFormat(p.section.fmtp, value)
	case "rtcp-fb":
		if pt, v, ok := strings.Cut(value, " "); ok && len(p.section.feedback[pt]) < maxFeedback {
			p.section.feedback[pt] = append(p.section.feedback[pt], strings.TrimSpace(v))
		}
	case "rtcp":
		p.section.rtcp = value
	case "rtcp-mux":
		p.media.RTCPMux = true
	case "ptime":
		p.media.Ptime = ptime(value)
	case "maxptime":
		p.media.MaxPtime = ptime(value)
	case "mid":
		p.media.Label = value
	case "bundle-only":
		p.media.BundleOnly = true
	case "extmap":
		p.media.extmap(value)
	case "ssrc":
		p.media.source(value)
	}
	return nil
}

func (p *parser) direction(d Direction) {
	if p.media == nil {
		p.session.direction = d
		return
	}
	p.media.Direction, p.section.hasDirection = d, true
}

// security takes the attributes that may stand at either level (RFC 4145 section 4, RFC 6189 section 8).
func (p *parser) security(name, value string) {
	setup, hash := &p.session.setup, &p.session.zrtpHash
	if m := p.media; m != nil {
		setup, hash = &m.Setup, &m.ZRTPHash
	}
	switch name {
	case "setup":
		*setup = value
	case "zrtp-hash":
		*hash = zrtpHash(*hash, value)
	}
}

// fingerprint gathers the lines of one level (RFC 8122 section 5).
func (p *parser) fingerprint(value string) error {
	list := &p.session.fingerprints
	if p.media != nil {
		list = &p.section.fingerprints
	}
	if len(*list) >= maxFingerprints {
		return lineError(fmt.Sprintf("more than %d a=fingerprint lines at one level", maxFingerprints))
	}
	if value != "" {
		*list = append(*list, value)
	}
	return nil
}

// crypto passes over a line that cannot be used: the offer may have others (RFC 4568 section 5.1.2).
func (p *parser) crypto(value string) error {
	m := p.media
	if len(m.Crypto)+len(m.Skipped) >= maxCrypto {
		return lineError(fmt.Sprintf("more than %d a=crypto lines in one section", maxCrypto))
	}
	c, err := sdes.Parse(value)
	if err == nil {
		for _, d := range m.Crypto {
			if d.Tag == c.Tag { // section 4.1: the tag is unique
				err = fmt.Errorf("a=crypto tag %d (%s): the tag is used twice", c.Tag, c.Suite)
			}
		}
	}
	if err != nil {
		c.Key.Wipe()
		m.Skipped = append(m.Skipped, err.Error())
		return nil
	}
	m.Crypto = append(m.Crypto, c)
	return nil
}

// perFormat takes "number text"; the first of several lines for one number counts, and a number that is none is passed over.
func (p *parser) perFormat(to map[uint8]string, value string) {
	number, text, ok := strings.Cut(value, " ")
	n, err := strconv.ParseUint(number, 10, 7)
	if !ok || err != nil {
		return
	}
	if _, twice := to[uint8(n)]; !twice {
		to[uint8(n)] = strings.TrimSpace(text)
	}
}

// ptime in ms; a few devices write a fraction.
func ptime(s string) int {
	s, _, _ = strings.Cut(s, ".")
	n, err := strconv.Atoi(s)
	if err != nil || n < 0 || n > maxPtime {
		return 0
	}
	return n
}
