package private

import (
	"bufio"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// A helper process holds the lock of the file that this names until its standard input ends.
const holder = "PRIVATE_TEST_LOCK"

func TestMain(m *testing.M) {
	if path := os.Getenv(holder); path != "" {
		f, err := os.Open(path)
		if err == nil {
			err = Lock(f, 0)
		}
		if err != nil {
			os.Exit(1)
		}
		_, _ = os.Stdout.WriteString("locked\n")
		_, _ = bufio.NewReader(os.Stdin).ReadString('\n')
		os.Exit(0)
	}
	os.Exit(m.Run())
}

func TestMakeDir(t *testing.T) {
	base := t.TempDir()
	dir := filepath.Join(base, "parent", "own")
	require.NoError(t, MakeDir(dir))
	for path, mode := range map[string]fs.FileMode{dir: 0o700, filepath.Dir(dir): 0o755} {
		info, err := os.Stat(path)
		require.NoError(t, err)
		require.Equal(t, mode, info.Mode().Perm(), path)
	}
	require.NoError(t, os.Chmod(dir, 0o750))
	require.NoError(t, MakeDir(dir), "it is there")
	info, err := os.Stat(dir)
	require.NoError(t, err)
	require.Equal(t, fs.FileMode(0o750), info.Mode().Perm(), "and stays as the operator made it")

	require.ErrorIs(t, MakeDir(filepath.Join(base, "one", "two", "three")), fs.ErrNotExist, "one parent at most")
	require.NoDirExists(t, filepath.Join(base, "one"))
	require.NoError(t, os.WriteFile(filepath.Join(base, "file"), nil, 0o600))
	require.Error(t, MakeDir(filepath.Join(base, "file", "dir")))
}

// Of many that make the same directory at once, each finds it.
func TestMakeDirAtOnce(t *testing.T) {
	for range 50 {
		dir := filepath.Join(t.TempDir(), "parent", "own")
		errs := make(chan error)
		for range 4 {
			go func() { errs <- MakeDir(dir) }()
		}
		for range 4 {
			require.NoError(t, <-errs)
		}
	}
}

func TestLock(t *testing.T) {
	dir := t.TempDir()
	file := filepath.Join(dir, "lock")
	require.NoError(t, os.WriteFile(file, nil, 0o600))
	for _, path := range []string{file, dir} {
		one, err := os.Open(path)
		require.NoError(t, err)
		require.NoError(t, Lock(one, 0))
		other, err := os.Open(path)
		require.NoError(t, err)
		require.ErrorIs(t, Lock(other, 0), ErrLocked)
		require.ErrorIs(t, Lock(other, 3*pause), ErrLocked)
		got := make(chan error)
		go func() { got <- Lock(other, time.Minute) }()
		require.NoError(t, one.Close())
		require.NoError(t, <-got, "who waits gets it")
		require.NoError(t, other.Close())
	}
}

// The lock of a process that dies is free.
func TestLockOfAnotherProcess(t *testing.T) {
	dir := t.TempDir()
	cmd := exec.Command(os.Args[0])
	cmd.Env = append(os.Environ(), holder+"="+dir)
	in, err := cmd.StdinPipe()
	require.NoError(t, err)
	out, err := cmd.StdoutPipe()
	require.NoError(t, err)
	require.NoError(t, cmd.Start())
	line, err := bufio.NewReader(out).ReadString('\n')
	require.NoError(t, err)
	require.Equal(t, "locked\n", line)

	f, err := os.Open(dir)
	require.NoError(t, err)
	require.ErrorIs(t, Lock(f, 0), ErrLocked)
	require.NoError(t, cmd.Process.Kill())
	_ = in.Close()
	require.Error(t, cmd.Wait())
	require.NoError(t, Lock(f, time.Minute))
	require.NoError(t, f.Close())
}

func TestLockOfAClosedFile(t *testing.T) {
	f, err := os.Open(t.TempDir())
	require.NoError(t, err)
	require.NoError(t, f.Close())
	err = Lock(f, time.Minute)
	require.Error(t, err)
	require.NotErrorIs(t, err, ErrLocked, "it is not waited for")
}
