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
	"time"

	"b2bua/core/config"
	"b2bua/core/server"
)

func main() { os.Exit(program(context.Background(), os.Args[1:], os.Stdout, os.Stderr)) }

// program is main with its world as arguments; it returns the exit status.
func program(ctx context.Context, args []string, stdout, stderr io.Writer) int {
	sig := takeSignals()
	defer sig.release()
	err := command(ctx, sig, args, stdout, stderr)
	var told toldError
	if err != nil && !errors.Is(err, errDone) && !errors.As(err, &told) && err.Error() != "" {
		printed := make(chan struct{})
		go func() {
			defer close(printed)
			if unusable := (*server.ConfigError)(nil); errors.As(err, &unusable) {
				printFaults(stderr, unusable.Findings, "nothing was started")
				return
			}
			_, _ = fmt.Fprintf(stderr, "b2bua: %s\n", withRemedy(err))
		}()
		within(time.Second, printed) // a reader that does not read must not keep a process alive that is done
	}
	return status(err)
}

func command(ctx context.Context, sig *signals, args []string, stdout, stderr io.Writer) error {
	f, name, err := parse(args, stdout, stderr)
	if errors.Is(err, errDone) {
		return err
	}
	if err != nil {
		return fmt.Errorf("%w; see b2bua --help", err)
	}
	if f.serves(name) {
		ignorePipe()
	} else {
		sig.giveBack()
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
		return f.check(ctx, hosts, stdout, stderr)
	case strings.HasPrefix(name, "ctl "):
		return f.Ctl.run(ctx, name, f.Pidfile, stdout)
	case strings.HasPrefix(name, "completion"):
		return f.Completion.run(stdout)
	}
	if strings.HasPrefix(name, "zrtp") {
		cfg, _, err := f.load(stderr, "so it is not known where ZRTP secrets are retained")
		if err != nil {
			return err
		}
		return f.Zrtp.run(ctx, name, cfg, stdout, stderr)
	}
	if strings.HasPrefix(name, "explain") {
		cfg, report, err := f.load(stderr, "so there is no decision to explain")
		if err != nil {
			return err
		}
		printMild(stderr, report)
		return f.Explain.run(ctx, cfg, report.Of(config.Skipped), stdout)
	}
	var cfg *config.Config
	var report *config.Report
	if err := sig.interrupt(func() (err error) { // a file may be a pipe that nobody writes to
		cfg, report, err = f.load(stderr, "nothing was started", server.Check)
		return err
	}); err != nil {
		return err
	}
	return f.serve(ctx, sig, cfg, report, hosts, stdout, stderr)
}
