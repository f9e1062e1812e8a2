package sip_test

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"b2bua/core/sip"
)

// Spec 4.13: decoded, then what must be escaped is.
func TestCanonicalUser(t *testing.T) {
	for in, want := range map[string]string{
		"alice": "alice", "": "", "%61lice": "alice", "*%23expected-to": "*%23expected-to", "%25=a": "%25=a",
		"+33;phone-context=x?a/b": "+33;phone-context=x?a/b", "a%3bb%3Fc": "a;b?c", "a%zz": "a%25zz", "%": "%25",
		"%22%23%25%3a%3c%3e%40%5b%5c%5d%5e%60%7b%7c%7d": "%22%23%25%3A%3C%3E%40%5B%5C%5D%5E%60%7B%7C%7D",
		"%00%20%7f%c3%a9": "%00%20%7F%C3%A9", "é": "%C3%A9", "[x]": "%5Bx%5D",
	} {
		got := sip.CanonicalUser(in)
		assert.Equal(t, want, got, in)
		assert.Equal(t, got, sip.CanonicalUser(got), "canonical once is canonical")
	}
}

func TestCanonicalURI(t *testing.T) {
	for in, want := range map[string]string{
		"SIP:%61:pw@Host:5060;B=%41;a?subject=x": "sip:a@Host:5060;B=%41;a",
		"sip:host":                               "sip:host",
		"sip:a@[2001:DB8::1]:5070":               "sip:a@[2001:DB8::1]:5070",
		"tel:+33123":                             "tel:+33123",
	} {
		u, err := sip.ParseURI(in)
		require.NoError(t, err)
		assert.Equal(t, want, u.Canonical())
	}
}
