package sqlstore

import (
	"context"
	"errors"
)

// BatchSize is the number of rows that are handed out at once.
const BatchSize = 1000

// Batch is a part of a load.
type Batch struct {
	Rows  []Row // the receiver's to keep
	First bool  // a load begins, or begins again because the connection broke: what came before does not count any more
	Total int   // rows so far, with these
}

// Load runs initQuery and hands out all rows. An error of give ends it. When it returns nil, the accounts that no Batch since the
// one that was First had are not in the database any more.
func (s *Store) Load(ctx context.Context, give func(Batch) error) (rows int, err error) {
	ctx, cancel := deadline(ctx, s.plan.cfg.Load, DefaultLoad)
	defer cancel()
	var l loading
	err = s.again(ctx, func(ctx context.Context) error {
		l = loading{give: give, ctx: ctx, first: true}
		if err := s.query(ctx, s.plan.init, nil, l.start, l.row); err != nil {
			return err
		}
		return l.flush(true)
	})
	return l.total, s.fault(ctx, "initQuery", err)
}

type loading struct {
	ctx   context.Context // of one run
	give  func(Batch) error
	in    *rowReader
	batch []Row
	first bool
	total int
}

func (l *loading) start(names []string) (into []any, err error) {
	if l.in, err = newRowReader(names); err != nil {
		return nil, err
	}
	return l.in.into, nil
}

func (l *loading) row() error {
	r, err := l.in.read()
	if err != nil {
		return err
	}
	if l.batch == nil {
		l.batch = make([]Row, 0, BatchSize)
	}
	l.batch = append(l.batch, r)
	l.total++
	if len(l.batch) == BatchSize {
		return l.flush(false)
	}
	return nil
}

// flush gives the batch; the last one also when it is the only one and empty.
func (l *loading) flush(last bool) error {
	if len(l.batch) == 0 && (!last || !l.first) {
		return nil
	}
	if err := l.ctx.Err(); err != nil {
		return err
	}
	b := Batch{Rows: l.batch, First: l.first, Total: l.total}
	l.batch, l.first = nil, false
	return l.give(b)
}

// Lookup runs updateQuery for an identifier; ok is false when there is no row. Only the first row is used (spec 4.9.2).
func (s *Store) Lookup(ctx context.Context, identifier string) (row Row, ok bool, err error) {
	if fault := s.plan.UpdateFault; fault != nil {
		return row, false, s.fault(ctx, fault.Field, fault.Err)
	}
	ctx, cancel := deadline(ctx, s.plan.cfg.Lookup, DefaultLookup)
	defer cancel()
	err = s.again(ctx, func(ctx context.Context) error {
		var err error
		row, ok, err = s.one(ctx, s.plan.update, identifier, func() {})
		return err
	})
	return row, ok, s.fault(ctx, "updateQuery", err)
}

// one is the first row of a statement. Once it is there, found is called.
func (s *Store) one(ctx context.Context, st Statement, identifier string, found func()) (row Row, ok bool, err error) {
	args := make([]any, st.Args)
	for i := range args {
		args[i] = identifier
	}
	var in *rowReader
	err = s.query(ctx, st, args, func(names []string) (into []any, err error) {
		if in, err = newRowReader(names); err != nil {
			return nil, err
		}
		return in.into, nil
	}, func() error {
		if row, err = in.read(); err != nil {
			return err
		}
		ok = true
		found()
		return errEnough
	})
	if errors.Is(err, errEnough) {
		err = nil
	}
	return row, ok, err
}

// errEnough ends a result of which the first row is all that is wanted.
var errEnough = errors.New("enough")

// Check runs both queries for their first row, which tells whether the database is there, understands them, and has all columns.
// The update query runs with an empty identifier; one that Compile refused is not run.
func (s *Store) Check(ctx context.Context) error {
	ctx, cancel := deadline(ctx, s.plan.cfg.Check, DefaultCheck)
	defer cancel()
	for _, q := range []struct {
		field string
		st    Statement
	}{{"initQuery", s.plan.init}, {"updateQuery", s.plan.update}} {
		if q.field == "updateQuery" && s.plan.UpdateFault != nil {
			continue
		}
		err := s.again(ctx, func(ctx context.Context) error {
			enough, cancel := context.WithCancel(ctx) // breaks the connection: otherwise the driver would read a million rows to reach the end
			defer cancel()
			_, _, err := s.one(enough, q.st, "", cancel)
			return err
		})
		if err != nil {
			return s.fault(ctx, q.field, err)
		}
	}
	return nil
}
