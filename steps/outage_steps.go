package steps

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"time"

	"github.com/cucumber/godog"

	"b2bua/steps/stores/faulty"
	"b2bua/steps/wire"
)

// outageSteps: databases and Redis servers that fail while calls run.
func (w *World) outageSteps(sc *godog.ScenarioContext) {
	sc.Step(`^the network to the database (refuses|is slow)$`, w.databaseSuffers)
	sc.Step(`^the network to the database breaks after (\d+) octets$`, func(n int) error { return w.databaseBreaks(n, 1) })
	sc.Step(`^the network to the database breaks after (\d+) octets, (\d+) times$`, w.databaseBreaks)
	sc.Step(`^the database is killed$`, w.withServer(func(d *database) error {
		ctx, cancel := w.wait()
		defer cancel()
		return d.server.Server.Stop(ctx)
	}))
	sc.Step(`^the database is started again$`, w.withServer(func(d *database) error {
		ctx, cancel := w.wait()
		defer cancel()
		return d.server.Server.Start(ctx)
	}))
	sc.Step(`^the database freezes$`, w.withServer(func(d *database) error { return d.server.Server.Pause() }))
	sc.Step(`^the database thaws$`, w.withServer(func(d *database) error { return d.server.Server.Resume() }))
	sc.Step(`^the database wants (another|the old) password$`, w.otherPassword)
	sc.Step(`^b2bua has the accounts of the database and of a file$`, w.hasBoth)
	sc.Step(`^(\w+) calls (\w+) by the alias (\w+)$`, w.callsByAlias)
	sc.Step(`^the call of (\w+) and (\w+) goes on$`, w.goesOn)
	sc.Step(`^a call by the file is taken$`, func() error { return w.isOf("sip:fixed@"+domain, "sip:fixed@"+jabiru, "") })
	sc.Step(`^a call from (sip:\S+) is declined, because (.+)$`, w.declinedBecause)
	sc.Step(`^the pool (?:is|becomes) (waiting|loading|loaded|stale)$`, w.poolBecomes)
	sc.Step(`^the pool (?:is|becomes) loaded, with (\d+) accounts$`, w.poolHas)
	sc.Step(`^the pool (?:is|becomes) stale, with (\d+) accounts$`, w.poolStale)
	sc.Step(`^b2bua has logged /(.+)/ (once|\d+ times)$`, w.hasLogged)
	sc.Step(`^b2bua has logged /(.+)/ in no line$`, func(pattern string) error { return w.hasLogged(pattern, "0 times") })
	sc.Step(`^the change of (\S+) is dealt with$`, func(account string) error {
		return w.until("the change was not dealt with", func() (bool, error) { return w.dealtWith(account+"@"+jabiru) > 0, nil })
	})
	sc.Step(`^the (sqlite|mariadb) database with (\d+) accounts of one statement$`, w.databaseOfVeryMany)
	sc.Step(`^calls by the file are taken until the pool is loaded, with (\d+) accounts$`, w.callsUntilLoaded)
	sc.Step(`^no secret is in the log$`, w.noSecret)
}

// withServer is a step on the database's own server.
func (w *World) withServer(f func(*database) error) func() error {
	return func() error {
		d, err := w.theDatabase()
		if err == nil && d.server == nil {
			err = errors.New("a file has no server")
		}
		if err != nil {
			return err
		}
		return f(d)
	}
}

// slow is how long each answer of a slow database takes.
const slow = 10 * time.Second

func (w *World) databaseSuffers(how string) error {
	return w.databaseIs(map[string]faulty.Manner{"refuses": faulty.Refuse(), "is slow": faulty.Slow(slow)}[how])
}

func (w *World) databaseBreaks(octets, times int) error {
	return w.databaseIs(faulty.Break(octets, times))
}

func (w *World) databaseIs(m faulty.Manner) error {
	d, err := w.theDatabase()
	if err == nil && d.fault == nil {
		err = errors.New("b2bua reaches the database directly")
	}
	if err != nil {
		return err
	}
	return d.fault.Set(m)
}

// otherPassword changes the password of b2bua's user, for connections that are made from now on.
func (w *World) otherPassword(which string) error {
	d, err := w.theDatabase()
	if err != nil {
		return err
	}
	password := map[string]string{"another": "Mellon", "the old": strings.ReplaceAll(d.server.Password, "'", "''")}[which]
	return w.databaseDoes(fmt.Sprintf("ALTER USER '%s'@'%%' IDENTIFIED BY '%s'", d.server.User, password))
}

// hasBoth starts b2bua with the pool of the database, and another one that it must not disturb.
func (w *World) hasBoth() error {
	if err := w.toHaveDatabase("{}", nil); err != nil {
		return err
	}
	path := filepath.Join(w.dir, "providers.json")
	text, err := os.ReadFile(path)
	if err != nil {
		return err
	}
	var file struct {
		SchemaVersion int                        `json:"schemaVersion"`
		Providers     []json.RawMessage          `json:"providers"`
		Pools         map[string]json.RawMessage `json:"accountPools"`
	}
	if err := json.Unmarshal(text, &file); err != nil {
		return err
	}
	file.Providers = append([]json.RawMessage{json.RawMessage(`{"name": "fixed", "accountPool": "fixed", "triggerCondition": {"strategy": "Always"},
   "onAccountNotFound": "nextProvider", "accountToUse": {"strategy": "FindInPool", "by": "alias", "source": "{from}"},
   "outgoingInvite": {"to": "sip:{incoming.to.user}@{account.uri.hostport}"}}`)}, file.Providers...)
	file.Pools["fixed"] = json.RawMessage(fmt.Sprintf(`{"registrationRequired": false, "maxCallsPerLine": 100, "outboundProxy": "<sip:%s>",
   "loader": [{"uri": "sip:fixed@%s", "alias": "sip:fixed@%s"}]}`, w.phones["trunk"].Addr(), jabiru, domain))
	if text, err = json.MarshalIndent(file, "", " "); err != nil {
		return err
	}
	if err := os.WriteFile(path, text, 0o600); err != nil {
		return err
	}
	return w.start()
}

// callsByAlias sets up a call by the account whose alias the caller is; it reaches a phone by the account's own outbound proxy.
func (w *World) callsByAlias(caller, callee, alias string) error {
	steps := []func() error{
		func() error {
			return w.place(caller, "somebody", []wire.Header{{Name: "From", Value: "<sip:" + alias + "@" + domain + ">"}})
		},
		func() error { return w.isInvited(callee) },
		func() error { return w.answersWithSDP(callee, 200) },
		func() error { return w.callIsUp(caller, callee) },
	}
	return inTurn(steps)
}

// goesOn puts a call on hold and resumes it.
func (w *World) goesOn(caller, callee string) error {
	for _, c := range []struct{ offer, answer string }{{"audio sendonly", "recvonly"}, {"audio", "sendrecv"}} {
		steps := []func() error{
			func() error { return w.sendsOffer(caller, "INVITE", c.offer) },
			func() error { return w.getsReinvite(callee) },
			func() error { return w.answersReinvite(callee, 200, c.answer) },
			func() error { return w.insideAnswered(caller, 200, " with SDP") },
		}
		if err := inTurn(steps); err != nil {
			return err
		}
	}
	return nil
}

func inTurn(steps []func() error) error {
	for _, step := range steps {
		if err := step(); err != nil {
			return err
		}
	}
	return nil
}

func (w *World) declinedBecause(from, why string) error {
	return inTurn([]func() error{
		func() error { return w.callFrom(from, "sip:somebody@"+domain) },
		func() error { return w.fails("alice", 488, "", nil) },
		func() error { return w.logs("message", "from "+regexp.QuoteMeta(from)+" .*refused with 488: .*"+why) },
	})
}

// poolStatus is what b2bua says of the pool that a database fills.
type poolStatus struct {
	State    string
	Accounts int
	Rows     int
	Stale    time.Time
	Error    string
}

func (w *World) poolStatus() (poolStatus, error) {
	var status struct{ Pools []poolStatus }
	text, err := w.clientAsks("B2BUA STATUS")
	if err != nil {
		return poolStatus{}, err
	}
	if err := json.Unmarshal([]byte(text), &status); err != nil || len(status.Pools) != 1 {
		return poolStatus{}, fmt.Errorf("B2BUA STATUS tells of %d pools of databases (%w): %s", len(status.Pools), err, text)
	}
	return status.Pools[0], nil
}

func (w *World) untilPool(what string, ok func(poolStatus) bool) error {
	var last poolStatus
	err := w.until("the pool does not become "+what, func() (bool, error) {
		var err error
		last, err = w.poolStatus()
		return ok(last), err
	})
	if err != nil {
		return fmt.Errorf("the pool is %+v: %w", last, err)
	}
	return nil
}

// poolBecomes: who waits has nothing, who is stale says since when and why.
func (w *World) poolBecomes(state string) error {
	return w.untilPool(state, func(p poolStatus) bool { return p.State == state && (state != "loading" || p.Rows > 0) })
}

// databaseOfVeryMany: as databaseOfMany, without secrets.
func (w *World) databaseOfVeryMany(kind string, n int) error {
	if err := w.databaseWithRows(kind, nil); err != nil {
		return err
	}
	digits := "(SELECT 0 AS d"
	for i := 1; i < 10; i++ {
		digits += fmt.Sprintf(" UNION ALL SELECT %d", i)
	}
	digits += ")"
	number, from := "0", ""
	for power, i := 1, 0; power < n; power, i = power*10, i+1 {
		number += fmt.Sprintf(" + %d * t%d.d", power, i)
		from += fmt.Sprintf(", %s AS t%d", digits, i)
	}
	numbers := fmt.Sprintf("(SELECT %s AS n FROM %s) AS numbers", number, strings.TrimPrefix(from, ", "))
	name := "CONCAT('%s', n)"
	if kind == "sqlite" {
		name = "'%s' || n"
	}
	d, err := w.theDatabase()
	if err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(context.Background(), 5*patience) // b2bua does not run yet: how fast this is concerns nobody
	defer cancel()
	return d.run(ctx, fmt.Sprintf("INSERT INTO accounts (username, domain, alias_username, alias_domain) SELECT %s, '%s', %s, '%s' FROM %s WHERE n < %d",
		fmt.Sprintf(name, "account"), jabiru, fmt.Sprintf(name, "alias"), domain, numbers, n))
}

// callsUntilLoaded places one call after the other while a load runs, at least one.
func (w *World) callsUntilLoaded(accounts int) error {
	for calls := 0; ; calls++ {
		p, err := w.poolStatus()
		switch {
		case err != nil:
			return err
		case p.State == "loaded" && p.Accounts == accounts && calls > 0:
			return nil
		case p.State != "loading" && p.State != "loaded" || p.State == "loaded" && calls == 0:
			return w.explain(fmt.Errorf("after %d calls the pool is %+v", calls, p))
		}
		if err := w.isOf("sip:fixed@"+domain, "sip:fixed@"+jabiru, ""); err != nil {
			return err
		}
	}
}

func (w *World) poolHas(accounts int) error {
	return w.untilPool("loaded", func(p poolStatus) bool { return p.State == "loaded" && p.Accounts == accounts })
}

func (w *World) poolStale(accounts int) error {
	return w.untilPool("stale", func(p poolStatus) bool {
		return p.State == "stale" && p.Accounts == accounts && !p.Stale.IsZero() && p.Error != ""
	})
}

func (w *World) hasLogged(pattern, times string) error {
	if err := w.running(); err != nil {
		return err
	}
	re, err := regexp.Compile(pattern)
	if err != nil {
		return err
	}
	var found []string
	for _, line := range w.process.Lines() {
		if re.MatchString(line.Text) {
			found = append(found, line.Text)
		}
	}
	if got := strconv.Itoa(len(found)) + " times"; got != times && (len(found) != 1 || times != "once") {
		return fmt.Errorf("it has logged it %s:\n%s", got, strings.Join(found, "\n"))
	}
	return nil
}

// secrets are parts of every password of these scenarios.
var secrets = []string{"horse", "Mellon"}

// noSecret looks at everything that b2bua has written.
func (w *World) noSecret() error {
	var all strings.Builder
	for _, line := range w.process.Lines() {
		all.WriteString(line.Text + "\n")
	}
	files, err := filepath.Glob(filepath.Join(w.dir, "log", "*"))
	if err != nil {
		return err
	}
	for _, file := range files {
		text, err := os.ReadFile(file)
		if err != nil {
			return err
		}
		all.Write(text)
	}
	for _, s := range secrets {
		if at := strings.Index(all.String(), s); at >= 0 {
			return fmt.Errorf("a part of a password is in the log: …%s", all.String()[max(0, at-100):at+len(s)])
		}
	}
	return nil
}
