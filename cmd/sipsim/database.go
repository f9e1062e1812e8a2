package main

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"

	_ "modernc.org/sqlite" // the driver "sqlite"
)

type databaseCmd struct {
	File    string   `arg:"" help:"The SQLite file. It is made if there is none."`
	Scripts []string `arg:"" optional:"" help:"Files with SQL statements; - is the standard input."`
	SQL     []string `name:"sql" sep:"none" placeholder:"TEXT" help:"Statements, after those of the files. May be repeated."`
}

// Help teaches.
func (databaseCmd) Help() string {
	return `An SQLite file with accounts, where there is no sqlite3. All statements are carried out, or none of them; then the tables are listed.

  sipsim database sip_accounts simulator/examples/bridge/accounts.sql
  sipsim database sip_accounts --sql "UPDATE users SET password = 'Elbereth' WHERE username = 'felix'"`
}

// Run carries out the statements.
func (c *databaseCmd) Run(e *env) error {
	var statements []string
	for _, name := range c.Scripts {
		text, err := readScript(name)
		if err != nil {
			return err
		}
		statements = append(statements, text)
	}
	path, err := filepath.Abs(c.File)
	if err != nil {
		return err
	}
	db, err := sql.Open("sqlite", "file:"+escaper.Replace(path)+"?_pragma=busy_timeout(5000)")
	if err != nil {
		return err
	}
	err = change(e.ctx, db, append(statements, c.SQL...))
	if err == nil {
		err = tables(e.ctx, db, e.stdout)
	}
	if err = errors.Join(err, db.Close()); err != nil {
		return fmt.Errorf("%s: %w", c.File, err)
	}
	return nil
}

// escaper is for names of files in a URI (RFC 3986 section 2.1).
var escaper = strings.NewReplacer("%", "%25", "?", "%3f", "#", "%23")

func readScript(name string) (string, error) {
	if name == "-" {
		text, err := io.ReadAll(os.Stdin)
		return string(text), err
	}
	text, err := os.ReadFile(name) //nolint:gosec // the file that the user names
	return string(text), err
}

func change(ctx context.Context, db *sql.DB, statements []string) error {
	tx, err := db.BeginTx(ctx, nil)
	if err != nil {
		return err
	}
	for _, s := range statements {
		if _, err := tx.ExecContext(ctx, s); err != nil {
			return errors.Join(err, tx.Rollback())
		}
	}
	return tx.Commit()
}

// tables lists them with their rows.
func tables(ctx context.Context, db *sql.DB, out io.Writer) error {
	rows, err := db.QueryContext(ctx, "SELECT name FROM sqlite_master WHERE type = 'table' AND name NOT LIKE 'sqlite\\_%' ESCAPE '\\' ORDER BY name")
	if err != nil {
		return err
	}
	defer func() { _ = rows.Close() }() // it was read to its end, or the error is told
	var names []string
	for rows.Next() {
		var name string
		if err := rows.Scan(&name); err != nil {
			return err
		}
		names = append(names, name)
	}
	if err := rows.Err(); err != nil {
		return err
	}
	for _, name := range names {
		n := 0
		quoted := `"` + strings.ReplaceAll(name, `"`, `""`) + `"`
		if err := db.QueryRowContext(ctx, "SELECT count(*) FROM "+quoted).Scan(&n); err != nil { //nolint:gosec // a name of the file itself, quoted
			return err
		}
		if _, err := fmt.Fprintf(out, "table %s: rows=%d\n", name, n); err != nil {
			return err
		}
	}
	return nil
}
