package sdp

import (
	"fmt"
	"net/netip"
	"strconv"
	"strings"

	pion "github.com/pion/sdp/v3"
)

// Marshal writes the description, keys included, with the connection address in each section that has its own.
func (s *Session) Marshal() []byte {
	d := pion.SessionDescription{
		Origin: pion.Origin{
			Username: orDash(s.User), SessionID: s.ID, SessionVersion: s.Version,
			NetworkType: "IN", AddressType: family(s.Addr), UnicastAddress: literal(s.Addr),
		},
		SessionName:           pion.SessionName(orDash(s.Name)),
		ConnectionInformation: connection(s.Addr),
		TimeDescriptions:      []pion.TimeDescription{{}},
	}
	if len(s.Bundle) > 0 {
		d.Attributes = append(d.Attributes, pion.Attribute{Key: "group", Value: "BUNDLE " + strings.Join(s.Bundle, " ")})
	}
	s.iceAttributes(&d)
	for i := range s.Media {
		d.MediaDescriptions = append(d.MediaDescriptions, s.Media[i].description(s.Addr))
	}
	b, _ := d.Marshal() // has no failing path
	return b
}

func orDash(s string) string {
	if s == "" {
		return "-"
	}
	return s
}

func family(a netip.Addr) string {
	if a.Is6() {
		return "IP6"
	}
	return "IP4"
}

func literal(a netip.Addr) string {
	if !a.IsValid() {
		return "0.0.0.0"
	}
	return a.String()
}

func connection(a netip.Addr) *pion.ConnectionInformation {
	return &pion.ConnectionInformation{
		NetworkType: "IN", AddressType: family(a), Address: &pion.Address{Address: literal(a)},
	}
}

func (m *Media) description(session netip.Addr) *pion.MediaDescription {
	d := &pion.MediaDescription{MediaName: pion.MediaName{
		Media: m.Type, Port: pion.RangedPort{Value: int(m.written())}, Protos: strings.Split(m.Proto, "/"), Formats: m.formats(),
	}}
	if m.Label != "" {
		d.WithValueAttribute("mid", m.Label)
	}
	if m.Port == 0 {
		return d
	}
	if m.BundleOnly {
		d.WithPropertyAttribute("bundle-only")
	}
	if m.Addr.IsValid() && m.Addr != session {
		d.ConnectionInformation = connection(m.Addr)
	}
	for _, b := range m.Bandwidth {
		if kind, value, ok := parseBandwidth(b); ok {
			d.Bandwidth = append(d.Bandwidth, pion.Bandwidth{Type: kind, Bandwidth: value})
		}
	}
	m.codecAttributes(d)
	if m.MIDExtension != 0 && m.Label != "" {
		d.WithValueAttribute("extmap", strconv.Itoa(int(m.MIDExtension))+" "+extensionMID)
	}
	for _, ssrc := range m.Sources {
		d.WithValueAttribute("ssrc", strconv.FormatUint(uint64(ssrc), 10)+" cname:-")
	}
	d.WithPropertyAttribute(m.Direction.String())
	m.rtcpAttributes(d)
	for _, c := range m.Crypto {
		d.WithValueAttribute("crypto", c.Attribute())
	}
	m.securityAttributes(d)
	m.iceAttributes(d)
	return d
}

// written is the port of the m= line.
func (m *Media) written() uint16 {
	if m.BundleOnly {
		return 0
	}
	return m.Port
}

// iceAttributes of the session level: what our agents are is the same for all sections.
func (s *Session) iceAttributes(d *pion.SessionDescription) {
	for i := range s.Media {
		m := &s.Media[i]
		if m.Port == 0 || m.ICE == nil {
			continue
		}
		if m.ICE.Lite {
			d.Attributes = append(d.Attributes, pion.Attribute{Key: "ice-lite"})
		}
		if len(m.ICE.Options) > 0 {
			d.Attributes = append(d.Attributes, pion.Attribute{Key: "ice-options", Value: strings.Join(m.ICE.Options, " ")})
		}
		return
	}
}

func (m *Media) iceAttributes(d *pion.MediaDescription) {
	if m.ICEMismatch {
		d.WithPropertyAttribute("ice-mismatch")
	}
	if m.ICE == nil {
		return
	}
	d.WithValueAttribute("ice-ufrag", m.ICE.Ufrag)
	d.WithValueAttribute("ice-pwd", string(m.ICE.Pwd))
	for _, c := range m.ICE.Candidates {
		d.WithValueAttribute("candidate", c.Attribute())
	}
	if m.ICE.Ended {
		d.WithPropertyAttribute("end-of-candidates")
	}
}

func (m *Media) securityAttributes(d *pion.MediaDescription) {
	list := []pion.Attribute{{Key: "zrtp-hash", Value: m.ZRTPHash}, {Key: "fingerprint", Value: m.Fingerprint}}
	for _, f := range m.moreFingerprints {
		list = append(list, pion.Attribute{Key: "fingerprint", Value: f})
	}
	for _, a := range append(list, pion.Attribute{Key: "setup", Value: m.Setup}) {
		if a.Value != "" {
			d.WithValueAttribute(a.Key, a.Value)
		}
	}
}

func (m *Media) codecAttributes(d *pion.MediaDescription) {
	for _, c := range m.Codecs {
		pt := strconv.Itoa(int(c.PT))
		d.WithValueAttribute("rtpmap", pt+" "+c.String())
		if c.Fmtp != "" {
			d.WithValueAttribute("fmtp", pt+" "+c.Fmtp)
		}
		for _, v := range c.Feedback {
			d.WithValueAttribute("rtcp-fb", pt+" "+v)
		}
	}
	if m.Ptime > 0 {
		d.WithValueAttribute("ptime", strconv.Itoa(m.Ptime))
	}
	if m.MaxPtime > 0 {
		d.WithValueAttribute("maxptime", strconv.Itoa(m.MaxPtime))
	}
}

// rtcpAttributes writes a=rtcp only where the port is not the next one (RFC 3605 section 2.1).
func (m *Media) rtcpAttributes(d *pion.MediaDescription) {
	if m.RTCP.IsValid() && (m.RTCP.Port() != m.Port+1 || m.RTCP.Addr() != m.Addr) {
		v := strconv.Itoa(int(m.RTCP.Port()))
		if m.RTCP.Addr() != m.Addr {
			v += fmt.Sprintf(" IN %s %s", family(m.RTCP.Addr()), m.RTCP.Addr())
		}
		d.WithValueAttribute("rtcp", v)
	}
	if m.RTCPMux {
		d.WithPropertyAttribute("rtcp-mux")
	}
}

// formats of the m= line: it needs at least one, also in a section that is switched off.
func (m *Media) formats() []string {
	if m.Kind == Other || len(m.Codecs) == 0 {
		if len(m.Formats) == 0 {
			return []string{"0"}
		}
		return m.Formats
	}
	out := make([]string, 0, len(m.Codecs))
	for _, c := range m.Codecs {
		out = append(out, strconv.Itoa(int(c.PT)))
	}
	return out
}

func parseBandwidth(s string) (kind string, value uint64, ok bool) {
	kind, number, ok := strings.Cut(s, ":")
	value, err := strconv.ParseUint(strings.TrimSpace(number), 10, 32)
	return kind, value, ok && err == nil && kind != "" && len(kind) <= maxToken && !strings.ContainsAny(kind, " \t")
}

// String is one line for a log: streams, profiles, codecs; no key.
func (s *Session) String() string {
	if s == nil {
		return "no session description"
	}
	var parts []string
	for i := range s.Media {
		parts = append(parts, s.Media[i].String())
	}
	return strings.Join(parts, "; ")
}

// String is the section in words: `audio RTP/SAVP 192.0.2.1:4000 sendrecv opus/48000/2,PCMU/8000 AES_CM_128_HMAC_SHA1_80`.
func (m Media) String() string {
	if m.Port == 0 {
		return m.Type + " off"
	}
	at := "no address"
	if m.Addr.IsValid() {
		at = netip.AddrPortFrom(m.Addr, m.Port).String()
	}
	s := fmt.Sprintf("%s %s %s %s", m.Type, m.Proto, at, m.Direction)
	var list []string
	for _, c := range m.Codecs {
		list = append(list, c.String())
	}
	if len(list) > 0 {
		s += " " + strings.Join(list, ",")
	}
	list = nil
	for _, c := range m.Crypto {
		list = append(list, c.Suite.String())
	}
	if len(list) > 0 {
		s += " " + strings.Join(list, ",")
	}
	return s
}
