package redislink

import (
	"context"
	"crypto/tls"
	"errors"
	"io"
	"net"
	"sync"
	"time"

	"github.com/redis/go-redis/v9"
	"github.com/redis/go-redis/v9/maintnotifications"

	"b2bua/core/account/redisfeed"
)

// ioPatience is longer than that of the Feed, which decides.
const ioPatience = 10 * time.Second

// link is one attempt at a server: a connection for commands, one for the subscription.
type link struct {
	id     redisfeed.Link
	host   redisfeed.Host
	tls    *tls.Config
	client *redis.Client
	ctx    context.Context
	cancel context.CancelFunc

	mu     sync.Mutex
	sub    *redis.PubSub
	conns  []net.Conn
	dials  int
	closed bool
}

var errLost = errors.New("the connection was lost")

// dial makes the two connections and no more: to connect again is the Feed's to decide, not the library's.
func (l *link) dial(ctx context.Context, network, address string) (net.Conn, error) {
	l.mu.Lock()
	l.dials++
	spent := l.dials > 2 || l.closed
	l.mu.Unlock()
	if spent {
		return nil, errLost
	}
	c, err := (&net.Dialer{Timeout: ioPatience, KeepAlive: 30 * time.Second}).DialContext(ctx, network, address)
	if err != nil {
		return nil, err //nolint:wrapcheck // says what was dialled
	}
	if l.tls != nil {
		cfg := l.tls.Clone()
		cfg.ServerName = l.host.Name
		secure := tls.Client(c, cfg)
		if err := secure.HandshakeContext(ctx); err != nil {
			_ = c.Close()
			return nil, err //nolint:wrapcheck // says that it is TLS or the certificate
		}
		c = secure
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.closed {
		_ = c.Close()
		return nil, errLost
	}
	l.conns = append(l.conns, c)
	return c, nil
}

// close ends what is open, whoever waits for it.
func (l *link) close() {
	l.cancel()
	l.mu.Lock()
	l.closed = true
	conns, sub := l.conns, l.sub
	l.mu.Unlock()
	for _, c := range conns {
		if t, ok := c.(*tls.Conn); ok {
			c = t.NetConn() // without a farewell, which may block
		}
		_ = c.Close()
	}
	if sub != nil {
		_ = sub.Close()
	}
	_ = l.client.Close()
}

// refusedUnseen: TLS came about, without a certificate of ours, and nothing after it (TLS 1.3 refuses clients so late).
func (l *link) refusedUnseen() bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.tls != nil && len(l.tls.Certificates) == 0 && len(l.conns) > 0
}

func (h *hub) connect(o redisfeed.Connect) {
	l := &link{id: o.Link, host: o.Host, tls: h.cfg.TLS}
	l.ctx, l.cancel = context.WithCancel(h.ctx)
	user := h.cfg.User
	if h.cfg.Password == "" {
		user = ""
	}
	l.client = redis.NewClient(&redis.Options{
		Addr: o.Host.String(), Dialer: l.dial, Username: user, Password: string(h.cfg.Password), Protocol: 2,
		MaxRetries: -1, DialerRetries: 1, DialTimeout: ioPatience, ReadTimeout: ioPatience, WriteTimeout: ioPatience, ContextTimeoutEnabled: true,
		ConnMaxIdleTime: -1, // checks of the role may be rarer than half an hour, and a third connection is not made
		DisableIdentity: true, MaintNotificationsConfig: &maintnotifications.Config{Mode: maintnotifications.ModeDisabled},
	})
	h.links[o.Link] = l
	h.spawn(func() {
		err := l.client.Ping(l.ctx).Err()
		if failure := h.failure(err); err != nil && failure.Cause != redisfeed.Forbidden { // who may not PING has been let in, too
			if failure.Cause == redisfeed.Unreachable && l.refusedUnseen() { // the alert is often lost with the connection
				failure.Reason += "; after the handshake: a server that wants our certificate needs redis-connection=tls-mutual"
			}
			h.failed(l, failure)
			return
		}
		h.post(func(now time.Time) { h.feed.Connected(now, l.id) })
	})
}

func (h *hub) askRole(id redisfeed.Link) {
	l := h.links[id]
	h.spawn(func() {
		text, err := l.client.Info(l.ctx, "replication").Result()
		if err != nil {
			h.failed(l, h.failure(err))
			return
		}
		h.post(func(now time.Time) { h.feed.Role(now, l.id, text) })
	})
}

func (h *hub) subscribe(id redisfeed.Link) {
	l := h.links[id]
	sub := l.client.Subscribe(l.ctx) // nothing is sent yet
	l.mu.Lock()
	l.sub = sub
	l.mu.Unlock()
	h.spawn(func() {
		err := sub.Subscribe(l.ctx, redisfeed.Channel)
		for err == nil {
			var got any
			if got, err = sub.Receive(l.ctx); err == nil {
				h.received(l, got)
			}
		}
		h.failed(l, h.failure(err))
	})
}

func (h *hub) received(l *link, got any) {
	switch m := got.(type) {
	case *redis.Subscription:
		if m.Kind == "subscribe" {
			h.post(func(now time.Time) { h.feed.Subscribed(now, l.id) })
		}
	case *redis.Message:
		payload := []byte(m.Payload)
		h.post(func(now time.Time) { h.feed.Message(now, l.id, payload) })
	case *redis.Pong:
		h.post(func(now time.Time) { h.feed.Pong(now, l.id) })
	}
}

func (h *hub) ping(id redisfeed.Link) {
	l := h.links[id]
	h.spawn(func() {
		if err := l.sub.Ping(l.ctx); err != nil {
			h.failed(l, h.failure(err))
		}
	})
}

func (h *hub) failed(l *link, failure redisfeed.Failure) {
	h.post(func(now time.Time) { h.feed.Failed(now, l.id, failure) })
}

// failure says what an error of the library means.
func (h *hub) failure(err error) redisfeed.Failure {
	var answered redis.Error
	var address net.Error
	switch {
	case err == nil:
		return redisfeed.Failure{}
	case errors.As(err, &answered):
		return redisfeed.Answered(answered.Error(), string(h.cfg.Password))
	case errors.Is(err, io.EOF), errors.Is(err, io.ErrUnexpectedEOF):
		return redisfeed.Failure{Reason: "it closed the connection"}
	case errors.As(err, &address) && address.Timeout():
		return redisfeed.Failure{Reason: "no answer in time"}
	}
	return redisfeed.Failure{Reason: err.Error()}
}

var silence sync.Once

// quiet keeps the library from writing to standard error: what matters comes back as errors.
func quiet() {
	silence.Do(func() { redis.SetLogger(noLog{}) })
}

type noLog struct{}

func (noLog) Printf(context.Context, string, ...any) {}
