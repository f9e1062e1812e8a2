package alg

import (
	"errors"
	"fmt"
	"io"
	"log/slog"
)

// Errors of public-key work; each is wrapped with what was wrong, never with a value.
var (
	// ErrPublicValue is a public value that must be answered with Error 0x61 (RFC 6189 sections 4.4.1.1 and 5.9).
	ErrPublicValue = errors.New("zrtp: bad public value")
	// ErrPrivate is a private value that cannot be used: the caller's fault.
	ErrPrivate = errors.New("zrtp: unusable private value")
	// ErrSpent is a party whose result was taken or that was wiped.
	ErrSpent = errors.New("zrtp: the private value of this exchange is wiped")
)

// nonceLen is what DHPart2 carries in place of a public value when Commit had the KEM public key, octets.
const nonceLen = 16

// Sizes of what the messages of an agreement carry, octets, always multiples of 4.
type Sizes struct {
	Commit  int // behind hvi: KEM public key, 0 in Diffie-Hellman
	DHPart1 int // public value, KEM: ciphertext
	DHPart2 int // public value, KEM: nonce
}

// Agreement is one way to agree on a secret. Its methods may be called from any goroutine.
type Agreement interface {
	// Code names it.
	Code() Code
	// KEM tells whether Commit carries a public key and DHPart1 a ciphertext.
	KEM() bool
	// Sizes are those on the wire.
	Sizes() Sizes
	// Draw reads the private value for a role; the cipher decides how long an exponent is. It computes nothing.
	// Order of reading, for who injects values: Diffie-Hellman the scalar or exponent; KEM initiator the X25519 or X448 key,
	// the 64 octets d and z, the nonce; KEM responder the ephemeral X key, the 32 octets m.
	Draw(rand io.Reader, role Role, cipher Cipher) (Secret, error)
	// Initiate computes what Commit and DHPart2 carry. private is Draw's, or for a KEM also the expanded secret keys and the
	// nonce. It is copied.
	Initiate(h Hash, private Secret) (*Party, error)
	// Respond computes what DHPart1 carries. commit is what the peer's Commit had behind hvi, nil in Diffie-Hellman. It fails
	// with ErrPublicValue if that is no public key.
	Respond(h Hash, private Secret, commit []byte) (*Party, error)
}

// Party is one side of one exchange. A Diffie-Hellman party can take either role: who loses the contention of two Commits
// keeps it, if it [Party.Suits] the cipher of the winner.
type Party struct {
	Commit []byte // for Commit behind hvi, empty in Diffie-Hellman
	Public []byte // for DHPart

	private  Secret // nil when wiped
	finish   func(private Secret, peer []byte) (Secret, error)
	exponent int // length of a Diffie-Hellman exponent, octets; 0: one length for every cipher
	kem      bool
}

// Format prints "[redacted]" whatever the verb.
func (p Party) Format(f fmt.State, verb rune) { p.private.Format(f, verb) }

// LogValue is "[redacted]".
func (p Party) LogValue() slog.Value { return p.private.LogValue() }

// Result is DHResult (RFC 6189 section 4.4.1.4), at its full length, from the public value of the peer's DHPart. It may be
// called again after a bad public value. The error wraps ErrPublicValue or ErrSpent.
func (p *Party) Result(peer []byte) (Secret, error) {
	if p.private == nil {
		return nil, ErrSpent
	}
	return p.finish(p.private, peer)
}

// Suits tells whether the party can go on in the other role with this cipher.
func (p *Party) Suits(c Cipher) bool {
	return !p.kem && (p.exponent == 0 || p.exponent >= 2*c.KeyLen())
}

// Wipe overwrites the private value.
func (p *Party) Wipe() {
	p.private.Wipe()
	p.private = nil
}

// agreements in the order of Supported.
var agreements = []Agreement{
	&kem{code: X1M1, parts: []encapsulator{xkem25519, mlkem512Part}},
	&kem{code: X3M3, parts: []encapsulator{xkem448, mlkem1024Part}},
	&kem{code: MLK1, parts: []encapsulator{mlkem512Part}},
	&kem{code: MLK2, parts: []encapsulator{mlkem768Part}},
	&kem{code: MLK3, parts: []encapsulator{mlkem1024Part}},
	&kem{code: X1K1, parts: []encapsulator{xkem25519, kyber512Part}},
	&kem{code: X3K3, parts: []encapsulator{xkem448, kyber1024Part}},
	&kem{code: K255, parts: []encapsulator{xkem25519}},
	&kem{code: K448, parts: []encapsulator{xkem448}},
	&diffieHellman{code: X255, group: x25519Group{}},
	&diffieHellman{code: X448, group: x448Group{}},
	&diffieHellman{code: EC25, group: p256Group},
	&diffieHellman{code: EC38, group: p384Group},
	&diffieHellman{code: DH3k, group: modp3072{}},
}

// AgreementOf finds the agreement by its code; Mult is none.
func AgreementOf(c Code) (Agreement, bool) {
	for _, a := range agreements {
		if a.Code() == c {
			return a, true
		}
	}
	return nil, false
}

func badPublic(c Code, why string) error { return fmt.Errorf("%w of %s: %s", ErrPublicValue, c, why) }

func badLength(c Code, have, want int) error {
	return badPublic(c, fmt.Sprintf("%d octets instead of %d", have, want))
}

// read draws n octets.
func read(rand io.Reader, n int) (Secret, error) {
	s := make(Secret, n)
	if _, err := io.ReadFull(rand, s); err != nil {
		return nil, fmt.Errorf("zrtp: source of randomness: %w", err)
	}
	return s, nil
}
