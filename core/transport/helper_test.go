package transport

import (
	"context"
	"log/slog"
	"net/netip"
	"os"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"b2bua/core/sip"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// patience bounds every wait of the tests; nothing waits so long unless it is broken.
const patience = 10 * time.Second

type happening struct {
	what string // "request", "cancel", "response", "failure"
	tx   TxID
	msg  *sip.Message
	flow Flow
	err  error
}

// user is a Handler that records; its hooks run on the loop.
type user struct {
	t     *testing.T
	stack *Stack
	seen  chan happening
	on    func(happening)
	timer func() (time.Time, bool)
	timed func(now time.Time)
}

func (u *user) tell(h happening) {
	if u.seen == nil {
		return // of a benchmark
	}
	if u.on != nil {
		u.on(h)
	}
	select {
	case u.seen <- h:
	default: // a test of volume looks elsewhere
	}
}

func (u *user) HandleRequest(_ time.Time, tx TxID, m *sip.Message, f Flow) {
	u.tell(happening{"request", tx, m, f, nil})
}

func (u *user) HandleCancel(_ time.Time, tx TxID, m *sip.Message) {
	u.tell(happening{"cancel", tx, m, Flow{}, nil})
}

func (u *user) HandleResponse(_ time.Time, tx TxID, m *sip.Message) {
	u.tell(happening{"response", tx, m, u.stack.Came(), nil})
}

func (u *user) HandleFailure(_ time.Time, tx TxID, err error) {
	u.tell(happening{"failure", tx, nil, Flow{}, err})
}

func (u *user) HandleTime(now time.Time) {
	if u.timed != nil {
		u.timed(now)
	}
}

func (u *user) Deadline() (time.Time, bool) {
	if u.timer != nil {
		return u.timer()
	}
	return time.Time{}, false
}

// next waits for the next happening of that kind; others are skipped.
func (u *user) next(what string) happening {
	u.t.Helper()
	deadline := time.After(patience)
	for {
		select {
		case h := <-u.seen:
			if h.what == what {
				return h
			}
			u.t.Logf("skipped %s %v %v", h.what, h.msg, h.err)
		case <-deadline:
			require.Fail(u.t, "no "+what)
		}
	}
}

// do runs f on the loop and waits for it.
func (u *user) do(f func()) {
	u.t.Helper()
	done := make(chan struct{})
	require.NoError(u.t, u.stack.Do(func(time.Time) { defer close(done); f() }))
	select {
	case <-done:
	case <-time.After(patience):
		require.Fail(u.t, "the loop is stuck")
	}
}

func (u *user) request(m *sip.Message, hop NextHop) (id TxID) {
	u.t.Helper()
	u.do(func() { id = u.stack.Request(m, hop) })
	return id
}

// answering is a user that answers every request with that status.
func answering(t *testing.T, status int, settings ...setting) *user {
	t.Helper()
	u := &user{}
	u.on = func(h happening) {
		if h.what == "request" && h.tx != 0 {
			u.stack.Respond(h.tx, sip.NewResponse(h.msg, status, "", ""))
		}
	}
	return startUser(t, u, settings...)
}

func (u *user) respond(tx TxID, resp *sip.Message) {
	u.t.Helper()
	u.do(func() { u.stack.Respond(tx, resp) })
}

type setting func(*Config)

func listenOn(network, addr string) setting {
	return func(c *Config) {
		c.Listen = append(c.Listen, Listener{network, netip.MustParseAddrPort(addr)})
	}
}

// testLog keeps log lines for tests that look at them.
type testLog struct {
	mu    sync.Mutex
	lines strings.Builder
}

func (l *testLog) Write(b []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.lines.Write(b)
}

func (l *testLog) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.lines.String()
}

func (l *testLog) contains(s string) bool { return strings.Contains(l.String(), s) }

func newUser(t *testing.T, settings ...setting) *user {
	t.Helper()
	return startUser(t, &user{}, settings...)
}

// startUser starts a user whose hooks are set.
func startUser(t *testing.T, u *user, settings ...setting) *user {
	t.Helper()
	u.t, u.seen = t, make(chan happening, 1000)
	cfg := Config{}
	if os.Getenv("B2BUA_TEST_LOG") != "" {
		cfg.Log = slog.New(slog.NewTextHandler(os.Stderr, nil))
	}
	for _, set := range settings {
		set(&cfg)
	}
	cfg.Attach = func(s *Stack) { u.stack = s }
	stack, err := New(cfg, u)
	require.NoError(t, err)
	t.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.Background(), patience)
		defer cancel()
		require.NoError(t, stack.Close(ctx))
		require.Zero(t, stack.Flows(), "connections left")
	})
	return u
}

// at is the first address that a user listens on.
func (u *user) at() netip.AddrPort { return u.stack.Listening()[0].Addr }

func uriOf(t *testing.T, s string) sip.URI {
	t.Helper()
	u, err := sip.ParseURI(s)
	require.NoError(t, err)
	return u
}

// newRequest makes a request outside a dialog to that URI.
func newRequest(t *testing.T, method sip.Method, uri string) *sip.Message {
	t.Helper()
	to := uriOf(t, uri)
	m := &sip.Message{
		Method: method, URI: to, MaxForwards: 70,
		From:   sip.Address{URI: uriOf(t, "sip:alice@example.com")}.WithTag("alice"),
		To:     sip.Address{URI: to},
		CallID: sip.NewCallID(randomSource{}),
		CSeq:   sip.CSeq{Number: 20, Method: method},
	}
	if method == sip.INVITE {
		m.Contact = []sip.Address{{URI: sip.URI{Scheme: "sip", User: "alice"}}}
	}
	return m
}
