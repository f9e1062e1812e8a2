package proxy

import (
	"context"
	"crypto/tls"
	"errors"
	"log/slog"
	"time"

	"b2bua/simulator/capture"
)

// Config describes a proxy. The zero value listens on tcp:127.0.0.1:0 and serves every domain.
type Config struct {
	Name    string   // party name in ladders; empty: "proxy"
	Listen  []string // "tcp:127.0.0.1:0", "udp:127.0.0.1:5060", "tls:…"; the first one is URI()
	Domains []string // domains whose users are looked up here; empty: all
	TLS     *tls.Config
	// TLSClient is used for outgoing TLS; nil: system roots.
	TLSClient *tls.Config

	Divert Divert

	MaxContacts int               // per address of record; 0: 10. One more REGISTER gets 403, as the original does
	MinExpires  time.Duration     // 0: none
	MaxExpires  time.Duration     // 0: one hour
	AuthDomains []string          // requests whose From domain is listed must authenticate (401 for REGISTER, 407 else)
	Passwords   map[string]string // "user@domain" -> password, for AuthDomains
	Realm       string            // empty: the From domain

	// Rewrite, if set, may change the Request-URI of a request before it is routed; it gets the message and returns the new URI,
	// empty: unchanged. Called on the proxy's loop: must not block.
	Rewrite func(capture.Message) string

	Record *capture.Recorder
	Log    *slog.Logger
	Seed   uint64
}

// Divert is module::B2bua.
type Divert struct {
	URI       string // "sip:127.0.0.1:6067;transport=tcp"; empty: module off
	UserAgent string // exact User-Agent of the B2BUA, which passes through; empty: recognised by the header X-Flexisip-B2BUA
}

// Contact is one binding.
type Contact struct {
	URI     string
	Expires time.Time
}

// Proxy is a running one.
type Proxy struct{}

var errSoon = errors.New("proxy: not implemented yet")

// New opens the sockets and starts it.
func New(cfg Config) (*Proxy, error) { return nil, errSoon }

// Close stops it and waits. It is idempotent.
func (p *Proxy) Close() error { return nil }

// URI is the address of the first listener with its real port, "sip:127.0.0.1:40123;transport=tcp".
func (p *Proxy) URI() string { return "" }

// URIs are those of all listeners.
func (p *Proxy) URIs() []string { return nil }

// SetDivert switches or changes the diversion; takes effect with the next request.
func (p *Proxy) SetDivert(d Divert) {}

// Contacts of an address of record ("sip:marie@sip.example.org" or "marie@sip.example.org").
func (p *Proxy) Contacts(aor string) []Contact { return nil }

// Bind adds a contact by hand, as if it had registered for an hour: for peers that do not register.
func (p *Proxy) Bind(aor, contact string) error { return errSoon }

// Messages are all SIP messages that crossed the proxy, oldest first.
func (p *Proxy) Messages() []capture.Message { return nil }

// WaitMessage returns the first message, past or future, that match accepts.
func (p *Proxy) WaitMessage(ctx context.Context, what string, match func(capture.Message) bool) (capture.Message, error) {
	return capture.Message{}, errSoon
}
