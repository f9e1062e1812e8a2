package loopback

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestNetworksDiffer(t *testing.T) {
	seen := map[string]bool{}
	for range 50 {
		n, err := Claim()
		require.NoError(t, err)
		defer n.Release()
		first, err := n.Next()
		require.NoError(t, err)
		second, err := n.Next()
		require.NoError(t, err)
		assert.NotEqual(t, first, second)
		assert.True(t, first.IsLoopback() && second.IsLoopback())
		assert.False(t, seen[first.String()], "%s was handed out before", first)
		seen[first.String()] = true
	}
}

func TestAddressesEnd(t *testing.T) {
	n, err := Claim()
	require.NoError(t, err)
	defer n.Release()
	for range 254 {
		_, err := n.Next()
		require.NoError(t, err)
	}
	_, err = n.Next()
	assert.Error(t, err)
}
