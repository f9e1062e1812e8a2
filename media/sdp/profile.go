package sdp

import (
	"strings"

	"b2bua/media/sdes"
)

var supportedSuites = sdes.Suites()

// profile is the third word of an m= line taken apart (RFC 3551, 3711, 4585, 5124, 5764).
type profile struct {
	secure, feedback, dtls bool
}

var profiles = map[string]profile{
	"RTP/AVP":            {},
	"RTP/AVPF":           {feedback: true},
	"RTP/SAVP":           {secure: true},
	"RTP/SAVPF":          {secure: true, feedback: true},
	"UDP/TLS/RTP/SAVP":   {secure: true, dtls: true},
	"UDP/TLS/RTP/SAVPF":  {secure: true, dtls: true, feedback: true},
	"DTLS/UDP/RTP/SAVP":  {secure: true, dtls: true}, // an order of the words that old drafts had
	"DTLS/UDP/RTP/SAVPF": {secure: true, dtls: true, feedback: true},
}

func parseProfile(proto string) (profile, bool) {
	p, ok := profiles[strings.ToUpper(proto)]
	return p, ok
}

// protoFor is the profile that leg B is offered.
func protoFor(e Encryption, avpf bool) string {
	var s string
	switch e {
	case None, ZRTP: // RFC 6189 section 4: ZRTP starts as RTP/AVP
		s = "RTP/AVP"
	case SDES:
		s = "RTP/SAVP"
	case DTLS:
		s = "UDP/TLS/RTP/SAVP"
	}
	if avpf {
		s += "F"
	}
	return s
}

// Encryption is what the section asks for, in the order of spec 2.8: ZRTP, DTLS-SRTP, SDES, none.
func (m *Media) Encryption() Encryption {
	if asked := m.asked(); len(asked) > 0 {
		return asked[0]
	}
	return None
}

// asked lists what the section would do, most preferred first. Empty: a secure profile without any key.
func (m *Media) asked() []Encryption {
	p, _ := parseProfile(m.Proto)
	var list []Encryption
	if m.ZRTPHash != "" && !p.dtls {
		list = append(list, ZRTP)
	}
	if m.Fingerprint != "" {
		list = append(list, DTLS)
	}
	if len(m.Crypto)+len(m.Skipped) > 0 && !p.dtls {
		list = append(list, SDES)
	}
	if len(list) == 0 && !p.secure {
		list = append(list, None)
	}
	return list
}

// Encryption is the strongest that an audio or video stream which is not switched off asks for.
func (s *Session) Encryption() Encryption {
	strongest := None
	for i := range s.Media {
		if m := &s.Media[i]; m.live() {
			strongest = max(strongest, m.Encryption())
		}
	}
	return strongest
}

// EncryptionWith is Encryption after negotiation: the strongest that the streams will use with what s supports. It is leg A's
// mode for an application (spec 3.1). The offer has passed CheckOffer.
func (s *Session) EncryptionWith(support Support) Encryption {
	strongest := None
	for i := range s.Media {
		if m := &s.Media[i]; m.live() {
			if e, err := m.choose(support); err == nil {
				strongest = max(strongest, e)
			}
		}
	}
	return strongest
}

// Choose is the encryption that a section of an offer is answered with: the strongest that it asks for and that is supported (also where it
// offers several, RFC 8643 and RFC 5763). The error tells why none is.
func (m *Media) Choose(support Support) (Encryption, error) { return m.choose(support) }

// live tells whether the section is one that can be relayed and is not switched off.
func (m *Media) live() bool { return m.Kind != Other && m.Port != 0 }

// choose takes the first encryption of the section that is supported. It never falls to none where protection was asked for,
// also not for RTP/AVP with a=crypto lines, which would permit it.
func (m *Media) choose(support Support) (Encryption, error) {
	p, known := parseProfile(m.Proto)
	if !known {
		return None, &ProfileError{Theirs: m.Proto, Reason: "unknown"}
	}
	asked := m.asked()
	if len(asked) == 0 {
		return None, &ProfileError{Theirs: m.Proto, Reason: "a secure profile without keys: neither a=crypto nor a=fingerprint"}
	}
	var fault error
	for _, e := range asked {
		if !support.does(e) {
			continue
		}
		if e == DTLS {
			if _, fault = m.answerDTLS(roleOpen); fault != nil {
				continue // a=crypto lines may stand beside it
			}
		}
		if e == SDES && len(m.Crypto) == 0 {
			return None, &NoSuiteError{Lines: m.Skipped}
		}
		if p.secure && e == ZRTP { // SAVP carries keys of its own
			fault = &ProfileError{Theirs: m.Proto, Reason: "keys by ZRTP need RTP/AVP or RTP/AVPF"}
			continue
		}
		return e, nil
	}
	if fault != nil {
		return None, fault
	}
	return None, &EncryptionError{Asked: asked[0], Supported: support.encryptions()}
}
