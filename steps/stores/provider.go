// Package stores runs the databases and Redis servers that scenarios need.
//
// A Provider starts servers: containers (package docker) or child processes (package local). Choose takes one for the whole run by
// B2BUA_STORES, and fails with what to do about it where none can serve: nothing is ever skipped. Run is what scenarios share: the
// provider, and one database server on which each has a database of its own. A Redis belongs to one scenario alone, since PUBLISH
// reaches every subscriber of a server and the name of the channel is fixed.
package stores

import (
	"context"
	"errors"
	"fmt"
	"net/netip"
	"strings"
)

// Kind is what a server is.
type Kind string

// The kinds.
const (
	SQL   Kind = "MariaDB or MySQL"
	Redis Kind = "Redis"
)

// Provider runs servers. Its methods may be called from several goroutines.
type Provider interface {
	// Name says what serves, for the one line of a run.
	Name() string
	// Start returns when the server answers: with the greeting of a database whose init SQL is done, or any answer to PING.
	Start(ctx context.Context, s Spec) (Server, error)
	// Close ends and removes everything that is left.
	Close() error
}

// Spec is one server.
type Spec struct {
	Kind Kind
	// Addr is on loopback, of the caller's choice, and stays the same through Stop and Start. A replica of a Redis is told it too.
	Addr netip.AddrPort
	// Args go to the program after the provider's own; {dir} in them is where it finds Files.
	Args  []string
	Files map[string][]byte
	// Init is SQL that is run once, before the first connection: a statement per line, known to MariaDB and MySQL.
	Init string
}

// Server is one that was started.
type Server interface {
	Addr() netip.AddrPort
	// Stop kills it, and its connections with it. A database keeps what was committed, a Redis nothing.
	Stop(ctx context.Context) error
	// Start starts it again and returns when it answers.
	Start(ctx context.Context) error
	// Pause freezes it: connections stay, nobody answers. Resume ends that.
	Pause() error
	Resume() error
	// Log is the end of what it printed.
	Log() string
	// Remove ends it and deletes its data. It may be called twice.
	Remove() error
}

// Variable names the way to a provider: auto, or a Way's name.
const Variable = "B2BUA_STORES"

// Way leads to a provider.
type Way struct {
	Name   string
	Try    func(ctx context.Context) (Provider, error) // the error says why it cannot serve
	Remedy []string                                    // what to do about it, in words that follow "either"
}

// second is a provider that serves because others could not, which its name tells.
type second struct {
	Provider
	because string
}

// Name says what serves, and why nothing before it.
func (s second) Name() string { return s.Provider.Name() + ", because " + s.because }

// Choose tries the ways in order, or the one that is wished for. Nothing else can be done without a provider, so its error says all.
func Choose(ctx context.Context, wish string, ways ...Way) (Provider, error) {
	var names, reasons, remedies []string
	for _, way := range ways {
		names = append(names, way.Name)
		if wish != "" && wish != "auto" && wish != way.Name {
			continue
		}
		p, err := way.Try(ctx)
		if err == nil && reasons != nil {
			return second{p, strings.Join(reasons, "; ")}, nil
		}
		if err == nil {
			return p, nil
		}
		reasons = append(reasons, fmt.Sprintf("%s: %v", way.Name, err))
		remedies = append(remedies, way.Remedy...)
	}
	if reasons == nil {
		return nil, fmt.Errorf("%s=%s: there are auto, %s", Variable, wish, strings.Join(names, ", "))
	}
	return nil, errors.New("no database and Redis servers for the scenarios tagged @stores.\n  " + strings.Join(reasons, "\n  ") +
		"\nOne of these helps:\n  - " + strings.Join(remedies, "\n  - "))
}
