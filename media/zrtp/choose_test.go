package zrtp

import (
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/stretchr/testify/assert"

	"b2bua/media/zrtp/alg"
)

func TestChoices(t *testing.T) {
	of := func(lists ...[]alg.Code) (l Lists) {
		copy(l[:], lists)
		return l
	}
	list := func(c ...alg.Code) []alg.Code { return c }
	app := of(list(alg.S256, alg.S512), list(alg.AES1, alg.AES3), list(alg.GCM, alg.HS80, alg.HS32),
		list(alg.X1M1, alg.X1K1, alg.DH3k, alg.Mult), list(alg.B32))
	plain := of(list(alg.S256), list(alg.AES1, alg.AES3), list(alg.GCM, alg.HS80, alg.HS32), list(alg.DH3k, alg.Mult), list(alg.B32))
	baresip := of(list(alg.S256), list(alg.AES3, alg.AES1), list(alg.HS32, alg.HS80), list(alg.EC25, alg.DH3k, alg.EC38, alg.Mult), list(alg.B32))
	strong := of(list(alg.S384, alg.S256), list(alg.AES3, alg.AES1), list(alg.HS80), list(alg.EC38, alg.Mult), list(alg.B256, alg.B32))
	x448 := func(hashes ...alg.Code) Lists { return of(hashes, list(alg.AES1, alg.AES3), nil, list(alg.X448)) }
	for name, c := range map[string]struct {
		mine, theirs Lists
		want         string
	}{
		"nothing but what is implied":  {Lists{}, Lists{}, "DH3k S256 AES1 HS80 B32"},
		"the phones of today":          {DefaultLists(), app, "X1M1 S512 AES3 GCM B32"},
		"an SDK without configuration": {DefaultLists(), plain, "DH3k S256 AES1 GCM B32"},
		"phone and SDK":                {app, plain, "DH3k S256 AES1 GCM B32"},
		"baresip":                      {DefaultLists(), baresip, "EC25 S256 AES3 HS80 B32"},
		"EC38":                         {strong, strong, "EC38 S384 AES3 HS80 B256"},
		"EC38 here, no S384 there":     {strong, of(list(alg.S256), nil, nil, list(alg.EC38)), "DH3k S256 AES1 HS80 B32"},
		"the peer's hash first":        {of(list(alg.S384, alg.S256)), of(list(alg.S256, alg.S384)), "DH3k S256 AES1 HS80 B32"},
		"X448 asks for strength":       {x448(alg.S256, alg.S384, alg.S512), x448(alg.S256, alg.S384, alg.S512), "X448 S512 AES3 HS80 B32"},
		"but not of an older bzrtp":    {x448(alg.S256, alg.S384, alg.S512), x448(alg.S256, alg.S384), "X448 S256 AES1 HS80 B32"},
		"unknown codes":                {DefaultLists(), of(list(1), list(2), list(3), list(4), list(5)), "DH3k S256 AES1 HS80 B32"},
	} {
		assert.Equal(t, c.want, choose(c.mine, c.theirs).String(), name)
	}
}

func TestWords(t *testing.T) {
	for s := HelloHashMismatch; s <= Stalled; s++ {
		assert.NotEqual(t, "unknown", s.String())
	}
	assert.Equal(t, "unknown", Suspicion(0).String())
	assert.Equal(t, "unknown", (Stalled + 1).String())
	assert.Equal(t, "0xFF unknown", Code(255).String())
	assert.Equal(t, "zrtp: 0x100 GoClear is not allowed", Failure{Code: CodeNoClear}.String())
	assert.Equal(t, "zrtp: peer says 0x30 unsupported version (x)", Failure{Code: CodeVersion, ByPeer: true, Detail: "x"}.String())
	for s := idle; s <= dead; s++ {
		assert.NotEmpty(t, s.String())
	}
}

// Both ends would choose the same key agreement, whatever they offer, and what one chooses the other accepts.
func TestChoicesAgree(t *testing.T) {
	rng := rand.New(rand.NewPCG(1, 1))
	some := func() (l Lists) {
		for k := range alg.Kinds {
			all := slices.Clone(k.Supported())
			rng.Shuffle(len(all), func(i, j int) { all[i], all[j] = all[j], all[i] })
			l[k] = all[:rng.IntN(min(7, len(all))+1)]
		}
		if has(l[alg.KindAgreement], alg.EC38) && !has(l[alg.KindHash], alg.S384) {
			l[alg.KindHash] = append(slices.Clone(l[alg.KindHash]), alg.S384)
		}
		return l
	}
	for range 20000 {
		mine, theirs := some(), some()
		a, b := choose(mine, theirs), choose(theirs, mine)
		if !assert.Equal(t, a.Agreement, b.Agreement, "%v %v", mine, theirs) {
			return
		}
		for k, c := range a.Codes() {
			if !assert.True(t, theirs.allows(alg.Kind(k), c) && mine.allows(alg.Kind(k), c), "%v %v: %s", mine, theirs, a) {
				return
			}
		}
		assert.NotEqual(t, alg.HS32, a.AuthTag)
		assert.NotEqual(t, alg.Mult, a.Agreement)
	}
}
