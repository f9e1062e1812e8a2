package proxy

import (
	"context"
	"crypto/rand"
	"fmt"
	"io"
	"log/slog"
	"net/netip"
	"slices"
	"strings"
	"sync"
	"time"

	"b2bua/core/digest"
	"b2bua/core/sip"
	"b2bua/core/transaction"
	"b2bua/core/transport"
	"b2bua/simulator/capture"
	"b2bua/simulator/proxy/filter"
)

// closing is how long Close waits for the stack to stop.
const closing = 5 * time.Second

// Proxy is a running one.
type Proxy struct {
	cfg   Config
	stack *transport.Stack
	self  []transport.Listener
	rand  io.Reader
	log   *capture.Log

	routes []route // of module::Forward
	hosts  resolver

	mu       sync.Mutex // guards all below
	divert   target
	waiting  map[*forward]time.Time // forwards that have contacts left, and when these are tried
	bindings registrar
	servers  map[transport.TxID]*forward // by server transaction
	branches map[transport.TxID]*branch  // by client transaction
	acks     map[string]*branch          // by dialog: whose 2xx made it
	digests  map[realmKey]*digest.Server
	closed   bool

	faults    map[string]*Fault // by address of record, "" is that of all others
	registers int

	registered map[transport.FlowID]bool    // connections that brought a REGISTER; the loop's
	flows      map[flowKey]transport.FlowID // connections that brought a request; the loop's
}

// target is the B2BUA with its URI understood.
type target struct {
	Divert
	uri  sip.URI
	only filter.Expression
}

// New opens the sockets and starts it.
func New(cfg Config) (*Proxy, error) {
	if cfg.Name == "" {
		cfg.Name = "proxy"
	}
	if cfg.Log == nil {
		cfg.Log = slog.New(slog.DiscardHandler)
	}
	if len(cfg.Listen) == 0 {
		cfg.Listen = []string{"tcp:127.0.0.1:0"}
	}
	p := &Proxy{
		cfg: cfg, rand: rand.Reader, log: capture.NewLog(), bindings: newRegistrar(cfg),
		servers: map[transport.TxID]*forward{}, branches: map[transport.TxID]*branch{}, acks: map[string]*branch{}, digests: map[realmKey]*digest.Server{},
		faults: map[string]*Fault{}, registered: map[transport.FlowID]bool{},
		waiting: map[*forward]time.Time{}, hosts: newResolver(cfg.Hosts), flows: map[flowKey]transport.FlowID{},
	}
	var listen []transport.Listener
	for _, s := range cfg.Listen {
		l, err := parseListen(s)
		if err != nil {
			return nil, err
		}
		listen = append(listen, l)
	}
	if err := p.configure(); err != nil {
		return nil, err
	}
	tap, limits := p.tap, transport.Limits{}
	if cfg.Forgetful { // one address brings all of a load
		const enough = 4_000_000
		tap, limits.Transactions = nil, transaction.Limits{PendingPerSource: enough, Pending: enough, Transactions: enough, TransactionsPerSource: enough}
	}
	attach := func(s *transport.Stack) { p.stack, p.self = s, s.Listening() }
	if _, err := transport.New(transport.Config{
		Listen: listen, TLS: cfg.TLS, TLSClient: cfg.TLSClient, Resolver: p.hosts, Log: cfg.Log, Tap: tap, Limits: limits, Attach: attach,
		OnFlowLost: func(_ time.Time, f transport.Flow) { p.lost(f) },
	}, p); err != nil {
		return nil, fmt.Errorf("proxy: %w", err)
	}
	return p, nil
}

// configure understands what of the configuration is text.
func (p *Proxy) configure() error {
	if err := p.setDivert(p.cfg.Divert); err != nil {
		return err
	}
	var err error
	if p.routes, err = newRoutes(p.cfg.Routes); err != nil {
		return err
	}
	for _, s := range p.cfg.Static {
		if err := p.bind(s.AOR, s.Contacts, static); err != nil {
			return err
		}
	}
	return nil
}

func parseListen(s string) (transport.Listener, error) {
	network, addr, _ := strings.Cut(s, ":")
	at, err := netip.ParseAddrPort(addr)
	if err != nil || !slices.Contains([]string{"udp", "tcp", "tls"}, network) {
		return transport.Listener{}, fmt.Errorf("proxy: listening address %q: write udp:, tcp: or tls:, then address:port", s)
	}
	return transport.Listener{Network: network, Addr: at}, nil
}

// Close stops it and waits. It is idempotent.
func (p *Proxy) Close() error {
	p.mu.Lock()
	again := p.closed
	p.closed = true
	p.mu.Unlock()
	if again {
		return nil
	}
	ctx, cancel := context.WithTimeout(context.Background(), closing)
	defer cancel()
	if err := p.stack.Close(ctx); err != nil {
		return fmt.Errorf("proxy: %w", err)
	}
	return nil
}

// URI is the address of the first listener with its real port, "sip:127.0.0.1:40123;transport=tcp".
func (p *Proxy) URI() string { return p.URIs()[0] }

// URIs are those of all listeners.
func (p *Proxy) URIs() []string {
	var out []string
	for _, l := range p.self {
		u := listenerURI(l)
		out = append(out, u.String())
	}
	return out
}

func listenerURI(l transport.Listener) sip.URI {
	host := l.Addr.Addr().Unmap().String()
	if l.Addr.Addr().Unmap().Is6() {
		host = "[" + host + "]"
	}
	u := sip.URI{Scheme: "sip", Host: host, Port: int(l.Addr.Port())}
	if l.Network != "udp" {
		u.Params = u.Params.With("transport", l.Network)
	}
	return u
}

// SetDivert switches or changes the diversion; takes effect with the next request.
func (p *Proxy) SetDivert(d Divert) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.setDivert(d)
}

func (p *Proxy) setDivert(d Divert) error {
	t := target{Divert: d}
	if d.URI != "" {
		u, err := sip.ParseURI(d.URI)
		if err != nil {
			return fmt.Errorf("proxy: address of the B2BUA %q: %w", d.URI, err)
		}
		t.uri = u
		if !u.Params.Has("lr") {
			t.uri.Params = u.Params.WithFlag("lr")
		}
	}
	only, err := filter.Parse(d.Filter)
	if err != nil {
		return fmt.Errorf("proxy: filter of the B2BUA: %w", err)
	}
	t.only = only
	p.divert = t
	return nil
}

// Contact is one binding.
type Contact struct {
	URI     string
	Expires time.Time
}

// Contacts of an address of record ("sip:marie@sip.example.org" or "marie@sip.example.org"), oldest first.
func (p *Proxy) Contacts(aor string) []Contact {
	p.mu.Lock()
	defer p.mu.Unlock()
	var out []Contact
	for _, b := range p.bindings.lookup(aorOf(aor), time.Now()) {
		out = append(out, Contact{b.uri.String(), b.expires})
	}
	return out
}

// Bind adds a contact by hand, as if it had registered for an hour: for peers that do not register. It may be an address with
// a priority, "<sip:+33612345678@example.net;user=phone>;q=0.5".
func (p *Proxy) Bind(aor, contact string) error { return p.bind(aor, contact, time.Hour) }

// static is how long a contact of the configuration lasts: longer than any run.
const static = 10 * 365 * 24 * time.Hour

func (p *Proxy) bind(aor, contacts string, expires time.Duration) error {
	list, err := parseContacts(contacts)
	if err != nil {
		return fmt.Errorf("proxy: contact %q of %s: %w", contacts, aor, err)
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, a := range list {
		p.bindings.bind(aorOf(aor), binding{uri: a.URI, expires: time.Now().Add(expires), q: priority(a)})
	}
	return nil
}

// Messages are all SIP messages that crossed the proxy, oldest first.
func (p *Proxy) Messages() []capture.Message { return p.log.All() }

// WaitMessage returns the first message, past or future, that match accepts.
func (p *Proxy) WaitMessage(ctx context.Context, what string, match func(capture.Message) bool) (capture.Message, error) {
	m, err := p.log.Wait(ctx, what, match)
	if err != nil {
		return m, fmt.Errorf("proxy: %w", err)
	}
	return m, nil
}

// tap records one message. It runs while mu may be held.
func (p *Proxy) tap(dir transport.Direction, flow transport.Flow, raw []byte, at time.Time) {
	m := capture.Message{At: at, Owner: p.cfg.Name, Sent: dir == transport.Out, Network: flow.Network, From: flow.Local, To: flow.Remote, Raw: raw}
	if !m.Sent {
		m.From, m.To = flow.Remote, flow.Local
	}
	p.log.Add(m)
	if p.cfg.Record != nil {
		p.cfg.Record.SIP(m)
	}
}
