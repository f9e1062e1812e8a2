package peers

import (
	"context"
	"errors"
	"fmt"
	"net/netip"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"b2bua/steps/loopback"
	"b2bua/steps/product"
)

var (
	builder product.Builder
	table   Table
)

// lab is a b2bua on a network of its own, judged at the end like in any scenario.
type lab struct {
	dir     string
	net     *loopback.Net
	b2bua   netip.AddrPort
	process *product.Process

	arguments []string // more for its command line
}

// newLab reserves addresses and a directory; the directory of a failed test stays on the disk.
func newLab(t *testing.T) *lab {
	t.Helper()
	require.NoError(t, Missing())
	dir, err := os.MkdirTemp("", "b2bua-interop-") //nolint:usetesting // it outlives a failed test
	require.NoError(t, err)
	network, err := loopback.Claim()
	require.NoError(t, err)
	l := &lab{dir: dir, net: network}
	l.b2bua = netip.AddrPortFrom(l.address(t), 6067)
	t.Cleanup(func() {
		network.Release()
		if t.Failed() {
			t.Logf("what the programs wrote is kept in %s", dir)
			return
		}
		_ = os.RemoveAll(dir)
	})
	return l
}

func (l *lab) address(t *testing.T) netip.Addr {
	t.Helper()
	addr, err := l.net.Next()
	require.NoError(t, err)
	return addr
}

// subdir is a directory for one program.
func (l *lab) subdir(t *testing.T, name string) string {
	t.Helper()
	dir := filepath.Join(l.dir, name)
	require.NoError(t, os.MkdirAll(dir, 0o700))
	return dir
}

// start starts b2bua with more lines for its file; at the end of the test it is stopped and judged.
func (l *lab) start(t *testing.T, network, outboundProxy string, more ...string) {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), 3*time.Minute)
	defer cancel()
	binary, err := builder.Binary(ctx)
	require.NoError(t, err)
	file := fmt.Sprintf("[global]\nlog-level=message\nlog-directory=%[1]s/log\n[b2bua-server]\ndata-directory=%[1]s/data\n"+
		"transport=sip:%[2]s;transport=%[3]s\noutbound-proxy=%[4]s\n%[5]s\n", l.dir, l.b2bua, network, outboundProxy, strings.Join(more, "\n"))
	path := filepath.Join(l.dir, "b2bua.conf")
	require.NoError(t, os.WriteFile(path, []byte(file), 0o600))
	l.process, err = binary.Start(l.dir, nil, append([]string{"-c", path}, l.arguments...)...)
	require.NoError(t, err)
	t.Cleanup(func() {
		end := l.process.Stop()
		for _, fault := range product.Judge(l.process.Lines(), end, product.Announced{}) {
			t.Error(fault)
		}
	})
	require.NoError(t, l.process.AwaitReady(ctx, func(sockets []product.Socket) bool {
		for _, s := range sockets {
			if s.Listening && s.Local == l.b2bua {
				return true
			}
		}
		return false
	}))
}

func TestMain(m *testing.M) {
	status := m.Run()
	if text := table.String(); text != "" {
		fmt.Print("\n", text)
	}
	_ = errors.Join(stopBrowser(), builder.Remove(), os.RemoveAll(srtpFilter.dir), os.RemoveAll(bzrtpDir))
	os.Exit(status)
}
