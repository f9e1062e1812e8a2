package relay

import (
	"strings"

	"b2bua/media/dtmf"
	"b2bua/media/sdp"
)

// mapCodecs fills the table of what comes in on one side from the codecs of the other: by identity, not by number.
func mapCodecs(in, out *side) {
	in.codecs, in.formats = [128]uint8{}, append(in.few[:0], codec{})
	tones := false
	for _, c := range in.list {
		if c.PT > 127 || len(in.formats) > 255 {
			continue
		}
		e := codec{known: true, repair: strings.EqualFold(c.Name, "rtx"), rate: uint32(c.Rate), events: c.IsEvents()}
		if o, ok := sdp.MatchCodec(c, in.list, out.list); ok && o.SendNumber() <= 127 {
			e.mapped, e.out = true, o.SendNumber()
		}
		if e.events && !e.mapped && out.set && out.enabled {
			e.tones, tones = true, true
		}
		in.codecs[c.PT] = uint8(len(in.formats))
		in.formats = append(in.formats, e)
	}
	// Some peers that renumbered our offer send with their own number (RFC 3264 section 5.1 wants ours).
	for _, c := range in.list {
		if n := c.SendNumber(); c.PT <= 127 && n <= 127 && in.codecs[n] == 0 {
			in.codecs[n] = in.codecs[c.PT]
		}
	}
	if tones && in.detector == nil {
		in.detector = &dtmf.Detector{}
	}
}
