package sqlstore

import (
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"b2bua/core/digest"
)

func TestMySQLConnections(t *testing.T) {
	for text, want := range map[string]Connection{
		"db=accounts user='b2bua' password='correct horse' host=database.example.org": {Database: "accounts", User: "b2bua", Password: "correct horse", Host: "database.example.org"},
		"dbname = a\tuser= u pass=p port=3307":                                        {Database: "a", User: "u", Password: "p", Port: 3307},
		`service=a password='it\'s \\ here'`:                                          {Database: "a", Password: `it's \ here`},
		`db=a password=p\'q\ r`:                                                       {Database: "a", Password: "p'q r"},
		"db=a password='' unix_socket=/run/x.sock":                                    {Database: "a", Socket: "/run/x.sock"},
		"db=a connect_timeout=3 read_timeout=4 write_timeout=5":                       {Database: "a", Connect: 3 * time.Second, Read: 4 * time.Second, Write: 5 * time.Second},
		"db=a sslca=/ca.pem sslcert=/c.pem sslkey=/k.pem":                             {Database: "a", CA: "/ca.pem", Cert: "/c.pem", Key: "/k.pem", TLS: TLSVerifyCA},
		"db=a ssl_mode=verify_identity sslca=/ca.pem host=h reconnect=1":              {Database: "a", CA: "/ca.pem", TLS: TLSVerifyIdentity, Host: "h"},
		"db=a ssl_mode=DISABLED charset=UTF8 local_infile=0":                          {Database: "a", TLS: TLSDisabled, Charset: "utf8"},
	} {
		got, warnings, err := ParseConnection(MySQL, digest.Secret(text))
		require.NoError(t, err, text)
		assert.Empty(t, warnings, text)
		want.Backend = MySQL
		if want.Connect == 0 {
			want.Connect = defaultConnect
		}
		if want.Charset == "" {
			want.Charset = "utf8mb4"
		}
		assert.Equal(t, want, got, text)
	}
}

func TestConnectionsThatAreRefused(t *testing.T) {
	for text, want := range map[string]string{
		"":                                 "connection: it names no database; write db=…",
		"user=u":                           "connection: it names no database; write db=…",
		"db=a password=Mellon Sesame":      "connection, character 28, after password=: a name and = are expected; a value with spaces must be in single quotes",
		"db=a password=Mellon Sesame=x":    "connection, character 22: an option that is not known; a value with spaces must be in single quotes",
		"db=a password='Mellon":            "connection, character 15, after db=: the quote that begins here has no end",
		"db=a password=Mel'lon":            "connection, character 18, after db=: a quote in a value that does not begin with one; write \\' for a quote that belongs to the value",
		`db=a password=Mellon\`:            "connection, character 22, after db=: a backslash at the end; write \\\\ for one that belongs to the value",
		"db=a port=Mellon":                 "connection, option port: it is no port",
		"db=a port=65536":                  "connection, option port: it is no port",
		"db=a pass=x password=Mellon":      "connection, option password: it is given twice",
		"db=a ssl_mode=Mellon":             "connection, option ssl_mode: it is none of DISABLED, PREFERRED, REQUIRED, VERIFY_CA and VERIFY_IDENTITY",
		"db=a connect_timeout=0":           "connection, option connect_timeout: it is no number of seconds from 1 to 86400",
		"db=a sslcert=/c":                  "connection: sslcert and sslkey need each other",
		"db=a charset=gbk":                 "connection, option charset: values are read as UTF-8; write utf8mb4, or leave it out",
		"db=a sslca=/c unix_socket=/s":     "connection: a unix socket is never encrypted; leave out unix_socket, or sslca and ssl_mode",
		"db=a ssl_mode=VERIFY_CA":          "connection: ssl_mode=VERIFY_CA needs sslca",
		"db=a ssl_mode=DISABLED sslca=/ca": "connection: ssl_mode=DISABLED and sslca or sslcert contradict each other",
	} {
		_, _, err := ParseConnection(MySQL, digest.Secret(text))
		assert.EqualError(t, err, want, text)
		assert.NotContains(t, err.Error(), "Mellon")
		assert.NotContains(t, err.Error(), "Sesame")
	}
	_, _, err := ParseConnection("oracle", "db=a")
	assert.EqualError(t, err, `there is no database backend "oracle"; write mysql or sqlite3`)
}

func TestSQLiteConnections(t *testing.T) {
	file := func(name string) Connection { return Connection{Backend: SQLite, Database: name, Busy: defaultBusy} }
	for text, want := range map[string]Connection{
		"/var/lib/accounts.db":                 file("/var/lib/accounts.db"),
		"  with space.db ":                     file("with space.db"),
		"db=a.db":                              file("a.db"),
		`dbname="with space.db" readonly=true`: file("with space.db"),
		"db='with space.db'":                   file("with space.db"),
		`db=C:\a.db`:                           file(`C:\a.db`),
		"db=a.db timeout=2":                    {Backend: SQLite, Database: "a.db", Busy: 2 * time.Second},
	} {
		got, warnings, err := ParseConnection(SQLite, digest.Secret(text))
		require.NoError(t, err, text)
		assert.Empty(t, warnings, text)
		assert.Equal(t, want, got, text)
	}
	for _, text := range []string{"", "user=x", ":memory:", "db=:memory:", "db=a db=b", "db=a timeout=x", "db='a"} {
		_, _, err := ParseConnection(SQLite, digest.Secret(text))
		assert.Error(t, err, text)
	}
}

// The example of the documentation names sqlite3 with a connection of MySQL: db is the file.
func TestExampleOfTheDocumentation(t *testing.T) {
	c, warnings, err := ParseConnection(SQLite, "db=sip_accounts user='flexisip-b2bua' password='Mellon' host=db.jabiru.example.org")
	require.NoError(t, err)
	assert.Equal(t, "sip_accounts", c.Database)
	assert.Equal(t, []string{
		"connection: option user has no meaning for sqlite3 and is ignored",
		"connection: option password has no meaning for sqlite3 and is ignored",
		"connection: option host has no meaning for sqlite3 and is ignored",
	}, warnings)
}

func TestConnectionsPrintWithoutPassword(t *testing.T) {
	c, _, err := ParseConnection(MySQL, "db=a user=u password='correct horse' host=2001:db8::1 port=3307")
	require.NoError(t, err)
	for _, text := range []string{c.String(), fmt.Sprintf("%v %+v %#v %s", c, c, c, &c), c.Where()} {
		assert.NotContains(t, text, "horse")
	}
	assert.Equal(t, "MySQL database a at [2001:db8::1]:3307", c.Where())
}

func TestThisMachine(t *testing.T) {
	for text, want := range map[string]bool{
		"db=a": true, "db=a host=localhost": true, "db=a host=127.0.0.1": false, "db=a host=localhost port=3306": false,
		"db=a unix_socket=/s": false, "db=a ssl_mode=REQUIRED": false,
	} {
		c, _, err := ParseConnection(MySQL, digest.Secret(text))
		require.NoError(t, err)
		assert.Equal(t, want, c.local(), text)
	}
}

func FuzzConnection(f *testing.F) {
	for _, s := range []string{"db=accounts user='b2bua' password='correct horse' host=database.example.org port=3306", `db="a b" timeout=2`, `db=a\ b pass='\\'`, "a.db"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, text string) {
		for _, b := range []Backend{SQLite, MySQL} {
			c, _, err := ParseConnection(b, digest.Secret(text))
			if err == nil && c.Database == "" {
				t.Errorf("%q is accepted without a database", text)
			}
		}
	})
}

func TestAPlanPrintsNoPassword(t *testing.T) {
	p, err := Compile(Config{Backend: MySQL, Connection: "db=d host=h user=u password=Mellon", InitQuery: "SELECT 1", UpdateQuery: "SELECT 1"})
	require.NoError(t, err)
	for _, verb := range []string{"%v", "%+v", "%#v", "%s"} {
		assert.NotContains(t, fmt.Sprintf(verb, p)+fmt.Sprintf(verb, *p), "Mellon")
	}
}
