// Command b2bua bridges SIP calls between media encryptions; it takes the place of Flexisip's B2BUA server.
//
// It owns what belongs to a process: command line, files, logs, signals, exit status. Everything else is core/server.
package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"
)

func main() { os.Exit(program(context.Background(), os.Args[1:], os.Stdout, os.Stderr)) }

// program is main with its world as arguments; it returns the exit status.
func program(ctx context.Context, args []string, stdout, stderr io.Writer) int {
	err := command(ctx, args, stdout, stderr)
	if err != nil && !errors.Is(err, errDone) && err.Error() != "" {
		_, _ = fmt.Fprintf(stderr, "b2bua: %v\n", err)
	}
	return status(err)
}

func command(ctx context.Context, args []string, stdout, stderr io.Writer) error {
	f, name, err := parse(args, stdout, stderr)
	if errors.Is(err, errDone) {
		return err
	}
	if err != nil {
		return fmt.Errorf("%w; see b2bua --help", err)
	}
	for _, text := range f.unused() {
		_, _ = fmt.Fprintf(stderr, "b2bua: warning: %s\n", text)
	}
	if err := f.checkServer(); err != nil {
		return err
	}
	hosts, err := f.hosts()
	if err != nil {
		return err
	}
	if done, err := f.printed(stdout); done {
		return err
	}
	switch {
	case f.RewriteConfig:
		return f.rewrite(stdout, stderr)
	case f.Check:
		return f.check(stdout, stderr)
	case strings.HasPrefix(name, "completion"):
		return f.Completion.run(stdout)
	}
	cfg, report, err := f.load(stderr)
	if err != nil {
		return err
	}
	if strings.HasPrefix(name, "explain") {
		printMild(stderr, report)
		return f.Explain.run(cfg, stdout)
	}
	return f.serve(ctx, cfg, report, hosts, stdout)
}
