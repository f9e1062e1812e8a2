//go:build linux

package daemons

import (
	"context"
	"fmt"
	"net"
	"net/netip"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"
)

// parentVariable makes this test binary a parent that is killed.
const parentVariable = "DAEMONS_PARENT"

func TestMain(m *testing.M) {
	if addr := os.Getenv(parentVariable); addr != "" {
		parent(netip.MustParseAddrPort(addr))
	}
	goleak.VerifyTestMain(m)
}

// parent starts a server, tells its process and directory, and waits for its own end.
func parent(addr netip.AddrPort) {
	home, err := NewHome()
	if err == nil {
		var s *Server
		if s, err = home.Redis(context.Background(), Options{Addr: addr}); err == nil {
			fmt.Println(s.run.process.Pid, home.dir)
			select {}
		}
	}
	fmt.Println(err)
	os.Exit(1)
}

func free(t *testing.T) netip.AddrPort {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	defer func() { _ = l.Close() }()
	return netip.MustParseAddrPort(l.Addr().String())
}

func newHome(t *testing.T) *Home {
	h, err := NewHome()
	require.NoError(t, err)
	t.Cleanup(func() {
		require.NoError(t, h.Close())
		assert.NoDirExists(t, h.dir)
	})
	return h
}

func TestServersStopStartAndFreeze(t *testing.T) {
	h := newHome(t)
	for name, start := range map[string]func(context.Context, Options) (*Server, error){"mariadb": h.MariaDB, "redis": h.Redis} {
		t.Run(name, func(t *testing.T) {
			s, err := start(t.Context(), Options{Addr: free(t), Files: map[string][]byte{"ca.pem": []byte("x")}, Init: "CREATE DATABASE one;\n"})
			require.NoError(t, err)
			assert.FileExists(t, filepath.Join(s.Dir(), "ca.pem"))
			require.NoError(t, s.answers(deadline(t), s.Addr()))
			require.NoError(t, s.Pause())
			soon, cancel := context.WithTimeout(t.Context(), 100*time.Millisecond)
			defer cancel()
			require.Error(t, s.answers(soon, s.Addr()), "a frozen server answers nothing")
			require.NoError(t, s.Resume())
			require.NoError(t, s.answers(deadline(t), s.Addr()))
			require.NoError(t, s.Stop())
			require.NoError(t, s.Stop(), "a stopped one stays stopped")
			require.ErrorContains(t, s.Pause(), "is stopped")
			require.Error(t, s.answers(deadline(t), s.Addr()))
			require.NoError(t, s.Start(t.Context()))
			require.ErrorContains(t, s.Start(t.Context()), "runs already")
			require.NoError(t, s.answers(deadline(t), s.Addr()))
			require.NoError(t, s.Remove())
			assert.NoDirExists(t, s.Dir())
		})
	}
}

func deadline(t *testing.T) context.Context {
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
	t.Cleanup(cancel)
	return ctx
}

func TestServerThatCannotStartSaysWhy(t *testing.T) {
	h := newHome(t)
	_, err := h.Redis(t.Context(), Options{Addr: free(t), Args: []string{"--no-such-thing", "1"}})
	require.ErrorContains(t, err, "no-such-thing")
	_, err = h.MariaDB(t.Context(), Options{Addr: free(t), Args: []string{"--no-such-thing"}})
	require.ErrorContains(t, err, "no-such-thing")
	_, err = h.Redis(t.Context(), Options{Files: map[string][]byte{"../x": nil}})
	require.ErrorContains(t, err, "file name")
}

// TestChildrenDieWithTheirParent: and what they leave in memory goes when the next one comes.
func TestChildrenDieWithTheirParent(t *testing.T) {
	self, err := os.Executable()
	require.NoError(t, err)
	cmd := exec.Command(self)
	cmd.Env = append(os.Environ(), parentVariable+"="+free(t).String())
	out, err := cmd.StdoutPipe()
	require.NoError(t, err)
	require.NoError(t, cmd.Start())
	line := make([]byte, 1000)
	n, err := out.Read(line)
	require.NoError(t, err)
	pid, dir, found := strings.Cut(strings.TrimSpace(string(line[:n])), " ")
	require.True(t, found, string(line[:n]))
	require.DirExists(t, dir)
	require.NoError(t, cmd.Process.Kill())
	_ = cmd.Wait()
	number, err := strconv.Atoi(pid)
	require.NoError(t, err)
	require.Eventually(t, func() bool { return dead(number) }, 20*time.Second, 10*time.Millisecond, "the server outlives its parent")

	h := newHome(t)
	require.DirExists(t, dir, "it might be one that is being made")
	old := time.Now().Add(-2 * deserted)
	require.NoError(t, os.Chtimes(dir, old, old))
	require.NoError(t, os.Chtimes(h.dir, old, old))
	newHome(t)
	assert.NoDirExists(t, dir)
	assert.DirExists(t, h.dir, "it belongs to somebody")
}

// dead: it is gone, or nobody has asked yet how it ended.
func dead(pid int) bool {
	if syscall.Kill(pid, 0) != nil {
		return true
	}
	stat, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	return err != nil || strings.Contains(string(stat), ") Z ")
}

func TestMissing(t *testing.T) {
	require.NoError(t, Missing())
	_, err := Find("no-such-server")
	require.ErrorIs(t, err, ErrMissing)
	require.ErrorContains(t, err, "apt-get install")
}
