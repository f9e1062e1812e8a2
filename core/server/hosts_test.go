package server

import (
	"net"
	"net/netip"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestFixedHosts(t *testing.T) {
	h := newHosts(map[string]netip.Addr{"Proxy.Example.org": netip.MustParseAddr("127.0.0.9")})
	got, err := h.LookupNetIP(t.Context(), "ip", "proxy.example.ORG.")
	require.NoError(t, err)
	require.Equal(t, []netip.Addr{netip.MustParseAddr("127.0.0.9")}, got)

	_, err = h.LookupNetIP(t.Context(), "ip6", "proxy.example.org")
	require.ErrorContains(t, err, "family")
	_, _, err = h.LookupSRV(t.Context(), "sip", "tcp", "proxy.example.org")
	require.ErrorContains(t, err, "--hosts")

	local, err := h.LookupNetIP(t.Context(), "ip4", "localhost")
	require.NoError(t, err, "other names go to the system")
	require.NotEmpty(t, local)
}

// RFC 6761 section 6.4: no server is asked.
func TestInvalidHosts(t *testing.T) {
	h := newHosts(map[string]netip.Addr{"fixed.invalid": netip.MustParseAddr("127.0.0.9")})
	h.Resolver = nil // it would panic
	for _, name := range []string{"nowhere.invalid", "Nowhere.INVALID.", "invalid"} {
		var missing *net.DNSError
		_, err := h.LookupNetIP(t.Context(), "ip", name)
		require.ErrorAs(t, err, &missing)
		require.True(t, missing.IsNotFound)
		_, _, err = h.LookupSRV(t.Context(), "sip", "tcp", name)
		require.ErrorAs(t, err, &missing)
		require.True(t, missing.IsNotFound)
	}
	got, err := h.LookupNetIP(t.Context(), "ip", "fixed.invalid")
	require.NoError(t, err)
	require.NotEmpty(t, got)
	require.False(t, invalid("valid.example.org"))
}
