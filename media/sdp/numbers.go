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
