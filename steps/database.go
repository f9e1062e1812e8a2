package steps

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"net/netip"
	"os"
	"path/filepath"
	"slices"
	"strings"

	_ "modernc.org/sqlite" // the driver

	"b2bua/simulator/testca"
	"b2bua/steps/stores"
	"b2bua/steps/stores/faulty"
)

// database is where the accounts of a scenario are: a file of its own, or a database of its own on a server.
type database struct {
	backend string // as dbBackend says it
	db      *sql.DB
	file    string           // of SQLite
	server  *stores.Database // else
	fault   *faulty.Proxy    // in front of the server, if the scenario needs one
	options string           // at the end of the connection string
}

// openDatabase makes an empty one, from now on the database of the scenario. "mariadb" is on the shared server, "own mariadb" on one
// that the scenario may stop. {{database}} is how a providers file names it, as is {{sqlite}} and so on.
func (w *World) openDatabase(kind string) (*database, error) {
	d, err := w.newDatabase(kind)
	if err == nil {
		w.database, w.named["database"], w.named[kind] = d, d.members(), d.members()
	}
	return d, err
}

func (w *World) newDatabase(kind string) (*database, error) {
	ctx, cancel := w.wait()
	defer cancel()
	d := &database{backend: "mysql"}
	var err error
	switch kind {
	case "sqlite":
		d.backend, d.file = "sqlite3", filepath.Join(w.dir, "accounts.db")
		d.db, err = openSQLite(d.file)
		if err != nil {
			return nil, err
		}
		w.closers = append(w.closers, func() { _ = d.db.Close() })
		return d, nil
	case "mariadb":
		d.server, err = w.suite.stores.SharedDatabase(ctx)
	case "mariadb over TLS":
		if d.server, err = w.suite.stores.SharedDatabase(ctx); err == nil {
			err = w.requireTLS(ctx, d.server)
		}
	case "own mariadb":
		var addr netip.Addr
		if addr, err = w.net.Next(); err == nil {
			d.server, err = w.suite.stores.OwnDatabase(ctx, addr, stores.Spec{})
		}
	default:
		err = fmt.Errorf("there is no database %q", kind)
	}
	if err != nil {
		return nil, err
	}
	d.db = d.server.DB
	w.closers = append(w.closers, func() {
		ctx, cancel := w.wait()
		defer cancel()
		_ = d.server.Drop(ctx)
	})
	return d, nil
}

// requireTLS lets the user of a shared database come by TLS only. The authority of its certificate is in {{dir}}/database/ca.pem,
// another one, which has signed nothing, in {{dir}}/stranger/ca.pem.
func (w *World) requireTLS(ctx context.Context, d *stores.Database) error {
	stranger, err := testca.New()
	if err != nil {
		return err
	}
	folder := filepath.Join(w.dir, "database")
	_, err = d.DB.ExecContext(ctx, "ALTER USER '"+d.User+"'@'%' REQUIRE SSL")
	return errors.Join(err, stranger.WriteDir(filepath.Join(w.dir, "stranger"), "b2bua.example.org"),
		os.MkdirAll(folder, 0o700), os.WriteFile(filepath.Join(folder, "ca.pem"), d.CA, 0o600))
}

// openSQLite waits for a reader, as b2bua is one.
func openSQLite(file string) (*sql.DB, error) {
	db, err := sql.Open("sqlite", file+"?_pragma=busy_timeout(10000)")
	if err == nil {
		db.SetMaxOpenConns(1)
	}
	return db, err
}

// connection is the connection string. With a faulty proxy it leads there.
func (d *database) connection() string {
	if d.server == nil {
		return "db=" + d.file
	}
	addr := d.server.Server.Addr()
	if d.fault != nil {
		addr = d.fault.Addr()
	}
	password := strings.ReplaceAll(d.server.Password, `'`, `\'`)
	return fmt.Sprintf("host=%s port=%d db=%s user=%s password='%s'", addr.Addr(), addr.Port(), d.server.Name, d.server.User, password) + d.options
}

// members are dbBackend and connection in a providers file, {{database}}.
func (d *database) members() string {
	text, _ := json.Marshal(d.connection())
	return fmt.Sprintf(`"dbBackend": %q, "connection": %s`, d.backend, text)
}

// run runs statements, several separated by semicolons.
func (d *database) run(ctx context.Context, statements string) error {
	if _, err := d.db.ExecContext(ctx, statements); err != nil {
		return fmt.Errorf("%s: %w", statements, err)
	}
	return nil
}

// accountTable is what the documentation wants of a query, as a table.
var accountTable = []string{
	"username", "domain", "user_id", "realm", "secret", "secret_type", "alias_username", "alias_domain", "outbound_proxy", "registrar", "protocol",
}

// createAccounts makes the table `accounts`. A column that no row says is empty.
func (d *database) createAccounts(ctx context.Context, rows []map[string]string) error {
	var list []string
	for _, name := range accountTable {
		list = append(list, name+" VARCHAR(255) DEFAULT ''")
	}
	if err := d.run(ctx, "CREATE TABLE accounts ("+strings.Join(list, ", ")+")"); err != nil {
		return err
	}
	for _, r := range rows {
		if err := d.insert(ctx, r); err != nil {
			return err
		}
	}
	return nil
}

func (d *database) insert(ctx context.Context, r map[string]string) error {
	var names, marks []string
	var values []any
	for _, name := range accountTable {
		value, ok := r[name]
		if !ok {
			continue
		}
		names, marks = append(names, name), append(marks, "?")
		if value == "NULL" {
			values = append(values, nil)
		} else {
			values = append(values, value)
		}
	}
	_, err := d.db.ExecContext(ctx, fmt.Sprintf("INSERT INTO accounts (%s) VALUES (%s)", strings.Join(names, ", "), strings.Join(marks, ", ")), values...) //nolint:gosec // names of ours
	return err
}

// content is everything in the table, to see that it stays.
func (d *database) content(ctx context.Context) (string, error) {
	rows, err := d.db.QueryContext(ctx, "SELECT * FROM accounts")
	if err != nil {
		return "", err
	}
	defer func() { _ = rows.Close() }()
	names, err := rows.Columns()
	if err != nil {
		return "", err
	}
	var lines []string
	for rows.Next() {
		cells := make([]sql.NullString, len(names))
		into := make([]any, len(names))
		for i := range cells {
			into[i] = &cells[i]
		}
		if err := rows.Scan(into...); err != nil {
			return "", err
		}
		lines = append(lines, fmt.Sprint(cells))
	}
	slices.Sort(lines)
	return strings.Join(append([]string{strings.Join(names, " ")}, lines...), "\n"), rows.Err()
}

// theDatabase is the one of the scenario.
func (w *World) theDatabase() (*database, error) {
	if w.database == nil {
		return nil, errors.New("there is no database in this scenario")
	}
	return w.database, nil
}
