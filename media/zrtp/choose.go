package zrtp

import (
	"b2bua/media/zrtp/alg"
	"b2bua/media/zrtp/wire"
)

// strongest first: what bzrtp takes with the agreements that alg.Strong names.
var (
	strongHashes  = []alg.Code{alg.S512, alg.S384, alg.S256}
	strongCiphers = []alg.Code{alg.AES3, alg.AES1}
)

// lists are those of a Hello, with what every Hello implies at the end of each.
func listsOf(h wire.HelloFields) (l Lists) {
	for k, from := range [alg.Kinds]wire.List{h.Hashes, h.Ciphers, h.AuthTags, h.Agreements, h.SAS} {
		for i := range from.Len() {
			c := from.At(i)
			l[k] = append(l[k], alg.ParseCode(c[:]))
		}
	}
	return l
}

// implied appends what every Hello implies.
func (l Lists) implied() (full Lists) {
	for k := range alg.Kinds {
		full[k] = append(full[k], l[k]...)
		for _, c := range k.Mandatory() {
			if !has(full[k], c) {
				full[k] = append(full[k], c)
			}
		}
	}
	return full
}

// choose makes the choice of a Commit. It always finds one, because of what is implied.
//
// The agreement must be the one that the peer computes from the same lists: bzrtp prepares for it as soon as it has our Hello.
// The hash is the first of the peer's list, because bzrtp has by then computed the IDs of its secrets with that.
func choose(mine, theirs Lists) alg.Suite {
	mine, theirs = mine.implied(), theirs.implied()
	agreement := chooseAgreement(mine, theirs)
	codes := [alg.Kinds]alg.Code{
		alg.KindHash:      first(theirs[alg.KindHash], mine[alg.KindHash]),
		alg.KindCipher:    first(theirs[alg.KindCipher], mine[alg.KindCipher]),
		alg.KindAuthTag:   alg.HS80, // never HS32: peers disagree about its SRTCP
		alg.KindAgreement: agreement,
		alg.KindSAS:       alg.B32,
	}
	if alg.Strong(agreement) && (agreement != alg.X448 || strengthens(theirs)) {
		codes[alg.KindHash] = strongest(strongHashes, mine[alg.KindHash], theirs[alg.KindHash])
		codes[alg.KindCipher] = strongest(strongCiphers, mine[alg.KindCipher], theirs[alg.KindCipher])
	}
	if agreement == alg.EC38 {
		codes[alg.KindHash] = alg.S384
	}
	if has(mine[alg.KindAuthTag], alg.GCM) && has(theirs[alg.KindAuthTag], alg.GCM) {
		codes[alg.KindAuthTag] = alg.GCM
	}
	if theirs[alg.KindSAS][0] == alg.B256 && has(mine[alg.KindSAS], alg.B256) {
		codes[alg.KindSAS] = alg.B256
	}
	suite, _ := alg.NewSuite(codes) // every code is one that we offered
	return suite
}

// strengthens tells of a bzrtp from 5.2 on by what older ones do not have. Before it, X448 did not ask for more strength, and its
// first hash has named its secrets by the time our Commit comes (measured with 5.1.64).
func strengthens(theirs Lists) bool {
	kem := false
	for _, c := range theirs[alg.KindAgreement] {
		a, ok := alg.AgreementOf(c)
		kem = kem || ok && a.KEM()
	}
	return kem || has(theirs[alg.KindHash], alg.S512) || has(theirs[alg.KindAuthTag], alg.GCM)
}

// chooseAgreement takes the faster of what each side would like best (RFC 6189 section 4.1.2).
func chooseAgreement(mine, theirs Lists) alg.Code {
	possible := func(c alg.Code) bool {
		for _, l := range []Lists{mine, theirs} {
			if !has(l[alg.KindAgreement], c) || c == alg.EC38 && !has(l[alg.KindHash], alg.S384) {
				return false
			}
		}
		return c != alg.Mult
	}
	best := func(list []alg.Code) alg.Code {
		for _, c := range list {
			if possible(c) {
				return c
			}
		}
		return alg.DH3k
	}
	a, b := best(mine[alg.KindAgreement]), best(theirs[alg.KindAgreement])
	ra, _ := alg.Rank(a)
	rb, _ := alg.Rank(b)
	if rb < ra {
		return b
	}
	return a
}

// first is the first of one list that is in the other; both have what is implied.
func first(list, other []alg.Code) alg.Code {
	for _, c := range list {
		if has(other, c) {
			return c
		}
	}
	return 0
}

func strongest(order, mine, theirs []alg.Code) alg.Code {
	for _, c := range order {
		if has(mine, c) && has(theirs, c) {
			return c
		}
	}
	return 0
}
