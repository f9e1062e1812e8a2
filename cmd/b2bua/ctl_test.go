package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"b2bua/core/config"
	"b2bua/core/control"
	"b2bua/core/event"
)

// serveCtl answers as a server does, under the number of this process.
func serveCtl(t *testing.T, handlers ...control.Handler) (pid string) {
	t.Helper()
	var commands control.Table
	for _, h := range handlers {
		commands.Register(h)
	}
	s, err := control.Open(control.Config{
		Path: control.Path(os.Getpid()), Handle: commands.Handle, Log: slog.New(slog.DiscardHandler), Do: func(f func()) error { f(); return nil },
	})
	require.NoError(t, err)
	t.Cleanup(s.Close)
	return fmt.Sprint(os.Getpid())
}

func TestCtl(t *testing.T) {
	noon := time.Date(2026, 1, 1, 12, 0, 0, 0, time.Local)
	calls := &control.Calls{Now: func() time.Time { return time.Unix(0, 0) }}
	for i := range uint64(2) {
		name := event.Call{Number: i + 1, A: "a", B: "b"}
		calls.Note(event.Received{Call: name, From: "sip:marie@x", To: "sip:pauline@x"})
		if i == 0 {
			calls.Note(event.Placed{Call: name, Callee: "sip:pauline@y", Line: event.Line{Provider: "one", Account: "sip:good@x"}})
			calls.Note(event.Answered{Call: name, MediaA: "audio PCMA/8000 none", MediaB: "audio PCMA/8000 zrtp"})
			calls.Note(event.Secured{Call: name, Leg: "leg A", What: "audio zrtp X", ZRTP: &event.ZRTP{SAS: "efgh", Mismatch: true}})
			calls.Note(event.Secured{Call: name, Leg: "leg B", What: "audio zrtp X", ZRTP: &event.ZRTP{SAS: "abcd", Verified: true, PeerVerified: true}})
		}
	}
	retried := ""
	_, report := config.Load(nil, []string{"b2bua-server/max-calls=12"})
	pid := serveCtl(
		t,
		&control.Bridge{Providers: func() []control.Provider {
			return []control.Provider{{Name: "one", Accounts: []control.Account{
				{Address: "sip:good@x", Status: "OK", FreeSlots: 3, RegisterEnabled: true},
				{Address: "sip:bad@x", Status: "Registration failed: Bad credentials"},
			}}}
		}},
		&control.Settings{Config: report.Settings(), SetLevel: func(string, string) error { return nil }, Changed: func(string, string) {}},
		&control.Own{Calls: calls, Retry: func(account string) int {
			retried = account
			return map[string]int{"all": 2}[account]
		}, Compare: func(call uint64, leg string, same bool) (string, error) {
			if call != 1 {
				return "", errors.New("call 2 has no SAS")
			}
			calls.Note(event.Compared{Call: event.Call{Number: 1, A: "a", B: "b"}, Leg: "leg " + leg, SAS: "efgh", Same: same})
			return "efgh", nil
		}, Accounts: func() []control.ProviderStanding {
			return []control.ProviderStanding{{Name: "one", Accounts: []control.AccountStanding{
				{Address: "sip:good@x", Status: "OK", FreeSlots: 3, RegisterEnabled: true, Next: time.Unix(7200, 0)},
				{Address: "sip:bad@x", Status: "Registration failed: Bad credentials", Failure: "the registrar answered 403", Failures: 2},
				{Address: "sip:held@x", Status: "Registration failed: IO error", WaitsFor: "registrar", Next: time.Unix(7200, 0)},
				{Address: "sip:probe@x", Status: "Registration failed: IO error", WaitsFor: "registrar"},
				{Address: "sip:asked@x", Status: "Registration in progress", WaitsFor: "answer"},
				{Address: "sip:late@x", Status: "Should register", WaitsFor: "turn"},
			}}}
		}, Status: func() control.Status {
			return control.Status{Version: "1.2.3", Application: "sip-bridge", PID: 7, Accounts: map[string]int{"OK": 5}, Listening: []string{"tcp:127.0.0.1:6067"}, Pools: []control.Pool{
				{Name: "db", From: "SQLite file /x", State: "stale", Accounts: 3, Available: 2, Loaded: noon, Stale: noon.Add(time.Hour), Error: "unable to open"},
				{Name: "big", From: "SQLite file /y", State: "loading", Rows: 7000, Accounts: 6900},
			}, Feed: &control.Feed{Server: "redis:6379", Since: noon}, Silent: []control.Registrar{
				{Registrar: "sip:r@x", Accounts: 3, Waiting: 2, Since: noon, Failure: "refused", Next: noon.Add(time.Second)},
				{Registrar: "sip:s@x", Accounts: 1, Waiting: 1, Since: noon, Failure: "refused"},
			}}
		}},
	)
	for _, v := range []struct {
		args   string
		status int
		says   []string
		never  string
	}{
		{"status", 0, []string{
			"version              1.2.3", "accounts: OK         5",
			"2 available; SQLite file /x: stale since 2026-01-01 13:00:00, loaded at 2026-01-01 12:00:00: unable to open",
			"6900 accounts, 0 available; SQLite file /y: loading, 7000 rows so far", "not seen since 2026-01-01 12:00:00: no subscription at Redis redis:6379",
			"registrar sip:r@x    no answer since 2026-01-01 12:00:00: refused; asked again at 12:00:01; waiting: 2 of its 3 accounts",
			"registrar sip:s@x    no answer since 2026-01-01 12:00:00: refused; being asked now; waiting: 1 of its 1 accounts",
		}, ""},
		{"accounts --failed", 0, []string{
			"  " + time.Unix(7200, 0).Format(time.TimeOnly) + " (registrar)  -", "  now (registrar)  ", "  now  ", "  in turn  ",
		}, ""},
		{"health", 0, []string{"healthy: b2bua 1.2.3 answers (calls: 0, accounts OK: 5)\n"}, ""},
		{"status --json", 0, []string{`"version":"1.2.3"`}, ""},
		{"accounts", 0, []string{"PROVIDER  ACCOUNT      STATUS", "one       sip:good@x   OK                                    3           yes        " + time.Unix(7200, 0).Format(time.TimeOnly), "the registrar answered 403 (2 in a row)"}, ""},
		{"accounts --failed --json", 0, []string{`"failure": "the registrar answered 403"`, `"failures": 2`}, "sip:good@x"},
		{"accounts --failed", 0, []string{"sip:bad@x"}, "sip:good@x"},
		{"calls", 0, []string{"PROVIDER  ACCOUNT", "one       sip:good@x", "1     running", "abcd (compared)", "2     received"}, ""},
		{"calls --json", 0, []string{`"mismatch": true`, `"verifiedHere": true`, `"account": "sip:good@x"`}, ""},
		{"calls", 0, []string{"efgh (MISMATCH)"}, ""},
		{"sas 1 a same", 0, []string{"the phone is verified, its SAS is efgh"}, ""},
		{"calls", 0, []string{"efgh (compared)"}, "MISMATCH"},
		{"sas 1 A different", 0, []string{"the phone is not verified", "efgh"}, ""},
		{"sas 1 a same --json", 0, []string{`{"sas":"efgh"}`}, ""},
		{"sas 2 a same", 64, []string{"call 2 has no SAS"}, ""},
		{"sas 1 c same", 1, []string{"must be one of"}, ""},
		{"raw B2BUA SAS 1 C same", 0, []string{"SAS <call> A|B same|different"}, ""},
		{"register all", 0, []string{"tried again: 2"}, ""},
		{"register sip:none@x", 64, []string{"sip:none@x is no account that registers; see b2bua ctl accounts"}, ""},
		{"register all --json", 0, []string{`{"accounts":2}`}, ""},
		{"get b2bua-server/max-calls", 0, []string{"b2bua-server/max-calls: 12\n"}, ""},
		{"get b2bua-server", 0, []string{"b2bua-server/max-calls: 12\n"}, "\r"},
		{"get none", 64, []string{"Not found: none"}, ""},
		{"list", 0, []string{"[global]: "}, ""},
		{"set global/log-level debug", 0, []string{"global/log-level: debug\n"}, ""},
		{"set b2bua-server/max-calls 3", 64, []string{"cannot be set while"}, ""},
		{"raw SIP_BRIDGE INFO", 0, []string{`"address" : "sip:good@x"`}, ""},
		{"raw nonsense", 64, []string{"Unknown command: nonsense"}, ""},
	} {
		status, stdout, stderr := run(t, append([]string{"ctl", "--pid", pid}, strings.Fields(v.args)...)...)
		assert.Equal(t, v.status, status, v.args)
		for _, says := range v.says {
			assert.Contains(t, stdout+stderr, says, v.args)
		}
		if v.never != "" {
			assert.NotContains(t, stdout, v.never, v.args)
		}
	}
	assert.Equal(t, "all", retried)
	for _, command := range []string{"accounts", "calls"} {
		_, stdout, _ := run(t, "ctl", command, "--json", "--pid", pid)
		var list []map[string]any
		require.NoError(t, json.Unmarshal([]byte(stdout), &list))
		require.NotEmpty(t, list)
	}
}

// While calls may go on, a supervisor hears that the server takes no more of them, and for how long.
func TestCtlOfAServerThatStops(t *testing.T) {
	by := time.Date(2026, 1, 1, 12, 0, 0, 0, time.Local)
	for calls, says := range map[int]string{1: "stopping: 1 call until 12:00:00\n", 2: "stopping: 2 calls until 12:00:00\n"} {
		t.Run(says, func(t *testing.T) {
			pid := serveCtl(t, &control.Own{Status: func() control.Status { return control.Status{Calls: calls, StopsBy: by} }})
			status, stdout, stderr := run(t, "ctl", "health", "--pid", pid)
			assert.Equal(t, exitFailure, status)
			assert.Empty(t, stdout)
			assert.Contains(t, stderr, says)
			status, stdout, _ = run(t, "ctl", "status", "--pid", pid)
			assert.Zero(t, status)
			assert.Contains(t, stdout, says)
			_, stdout, _ = run(t, "ctl", "status", "--json", "--pid", pid)
			assert.Contains(t, stdout, `"stopsBy":"2026-01-01T12:00:00`)
		})
	}
}

func TestCtlWithoutServer(t *testing.T) {
	status, _, stderr := run(t, "ctl", "status", "--pid", "999999999")
	assert.Equal(t, exitNoAnswer, status)
	assert.Contains(t, stderr, "/tmp/flexisip-b2bua-999999999")
	status, _, _ = run(t, "ctl", "nonsense")
	assert.Equal(t, exitFailure, status)
	status, stdout, stderr := run(t, "ctl", "health", "--pid", "999999999")
	assert.Equal(t, exitFailure, status, "a container's health check knows no other")
	assert.Empty(t, stdout)
	assert.Contains(t, stderr, "b2bua: unhealthy: /tmp/flexisip-b2bua-999999999: the server does not take the question")
	pid := serveCtl(t)
	status, _, stderr = run(t, "ctl", "health", "--pid", pid)
	assert.Equal(t, exitFailure, status)
	assert.Contains(t, stderr, "unhealthy: ")
	for _, command := range []string{"accounts", "calls", "status"} {
		status, _, stderr = run(t, "ctl", command, "--pid", pid)
		assert.Equal(t, exitRefusedByServer, status)
		assert.NotEmpty(t, stderr)
	}
	status, stdout, _ = run(t, "ctl", "--help")
	assert.Equal(t, exitOK, status)
	assert.Contains(t, stdout, "b2bua ctl accounts --failed")
}
