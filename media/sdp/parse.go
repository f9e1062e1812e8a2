package sdp

import (
	"fmt"
	"hash/fnv"
	"net/netip"
	"strconv"
	"strings"

	"b2bua/media/ice"
)

// Parse reads a whole description. It is liberal about what does not matter here: line ends, missing s= and t= lines, lines
// in another order, unknown lines, attributes, media types and profiles. Errors are *ParseError and quote no line, because
// a line may hold keys.
//
// A connection address of 0.0.0.0 or :: without ICE is the hold of RFC 2543 (RFC 3264 section 8.4): Direction then already
// says that the peer does not receive.
func Parse(body []byte) (*Session, error) {
	if len(body) > maxBody {
		return nil, &ParseError{Reason: fmt.Sprintf("%d octets, at most %d are read", len(body), maxBody)}
	}
	p := parser{s: &Session{}}
	lines := 0
	for line := range strings.Lines(string(body)) {
		if lines++; lines > maxLines {
			return nil, &ParseError{Line: lines, Reason: fmt.Sprintf("more than %d lines", maxLines)}
		}
		if err := p.line(strings.TrimRight(line, "\r\n \t")); err != nil {
			return nil, &ParseError{Line: lines, Reason: err.Error()}
		}
	}
	if !p.version {
		return nil, &ParseError{Reason: "no v=0 line: this is not a session description"}
	}
	if p.media != nil {
		p.finishMedia()
	}
	p.inherit()
	return p.s, nil
}

// parser holds what is needed until all of a section is known.
type parser struct {
	s       *Session
	version bool
	media   *Media // nil: session level
	section section
	session struct {
		addr            netip.Addr
		direction       Direction
		fingerprints    []string
		setup, zrtpHash string
		iceLevel        iceLevel
		lite            bool
	}
}

// section is one m= section's raw material.
type section struct {
	addr         netip.Addr
	hasAddr      bool
	hasDirection bool
	rtpmap, fmtp map[uint8]string
	feedback     map[string][]string // by payload number or "*"
	rtcp         string
	fingerprints []string
	iceLevel     iceLevel
	candidates   []ice.Candidate
	ended        bool
}

// lineError is what is wrong with one line.
type lineError string

func (e lineError) Error() string { return string(e) }

func (p *parser) line(line string) error {
	if line == "" {
		return nil
	}
	if len(line) > maxLine {
		return lineError(fmt.Sprintf("longer than %d octets", maxLine))
	}
	for i := range len(line) {
		if line[i] < ' ' && line[i] != '\t' || line[i] == 0x7f {
			return lineError("control characters")
		}
	}
	if len(line) < 2 || line[1] != '=' {
		return lineError("not of the form x=value")
	}
	value := strings.TrimLeft(line[2:], " ")
	switch line[0] {
	case 'v':
		if value != "0" {
			return lineError("version other than 0")
		}
		p.version = true
	case 'o':
		p.origin(value)
	case 's':
		p.s.Name = value
	case 'c':
		p.connection(value)
	case 'b':
		return p.bandwidth(value)
	case 'm':
		return p.startMedia(value)
	case 'a':
		name, v, _ := strings.Cut(value, ":")
		return p.attribute(name, v)
	}
	return nil
}

func (p *parser) origin(value string) {
	f := strings.Fields(value)
	if len(f) > 0 {
		p.s.User = f[0]
	}
	if len(f) > 2 {
		p.s.ID, p.s.Version = originNumber(f[1]), originNumber(f[2])
	}
}

// originNumber makes 64 bits of what some devices write longer, or not as a number: only its change means something.
func originNumber(s string) uint64 {
	if n, err := strconv.ParseUint(s, 10, 64); err == nil {
		return n
	}
	h := fnv.New64a()
	_, _ = h.Write([]byte(s))
	return h.Sum64()
}

// connection leaves the address invalid where it is a host name: CheckOffer and Accept then say so if the stream is used.
func (p *parser) connection(value string) {
	f := strings.Fields(value)
	var addr netip.Addr
	if len(f) >= 3 {
		addr = parseAddr(f[2])
	}
	if p.media == nil {
		p.session.addr = addr
		p.s.Addr = addr
		return
	}
	p.section.addr, p.section.hasAddr = addr, true
}

// parseAddr reads an address of c= or a=rtcp; a multicast address may carry "/ttl".
func parseAddr(s string) netip.Addr {
	s, _, _ = strings.Cut(s, "/")
	addr, err := netip.ParseAddr(s)
	if err != nil || addr.Zone() != "" {
		return netip.Addr{}
	}
	return addr.Unmap()
}

func (p *parser) bandwidth(value string) error {
	if p.media == nil {
		return nil
	}
	if len(p.media.Bandwidth) >= maxBandwidth {
		return lineError(fmt.Sprintf("more than %d b= lines in one section", maxBandwidth))
	}
	p.media.Bandwidth = append(p.media.Bandwidth, value)
	return nil
}

func (p *parser) startMedia(value string) error {
	if p.media != nil {
		p.finishMedia()
	}
	if len(p.s.Media) >= maxMedia {
		return lineError(fmt.Sprintf("more than %d m= sections", maxMedia))
	}
	f := strings.Fields(value)
	if len(f) < 3 {
		return lineError("m= without type, port and profile")
	}
	if len(f)-3 > maxFormats {
		return lineError(fmt.Sprintf("more than %d formats", maxFormats))
	}
	number, _, _ := strings.Cut(f[1], "/")
	port, err := strconv.ParseUint(number, 10, 16)
	if err != nil {
		return lineError("m= with a port that is not between 0 and 65535")
	}
	for _, word := range f {
		if len(word) > maxToken || !visible(word) {
			return lineError(fmt.Sprintf("m= with a word longer than %d characters, or not in ASCII", maxToken))
		}
	}
	m := Media{Kind: Other, Type: f[0], Port: uint16(port), Proto: f[2], Formats: f[3:]}
	switch f[0] {
	case "audio":
		m.Kind = Audio
	case "video":
		m.Kind = Video
	}
	p.s.Media = append(p.s.Media, m)
	p.media = &p.s.Media[len(p.s.Media)-1]
	p.section = section{rtpmap: map[uint8]string{}, fmtp: map[uint8]string{}, feedback: map[string][]string{}}
	return nil
}

// finishMedia puts together what came on several lines of the section.
func (p *parser) finishMedia() {
	m, sec := p.media, &p.section
	m.Addr = p.session.addr
	if sec.hasAddr {
		m.Addr = sec.addr
	}
	if m.Kind != Other {
		m.Codecs = sec.codecs(m.Formats)
	}
	if !sec.hasDirection {
		m.Direction = p.session.direction
	}
	m.setFingerprints(sec.fingerprints)
	if f := strings.Fields(sec.rtcp); len(f) > 0 {
		if port, err := strconv.ParseUint(f[0], 10, 16); err == nil && port != 0 {
			addr := m.Addr
			if len(f) >= 4 {
				addr = parseAddr(f[3])
			}
			if addr.IsValid() {
				m.RTCP = netip.AddrPortFrom(addr, uint16(port))
			}
		}
	}
	p.finishICE(m)
	p.media = nil
}

// setFingerprints keeps what is to be checked of the lines of one level.
func (m *Media) setFingerprints(lines []string) {
	if picked := pickFingerprints(lines); len(picked) > 0 {
		m.Fingerprint, m.moreFingerprints = picked[0], picked[1:]
	}
}

// codecs are those formats that have a name: by a=rtpmap or by their static number. Others cannot be relayed.
func (sec *section) codecs(formats []string) []Codec {
	var list []Codec
	for _, f := range formats {
		n, err := strconv.ParseUint(f, 10, 7)
		if err != nil {
			continue
		}
		pt := uint8(n)
		if _, twice := byNumber(list, pt); twice {
			continue
		}
		c, ok := static[pt]
		if m, mapped := sec.rtpmap[pt]; mapped {
			c, ok = parseRtpmap(m)
		}
		if !ok {
			continue
		}
		c.PT, c.Fmtp = pt, sec.fmtp[pt]
		for _, v := range append(append([]string{}, sec.feedback["*"]...), sec.feedback[f]...) {
			if len(c.Feedback) < maxFeedback {
				c.Feedback = append(c.Feedback, v)
			}
		}
		list = append(list, c)
	}
	return list
}

// parseRtpmap reads "name/rate[/channels]" (RFC 8866 section 6.6).
func parseRtpmap(s string) (Codec, bool) {
	f := strings.Split(strings.TrimSpace(s), "/")
	if len(f) < 2 || len(f) > 3 || f[0] == "" || len(f[0]) > maxToken || !visible(f[0]) {
		return Codec{}, false
	}
	rate, err := strconv.ParseUint(strings.TrimSpace(f[1]), 10, 32)
	if err != nil || rate == 0 || rate > maxRate {
		return Codec{}, false
	}
	c := Codec{Name: f[0], Rate: int(rate)}
	if len(f) == 3 {
		channels, err := strconv.ParseUint(strings.TrimSpace(f[2]), 10, 8)
		if err != nil {
			return Codec{}, false
		}
		c.Channels = int(channels)
	}
	return c, true
}

// visible tells whether a word is of printable ASCII only, and so fit for a log and for the other leg.
func visible(s string) bool {
	for i := range len(s) {
		if s[i] <= ' ' || s[i] >= 0x7f {
			return false
		}
	}
	return true
}

// inherit applies the session level where a section is silent.
func (p *parser) inherit() {
	for i := range p.s.Media {
		m := &p.s.Media[i]
		if m.Fingerprint == "" {
			m.setFingerprints(p.session.fingerprints)
		}
		if m.Setup == "" {
			m.Setup = p.session.setup
		}
		if m.ZRTPHash == "" {
			m.ZRTPHash = p.session.zrtpHash
		}
		if m.ICE != nil {
			m.ICE.Lite = p.session.lite // a line that may come late
		}
		if m.Addr.IsValid() && m.Addr.IsUnspecified() && m.ICE == nil {
			m.Direction = m.Direction.And(SendOnly)
		}
	}
	p.s.shareHashes()
	p.s.spread()
}
