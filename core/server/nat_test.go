package server

import (
	"net"
	"net/netip"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestNATAddresses(t *testing.T) {
	names := newHosts(map[string]netip.Addr{"four.example": netip.MustParseAddr("192.0.2.4"), "six.example": netip.MustParseAddr("2001:db8::6")})
	names.Resolver = &net.Resolver{PreferGo: true}
	for want, words := range map[string][]string{
		"":                        nil,
		"192.0.2.1":               {"192.0.2.1"},
		"::1 127.0.0.1":           {"::1", "127.0.0.1"},
		"192.0.2.4 2001:db8::6":   {"four.example", "six.example"},
		"192.0.2.9 2001:db8::6 ":  {"::ffff:192.0.2.9", "six.example"},
		"192.0.2.4 2001:db8::5  ": {"four.example", "2001:db8::5"},
	} {
		list, err := natAddresses(t.Context(), words, names)
		require.NoError(t, err)
		var got []netip.Addr
		for _, w := range strings.Fields(want) {
			got = append(got, netip.MustParseAddr(w))
		}
		assert.Equal(t, got, list)
	}
	for problem, words := range map[string][]string{
		"only one IPv4 NAT address can be configured":         {"192.0.2.1", "four.example"},
		"only one IPv6 NAT address can be configured":         {"six.example", "2001:db8::5"},
		"nobody can send media to 0.0.0.0":                    {"0.0.0.0"},
		"failed to configure NAT address (nowhere.invalid): ": {"nowhere.invalid"},
	} {
		_, err := natAddresses(t.Context(), words, names)
		var refused *ConfigError
		require.ErrorAs(t, err, &refused)
		require.Len(t, refused.Findings, 1)
		assert.Contains(t, refused.Findings[0].Problem, problem)
		assert.NotEmpty(t, refused.Findings[0].Fix)
		assert.Equal(t, "b2bua-server/nat-addresses", refused.Findings[0].Name())
	}
}
