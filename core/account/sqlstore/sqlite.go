package sqlstore

import (
	"database/sql"
	"database/sql/driver"
	"net/url"
	"path/filepath"
	"strconv"

	"modernc.org/sqlite"
	sqlite3 "modernc.org/sqlite/lib"
)

// sqliteConnector opens a file for reading. mode=ro is SQLite's own door; query_only and defensive stand behind it.
func sqliteConnector(c *Connection) (driver.Connector, error) {
	path, err := filepath.Abs(c.Database)
	if err != nil {
		return nil, err
	}
	parameters := url.Values{
		"mode": {"ro"}, "_query_only": {"1"}, "_defensive": {"1"}, "_busy_timeout": {strconv.FormatInt(c.Busy.Milliseconds(), 10)},
		"_pragma": {"trusted_schema(0)"},
	}
	return sqlite.NewConnector((&url.URL{Scheme: "file", Path: path}).String() + "?" + parameters.Encode())
}

// forbidOtherFiles: mode=ro is about one file, while ATTACH and VACUUM INTO, which attaches, make others.
func forbidOtherFiles(conn *sql.Conn) error {
	_, err := sqlite.Limit(conn, sqlite3.SQLITE_LIMIT_ATTACHED, 0)
	return err
}
