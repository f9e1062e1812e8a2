package alg

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"math/rand"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"b2bua/media/sdes"
)

func TestCode(t *testing.T) {
	require.Equal(t, "GCM", GCM.String())
	require.Equal(t, []byte("GCM "), GCM.Append(nil))
	require.Equal(t, [4]byte{'B', '3', '2', ' '}, B32.Bytes())
	require.Equal(t, X1M1, ParseCode([]byte("X1M1tail")))
	require.Equal(t, `a\n\xff\"`, ParseCode([]byte{'a', '\n', 0xff, '"'}).String())
	for k := range Kinds {
		for _, c := range append(k.Supported(), k.Mandatory()...) {
			require.True(t, k.Supports(c), "%s %s", k, c)
			require.Equal(t, c, code(c.String()))
		}
		require.False(t, k.Supports(code("none")))
	}
}

// Section 6 of what the field does: which of two agreements is the faster, and which ask for the strongest of everything.
func TestRank(t *testing.T) {
	order := []string{"DH2k", "X255", "K255", "EC25", "X448", "K448", "DH3k", "EC38", "X1K1", "X3K3", "MLK1", "MLK2", "MLK3", "X1M1", "X3M3"}
	before := -1
	for _, name := range order {
		r, ok := Rank(code(name))
		require.True(t, ok, name)
		require.Greater(t, r, before, name)
		before = r
	}
	_, ok := Rank(code("????"))
	require.False(t, ok)
	for _, c := range KindAgreement.Supported() {
		_, ok := Rank(c)
		require.True(t, ok, "%s", c)
	}
	for _, c := range []Code{EC38, X448, K448, MLK1, MLK2, MLK3, X1M1, X3M3, X1K1, X3K3} {
		require.True(t, Strong(c), "%s", c)
	}
	for _, c := range []Code{DH3k, EC25, X255, K255, Mult} {
		require.False(t, Strong(c), "%s", c)
	}
}

func TestSuite(t *testing.T) {
	good := [Kinds]Code{S384, AES3, HS80, EC38, B256}
	s, err := NewSuite(good)
	require.NoError(t, err)
	require.Equal(t, good, s.Codes())
	require.Equal(t, "EC38 S384 AES3 HS80 B256", s.String())
	for k, alarm := range map[Kind]uint32{KindHash: 0x51, KindCipher: 0x52, KindAgreement: 0x53, KindAuthTag: 0x54, KindSAS: 0x55} {
		codes := good
		codes[k] = code("none")
		_, err := NewSuite(codes)
		var unsupported *UnsupportedError
		require.ErrorAs(t, err, &unsupported)
		require.Equal(t, alarm, unsupported.Alarm())
		require.Contains(t, err.Error(), `"none"`)
		require.Contains(t, err.Error(), k.String())
	}
	for _, hash := range []Code{S256, S512} { // RFC 6189 section 5.1.5
		codes := good
		codes[KindHash] = hash
		_, err := NewSuite(codes)
		var unsupported *UnsupportedError
		require.ErrorAs(t, err, &unsupported)
		require.Equal(t, uint32(0x51), unsupported.Alarm())
	}
}

func TestSRTPSuites(t *testing.T) {
	for _, tc := range []struct {
		cipher, tag Code
		want        sdes.Suite
	}{
		{AES1, HS32, sdes.AESCM128SHA132},
		{AES1, HS80, sdes.AESCM128SHA180},
		{AES1, GCM, sdes.AEADAES128GCM},
		{AES3, HS32, sdes.AES256CMSHA132},
		{AES3, HS80, sdes.AES256CMSHA180},
		{AES3, GCM, sdes.AEADAES256GCM},
	} {
		s, err := NewSuite([Kinds]Code{S256, tc.cipher, tc.tag, X255, B32})
		require.NoError(t, err)
		require.Equal(t, tc.want, s.SRTP())
		k := Derive(s, make(Secret, 32), Context{})
		require.Len(t, k.Initiator.SRTPKey, tc.want.KeyLen())
		require.Len(t, k.Responder.SRTPSalt, tc.want.SaltLen())
		require.Len(t, k.Initiator.Master(), tc.want.KeyLen()+tc.want.SaltLen())
	}
}

// The number of bits goes into what is hashed: the salt of GCM is no shorter copy of the other one.
func TestKDFDependsOnLength(t *testing.T) {
	ki := make([]byte, 32)
	require.NotEqual(t, SHA256.KDF(ki, "x", nil, 96), SHA256.KDF(ki, "x", nil, 112)[:12])
	require.NotEqual(t, SHA256.KDF(ki, "x", []byte("y"), 96), SHA256.KDF(ki, "xy", nil, 96))
}

func TestHashes(t *testing.T) {
	for c, size := range map[Code]int{S256: 32, S384: 48, S512: 64} {
		h, ok := HashOf(c)
		require.True(t, ok)
		require.Equal(t, c, h.Code())
		require.Equal(t, size, h.Size())
		require.Len(t, h.Sum([]byte("a"), []byte("b")), size)
		require.Equal(t, h.Sum([]byte("ab")), h.Sum([]byte("a"), []byte("b")))
		require.Len(t, h.MAC([]byte("key"), []byte("text")), size)
	}
	_, ok := HashOf(code("SKN2"))
	require.False(t, ok)
	_, ok = CipherOf(code("2FS1"))
	require.False(t, ok)
}

// The directions of one exchange never share a key, nor do two exchanges that differ in a ZID or the total hash.
func TestKeysAreSeparate(t *testing.T) {
	s, err := NewSuite([Kinds]Code{S256, AES1, GCM, X255, B32})
	require.NoError(t, err)
	seen := map[string]string{}
	note := func(name string, key Secret) {
		before, ok := seen[string(key)]
		require.False(t, ok, "%s equals %s", name, before)
		seen[string(key)] = name
	}
	for i, c := range []Context{{}, {Initiator: ZID{1}}, {Responder: ZID{1}}, {TotalHash: []byte{1}}} {
		s0 := S0(s.Hash, Secret("result"), c, Shared{})
		k := Derive(s, s0, c)
		for name, d := range map[string]*Direction{"i": k.Sent(Initiator), "r": k.Sent(Responder)} {
			note(fmt.Sprint(i, "key", name), d.SRTPKey)
			note(fmt.Sprint(i, "salt", name), d.SRTPSalt)
			note(fmt.Sprint(i, "mac", name), d.MACKey)
			note(fmt.Sprint(i, "zrtp", name), d.ZRTPKey)
		}
		note(fmt.Sprint(i, "session"), k.Session)
		note(fmt.Sprint(i, "retained"), k.Retained)
		note(fmt.Sprint(i, "exported"), k.Exported)
		note(fmt.Sprint(i, "stream"), MultistreamS0(s.Hash, k.Session, c))
		k.Wipe()
		require.Equal(t, make([]byte, 16), []byte(k.Initiator.SRTPKey))
		require.Equal(t, make([]byte, 32), []byte(k.Session))
	}
	// Null and absent are one; a secret in another place is another key.
	c := Context{}
	require.Equal(t, S0(s.Hash, nil, c, Shared{}), S0(s.Hash, nil, c, Shared{S1: Secret{}}))
	require.NotEqual(t, S0(s.Hash, nil, c, Shared{S1: Secret("a")}), S0(s.Hash, nil, c, Shared{S2: Secret("a")}))
}

// Confirm goes through whole, and not at all if anything is changed or the secrets differ.
func TestConfirm(t *testing.T) {
	for _, c := range []Code{AES1, AES3} {
		s, err := NewSuite([Kinds]Code{S256, c, GCM, X255, B32})
		require.NoError(t, err)
		d := Derive(s, Secret("root"), Context{}).Sent(Initiator)
		plain := bytes.Repeat([]byte("confirm!"), 5)
		text := bytes.Clone(plain)
		iv := IV{1, 2, 3}
		mac, err := d.Seal(iv, text)
		require.NoError(t, err)
		require.NotEqual(t, plain, text)
		for i := range text {
			forged := bytes.Clone(text)
			forged[i] ^= 1
			kept := bytes.Clone(forged)
			require.ErrorIs(t, d.Open(mac, iv, forged), ErrConfirm)
			require.Equal(t, kept, forged, "not decrypted")
		}
		require.ErrorIs(t, d.Open(MAC8{}, iv, text), ErrConfirm)
		require.ErrorIs(t, Derive(s, Secret("other"), Context{}).Sent(Initiator).Open(mac, iv, text), ErrConfirm)
		require.NoError(t, d.Open(mac, iv, text))
		require.Equal(t, plain, text)
		require.NotEqual(t, d.ClearMAC(), Derive(s, Secret("root"), Context{}).Sent(Responder).ClearMAC())
	}
}

// Both sides find the same secrets in every state that two caches can be in, including one that missed the last update, one
// that lost everything, and two that share nothing.
func TestMatchAgreesOnBothSides(t *testing.T) {
	secrets := []Secret{nil, Secret(strings.Repeat("a", 32)), Secret(strings.Repeat("b", 32)), Secret(strings.Repeat("c", 32))}
	r := rand.New(rand.NewSource(6189))
	h3 := [2]Image{{1}, {2}}
	matched := 0
	for _, i1 := range secrets {
		for _, i2 := range secrets {
			for _, r1 := range secrets {
				for _, r2 := range secrets {
					have := [2]Secrets{{RS1: i1, RS2: i2}, {RS1: r1, RS2: r2}}
					for role := range have { // one side in two has each of the others
						if r.Intn(2) == 0 {
							have[role].Aux = secrets[1+r.Intn(2)]
						}
						if r.Intn(2) == 0 {
							have[role].PBX = secrets[1+r.Intn(2)]
						}
					}
					ofInitiator, err := NewIDs(SHA384, Initiator, h3[Initiator], have[Initiator], r)
					require.NoError(t, err)
					ofResponder, err := NewIDs(SHA384, Responder, h3[Responder], have[Responder], r)
					require.NoError(t, err)
					atInitiator := Match(SHA384, Initiator, have[Initiator], h3[Responder], ofResponder)
					atResponder := Match(SHA384, Responder, have[Responder], h3[Initiator], ofInitiator)
					require.Equal(t, []byte(atInitiator.S1), []byte(atResponder.S1), "%q %q %q %q", []byte(i1), []byte(i2), []byte(r1), []byte(r2))
					require.Equal(t, []byte(atInitiator.S2), []byte(atResponder.S2))
					require.Equal(t, []byte(atInitiator.S3), []byte(atResponder.S3))
					require.Equal(t, []byte(first(i1, i2, r1, r2)), []byte(atInitiator.S1))
					require.Equal(t, []byte(common(have[0].Aux, have[1].Aux)), []byte(atInitiator.S2))
					require.Equal(t, []byte(common(have[0].PBX, have[1].PBX)), []byte(atInitiator.S3))
					if atInitiator.S1 != nil {
						matched++
					}
				}
			}
		}
	}
	require.Greater(t, matched, 50)
}

// first is the rule of RFC 6189 section 4.3: the initiator's rs1 if the responder has it at all, else its rs2.
func first(i1, i2, r1, r2 Secret) Secret {
	for _, s := range []Secret{i1, i2} {
		if s != nil && (bytes.Equal(s, r1) || bytes.Equal(s, r2)) {
			return s
		}
	}
	return nil
}

func common(a, b Secret) Secret {
	if bytes.Equal(a, b) {
		return a
	}
	return nil
}

func TestIDsOfAbsentSecrets(t *testing.T) {
	h3 := Image{3}
	a, err := NewIDs(SHA256, Initiator, h3, Secrets{}, seeded(1))
	require.NoError(t, err)
	b, err := NewIDs(SHA256, Initiator, h3, Secrets{}, seeded(2))
	require.NoError(t, err)
	for _, id := range []MAC8{b.RS1, b.RS2, b.Aux, b.PBX} {
		require.NotContains(t, []MAC8{a.RS1, a.RS2, a.Aux, a.PBX, {}}, id)
	}
	require.Empty(t, Match(SHA256, Responder, Secrets{}, h3, a))
	broken := errors.New("no entropy")
	_, err = NewIDs(SHA256, Initiator, h3, Secrets{RS1: Secret("x")}, failing{broken})
	require.ErrorIs(t, err, broken)
}

// Whatever the verb, the encoder or the log handler: no key material comes out.
func TestNothingPrintsSecrets(t *testing.T) {
	marker := Secret(bytes.Repeat([]byte("SECRETKEY"), 4)[:32])
	s, err := NewSuite([Kinds]Code{S256, AES1, GCM, X255, B32})
	require.NoError(t, err)
	a, _ := AgreementOf(X255)
	party, err := a.Initiate(SHA256, marker)
	require.NoError(t, err)
	keys := Derive(s, marker, Context{})
	keys.Session, keys.Initiator.SRTPKey = marker, marker
	for _, v := range []any{
		marker, party, *party, keys, *keys, keys.Initiator, NewChain(Image(marker)), Image(marker), Secrets{RS1: marker}, Shared{S1: marker},
	} {
		var log bytes.Buffer
		slog.New(slog.NewTextHandler(&log, nil)).Info("x", "v", v)
		slog.New(slog.NewJSONHandler(&log, nil)).Info("x", "v", v)
		if b, err := json.Marshal(v); err == nil {
			log.Write(b)
		}
		for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%q", "%x", "%X", "%d"} {
			fmt.Fprintf(&log, verb, v)
		}
		out := log.String()
		for _, form := range []string{"%s", "%x", "%X", "%d", "%#v"} {
			shown := fmt.Sprintf(form, []byte(marker[:9]))
			require.NotContains(t, out, strings.Trim(shown, "[]{}byte "), "%T as %s", v, form)
		}
		require.NotContains(t, out, "U0VDUkVU", "base64")
		require.NotContains(t, out, "83,69,67", "JSON of an array")
	}
}
