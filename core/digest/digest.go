// Package digest answers and poses the digest challenges of SIP (RFC 3261 section 22, RFC 8760).
//
// Client and Server are engines: randomness and the time are arguments. The hash itself is the library's; which challenge is
// answered, the counting of nonces, and what counts as refused are decided here. Nothing here prints a password.
package digest

import (
	"errors"
	"fmt"
	"strings"

	"b2bua/core/sip"
)

// Secret is a password or HA1. It prints as [redacted] in every format.
type Secret string

// String hides the value.
func (Secret) String() string { return "[redacted]" }

// GoString hides the value from %#v.
func (Secret) GoString() string { return "[redacted]" }

// Format hides the value from every verb.
func (Secret) Format(f fmt.State, _ rune) { _, _ = f.Write([]byte("[redacted]")) }

// MarshalText hides the value from encoders and log handlers.
func (Secret) MarshalText() ([]byte, error) { return []byte("[redacted]"), nil }

// Credentials of one user in one realm.
type Credentials struct {
	User      string
	Realm     string // "": any realm
	Password  Secret // clear text, or
	HA1       Secret // hash of user:realm:password in hex, by Algorithm
	Algorithm string // of HA1: "MD5" (also "") or "SHA-256"
}

// Errors of Answer and Verify.
var (
	// ErrNoChallenge: the response has no challenge that can be read and answered (algorithm or qop not known).
	ErrNoChallenge = errors.New("no digest challenge that can be answered")
	// ErrNoCredentials: there are none for the realm, or the request carried none.
	ErrNoCredentials = errors.New("no credentials for the realm")
	// ErrAlgorithm: there are some for the realm, but a hash by another algorithm than the challenge wants.
	ErrAlgorithm = errors.New("the hash is by another algorithm")
	// ErrRefused: the peer did not accept the credentials.
	ErrRefused = errors.New("the credentials were refused")
	// ErrStale: the credentials fit but their nonce is too old or was used before.
	ErrStale = errors.New("the nonce is stale")
	// ErrWrong: the credentials do not fit.
	ErrWrong = errors.New("the credentials are wrong")
)

// usable tells whether the credentials can answer a challenge of that realm and algorithm.
func (c *Credentials) usable(realm, algorithm string) bool {
	if c.Realm != "" && c.Realm != realm {
		return false
	}
	return c.HA1 == "" || sameAlgorithm(c.Algorithm, algorithm)
}

func sameAlgorithm(a, b string) bool {
	return strings.EqualFold(algorithmOr(a), algorithmOr(b))
}

func algorithmOr(a string) string {
	if a == "" {
		return "MD5"
	}
	return a
}

// parseChallenges reads the challenges of the headers of that name, in the order of the server's preference (RFC 8760 section 2.4).
func parseChallenges(m *sip.Message, header string) []challenge {
	var out []challenge
	for _, value := range m.Values(header) {
		if c, ok := parseChallenge(value); ok && len(out) < maxChallenges {
			out = append(out, c)
		}
	}
	return out
}

// maxChallenges bounds the challenges looked at: proxies on the way times algorithms.
const maxChallenges = 16
