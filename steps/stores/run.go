package stores

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"net/netip"
	"sync"

	"github.com/go-sql-driver/mysql"

	"b2bua/simulator/testca"
	"b2bua/steps/loopback"
)

// Run is what the scenarios of one run share.
type Run struct {
	choose func(ctx context.Context) (Provider, error)
	tell   func(provider string)

	starting sync.Mutex // one database at a time: the starts of several starve each other

	mu       sync.Mutex
	provider Provider
	fault    error // why there is none; asked once only
	net      *loopback.Net
	shared   *Database
	number   int
}

// NewRun makes one; nothing is started before the first scenario asks. tell is called once, with the provider's name.
func NewRun(choose func(ctx context.Context) (Provider, error), tell func(provider string)) *Run {
	return &Run{choose: choose, tell: tell}
}

// Provider is the one of this run; the first call chooses it.
func (r *Run) Provider(ctx context.Context) (Provider, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.chosen(ctx)
}

func (r *Run) chosen(ctx context.Context) (Provider, error) {
	if r.provider == nil && r.fault == nil {
		if r.provider, r.fault = r.choose(ctx); r.fault == nil {
			r.tell(r.provider.Name())
		}
	}
	return r.provider, r.fault
}

// Close ends all servers. A Run that is closed starts anew.
func (r *Run) Close() error {
	r.mu.Lock()
	defer r.mu.Unlock()
	var faults []error
	if r.shared != nil {
		faults = append(faults, r.shared.DB.Close())
	}
	if r.provider != nil {
		faults = append(faults, r.provider.Close())
	}
	r.net.Release()
	r.provider, r.shared, r.net, r.fault = nil, nil, nil, nil
	return errors.Join(faults...)
}

// SQLPort and RedisPort are where servers listen, on an address of their own.
const (
	SQLPort   = 3306
	RedisPort = 6379
)

// SharedDatabase makes a database of its own on the server that all scenarios share; Drop removes it.
func (r *Run) SharedDatabase(ctx context.Context) (*Database, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	provider, err := r.chosen(ctx)
	if err != nil {
		return nil, err
	}
	if r.shared == nil {
		if r.net == nil {
			if r.net, err = loopback.Claim(); err != nil {
				return nil, err
			}
		}
		addr, err := r.net.Next()
		if err != nil {
			return nil, err
		}
		if r.shared, err = startSecure(ctx, provider, addr); err != nil {
			return nil, err
		}
	}
	r.number++
	name := fmt.Sprintf("scenario%d", r.number)
	return r.shared.create(ctx, name)
}

// OwnDatabase starts a server for one scenario, which may stop, pause and remove it. Args and Files of the spec may be set.
func (r *Run) OwnDatabase(ctx context.Context, addr netip.Addr, s Spec) (*Database, error) {
	provider, err := r.Provider(ctx)
	if err != nil {
		return nil, err
	}
	r.starting.Lock()
	ctx = context.WithoutCancel(ctx) // who waited for others has as much patience as they had: the provider's
	server, err := startDatabase(ctx, provider, addr, s)
	r.starting.Unlock()
	if err != nil {
		return nil, err
	}
	db, err := server.create(ctx, "accounts")
	_ = server.DB.Close()
	if err != nil {
		return nil, errors.Join(err, server.Server.Remove())
	}
	return db, nil
}

// Redis starts a Redis server for one scenario.
func (r *Run) Redis(ctx context.Context, addr netip.Addr, s Spec) (*RedisServer, error) {
	provider, err := r.Provider(ctx)
	if err != nil {
		return nil, err
	}
	return startRedis(ctx, provider, addr, s)
}

// Database is one database with a user who may do everything, also outside of it.
type Database struct {
	Server         Server
	Name           string
	User, Password string
	DB             *sql.DB // as the suite's own user
	CA             []byte  // of the authority that signed the certificate of a shared server, in PEM
	owned          bool    // Server belongs to this database alone
}

// The suite's own user, and the password of every scenario's. Both have a quote and a space in it, which nobody must trip over.
const (
	suiteUser = "suite"
	// Password has characters that a connection string must quote.
	Password = `correct 'horse`
	quoted   = `correct ''horse`
)

// startSecure starts a server that offers TLS; nobody needs to use it.
func startSecure(ctx context.Context, p Provider, addr netip.Addr) (*Database, error) {
	ca, err := testca.New()
	if err != nil {
		return nil, err
	}
	s := Spec{Args: []string{"--ssl-ca={dir}/ca.pem", "--ssl-cert={dir}/certificate.pem", "--ssl-key={dir}/key.pem"}}
	if s.Files, err = ca.Files(addr.String()); err != nil {
		return nil, err
	}
	d, err := startDatabase(ctx, p, addr, s)
	if err == nil {
		d.CA = ca.PEM()
	}
	return d, err
}

func startDatabase(ctx context.Context, p Provider, addr netip.Addr, s Spec) (*Database, error) {
	s.Kind, s.Addr = SQL, netip.AddrPortFrom(addr, SQLPort)
	s.Init += "CREATE USER IF NOT EXISTS '" + suiteUser + "'@'%' IDENTIFIED BY '" + quoted + "';\n" +
		"GRANT ALL ON *.* TO '" + suiteUser + "'@'%' WITH GRANT OPTION;\n"
	server, err := p.Start(ctx, s)
	if err != nil {
		return nil, err
	}
	db, err := open(server.Addr(), suiteUser, "")
	if err == nil {
		err = db.PingContext(ctx)
	}
	if err != nil {
		return nil, errors.Join(fmt.Errorf("the suite's user cannot log in at %v: %w; the server printed:\n%s", server.Addr(), err, server.Log()), server.Remove())
	}
	return &Database{Server: server, DB: db}, nil
}

func open(addr netip.AddrPort, user, name string) (*sql.DB, error) {
	cfg := mysql.NewConfig()
	cfg.User, cfg.Passwd, cfg.Net, cfg.Addr, cfg.DBName, cfg.Logger = user, Password, "tcp", addr.String(), name, &mysql.NopLogger{}
	cfg.MultiStatements = true
	connector, err := mysql.NewConnector(cfg)
	if err != nil {
		return nil, err
	}
	db := sql.OpenDB(connector)
	db.SetMaxOpenConns(4)
	return db, nil
}

// create makes a database on the server, and its user.
func (d *Database) create(ctx context.Context, name string) (*Database, error) {
	for _, statement := range []string{
		"CREATE DATABASE " + name + " CHARACTER SET utf8mb4",
		"CREATE USER '" + name + "'@'%' IDENTIFIED BY '" + quoted + "'",
		"GRANT ALL ON *.* TO '" + name + "'@'%' WITH GRANT OPTION",
	} {
		if _, err := d.DB.ExecContext(ctx, statement); err != nil {
			return nil, fmt.Errorf("%s: %w", statement, err)
		}
	}
	db, err := open(d.Server.Addr(), suiteUser, name)
	if err != nil {
		return nil, err
	}
	return &Database{Server: d.Server, Name: name, User: name, Password: Password, DB: db, CA: d.CA, owned: name == "accounts"}, nil
}

// Drop removes the database and its user, or the server that is its own.
func (d *Database) Drop(ctx context.Context) error {
	if d.owned {
		return errors.Join(d.DB.Close(), d.Server.Remove())
	}
	_, err := d.DB.ExecContext(ctx, "DROP DATABASE "+d.Name+"; DROP USER '"+d.User+"'@'%'")
	return errors.Join(err, d.DB.Close())
}
