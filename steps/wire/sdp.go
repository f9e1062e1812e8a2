package wire

import (
	"fmt"
	"net/netip"
	"regexp"
	"strconv"
	"strings"
)

// originLine finds session id and version.
var originLine = regexp.MustCompile(`(?m)^o=\S+ (\S+) (\d+) `)

// Section is one m= section of a description: what a scenario writes, or what was received.
type Section struct {
	Kind       string // audio, video
	Port       int
	Profile    string
	Formats    []string
	Attributes []string // without "a="
}

// PCMU and H264 are the codecs that a literal phone offers unless the scenario says otherwise.
var (
	defaultAudio = Section{
		Kind: "audio", Port: 40000, Profile: "RTP/AVP", Formats: []string{"0", "8", "101"},
		Attributes: []string{"rtpmap:0 PCMU/8000", "rtpmap:8 PCMA/8000", "rtpmap:101 telephone-event/8000", "fmtp:101 0-15"},
	}
	defaultVideo = Section{
		Kind: "video", Port: 40002, Profile: "RTP/AVP", Formats: []string{"96"}, Attributes: []string{"rtpmap:96 VP8/90000"},
	}
)

// Audio is the audio section of a literal phone, over plain RTP.
func Audio() Section { return defaultAudio.clone() }

// Video is the video section of a literal phone, over plain RTP.
func Video() Section { return defaultVideo.clone() }

// Application is a section of a kind that b2bua does not carry (RFC 8856).
func Application() Section {
	return Section{Kind: "application", Port: 40004, Profile: "UDP/BFCP", Formats: []string{"*"}}
}

func (s Section) clone() Section {
	s.Formats = append([]string(nil), s.Formats...)
	s.Attributes = append([]string(nil), s.Attributes...)
	return s
}

// WithSDES makes the section RTP/SAVP with one crypto line per suite. The keys are fixed: a literal phone sends no media.
func (s Section) WithSDES(suites ...string) Section {
	s = s.clone()
	s.Profile = "RTP/SAVP"
	for i, suite := range suites {
		s.Attributes = append(s.Attributes, fmt.Sprintf("crypto:%d %s inline:%s", i+1, suite, fixedKey(suite)))
	}
	return s
}

// fixedKey is base64 of as many bytes of 'A' as key and salt of a suite need (RFC 4568 6.2, RFC 6188, RFC 7714).
func fixedKey(suite string) string {
	switch {
	case strings.Contains(suite, "256_GCM"):
		return strings.Repeat("QUFB", 14) + "QUE=" // 32 + 12
	case strings.Contains(suite, "128_GCM"):
		return strings.Repeat("QUFB", 9) + "QQ==" // 16 + 12
	case strings.Contains(suite, "256"):
		return strings.Repeat("QUFB", 15) + "QQ==" // 32 + 14
	default:
		return strings.Repeat("QUFB", 10) // 16 + 14
	}
}

// Describe writes a whole session description.
func Describe(at netip.Addr, version int, sections ...Section) string {
	family := "IP4"
	if at.Is6() {
		family = "IP6"
	}
	var b strings.Builder
	fmt.Fprintf(&b, "v=0\r\no=wire 1 %d IN %s %s\r\ns=-\r\nc=IN %s %s\r\nt=0 0\r\n", version, family, at, family, at)
	for _, s := range sections {
		fmt.Fprintf(&b, "m=%s %d %s %s\r\n", s.Kind, s.Port, s.Profile, strings.Join(s.Formats, " "))
		for _, a := range s.Attributes {
			b.WriteString("a=" + a + "\r\n")
		}
	}
	return b.String()
}

// Sections reads the m= sections of a description.
func Sections(body string) ([]Section, error) {
	var out []Section
	for _, line := range strings.Split(strings.ReplaceAll(body, "\r\n", "\n"), "\n") {
		if rest, ok := strings.CutPrefix(line, "m="); ok {
			fields := strings.Fields(rest)
			if len(fields) < 4 {
				return nil, fmt.Errorf("m= line of the description is too short: %q", line)
			}
			port, err := strconv.Atoi(fields[1])
			if err != nil {
				return nil, fmt.Errorf("port of m= line %q: %w", line, err)
			}
			out = append(out, Section{Kind: fields[0], Port: port, Profile: fields[2], Formats: fields[3:]})
		} else if rest, ok := strings.CutPrefix(line, "a="); ok && len(out) > 0 {
			last := &out[len(out)-1]
			last.Attributes = append(last.Attributes, rest)
		}
	}
	return out, nil
}

// Suites are the suite names of the crypto lines of a section, in order.
func (s Section) Suites() []string {
	var out []string
	for _, a := range s.Attributes {
		if rest, ok := strings.CutPrefix(a, "crypto:"); ok {
			if fields := strings.Fields(rest); len(fields) >= 3 {
				out = append(out, fields[1])
			}
		}
	}
	return out
}

// Encryption names the way a section is protected, by the words of the configuration: none, sdes, dtls-srtp, zrtp.
func (s Section) Encryption() string {
	encryption := "none"
	for _, a := range s.Attributes {
		switch name, _, _ := strings.Cut(a, ":"); name {
		case "zrtp-hash":
			return "zrtp"
		case "fingerprint":
			encryption = "dtls-srtp"
		case "crypto":
			if encryption == "none" {
				encryption = "sdes"
			}
		}
	}
	return encryption
}

// Codecs are the codecs by name in the order of the formats, static payload types included.
func (s Section) Codecs() []string {
	static := map[string]string{"0": "PCMU/8000", "3": "GSM/8000", "8": "PCMA/8000", "9": "G722/8000", "18": "G729/8000"}
	names := map[string]string{}
	for _, a := range s.Attributes {
		if rest, ok := strings.CutPrefix(a, "rtpmap:"); ok {
			pt, name, _ := strings.Cut(rest, " ")
			names[pt] = name
		}
	}
	out := make([]string, 0, len(s.Formats))
	for _, f := range s.Formats {
		switch {
		case names[f] != "":
			out = append(out, names[f])
		case static[f] != "":
			out = append(out, static[f])
		default:
			out = append(out, "unknown-"+f)
		}
	}
	return out
}

// AnswerTo is the answer of a willing phone: every offered section is taken with its codecs, its first suite and its direction.
func AnswerTo(offer string, at netip.Addr) (string, error) {
	sections, err := Sections(offer)
	if err != nil {
		return "", err
	}
	answer := make([]Section, 0, len(sections))
	for i, s := range sections {
		a := Section{Kind: s.Kind, Port: 41000 + 2*i, Profile: s.Profile, Formats: s.Formats}
		for _, line := range s.Attributes {
			if strings.HasPrefix(line, "rtpmap:") || strings.HasPrefix(line, "fmtp:") {
				a.Attributes = append(a.Attributes, line)
			}
		}
		if suites := s.Suites(); len(suites) > 0 {
			a.Attributes = append(a.Attributes, firstCrypto(s, suites[0]))
		}
		switch s.Direction() {
		case "sendonly":
			a.Attributes = append(a.Attributes, "recvonly")
		case "recvonly":
			a.Attributes = append(a.Attributes, "sendonly")
		case "inactive":
			a.Attributes = append(a.Attributes, "inactive")
		}
		if s.Port == 0 {
			a.Port = 0
		}
		answer = append(answer, a)
	}
	return Describe(at, 1, answer...), nil
}

// firstCrypto answers with the tag of the offered line and a key of our own (RFC 4568 section 5.1.2).
func firstCrypto(s Section, suite string) string {
	for _, a := range s.Attributes {
		if rest, ok := strings.CutPrefix(a, "crypto:"); ok {
			return "crypto:" + strings.Fields(rest)[0] + " " + suite + " inline:" + fixedKey(suite)
		}
	}
	return ""
}

// Directions are the direction attributes (RFC 3264 section 5.1).
var Directions = []string{"sendrecv", "sendonly", "recvonly", "inactive"}

// Direction of a section as its writer sees it; sendrecv when nothing is written.
func (s Section) Direction() string {
	for _, a := range s.Attributes {
		for _, d := range Directions {
			if a == d {
				return d
			}
		}
	}
	return "sendrecv"
}

// WithCodecs replaces the codecs: `PT=NAME/RATE` each.
func (s Section) WithCodecs(codecs ...string) Section {
	s = s.clone()
	s.Formats, s.Attributes = nil, nil
	for _, c := range codecs {
		pt, name, _ := strings.Cut(c, "=")
		s.Formats = append(s.Formats, pt)
		s.Attributes = append(s.Attributes, "rtpmap:"+pt+" "+name)
	}
	return s
}

// MediaAddress is where the first audio section of a description wants its packets.
func MediaAddress(body string) (netip.AddrPort, error) {
	var host string
	audio := false
	for _, line := range strings.Split(strings.ReplaceAll(body, "\r\n", "\n"), "\n") {
		if rest, ok := strings.CutPrefix(line, "c=IN IP"); ok && (host == "" || audio) {
			host = rest[strings.IndexByte(rest, ' ')+1:]
		}
		if strings.HasPrefix(line, "m=") {
			if audio {
				break
			}
			audio = strings.HasPrefix(line, "m=audio ")
		}
	}
	sections, err := Sections(body)
	if err != nil {
		return netip.AddrPort{}, err
	}
	for _, s := range sections {
		if s.Kind == "audio" {
			addr, err := netip.ParseAddr(host)
			return netip.AddrPortFrom(addr, uint16(s.Port)), err
		}
	}
	return netip.AddrPort{}, fmt.Errorf("no audio in the description:\n%s", body)
}
