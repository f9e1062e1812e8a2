package transport

import (
	"log/slog"
	"net/netip"
	"sync"
	"time"
)

// faultLines is how many lines strangers can make us write per second.
const faultLines = 5

// faultLog writes what strangers do wrong, without what they wrote, and not more than a few lines per second.
type faultLog struct {
	log     *slog.Logger
	mu      sync.Mutex
	since   time.Time
	written int
	dropped int
}

func (l *faultLog) warn(text, network string, from netip.AddrPort, what string) {
	l.mu.Lock()
	now := time.Now()
	dropped := 0
	if now.Sub(l.since) >= time.Second {
		dropped, l.dropped, l.written, l.since = l.dropped, 0, 0, now
	}
	l.written++
	if l.written > faultLines {
		l.dropped++
		l.mu.Unlock()
		return
	}
	l.mu.Unlock()
	if dropped > 0 {
		l.log.Warn("more faults of strangers were not logged", "count", dropped)
	}
	l.log.Warn(text, "from", from.String(), "network", network, "fault", what)
}
