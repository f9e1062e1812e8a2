package server

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestDataDirectoryIsMadeWithOneParent(t *testing.T) {
	root := t.TempDir()
	dir := filepath.Join(root, "flexisip", "b2b")
	require.NoError(t, openDataDirectory(dir))
	require.NoError(t, openDataDirectory(dir), "it may be there already")
	entries, err := os.ReadDir(dir)
	require.NoError(t, err)
	require.Empty(t, entries, "the probe is removed")
	require.ErrorContains(t, openDataDirectory(filepath.Join(root, "a", "b", "c")), "cannot be made")
}

func TestDataDirectoryThatIsAFile(t *testing.T) {
	file := filepath.Join(t.TempDir(), "file")
	require.NoError(t, os.WriteFile(file, nil, 0o600))
	require.ErrorContains(t, openDataDirectory(file), "is not writable")
}
