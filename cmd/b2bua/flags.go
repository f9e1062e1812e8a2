package main

import (
	"fmt"
	"io"
	"strings"

	"github.com/alecthomas/kong"

	"b2bua/core/config"
)

const description = `SIP back-to-back user agent: it answers the calls that a proxy sends to it and places a second call for each, so that the
two can differ in media encryption. It reads Flexisip's configuration file and can take the place of its B2BUA server.`

// flags are the command line: the original's options, and ours (--check, explain, zrtp, ctl, completion).
type flags struct {
	Config []string `short:"c" placeholder:"FILE" sep:"none" group:"config" help:"Configuration file. May be repeated: what a later file sets wins. Default: ${file} if it exists, else the built-in defaults."`
	Set    []string `short:"s" placeholder:"SECTION/KEY=VALUE" sep:"none" group:"config" help:"Set one value, whatever the files say. May be repeated."`
	Check  bool     `group:"config" help:"Read the configuration, print everything that is wrong with it and what to write instead, and exit."`

	NoDatabases bool `name:"no-databases" group:"config" help:"With --check: do not ask the databases that fill account pools, for a machine that cannot reach them."`

	DumpDefault    optional `placeholder:"SECTION|all" group:"print" help:"Print the commented default configuration, all of it or one section, and exit."`
	DumpAllDefault bool     `group:"print" help:"The same as --dump-default all."`
	DumpFormat     string   `placeholder:"FORMAT" default:"file" group:"print" help:"Format of --dump-default: file."`
	RewriteConfig  bool     `group:"print" help:"Print the configuration in use as a commented file, passwords included, and exit."`
	ListOverrides  optional `placeholder:"PREFIX|all" group:"print" help:"Print the names that --set takes and exit."`
	ListSections   bool     `group:"print" help:"Print the names of the sections and exit."`

	Debug         bool     `short:"d" group:"run" help:"Show debug lines on the terminal."`
	DisableStdout bool     `group:"run" help:"No log on the terminal."`
	Syslog        bool     `group:"run" help:"Log to syslog too, from level global/syslog-level."`
	Pidfile       string   `short:"p" placeholder:"FILE" group:"run" help:"Write the process number to this file once the program serves, until it ends."`
	Hosts         []string `placeholder:"HOST=IP" sep:"none" group:"run" help:"Resolve this name to this address, whatever DNS says. May be repeated; an empty address takes a name out again."`
	Server        string   `placeholder:"NAME" default:"b2bua" group:"run" help:"Flexisip's choice of a server; this program is the server b2bua."`

	Daemon            bool   `group:"compat" help:"No effect: run it under systemd."`
	Transports        string `short:"t" placeholder:"LIST" group:"compat" help:"No effect: it is for the proxy. Set b2bua-server/transport."`
	P12PassphraseFile string `placeholder:"FILE" name:"p12-passphrase-file" group:"compat" help:"No effect: it is for the proxy."`
	ShowExperimental  bool   `group:"compat" help:"No effect: every setting is shown."`
	RemoveDeprecated  bool   `group:"compat" help:"No effect: deprecated settings are never printed."`
	ListModules       bool   `group:"compat" help:"Prints nothing: modules belong to the proxy."`
	DumpMibs          bool   `group:"compat" help:"Prints nothing: there is no SNMP."`
	TrackAllocations  bool   `group:"compat" help:"No effect."`

	Help    helpFlag    `short:"h" group:"print" help:"Print this help and exit. Also after a command: b2bua explain --help."`
	Version versionFlag `short:"v" group:"print" help:"Print the version and exit."`

	Run        struct{}      `cmd:"" default:"1" hidden:"" help:"Serve calls."`
	Explain    explainCmd    `cmd:"" help:"Say what would happen to a call, and which rule decides."`
	Zrtp       zrtpCmd       `cmd:"" help:"List or forget the ZRTP secrets that are shared with phones."`
	Ctl        ctlCmd        `cmd:"" help:"Ask a running server: calls, accounts, registrations, settings."`
	Completion completionCmd `cmd:"" help:"Print the completion script of a shell."`
}

// optional is a flag whose value may be left out.
type optional struct {
	given bool
	value string // "all" when left out
}

// Decode takes the next word as the value, unless it is a flag.
func (o *optional) Decode(ctx *kong.DecodeContext) error { //nolint:unparam // the error is part of kong.MapperValue
	*o = optional{given: true, value: "all"}
	next := ctx.Scan.Peek()
	if next.IsEOL() || next.Type != kong.FlagValueToken && (!next.IsValue() || strings.HasPrefix(next.String(), "-")) {
		return nil
	}
	o.value = ctx.Scan.Pop().String()
	return nil
}

type helpFlag bool

// BeforeReset prints before anything is missed: `b2bua explain --help` has no URI.
func (helpFlag) BeforeReset(ctx *kong.Context) error {
	top := strings.HasPrefix(ctx.Command(), "run") // the command that stands for none
	if top {
		ctx.Path = ctx.Path[:1]
	}
	if err := ctx.PrintUsage(false); err != nil {
		return err
	}
	if top {
		if _, err := fmt.Fprint(ctx.Stdout, examples); err != nil {
			return err
		}
	}
	return errDone
}

type versionFlag bool

// BeforeReset prints the version.
func (versionFlag) BeforeReset(ctx *kong.Context) error {
	if _, err := fmt.Fprintln(ctx.Stdout, "b2bua version: "+config.Version); err != nil {
		return err
	}
	return errDone
}

const examples = `
Examples:
  b2bua                                              serve with /etc/flexisip/flexisip.conf, or the defaults
  b2bua -c flexisip.conf -c own.conf                 keep settings that Flexisip does not know in a file of their own
  b2bua --check -c flexisip.conf                     everything that is wrong with a file, at once
  b2bua --dump-default > b2bua.conf                  a commented file to start from
  b2bua --dump-default b2bua-server::trenscrypter    the settings of one section
  b2bua -s b2bua-server/max-calls=10 -d              another value for this run, with debug lines
  b2bua explain sip:bob@example.org -c own.conf      which rule would decide about a call to Bob, and why
  b2bua zrtp list -c own.conf                        phones whose ZRTP secrets are retained
  b2bua ctl calls                                    calls of the server that runs, with encryption and SAS
  b2bua completion bash > /etc/bash_completion.d/b2bua

Exit status: 0 normal end; 1 wrong usage, or the start failed; 2 explain: the call would be refused; 64 and 69 ctl: the server
refuses, does not answer; 255 the configuration has faults.
Signals: TERM and INT stop it; a second one ends calls at once that b2bua/drain-timeout would let go on, a third the process.
HUP opens the log file anew (logrotate).
`

var groups = kong.ExplicitGroups([]kong.Group{
	{Key: "config", Title: "Configuration:"},
	{Key: "run", Title: "Running:"},
	{Key: "print", Title: "Printing instead of running:"},
	{Key: "compat", Title: "Accepted so that scripts for Flexisip keep working:"},
})

// parse reads the command line. The command is "run", "explain <callee>", "zrtp list", "zrtp clear <zid>", "ctl calls", … or "completion <shell>".
func parse(args []string, stdout, stderr io.Writer) (*flags, string, error) {
	var f flags
	parser, err := kong.New(&f, kong.Name("b2bua"), kong.Description(description), kong.NoDefaultHelp(), kong.Writers(stdout, stderr),
		kong.Vars{"file": defaultFile}, groups, kong.ConfigureHelp(kong.HelpOptions{Compact: true, WrapUpperBound: 130}))
	if err != nil {
		return nil, "", err
	}
	ctx, err := parser.Parse(args)
	if err != nil {
		return nil, "", err
	}
	return &f, ctx.Command(), nil
}

// unused lists the options that were given and do nothing.
func (f *flags) unused() []string {
	var list []string
	note := func(given bool, text string) {
		if given {
			list = append(list, text)
		}
	}
	note(f.NoDatabases && !f.Check, "--no-databases has no effect without --check: a start does not depend on databases that are away")
	note(f.Daemon, "--daemon has no effect: the program stays in the foreground; run it under systemd")
	note(f.Transports != "", "--transports has no effect: it is for the proxy; use --set b2bua-server/transport=URI")
	note(f.P12PassphraseFile != "", "--p12-passphrase-file has no effect: it is for the proxy; see [b2bua::tls] for our certificate")
	note(f.ShowExperimental, "--show-experimental has no effect: every setting is shown")
	note(f.RemoveDeprecated, "--remove-deprecated has no effect: deprecated settings are never printed")
	note(f.ListModules, "--list-modules prints nothing: modules belong to the proxy")
	note(f.DumpMibs, "--dump-mibs prints nothing: there is no SNMP")
	note(f.TrackAllocations, "--track-allocations has no effect")
	return list
}

// serves tells a command line that runs the server from one that prints something and ends.
func (f *flags) serves(command string) bool {
	prints := f.Check || f.RewriteConfig || f.DumpDefault.given || f.DumpAllDefault || f.ListOverrides.given || f.ListSections || f.ListModules || f.DumpMibs
	return strings.HasPrefix(command, "run") && !prints
}

// checkServer refuses the servers of Flexisip that this program is not.
func (f *flags) checkServer() error {
	if f.Server == "b2bua" {
		return nil
	}
	return fmt.Errorf("--server %s: this program is the server b2bua only; leave --server out or write --server b2bua", f.Server)
}
