// Package local serves databases and Redis servers as child processes: mariadbd and redis-server of this machine.
package local

import (
	"context"
	"fmt"
	"os/exec"
	"regexp"

	"b2bua/simulator/daemons"
	"b2bua/steps/stores"
)

// Way leads to child processes.
func Way() stores.Way {
	return stores.Way{
		Name: "local", Try: open,
		Remedy: []string{"install MariaDB's and Redis's servers, which then run as child processes (Debian's packages are named above)"},
	}
}

type provider struct {
	name string
	home *daemons.Home
}

func open(ctx context.Context) (stores.Provider, error) {
	if err := daemons.Missing(); err != nil {
		return nil, err
	}
	home, err := daemons.NewHome()
	if err != nil {
		return nil, err
	}
	name := fmt.Sprintf("child processes (mariadbd %s, redis-server %s)", version(ctx, "mariadbd"), version(ctx, "redis-server"))
	return &provider{name, home}, nil
}

var number = regexp.MustCompile(`\d+\.\d+\.\d+`)

func version(ctx context.Context, program string) string {
	path, err := daemons.Find(program)
	if err != nil {
		return "?"
	}
	out, _ := exec.CommandContext(ctx, path, "--version").Output() //nolint:gosec // one of two names
	return string(number.Find(out))
}

// Name is of the provider.
func (p *provider) Name() string { return p.name }

// Start starts a child.
func (p *provider) Start(ctx context.Context, s stores.Spec) (stores.Server, error) {
	start := p.home.MariaDB
	if s.Kind == stores.Redis {
		start = p.home.Redis
	}
	child, err := start(ctx, daemons.Options{Addr: s.Addr, Args: s.Args, Files: s.Files, Init: s.Init})
	if err != nil {
		return nil, err
	}
	return server{child}, nil
}

// Close ends all children.
func (p *provider) Close() error { return p.home.Close() }

// server is a child as scenarios know it.
type server struct{ *daemons.Server }

// Start starts it again.
func (s server) Start(ctx context.Context) error { return s.Server.Start(ctx) }

// Stop kills it.
func (s server) Stop(context.Context) error { return s.Server.Stop() }
