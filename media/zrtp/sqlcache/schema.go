package sqlcache

import (
	"context"
	"database/sql"
	"errors"
	"fmt"

	"b2bua/media/zrtp/alg"
)

// application marks a file as ours (PRAGMA application_id): "ZRTP".
const application = 0x5a525450

// migrations, each from the version that is its index (PRAGMA user_version). They are never edited, only appended to. The number
// of records is counted by triggers, because counting 100000 of them for each new one would cost more than the write.
var migrations = []string{`
CREATE TABLE own (
	one     INTEGER PRIMARY KEY CHECK (one = 1),
	zid     BLOB NOT NULL CHECK (length(zid) = 12),
	records INTEGER NOT NULL DEFAULT 0
) STRICT;
CREATE TABLE record (
	id         INTEGER PRIMARY KEY,
	own        BLOB NOT NULL,
	peer       BLOB NOT NULL,
	uri        BLOB NOT NULL, -- empty, except for peers that keep one record for each URI
	rs1        BLOB,
	rs2        BLOB,
	verified   INTEGER NOT NULL,
	mismatches INTEGER NOT NULL,
	client     TEXT NOT NULL,
	used       INTEGER NOT NULL, -- milliseconds since 1970
	expires    INTEGER,          -- as above; NULL: never
	UNIQUE (own, peer, uri)
) STRICT;
CREATE INDEX record_peer ON record (peer);
CREATE INDEX record_age ON record (verified, used);
CREATE INDEX record_expiry ON record (expires) WHERE expires IS NOT NULL;
CREATE TRIGGER record_made AFTER INSERT ON record BEGIN UPDATE own SET records = records + 1; END;
CREATE TRIGGER record_gone AFTER DELETE ON record BEGIN UPDATE own SET records = records - 1; END;
`}

// Faults of a file that begins like a database.
var (
	errDamaged = errors.New("the file is damaged")
	errForeign = errors.New("the file belongs to another program")
	errNewer   = errors.New("the file was written by a newer version of this program")
)

// inspect tells the version of a file, and what is wrong with it.
func inspect(ctx context.Context, q querier) (version int, err error) {
	var verdict string
	if err := q.QueryRowContext(ctx, "PRAGMA quick_check(1)").Scan(&verdict); err != nil {
		return 0, err
	}
	if verdict != "ok" {
		return 0, fmt.Errorf("%w: %s", errDamaged, verdict)
	}
	var id, objects int
	const header = "SELECT application_id, user_version, (SELECT count(*) FROM sqlite_schema) FROM pragma_application_id, pragma_user_version"
	if err := q.QueryRowContext(ctx, header).Scan(&id, &version, &objects); err != nil {
		return 0, err
	}
	switch {
	case id != application && (version != 0 || objects != 0):
		return 0, errForeign
	case version > len(migrations):
		return 0, fmt.Errorf("%w: version %d, this one knows %d", errNewer, version, len(migrations))
	}
	return version, nil
}

type querier interface {
	QueryRowContext(ctx context.Context, query string, args ...any) *sql.Row
}

// prepare brings the file to the newest version and sees to our ZID, which candidate makes where there is none. Two processes may
// do so at once: the transaction is theirs one after the other.
func prepare(ctx context.Context, db *sql.DB, candidate func() (alg.ZID, error)) (zid alg.ZID, err error) {
	err = transact(ctx, db, func(tx *sql.Tx) error {
		version, err := inspect(ctx, tx)
		if err != nil {
			return err
		}
		for ; version < len(migrations); version++ {
			step := fmt.Sprintf("%s; PRAGMA application_id = %d; PRAGMA user_version = %d", migrations[version], application, version+1)
			if _, err := tx.ExecContext(ctx, step); err != nil {
				return err
			}
		}
		var have []byte
		err = tx.QueryRowContext(ctx, "SELECT zid FROM own").Scan(&have)
		if err == nil && len(have) != len(zid) {
			return errDamaged
		}
		if err == nil {
			zid = alg.ZID(have)
			return nil
		}
		if !errors.Is(err, sql.ErrNoRows) {
			return err
		}
		if zid, err = candidate(); err != nil {
			return err
		}
		_, err = tx.ExecContext(ctx, "INSERT INTO own (one, zid) VALUES (1, ?)", zid[:])
		return err
	})
	return zid, err
}

func transact(ctx context.Context, db *sql.DB, f func(*sql.Tx) error) error {
	tx, err := db.BeginTx(ctx, nil)
	if err != nil {
		return err
	}
	if err := f(tx); err != nil {
		_ = tx.Rollback()
		return err
	}
	return tx.Commit()
}
