package sqlcache

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"sync"
	"time"

	"b2bua/media/zrtp"
	"b2bua/media/zrtp/alg"
)

// Errors of a Store.
var (
	ErrClosed = errors.New("zrtp cache: closed")
	ErrBusy   = errors.New("zrtp cache: too many requests wait for the disk")
	errKey    = errors.New("zrtp cache: not a record that can be kept")
)

// Options of a Store; the zero value is that of a server.
type Options struct {
	Limit int              // of records; 0: 100000
	Warn  func(error)      // gets what an operator must know, within Open and later from the goroutine of the store
	Now   func() time.Time // nil: the system's clock
	Rand  io.Reader        // of a new ZID; nil: the system's
}

func (o Options) withDefaults() Options {
	if o.Limit <= 0 {
		o.Limit = defaultLimit
	}
	if o.Warn == nil {
		o.Warn = func(error) {}
	}
	if o.Now == nil {
		o.Now = time.Now
	}
	if o.Rand == nil {
		o.Rand = rand.Reader
	}
	return o
}

// Store is a cache in a file, safe for concurrent use.
type Store struct {
	options Options
	dir     string // of a file that may be replaced when it is damaged; else ""
	zid     alg.ZID

	mu       sync.RWMutex // of closed, and of sending to requests
	closed   bool
	requests chan *request
	ended    chan struct{}

	// Of the goroutine.
	db       *database
	reopened time.Time
}

var _ zrtp.Cache = (*Store)(nil)

// Open uses the file of a directory, which it makes, with one missing parent. Where that cannot be done, and where dir is empty,
// the records are in memory, and Warn gets the reason. The error is a system without randomness.
func Open(dir string, o Options) (*Store, error) {
	s := newStore(o)
	s.dir = dir
	var err error
	if s.db, err = s.open(alg.ZID{}); err != nil {
		return nil, err
	}
	s.zid = s.db.zid
	go s.run()
	return s, nil
}

// OpenExisting is for operator commands, beside a running server or without one: it makes no file, repairs none and does not
// fall back to memory. Where there is no file the error is fs.ErrNotExist.
func OpenExisting(dir string, o Options) (*Store, error) {
	s := newStore(o)
	var err error
	if s.db, err = openExisting(dir); err != nil {
		return nil, fmt.Errorf("the ZRTP cache cannot be opened: %w", err)
	}
	s.zid = s.db.zid
	go s.run()
	return s, nil
}

func newStore(o Options) *Store {
	return &Store{options: o.withDefaults(), requests: make(chan *request, maxWaiting), ended: make(chan struct{})}
}

// ZID is ours, the same after every start.
func (s *Store) ZID() alg.ZID { return s.zid }

// String tells nothing about its content.
func (s *Store) String() string { return "zrtp cache" }

// GoString is String.
func (s *Store) GoString() string { return s.String() }

// Lookup asks for a record, the zero value if there is none. An error means that nothing was asked and done is not called; else
// it is called once, on another goroutine, and must not block. The record is the callee's, to be wiped.
func (s *Store) Lookup(ctx context.Context, k zrtp.Key, done func(zrtp.Record, error)) error {
	if err := check(k, zrtp.Update{}); err != nil {
		return err
	}
	r := &request{key: k}
	return s.submit(ctx, r, func(err error) { done(r.take(err)) })
}

// Write changes a record; as for Lookup, done is called once unless there is an error. The update is copied. When the context
// ends first the update may still come true: the peer keeps the new secret as well.
func (s *Store) Write(ctx context.Context, k zrtp.Key, u zrtp.Update, done func(error)) error {
	if err := check(k, u); err != nil {
		return err
	}
	u.Retained = u.Retained.Clone()
	if u.Verified != nil {
		verified := *u.Verified
		u.Verified = &verified
	}
	return s.submit(ctx, &request{key: k, update: &u}, done)
}

// Load is Lookup for who can wait.
func (s *Store) Load(k zrtp.Key) (zrtp.Record, error) {
	type answer struct {
		record zrtp.Record
		err    error
	}
	ctx, cancel := context.WithTimeout(context.Background(), timeout)
	defer cancel()
	answered := make(chan answer, 1)
	if err := s.Lookup(ctx, k, func(r zrtp.Record, err error) { answered <- answer{r, err} }); err != nil {
		return zrtp.Record{}, err
	}
	a := <-answered
	return a.record, a.err
}

// Store is Write for who can wait.
func (s *Store) Store(k zrtp.Key, u zrtp.Update) error {
	return s.wait(context.Background(), func(ctx context.Context, done func(error)) error { return s.Write(ctx, k, u, done) })
}

func (s *Store) wait(ctx context.Context, begin func(context.Context, func(error)) error) error {
	ctx, cancel := context.WithTimeout(ctx, timeout)
	defer cancel()
	answered := make(chan error, 1)
	if err := begin(ctx, func(err error) { answered <- err }); err != nil {
		return err
	}
	return <-answered
}

// do runs a function on the goroutine of the store.
func (s *Store) do(ctx context.Context, f func(context.Context, *database) error) error {
	return s.wait(ctx, func(ctx context.Context, done func(error)) error {
		return s.submit(ctx, &request{other: f}, done)
	})
}

// Close carries out what waits, at most until the context ends.
func (s *Store) Close(ctx context.Context) error {
	s.mu.Lock()
	if !s.closed {
		s.closed = true
		close(s.requests)
	}
	s.mu.Unlock()
	select {
	case <-s.ended:
		return nil
	case <-ctx.Done():
		return fmt.Errorf("zrtp cache: closing: %w", ctx.Err())
	}
}

func check(k zrtp.Key, u zrtp.Update) error {
	switch {
	case len(k.URI) > maxURI:
		return fmt.Errorf("%w: its URI has %d octets, at most %d are kept", errKey, len(k.URI), maxURI)
	case len(u.Client) > maxClient:
		return fmt.Errorf("%w: its client identifier has %d octets, at most %d are kept", errKey, len(u.Client), maxClient)
	case len(u.Retained) > maxSecret:
		return fmt.Errorf("%w: its secret has %d octets, at most %d are kept", errKey, len(u.Retained), maxSecret)
	}
	return nil
}
