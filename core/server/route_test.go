package server

import (
	"net/netip"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestRouteToLoopback(t *testing.T) {
	require.True(t, routeTo(netip.MustParseAddr("127.0.0.7")).IsLoopback())
	require.False(t, routeTo(netip.Addr{}).IsValid())
}
