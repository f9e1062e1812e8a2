package sqlstore

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"database/sql/driver"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"strings"

	"github.com/go-sql-driver/mysql"
)

// sockets are where the servers of the distributions listen; client libraries have one of them built in.
var sockets = []string{"/run/mysqld/mysqld.sock", "/var/run/mysqld/mysqld.sock", "/var/lib/mysql/mysql.sock", "/tmp/mysql.sock"}

// mysqlConnector opens sessions that refuse writes.
func mysqlConnector(c *Connection) (driver.Connector, error) {
	cfg := mysql.NewConfig()
	cfg.User, cfg.Passwd, cfg.DBName = c.User, string(c.Password), c.Database
	cfg.Timeout, cfg.ReadTimeout, cfg.WriteTimeout = c.Connect, c.Read, c.Write
	cfg.Logger = &mysql.NopLogger{}
	if err := cfg.Apply(mysql.Charset(c.Charset, "")); err != nil {
		return nil, err
	}
	cfg.Net, cfg.Addr = "tcp", c.address()
	if path := c.socket(); path != "" {
		cfg.Net, cfg.Addr = "unix", path
	} else if err := c.secure(cfg); err != nil {
		return nil, err
	}
	under, err := mysql.NewConnector(cfg)
	if err != nil {
		return nil, err
	}
	return readOnly{under}, nil
}

func (c *Connection) socket() string {
	if c.Socket != "" || !c.local() {
		return c.Socket
	}
	for _, path := range sockets {
		if info, err := os.Stat(path); err == nil && info.Mode()&os.ModeSocket != 0 {
			return path
		}
	}
	return ""
}

// secure sets up TLS.
func (c *Connection) secure(cfg *mysql.Config) error {
	if c.TLS == TLSDisabled {
		return nil
	}
	t := &tls.Config{MinVersion: tls.VersionTLS12, InsecureSkipVerify: c.TLS != TLSVerifyIdentity}
	cfg.AllowFallbackToPlaintext = c.TLS == TLSPreferred
	if host, _, err := net.SplitHostPort(c.address()); err == nil {
		t.ServerName = host
	}
	if c.CA != "" {
		pem, err := os.ReadFile(c.CA)
		if err != nil {
			return fmt.Errorf("connection, option sslca: %w", err)
		}
		t.RootCAs = x509.NewCertPool()
		if !t.RootCAs.AppendCertsFromPEM(pem) {
			return fmt.Errorf("connection, option sslca: %s has no certificate in PEM", c.CA)
		}
	}
	if c.Cert != "" {
		pair, err := tls.LoadX509KeyPair(c.Cert, c.Key)
		if err != nil {
			return fmt.Errorf("connection, options sslcert and sslkey: %w", err)
		}
		t.Certificates = []tls.Certificate{pair}
	}
	if c.TLS == TLSVerifyCA {
		t.VerifyConnection = func(s tls.ConnectionState) error { return verifyChain(s, t.RootCAs) }
	}
	cfg.TLS = t
	return nil
}

// verifyChain checks the certificate but not its name (VERIFY_CA).
func verifyChain(s tls.ConnectionState, roots *x509.CertPool) error {
	if len(s.PeerCertificates) == 0 {
		return errors.New("the server has no certificate")
	}
	options := x509.VerifyOptions{Roots: roots, Intermediates: x509.NewCertPool()}
	for _, c := range s.PeerCertificates[1:] {
		options.Intermediates.AddCert(c)
	}
	_, err := s.PeerCertificates[0].Verify(options)
	return err
}

// readOnly makes sessions whose transactions are read-only, unless one asks for something else; nobody does.
type readOnly struct{ driver.Connector }

// Connect implements driver.Connector.
func (r readOnly) Connect(ctx context.Context) (driver.Conn, error) {
	conn, err := r.Connector.Connect(ctx)
	if err != nil {
		return nil, err
	}
	session, ok := conn.(driver.ExecerContext)
	if !ok {
		_ = conn.Close()
		return nil, errors.New("the MySQL driver cannot set up a session")
	}
	if _, err := session.ExecContext(ctx, "SET SESSION TRANSACTION READ ONLY", nil); err != nil {
		_ = conn.Close()
		return nil, err
	}
	return conn, nil
}

// Errors of the server after which the connection is gone: shut down, killed, or idle for too long. The first four of spec 4.9.2
// are the client's own and arrive as errors of the connection here.
var lostCodes = []uint16{1053, 1927, 4031, 3169, 1159, 1161, 2006, 2013, 2014}

// lost tells whether the connection broke, so that a new one may do better.
func lost(err error) bool {
	var server *mysql.MySQLError
	if errors.As(err, &server) {
		for _, code := range lostCodes {
			if server.Number == code {
				return true
			}
		}
		return false
	}
	var network *net.OpError
	return errors.Is(err, driver.ErrBadConn) || errors.Is(err, mysql.ErrInvalidConn) || errors.Is(err, io.EOF) ||
		errors.Is(err, io.ErrUnexpectedEOF) || errors.As(err, &network)
}

// lastingCode goes by the class of the SQLSTATE: no such user or password (28), no such database (3D), syntax, names and rights (42), of
// which the limits of a user (1203, 1226) pass; and a query that would write (1792).
func lastingCode(e *mysql.MySQLError) bool {
	switch string(e.SQLState[:2]) {
	case "28", "3D", "42":
		return e.Number != 1203 && e.Number != 1226
	}
	return e.Number == 1792
}

// harmless are errors of the server whose text has names, never values: of users, databases, tables, columns, functions.
var harmless = map[uint16]bool{
	1040: true, 1044: true, 1045: true, 1046: true, 1049: true, 1053: true, 1054: true, 1129: true, 1130: true, 1142: true, 1143: true, 1146: true,
	1152: true, 1203: true, 1205: true, 1213: true, 1226: true, 1227: true, 1250: true, 1290: true, 1305: true, 1317: true, 1370: true, 1792: true,
	1836: true, 1927: true, 1969: true, 3024: true, 4031: true, 1698: true, 1251: true, 2059: true, 1052: true, 1109: true, 1222: true,
}

// serverText is what a MySQL server said, without what may be a value of a row or a constant of a query.
func serverText(e *mysql.MySQLError) string {
	if harmless[e.Number] {
		return fmt.Sprintf("%s (MySQL error %d)", strings.TrimSpace(e.Message), e.Number)
	}
	if e.Number == 1064 || e.Number == 1149 {
		return fmt.Sprintf("it is no SQL that the server understands (MySQL error %d; the server's text may quote secrets, run the query with its client to see it)", e.Number)
	}
	return fmt.Sprintf("MySQL error %d, SQLSTATE %s (its text may quote secrets; run the query with the client of the database to see it)", e.Number, e.SQLState[:])
}
