package redislink

import (
	"context"
	"errors"
	"fmt"
	"net"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"b2bua/core/account/redisfeed"
	"b2bua/core/event"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// store is a Loader that counts, and a log.
type store struct {
	mu      sync.Mutex
	loads   int
	read    map[string]string // by URI: the last identifier
	reads   int
	lines   []string
	down    error
	blocked bool // One waits for the end of its context
	slow    time.Duration
	aborted int
}

func (s *store) Reload(context.Context) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.loads++
	return s.down
}

func (s *store) One(ctx context.Context, k redisfeed.Key) error {
	s.mu.Lock()
	blocked := s.blocked
	s.reads++
	s.read[k.URI] = k.Identifier
	s.mu.Unlock()
	if s.slow > 0 {
		select {
		case <-ctx.Done():
		case <-time.After(s.slow):
		}
	}
	if blocked {
		<-ctx.Done()
		s.mu.Lock()
		s.aborted++
		s.mu.Unlock()
	}
	return nil
}

func (s *store) log(e event.Event) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.lines = append(s.lines, e.Text())
}

func (s *store) text() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return strings.Join(s.lines, "\n")
}

// has waits until what is counted is there.
func (s *store) has(t *testing.T, what func() bool, format string, args ...any) {
	t.Helper()
	if !assert.Eventually(t, func() bool {
		s.mu.Lock()
		defer s.mu.Unlock()
		return what()
	}, 20*time.Second, 2*time.Millisecond) {
		t.Fatalf("not so: "+format+"; the log:\n%s", append(args, s.text())...)
	}
}

func (s *store) says(t *testing.T, part string) {
	t.Helper()
	if !assert.Eventually(t, func() bool { return strings.Contains(s.text(), part) }, 20*time.Second, 2*time.Millisecond) {
		t.Fatalf("no %q in\n%s", part, s.text())
	}
}

// run starts Run; the test waits for its end, when everything it began must be gone.
func run(t *testing.T, cfg Config, stores ...*store) (stop func()) {
	pools := make([]Pool, 0, len(stores))
	for i, s := range stores {
		s.read = map[string]string{}
		pools = append(pools, Pool{fmt.Sprint("pool", i+1), s})
	}
	cfg.Log = stores[0].log
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan struct{})
	go func() { Run(ctx, cfg, pools); close(done) }()
	stop = func() {
		cancel()
		select {
		case <-done:
		case <-time.After(20 * time.Second):
			t.Error("Run does not end")
		}
	}
	t.Cleanup(stop)
	return stop
}

func following(host redisfeed.Host) *redisfeed.Config {
	return &redisfeed.Config{Server: host, CheckPeriod: 50 * time.Millisecond, UseReplicas: true, KeepAlive: 50 * time.Millisecond, Retry: 20 * time.Millisecond}
}

func TestWithoutRedisPoolsAreLoaded(t *testing.T) {
	one, two := &store{}, &store{down: errors.New("no route to host")}
	run(t, Config{}, one, two)
	one.has(t, func() bool { return one.loads == 1 }, "loaded")
	one.says(t, "live updates of accounts are off: redis-server-domain")
	one.says(t, "pool pool2: the database cannot be asked (no route to host)")
	two.mu.Lock()
	two.down = nil
	two.mu.Unlock()
	one.says(t, "pool pool2: the database answers again")
	assert.Equal(t, 1, one.loads, "the other pool is not concerned")
}

func TestNobodyListens(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	port := l.Addr().(*net.TCPAddr).Port
	require.NoError(t, l.Close())
	s := &store{}
	run(t, Config{Redis: following(redisfeed.Host{Name: "127.0.0.1", Port: uint16(port)})}, s)
	s.has(t, func() bool { return s.loads == 1 }, "loaded all the same")
	s.says(t, "connection refused")
}

func TestAServerThatSaysNothing(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	defer l.Close() //nolint:errcheck // over
	s := &store{}
	stop := run(t, Config{Redis: following(redisfeed.Host{Name: "127.0.0.1", Port: uint16(l.Addr().(*net.TCPAddr).Port)})}, s)
	c, err := l.Accept()
	require.NoError(t, err)
	defer c.Close() //nolint:errcheck // over
	stop()          // ends although an answer is awaited
	assert.Equal(t, 1, s.loads)
}

func TestTLSFiles(t *testing.T) {
	_, err := TLS("/nonexistent/ca.pem", "", "")
	require.ErrorContains(t, err, "redis-tls-cafile")
}
