package sqlcache

import (
	"cmp"
	"context"
	"database/sql"
	"fmt"
	"iter"
	"time"

	"b2bua/media/zrtp/alg"
)

// Entry is a record as operators see it.
type Entry struct {
	Own, Peer  alg.ZID
	URI        string // the one that we present, for peers that keep one record for each
	Client     string // what the peer calls itself
	Verified   bool   // the SAS was compared
	Mismatches int    // calls without the common secret since then
	Used       time.Time
	Expires    time.Time // zero: never
}

// String is one line.
func (e Entry) String() string {
	expires := "never"
	if !e.Expires.IsZero() {
		expires = e.Expires.UTC().Format(time.RFC3339)
	}
	return fmt.Sprintf("%x last-use=%s expires=%s verified=%t mismatches=%d client=%q uri=%q",
		e.Peer, e.Used.UTC().Format(time.RFC3339), expires, e.Verified, e.Mismatches, e.Client, e.URI)
}

// List yields the records in the order in which they were made. An error is the last.
func (s *Store) List(ctx context.Context) iter.Seq2[Entry, error] {
	return func(yield func(Entry, error) bool) {
		var last int64
		for {
			var entries []Entry
			err := s.do(ctx, func(ctx context.Context, d *database) (err error) {
				entries, last, err = d.list(ctx, last)
				return err
			})
			if err != nil {
				yield(Entry{}, err)
				return
			}
			for _, e := range entries {
				if !yield(e, nil) {
					return
				}
			}
			if len(entries) < page {
				return
			}
		}
	}
}

func (d *database) list(ctx context.Context, after int64) (entries []Entry, last int64, err error) {
	rows, err := d.sql.QueryContext(ctx, `SELECT id, own, peer, uri, client, verified, mismatches, used, expires FROM record WHERE id > ? ORDER BY id LIMIT ?`, after, page)
	if err != nil {
		return nil, after, err
	}
	defer func() { err = cmp.Or(err, rows.Err(), rows.Close()) }()
	for last = after; rows.Next(); {
		var e Entry
		var own, peer, uri []byte
		var used int64
		var expires sql.NullInt64
		if err := rows.Scan(&last, &own, &peer, &uri, &e.Client, &e.Verified, &e.Mismatches, &used, &expires); err != nil {
			return nil, after, err
		}
		copy(e.Own[:], own)
		copy(e.Peer[:], peer)
		e.URI, e.Used = string(uri), time.UnixMilli(used)
		if expires.Valid {
			e.Expires = time.UnixMilli(expires.Int64)
		}
		entries = append(entries, e)
	}
	return entries, last, nil
}

// Clear forgets a peer and tells how many records it had. The peer will warn its user: for it, we lost our cache.
func (s *Store) Clear(ctx context.Context, peer alg.ZID) (int, error) {
	return s.remove(ctx, "DELETE FROM record WHERE peer = ?", peer[:])
}

// ClearAll forgets all peers. Our ZID stays.
func (s *Store) ClearAll(ctx context.Context) (int, error) {
	return s.remove(ctx, "DELETE FROM record")
}

func (s *Store) remove(ctx context.Context, statement string, args ...any) (int, error) {
	var count int64
	err := s.do(ctx, func(ctx context.Context, d *database) error {
		result, err := d.sql.ExecContext(ctx, statement, args...)
		if err != nil {
			return err
		}
		d.checkpoint(ctx)
		count, err = result.RowsAffected()
		return err
	})
	return int(count), err
}
