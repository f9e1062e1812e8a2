package main

import (
	"encoding/json"
	"errors"
	"strings"
	"time"

	"b2bua/simulator/load"
)

type loadAccountsCmd struct {
	Program  string        `default:"bin/b2bua" placeholder:"COMMAND" help:"b2bua, with what stands before it: 'taskset -c 1 bin/b2bua'."`
	Accounts int           `short:"n" default:"10000" placeholder:"N" help:"How many accounts."`
	Network  string        `default:"udp" enum:"udp,tcp" help:"udp or tcp."`
	Lifetime time.Duration `default:"1h" placeholder:"TIME" help:"Of the registrations."`
	Refresh  bool          `help:"Watch the refreshes through one lifetime."`
	Drop     bool          `help:"Drop the connections and forget the accounts, once all are registered."`
}

// Help teaches.
func (loadAccountsCmd) Help() string {
	return `It starts a registrar that challenges, and b2bua with so many accounts, and prints one JSON object: time, CPU and memory per account, the
spread of the refreshes, the time to recover, the time to stop and what was left registered.

  sipsim load accounts -n 100000
  sipsim load accounts -n 10000 --lifetime 40s --refresh
  sipsim load accounts -n 1000 --network tcp --drop`
}

// Run measures.
func (c *loadAccountsCmd) Run(e *env) error {
	program := strings.Fields(c.Program)
	if len(program) == 0 || c.Accounts < 1 {
		return errors.New("write --program and at least one account")
	}
	r, err := load.Accounts(e.ctx, load.AccountsConfig{
		Accounts: c.Accounts, Program: program, Network: c.Network, Lifetime: c.Lifetime, Refresh: c.Refresh, Drop: c.Drop && c.Network == "tcp",
	})
	if err != nil {
		return err
	}
	return json.NewEncoder(e.stdout).Encode(r)
}

type loadDatabaseCmd struct {
	Program  string        `default:"bin/b2bua" placeholder:"COMMAND" help:"b2bua, with what stands before it: 'taskset -c 1 bin/b2bua'."`
	Accounts int           `short:"n" default:"100000" placeholder:"N" help:"How many accounts."`
	Backend  string        `default:"sqlite3" enum:"sqlite3,mysql" help:"sqlite3, or mysql: a MariaDB server that is started for it."`
	Updates  int           `default:"0" placeholder:"N" help:"Changes per second that are announced by a Redis server, which is started for it; 0: none."`
	Calls    int           `default:"200" placeholder:"N" help:"Calls per second meanwhile."`
	Duration time.Duration `default:"20s" placeholder:"TIME" help:"Of the changes."`
}

// Help teaches.
func (loadDatabaseCmd) Help() string {
	return `It fills a database, starts b2bua with it, and prints one JSON object: the time until a call is placed by the first account and by the last one, the
longest time to answer a call meanwhile, memory per account, and the time from the announcement of a new account to the first call by it.

  sipsim load database -n 1000000
  sipsim load database -n 1000000 --backend mysql --updates 1000`
}

// Run measures.
func (c *loadDatabaseCmd) Run(e *env) error {
	program := strings.Fields(c.Program)
	if len(program) == 0 || c.Accounts < 2 || c.Updates < 0 || c.Calls < 1 || c.Duration < time.Second {
		return errors.New("write --program, at least two accounts, one call per second and one second")
	}
	r, err := load.Database(e.ctx, load.DatabaseConfig{
		Accounts: c.Accounts, Backend: c.Backend, Program: program, Updates: c.Updates, Calls: c.Calls, Duration: c.Duration,
	})
	if err != nil {
		return err
	}
	return json.NewEncoder(e.stdout).Encode(r)
}
