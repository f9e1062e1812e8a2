package sdp

import (
	"slices"
	"strconv"
	"strings"
)

// renumber rewrites the references of a format from the numbers of list from to those of list to, by codec identity.
func renumber(c Codec, from, to []Codec) string {
	return rewrite(c, func(pt uint8) uint8 {
		if target, ok := byNumber(from, pt); ok {
			if i := find(to, target, Codec.Same); i >= 0 {
				return to[i].PT
			}
		}
		return pt
	})
}

// rewrite gives the format parameters of c with every payload number that they name replaced.
func rewrite(c Codec, number func(uint8) uint8) string {
	refs := references(c)
	if len(refs) == 0 {
		return c.Fmtp
	}
	var numbers []string
	for _, pt := range refs {
		numbers = append(numbers, strconv.Itoa(int(number(pt))))
	}
	if strings.EqualFold(c.Name, "red") {
		return strings.Join(numbers, "/")
	}
	var out []string
	for p := range strings.SplitSeq(c.Fmtp, ";") {
		if k, _, _ := strings.Cut(p, "="); strings.EqualFold(strings.TrimSpace(k), "apt") {
			p = "apt=" + numbers[0]
		}
		out = append(out, p)
	}
	return strings.Join(out, ";")
}

// numbered gives codecs the numbers that they already have on the leg: a number must not change its meaning within a session
// (RFC 3264 section 8.3.2), whatever the other leg now calls it. New codecs keep their own number where it is free.
func numbered(codecs []Codec, previous *Media) []Codec {
	if previous == nil {
		return codecs
	}
	was := previous.Codecs
	to := make([]int, len(codecs)) // new number, -1: none yet
	taken := map[uint8]bool{}
	for i, c := range codecs {
		to[i] = -1
		if d, ok := MatchCodec(c, codecs, was); ok && !taken[d.PT] {
			to[i] = int(d.PT)
			taken[d.PT] = true
		}
	}
	for _, d := range was {
		taken[d.PT] = true
	}
	for i, c := range codecs {
		if to[i] < 0 {
			to[i] = freeNumber(c.PT, taken)
		}
	}
	var list []Codec
	for i, c := range codecs {
		if to[i] < 0 {
			continue // all of the dynamic numbers are taken
		}
		c.Fmtp = rewrite(c, func(pt uint8) uint8 {
			if k := slices.IndexFunc(codecs, func(d Codec) bool { return d.PT == pt }); k >= 0 && to[k] >= 0 {
				return uint8(to[k])
			}
			return pt
		})
		c.PT = uint8(to[i])
		list = append(list, c)
	}
	return list
}

// meanings are what the payload numbers of a group stand for: one number is one codec in one configuration, whichever section names it (RFC
// 9143 section 9.1.1).
type meanings map[uint8]Codec

// note takes the numbers of a section as they are. The first meaning stays.
func (g meanings) note(codecs []Codec) {
	for _, c := range codecs {
		if _, ok := g[c.PT]; !ok {
			g[c.PT] = c
		}
	}
}

// differs tells whether the number of c stands for something else already.
func (g meanings) differs(c Codec) bool {
	d, ok := g[c.PT]
	return ok && (!c.alike(d) || c.Fmtp != d.Fmtp)
}

// join takes the codecs of a section that comes to the group, and gives those another number whose own one stands for something else. What
// the section had before keeps its number, whatever it is (RFC 3264 section 8.3.2). Codecs that no number is left for are missing, and fits
// is false then.
func (g meanings) join(codecs, before []Codec) (list []Codec, fits bool) {
	taken := map[uint8]bool{}
	for pt := range g {
		taken[pt] = true
	}
	to := make(map[uint8]int, len(codecs)) // by the section's own number
	for _, c := range codecs {
		taken[c.PT], to[c.PT] = true, int(c.PT)
	}
	for again := true; again; { // another number for a codec is another configuration of those that refer to it
		again = false
		for _, c := range codecs {
			if _, had := byNumber(before, c.PT); had || to[c.PT] != int(c.PT) || !g.differs(moved(c, to)) {
				continue
			}
			to[c.PT], again = freeNumber(c.PT, taken), true
			if to[c.PT] < 0 {
				to[c.PT] = lowNumber(taken)
			}
		}
	}
	lost := func(pt uint8) bool { n, ok := to[pt]; return ok && n < 0 }
	for _, c := range codecs {
		if !lost(c.PT) && !slices.ContainsFunc(references(c), lost) {
			list = append(list, moved(c, to))
		}
	}
	if len(list) == len(codecs) || before != nil {
		g.note(list)
	}
	return list, len(list) == len(codecs)
}

// previousCodecs are those that the stream of section i has in the description before.
func previousCodecs(previous *Session, i int) []Codec {
	if m := previousMedia(previous, i); m != nil {
		return m.Codecs
	}
	return nil
}

// moved is c with other numbers for itself and what it refers to.
func moved(c Codec, to map[uint8]int) Codec {
	number := func(pt uint8) uint8 {
		if n, ok := to[pt]; ok && n >= 0 {
			return uint8(n)
		}
		return pt
	}
	c.Fmtp, c.PT = rewrite(c, number), number(c.PT)
	return c
}

// lowNumber takes a number that no static format has and that nothing takes for RTCP on the same port: the ones to go on with when the
// dynamic ones are used up (RFC 3551 section 3), as browsers do; -1: there is none.
func lowNumber(taken map[uint8]bool) int {
	for pt := uint8(35); pt <= 63; pt++ {
		if !taken[pt] {
			taken[pt] = true
			return int(pt)
		}
	}
	return -1
}

// freeNumber takes the wanted number, or the lowest free dynamic one (96 to 127, RFC 3551 section 6); -1 if there is none.
func freeNumber(wanted uint8, taken map[uint8]bool) int {
	if !taken[wanted] {
		taken[wanted] = true
		return int(wanted)
	}
	for pt := uint8(96); pt <= 127; pt++ {
		if !taken[pt] {
			taken[pt] = true
			return int(pt)
		}
	}
	return -1
}
