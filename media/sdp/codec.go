package sdp

import (
	"slices"
	"strconv"
	"strings"
)

// static payload types (RFC 3551 section 6) may be offered without a=rtpmap.
var static = map[uint8]Codec{
	0: {Name: "PCMU", Rate: 8000}, 3: {PT: 3, Name: "GSM", Rate: 8000}, 4: {PT: 4, Name: "G723", Rate: 8000},
	5: {PT: 5, Name: "DVI4", Rate: 8000}, 6: {PT: 6, Name: "DVI4", Rate: 16000}, 7: {PT: 7, Name: "LPC", Rate: 8000},
	8: {PT: 8, Name: "PCMA", Rate: 8000}, 9: {PT: 9, Name: "G722", Rate: 8000}, // 8000 although it samples at 16000
	10: {PT: 10, Name: "L16", Rate: 44100, Channels: 2}, 11: {PT: 11, Name: "L16", Rate: 44100},
	12: {PT: 12, Name: "QCELP", Rate: 8000}, 13: {PT: 13, Name: "CN", Rate: 8000}, 14: {PT: 14, Name: "MPA", Rate: 90000},
	15: {PT: 15, Name: "G728", Rate: 8000}, 16: {PT: 16, Name: "DVI4", Rate: 11025}, 17: {PT: 17, Name: "DVI4", Rate: 22050},
	18: {PT: 18, Name: "G729", Rate: 8000}, 25: {PT: 25, Name: "CelB", Rate: 90000}, 26: {PT: 26, Name: "JPEG", Rate: 90000},
	28: {PT: 28, Name: "nv", Rate: 90000}, 31: {PT: 31, Name: "H261", Rate: 90000}, 32: {PT: 32, Name: "MPV", Rate: 90000},
	33: {PT: 33, Name: "MP2T", Rate: 90000}, 34: {PT: 34, Name: "H263", Rate: 90000},
}

// defaultCodecs answer an INVITE without a description (decision 9).
func defaultCodecs() []Codec {
	return []Codec{
		{PT: 96, Name: "opus", Rate: 48000, Channels: 2, Fmtp: "useinbandfec=1"},
		{PT: 0, Name: "PCMU", Rate: 8000},
		{PT: 8, Name: "PCMA", Rate: 8000},
		{PT: 101, Name: "telephone-event", Rate: 8000, Fmtp: "0-15"},
		{PT: 100, Name: "telephone-event", Rate: 48000, Fmtp: "0-15"}, // RFC 4733 section 2.1: the rate of its stream
	}
}

// SendNumber is the payload type that we send this codec with; PT is the one that the peer sends it with.
func (c Codec) SendNumber() uint8 {
	if c.Renumbered {
		return c.SendPT
	}
	return c.PT
}

// String is name/rate[/channels], as in a=rtpmap.
func (c Codec) String() string {
	s := c.Name + "/" + strconv.Itoa(c.Rate)
	if c.Channels > 1 {
		s += "/" + strconv.Itoa(c.Channels)
	}
	return s
}

// IsEvents tells whether c carries telephone events (RFC 4733).
func (c Codec) IsEvents() bool { return strings.EqualFold(c.Name, "telephone-event") }

// auxiliary formats carry nothing alone: a stream needs at least one other codec.
func (c Codec) auxiliary() bool {
	switch strings.ToLower(c.Name) {
	case "telephone-event", "cn", "rtx", "red", "ulpfec", "flexfec-03", "flexfec", "parityfec":
		return true
	}
	return false
}

// Same tells whether packets of c can be sent as packets of d without touching the payload: same name without case, clock
// rate, channels, and those format parameters that make another bit stream of it. Payload numbers play no role.
// Formats that refer to another one (rtx, red) need their lists too: MatchCodec.
func (c Codec) Same(d Codec) bool {
	if !c.alike(d) {
		return false
	}
	for _, p := range distinguishing[strings.ToLower(c.Name)] {
		if p.of(c.Fmtp) != p.of(d.Fmtp) {
			return false
		}
	}
	return true
}

// alike compares what a=rtpmap says.
func (c Codec) alike(d Codec) bool {
	return strings.EqualFold(c.Name, d.Name) && c.Rate == d.Rate && max(c.Channels, 1) == max(d.Channels, 1)
}

// parameter of a=fmtp that is part of a codec's identity.
type parameter struct {
	name     string
	fallback string // meant when it is not written
	prefix   int    // compare only so many characters, 0: all
}

func (p parameter) of(fmtp string) string {
	v, ok := fmtpValue(fmtp, p.name)
	if !ok {
		v = p.fallback
	}
	v = strings.ToLower(v)
	if p.prefix > 0 && len(v) > p.prefix {
		v = v[:p.prefix]
	}
	return v
}

var distinguishing = map[string][]parameter{
	// RFC 6184 section 8.2.2: packetization-mode and the profile part of profile-level-id must match, the level may differ.
	// The first octet is the profile; the constraint flags beside it are set loosely in practice.
	"h264": {{"packetization-mode", "0", 0}, {"profile-level-id", "42", 2}},
	"h265": {{"profile-id", "1", 0}, {"tx-mode", "srst", 0}}, // RFC 7798 section 7.1
	"vp9":  {{"profile-id", "0", 0}},                         // RFC 9628 section 6
	"av1":  {{"profile", "0", 0}},
	// RFC 4867 section 8.3.1: these change the payload format.
	"amr":    {{"octet-align", "0", 0}, {"crc", "0", 0}, {"robust-sorting", "0", 0}, {"interleaving", "", 0}},
	"amr-wb": {{"octet-align", "0", 0}, {"crc", "0", 0}, {"robust-sorting", "0", 0}, {"interleaving", "", 0}},
	"g7221":  {{"bitrate", "", 0}}, // RFC 5577 section 6
	"mpeg4-generic": {
		{"mode", "", 0},
		{"config", "", 0},
		{"sizelength", "", 0},
		{"indexlength", "", 0},
		{"indexdeltalength", "", 0},
	},
}

// fmtpValue finds one parameter of "a=1;b=2".
func fmtpValue(fmtp, name string) (string, bool) {
	for p := range strings.SplitSeq(fmtp, ";") {
		k, v, _ := strings.Cut(p, "=")
		if strings.EqualFold(strings.TrimSpace(k), name) {
			return strings.TrimSpace(v), true
		}
	}
	return "", false
}

// find gives the position in list of the codec that c is, or -1. Two entries may differ in parameters that are not part of
// the identity: the one with c's own number is preferred, then the one with c's own parameters.
func find(list []Codec, c Codec, same func(a, b Codec) bool) int {
	at, exact := -1, false
	for i, d := range list {
		if !same(c, d) {
			continue
		}
		if d.PT == c.PT {
			return i
		}
		if at < 0 || !exact && d.Fmtp == c.Fmtp {
			at, exact = i, d.Fmtp == c.Fmtp
		}
	}
	return at
}

// MatchCodec finds the codec of list that packets of c, a codec of the other leg's list cs, are sent as.
func MatchCodec(c Codec, cs, list []Codec) (Codec, bool) {
	i := find(list, c, func(c, d Codec) bool { return sameIn(c, cs, d, list) })
	if i < 0 {
		return Codec{}, false
	}
	return list[i], true
}

// sameIn compares c, of list cs, with d, of list ds. Formats that refer to others (rtx, red) are the same if what they refer
// to is the same.
func sameIn(c Codec, cs []Codec, d Codec, ds []Codec) bool {
	if !c.Same(d) {
		return false
	}
	refs, other := references(c), references(d)
	if len(refs) != len(other) {
		return false
	}
	for i := range refs {
		a, okA := byNumber(cs, refs[i])
		b, okB := byNumber(ds, other[i])
		if okA != okB || okA && !a.Same(b) || !okA && refs[i] != other[i] {
			return false
		}
	}
	return true
}

// references are the payload numbers that the format parameters of c name (RFC 4588 section 8.6, RFC 2198 section 5).
func references(c Codec) []uint8 {
	var text []string
	switch strings.ToLower(c.Name) {
	case "rtx":
		if apt, ok := fmtpValue(c.Fmtp, "apt"); ok {
			text = []string{apt}
		}
	case "red":
		if c.Fmtp != "" {
			text = strings.Split(c.Fmtp, "/")
		}
	default:
		return nil
	}
	var refs []uint8
	for _, t := range text {
		if n, err := strconv.ParseUint(strings.TrimSpace(t), 10, 7); err == nil {
			refs = append(refs, uint8(n))
		}
	}
	return refs
}

func byNumber(list []Codec, pt uint8) (Codec, bool) {
	for _, c := range list {
		if c.PT == pt {
			return c, true
		}
	}
	return Codec{}, false
}

// filter keeps what the setting "name/rate" (or "name") permits: that codec, telephone events, and retransmission of what is
// kept. An empty setting keeps everything.
func filter(list []Codec, setting string) []Codec {
	if setting == "" {
		return list
	}
	var kept []Codec
	for _, c := range list {
		if matches(c, setting) || c.IsEvents() {
			kept = append(kept, c)
		}
	}
	for _, c := range list {
		if !strings.EqualFold(c.Name, "rtx") {
			continue
		}
		for _, pt := range references(c) {
			if target, ok := byNumber(kept, pt); ok && !target.auxiliary() {
				kept = append(kept, c)
				break
			}
		}
	}
	return kept
}

// matches compares the name without case, the rate exactly (spec 2.7).
func matches(c Codec, setting string) bool {
	name, rate, ok := strings.Cut(setting, "/")
	return strings.EqualFold(c.Name, name) && (!ok || rate == strconv.Itoa(c.Rate))
}

// carries tells whether one of the codecs carries the medium itself.
func carries(list []Codec) bool {
	for _, c := range list {
		if !c.auxiliary() {
			return true
		}
	}
	return false
}

func names(list []Codec) []string {
	out := make([]string, 0, len(list))
	for _, c := range list {
		if !c.auxiliary() {
			out = append(out, c.String())
		}
	}
	return out
}

// relayedFeedback are the a=rtcp-fb values that work through a relay that forwards RTCP (RFC 4585 section 4.2, RFC 5104
// section 7.1). transport-cc is not among them: it needs a header extension that is not offered.
var relayedFeedback = map[string]bool{
	"nack": true, "nack pli": true, "nack sli": true, "nack rpsi": true, "ack rpsi": true,
	"ccm fir": true, "ccm tmmbr": true, "ccm tstr": true, "goog-remb": true,
}

// convertedFeedback works also where only one leg has a feedback profile: who asks for a whole picture on the other one is asked by INFO
// (RFC 5168), and asks so.
var convertedFeedback = []string{"nack pli", "ccm fir"}

func feedback(values []string, and []string) []string {
	var out []string
	for _, v := range values {
		if !relayedFeedback[v] {
			continue
		}
		for _, w := range and {
			if v == w {
				out = append(out, v)
				break
			}
		}
	}
	return out
}

// Declared is what was agreed on a leg with all the feedback that the leg's own description has, and not only what the other leg had
// then: what it can deal with, the other one may send as soon as it has a feedback profile, too.
func Declared(agreed []Agreed, theirs *Session) []Agreed {
	agreed = slices.Clone(agreed)
	for i := range agreed {
		if !agreed[i].AVPF || theirs == nil || i >= len(theirs.Media) {
			continue
		}
		list := cloneCodecs(agreed[i].Codecs)
		for k, c := range list {
			if said, ok := MatchCodec(c, agreed[i].Codecs, theirs.Media[i].Codecs); ok {
				list[k].Feedback = feedback(said.Feedback, said.Feedback)
			}
		}
		agreed[i].Codecs = list
	}
	return agreed
}
