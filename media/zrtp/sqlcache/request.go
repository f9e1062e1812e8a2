package sqlcache

import (
	"context"
	"sync"

	"b2bua/media/zrtp"
)

// request is one of three: a lookup; a write, if there is an update; something else, if there is a function.
type request struct {
	key    zrtp.Key
	update *zrtp.Update
	other  func(context.Context, *database) error

	ctx  context.Context
	stop func() bool

	mu       sync.Mutex
	answered bool
	record   zrtp.Record
	done     func(error)
}

// submit never waits.
func (s *Store) submit(ctx context.Context, r *request, done func(error)) error {
	if err := ctx.Err(); err != nil {
		r.wipe()
		return err
	}
	r.ctx, r.done = ctx, done
	s.mu.RLock()
	defer s.mu.RUnlock()
	if s.closed {
		r.wipe()
		return ErrClosed
	}
	// The goroutine of the store may be held by the disk: the end of the context answers without it.
	r.mu.Lock()
	r.stop = context.AfterFunc(ctx, func() { r.answer(zrtp.Record{}, ctx.Err()) })
	r.mu.Unlock()
	select {
	case s.requests <- r:
		return nil
	default:
		return r.refuse(ErrBusy)
	}
}

// refuse takes a request back, unless it was answered meanwhile.
func (r *request) refuse(reason error) error {
	defer r.wipe()
	r.stop()
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.answered {
		return nil
	}
	r.answered = true
	return reason
}

// answer calls back, once.
func (r *request) answer(record zrtp.Record, err error) {
	r.mu.Lock()
	if r.answered {
		r.mu.Unlock()
		record.Wipe()
		return
	}
	r.answered, r.record = true, record
	r.mu.Unlock()
	r.stop()
	r.done(err)
}

// take is the answer to a lookup.
func (r *request) take(err error) (zrtp.Record, error) { return r.record, err }

func (r *request) late() bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.answered
}

// wipe overwrites the secret of a request that is done with.
func (r *request) wipe() {
	if r.update != nil {
		r.update.Retained.Wipe()
	}
}
