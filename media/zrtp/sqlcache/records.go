package sqlcache

import (
	"context"
	"database/sql"
	"errors"
	"time"

	"b2bua/media/zrtp"
	"b2bua/media/zrtp/alg"
)

const (
	selectRecord = `SELECT rs1, rs2, verified, mismatches, client, used, expires FROM record WHERE own = ? AND peer = ? AND uri = ?`
	upsertRecord = `INSERT INTO record (own, peer, uri, rs1, rs2, verified, mismatches, client, used, expires)
VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT (own, peer, uri) DO UPDATE SET rs1 = excluded.rs1, rs2 = excluded.rs2,
verified = excluded.verified, mismatches = excluded.mismatches, client = excluded.client, used = excluded.used, expires = excluded.expires`
	evictRecords = `DELETE FROM record WHERE id IN (SELECT id FROM record ORDER BY verified, used LIMIT max(0, (SELECT records FROM own) - ?))`
)

func (d *database) load(ctx context.Context, k zrtp.Key) (zrtp.Record, error) {
	r, _, err := find(ctx, d.sql, k)
	return r, err
}

func find(ctx context.Context, q querier, k zrtp.Key) (r zrtp.Record, found bool, err error) {
	var rs1, rs2 []byte
	var used int64
	var expires sql.NullInt64
	err = q.QueryRowContext(ctx, selectRecord, k.Own[:], k.Peer[:], []byte(k.URI)).
		Scan(&rs1, &rs2, &r.Verified, &r.Mismatches, &r.Client, &used, &expires)
	if errors.Is(err, sql.ErrNoRows) {
		return zrtp.Record{}, false, nil
	}
	if err != nil {
		return zrtp.Record{}, false, err
	}
	r.RS1, r.RS2, r.Used = rs1, rs2, time.UnixMilli(used)
	if expires.Valid {
		r.Expires = time.UnixMilli(expires.Int64)
	}
	return r, true, nil
}

// write applies the updates, each to what the file has by then: another process may have changed it.
func (d *database) write(ctx context.Context, writes []*request, limit int) error {
	return transact(ctx, d.sql, func(tx *sql.Tx) error {
		made := false
		for _, w := range writes {
			old, found, err := find(ctx, tx, w.key)
			if err != nil {
				return err
			}
			if !found && !w.update.Creates() {
				continue
			}
			made = made || !found
			record := w.update.Apply(old.Clone())
			err = save(ctx, tx, w.key, record)
			old.Wipe()
			record.Wipe()
			if err != nil {
				return err
			}
		}
		if !made {
			return nil
		}
		_, err := tx.ExecContext(ctx, evictRecords, limit)
		return err
	})
}

func save(ctx context.Context, tx *sql.Tx, k zrtp.Key, r zrtp.Record) error {
	var expires any
	if !r.Expires.IsZero() {
		expires = r.Expires.UnixMilli()
	}
	_, err := tx.ExecContext(ctx, upsertRecord, k.Own[:], k.Peer[:], []byte(k.URI), blob(r.RS1), blob(r.RS2), r.Verified, r.Mismatches,
		r.Client, r.Used.UnixMilli(), expires)
	return err
}

// blob is NULL for a secret that is not there.
func blob(s alg.Secret) any {
	if len(s) == 0 {
		return nil
	}
	return []byte(s)
}

// sweep deletes what has expired. The log beside the file is emptied, too: it has copies of old secrets.
func (d *database) sweep(ctx context.Context, now time.Time) error {
	if _, err := d.sql.ExecContext(ctx, "DELETE FROM record WHERE expires <= ?", now.UnixMilli()); err != nil {
		return err
	}
	d.checkpoint(ctx)
	return nil
}

// checkpoint moves the log into the file, unless another process reads: then it happens later.
func (d *database) checkpoint(ctx context.Context) {
	var blocked, pages, moved int
	_ = d.sql.QueryRowContext(ctx, "PRAGMA wal_checkpoint(TRUNCATE)").Scan(&blocked, &pages, &moved)
}
