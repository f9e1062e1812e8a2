package alg

import (
	"bytes"
	"crypto/elliptic"
	"errors"
	"fmt"
	"io"
	"math/rand"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

func seeded(seed int64) io.Reader { return rand.New(rand.NewSource(seed)) }

func draw(t testing.TB, a Agreement, role Role, c Cipher, seed int64) Secret {
	t.Helper()
	private, err := a.Draw(seeded(seed), role, c)
	require.NoError(t, err)
	return private
}

// pair is both sides of an exchange, before any result.
func pair(t testing.TB, a Agreement, h Hash, seed int64) (initiator, responder *Party) {
	t.Helper()
	initiator, err := a.Initiate(h, draw(t, a, Initiator, AES256, seed))
	require.NoError(t, err)
	responder, err = a.Respond(h, draw(t, a, Responder, AES256, seed+1000), initiator.Commit)
	require.NoError(t, err)
	return initiator, responder
}

// Both sides of every agreement arrive at one secret, with every hash; the values have the lengths of the wire.
func TestBothSidesAgree(t *testing.T) {
	for _, a := range agreements {
		for h := range hashCount {
			t.Run(a.Code().String()+" "+h.String(), func(t *testing.T) {
				i, r := pair(t, a, h, 1)
				require.Equal(t, a.Sizes(), Sizes{len(i.Commit), len(r.Public), len(i.Public)})
				for _, n := range []int{len(i.Commit), len(r.Public), len(i.Public)} {
					require.Zero(t, n%4, "words")
				}
				require.Equal(t, a.KEM(), len(i.Commit) > 0)
				of, err := i.Result(r.Public)
				require.NoError(t, err)
				other, err := r.Result(i.Public)
				require.NoError(t, err)
				require.Equal(t, []byte(of), []byte(other))
				require.Len(t, of, resultLen(a, h))
				again, _ := pair(t, a, h, 2)
				_, err = again.Result(r.Public)
				require.NoError(t, err)
			})
		}
	}
}

// resultLen is that of section 4.4 and 21.5 of what the implementations of the field do.
func resultLen(a Agreement, h Hash) int {
	fixed := map[Code]int{DH3k: 384, EC25: 32, EC38: 48, X255: 32, X448: 56, K255: 32, K448: 56, MLK1: 32, MLK2: 32, MLK3: 32}
	if n, ok := fixed[a.Code()]; ok {
		return n
	}
	return h.Size()
}

// What was supported is what can be found, once each; Mult has nothing to compute.
func TestAgreementOf(t *testing.T) {
	for _, c := range KindAgreement.Supported() {
		a, ok := AgreementOf(c)
		if c == Mult {
			require.False(t, ok)
			continue
		}
		require.True(t, ok, "%s", c)
		require.Equal(t, c, a.Code())
	}
	require.Len(t, agreements, len(KindAgreement.Supported())-1)
}

// The loser of two Commits answers with the keys that it has, if the winner's cipher allows that.
func TestPartyChangesRole(t *testing.T) {
	for _, tc := range []struct {
		c               Code
		drawn           Cipher
		suits1, suits3  bool
		privateDH3kSize int
	}{
		{DH3k, AES128, true, false, 32},
		{DH3k, AES256, true, true, 64},
		{X255, AES128, true, true, 0},
		{EC25, AES128, true, true, 0},
		{X1M1, AES256, false, false, 0},
	} {
		a, _ := AgreementOf(tc.c)
		private := draw(t, a, Initiator, tc.drawn, 7)
		if tc.privateDH3kSize > 0 {
			require.Len(t, private, tc.privateDH3kSize)
		}
		p, err := a.Initiate(SHA256, private)
		require.NoError(t, err)
		require.Equal(t, tc.suits1, p.Suits(AES128), "%s", tc.c)
		require.Equal(t, tc.suits3, p.Suits(AES256), "%s", tc.c)
	}
}

// bad are public values of the right length that each agreement must refuse.
func bad(c Code) map[string][]byte {
	p := modpPrime.Nat().Bytes(modpPrime)
	minus := bytes.Clone(p)
	minus[len(minus)-1]--
	one := func(n int) []byte { return append(make([]byte, n-1), 1) }
	ones := func(n int) []byte { return bytes.Repeat([]byte{0xff}, n) }
	little := func(n int) []byte { return append([]byte{1}, make([]byte, n-1)...) }
	g := elliptic.P256().Params()
	off := append(g.Gx.FillBytes(make([]byte, 32)), g.Gy.FillBytes(make([]byte, 32))...)
	off[63] ^= 1
	switch c {
	case DH3k:
		return map[string][]byte{"0": make([]byte, 384), "1": one(384), "p-1": minus, "p": p, "2^3072-1": ones(384)}
	case EC25:
		return map[string][]byte{"zeros": make([]byte, 64), "not below the field's prime": ones(64), "off the curve": off}
	case EC38:
		return map[string][]byte{"zeros": make([]byte, 96), "not below the field's prime": ones(96), "off the curve": one(96)}
	case X255:
		return map[string][]byte{"0": make([]byte, 32), "1": little(32)}
	case X448:
		return map[string][]byte{"0": make([]byte, 56), "1": little(56)}
	}
	return nil
}

func TestBadPublicValues(t *testing.T) {
	for _, a := range agreements {
		if a.KEM() {
			continue
		}
		i, r := pair(t, a, SHA256, 3)
		values := bad(a.Code())
		require.NotEmpty(t, values)
		values["empty"], values["short"] = nil, r.Public[1:]
		values["long"] = append(bytes.Clone(r.Public), 0)
		for name, value := range values {
			t.Run(a.Code().String()+" "+name, func(t *testing.T) {
				result, err := i.Result(value)
				require.ErrorIs(t, err, ErrPublicValue)
				require.Nil(t, result)
				require.Contains(t, err.Error(), a.Code().String())
				require.NotContains(t, err.Error(), fmt.Sprintf("%x", i.private))
			})
		}
		_, err := i.Result(r.Public)
		require.NoError(t, err, "a bad value does no harm to the good one after it")
		_, err = a.Respond(SHA256, draw(t, a, Responder, AES128, 4), []byte{0, 0, 0, 0})
		require.ErrorIs(t, err, ErrPublicValue, "something in Commit where nothing belongs")
	}
}

func TestBadKEMValues(t *testing.T) {
	for _, a := range agreements {
		if !a.KEM() {
			continue
		}
		i, r := pair(t, a, SHA512, 5)
		private := draw(t, a, Responder, AES256, 6)
		for name, commit := range map[string][]byte{"empty": nil, "short": i.Commit[1:], "long": append(bytes.Clone(i.Commit), 0)} {
			_, err := a.Respond(SHA512, private, commit)
			require.ErrorIs(t, err, ErrPublicValue, "%s public key, %s", a.Code(), name)
		}
		for name, ciphertext := range map[string][]byte{"empty": nil, "short": r.Public[1:], "long": append(bytes.Clone(r.Public), 0)} {
			_, err := i.Result(ciphertext)
			require.ErrorIs(t, err, ErrPublicValue, "%s ciphertext, %s", a.Code(), name)
		}
		for name, nonce := range map[string][]byte{"empty": nil, "short": i.Public[1:]} {
			_, err := r.Result(nonce)
			require.ErrorIs(t, err, ErrPublicValue, "%s nonce, %s", a.Code(), name)
		}
		if name := a.Code().String(); name[0] == 'X' || name[0] == 'K' { // its first part is a curve
			_, err := a.Respond(SHA512, private, make([]byte, len(i.Commit)))
			require.ErrorIs(t, err, ErrPublicValue)
			require.Contains(t, err.Error(), weak)
			_, err = i.Result(make([]byte, len(r.Public)))
			require.ErrorIs(t, err, ErrPublicValue)
		}
		if strings.Contains(a.Code().String(), "M") { // FIPS 203 section 7.2: coefficients below q
			_, err := a.Respond(SHA512, private, append(bytes.Clone(i.Commit[:len(i.Commit)-800]), bytes.Repeat([]byte{0xff}, 800)...))
			require.ErrorIs(t, err, ErrPublicValue, "%s", a.Code())
		}
		forged := bytes.Clone(r.Public)
		forged[len(forged)-1] ^= 1
		want, err := i.Result(r.Public)
		require.NoError(t, err)
		got, err := i.Result(forged)
		require.True(t, err != nil || !bytes.Equal(want, got), "%s: a changed ciphertext", a.Code())
	}
}

func TestUnusablePrivateValues(t *testing.T) {
	for _, a := range agreements {
		_, err := a.Initiate(SHA256, make(Secret, 3))
		require.ErrorIs(t, err, ErrPrivate, "%s", a.Code())
		_, err = a.Respond(SHA256, make(Secret, 3), make([]byte, a.Sizes().Commit))
		require.ErrorIs(t, err, ErrPrivate, "%s", a.Code())
	}
	for _, c := range []Code{EC25, EC38} { // zero is no scalar
		a, _ := AgreementOf(c)
		_, err := a.Initiate(SHA256, make(Secret, a.Sizes().DHPart1/2))
		require.ErrorIs(t, err, ErrPrivate)
	}
	a, _ := AgreementOf(MLK1)
	_, err := a.Initiate(SHA256, make(Secret, 1632+nonceLen)) // an expanded key whose hash does not fit
	require.ErrorIs(t, err, ErrPrivate)
}

// A source that ends, one that offers scalars beyond the order first, one that never offers another.
func TestDraw(t *testing.T) {
	broken := errors.New("no entropy")
	for _, a := range agreements {
		for _, role := range []Role{Initiator, Responder} {
			_, err := a.Draw(io.MultiReader(bytes.NewReader(make([]byte, 5)), failing{broken}), role, AES256)
			require.ErrorIs(t, err, broken, "%s", a.Code())
		}
	}
	a, _ := AgreementOf(EC25)
	beyond := bytes.Repeat([]byte{0xff}, 32)
	private, err := a.Draw(io.MultiReader(bytes.NewReader(beyond), bytes.NewReader(make([]byte, 32)), seeded(1)), Initiator, AES128)
	require.NoError(t, err)
	_, err = a.Initiate(SHA256, private)
	require.NoError(t, err)
	order := elliptic.P256().Params().N.FillBytes(make([]byte, 32)) // as a scalar, zero
	drawn, err := a.Draw(io.MultiReader(bytes.NewReader(order), bytes.NewReader(private)), Initiator, AES128)
	require.NoError(t, err)
	require.Equal(t, []byte(private), []byte(drawn))
	_, err = a.Draw(bytes.NewReader(bytes.Repeat(beyond, 2*drawTries)), Initiator, AES128)
	require.ErrorIs(t, err, ErrPrivate)
}

type failing struct{ err error }

func (f failing) Read([]byte) (int, error) { return 0, f.err }

// Equal randomness, equal values: a recorded run can be repeated.
func TestDeterminism(t *testing.T) {
	for _, a := range agreements {
		i1, r1 := pair(t, a, SHA512, 11)
		i2, r2 := pair(t, a, SHA512, 11)
		require.Equal(t, i1.Commit, i2.Commit, "%s", a.Code())
		require.Equal(t, i1.Public, i2.Public, "%s", a.Code())
		require.Equal(t, r1.Public, r2.Public, "%s", a.Code())
	}
}

// A party keeps a copy of its own, can be wiped more than once, and is of no use afterwards.
func TestWipe(t *testing.T) {
	for _, a := range agreements {
		private := draw(t, a, Initiator, AES256, 21)
		i, err := a.Initiate(SHA512, private)
		require.NoError(t, err)
		private.Wipe()
		_, r := pair(t, a, SHA512, 21)
		want, err := r.Result(i.Public)
		require.NoError(t, err)
		got, err := i.Result(r.Public)
		require.NoError(t, err, "%s", a.Code())
		require.Equal(t, []byte(want), []byte(got))
		inside := i.private
		i.Wipe()
		i.Wipe()
		require.Equal(t, make([]byte, len(inside)), []byte(inside))
		_, err = i.Result(r.Public)
		require.ErrorIs(t, err, ErrSpent)
	}
}

// BenchmarkAgreement is one side's public-key work for one exchange.
func BenchmarkAgreement(b *testing.B) {
	for _, a := range agreements {
		for _, role := range []Role{Initiator, Responder} {
			b.Run(a.Code().String()+"/"+strings.ToLower(role.String()), func(b *testing.B) {
				i, r := pair(b, a, SHA512, 1)
				private := draw(b, a, role, AES256, 2)
				for b.Loop() {
					var p *Party
					var err error
					peer := r.Public
					if role == Initiator {
						p, err = a.Initiate(SHA512, private)
					} else {
						p, err = a.Respond(SHA512, private, i.Commit)
						peer = i.Public
					}
					if err != nil {
						b.Fatal(err)
					}
					if _, err = p.Result(peer); err != nil {
						b.Fatal(err)
					}
				}
			})
		}
	}
}
