package sqlstore

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"errors"
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/go-sql-driver/mysql"
	"modernc.org/sqlite" // its errors
	sqlite3 "modernc.org/sqlite/lib"

	"b2bua/core/digest"
)

// Config is what a providers file says of a pool's database.
type Config struct {
	Backend     Backend
	Connection  digest.Secret
	InitQuery   string
	UpdateQuery string
	Threads     int // most connections at a time, 0: 1

	// Deadlines, 0: the default. Load covers all of initQuery, Lookup one updateQuery, Check both in their short form.
	Load, Lookup, Check time.Duration
}

// Default deadlines.
const (
	DefaultLoad   = 10 * time.Minute
	DefaultLookup = 2 * time.Minute // on a new connection it takes seven answers, of a slow server ten seconds each
	DefaultCheck  = 60 * time.Second
)

// Plan is a Config that was checked without the database.
type Plan struct {
	Connection Connection
	Warnings   []string
	// UpdateFault is what is wrong with updateQuery, nil when nothing is. Such a query is never run, and Lookup fails; a load works
	// without it.
	UpdateFault *FieldError

	cfg          Config
	init, update Statement
}

// Format prints where the database is, by any verb: fmt does not ask fields that are not exported, so the connection string would show.
func (p Plan) Format(f fmt.State, _ rune) { _, _ = f.Write([]byte(p.Connection.Where())) }

// FieldError is a fault of one member of the loader.
type FieldError struct {
	Field string // "connection", "initQuery", "updateQuery"
	Err   error
}

func (e *FieldError) Error() string { return e.Field + ": " + e.Err.Error() }

// Unwrap is the fault alone.
func (e *FieldError) Unwrap() error { return e.Err }

// Compile checks what can be checked without the database.
func Compile(cfg Config) (*Plan, error) {
	p := &Plan{cfg: cfg}
	var err error
	if p.Connection, p.Warnings, err = ParseConnection(cfg.Backend, cfg.Connection); err != nil {
		return nil, &FieldError{"connection", err}
	}
	if p.init, err = CompileStatement(cfg.Backend, cfg.InitQuery); err != nil {
		return nil, &FieldError{"initQuery", err}
	}
	if p.init.Args > 0 {
		return nil, &FieldError{"initQuery", errors.New("it has " + Placeholder + ", and loads all accounts: there is no identifier to bind")}
	}
	if p.update, err = CompileStatement(cfg.Backend, cfg.UpdateQuery); err != nil {
		p.UpdateFault = &FieldError{"updateQuery", err}
	}
	return p, nil
}

// Store reads from a database. It is safe for concurrent use, and needs Close.
type Store struct {
	plan *Plan
	db   *sql.DB
}

// sqliteLifetime is how soon a file is noticed that was put in the place of another.
const sqliteLifetime = 10 * time.Second

// Plan is what the Store was made of.
func (s *Store) Plan() *Plan { return s.plan }

// Open prepares a Store. It reads the certificates; the database it does not touch.
func Open(p *Plan) (*Store, error) {
	open := mysqlConnector
	if p.Connection.Backend == SQLite {
		open = sqliteConnector
	}
	connector, err := open(&p.Connection)
	if err != nil {
		return nil, &FieldError{"connection", err}
	}
	s := &Store{plan: p, db: sql.OpenDB(connector)}
	s.db.SetMaxOpenConns(max(1, p.cfg.Threads))
	s.db.SetMaxIdleConns(max(1, p.cfg.Threads))
	s.db.SetConnMaxIdleTime(time.Minute)
	if p.Connection.Backend == SQLite {
		s.db.SetConnMaxLifetime(sqliteLifetime)
	}
	return s, nil
}

// Close ends the connections.
func (s *Store) Close() error { return s.db.Close() }

// Where is the database in words.
func (s *Store) Where() string { return s.plan.Connection.Where() }

// QueryError is a query that failed.
type QueryError struct {
	Field string // "initQuery" or "updateQuery"
	Where string
	Lost  bool // the database was not reached, or the connection broke: later it may work
	Err   error
}

func (e *QueryError) Error() string {
	return fmt.Sprintf("%s on %s: %s", e.Field, e.Where, publicText(e.Err))
}

// Unwrap is what the driver said. It may hold values of the database: it is for errors.Is, not for a log.
func (e *QueryError) Unwrap() error { return e.Err }

// Lasting tells whether only another configuration, or a change of the database, repairs it: the queries or the credentials are refused,
// or the file is none. Everything else may pass.
func (e *QueryError) Lasting() bool {
	var server *mysql.MySQLError
	var file *sqlite.Error
	var column *ColumnError
	var statement *StatementError
	switch {
	case e.Lost:
		return false
	case errors.As(e.Err, &column), errors.As(e.Err, &statement):
		return true
	case errors.As(e.Err, &server):
		return lastingCode(server)
	case errors.As(e.Err, &file):
		switch file.Code() & 0xff {
		case sqlite3.SQLITE_ERROR, sqlite3.SQLITE_CANTOPEN, sqlite3.SQLITE_NOTADB, sqlite3.SQLITE_AUTH, sqlite3.SQLITE_PERM:
			return true
		}
	}
	return false
}

// Denied tells whether the database was not opened at all.
func (e *QueryError) Denied() bool {
	var server *mysql.MySQLError
	var file *sqlite.Error
	switch {
	case errors.As(e.Err, &server):
		return string(server.SQLState[:2]) == "28" || server.Number == 1044 || server.Number == 1049
	case errors.As(e.Err, &file):
		return file.Code()&0xff != sqlite3.SQLITE_ERROR
	}
	return false
}

// Advice is what to do about it, unless Error says it.
func (e *QueryError) Advice() string {
	var column *ColumnError
	switch {
	case errors.As(e.Err, &column):
		return "give the result this column, by AS in the query or in the table"
	case e.Denied():
		return "correct the pool's connection, or what its user may do"
	case e.Lost:
		return "check that the database runs, and where the pool's connection leads"
	case errors.Is(e.Err, context.DeadlineExceeded):
		return "look for what slows the database down, an index that is missing for one"
	}
	return ""
}

// publicText is an error without what may be a secret.
func publicText(err error) string {
	var server *mysql.MySQLError
	var file *sqlite.Error
	var null *NullError
	var column *ColumnError
	switch {
	case errors.As(err, &null):
		return null.Error()
	case errors.As(err, &column):
		return column.Error()
	case errors.As(err, &server):
		return serverText(server)
	case errors.As(err, &file):
		return sqliteText(file)
	case errors.Is(err, context.DeadlineExceeded):
		return "it took too long and was given up"
	case errors.Is(err, context.Canceled):
		return "it was given up"
	case errors.Is(err, mysql.ErrInvalidConn), errors.Is(err, driver.ErrBadConn), errors.Is(err, io.EOF), errors.Is(err, io.ErrUnexpectedEOF):
		return "the connection broke: the server has gone, or what answers there is none"
	}
	return err.Error()
}

// sqliteText: SQLite quotes what it does not understand, which may be a constant of the query.
func sqliteText(e *sqlite.Error) string {
	text := e.Error()
	if strings.Contains(text, "no such") || strings.Contains(text, "unable to open") || strings.Contains(text, "ambiguous column") ||
		strings.Contains(text, "readonly") || strings.Contains(text, "locked") || strings.Contains(text, "interrupt") || strings.Contains(text, "not a database") {
		return text
	}
	if what, ok := sqlite.ErrorCodeString[e.Code()&0xff]; ok {
		return fmt.Sprintf("%s (SQLite error %d; run the query with sqlite3 to see more)", what, e.Code())
	}
	return fmt.Sprintf("SQLite error %d", e.Code())
}

// fault wraps an error of a query; context errors of the driver's own making are told apart from a lost connection.
func (s *Store) fault(ctx context.Context, field string, err error) error {
	if err == nil {
		return nil
	}
	if cause := ctx.Err(); cause != nil {
		err = errors.Join(cause, err)
	}
	return &QueryError{Field: field, Where: s.Where(), Lost: lost(err), Err: err}
}

// again runs what reads, and once more on new connections if the connection broke.
func (s *Store) again(ctx context.Context, run func(context.Context) error) error {
	err := run(ctx)
	if err == nil || !lost(err) || ctx.Err() != nil {
		return err
	}
	s.db.SetMaxIdleConns(-1) // the others are as old as the one that broke
	s.db.SetMaxIdleConns(max(1, s.plan.cfg.Threads))
	return run(ctx)
}

// querier is a transaction or a connection.
type querier interface {
	QueryContext(ctx context.Context, query string, args ...any) (*sql.Rows, error)
}

// session is where a statement can run without writing anything.
func (s *Store) session(ctx context.Context) (querier, func(), error) {
	if s.plan.Connection.Backend == MySQL {
		// A function of the database could have changed the session; a transaction that has begun it cannot.
		tx, err := s.db.BeginTx(ctx, &sql.TxOptions{ReadOnly: true})
		if err != nil {
			return nil, nil, err
		}
		return tx, func() { _ = tx.Rollback() }, nil
	}
	conn, err := s.db.Conn(ctx)
	if err != nil {
		return nil, nil, err
	}
	if err := forbidOtherFiles(conn); err != nil {
		_ = conn.Close()
		return nil, nil, err
	}
	return conn, func() { _ = conn.Close() }, nil
}

// query runs a statement: start gets the names of the columns and says where their values go, row is called for each row.
func (s *Store) query(ctx context.Context, st Statement, args []any, start func(names []string) ([]any, error), row func() error) (err error) {
	session, end, err := s.session(ctx)
	if err != nil {
		return err
	}
	defer end()
	rows, err := session.QueryContext(ctx, st.Text, args...)
	if err != nil {
		return err
	}
	defer func() { _ = rows.Close() }()
	names, err := rows.Columns()
	if err != nil {
		return err
	}
	into, err := start(names)
	if err != nil {
		return err
	}
	for rows.Next() {
		if err := rows.Scan(into...); err != nil {
			return err
		}
		if err := row(); err != nil {
			return err
		}
	}
	return rows.Err()
}

func deadline(ctx context.Context, d, otherwise time.Duration) (context.Context, context.CancelFunc) {
	if d <= 0 {
		d = otherwise
	}
	return context.WithTimeout(ctx, d)
}
