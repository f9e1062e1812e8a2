package transaction

import (
	"errors"
	"math/rand/v2"
	"net/netip"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"b2bua/core/sip"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

var (
	udpPath = Path{Flow: 1, Remote: netip.MustParseAddrPort("192.0.2.9:5060")}
	tcpPath = Path{Flow: 2, Remote: netip.MustParseAddrPort("192.0.2.9:40000"), Reliable: true}
)

// both runs a test over an unreliable and a reliable path.
func both(t *testing.T, f func(t *testing.T, b *bench, p Path)) {
	t.Run("udp", func(t *testing.T) { f(t, newBench(t), udpPath) })
	t.Run("tcp", func(t *testing.T) { f(t, newBench(t), tcpPath) })
}

// bench is an engine in simulated time.
type bench struct {
	*Engine
	t     *testing.T
	begin time.Time
	now   time.Time
}

func newBench(t *testing.T) *bench {
	return benchWith(t, Config{})
}

func benchWith(t *testing.T, cfg Config) *bench {
	cfg.Rand = rand.NewChaCha8([32]byte{7})
	start := time.Unix(1e9, 0)
	b := &bench{Engine: New(cfg), t: t, begin: start, now: start}
	t.Cleanup(func() {
		assert.Empty(t, b.outputs(), "outputs that the test did not look at")
		b.advance(time.Hour)
		b.Drain()
		if b.Pending() == 0 {
			assert.Zero(t, b.Len(), "transactions left after an hour")
			assert.Empty(t, b.byID)
			assert.Empty(t, b.flows)
			assert.Empty(t, b.heap)
		}
	})
	return b
}

func (b *bench) outputs() []Output { return append([]Output(nil), b.Drain()...) }

// advance runs all timers until then.
func (b *bench) advance(d time.Duration) {
	end := b.now.Add(d)
	for {
		at, ok := b.Deadline()
		if !ok || at.After(end) {
			break
		}
		require.False(b.t, at.Before(b.now), "a deadline in the past")
		b.now = at
		b.Tick(at)
	}
	b.now = end
}

// sends advances and returns when, since the last call of since, something was sent.
func (b *bench) sends(d time.Duration) (at []time.Duration, rest []Output) {
	since, end := b.now, b.now.Add(d)
	for {
		next, ok := b.Deadline()
		if !ok || next.After(end) {
			b.now = end
			return at, rest
		}
		b.now = next
		b.Tick(next)
		for _, o := range b.outputs() {
			if o.Kind == Send {
				at = append(at, next.Sub(since))
			} else {
				rest = append(rest, o)
			}
		}
	}
}

// want requires exactly these kinds of output and returns them.
func (b *bench) want(kinds ...Kind) []Output {
	b.t.Helper()
	out := b.outputs()
	var got []Kind
	for _, o := range out {
		got = append(got, o.Kind)
	}
	require.Equal(b.t, kinds, got)
	return out
}

func parsed(t *testing.T, wire []byte) *sip.Message {
	t.Helper()
	m, err := sip.Parse(wire)
	require.NoError(t, err)
	return m
}

var errLost = errors.New("the connection is gone")

func newRequest(method sip.Method, branch string) *sip.Message {
	u := sip.URI{Scheme: "sip", User: "bob", Host: "192.0.2.9"}
	return &sip.Message{
		Method: method, URI: u, MaxForwards: 70,
		Via:    []sip.Via{{Transport: "UDP", Host: "192.0.2.1", Port: 5060, Params: sip.Params{{Name: "branch", Value: sip.MagicCookie + branch, HasValue: true}}}},
		From:   sip.Address{URI: sip.URI{Scheme: "sip", User: "alice", Host: "192.0.2.1"}}.WithTag("a"),
		To:     sip.Address{URI: u},
		CallID: "call", CSeq: sip.CSeq{Number: 20, Method: method},
		Route: []sip.Address{{URI: sip.URI{Scheme: "sip", Host: "proxy.example.com", Params: sip.Params{{Name: "lr"}}}}},
	}
}

// start sends a request and takes its first transmission.
func (b *bench) start(m *sip.Message, p Path) ID {
	b.t.Helper()
	id := b.NewID()
	b.Request(b.now, id, m, p)
	o := b.want(Send)[0]
	require.Equal(b.t, id, o.Tx)
	require.Equal(b.t, p, o.Path)
	return id
}

// answer feeds a response to a request of ours.
func (b *bench) answer(m *sip.Message, status int, tag string) {
	b.Receive(b.now, sip.NewResponse(m, status, "", tag), udpPath)
}

// incoming feeds a request and returns its transaction.
func (b *bench) incoming(m *sip.Message, p Path) ID {
	b.t.Helper()
	b.Receive(b.now, m, p)
	if m.Method == sip.INVITE {
		out := b.want(Send, Request)
		assert.Equal(b.t, 100, parsed(b.t, out[0].Wire).Status, "100 goes out at once")
		return out[1].Tx
	}
	return b.want(Request)[0].Tx
}
