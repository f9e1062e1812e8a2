package endpoint

import (
	"context"
	"crypto/rand"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"log/slog"
	mathrand "math/rand/v2"
	"net/netip"
	"slices"
	"strings"
	"sync"
	"time"

	"b2bua/core/digest"
	"b2bua/core/sip"
	"b2bua/core/transport"
	"b2bua/simulator/capture"
	"b2bua/simulator/stream"
	"b2bua/simulator/tone"
)

// allow lists what a phone answers other than with 405.
const allow = "INVITE, ACK, CANCEL, BYE, OPTIONS, INFO, UPDATE, NOTIFY, MESSAGE"

// closing is how long Close waits for the stack to stop.
const closing = 5 * time.Second

// Phone is one user agent.
type Phone struct {
	cfg      Config
	aor      sip.URI
	proxy    sip.URI // zero: none
	mediaIP  netip.Addr
	secondIP netip.Addr
	listen   transport.Listener
	stack    *transport.Stack
	rand     io.Reader
	identity *stream.Identity // shown in DTLS; made when it is needed first
	memory   *memory          // of ZRTP, likewise
	log      *capture.Log
	changed  signal

	mu         sync.Mutex // guards all below and the calls
	calls      []*Call
	handed     int // calls given out by WaitIncoming
	requests   map[transport.TxID]pending
	timers     []timer
	keepAlive  *registration
	digest     *digest.Client
	closed     bool
	refuseInfo int // status that INFO is answered with; 0: it is taken
}

// pending is what waits for the responses of a request of ours. Both run on the loop with mu held.
type pending struct {
	response func(now time.Time, resp *sip.Message)
	failure  func(now time.Time, err error)
}

type timer struct {
	at  time.Time
	run func(now time.Time)
}

// New opens the phone's sockets and starts it.
func New(cfg Config) (*Phone, error) {
	p := &Phone{cfg: cfg, rand: rand.Reader, log: capture.NewLog(), requests: map[transport.TxID]pending{}, changed: newSignal()}
	if err := p.configure(); err != nil {
		return nil, err
	}
	if cfg.Seed != 0 {
		var seed [32]byte
		binary.LittleEndian.PutUint64(seed[:], cfg.Seed)
		copy(seed[8:], p.cfg.Name)
		p.rand = &lockedReader{r: mathrand.NewChaCha8(seed)}
	}
	attach := func(s *transport.Stack) { p.stack, p.listen = s, s.Listening()[0] }
	if _, err := transport.New(transport.Config{
		Listen: []transport.Listener{p.listen}, TLS: cfg.TLS, TLSClient: cfg.TLSClient, Log: p.cfg.Log, Tap: p.tap, Rand: p.rand, Attach: attach,
	}, p); err != nil {
		return nil, fmt.Errorf("phone %s: %w", p.cfg.Name, err)
	}
	return p, nil
}

// configure fills in the defaults and checks the addresses.
func (p *Phone) configure() (err error) {
	if p.aor, err = sip.ParseURI(p.cfg.AOR); err != nil {
		return fmt.Errorf("phone %s: AOR %q: %w", p.cfg.Name, p.cfg.AOR, err)
	}
	if p.cfg.Name == "" {
		p.cfg.Name = p.aor.User
	}
	if p.cfg.Username == "" {
		p.cfg.Username = p.aor.User
	}
	if p.cfg.UserAgent == "" {
		p.cfg.UserAgent = "sipsim"
	}
	if p.cfg.Tone == 0 {
		p.cfg.Tone = tone.Frequency(p.cfg.Name)
	}
	if p.cfg.Log == nil {
		p.cfg.Log = slog.New(slog.DiscardHandler)
	}
	if p.cfg.Proxy != "" {
		if p.proxy, err = sip.ParseURI(p.cfg.Proxy); err != nil {
			return fmt.Errorf("phone %s: proxy %q: %w", p.cfg.Name, p.cfg.Proxy, err)
		}
		if !p.proxy.Params.Has("lr") {
			p.proxy.Params = p.proxy.Params.WithFlag("lr")
		}
	}
	if p.listen, err = parseListen(p.cfg.Listen); err != nil {
		return fmt.Errorf("phone %s: %w", p.cfg.Name, err)
	}
	p.mediaIP = p.listen.Addr.Addr()
	if p.cfg.MediaIP != "" {
		if p.mediaIP, err = netip.ParseAddr(p.cfg.MediaIP); err != nil {
			return fmt.Errorf("phone %s: media address: %w", p.cfg.Name, err)
		}
	}
	if p.cfg.SecondIP != "" {
		if p.secondIP, err = netip.ParseAddr(p.cfg.SecondIP); err != nil {
			return fmt.Errorf("phone %s: second address: %w", p.cfg.Name, err)
		}
	}
	_, err = parseMedia(p.cfg.Media)
	return err
}

func parseListen(s string) (transport.Listener, error) {
	if s == "" {
		s = "tcp:127.0.0.1:0"
	}
	network, addr, _ := strings.Cut(s, ":")
	at, err := netip.ParseAddrPort(addr)
	if err != nil || !slices.Contains([]string{"udp", "tcp", "tls"}, network) {
		return transport.Listener{}, fmt.Errorf("listening address %q: write udp:, tcp: or tls:, then address:port", s)
	}
	return transport.Listener{Network: network, Addr: at}, nil
}

// lockedReader lets the loop and the callers of a seeded phone share one source.
type lockedReader struct {
	mu sync.Mutex
	r  io.Reader
}

// Read reads under the lock.
func (l *lockedReader) Read(b []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.r.Read(b)
}

// Close drops every call, closes the sockets and waits. It is idempotent.
func (p *Phone) Close() error {
	p.mu.Lock()
	again := p.closed
	p.closed = true
	p.mu.Unlock()
	if again {
		return nil
	}
	ctx, cancel := context.WithTimeout(context.Background(), closing)
	defer cancel()
	err := p.stack.Close(ctx)
	p.mu.Lock()
	for _, c := range p.calls {
		c.release("local", "phone closed")
	}
	calls := slices.Clone(p.calls)
	p.mu.Unlock()
	for _, c := range calls {
		c.closeStreams()
	}
	if p.memory != nil && p.memory.file != nil {
		err = errors.Join(err, p.memory.file.Close(ctx))
	}
	if err != nil {
		return fmt.Errorf("phone %s: %w", p.cfg.Name, err)
	}
	return nil
}

// Name is Config.Name.
func (p *Phone) Name() string { return p.cfg.Name }

// URI is where the phone can be reached directly: "sip:marie@127.0.0.1:40123;transport=tcp".
func (p *Phone) URI() string {
	at := p.listen
	u := sip.URI{Scheme: "sip", User: p.aor.User, Host: host(at.Addr.Addr()), Port: int(at.Addr.Port())}
	if at.Network != "udp" {
		u.Params = u.Params.With("transport", at.Network)
	}
	return u.String()
}

func host(a netip.Addr) string {
	if a.Is6() && !a.Is4In6() {
		return "[" + a.String() + "]"
	}
	return a.Unmap().String()
}

// AOR is the phone's address of record.
func (p *Phone) AOR() string { return p.cfg.AOR }

// Tone is the frequency it plays, Hz.
func (p *Phone) Tone() float64 { return p.cfg.Tone }

// Messages are all SIP messages that this phone sent and received, oldest first.
func (p *Phone) Messages() []capture.Message { return p.log.All() }

// WaitMessage returns the first message, past or future, that match accepts.
func (p *Phone) WaitMessage(ctx context.Context, what string, match func(capture.Message) bool) (capture.Message, error) {
	m, err := p.log.Wait(ctx, what, match)
	if err != nil {
		return m, fmt.Errorf("phone %s: %w", p.cfg.Name, err)
	}
	return m, nil
}

// Calls are all calls of the phone, oldest first, released ones included.
func (p *Phone) Calls() []*Call {
	p.mu.Lock()
	defer p.mu.Unlock()
	return slices.Clone(p.calls)
}

// WaitIncoming returns the next incoming call that no WaitIncoming has returned yet.
func (p *Phone) WaitIncoming(ctx context.Context) (*Call, error) {
	var found *Call
	err := p.wait(ctx, "an incoming call", func() (bool, error) {
		for ; p.handed < len(p.calls); p.handed++ {
			if c := p.calls[p.handed]; c.incoming {
				p.handed++
				found = c
				return true, nil
			}
		}
		return false, nil
	})
	return found, err
}

// wait runs ok with mu held whenever something changed, until it says true or an error.
func (p *Phone) wait(ctx context.Context, what string, ok func() (bool, error)) error {
	for {
		changed := p.changed.wait()
		p.mu.Lock()
		done, err := ok()
		p.mu.Unlock()
		switch {
		case err != nil:
			return fmt.Errorf("phone %s: waiting for %s: %w", p.cfg.Name, what, err)
		case done:
			return nil
		}
		select {
		case <-changed:
		case <-ctx.Done():
			return fmt.Errorf("phone %s: waiting for %s: %w; %s", p.cfg.Name, what, context.Cause(ctx), p.tell())
		}
	}
}

// tell describes the calls for the error of a wait that failed.
func (p *Phone) tell() string {
	var parts []string
	for _, c := range p.Calls() {
		s := c.Summary()
		part := fmt.Sprintf("%s call is %s", s.Direction, s.State)
		if s.Status != 0 {
			part += fmt.Sprintf(" (%d %s)", s.Status, s.Phrase)
		}
		if s.EndCause != "" {
			part += fmt.Sprintf(", ended by %s: %s", s.EndedBy, s.EndCause)
		}
		for _, m := range s.Streams {
			part += fmt.Sprintf("; %s %s %s %s, %d sent, %d received, %d refused, hears %.0f Hz", m.Kind, m.Encryption, m.Codec, m.Direction, m.Sent, m.Received, m.Refused, m.ToneHeard)
		}
		parts = append(parts, part)
	}
	if len(parts) == 0 {
		return "it had no call"
	}
	return strings.Join(parts, " | ")
}

var errClosed = errors.New("the phone is closed")

// do runs f on the loop with mu held, and waits for it. Never called from the loop.
func (p *Phone) do(f func(now time.Time) error) error {
	done := make(chan error, 1)
	err := p.stack.Do(func(now time.Time) {
		p.mu.Lock()
		defer p.mu.Unlock()
		done <- f(now)
	})
	if err != nil {
		return fmt.Errorf("phone %s: %w", p.cfg.Name, err)
	}
	timeout := time.NewTimer(2 * closing)
	defer timeout.Stop()
	select {
	case err = <-done:
		p.changed.fire()
		return err
	case <-timeout.C:
		return fmt.Errorf("phone %s: %w", p.cfg.Name, errClosed)
	}
}

// signal wakes everyone who waits.
type signal struct {
	mu *sync.Mutex
	ch *chan struct{}
}

func newSignal() signal {
	ch := make(chan struct{})
	return signal{&sync.Mutex{}, &ch}
}

func (s signal) wait() <-chan struct{} {
	s.mu.Lock()
	defer s.mu.Unlock()
	return *s.ch
}

func (s signal) fire() {
	s.mu.Lock()
	defer s.mu.Unlock()
	close(*s.ch)
	*s.ch = make(chan struct{})
}
