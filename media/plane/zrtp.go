package plane

import (
	"cmp"
	"context"
	"crypto/rand"
	"errors"
	"io"
	"runtime"
	"sync"
	"time"

	"b2bua/media/sdp"
	"b2bua/media/zrtp"
	"b2bua/media/zrtp/alg"
)

// ZRTPConfig is what the sides with ZRTP bring with them.
type ZRTPConfig struct {
	ZID    alg.ZID // ours, the same for ever
	Client string  // how we call ourselves, up to 16 ASCII characters
	Lists  zrtp.Lists
	// Cache of the secrets that prove a peer to be the one of the last call; nil: none.
	Cache ZRTPCache
	// Expiration of these, seconds; 0: zrtp.Forever.
	Expiration uint32
	// JobsPerSecond is how many key agreements begin, 0: 100 for each processor.
	JobsPerSecond int
	Rand          io.Reader // nil: the system's
}

// ZRTPCache keeps secrets. Both methods return at once; see sqlcache.Store, which is one.
type ZRTPCache interface {
	Lookup(ctx context.Context, k zrtp.Key, done func(zrtp.Record, error)) error
	Write(ctx context.Context, k zrtp.Key, u zrtp.Update, done func(error)) error
}

// Errors of ZRTP.
var (
	// ErrNoZRTP: nobody answers our Hellos yet.
	ErrNoZRTP = errors.New("ZRTP: the peer answers no Hello")
	// ErrZRTPBusy: too many key agreements wait for their turn.
	ErrZRTPBusy = errors.New("ZRTP: too many key agreements wait for their turn (zrtp-agreements-per-second)")
	// ErrNotSecure: there is no SAS.
	ErrNotSecure = errors.New("ZRTP: the side is not secure")
)

// negotiator runs the exchanges of all streams: on desks, which are goroutines of their own, so that no packet waits for them.
type negotiator struct {
	cfg    ZRTPConfig
	ctx    context.Context //nolint:containedctx // the life of everything that it starts
	cancel context.CancelFunc
	desks  []*desk
	works  *workshop

	mu   sync.Mutex
	legs map[legKey]*zrtpLeg
	next int // desk
}

// legKey names a leg whose streams share a session.
type legKey struct {
	call string
	side Side
}

// zrtpLeg is one leg of one call.
type zrtpLeg struct {
	n       *negotiator
	key     legKey
	desk    *desk
	members int // guarded by the negotiator's mutex

	// mu guards what follows and the negotiations of the leg. The desk holds it, and who wants a Hello. No loop does, which the desk
	// posts to meanwhile.
	mu      sync.Mutex
	current *party // where new streams go; nil: none yet
}

// post runs f on the desk of the leg.
func (l *zrtpLeg) post(f func(now time.Time)) bool {
	return l.desk.post(func(now time.Time) {
		l.mu.Lock()
		defer l.mu.Unlock()
		f(now)
	})
}

func newNegotiator(cfg ZRTPConfig, desks int) (*negotiator, error) {
	if cfg.Rand == nil {
		cfg.Rand = rand.Reader
	}
	cfg.Rand = &lockedReader{r: cfg.Rand}
	cfg.Expiration = cmp.Or(cfg.Expiration, zrtp.Forever)
	if cfg.Cache == nil {
		cfg.Expiration = 0
	}
	n := &negotiator{cfg: cfg, legs: map[legKey]*zrtpLeg{}}
	if _, err := zrtp.NewSession(n.session("", false)); err != nil {
		return nil, err
	}
	n.ctx, n.cancel = context.WithCancel(context.Background())
	for range max(1, desks) {
		n.desks = append(n.desks, newDesk())
	}
	n.works = newWorkshop(cfg.JobsPerSecond, min(runtime.GOMAXPROCS(0), runtime.NumCPU()))
	return n, nil
}

// session is the configuration of one leg.
func (n *negotiator) session(uri string, required bool) zrtp.Config {
	return zrtp.Config{
		ZID: n.cfg.ZID, Client: n.cfg.Client, Lists: n.cfg.Lists, Expiration: n.cfg.Expiration, Rand: n.cfg.Rand, URI: uri, Required: required,
	}
}

// join takes a stream's side into its leg. A call without a name shares nothing.
func (n *negotiator) join(st *Stream, side Side) *zrtpLeg {
	n.mu.Lock()
	defer n.mu.Unlock()
	key := legKey{st.call, side}
	leg := n.legs[key]
	if leg == nil || key.call == "" {
		leg = &zrtpLeg{n: n, key: key, desk: n.desks[n.next%len(n.desks)]}
		n.next++
		if key.call != "" {
			n.legs[key] = leg
		}
	}
	leg.members++
	return leg
}

// leave is the opposite.
func (n *negotiator) leave(leg *zrtpLeg) {
	n.mu.Lock()
	defer n.mu.Unlock()
	if leg.members--; leg.members == 0 && n.legs[leg.key] == leg {
		delete(n.legs, leg.key)
	}
}

// close ends everything. All streams are closed before.
func (n *negotiator) close() {
	n.cancel()
	for _, d := range n.desks {
		d.close()
	}
	n.works.close()
}

// lockedReader serves several desks.
type lockedReader struct {
	mu sync.Mutex
	r  io.Reader
}

func (l *lockedReader) Read(b []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.r.Read(b)
}

// canAgree tells why a side cannot have ZRTP.
func (p *Plane) canAgree(agreed sdp.Agreed) error {
	switch {
	case agreed.Encryption != sdp.ZRTP || !agreed.Enabled:
		return nil
	case p.zrtp == nil && (agreed.ZRTP == nil || !agreed.ZRTP.Through):
		return errors.New("media plane: a side with ZRTP, which is not configured")
	case agreed.ZRTP == nil:
		return errors.New("media plane: a side with ZRTP, but without what was agreed about it")
	}
	return nil
}
