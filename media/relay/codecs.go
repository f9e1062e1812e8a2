package relay

import (
	"strconv"
	"strings"

	"b2bua/media/sdp"
)

// mapCodecs fills the table of what comes in on one side from the codecs of the other (by identity, not by number).
func mapCodecs(in, out *side) {
	in.codecs = [128]codec{}
	for _, c := range in.list {
		if c.PT > 127 {
			continue
		}
		c = named(c)
		e := codec{known: true, repair: strings.EqualFold(c.Name, "rtx"), rate: c.Rate}
		if o, ok := counterpart(c, in.list, out.list); ok {
			e.mapped, e.out = true, sendPT(o)
		}
		in.codecs[c.PT] = e
	}
}

// sendPT is the number that we send a codec with.
func sendPT(c sdp.Codec) uint8 { return c.PT }

// counterpart finds the same codec on the other leg. Several configurations of one codec (H264's profiles) are told apart by
// their parameters, and by their order when those say nothing.
func counterpart(c sdp.Codec, own, other []sdp.Codec) (sdp.Codec, bool) {
	nth := 0
	for _, o := range own {
		if o.PT == c.PT {
			break
		}
		if sameCodec(named(o), c) {
			nth++
		}
	}
	best, score, seen := sdp.Codec{}, -1, 0
	for _, o := range other {
		o = named(o)
		if !sameCodec(o, c) {
			continue
		}
		if n := alike(c, o, own, other, seen == nth); n > score {
			best, score = o, n
		}
		seen++
	}
	return best, score >= 0
}

func sameCodec(a, b sdp.Codec) bool {
	return strings.EqualFold(a.Name, b.Name) && a.Rate == b.Rate && max(a.Channels, 1) == max(b.Channels, 1)
}

// alike is how well two configurations of one codec fit; -1: not at all.
func alike(a, b sdp.Codec, own, other []sdp.Codec, samePlace bool) int {
	n := 0
	if samePlace {
		n = 1
	}
	if strings.EqualFold(a.Name, "rtx") {
		// What it repairs is its identity (RFC 4588 section 8.6).
		x, okA := byPT(own, parameter(a.Fmtp, "apt"))
		y, okB := byPT(other, parameter(b.Fmtp, "apt"))
		if !okA || !okB || !sameCodec(x, y) {
			return -1
		}
		return n
	}
	if strings.EqualFold(strings.ReplaceAll(a.Fmtp, " ", ""), strings.ReplaceAll(b.Fmtp, " ", "")) {
		return n + 4
	}
	if strings.EqualFold(a.Name, "H264") && sameH264(a.Fmtp, b.Fmtp) {
		return n + 2
	}
	return n
}

// sameH264 compares packetization mode and profile; the level may differ (RFC 6184 section 8.2.2).
func sameH264(a, b string) bool {
	profile := func(f string) string {
		p := parameter(f, "profile-level-id")
		if len(p) < 4 {
			return "420010"[:4]
		}
		return strings.ToLower(p[:4])
	}
	mode := func(f string) string {
		if m := parameter(f, "packetization-mode"); m != "" {
			return m
		}
		return "0"
	}
	return profile(a) == profile(b) && mode(a) == mode(b)
}

func parameter(fmtp, name string) string {
	for p := range strings.SplitSeq(fmtp, ";") {
		k, v, _ := strings.Cut(p, "=")
		if strings.EqualFold(strings.TrimSpace(k), name) {
			return strings.TrimSpace(v)
		}
	}
	return ""
}

func byPT(list []sdp.Codec, pt string) (sdp.Codec, bool) {
	n, err := strconv.ParseUint(pt, 10, 7)
	if err != nil {
		return sdp.Codec{}, false
	}
	for _, c := range list {
		if c.PT == uint8(n) {
			return named(c), true
		}
	}
	return sdp.Codec{}, false
}

// named gives a static payload type without a=rtpmap its name (RFC 3551 section 6).
func named(c sdp.Codec) sdp.Codec {
	if c.Name != "" {
		return c
	}
	for _, s := range static {
		if s.PT == c.PT {
			c.Name, c.Rate, c.Channels = s.Name, s.Rate, s.Channels
		}
	}
	return c
}

var static = [...]sdp.Codec{
	{PT: 0, Name: "PCMU", Rate: 8000}, {PT: 3, Name: "GSM", Rate: 8000}, {PT: 4, Name: "G723", Rate: 8000},
	{PT: 8, Name: "PCMA", Rate: 8000}, {PT: 9, Name: "G722", Rate: 8000}, {PT: 10, Name: "L16", Rate: 44100, Channels: 2},
	{PT: 11, Name: "L16", Rate: 44100}, {PT: 13, Name: "CN", Rate: 8000}, {PT: 15, Name: "G728", Rate: 8000},
	{PT: 18, Name: "G729", Rate: 8000}, {PT: 26, Name: "JPEG", Rate: 90000}, {PT: 31, Name: "H261", Rate: 90000},
	{PT: 34, Name: "H263", Rate: 90000},
}
