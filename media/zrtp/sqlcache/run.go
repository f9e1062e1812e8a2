package sqlcache

import (
	"context"
	"time"

	"b2bua/media/zrtp"
)

// run is the goroutine of the store: it alone uses the database.
func (s *Store) run() {
	defer close(s.ended)
	sweep := time.NewTicker(sweepEvery)
	defer sweep.Stop()
	s.sweep()
	for {
		select {
		case r, ok := <-s.requests:
			if !ok {
				s.db.close()
				return
			}
			s.serve(s.gather(r))
		case <-sweep.C:
			s.sweep()
		}
	}
}

func (s *Store) sweep() {
	s.serve([]*request{{
		other: func(ctx context.Context, d *database) error { return d.sweep(ctx, s.options.Now()) },
		ctx:   context.Background(), stop: func() bool { return true },
		done: func(err error) {
			if err != nil {
				s.options.Warn(s.db.fault("expired records cannot be deleted", err))
			}
		},
	}})
}

// gather takes what else waits, up to the next request that is neither lookup nor write.
func (s *Store) gather(first *request) []*request {
	batch := []*request{first}
	for first.other == nil && len(batch) < maxBatch {
		select {
		case r, ok := <-s.requests:
			if !ok {
				return batch // run sees it, too
			}
			batch = append(batch, r)
			if r.other != nil {
				return batch
			}
		default:
			return batch
		}
	}
	return batch
}

// serve carries out a batch: at once the lookups that no write of the batch precedes, so that they do not wait for the disk,
// then all writes in one transaction, then the rest.
func (s *Store) serve(batch []*request) {
	s.follow()
	written := map[zrtp.Key]bool{}
	var writes, later []*request
	for _, r := range batch {
		switch {
		case r.update != nil:
			written[r.key] = true
			writes = append(writes, r)
		case r.other != nil || written[r.key]:
			later = append(later, r)
		default:
			s.lookup(r)
		}
	}
	if len(writes) > 0 {
		err := s.attempt(context.Background(), func(ctx context.Context, d *database) error {
			return d.write(ctx, writes, s.options.Limit)
		})
		for _, r := range writes {
			r.wipe()
			r.answer(zrtp.Record{}, err)
		}
	}
	for _, r := range later {
		if r.other == nil {
			s.lookup(r)
			continue
		}
		if !r.late() {
			r.answer(zrtp.Record{}, s.attempt(r.ctx, r.other))
		}
	}
}

func (s *Store) lookup(r *request) {
	if r.late() {
		return
	}
	var record zrtp.Record
	err := s.attempt(r.ctx, func(ctx context.Context, d *database) (err error) {
		record, err = d.load(ctx, r.key)
		return err
	})
	r.answer(record, err)
}

// attempt runs f, and once more on a new file if the old one turns out to be damaged.
func (s *Store) attempt(ctx context.Context, f func(context.Context, *database) error) error {
	try := func() error {
		ctx, cancel := context.WithTimeout(ctx, timeout)
		defer cancel()
		return f(ctx, s.db)
	}
	err := try()
	if err != nil && damaged(err) && s.reopen() {
		err = try()
	}
	if err != nil {
		return s.db.fault("", err)
	}
	return nil
}

// follow goes over to the file that has our file's name, after another process put ours aside or somebody removed it.
func (s *Store) follow() {
	if s.dir != "" && s.db.moved() {
		s.reopen()
	}
}

// reopen begins with another file, or with memory. The ZID stays: calls have told it to their peers.
func (s *Store) reopen() bool {
	now := s.options.Now()
	if s.dir == "" || !s.reopened.IsZero() && now.Sub(s.reopened) < reopenEvery {
		return false
	}
	s.reopened = now
	db, err := s.open(s.zid)
	if err != nil {
		return false
	}
	s.db.close()
	s.db = db
	return true
}
