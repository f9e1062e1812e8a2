package register

import (
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"b2bua/core/digest"
	"b2bua/core/event"
	"b2bua/core/sip"
	"b2bua/core/transaction"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// world is an engine, simulated time and registrars that answer after a moment.
type world struct {
	t      testing.TB
	e      *Engine
	pool   PoolID
	now    time.Time
	begin  time.Time
	agenda []happening
	answer func(w *world, m *sip.Message) *sip.Message // nil: silence
	broken error                                       // every request fails with it at once
	flow   uint64
	rtt    time.Duration
	udp    bool // what is not answered is repeated

	sent    []sent
	changes map[ID][]Status
	gone    []ID
	events  []event.Event
	keep    bool // of requests
	count   int
	open    int
	most    int
}

type happening struct {
	at time.Time
	do func()
}

type sent struct {
	at  time.Time
	msg *sip.Message
	hop Hop
}

func seed(n byte) *rand.ChaCha8 { return rand.NewChaCha8([32]byte{n}) }

func newWorld(t testing.TB, random io.Reader) *world {
	w := &world{t: t, begin: time.Unix(1_700_000_000, 0), changes: map[ID][]Status{}, rtt: 10 * time.Millisecond, keep: true}
	w.now = w.begin
	w.e = New(Config{UserAgent: "test", Instance: "urn:uuid:0", Rand: random})
	w.pool = w.e.Pool("pool", 0)
	w.answer = func(_ *world, m *sip.Message) *sip.Message { return ok(m, 3600) }
	return w
}

func account(n int) Account {
	u := sip.URI{Scheme: "sip", User: fmt.Sprintf("account%d", n), Host: "example.org"}
	return Account{
		Name: u.String(), Identity: sip.Address{URI: u}, Registrar: sip.URI{Scheme: "sip", Host: "registrar.example.org"}, Unregister: true,
	}
}

func withPassword(a Account) Account {
	a.Credentials = []digest.Credentials{{User: a.Identity.URI.User, Realm: "example.org", Password: "secret"}}
	return a
}

// ok is a 200 that grants that many seconds to the Contact of the request.
func ok(m *sip.Message, seconds int) *sip.Message {
	resp := sip.NewResponse(m, 200, "", "t")
	for _, c := range m.Contact {
		if v, _ := m.Header("Expires"); v == "0" {
			continue
		}
		c.Params = c.Params.With("expires", fmt.Sprint(seconds))
		resp.Contact = append(resp.Contact, c)
	}
	return resp
}

func status(code int, headers ...string) func(*world, *sip.Message) *sip.Message {
	return func(_ *world, m *sip.Message) *sip.Message {
		resp := sip.NewResponse(m, code, "", "t")
		for _, h := range headers {
			name, value, _ := strings.Cut(h, ": ")
			resp.Add(name, value)
		}
		return resp
	}
}

func silence(*world, *sip.Message) *sip.Message { return nil }

// guarded is a registrar that challenges everything.
func guarded(t testing.TB, cfg digest.ServerConfig) func(*world, *sip.Message) *sip.Message {
	cfg.Realm, cfg.Rand = "example.org", seed(99)
	s, err := digest.NewServer(cfg)
	require.NoError(t, err)
	return func(w *world, m *sip.Message) *sip.Message {
		_, err := s.Verify(w.now, m, func(user string) (digest.Credentials, bool) {
			return digest.Credentials{User: user, Password: "secret"}, true
		})
		switch {
		case err == nil:
			return ok(m, 3600)
		case errors.Is(err, digest.ErrWrong):
			return sip.NewResponse(m, 403, "", "t")
		}
		return s.Challenge(w.now, m, "t", errors.Is(err, digest.ErrStale))
	}
}

func (w *world) at(d time.Duration, do func()) {
	h := happening{w.now.Add(d), do}
	i, _ := slices.BinarySearchFunc(w.agenda, h, func(a, b happening) int {
		if c := a.at.Compare(b.at); c != 0 {
			return c
		}
		return -1
	})
	w.agenda = slices.Insert(w.agenda, i, h)
}

func (w *world) drain() {
	for {
		o, ok := w.e.Poll()
		if !ok {
			return
		}
		switch o := o.(type) {
		case SendRequest:
			w.send(o)
		case Changed:
			w.changes[o.ID] = append(w.changes[o.ID], o.Status)
		case Gone:
			w.gone = append(w.gone, o.ID)
		case Happened:
			require.NotEmpty(w.t, o.Event.Text())
			w.events = append(w.events, o.Event)
		}
	}
}

// send puts a request through wire format, as a transport does.
func (w *world) send(o SendRequest) {
	w.count++
	w.open++
	w.most = max(w.most, w.open)
	if w.keep {
		w.sent = append(w.sent, sent{w.now, o.Msg, o.Hop})
	}
	ref, flow, m := o.Ref, w.flow, o.Msg.Clone()
	done := func(do func()) func() {
		return func() { w.open--; do() }
	}
	if w.broken != nil {
		err := w.broken
		w.at(0, done(func() { w.e.Failed(w.now, ref, err) }))
		return
	}
	if m.Contact[0].URI.Host == "" {
		m.Contact[0].URI.Host, m.Contact[0].URI.Port = "192.0.2.1", 40000+int(flow) //nolint:gosec // small
	}
	w.ask(m, 0, done(func() {
		w.e.Failed(w.now, ref, &transaction.TimeoutError{Method: sip.REGISTER, After: 32 * time.Second})
	}), func(resp *sip.Message) {
		w.at(w.rtt, done(func() { w.e.Response(w.now, ref, resp, Way{Flow: flow, Contact: m.Contact[0].URI}) }))
	})
}

// ask puts the request to the registrar; by UDP again and again (RFC 3261 section 17.1.2.2).
func (w *world) ask(m *sip.Message, after time.Duration, fail func(), answer func(*sip.Message)) {
	if w.broken == nil {
		if resp := w.answer(w, m); resp != nil {
			answer(resp)
			return
		}
	}
	step := 32*time.Second - after
	if w.udp {
		step = min(max(after+500*time.Millisecond, 500*time.Millisecond), 4*time.Second, step)
	}
	w.at(step, func() {
		if after += step; after >= 32*time.Second {
			fail()
			return
		}
		w.ask(m, after, fail, answer)
	})
}

// run lets that much time pass.
func (w *world) run(d time.Duration) {
	end := w.now.Add(d)
	w.drain()
	for {
		next, due := w.e.Deadline()
		if len(w.agenda) > 0 && (!due || !next.Before(w.agenda[0].at)) {
			h := w.agenda[0]
			if h.at.After(end) {
				break
			}
			w.now, w.agenda = h.at, w.agenda[1:]
			h.do()
			w.drain()
			continue
		}
		if !due || next.After(end) {
			break
		}
		if next.After(w.now) {
			w.now = next
		}
		w.e.Advance(w.now)
		w.drain()
	}
	w.now = end
}

func (w *world) add(a Account) ID {
	id := w.e.Add(w.now, w.pool, a)
	w.drain()
	return id
}

func (w *world) states(id ID) []State {
	var out []State
	for _, s := range w.changes[id] {
		out = append(out, s.State)
	}
	return out
}

// eventsOf are the events of one kind.
func eventsOf[E event.Event](w *world) []E {
	var out []E
	for _, ev := range w.events {
		if e, ok := ev.(E); ok {
			out = append(out, e)
		}
	}
	return out
}
