// Command sipsim is the other side of a B2BUA: phones, a proxy and load, for demonstrations, tests and measurements.
package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"strings"
	"syscall"

	"github.com/alecthomas/kong"
)

// Exit statuses. They are part of the command's contract.
const (
	exitOK      = 0
	exitUsage   = 1 // wrong usage, or a socket, file or program could not be opened
	exitCall    = 2 // a call was refused, lost or not as expected; load: calls or packets were lost
	exitMedia   = 3 // the call ran and the audio did not arrive
	exitStopped = 130
)

const description = `Phones, a registrar with Flexisip's module::B2bua, and load around any B2BUA.

Each phone plays a tone of its own and looks for the tone of the other side, so "heard" means that the audio really went through.
Nothing is sent anywhere but where you say; demo and load stay on loopback.`

const examples = `
Examples:
  sipsim demo                                                    b2bua, a proxy and two phones on loopback: SDES to plain RTP and back
  sipsim proxy --listen tcp:127.0.0.1:5060 --b2bua 'sip:127.0.0.1:6067;transport=tcp' --user-agent Flexisip-B2BUA/1.0
  sipsim answer --aor sip:pauline@sip.example.org --proxy 'sip:127.0.0.1:5060;transport=tcp' --register --encryption none
  sipsim call sip:pauline@sip.example.org --aor sip:marie@sip.example.org --proxy 'sip:127.0.0.1:5060;transport=tcp' --encryption sdes
  sipsim call sip:echo@192.0.2.7 --ladder --pcap call.pcapng     the messages as a picture, and a file for wireshark
  sipsim call sip:pauline@sip.example.org --do '2s hold, 4s resume, 5s dtmf 123#, 6s rekey' --encryption sdes
  sipsim load calls --calls 3000 --rate 600                      set-up and release without media, with a b2bua that has no configuration
  sipsim load media --calls 200 --a sdes --b sdes --pid $(pidof b2bua)
  sipsim completion bash > /etc/bash_completion.d/sipsim

Exit status: 0 all as it should be; 1 wrong usage, or something could not be opened or started; 2 a call failed, was ended with
the Reason of an error, or a step of --do failed (load: calls or
packets were lost); 3 a call ran but the audio did not arrive; 130 stopped by a signal.
`

type commands struct {
	Demo       demoCmd       `cmd:"" help:"Bring up b2bua, a proxy and two phones, make a call from SDES to plain RTP and one back, show what happens."`
	Call       callCmd       `cmd:"" help:"Make a call, play a tone, tell what was negotiated and heard."`
	Answer     answerCmd     `cmd:"" help:"Answer calls, play a tone, tell what was negotiated and heard."`
	Proxy      proxyCmd      `cmd:"" help:"Registrar and proxy that diverts calls to a B2BUA as module::B2bua does."`
	Ping       pingCmd       `cmd:"" help:"Ask whether anybody answers SIP at an address."`
	Authority  authorityCmd  `cmd:"" help:"Make a test authority and a certificate, for TLS between programs on one machine."`
	Database   databaseCmd   `cmd:"" help:"Make or change an SQLite file with accounts, by SQL statements."`
	Load       loadCmd       `cmd:"" help:"Load on a B2BUA: many calls, with or without media (loopback only)."`
	Completion completionCmd `cmd:"" help:"Print the completion script of a shell."`
}

// exitError carries an exit status.
type exitError struct {
	code int
	err  error
}

// Error is the wrapped one's.
func (e *exitError) Error() string { return e.err.Error() }

// Unwrap gives it.
func (e *exitError) Unwrap() error { return e.err }

func failed(code int, err error) error { return &exitError{code, err} }

func main() { os.Exit(run(os.Args[1:], os.Stdout, os.Stderr)) }

// env is what every command gets.
type env struct {
	ctx            context.Context
	stdout, stderr io.Writer
	app            *kong.Application
}

func run(args []string, stdout, stderr io.Writer) int {
	var c commands
	exited := -1
	parser, err := kong.New(&c, kong.Name("sipsim"), kong.Description(description), kong.Writers(stdout, stderr),
		kong.Exit(func(code int) { exited = code }), kong.UsageOnError(), kong.Help(help), kong.ValueFormatter(withDefault),
		kong.ConfigureHelp(kong.HelpOptions{Compact: true, WrapUpperBound: 130}))
	if err != nil {
		_, _ = fmt.Fprintln(stderr, "sipsim:", err) // nobody is left to tell
		return exitUsage
	}
	if len(args) == 0 {
		args = []string{"--help"}
	}
	parsed, err := parser.Parse(args)
	if exited >= 0 {
		return exited
	}
	if err != nil {
		_, _ = fmt.Fprintf(stderr, "sipsim: %v\nTry: sipsim --help\n", err) // nobody is left to tell
		return exitUsage
	}
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	err = parsed.Run(&env{ctx: ctx, stdout: stdout, stderr: stderr, app: parser.Model})
	if err == nil {
		return exitOK
	}
	code := exitUsage
	var status *exitError
	if errors.As(err, &status) {
		code = status.code
	}
	_, _ = fmt.Fprintln(stderr, "sipsim:", err) // nobody is left to tell
	return code
}

// withDefault is the help of a flag or argument, followed by what it is when left out.
func withDefault(v *kong.Value) string {
	text := kong.DefaultHelpValueFormatter(v)
	if v.Default == "" || v.IsBool() || strings.Contains(text, "efault") || strings.Contains(text, "; 0") || strings.Contains(text, "-1") {
		return text
	}
	return strings.TrimSuffix(text, ".") + ". Default: " + v.Default + "."
}

// help prints the examples after the top level's usage.
func help(options kong.HelpOptions, ctx *kong.Context) error {
	if err := kong.DefaultHelpPrinter(options, ctx); err != nil {
		return fmt.Errorf("help: %w", err)
	}
	if ctx.Selected() == nil {
		if _, err := io.WriteString(ctx.Stdout, examples); err != nil {
			return fmt.Errorf("help: %w", err)
		}
	}
	return nil
}
