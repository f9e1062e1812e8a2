package alg

import (
	"bytes"
	"crypto/ecdh"
	"crypto/elliptic"
	"encoding/hex"
	"io"

	"filippo.io/bigmod"
	"github.com/cloudflare/circl/dh/x448"
)

// group is the arithmetic of one Diffie-Hellman agreement.
type group interface {
	size() int // of a public value, octets
	draw(rand io.Reader, c Cipher) (Secret, error)
	public(private Secret) ([]byte, error)
	// shared fails for a peer's value of the right length that is not acceptable; the string says why.
	shared(private Secret, peer []byte) (result Secret, why string)
	exponent(private Secret) int
}

// diffieHellman is the agreement where DHPart1 and DHPart2 carry public values of equal length.
type diffieHellman struct {
	code  Code
	group group
}

func (d *diffieHellman) Code() Code { return d.code }

func (d *diffieHellman) KEM() bool { return false }

func (d *diffieHellman) Sizes() Sizes {
	return Sizes{DHPart1: d.group.size(), DHPart2: d.group.size()}
}

func (d *diffieHellman) Draw(rand io.Reader, _ Role, c Cipher) (Secret, error) {
	return d.group.draw(rand, c)
}

func (d *diffieHellman) Initiate(_ Hash, private Secret) (*Party, error) {
	public, err := d.group.public(private)
	if err != nil {
		return nil, err
	}
	return &Party{
		Public: public, private: private.Clone(), finish: d.finish, exponent: d.group.exponent(private),
	}, nil
}

func (d *diffieHellman) Respond(h Hash, private Secret, commit []byte) (*Party, error) {
	if len(commit) != 0 {
		return nil, badLength(d.code, len(commit), 0)
	}
	return d.Initiate(h, private)
}

func (d *diffieHellman) finish(private Secret, peer []byte) (Secret, error) {
	if len(peer) != d.group.size() {
		return nil, badLength(d.code, len(peer), d.group.size())
	}
	result, why := d.group.shared(private, peer)
	if why != "" {
		return nil, badPublic(d.code, why)
	}
	return result, nil
}

// modp3072 is the 3072-bit group of RFC 3526 section 4 with generator 2. Exponentiation takes the same time whatever the
// exponent and the values are; only their lengths show.
type modp3072 struct{}

const modpSize = 384

var modpPrime = mustModulus("ffffffffffffffffc90fdaa22168c234c4c6628b80dc1cd129024e088a67cc74020bbea63b139b22514a08798e3404dd" +
	"ef9519b3cd3a431b302b0a6df25f14374fe1356d6d51c245e485b576625e7ec6f44c42e9a637ed6b0bff5cb6f406b7ed" +
	"ee386bfb5a899fa5ae9f24117c4b1fe649286651ece45b3dc2007cb8a163bf0598da48361c55d39a69163fa8fd24cf5f" +
	"83655d23dca3ad961c62f356208552bb9ed529077096966d670c354e4abc9804f1746c08ca18217c32905e462e36ce3b" +
	"e39e772c180e86039b2783a2ec07a28fb5c55df06f4c52c9de2bcbf6955817183995497cea956ae515d2261898fa0510" +
	"15728e5a8aaac42dad33170d04507a33a85521abdf1cba64ecfb850458dbef0a8aea71575d060c7db3970f85a6e1e4c7" +
	"abf5ae8cdb0933d71e8c94e04a25619dcee3d2261ad2ee6bf12ffa06d98a0864d87602733ec86a64521f2b18177b200c" +
	"bbe117577a615d6c770988c0bad946e208e24fa074e5ab3143db5bfce0fd108e4b82d120a93ad2caffffffffffffffff")

func mustModulus(digits string) *bigmod.Modulus {
	b, err := hex.DecodeString(digits)
	if err != nil {
		panic(err)
	}
	m, err := bigmod.NewModulus(b)
	if err != nil {
		panic(err)
	}
	return m
}

func (modp3072) size() int { return modpSize }

// RFC 6189 section 5.1.5: the exponent has at least twice the bits of the AES key.
func (modp3072) draw(rand io.Reader, c Cipher) (Secret, error) { return read(rand, 2*c.KeyLen()) }

func (modp3072) exponent(private Secret) int { return len(private) }

func (modp3072) public(private Secret) ([]byte, error) {
	if len(private) < 2*AES128.KeyLen() || len(private) > modpSize {
		return nil, ErrPrivate
	}
	two := bigmod.NewNat().SetUint(2).ExpandFor(modpPrime)
	return bigmod.NewNat().Exp(two, private, modpPrime).Bytes(modpPrime), nil
}

func (modp3072) shared(private Secret, peer []byte) (Secret, string) {
	y, err := bigmod.NewNat().SetBytes(peer, modpPrime)
	if err != nil {
		return nil, "not below the prime"
	}
	// RFC 6189 section 4.4.1.1: 0, 1 and p-1 give the secret away. The prime is a safe one: no other small subgroup exists.
	if y.IsZero()|y.IsOne()|y.IsMinusOne(modpPrime) == 1 {
		return nil, "0, 1 or p-1"
	}
	return bigmod.NewNat().Exp(y, private, modpPrime).Bytes(modpPrime), ""
}

// nistGroup is a NIST curve: values are X then Y, the result is X (RFC 6189 section 5.1.5).
type nistGroup struct {
	curve ecdh.Curve
	width int    // octets of a coordinate
	order []byte // of the base point
}

var (
	p256Group = &nistGroup{curve: ecdh.P256(), width: 32, order: elliptic.P256().Params().N.Bytes()}
	p384Group = &nistGroup{curve: ecdh.P384(), width: 48, order: elliptic.P384().Params().N.Bytes()}
)

func (g *nistGroup) size() int { return 2 * g.width }

func (g *nistGroup) exponent(Secret) int { return 0 }

// drawTries bounds the search for a scalar below the order: one try in 2^32 fails for P-256, one in 2^190 for P-384.
const drawTries = 8

func (g *nistGroup) draw(rand io.Reader, _ Cipher) (Secret, error) {
	for range drawTries {
		s, err := read(rand, g.width)
		if err != nil {
			return nil, err
		}
		if bytes.Compare(s, make([]byte, g.width)) > 0 && bytes.Compare(s, g.order) < 0 {
			return s, nil
		}
	}
	return nil, ErrPrivate
}

func (g *nistGroup) public(private Secret) ([]byte, error) {
	key, err := g.curve.NewPrivateKey(private)
	if err != nil {
		return nil, ErrPrivate
	}
	return key.PublicKey().Bytes()[1:], nil // without the 04 of an uncompressed point
}

func (g *nistGroup) shared(private Secret, peer []byte) (Secret, string) {
	point, err := g.curve.NewPublicKey(append([]byte{4}, peer...))
	if err != nil {
		return nil, "not a point of the curve"
	}
	key, err := g.curve.NewPrivateKey(private)
	if err != nil {
		return nil, "our private value is not usable"
	}
	x, err := key.ECDH(point)
	if err != nil {
		return nil, "the result is the point at infinity"
	}
	return x, ""
}

const weak = "a point of small order"

// x25519Group and x448Group are the functions of RFC 7748, values as it writes them.
type x25519Group struct{}

func (x25519Group) size() int { return 32 }

func (x25519Group) exponent(Secret) int { return 0 }

func (x25519Group) draw(rand io.Reader, _ Cipher) (Secret, error) { return read(rand, 32) }

func (x25519Group) public(private Secret) ([]byte, error) {
	key, err := ecdh.X25519().NewPrivateKey(private)
	if err != nil {
		return nil, ErrPrivate
	}
	return key.PublicKey().Bytes(), nil
}

func (x25519Group) shared(private Secret, peer []byte) (Secret, string) {
	key, err := ecdh.X25519().NewPrivateKey(private)
	if err != nil {
		return nil, "our private value is not usable"
	}
	point, err := ecdh.X25519().NewPublicKey(peer)
	if err != nil {
		return nil, "not 32 octets"
	}
	result, err := key.ECDH(point)
	if err != nil {
		return nil, weak
	}
	return result, ""
}

type x448Group struct{}

func (x448Group) size() int { return x448.Size }

func (x448Group) exponent(Secret) int { return 0 }

func (x448Group) draw(rand io.Reader, _ Cipher) (Secret, error) { return read(rand, x448.Size) }

func (x448Group) public(private Secret) ([]byte, error) {
	if len(private) != x448.Size {
		return nil, ErrPrivate
	}
	secret := x448.Key(private)
	defer clear(secret[:])
	var public x448.Key
	x448.KeyGen(&public, &secret)
	return public[:], nil
}

func (x448Group) shared(private Secret, peer []byte) (Secret, string) {
	secret, point := x448.Key(private), x448.Key(peer)
	defer clear(secret[:])
	var result x448.Key
	if !x448.Shared(&result, &secret, &point) {
		return nil, weak
	}
	return result[:], ""
}
