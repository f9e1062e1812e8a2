package main

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"text/tabwriter"
	"time"

	"b2bua/core/control"
)

// ctlCmd is `b2bua ctl`: questions to a running server.
type ctlCmd struct {
	Pid     int           `placeholder:"NUMBER" help:"Process to ask. Default: the one of --pidfile, else the only one that runs."`
	Timeout time.Duration `placeholder:"TIME" default:"10s" help:"How long to wait for the answer."`

	Health   ctlHealthCmd   `cmd:"" help:"Say whether the server answers, in a line and by the exit status: for supervisors and containers."`
	Status   ctlStatusCmd   `cmd:"" help:"Show how the server is: version, calls, registrations."`
	Accounts ctlAccountsCmd `cmd:"" help:"List the accounts of the sip-bridge, and whether they are registered."`
	Calls    ctlCallsCmd    `cmd:"" help:"List the running calls with their legs, encryption and SAS."`
	Register ctlRegisterCmd `cmd:"" help:"Register an account at once, or all that failed."`
	SAS      ctlSASCmd      `cmd:"" name:"sas" help:"Note that people compared the SAS of a ZRTP call."`
	Get      ctlGetCmd      `cmd:"" help:"Print settings in use."`
	List     ctlListCmd     `cmd:"" help:"Print settings and what they mean."`
	Set      ctlSetCmd      `cmd:"" help:"Change the level of the log while the server runs."`
	Raw      ctlRawCmd      `cmd:"" help:"Send a command of flexisip_cli.py as it is."`
}

// Help is shown by b2bua ctl --help.
func (ctlCmd) Help() string {
	return `It asks by the socket /tmp/flexisip-b2bua-PID, which takes the server's user and root only.

Examples:
  b2bua ctl status
  b2bua ctl accounts --failed
  b2bua ctl accounts --json | jq '.[].accounts[] | select(.status != "OK")'
  b2bua ctl calls
  b2bua ctl sas 7 b same
  b2bua ctl register sip:account1@example.org
  b2bua ctl set global/log-level debug
  b2bua ctl raw SIP_BRIDGE INFO --pid 4711

Exit status: 0 answered; 1 wrong usage, or no running server was found; 64 the server refuses; 69 the server does not answer. Health: 0 or 1.`
}

type jsonFlag struct {
	JSON bool `name:"json" help:"Print JSON."`
}

type ctlStatusCmd struct{ jsonFlag }

type ctlAccountsCmd struct {
	jsonFlag
	Failed bool `help:"Only accounts that are not OK."`
}

type ctlCallsCmd struct{ jsonFlag }

type ctlRegisterCmd struct {
	jsonFlag
	Account string `arg:"" help:"URI of the account, registered or not; or all: those whose registration failed."`
}

type ctlSASCmd struct {
	jsonFlag
	Call    uint64 `arg:"" help:"Number of the call, as b2bua ctl calls prints it."`
	Leg     string `arg:"" enum:"a,b,A,B" help:"a or b: the leg of the phone."`
	Verdict string `arg:"" enum:"same,different" help:"same: the phone shows the SAS of b2bua ctl calls. different: it shows another one."`
}

// Help is shown by b2bua ctl sas --help.
func (ctlSASCmd) Help() string {
	return `Ask the user of the phone which SAS it shows (b2bua ctl calls prints ours) and tell the server what you found. After "same" the phone counts as
verified in this and in later calls, and a secret that did not match is replaced; after "different" it does not, and somebody listens.

Example:
  b2bua ctl sas 7 b same`
}

type ctlGetCmd struct {
	Path string `arg:"" help:"SECTION/KEY, SECTION, or all for the names of the sections."`
}

type ctlListCmd struct {
	Path string `arg:"" optional:"" default:"all" help:"SECTION/KEY, SECTION, or all for the sections."`
}

type ctlSetCmd struct {
	Path  string `arg:"" help:"global/log-level or global/syslog-level."`
	Value string `arg:"" help:"debug, message, warning or error."`
}

type ctlRawCmd struct {
	Words []string `arg:"" help:"Command and arguments."`
}

// Exit statuses of flexisip_cli.py (spec 1.14).
const (
	exitRefusedByServer = 64
	exitNoAnswer        = 69
)

// asked asks one question.
type asked func(words ...string) (string, error)

// run finds the server and asks it.
func (c *ctlCmd) run(ctx context.Context, command, pidFile string, stdout io.Writer) error {
	return judged(command, c.ask(ctx, command, pidFile, stdout))
}

func (c *ctlCmd) ask(ctx context.Context, command, pidFile string, stdout io.Writer) error {
	path, err := control.Find(c.Pid, cmp.Or(pidFile, "/var/run/flexisip-b2bua.pid"))
	ctx, cancel := context.WithTimeout(ctx, c.Timeout)
	defer cancel()
	if several := (*control.SeveralError)(nil); errors.As(err, &several) {
		return choice(ctx, several)
	}
	if err != nil {
		return err
	}
	text, err := c.answer(command, func(words ...string) (string, error) {
		text, err := control.Ask(ctx, path, words...)
		if refused := control.RefusedError(""); err != nil && !errors.As(err, &refused) {
			return "", &silentError{fmt.Errorf("%s: %w; is it the socket of a running b2bua of this user?", path, err)}
		}
		return text, err
	})
	if err != nil {
		return err
	}
	if text != "" && !strings.HasSuffix(text, "\n") {
		text += "\n"
	}
	_, err = io.WriteString(stdout, text)
	return err
}

// choice asks each of several servers what it is, so that somebody can say which he means.
func choice(ctx context.Context, several *control.SeveralError) error {
	ctx, cancel := context.WithTimeout(ctx, 2*time.Second)
	defer cancel()
	var b strings.Builder
	for _, pid := range several.PIDs {
		what := "does not answer this user"
		text, err := control.Ask(ctx, control.Path(pid), "B2BUA", "STATUS")
		var s control.Status
		if err == nil && json.Unmarshal([]byte(text), &s) == nil {
			what = s.Application + ", listening nowhere"
			if len(s.Listening) > 0 {
				what = s.Application + ", listening on " + s.Listening[0]
			}
		}
		fmt.Fprintf(&b, "\n  --pid %d  %s", pid, printable(what))
	}
	return fmt.Errorf("%d servers run; say which:%s", len(several.PIDs), b.String())
}

// silentError is a server that does not answer.
type silentError struct{ error }

func (e *silentError) Unwrap() error { return e.error }

func (c *ctlCmd) answer(command string, ask asked) (string, error) {
	switch words := strings.Fields(command); words[1] {
	case "health":
		return c.Health.answer(ask)
	case "status":
		return c.Status.answer(ask)
	case "accounts":
		return c.Accounts.answer(ask)
	case "calls":
		return c.Calls.answer(ask)
	case "register":
		return c.Register.answer(ask)
	case "sas":
		return c.SAS.answer(ask)
	case "get":
		return lines(ask("CONFIG_GET", c.Get.Path))
	case "list":
		return lines(ask("CONFIG_LIST", c.List.Path))
	case "set":
		return ask("CONFIG_SET", c.Set.Path, c.Set.Value)
	default:
		return ask(c.Raw.Words...)
	}
}

// lines turns the line ends of the protocol into those of a terminal.
func lines(text string, err error) (string, error) {
	return strings.ReplaceAll(text, "\r\n", "\n"), err
}

// table aligns columns.
func table(rows [][]string) string {
	var b strings.Builder
	w := tabwriter.NewWriter(&b, 0, 4, 2, ' ', 0)
	for _, row := range rows {
		for i, cell := range row {
			row[i] = printable(cell)
		}
		_, _ = fmt.Fprintln(w, strings.Join(row, "\t")) // a string takes it all
	}
	_ = w.Flush()
	return b.String()
}

func (c *ctlStatusCmd) answer(ask asked) (string, error) {
	text, err := ask("B2BUA", "STATUS")
	if err != nil || c.JSON {
		return text, err
	}
	var s control.Status
	if err := json.Unmarshal([]byte(text), &s); err != nil {
		return "", unreadable(err)
	}
	rows := [][]string{
		{"version", s.Version},
		{"application", s.Application},
		{"process", fmt.Sprint(s.PID)},
		{"running since", s.Started.Local().Format(time.DateTime)},
		{"listening", strings.Join(s.Listening, " ")},
		{"calls", fmt.Sprintf("%d (streams: %d)", s.Calls, s.Streams)},
		{"connections", fmt.Sprint(s.Connections)},
		{"transactions", fmt.Sprint(s.Transactions)},
	}
	if !s.StopsBy.IsZero() {
		rows = append(rows, []string{"state", stopping(&s)})
	}
	var names []string
	for name := range s.Accounts {
		names = append(names, name)
	}
	slices.Sort(names)
	for _, name := range names {
		rows = append(rows, []string{"accounts: " + name, fmt.Sprint(s.Accounts[name])})
	}
	for _, r := range s.Silent {
		rows = append(rows, []string{"registrar " + r.Registrar, silence(r)})
	}
	for _, p := range s.Pools {
		rows = append(rows, []string{"pool " + p.Name, poolState(p)})
	}
	if s.Feed != nil {
		rows = append(rows, []string{"changes of accounts", feedState(s.Feed)})
	}
	return table(rows), nil
}

// poolState is a pool that a database fills, in words.
func poolState(p control.Pool) string {
	text := fmt.Sprintf("%d accounts, %d available; %s: %s", p.Accounts, p.Available, p.From, p.State)
	switch {
	case p.State == "loading":
		text += fmt.Sprintf(", %d rows so far", p.Rows)
	case p.State == "loaded":
		text += " at " + clock(p.Loaded)
	case p.State == "stale" && p.Loaded.IsZero():
		text += " since " + clock(p.Stale) + ", never loaded"
	case p.State == "stale":
		text += " since " + clock(p.Stale) + ", loaded at " + clock(p.Loaded)
	}
	if p.Error != "" {
		text += ": " + p.Error
	}
	return text
}

// silence is a registrar that does not answer, in words.
func silence(r control.Registrar) string {
	next := "being asked now"
	if !r.Next.IsZero() {
		next = "asked again at " + r.Next.Local().Format(time.TimeOnly)
	}
	return fmt.Sprintf("no answer since %s: %s; %s; waiting: %d of its %d accounts", clock(r.Since), r.Failure, next, r.Waiting, r.Accounts)
}

func feedState(f *control.Feed) string {
	if f.Followed {
		return fmt.Sprintf("followed at Redis %s since %s", f.Server, clock(f.Since))
	}
	return fmt.Sprintf("not seen since %s: no subscription at Redis %s", clock(f.Since), f.Server)
}

func clock(t time.Time) string { return t.Local().Format(time.DateTime) }

func unreadable(err error) error {
	return &silentError{fmt.Errorf("the answer is none of a b2bua of this version: %w", err)}
}

func (c *ctlAccountsCmd) answer(ask asked) (string, error) {
	text, err := ask("B2BUA", "ACCOUNTS")
	if err != nil {
		return "", err
	}
	var doc struct {
		Providers []control.ProviderStanding `json:"providers"`
	}
	if err := json.Unmarshal([]byte(text), &doc); err != nil {
		return "", unreadable(err)
	}
	rows := [][]string{{"PROVIDER", "ACCOUNT", "STATUS", "FREE SLOTS", "REGISTERS", "NEXT", "LAST FAILURE"}}
	list := []control.ProviderStanding{} // no providers are [], not null
	for _, p := range doc.Providers {
		one := control.ProviderStanding{Name: p.Name, Accounts: []control.AccountStanding{}}
		for _, a := range p.Accounts {
			if c.Failed && a.Status == "OK" {
				continue
			}
			rows, one.Accounts = append(rows, accountRow(p.Name, a)), append(one.Accounts, a)
		}
		list = append(list, one)
	}
	if c.JSON {
		return indented(list)
	}
	if len(rows) == 1 && c.Failed {
		return "every account is OK", nil
	}
	return table(rows), nil
}

func accountRow(provider string, a control.AccountStanding) []string {
	next := "-"
	if !a.Next.IsZero() {
		next = a.Next.Local().Format(time.TimeOnly)
	}
	switch a.WaitsFor {
	case "answer":
		next = "now"
	case "turn":
		next = "in turn"
	case "registrar":
		if next += " (registrar)"; a.Next.IsZero() {
			next = "now (registrar)"
		}
	}
	failure := dash(a.Failure)
	if a.Failures > 1 {
		failure = fmt.Sprintf("%s (%d in a row)", failure, a.Failures)
	}
	return []string{provider, a.Address, a.Status, fmt.Sprint(a.FreeSlots), map[bool]string{true: "yes", false: "no"}[a.RegisterEnabled], next, failure}
}

func indented(v any) (string, error) {
	var b strings.Builder
	err := printJSON(&b, v)
	return b.String(), err
}

func (c *ctlCallsCmd) answer(ask asked) (string, error) {
	text, err := ask("B2BUA", "CALLS")
	if err != nil {
		return "", err
	}
	var doc struct {
		Calls []control.Call `json:"calls"`
	}
	if err := json.Unmarshal([]byte(text), &doc); err != nil {
		return "", unreadable(err)
	}
	if c.JSON {
		return indented(doc.Calls)
	}
	if len(doc.Calls) == 0 {
		return "no calls", nil
	}
	rows := [][]string{{"CALL", "STATE", "SINCE", "FROM", "TO", "LEG A", "LEG B", "SAS A", "SAS B"}}
	bridged := slices.ContainsFunc(doc.Calls, func(x control.Call) bool { return x.Account != "" })
	if bridged {
		rows[0] = slices.Insert(rows[0], 5, "PROVIDER", "ACCOUNT")
	}
	for _, x := range doc.Calls {
		row := []string{
			fmt.Sprint(x.Number), x.State, x.Since.Local().Format(time.TimeOnly), x.From, x.To,
			dash(x.A.Media), dash(x.B.Media), sas(x.A), sas(x.B),
		}
		if bridged {
			row = slices.Insert(row, 5, dash(x.Provider), dash(x.Account))
		}
		rows = append(rows, row)
	}
	return table(rows), nil
}

func dash(s string) string { return cmp.Or(s, "-") }

func sas(l control.Leg) string {
	switch {
	case l.SAS == "":
		return "-"
	case l.ZRTP != nil && l.ZRTP.Mismatch:
		return l.SAS + " (MISMATCH)"
	case l.Verified != nil && *l.Verified:
		return l.SAS + " (compared)"
	}
	return l.SAS
}

func (c *ctlSASCmd) answer(ask asked) (string, error) {
	text, err := ask("B2BUA", "SAS", fmt.Sprint(c.Call), strings.ToUpper(c.Leg), c.Verdict)
	if err != nil || c.JSON {
		return text, err
	}
	var doc struct {
		SAS string `json:"sas"`
	}
	if err := json.Unmarshal([]byte(text), &doc); err != nil {
		return "", unreadable(err)
	}
	if c.Verdict == "same" {
		return "the phone is verified, its SAS is " + doc.SAS, nil
	}
	return "the phone is not verified; end the call, its SAS should be " + doc.SAS, nil
}

func (c *ctlRegisterCmd) answer(ask asked) (string, error) {
	text, err := ask("B2BUA", "REGISTER", c.Account)
	if err != nil {
		return "", err
	}
	var doc struct {
		Accounts int `json:"accounts"`
	}
	if err := json.Unmarshal([]byte(text), &doc); err != nil {
		return "", unreadable(err)
	}
	if c.JSON {
		return text, nil
	}
	if doc.Accounts == 0 && c.Account != "all" {
		return "", control.RefusedError("Error - " + c.Account + " is no account that registers; see b2bua ctl accounts")
	}
	return "registrations that are tried again: " + fmt.Sprint(doc.Accounts), nil
}
