package steps

import (
	"database/sql"
	"errors"
	"path/filepath"

	"github.com/cucumber/godog"
	_ "modernc.org/sqlite" // the driver "sqlite"
)

// sqliteSteps: a database that is a file of the scenario.
func (w *World) sqliteSteps(sc *godog.ScenarioContext) {
	sc.Step(`^the SQLite file "([^"]+)" after$`, w.sqliteFile)
}

// sqliteFile carries out statements, on a new file or on the one that is there.
func (w *World) sqliteFile(name string, statements *godog.DocString) error {
	text, err := w.expand(statements.Content)
	if err != nil {
		return err
	}
	db, err := sql.Open("sqlite", filepath.Join(w.dir, name))
	if err != nil {
		return err
	}
	_, err = db.Exec(text)
	return errors.Join(err, db.Close())
}
