package alg

import (
	"bytes"
	"crypto/mlkem"
	"encoding/hex"
	"math/big"
	"math/rand"
	"testing"

	"github.com/stretchr/testify/require"

	"b2bua/media/zrtp/internal/recorded"
)

func unhex(t *testing.T, digits string) []byte {
	t.Helper()
	b, err := hex.DecodeString(digits)
	require.NoError(t, err)
	return b
}

// X25519 and X448 of RFC 7748: single multiplications of section 5.2, exchanges of sections 6.1 and 6.2.
func TestRFC7748(t *testing.T) {
	for _, v := range []struct {
		section string
		g       group
		scalar  string
		point   string // empty: the base point
		result  string
	}{
		{
			"5.2 X25519 1",
			x25519Group{},
			"a546e36bf0527c9d3b16154b82465edd62144c0ac1fc5a18506a2244ba449ac4",
			"e6db6867583030db3594c1a424b15f7c726624ec26b3353b10a903a6d0ab1c4c",
			"c3da55379de9c6908e94ea4df28d084f32eccf03491c71f754b4075577a28552",
		},
		{
			"5.2 X25519 2",
			x25519Group{},
			"4b66e9d4d1b4673c5ad22691957d6af5c11b6421e0ea01d42ca4169e7918ba0d",
			"e5210f12786811d3f4b7959d0538ae2c31dbe7106fc03c3efc4cd549c715a493",
			"95cbde9476e8907d7aade45cb4b873f88b595a68799fa152e6f8f7647aac7957",
		},
		{
			"6.1 Alice",
			x25519Group{},
			"77076d0a7318a57d3c16c17251b26645df4c2f87ebc0992ab177fba51db92c2a", "",
			"8520f0098930a754748b7ddcb43ef75a0dbf3a0d26381af4eba4a98eaa9b4e6a",
		},
		{
			"6.1 Bob",
			x25519Group{},
			"5dab087e624a8a4b79e17f8b83800ee66f3bb1292618b6fd1c2f8b27ff88e0eb", "",
			"de9edb7d7b7dc1b4d35b61c2ece435373f8343c85b78674dadfc7e146f882b4f",
		},
		{
			"6.1 shared",
			x25519Group{},
			"77076d0a7318a57d3c16c17251b26645df4c2f87ebc0992ab177fba51db92c2a",
			"de9edb7d7b7dc1b4d35b61c2ece435373f8343c85b78674dadfc7e146f882b4f",
			"4a5d9d5ba4ce2de1728e3bf480350f25e07e21c947d19e3376f09b3c1e161742",
		},
		{
			"5.2 X448 1",
			x448Group{},
			"3d262fddf9ec8e88495266fea19a34d28882acef045104d0d1aae121700a779c984c24f8cdd78fbff44943eba368f54b29259a4f1c600ad3",
			"06fce640fa3487bfda5f6cf2d5263f8aad88334cbd07437f020f08f9814dc031ddbdc38c19c6da2583fa5429db94ada18aa7a7fb4ef8a086",
			"ce3e4ff95a60dc6697da1db1d85e6afbdf79b50a2412d7546d5f239fe14fbaadeb445fc66a01b0779d98223961111e21766282f73dd96b6f",
		},
		{
			"5.2 X448 2",
			x448Group{},
			"203d494428b8399352665ddca42f9de8fef600908e0d461cb021f8c538345dd77c3e4806e25f46d3315c44e0a5b4371282dd2c8d5be3095f",
			"0fbcc2f993cd56d3305b0b7d9e55d4c1a8fb5dbb52f8e9a1e9b6201b165d015894e56c4d3570bee52fe205e28a78b91cdfbde71ce8d157db",
			"884a02576239ff7a2f2f63b2db6a9ff37047ac13568e1e30fe63c4a7ad1b3ee3a5700df34321d62077e63633c575c1c954514e99da7c179d",
		},
		{
			"6.2 Alice",
			x448Group{},
			"9a8f4925d1519f5775cf46b04b5800d4ee9ee8bae8bc5565d498c28dd9c9baf574a9419744897391006382a6f127ab1d9ac2d8c0a598726b", "",
			"9b08f7cc31b7e3e67d22d5aea121074a273bd2b83de09c63faa73d2c22c5d9bbc836647241d953d40c5b12da88120d53177f80e532c41fa0",
		},
		{
			"6.2 shared",
			x448Group{},
			"1c306a7ac2a0e2e0990b294470cba339e6453772b075811d8fad0d1d6927c120bb5ee8972b0d3e21374c9c921b09d1b0366f10b65173992d",
			"9b08f7cc31b7e3e67d22d5aea121074a273bd2b83de09c63faa73d2c22c5d9bbc836647241d953d40c5b12da88120d53177f80e532c41fa0",
			"07fff4181ac6cc95ec1c16a94a0f74d12da232ce40a77552281d282bb60c0b56fd2464c335543936521c24403085d59a449a5037514a879d",
		},
	} {
		t.Run(v.section, func(t *testing.T) {
			if v.point == "" {
				public, err := v.g.public(unhex(t, v.scalar))
				require.NoError(t, err)
				require.Equal(t, v.result, hex.EncodeToString(public))
				return
			}
			result, why := v.g.shared(unhex(t, v.scalar), unhex(t, v.point))
			require.Empty(t, why)
			require.Equal(t, v.result, hex.EncodeToString(result))
		})
	}
}

// P-256 and P-384 of RFC 5903 sections 8.1 and 8.2.
func TestRFC5903(t *testing.T) {
	for _, v := range []struct {
		section          string
		g                *nistGroup
		i, gi, r, result string
	}{
		{
			"8.1", p256Group, "C88F01F510D9AC3F70A292DAA2316DE544E9AAB8AFE84049C62A9C57862D1433",
			"DAD0B65394221CF9B051E1FECA5787D098DFE637FC90B9EF945D0C37725811805271A0461CDB8252D61F1C456FA3E59AB1F45B33ACCF5F58389E0577B8990BB3",
			"C6EF9C5D78AE012A011164ACB397CE2088685D8F06BF9BE0B283AB46476BEE53",
			"D6840F6B42F6EDAFD13116E0E12565202FEF8E9ECE7DCE03812464D04B9442DE",
		},
		{
			"8.2", p384Group, "099F3C7034D4A2C699884D73A375A67F7624EF7C6B3C0F160647B67414DCE655E35B538041E649EE3FAEF896783AB194",
			"", "41CB0779B4BDB85D47846725FBEC3C9430FAB46CC8DC5060855CC9BDA0AA2942E0308312916B8ED2960E4BD55A7448FC",
			"11187331C279962D93D604243FD592CB9D0A926F422E47187521287E7156C5C4D603135569B9E9D09CF5D4A270F59746",
		},
	} {
		t.Run(v.section, func(t *testing.T) {
			i, r := unhex(t, v.i), unhex(t, v.r)
			gi, err := v.g.public(i)
			require.NoError(t, err)
			if v.gi != "" {
				require.Equal(t, unhex(t, v.gi), gi)
			}
			gr, err := v.g.public(r)
			require.NoError(t, err)
			for _, side := range []struct{ private, peer []byte }{{i, gr}, {r, gi}} {
				result, why := v.g.shared(side.private, side.peer)
				require.Empty(t, why)
				require.Equal(t, unhex(t, v.result), []byte(result))
			}
		})
	}
}

// NIST SP 800-38A sections F.3.13 to F.3.18, whole and cut as Confirm is.
func TestCFB(t *testing.T) {
	plain := unhex(t, "6bc1bee22e409f96e93d7e117393172aae2d8a571e03ac9c9eb76fac45af8e5130c81c46a35ce411e5fbc1191a0a52eff69f2445df4f9b17ad2b417be66c3710")
	iv := IV(unhex(t, "000102030405060708090a0b0c0d0e0f"))
	for _, v := range []struct{ section, key, cipher string }{
		{
			"F.3.13", "2b7e151628aed2a6abf7158809cf4f3c",
			"3b3fd92eb72dad20333449f8e83cfb4ac8a64537a0b3a93fcde3cdad9f1ce58b26751f67a3cbb140b1808cf187a4f4dfc04b05357c5d1c0eeac4c66f9ff7f2e6",
		},
		{
			"F.3.17", "603deb1015ca71be2b73aef0857d77811f352c073b6108d72d9810a30914dff4",
			"dc7e84bfda79164b7ecd8486985d386039ffed143b28b1c832113c6331e5407bdf10132415e54b92a13ed0a8267ae2f975a385741ab9cef82031623d55b1e471",
		},
	} {
		t.Run(v.section, func(t *testing.T) {
			want := unhex(t, v.cipher)
			for n := range len(plain) + 1 {
				text := bytes.Clone(plain[:n])
				require.NoError(t, cfb(unhex(t, v.key), iv, text, false))
				require.Equal(t, want[:n], text, "the first %d octets", n)
				require.NoError(t, cfb(unhex(t, v.key), iv, text, true))
				require.Equal(t, plain[:n], text, "the first %d octets", n)
			}
		})
	}
	require.Error(t, cfb(make([]byte, 15), iv, plain, false))
}

// The group of RFC 3526 section 4 against arbitrary-precision arithmetic, with results that begin with zeros among them.
func TestModularExponentiation(t *testing.T) {
	p := new(big.Int).SetBytes(modpPrime.Nat().Bytes(modpPrime))
	require.Equal(t, 3072, p.BitLen())
	require.True(t, p.ProbablyPrime(4))
	require.True(t, new(big.Int).Rsh(p, 1).ProbablyPrime(4), "a safe prime: 1 and p-1 are the only small subgroup")
	r := rand.New(rand.NewSource(3526))
	g := modp3072{}
	for _, n := range []int{32, 48, 64, 384} {
		exponent, base := make(Secret, n), make([]byte, modpSize)
		r.Read(exponent)
		r.Read(base[1:]) // below the prime
		public, err := g.public(exponent)
		require.NoError(t, err)
		e := new(big.Int).SetBytes(exponent)
		require.Equal(t, new(big.Int).Exp(big.NewInt(2), e, p).FillBytes(make([]byte, modpSize)), public)
		result, why := g.shared(exponent, base)
		require.Empty(t, why)
		require.Equal(t, new(big.Int).Exp(new(big.Int).SetBytes(base), e, p).FillBytes(make([]byte, modpSize)), []byte(result))
	}
	short, err := g.public(append(make(Secret, 31), 9))
	require.NoError(t, err)
	require.Equal(t, append(make([]byte, modpSize-2), 2, 0), short, "leading zeros stay")
}

// ML-KEM-768 and -1024 against the standard library, in both directions, from the same seeds.
func TestMLKEMAgainstStandardLibrary(t *testing.T) {
	r := rand.New(rand.NewSource(203))
	seed, message := make([]byte, 64), make([]byte, 32)
	for range 20 {
		r.Read(seed)
		r.Read(message)
		k3, err := mlkem.NewDecapsulationKey768(seed)
		require.NoError(t, err)
		shared, ciphertext := k3.EncapsulationKey().Encapsulate()
		checkMLKEM(t, mlkem768Part, seed, message, k3.EncapsulationKey().Bytes(), shared, ciphertext, k3.Decapsulate)
		k4, err := mlkem.NewDecapsulationKey1024(seed)
		require.NoError(t, err)
		shared, ciphertext = k4.EncapsulationKey().Encapsulate()
		checkMLKEM(t, mlkem1024Part, seed, message, k4.EncapsulationKey().Bytes(), shared, ciphertext, k4.Decapsulate)
	}
}

func checkMLKEM(t *testing.T, part encapsulator, seed, message, public, shared, ciphertext []byte, decapsulate func([]byte) ([]byte, error)) {
	t.Helper()
	ours, expanded, err := part.keys(seed)
	require.NoError(t, err)
	require.Equal(t, public, ours)
	secret, why := part.decapsulate(SHA512, expanded, ciphertext)
	require.Empty(t, why)
	require.Equal(t, shared, []byte(secret))
	ciphertext, secret, why = part.encapsulate(SHA512, public, message)
	require.Empty(t, why)
	theirs, err := decapsulate(ciphertext)
	require.NoError(t, err)
	require.Equal(t, theirs, []byte(secret))
	// A changed ciphertext gives another secret, the same as theirs (implicit rejection).
	ciphertext[7] ^= 1
	theirs, err = decapsulate(ciphertext)
	require.NoError(t, err)
	rejected, why := part.decapsulate(SHA512, expanded, ciphertext)
	require.Empty(t, why)
	require.Equal(t, theirs, []byte(rejected))
	require.NotEqual(t, []byte(secret), []byte(rejected))
}

func TestSAS(t *testing.T) {
	set, err := recorded.Read("../testdata/transcripts.json.gz")
	require.NoError(t, err)
	for _, v := range set.SAS.Vectors {
		require.Equal(t, v.B32, SAS(B32, v.Value))
		require.Equal(t, v.B256, SAS(B256, v.Value))
	}
	require.Len(t, evenWords, 256)
	require.Len(t, oddWords, 256)
	if len(set.Constants.DH3k) > 0 {
		require.Equal(t, set.Constants.Words.Even, evenWords)
		require.Equal(t, set.Constants.Words.Odd, oddWords)
		require.Equal(t, []byte(set.Constants.DH3k), modpPrime.Nat().Bytes(modpPrime))
	}
}
