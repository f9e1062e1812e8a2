package main

import (
	"net/netip"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestHosts(t *testing.T) {
	f := flags{Hosts: []string{"A.example.org=192.0.2.1", "b=2001:db8::1", "c=[::1]", "a.example.org=192.0.2.2", "b="}}
	got, err := f.hosts()
	require.NoError(t, err)
	require.Equal(t, map[string]netip.Addr{"a.example.org": netip.MustParseAddr("192.0.2.2"), "c": netip.MustParseAddr("::1")}, got)

	for _, bad := range []string{"a", "=1.2.3.4", "a=b"} {
		_, err := (&flags{Hosts: []string{bad}}).hosts()
		require.ErrorContains(t, err, "write HOST=IP", bad)
	}
}
