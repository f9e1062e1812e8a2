package alg

import (
	"crypto/hkdf"
	"encoding/binary"

	circl "github.com/cloudflare/circl/kem"
	"github.com/cloudflare/circl/kem/kyber/kyber1024"
	"github.com/cloudflare/circl/kem/kyber/kyber512"
	"github.com/cloudflare/circl/kem/mlkem/mlkem1024"
	"github.com/cloudflare/circl/kem/mlkem/mlkem512"
	"github.com/cloudflare/circl/kem/mlkem/mlkem768"
)

// The parts. ML-KEM is FIPS 203, Kyber its round 3 draft. All five come from one library because the standard one has no
// ML-KEM-512, no Kyber, and no encapsulation from given randomness.
var (
	xkem25519     encapsulator = &xkem{group: x25519Group{}, id: 0x20}
	xkem448       encapsulator = &xkem{group: x448Group{}, id: 0x21}
	mlkem512Part  encapsulator = latticePart{mlkem512.Scheme()}
	mlkem768Part  encapsulator = latticePart{mlkem768.Scheme()}
	mlkem1024Part encapsulator = latticePart{mlkem1024.Scheme()}
	kyber512Part  encapsulator = latticePart{kyber512.Scheme()}
	kyber1024Part encapsulator = latticePart{kyber1024.Scheme()}
)

// xkem makes a KEM of X25519 or X448 in the manner of RFC 9180 section 4.1, with labels of its own and the negotiated hash.
type xkem struct {
	group group
	id    byte // KEM id of RFC 9180 section 7.1
}

func (x *xkem) lengths() partLengths {
	n := x.group.size()
	return partLengths{draw: n, expanded: n, public: n, ciphertext: n, seed: n}
}

func (x *xkem) keys(private []byte) ([]byte, Secret, error) {
	public, err := x.group.public(private)
	return public, Secret(private).Clone(), err
}

func (x *xkem) encapsulate(h Hash, public, seed []byte) ([]byte, Secret, string) {
	ciphertext, err := x.group.public(seed)
	if err != nil {
		return nil, nil, "our private value is not usable"
	}
	dh, why := x.group.shared(seed, public)
	if why != "" {
		return nil, nil, why
	}
	return ciphertext, x.secret(h, dh, ciphertext, public), ""
}

func (x *xkem) decapsulate(h Hash, private, ciphertext []byte) (Secret, string) {
	public, err := x.group.public(private)
	if err != nil {
		return nil, "our private value is not usable"
	}
	dh, why := x.group.shared(private, ciphertext)
	if why != "" {
		return nil, why
	}
	return x.secret(h, dh, ciphertext, public), ""
}

// secret is ExtractAndExpand of RFC 9180 section 4.1; dh is wiped.
func (x *xkem) secret(h Hash, dh Secret, ciphertext, public []byte) Secret {
	ikm := append([]byte("ZRTPKEM"), 0, x.id)
	ikm = append(append(ikm, "eae_prk"...), dh...)
	defer clear(ikm)
	defer dh.Wipe()
	info := binary.BigEndian.AppendUint16(nil, uint16(x.group.size()))
	info = append(append(info, "ZRTP-v1.1KEM"...), 0, x.id)
	info = append(append(append(info, "shared_secret"...), ciphertext...), public...)
	prk, err := hkdf.Extract(hashes[h].make, ikm, nil)
	if err != nil {
		panic(err) // only in a mode that forbids the hash
	}
	defer clear(prk)
	secret, err := hkdf.Expand(hashes[h].make, prk, string(info), x.group.size())
	if err != nil {
		panic(err) // only for a length that no part has
	}
	return secret
}

// latticePart is ML-KEM or Kyber.
type latticePart struct{ circl.Scheme }

func (l latticePart) lengths() partLengths {
	return partLengths{
		draw: l.SeedSize(), expanded: l.PrivateKeySize(), public: l.PublicKeySize(),
		ciphertext: l.CiphertextSize(), seed: l.EncapsulationSeedSize(),
	}
}

func (l latticePart) keys(private []byte) ([]byte, Secret, error) {
	var public circl.PublicKey
	var key circl.PrivateKey
	if len(private) == l.SeedSize() {
		public, key = l.DeriveKeyPair(private)
	} else {
		var err error
		if key, err = l.UnmarshalBinaryPrivateKey(private); err != nil {
			return nil, nil, ErrPrivate
		}
		public = key.Public()
	}
	expanded, err := key.MarshalBinary()
	if err != nil {
		return nil, nil, ErrPrivate
	}
	packed, err := public.MarshalBinary()
	return packed, expanded, err
}

func (l latticePart) encapsulate(_ Hash, public, seed []byte) ([]byte, Secret, string) {
	key, err := l.UnmarshalBinaryPublicKey(public)
	if err != nil {
		return nil, nil, "not a normalised key" // FIPS 203 section 7.2
	}
	ciphertext, shared, err := l.EncapsulateDeterministically(key, seed)
	if err != nil {
		return nil, nil, "our seed is not usable"
	}
	return ciphertext, shared, ""
}

func (l latticePart) decapsulate(_ Hash, expanded, ciphertext []byte) (Secret, string) {
	key, err := l.UnmarshalBinaryPrivateKey(expanded)
	if err != nil {
		return nil, "our private value is not usable"
	}
	// A wrong ciphertext is not an error but another secret (FIPS 203 section 6.3): Confirm finds it out.
	shared, err := l.Decapsulate(key, ciphertext)
	if err != nil {
		return nil, "not a ciphertext"
	}
	return shared, ""
}
