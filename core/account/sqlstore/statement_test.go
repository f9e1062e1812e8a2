package sqlstore

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestPlaceholders(t *testing.T) {
	for text, want := range map[string]Statement{
		"SELECT a FROM t WHERE id = :identifier":          {"SELECT a FROM t WHERE id = ?", 1},
		"SELECT a FROM t WHERE id=:identifier;":           {"SELECT a FROM t WHERE id=?", 1},
		"select :identifier, ':identifier' , :identifier": {"select ?, ':identifier' , ?", 2},
		`SELECT ":identifier" FROM t`:                     {`SELECT ":identifier" FROM t`, 0},
		"SELECT `:identifier` FROM t":                     {"SELECT `:identifier` FROM t", 0},
		"SELECT a -- :identifier\nFROM t":                 {"SELECT a -- :identifier\nFROM t", 0},
		"SELECT a /* it's ; :identifier */ FROM t ; ":     {"SELECT a /* it's ; :identifier */ FROM t", 0},
		"(SELECT 'a''; DELETE') UNION (SELECT 1)":         {"(SELECT 'a''; DELETE') UNION (SELECT 1)", 0},
		"WITH x AS (SELECT 1) SELECT * FROM x":            {"WITH x AS (SELECT 1) SELECT * FROM x", 0},
		"SELECT replace(a,'x','y'), t.update FROM t":      {"SELECT replace(a,'x','y'), t.update FROM t", 0},
		"SELECT é FROM t -- end":                          {"SELECT é FROM t", 0},
	} {
		for _, b := range []Backend{SQLite, MySQL} {
			got, err := CompileStatement(b, text)
			require.NoError(t, err, text)
			assert.Equal(t, want, got, text)
		}
	}
	_, err := CompileStatement(SQLite, "SELECT [into] FROM t")
	require.NoError(t, err)
	got, err := CompileStatement(MySQL, "SELECT @n := 5--1, # into\n a$b FROM t")
	require.NoError(t, err)
	assert.Equal(t, "SELECT @n := 5--1, # into\n a$b FROM t", got.Text)
}

// Each of these would write, run more than one statement, or run with a value that nobody gave.
func TestStatementsThatAreRefused(t *testing.T) {
	both := []string{
		"", " ", ";", "()", "-- nothing", "INSERT INTO t VALUES (1)", "UPDATE t SET a = 1", "DELETE FROM t", "REPLACE INTO t VALUES (1)", "DROP TABLE t",
		"CREATE TABLE x (a int)", "ALTER TABLE t ADD b int", "TRUNCATE t", "ATTACH 'x' AS y", "PRAGMA user_version = 1", "VACUUM", "VACUUM INTO 'x'",
		"CALL p()", "SET GLOBAL x = 1", "GRANT ALL ON *.* TO x", "LOAD DATA INFILE 'x' INTO TABLE t", "BEGIN", "COMMIT", "HANDLER t OPEN", "DO 1", "EXPLAIN SELECT 1",
		"SELECT 1; DELETE FROM t", "SELECT 1;;", "SELECT 1; -- x\n SELECT 2", "SELECT 1 INTO OUTFILE '/tmp/x'", "SELECT 1 into\tdumpfile '/tmp/x'",
		"SELECT 1 INTO @x", "SELECT load_extension('x')", "SELECT * FROM t FOR UPDATE", "WITH x AS (SELECT 1) DELETE FROM t", "WITH x AS (SELECT 1) INSERT INTO t SELECT 1",
		"WITH x AS (SELECT 1) REPLACE INTO t SELECT 1", "SELECT 1.INTO OUTFILE 'x'", "SELECT t . INTO OUTFILE 'x'", "SELECT 'a'.INTO OUTFILE 'x'",
		"SELECT ?", "SELECT :id", "SELECT :identifiers", "SELECT 'a", "SELECT /* a", "SELECT `a", "SELECT 'a\x00'", "SELECT \x00", "\xef\xbb\xbfSELECT 1",
	}
	mysql := []string{
		"SELECT /*! 1 INTO OUTFILE '/tmp/x' */", "SELECT /*!50000 1 */", "SELECT /*M! 1 */", "SELECT nextval(s)", "SELECT NEXT VALUE FOR s", "SELECT setval(s, 5)",
		`SELECT 'a\' INTO OUTFILE '/tmp/x' -- '`, `SELECT 'a\'', ' INTO OUTFILE /tmp/x'`, "SELECT 1 --INTO\nINTO OUTFILE 'x'", "SELECT 1 --5 INTO OUTFILE 'x'",
	}
	sqlite := []string{"SELECT @x", "SELECT $x", "SELECT [a", "SELECT ?1"}
	for _, text := range append(append([]string{}, both...), mysql...) {
		_, err := CompileStatement(MySQL, text)
		assert.Error(t, err, text)
	}
	for _, text := range append(append([]string{}, both...), sqlite...) {
		_, err := CompileStatement(SQLite, text)
		assert.Error(t, err, text)
	}
	_, err := CompileStatement(MySQL, "SELECT 1 INTO OUTFILE '/x'")
	assert.EqualError(t, err, "character 10: INTO is refused: nothing is ever written, neither rows nor files")
	_, err = CompileStatement(SQLite, "SELECT 1; SELECT 2")
	assert.EqualError(t, err, "character 9: only one statement is run, and another one begins after this semicolon")
}

func FuzzStatement(f *testing.F) {
	for _, s := range []string{
		"SELECT a, \"\" AS b FROM t WHERE id = :identifier;", "SELECT 'a''b', `c`, [d] -- x\n FROM t # y", `SELECT 'a\'b' /* :identifier */`, "WITH x AS (SELECT 1) SELECT 1.INTO OUTFILE 'x'",
	} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, text string) {
		for _, b := range []Backend{SQLite, MySQL} {
			s, err := CompileStatement(b, text)
			if err != nil {
				continue
			}
			if s.Args != strings.Count(s.Text, "?")-strings.Count(text, "?") {
				t.Errorf("%q: %d arguments for %q", text, s.Args, s.Text)
			}
			if s.Args == 0 {
				if again, err := CompileStatement(b, s.Text); err != nil || again != s {
					t.Errorf("%q became %q, which is read otherwise: %v", text, s.Text, err)
				}
			}
		}
	})
}
