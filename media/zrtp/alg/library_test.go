//go:build shared

package alg

import (
	"encoding/hex"
	"encoding/json"
	"slices"
	"testing"

	"github.com/stretchr/testify/require"

	"b2bua/media/zrtp/internal/recorded"
)

func TestSharedKDF(t *testing.T) {
	vectors := recorded.ReadLibrary(t).KDF.Vectors
	require.Len(t, vectors, 9)
	for _, v := range vectors {
		h, ok := HashOf(code(v.Hash))
		require.True(t, ok)
		require.Equal(t, []byte(v.Output), []byte(h.KDF(v.KI, v.Label, v.Context, v.Bits)), v.Label)
	}
}

// EC52 is not implemented.
func TestSharedCurves(t *testing.T) {
	vectors, checked := recorded.ReadLibrary(t).EC.Vectors, 0
	for _, v := range vectors {
		if a, ok := AgreementOf(code(v.Agreement)); ok {
			p, err := a.Initiate(SHA256, Secret(v.Private))
			require.NoError(t, err)
			require.Equal(t, slices.Concat([]byte(v.X), []byte(v.Y)), p.Public)
			checked++
		} else {
			require.Equal(t, "EC52", v.Agreement)
		}
	}
	require.Equal(t, 2, checked)
}

// HQC is not implemented; of a hybrid with it nothing can be checked but its length.
func TestSharedKEM(t *testing.T) {
	vectors, checked := recorded.ReadLibrary(t).KEM.Vectors, 0
	for _, v := range vectors {
		var k *kem
		if a, ok := testAgreement(code(v.Agreement)); ok {
			k = a.(*kem)
		} else if v.Agreement[0] == '(' {
			k = &kem{code: code("twice"), parts: []encapsulator{xkem25519, xkem25519}}
		} else {
			require.Contains(t, []string{"HQD1", "X1H1", "XKR1"}, v.Agreement)
			t.Logf("not implemented: %s", v.Agreement)
			continue
		}
		h, _ := HashOf(code(v.Hash)) // "-": the agreement uses none
		p, err := k.Initiate(h, slices.Concat(Secret(v.SecretKey), make(Secret, nonceLen)))
		require.NoError(t, err, v.Agreement)
		shared, err := p.Result(v.Ciphertext)
		require.NoError(t, err, v.Agreement)
		require.Equal(t, hex.EncodeToString(v.Shared), hex.EncodeToString(shared), "%s %s", v.Agreement, v.Hash)
		checked++
	}
	require.Equal(t, 14, checked)
}

// The ranks give bzrtp's choice wherever both lists are written out.
func TestSharedChoice(t *testing.T) {
	checked := 0
	for _, v := range recorded.ReadLibrary(t).Choice.Vectors {
		var peer, own []string
		if v.Type != "key_agreement" || json.Unmarshal(v.Peer, &peer) != nil || json.Unmarshal(v.Own, &own) != nil {
			continue
		}
		implemented := func(names []string) []string {
			known := slices.DeleteFunc(slices.Clone(names), func(n string) bool { return n != "DH2k" && n != "DH3k" })
			return append(known, "DH3k")
		}
		peer, own = implemented(peer), implemented(own)
		in := func(list []string) func(string) bool { return func(n string) bool { return slices.Contains(list, n) } }
		mine, theirs := own[slices.IndexFunc(own, in(peer))], peer[slices.IndexFunc(peer, in(own))]
		a, _ := Rank(code(mine))
		b, _ := Rank(code(theirs))
		if b < a {
			mine = theirs
		}
		require.Equal(t, v.Result, mine, "peer %v, own %v", peer, own)
		checked++
	}
	require.Equal(t, 14, checked)
}

// A real exchange: hash chains, what they authenticate, a=zrtp-hash, both Confirms.
func TestSharedCapture(t *testing.T) {
	l := recorded.ReadLibrary(t)
	c := l.Capture
	messages := map[string][]byte{}
	for _, p := range c.Packets {
		messages[p.Type] = p.Data[12 : len(p.Data)-4]
	}
	chains := map[Role]Chain{}
	for role, images := range map[Role][]recorded.Hex{Responder: c.Responder, Initiator: c.Initiator} {
		chains[role] = NewChain(Image(images[0]))
		for i, image := range chains[role] {
			require.Equal(t, []byte(images[i]), image[:])
		}
	}
	check := func(name string, key Image) {
		m := messages[name]
		require.NotEmpty(t, m, name)
		mac := key.MAC(m[:len(m)-8])
		require.Equal(t, m[len(m)-8:], mac[:], name)
	}
	check("Hello(responder)", chains[Responder][2])
	check("Hello(initiator)", chains[Initiator][2])
	check("Commit", chains[Initiator][1])
	check("DHPart1", chains[Responder][0])
	check("DHPart2", chains[Initiator][0])
	for name, value := range map[string]string{"Hello(responder)": c.ZRTPHash["responder"], "Hello(initiator)": c.ZRTPHash["initiator"]} {
		hash := HelloHash(messages[name])
		require.Equal(t, value, "1.10 "+hex.EncodeToString(hash[:]))
	}
	hash := HelloHash(l.Hello.Packet[12 : len(l.Hello.Packet)-4])
	require.Equal(t, l.Hello.ZRTPHash, "1.10 "+hex.EncodeToString(hash[:]))
	hvi := HVI(SHA256, messages["DHPart2"], messages["Hello(responder)"])
	require.Equal(t, messages["Commit"][76:108], hvi[:])
	for name, d := range map[string]*Direction{
		"Confirm1": {MACKey: Secret(c.Keys["mackeyr"]), ZRTPKey: Secret(c.Keys["zrtpkeyr"])},
		"Confirm2": {MACKey: Secret(c.Keys["mackeyi"]), ZRTPKey: Secret(c.Keys["zrtpkeyi"])},
	} {
		m := slices.Clone(messages[name])
		require.NoError(t, d.Open(MAC8(m[12:20]), IV(m[20:36]), m[36:]), name)
		role := Responder
		if name == "Confirm2" {
			role = Initiator
		}
		require.Equal(t, chains[role][0], Image(m[36:68]), name)
	}
}
