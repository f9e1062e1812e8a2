package alg

import (
	"io"
)

// encapsulator is one part of a key encapsulation; a hybrid has two.
type encapsulator interface {
	lengths() partLengths
	// keys expands what was drawn. expanded may be its own expansion already.
	keys(private []byte) (public []byte, expanded Secret, err error)
	// encapsulate and decapsulate fail for a value of the right length that is not acceptable; the string says why.
	encapsulate(h Hash, public, seed []byte) (ciphertext []byte, shared Secret, why string)
	decapsulate(h Hash, expanded, ciphertext []byte) (shared Secret, why string)
}

// partLengths of an encapsulator, octets.
type partLengths struct {
	draw, expanded     int // private key as drawn, and as it is used
	public, ciphertext int
	seed               int // drawn by who encapsulates
}

// kem is the agreement as bzrtp has it where Commit carries a public key and DHPart1 a ciphertext. RFC 6189 does not know it.
// One part's shared secret is the result; several are combined with the HMAC of the negotiated hash.
type kem struct {
	code  Code
	parts []encapsulator
}

func (k *kem) Code() Code { return k.code }

func (k *kem) KEM() bool { return true }

func (k *kem) Sizes() Sizes {
	l := k.lengths()
	return Sizes{Commit: l.public, DHPart1: l.ciphertext, DHPart2: nonceLen}
}

// lengths are the sums over the parts.
func (k *kem) lengths() (sum partLengths) {
	for _, p := range k.parts {
		l := p.lengths()
		sum.draw += l.draw
		sum.expanded += l.expanded
		sum.public += l.public
		sum.ciphertext += l.ciphertext
		sum.seed += l.seed
	}
	return sum
}

func (k *kem) Draw(rand io.Reader, role Role, _ Cipher) (Secret, error) {
	if role == Responder {
		return read(rand, k.lengths().seed)
	}
	return read(rand, k.lengths().draw+nonceLen)
}

func (k *kem) Initiate(h Hash, private Secret) (*Party, error) {
	sum, expanded := k.lengths(), false
	switch len(private) {
	case sum.draw + nonceLen:
	case sum.expanded + nonceLen:
		expanded = true
	default:
		return nil, ErrPrivate
	}
	party := &Party{kem: true, finish: func(keys Secret, ciphertext []byte) (Secret, error) {
		return k.decapsulate(h, keys, ciphertext)
	}}
	keys := make(Secret, 0, sum.expanded)
	for _, p := range k.parts {
		n := p.lengths().draw
		if expanded {
			n = p.lengths().expanded
		}
		public, key, err := p.keys(private[:n])
		if err != nil {
			keys.Wipe()
			return nil, err
		}
		party.Commit, keys = append(party.Commit, public...), append(keys, key...)
		key.Wipe()
		private = private[n:]
	}
	party.private, party.Public = keys, private.Clone()
	return party, nil
}

func (k *kem) decapsulate(h Hash, keys Secret, ciphertext []byte) (Secret, error) {
	if want := k.lengths().ciphertext; len(ciphertext) != want {
		return nil, badLength(k.code, len(ciphertext), want)
	}
	var secrets []Secret
	defer func() { wipe(secrets) }()
	rest := ciphertext
	for _, p := range k.parts {
		l := p.lengths()
		shared, why := p.decapsulate(h, keys[:l.expanded], rest[:l.ciphertext])
		if why != "" {
			return nil, badPublic(k.code, why)
		}
		secrets, keys, rest = append(secrets, shared), keys[l.expanded:], rest[l.ciphertext:]
	}
	return combine(h, secrets, ciphertext), nil
}

func (k *kem) Respond(h Hash, private Secret, commit []byte) (*Party, error) {
	sum := k.lengths()
	if len(commit) != sum.public {
		return nil, badLength(k.code, len(commit), sum.public)
	}
	if len(private) != sum.seed {
		return nil, ErrPrivate
	}
	var secrets []Secret
	defer func() { wipe(secrets) }()
	ciphertexts := make([]byte, 0, sum.ciphertext)
	for _, p := range k.parts {
		l := p.lengths()
		ciphertext, shared, why := p.encapsulate(h, commit[:l.public], private[:l.seed])
		if why != "" {
			return nil, badPublic(k.code, why)
		}
		secrets, ciphertexts = append(secrets, shared), append(ciphertexts, ciphertext...)
		commit, private = commit[l.public:], private[l.seed:]
	}
	return &Party{
		Public: ciphertexts, kem: true,
		private: combine(h, secrets, ciphertexts), finish: k.checkNonce,
	}, nil
}

// checkNonce ends the responder's part: the result is known since Commit, DHPart2 brings nothing that goes into it.
func (k *kem) checkNonce(result Secret, nonce []byte) (Secret, error) {
	if len(nonce) != nonceLen {
		return nil, badLength(k.code, len(nonce), nonceLen)
	}
	return result.Clone(), nil
}

// combine makes one secret of those of the parts; the ciphertext is that of all parts.
func combine(h Hash, secrets []Secret, ciphertext []byte) Secret {
	if len(secrets) == 1 {
		return secrets[0].Clone()
	}
	var key Secret
	for _, s := range secrets {
		next := Secret(h.MAC(key, s))
		key.Wipe()
		key = next
	}
	defer key.Wipe()
	return h.MAC(key, ciphertext)
}

func wipe(secrets []Secret) {
	for _, s := range secrets {
		s.Wipe()
	}
}
