package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net/netip"
	"os"
	"strings"

	"b2bua/core/config"
	"b2bua/core/server"
)

// defaultFile is read when it exists and no -c is given.
const defaultFile = "/etc/flexisip/flexisip.conf"

// read reads the configuration files. A file that was named must exist.
func (f *flags) read() ([]config.File, error) {
	paths, named := f.Config, true
	if len(paths) == 0 {
		paths, named = []string{defaultFile}, false
	}
	var files []config.File
	for _, path := range paths {
		data, err := readBounded(path)
		switch {
		case errors.Is(err, fs.ErrNotExist) && !named:
			continue
		case errors.Is(err, fs.ErrNotExist):
			return nil, &configError{fmt.Sprintf(
				"No configuration file found at '%s'. Write the path of an existing file, or make one with: b2bua --dump-default > %s", path, path)}
		case err != nil:
			return nil, &configError{fmt.Sprintf("the configuration file cannot be read: %v", err)}
		}
		files = append(files, config.File{Name: path, Data: data})
	}
	return files, nil
}

// readBounded stops behind the limit, so that Load sees that a file is too large without all of it in memory.
func readBounded(path string) ([]byte, error) {
	file, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer func() { _ = file.Close() }()
	return io.ReadAll(io.LimitReader(file, config.MaxFile+1))
}

// load reads the files and prints what is wrong with them, which the checks add to. With faults the error is a *configError;
// consequence says what became of the command then.
func (f *flags) load(out io.Writer, consequence string, checks ...func(*config.Config) []config.Finding) (*config.Config, *config.Report, error) {
	files, err := f.read()
	if err != nil {
		return nil, nil, err
	}
	cfg, report := config.Load(files, f.Set)
	for _, check := range checks {
		report.Add(check(cfg)...)
	}
	if !report.Failed() {
		return cfg, report, nil
	}
	printFaults(out, report.Of(config.Fault), consequence)
	printMild(out, report)
	return nil, report, &configError{}
}

func printFaults(out io.Writer, faults []config.Finding, consequence string) {
	_, _ = fmt.Fprintf(out, "b2bua: the configuration has %s, %s:\n\n", count(len(faults), "fault"), consequence)
	for _, fault := range faults {
		_, _ = fmt.Fprintf(out, "%s\n\n", fault.Text())
	}
}

// printMild prints what does not keep the program from starting, one line each.
func printMild(out io.Writer, report *config.Report) {
	for _, f := range report.Findings {
		if f.Severity != config.Fault {
			_, _ = fmt.Fprintf(out, "%v: %v\n", f.Severity, f)
		}
	}
}

func count(n int, noun string) string {
	if n == 1 {
		return "1 " + noun
	}
	return fmt.Sprintf("%d %ss", n, noun)
}

// check is --check.
func (f *flags) check(ctx context.Context, hosts map[string]netip.Addr, stdout, stderr io.Writer) error {
	cfg, report, err := f.load(stderr, "it cannot be used", server.Check)
	if err != nil {
		return err
	}
	report.Add(server.CheckNames(ctx, cfg, hosts)...)
	report.Add(checkData(cfg.B2BUA.DataDirectory)...)
	if !f.NoDatabases {
		pools, findings := server.CheckStores(ctx, cfg)
		report.Add(findings...)
		if len(pools) > 0 {
			_, _ = fmt.Fprintln(stdout, strings.Join(pools, "\n"))
		}
	}
	if report.Failed() {
		printFaults(stderr, report.Of(config.Fault), "it cannot be used")
		printMild(stderr, report)
		return &configError{}
	}
	printMild(stderr, report)
	skipped, warnings := report.Count(config.Skipped), report.Count(config.Warning)
	if skipped+warnings == 0 {
		_, err = fmt.Fprintln(stdout, "The configuration has no fault.")
		return err
	}
	if skipped > 0 { // a start goes on without them, and calls may leave in clear that were not to: whoever asks first must see it
		_, _ = fmt.Fprintf(stderr, "b2bua: %s would be skipped: calls to those callees go on without (a start with [b2bua] strict=true refuses)\n", count(skipped, "rule"))
		return &configError{}
	}
	_, err = fmt.Fprintf(stdout, "The configuration can be used; %s.\n", count(warnings, "warning"))
	return err
}

// rewrite is --rewrite-config. Faults are reported and do not keep it from printing, as in the original.
func (f *flags) rewrite(stdout, stderr io.Writer) error {
	files, err := f.read()
	if err != nil {
		return err
	}
	_, report := config.Load(files, f.Set)
	for _, finding := range report.Findings {
		_, _ = fmt.Fprintf(stderr, "%v: %v\n", finding.Severity, finding)
	}
	_, err = io.WriteString(stdout, config.Rewrite(files, f.Set))
	return err
}
