package sdp

import "slices"

// Telephone events are converted where one leg lacks them (spec 2.9): each leg is offered them and may have them, whatever the other
// one has.

// offerEvents adds telephone events to an audio offer without any: one for each clock rate (RFC 4733 section 2.1).
func offerEvents(kind Kind, codecs []Codec) []Codec {
	if kind != Audio || slices.ContainsFunc(codecs, Codec.IsEvents) {
		return codecs
	}
	taken := map[uint8]bool{}
	for _, c := range codecs {
		taken[c.PT] = true
	}
	list, number := slices.Clone(codecs), uint8(101) // what most devices use for it
	for _, c := range codecs {
		if c.auxiliary() || slices.ContainsFunc(list, func(e Codec) bool { return e.IsEvents() && e.Rate == c.Rate }) {
			continue
		}
		pt := freeNumber(number, taken)
		if pt < 0 {
			break
		}
		taken[uint8(pt)] = true
		list = append(list, Codec{PT: uint8(pt), Name: "telephone-event", Rate: c.Rate, Fmtp: "0-15"})
	}
	return list
}

// answerEvents adds the telephone events of an offer to an answer without any: those with the clock of a codec that is in the
// answer, or all.
func answerEvents(kind Kind, offered, list []Codec) []Codec {
	if kind != Audio || len(list) == 0 || slices.ContainsFunc(list, Codec.IsEvents) {
		return list
	}
	var all, fitting []Codec
	for _, c := range offered {
		if !c.IsEvents() {
			continue
		}
		c = Codec{PT: c.PT, Name: c.Name, Rate: c.Rate, Channels: c.Channels, Fmtp: c.Fmtp}
		all = append(all, c)
		if slices.ContainsFunc(list, func(m Codec) bool { return m.Rate == c.Rate }) {
			fitting = append(fitting, c)
		}
	}
	if len(fitting) > 0 {
		all = fitting
	}
	return append(list, all...)
}
