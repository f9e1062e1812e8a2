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
