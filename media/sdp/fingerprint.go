package sdp

import (
	"crypto/sha1"
	"crypto/sha256"
	"crypto/sha512"
	"crypto/subtle"
	"encoding/hex"
	"fmt"
	"strings"
)

// Fingerprint is the hash of the certificate that an end uses in DTLS (RFC 8122 section 5). The zero value is none.
type Fingerprint struct {
	Algorithm string // registered name in lower case: "sha-256"
	Digest    []byte
}

// digestSizes are the hash functions that are accepted, with the length of their digests, octets. RFC 8122 section 5 wants SHA-256 of
// everyone; SHA-1 is what some older phones write; MD5 and MD2 are forbidden there.
var digestSizes = map[string]int{
	"sha-1": sha1.Size, "sha-224": sha256.Size224, "sha-256": sha256.Size, "sha-384": sha512.Size384, "sha-512": sha512.Size,
}

// FingerprintOf is the SHA-256 fingerprint of a certificate in DER.
func FingerprintOf(der []byte) Fingerprint {
	sum := sha256.Sum256(der)
	return Fingerprint{Algorithm: "sha-256", Digest: sum[:]}
}

// ParseFingerprint reads the value of an a=fingerprint attribute. The error is *DTLSError.
func ParseFingerprint(value string) (Fingerprint, error) {
	name, text, _ := strings.Cut(strings.TrimSpace(value), " ")
	f := Fingerprint{Algorithm: strings.ToLower(name)}
	size, ok := digestSizes[f.Algorithm]
	if !ok {
		return Fingerprint{}, &DTLSError{fmt.Sprintf("a=fingerprint with the hash function %q; accepted: sha-1, sha-224, sha-256, sha-384, sha-512", clip(name))}
	}
	pairs := strings.Split(strings.TrimSpace(text), ":")
	if len(pairs) != size {
		return Fingerprint{}, &DTLSError{fmt.Sprintf("a=fingerprint with %d octets; %s has %d", len(pairs), f.Algorithm, size)}
	}
	for _, p := range pairs {
		b, err := hex.DecodeString(p)
		if err != nil || len(b) != 1 {
			return Fingerprint{}, &DTLSError{"a=fingerprint that is not made of pairs of hexadecimal digits with colons between"}
		}
		f.Digest = append(f.Digest, b[0])
	}
	return f, nil
}

// String is the value of the attribute, empty for the zero value.
func (f Fingerprint) String() string {
	if f.IsZero() {
		return ""
	}
	pairs := make([]string, len(f.Digest))
	for i, b := range f.Digest {
		pairs[i] = fmt.Sprintf("%02X", b)
	}
	return f.Algorithm + " " + strings.Join(pairs, ":")
}

// IsZero tells whether there is none.
func (f Fingerprint) IsZero() bool { return len(f.Digest) == 0 }

// Equal compares in constant time.
func (f Fingerprint) Equal(g Fingerprint) bool {
	return f.Algorithm == g.Algorithm && subtle.ConstantTimeCompare(f.Digest, g.Digest) == 1
}

// Matches tells whether f is the fingerprint of a certificate in DER; the digests are compared in constant time.
func (f Fingerprint) Matches(der []byte) bool {
	sum := digest(f.Algorithm, der)
	return len(sum) > 0 && subtle.ConstantTimeCompare(sum, f.Digest) == 1
}

func digest(algorithm string, der []byte) []byte {
	switch algorithm {
	case "sha-1":
		s := sha1.Sum(der)
		return s[:]
	case "sha-224":
		s := sha256.Sum224(der)
		return s[:]
	case "sha-256":
		s := sha256.Sum256(der)
		return s[:]
	case "sha-384":
		s := sha512.Sum384(der)
		return s[:]
	case "sha-512":
		s := sha512.Sum512(der)
		return s[:]
	}
	return nil
}

// pickFingerprints takes, of the lines of one level, those with the longest hash that is accepted: RFC 8122 section 5.1 lets a
// peer write several hashes of one certificate, and one hash of several certificates. Lines that cannot be used are left out,
// unless there are no others: then the first is kept, so that the stream is known to ask for DTLS.
func pickFingerprints(lines []string) []string {
	var picked []string
	size := 0
	for _, line := range lines {
		f, err := ParseFingerprint(line)
		switch {
		case err != nil || len(f.Digest) < size:
		case len(f.Digest) > size:
			picked, size = []string{line}, len(f.Digest)
		default:
			picked = append(picked, line)
		}
	}
	if picked == nil && len(lines) > 0 {
		return lines[:1]
	}
	return picked
}

// clip keeps a stranger's word short in an error text.
func clip(s string) string {
	if len(s) > maxToken {
		return s[:maxToken] + "..."
	}
	return s
}
