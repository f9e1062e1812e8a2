package endpoint

import (
	"context"
	"errors"
	"time"

	"b2bua/simulator/capture"
)

// Phone is one user agent.
type Phone struct{ cfg Config }

var errSoon = errors.New("endpoint: not implemented yet")

// New opens the phone's sockets and starts it.
func New(cfg Config) (*Phone, error) { return nil, errSoon }

// Close drops every call, closes the sockets and waits. It is idempotent.
func (p *Phone) Close() error { return nil }

// Name is Config.Name.
func (p *Phone) Name() string { return "" }

// URI is where the phone can be reached directly: "sip:marie@127.0.0.1:40123;transport=tcp".
func (p *Phone) URI() string { return "" }

// AOR is the phone's address of record.
func (p *Phone) AOR() string { return "" }

// Tone is the frequency it plays, Hz.
func (p *Phone) Tone() float64 { return 0 }

// Register binds the phone's contact at the proxy, answering a digest challenge when a password is known. The error of a refusal is *StatusError.
func (p *Phone) Register(ctx context.Context, expires time.Duration) error { return errSoon }

// Unregister removes the binding.
func (p *Phone) Unregister(ctx context.Context) error { return errSoon }

// Options sends OPTIONS to target (a URI, through Config.Proxy if set) and returns the final status.
func (p *Phone) Options(ctx context.Context, target string) (int, error) { return 0, errSoon }

// Send sends any request outside a dialog and waits for the final response. Body may be empty.
func (p *Phone) Send(ctx context.Context, method, target string, headers []Header, contentType, body string) (capture.Message, error) {
	return capture.Message{}, errSoon
}

// Call sends an INVITE to target (a URI) and returns without waiting for any response.
func (p *Phone) Call(target string, opts CallOptions) (*Call, error) { return nil, errSoon }

// WaitIncoming returns the next incoming call that no WaitIncoming has returned yet.
func (p *Phone) WaitIncoming(ctx context.Context) (*Call, error) { return nil, errSoon }

// Calls are all calls of the phone, oldest first, released ones included.
func (p *Phone) Calls() []*Call { return nil }

// Messages are all SIP messages that this phone sent and received, oldest first.
func (p *Phone) Messages() []capture.Message { return nil }

// WaitMessage returns the first message, past or future, that match accepts.
func (p *Phone) WaitMessage(ctx context.Context, what string, match func(capture.Message) bool) (capture.Message, error) {
	return capture.Message{}, errSoon
}
