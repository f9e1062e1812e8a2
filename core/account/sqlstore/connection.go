package sqlstore

import (
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"

	"b2bua/core/digest"
)

// Backend is the kind of database.
type Backend string

// Backends, named as in a providers file.
const (
	SQLite Backend = "sqlite3"
	MySQL  Backend = "mysql"
)

// Connection is a connection string, understood. It prints without its password.
type Connection struct {
	Backend  Backend
	Database string // name, or file of SQLite

	Host     string // MySQL; "": this machine
	Port     int    // 0: not given
	Socket   string // path; "": not given
	User     string
	Password digest.Secret
	Charset  string

	TLS               TLSMode
	CA, Cert, Key     string // files
	Connect           time.Duration
	Read, Write, Busy time.Duration // 0: none; Busy is how long SQLite waits for a writer
}

// TLSMode is what a MySQL client asks of the connection; the names are those of its ssl_mode.
type TLSMode uint8

// Modes.
const (
	TLSPreferred TLSMode = iota // encrypted if the server can, without looking at its certificate; the default
	TLSDisabled
	TLSRequired
	TLSVerifyCA // the default with sslca
	TLSVerifyIdentity
)

var tlsModes = map[string]TLSMode{
	"DISABLED": TLSDisabled, "PREFERRED": TLSPreferred, "REQUIRED": TLSRequired, "VERIFY_CA": TLSVerifyCA, "VERIFY_IDENTITY": TLSVerifyIdentity,
}

// Defaults of a connection.
const (
	defaultConnect = 10 * time.Second
	defaultBusy    = 5 * time.Second
	maxSeconds     = 24 * 3600
)

// sqliteOptions are those that SOCI knows for SQLite. All but the first three have no meaning for a reader, or none here.
var sqliteOptions = []string{"db", "dbname", "timeout", "readonly", "synchronous", "shared_cache", "vfs", "foreign_keys", "nocreate"}

var mysqlOptions = []string{
	"db", "dbname", "service", "user", "pass", "password", "host", "port", "unix_socket", "charset", "sslca", "sslcert", "sslkey", "ssl_mode",
	"connect_timeout", "read_timeout", "write_timeout", "reconnect", "local_infile",
}

func knownOption(name string) bool {
	return contains(mysqlOptions, name) || contains(sqliteOptions, name)
}

func contains(list []string, s string) bool {
	for _, x := range list {
		if x == s {
			return true
		}
	}
	return false
}

// ParseConnection reads a connection string of SOCI. Warnings tell of what is ignored.
func ParseConnection(b Backend, text digest.Secret) (c Connection, warnings []string, err error) {
	switch b {
	case SQLite:
		return parseSQLite(string(text))
	case MySQL:
		return parseMySQL(string(text))
	}
	return c, nil, fmt.Errorf("there is no database backend %q; write mysql or sqlite3", string(b))
}

var errNoDatabase = errors.New("connection: it names no database; write db=…")

func parseSQLite(text string) (c Connection, warnings []string, err error) {
	c = Connection{Backend: SQLite, Busy: defaultBusy}
	if !strings.Contains(text, "=") {
		c.Database = strings.TrimSpace(text)
		return c, nil, c.checkFile()
	}
	list, err := parseOptions(text, sqliteGrammar)
	if err != nil {
		return Connection{}, nil, err
	}
	for _, o := range list {
		switch o.name {
		case "db", "dbname":
			if c.Database != "" {
				return Connection{}, nil, o.fault("the database is named twice")
			}
			c.Database = o.value
		case "timeout":
			if c.Busy, err = o.seconds(); err != nil {
				return Connection{}, nil, err
			}
		case "readonly": // it always is
		default:
			warnings = append(warnings, o.ignored("sqlite3"))
		}
	}
	return c, warnings, c.checkFile()
}

func (c *Connection) checkFile() error {
	switch {
	case c.Database == "":
		return errNoDatabase
	case strings.HasPrefix(c.Database, ":memory:"):
		return errors.New("connection: a database in memory has no accounts; write db=FILE")
	case strings.ContainsRune(c.Database, 0):
		return errors.New("connection: the name of the file has a NUL")
	}
	return nil
}

func (o option) ignored(backend string) string {
	if !knownOption(o.name) { // its name may be part of a password that has no quotes
		return fmt.Sprintf("connection, character %d: an option that is not known is ignored", o.at)
	}
	return fmt.Sprintf("connection: option %s has no meaning for %s and is ignored", o.name, backend)
}

// fault names a known option, never its value.
func (o option) fault(what string) error {
	return fmt.Errorf("connection, option %s: %s", o.name, what)
}

func (o option) seconds() (time.Duration, error) {
	n, err := strconv.Atoi(o.value)
	if err != nil || n < 1 || n > maxSeconds {
		return 0, o.fault(fmt.Sprintf("it is no number of seconds from 1 to %d", maxSeconds))
	}
	return time.Duration(n) * time.Second, nil
}

func parseMySQL(text string) (c Connection, warnings []string, err error) {
	list, err := parseOptions(text, mysqlGrammar)
	if err != nil {
		return c, nil, err
	}
	c = Connection{Backend: MySQL, Charset: "utf8mb4", Connect: defaultConnect}
	seen := map[string]bool{}
	for _, o := range list {
		if !contains(mysqlOptions, o.name) {
			return Connection{}, nil, &optionError{at: o.at, what: "an option that is not known; a value with spaces must be in single quotes"}
		}
		key := synonym(o.name)
		if seen[key] {
			return Connection{}, nil, o.fault("it is given twice")
		}
		seen[key] = true
		warning, err := c.set(o)
		if err != nil {
			return Connection{}, nil, err
		}
		if warning != "" {
			warnings = append(warnings, warning)
		}
		if len(o.value) > 1 && o.value[0] == '"' && o.value[len(o.value)-1] == '"' {
			warnings = append(warnings, fmt.Sprintf("connection: the double quotes around %s belong to its value; single quotes are the ones that do not", o.name))
		}
	}
	if !seen["ssl_mode"] && c.CA != "" {
		c.TLS = TLSVerifyCA
	}
	return c, warnings, c.checkMySQL()
}

func synonym(name string) string {
	switch name {
	case "dbname", "service":
		return "db"
	case "pass":
		return "password"
	}
	return name
}

func (c *Connection) set(o option) (warning string, err error) {
	switch o.name {
	case "db", "dbname", "service":
		c.Database = o.value
	case "user":
		c.User = o.value
	case "pass", "password":
		c.Password = digest.Secret(o.value)
	case "host":
		c.Host = o.value
	case "unix_socket":
		c.Socket = o.value
	case "charset":
		return "", c.setCharset(o)
	case "port":
		if c.Port, err = strconv.Atoi(o.value); err != nil || c.Port < 0 || c.Port > 65535 {
			return "", o.fault("it is no port")
		}
	case "reconnect": // a lost connection always is made again
	case "local_infile":
		if o.value != "0" {
			return "connection: option local_infile is ignored: no file is ever sent to the server", nil
		}
	default:
		return "", c.setSecurity(o)
	}
	return "", nil
}

func (c *Connection) setSecurity(o option) (err error) {
	switch o.name {
	case "sslca":
		c.CA = o.value
	case "sslcert":
		c.Cert = o.value
	case "sslkey":
		c.Key = o.value
	case "ssl_mode":
		mode, ok := tlsModes[strings.ToUpper(o.value)]
		if !ok {
			return o.fault("it is none of DISABLED, PREFERRED, REQUIRED, VERIFY_CA and VERIFY_IDENTITY")
		}
		c.TLS = mode
	case "connect_timeout":
		c.Connect, err = o.seconds()
	case "read_timeout":
		c.Read, err = o.seconds()
	case "write_timeout":
		c.Write, err = o.seconds()
	}
	return err
}

// setCharset: it becomes part of a SET NAMES, where nothing can be bound. Character sets in which the second byte of a letter
// may be a quote or backslash (sjis, gbk, big5, gb18030, cp932) would need a tokenizer of their own.
func (c *Connection) setCharset(o option) error {
	switch name := strings.ToLower(o.value); name {
	case "utf8", "utf8mb3", "utf8mb4", "latin1", "ascii":
		c.Charset = name
		return nil
	}
	return o.fault("values are read as UTF-8; write utf8mb4, or leave it out")
}

func (c *Connection) checkMySQL() error {
	switch {
	case c.Database == "":
		return errNoDatabase
	case (c.Cert == "") != (c.Key == ""):
		return errors.New("connection: sslcert and sslkey need each other")
	case (c.TLS == TLSVerifyCA || c.TLS == TLSVerifyIdentity) && c.Socket != "":
		return errors.New("connection: a unix socket is never encrypted; leave out unix_socket, or sslca and ssl_mode")
	case c.TLS == TLSDisabled && c.CA+c.Cert != "":
		return errors.New("connection: ssl_mode=DISABLED and sslca or sslcert contradict each other")
	case c.TLS == TLSVerifyCA && c.CA == "":
		return errors.New("connection: ssl_mode=VERIFY_CA needs sslca")
	}
	return nil
}

// local tells whether the client library would use the unix socket of this machine. With a port it is TCP, as it is for the
// clients of MariaDB.
func (c *Connection) local() bool {
	return c.Socket == "" && c.Port == 0 && (c.Host == "" || c.Host == "localhost") && c.TLS != TLSVerifyCA && c.TLS != TLSVerifyIdentity && c.TLS != TLSRequired
}

// Where is the database in words.
func (c *Connection) Where() string {
	switch {
	case c.Backend == SQLite:
		return "SQLite file " + c.Database
	case c.Socket != "":
		return fmt.Sprintf("MySQL database %s at %s", c.Database, c.Socket)
	}
	return fmt.Sprintf("MySQL database %s at %s", c.Database, c.address())
}

// String is Where: a Connection can be printed.
func (c Connection) String() string { return c.Where() }

// GoString is String.
func (c Connection) GoString() string { return c.Where() }

const mysqlPort = 3306

func (c *Connection) address() string {
	host, port := c.Host, c.Port
	if host == "" || host == "localhost" {
		host = "127.0.0.1"
	}
	if port == 0 {
		port = mysqlPort
	}
	if strings.Contains(host, ":") && !strings.HasPrefix(host, "[") {
		host = "[" + host + "]"
	}
	return host + ":" + strconv.Itoa(port)
}
