package ice

import (
	"bytes"
	"encoding/base64"
	"fmt"
	"io"

	"b2bua/media/sdes"
)

// Secret is a password. It prints redacted.
type Secret = sdes.Secret

// Credentials are the ice-ufrag and ice-pwd of one end (RFC 8839 section 5.4). Their change is a restart.
type Credentials struct {
	Ufrag string
	Pwd   Secret
}

// Octets of randomness: RFC 8445 section 5.3 wants at least 24 bits and 128 bits.
const (
	ufragOctets = 6
	pwdOctets   = 18
)

// NewCredentials makes credentials. Both are of the alphabet of ice-char without padding, and fit for an SDP line.
func NewCredentials(random io.Reader) (Credentials, error) {
	var b [ufragOctets + pwdOctets]byte
	if _, err := io.ReadFull(random, b[:]); err != nil {
		return Credentials{}, fmt.Errorf("ice: no randomness for credentials: %w", err)
	}
	pwd := make(Secret, base64.StdEncoding.EncodedLen(pwdOctets))
	base64.StdEncoding.Encode(pwd, b[ufragOctets:])
	return Credentials{Ufrag: base64.StdEncoding.EncodeToString(b[:ufragOctets]), Pwd: pwd}, nil
}

// Usable tells whether both are what RFC 8839 section 5.4 allows.
func (c Credentials) Usable() bool {
	return len(c.Ufrag) >= minUfrag && len(c.Ufrag) <= maxUfrag && len(c.Pwd) >= minPwd && len(c.Pwd) <= maxPwd &&
		iceChars([]byte(c.Ufrag)) && iceChars(c.Pwd)
}

// Same tells whether nothing changed: both together are one generation.
func (c Credentials) Same(o Credentials) bool { return c.Ufrag == o.Ufrag && bytes.Equal(c.Pwd, o.Pwd) }

// Clone is a copy with memory of its own.
func (c Credentials) Clone() Credentials { return Credentials{Ufrag: c.Ufrag, Pwd: c.Pwd.Clone()} }

// iceChars tells whether all are ice-char of RFC 8839 section 5.4. Some phones write '=', '-' and '_' as well, which harm
// nothing; a colon would.
func iceChars(b []byte) bool {
	for _, c := range b {
		switch {
		case c >= 'a' && c <= 'z', c >= 'A' && c <= 'Z', c >= '0' && c <= '9', c == '+', c == '/', c == '=', c == '-', c == '_':
		default:
			return false
		}
	}
	return true
}
