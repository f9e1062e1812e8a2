package dtls

import (
	"context"
	"errors"
	"net/netip"
	"runtime"
	"runtime/debug"
	"sync"
	"time"

	"b2bua/media/sdp"
)

// Config of a Handshaker. Zero values are replaced by those of limits.go.
type Config struct {
	Certificate *Certificate  // what we show; needed
	PerSecond   int           // handshakes that start
	Running     int           // handshakes at the same time
	Flight      time.Duration // until the first repetition; it doubles
	Timeout     time.Duration // of one attempt
	Linger      time.Duration // how long the last messages are repeated
}

// Handshaker runs the handshakes of all calls. All methods may be called by any goroutine.
type Handshaker struct {
	cfg    Config
	ctx    context.Context //nolint:containedctx // the life of everything that Start starts
	cancel context.CancelFunc
	wg     sync.WaitGroup
	// reading has one entry for each datagram that the library is at work on. Work that is ready to run is what the packets of
	// running calls wait behind, so few may have it at a time.
	reading chan struct{}

	mu      sync.Mutex
	next    time.Time     // when the next handshake may start
	running chan struct{} // one entry for each
	closed  bool
	dropped int // associations whose state was dropped since memory was given back
}

// New makes a Handshaker.
func New(cfg Config) (*Handshaker, error) {
	if cfg.Certificate == nil {
		return nil, errors.New("dtls: no certificate")
	}
	cpus := min(runtime.GOMAXPROCS(0), runtime.NumCPU()) // the runtime may be given more threads than there are processors
	defaults(&cfg.PerSecond, perSecond*cpus)
	defaults(&cfg.Running, running*cpus)
	defaults(&cfg.Flight, flight)
	defaults(&cfg.Timeout, timeout)
	defaults(&cfg.Linger, linger)
	h := &Handshaker{cfg: cfg, running: make(chan struct{}, cfg.Running), reading: make(chan struct{}, reading*cpus)}
	h.ctx, h.cancel = context.WithCancel(context.Background())
	return h, nil
}

func defaults[T int | time.Duration](v *T, d T) {
	if *v <= 0 {
		*v = d
	}
}

// Fingerprint of our certificate.
func (h *Handshaker) Fingerprint() sdp.Fingerprint { return h.cfg.Certificate.fingerprint }

// Params of an association.
type Params struct {
	DTLS sdp.DTLSParams
	// Remote is the signalled address; invalid or unspecified: unknown. It has to be known for an active association.
	Remote netip.AddrPort
	// Send puts a datagram on the socket. It must not block or keep b; it is called by several goroutines.
	Send func(b []byte, to netip.AddrPort)
	// Done tells the result, by a goroutine of the package. An Err of ErrTimeout comes once, and the handshake is tried
	// further; every other result is the last.
	Done func(Result)
}

// Result of a handshake.
type Result struct {
	Send, Recv sdp.Crypto     // the keys for what we send and receive; the receiver wipes them
	Remote     netip.AddrPort // where the peer is, proven by the handshake
	Err        error          // *Error; the rest is zero then
}

// Start begins an association. It ends with Close of either.
func (h *Handshaker) Start(p Params) (*Association, error) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.closed {
		return nil, ErrClosed
	}
	a := newAssociation(h, p)
	if p.DTLS.Active {
		h.wg.Go(a.dial)
	} else {
		h.wg.Go(a.listen)
	}
	return a, nil
}

// start runs f in a goroutine that Close waits for. False: closed.
func (h *Handshaker) start(f func()) bool {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.closed {
		return false
	}
	h.wg.Go(f)
	return true
}

// Close ends all associations and waits for their goroutines. It is idempotent.
func (h *Handshaker) Close() {
	h.mu.Lock()
	h.closed = true
	h.mu.Unlock()
	h.cancel()
	h.wg.Wait()
}

// forgotten gives the memory of dropped states back to the system, once for many: media allocates nothing, so that without calls
// coming in no collection would run for minutes.
func (h *Handshaker) forgotten() {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.dropped++; h.dropped >= giveBack && !h.closed {
		h.dropped = 0
		h.wg.Go(debug.FreeOSMemory)
	}
}

// begin waits until a datagram of a source may be read. done ends that, and so does the end of ctx, for the library does not tell
// when it gives a source up. False: the source is given up.
func (h *Handshaker) begin(ctx context.Context) (done func(), ok bool) {
	select {
	case h.reading <- struct{}{}:
		release := sync.OnceFunc(func() { <-h.reading })
		stop := context.AfterFunc(ctx, release)
		return func() {
			stop()
			release()
		}, true
	case <-ctx.Done():
		return nil, false
	}
}

// admit waits for the turn of one handshake. release has to be called at its end. ErrBusy: too many wait already.
func (h *Handshaker) admit(ctx context.Context) (release func(), err error) {
	delay, err := h.reserve(time.Now())
	if err != nil {
		return nil, err
	}
	if delay > 0 {
		t := time.NewTimer(delay)
		defer t.Stop()
		select {
		case <-ctx.Done():
			return nil, ctx.Err()
		case <-t.C:
		}
	}
	select {
	case h.running <- struct{}{}:
		return sync.OnceFunc(func() { <-h.running }), nil
	default:
		return nil, ErrBusy
	}
}

// reserve takes the next turn, in order of the calls.
func (h *Handshaker) reserve(now time.Time) (time.Duration, error) {
	every := time.Second / time.Duration(h.cfg.PerSecond)
	h.mu.Lock()
	defer h.mu.Unlock()
	if earliest := now.Add(-burst * every); h.next.Before(earliest) {
		h.next = earliest
	}
	delay := h.next.Sub(now)
	if delay > waitSeconds*time.Second {
		return 0, ErrBusy
	}
	h.next = h.next.Add(every)
	return max(delay, 0), nil
}
