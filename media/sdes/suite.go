package sdes

import (
	"fmt"
	"strings"
)

// Suite is an SRTP crypto suite by its SDES name (RFC 4568 section 6.2, RFC 6188, RFC 7714).
type Suite uint8

// Suites. NoSuite is the zero value: no SRTP.
const (
	NoSuite Suite = iota
	AESCM128SHA180
	AESCM128SHA132
	AES256CMSHA180
	AES256CMSHA132
	AEADAES128GCM
	AEADAES256GCM
	suiteCount
)

// parameters of a suite. Lengths are in octets.
type parameters struct {
	name      string // as registered, and as our configuration writes it
	other     string // second spelling met in the field, parsed only
	key, salt int
}

var suites = [suiteCount]parameters{
	NoSuite:        {name: "none"},
	AESCM128SHA180: {name: "AES_CM_128_HMAC_SHA1_80", key: 16, salt: 14}, // RFC 4568 section 6.2.1
	AESCM128SHA132: {name: "AES_CM_128_HMAC_SHA1_32", key: 16, salt: 14}, // RFC 4568 section 6.2.2
	// RFC 6188 section 2 registers AES_256_CM; several stacks write AES_CM_256.
	AES256CMSHA180: {name: "AES_256_CM_HMAC_SHA1_80", other: "AES_CM_256_HMAC_SHA1_80", key: 32, salt: 14},
	AES256CMSHA132: {name: "AES_256_CM_HMAC_SHA1_32", other: "AES_CM_256_HMAC_SHA1_32", key: 32, salt: 14},
	AEADAES128GCM:  {name: "AEAD_AES_128_GCM", key: 16, salt: 12}, // RFC 7714 section 14.1, salt: 12 octets
	AEADAES256GCM:  {name: "AEAD_AES_256_GCM", key: 32, salt: 12},
}

// Suites lists every suite that can be used, in the order of their declaration.
func Suites() []Suite {
	all := make([]Suite, 0, suiteCount-1)
	for s := NoSuite + 1; s < suiteCount; s++ {
		all = append(all, s)
	}
	return all
}

// String is the registered name, "none" for NoSuite.
func (s Suite) String() string {
	if s >= suiteCount {
		return fmt.Sprintf("Suite(%d)", uint8(s))
	}
	return suites[s].name
}

// KeyLen is the length of the master key in octets.
func (s Suite) KeyLen() int {
	if s >= suiteCount {
		return 0
	}
	return suites[s].key
}

// SaltLen is the length of the master salt in octets.
func (s Suite) SaltLen() int {
	if s >= suiteCount {
		return 0
	}
	return suites[s].salt
}

// ParseSuite finds a suite by name, in either spelling of the 256-bit ones. Names are compared with case, as Flexisip does
// (spec 3.3). The error is *SuiteError.
func ParseSuite(name string) (Suite, error) {
	for s := NoSuite + 1; s < suiteCount; s++ {
		if name == suites[s].name || name != "" && name == suites[s].other {
			return s, nil
		}
	}
	return NoSuite, &SuiteError{Name: name}
}

// SuiteError is a crypto suite that is not known, or known and not supported.
type SuiteError struct{ Name string }

// Error implements error.
func (e *SuiteError) Error() string {
	var names []string
	for _, s := range Suites() {
		if strings.EqualFold(s.String(), e.Name) {
			return fmt.Sprintf("unknown SRTP crypto suite %q: names are case-sensitive, write %s", e.Name, s)
		}
		names = append(names, s.String())
	}
	return fmt.Sprintf("unsupported SRTP crypto suite %q: supported are %s", e.Name, strings.Join(names, ", "))
}
