package steps

import (
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"net/netip"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"github.com/cucumber/godog"

	"b2bua/simulator/capture"
	"b2bua/steps/stores"
	"b2bua/steps/stores/faulty"
)

// databaseSteps: accounts that a database has.
func (w *World) databaseSteps(sc *godog.ScenarioContext) {
	sc.Step(`^the (own mariadb|sqlite|mariadb) database$`, func(kind string, s *godog.DocString) error { return w.databaseOf(kind, s.Content) })
	sc.Step(`^the (own mariadb|sqlite|mariadb) database with the accounts$`, w.databaseWith)
	sc.Step(`^the (own mariadb|sqlite|mariadb) database without accounts$`, func(kind string) error { return w.databaseWithRows(kind, nil) })
	sc.Step(`^the (own mariadb|mariadb over TLS|sqlite|mariadb)(?: database)? with (\d+) accounts at jabiru$`, w.databaseOfMany)
	sc.Step(`^the database does "([^"]+)"$`, w.databaseDoes)
	sc.Step(`^the database does$`, func(s *godog.DocString) error { return w.databaseDoes(s.Content) })
	sc.Step(`^the connection string ends with "([^"]+)"$`, w.connectionEndsWith)
	sc.Step(`^the database is asked for something with (\w+)$`, w.databaseIsAsked)
	sc.Step(`^b2bua reaches the database through a network that fails$`, w.faultyDatabase)
	sc.Step(`^the network to the database (passes|is silent|is cut|answers garbage)$`, w.databaseNetwork)
	sc.Step(`^b2bua has the accounts of the database$`, func() error { return w.hasDatabase("{}", nil) })
	sc.Step(`^b2bua has the accounts of the database, in a pool with '(.+)'$`, func(pool string) error { return w.hasDatabase(pool, nil) })
	sc.Step(`^b2bua has the accounts of the database by the queries$`, func(t *godog.Table) error { return w.hasDatabase("{}", t) })
	sc.Step(`^b2bua has the accounts of the database, in a pool with '(.+)', by the queries$`, w.hasDatabase)
	sc.Step(`^b2bua is to have the accounts of the database by the queries$`, func(t *godog.Table) error { return w.toHaveDatabase("{}", t) })
	sc.Step(`^the accounts (?:are|become)$`, w.accountsBecome)
	sc.Step(`^there are no accounts$`, func() error { return w.accountsAre(nil) })
	sc.Step(`^the table of accounts is as it was$`, w.tableAsItWas)
	sc.Step(`^the registrar got (\d+) REGISTERs? and (\d+) un-REGISTERs?$`, w.registrarGot)
	sc.Step(`^the last REGISTER of (\S+) has$`, w.lastRegister)
	sc.Step(`^(\S+) sent (\d+) REGISTERs$`, w.sentRegisters)
	sc.Step(`^nobody registered as (\S+)$`, w.nobodyRegisteredAs)
	sc.Step(`^the registrar has no binding of (\S+)$`, w.noBinding)
	sc.Step(`^(\S+) is registered again, not before half of its (\S+) is over$`, w.notBeforeHalf)
}

// databaseOf makes a database by statements that all backends know.
func (w *World) databaseOf(kind, statements string) error {
	if _, err := w.openDatabase(kind); err != nil {
		return err
	}
	return w.databaseDoes(statements)
}

func (w *World) databaseWith(kind string, table *godog.Table) error {
	rows, err := w.rows(table, columns{required: []string{"username"}, optional: accountTable})
	if err != nil {
		return err
	}
	var list []map[string]string
	for _, r := range rows {
		if _, ok := r.cells["domain"]; !ok {
			r.cells["domain"] = jabiru
		}
		list = append(list, r.cells)
	}
	return w.databaseWithRows(kind, list)
}

// databaseOfMany: account0 and so on, each with the registrar's secret and an alias.
func (w *World) databaseOfMany(kind string, n int) error {
	var list []map[string]string
	for i := range n {
		list = append(list, map[string]string{
			"username": fmt.Sprintf("account%d", i), "domain": jabiru, "secret": "secret", "secret_type": "clrtxt",
			"alias_username": fmt.Sprintf("alias%d", i), "alias_domain": domain,
		})
	}
	return w.databaseWithRows(kind, list)
}

func (w *World) databaseWithRows(kind string, list []map[string]string) error {
	d, err := w.openDatabase(kind)
	if err != nil {
		return err
	}
	ctx, cancel := w.wait()
	defer cancel()
	return d.createAccounts(ctx, list)
}

func (w *World) databaseDoes(statements string) error {
	d, err := w.theDatabase()
	if err != nil {
		return err
	}
	text, err := w.expand(statements)
	if err != nil {
		return err
	}
	ctx, cancel := w.wait()
	defer cancel()
	return d.run(ctx, text)
}

func (w *World) connectionEndsWith(text string) error {
	d, err := w.theDatabase()
	if err != nil {
		return err
	}
	text, err = w.expand(text)
	d.options = " " + text
	w.named["database"] = d.members()
	return err
}

// databaseIsAsked waits until a statement with a word runs. Servers only.
func (w *World) databaseIsAsked(word string) error {
	d, err := w.theDatabase()
	if err != nil {
		return err
	}
	return w.until("no such statement runs", func() (bool, error) {
		ctx, cancel := w.wait()
		defer cancel()
		n := 0
		err := d.db.QueryRowContext(ctx, "SELECT COUNT(*) FROM information_schema.processlist WHERE db = ? AND info LIKE ? AND id <> CONNECTION_ID()",
			d.server.Name, "%"+word+"%").Scan(&n)
		return n > 0, err
	})
}

func (w *World) faultyDatabase() error {
	d, err := w.theDatabase()
	if err != nil {
		return err
	}
	if d.server == nil {
		return errors.New("a file has no network")
	}
	addr, err := w.net.Next()
	if err != nil {
		return err
	}
	if d.fault, err = faulty.New(netip.AddrPortFrom(addr, stores.SQLPort), d.server.Server.Addr()); err != nil {
		return err
	}
	w.named["database"] = d.members()
	w.closers = append(w.closers, func() { _ = d.fault.Close() })
	return nil
}

func (w *World) databaseNetwork(how string) error {
	d, err := w.theDatabase()
	if err != nil {
		return err
	}
	if d.fault == nil {
		return errors.New("b2bua reaches the database directly")
	}
	if how == "is cut" {
		d.fault.Cut()
		return nil
	}
	return d.fault.Set(map[string]faulty.Manner{"passes": faulty.Pass(), "is silent": faulty.Silent(), "answers garbage": faulty.Garbage()}[how])
}

// ofDatabase: calls leave by the account whose alias the caller is, and come in to the alias of the account that is called.
const ofDatabase = `{"schemaVersion": 2, "providers": [
  {"name": "outgoing", "accountPool": "pool", "triggerCondition": {"strategy": "Always"}, "onAccountNotFound": "nextProvider",
   "accountToUse": {"strategy": "FindInPool", "by": "alias", "source": "{from}"},
   "outgoingInvite": {"to": "sip:{incoming.to.user}@{account.uri.hostport}"}},
  {"name": "incoming", "accountPool": "pool", "triggerCondition": {"strategy": "Always"}, "onAccountNotFound": "decline",
   "accountToUse": {"strategy": "FindInPool", "by": "uri", "source": "{to}"},
   "outgoingInvite": {"to": "{account.alias}"}}],
 "accountPools": {"pool": %s}}
`

// hasDatabase starts b2bua with the accounts of the database, between alice and trunk; who has a registrar registers there.
func (w *World) hasDatabase(pool string, queries *godog.Table) error {
	if err := w.toHaveDatabase(pool, queries); err != nil {
		return err
	}
	return w.start()
}

func (w *World) toHaveDatabase(pool string, queries *godog.Table) error {
	d, err := w.theDatabase()
	if err != nil {
		return err
	}
	if err := w.between("alice", "trunk", "udp"); err != nil {
		return err
	}
	loader := map[string]any{
		"dbBackend": d.backend, "connection": d.connection(), "initQuery": "SELECT * FROM accounts",
		"updateQuery": "SELECT * FROM accounts WHERE username = :identifier",
	}
	if queries != nil {
		rows, err := w.rows(queries, columns{required: []string{"query", "SQL"}})
		if err != nil {
			return err
		}
		for _, r := range rows {
			loader[r.text("query")] = r.text("SQL")
		}
	}
	members := map[string]any{"registrationRequired": false, "maxCallsPerLine": 2, "outboundProxy": "<sip:" + w.phones["trunk"].Addr().String() + ">", "loader": loader}
	if w.registrar != nil {
		members["registrationRequired"], members["registrar"] = true, "<"+w.registrar.URI()+">"
	}
	if pool, err = w.expand(pool); err != nil {
		return err
	}
	if err := json.Unmarshal([]byte(pool), &members); err != nil {
		return fmt.Errorf("members of the pool: %w", err)
	}
	maps.DeleteFunc(members, func(_ string, v any) bool { return v == nil })
	text, err := json.MarshalIndent(members, "", " ")
	if err != nil {
		return err
	}
	if err := os.WriteFile(filepath.Join(w.dir, "providers.json"), fmt.Appendf(nil, ofDatabase, text), 0o600); err != nil {
		return err
	}
	ctx, cancel := w.wait()
	defer cancel()
	w.knowsHosts()
	w.before, _ = d.content(ctx) // a scenario with tables of its own has none of this name
	err = errors.Join(
		w.settings.set("b2bua-server/application", "sip-bridge"),
		w.settings.set("b2bua-server::sip-bridge/providers", "providers.json"),
	)
	if err == nil {
		_, err = w.settings.write(w.dir) // for who only checks it
	}
	return err
}

func (w *World) tableAsItWas() error {
	d, err := w.theDatabase()
	if err != nil {
		return err
	}
	ctx, cancel := w.wait()
	defer cancel()
	now, err := d.content(ctx)
	if err == nil && (now != w.before || now == "") {
		err = fmt.Errorf("the table has changed from\n%s\nto\n%s", w.before, now)
	}
	return err
}

// statuses is SIP_BRIDGE INFO by account; providers that share a pool show it twice.
func (w *World) statuses() (map[string]string, error) {
	text, err := w.clientAsks("SIP_BRIDGE INFO")
	if err != nil {
		return nil, err
	}
	var info struct {
		Providers []struct {
			Accounts []struct{ Address, Status string }
		}
	}
	if err := json.Unmarshal([]byte(text), &info); err != nil {
		return nil, fmt.Errorf("SIP_BRIDGE INFO: %w in %s", err, text)
	}
	out := map[string]string{}
	for _, p := range info.Providers {
		for _, a := range p.Accounts {
			out[a.Address] = a.Status
		}
	}
	return out, nil
}

func (w *World) accountsBecome(table *godog.Table) error {
	rows, err := w.rows(table, columns{required: []string{"account", "status"}})
	if err != nil {
		return err
	}
	want := map[string]string{}
	for _, r := range rows {
		name := r.text("account")
		if !strings.HasPrefix(name, "sip:") {
			name = "sip:" + name + "@" + jabiru
		}
		want[name] = r.text("status")
	}
	return w.accountsAre(want)
}

func (w *World) accountsAre(want map[string]string) error {
	var last map[string]string
	err := w.until("the accounts are others", func() (bool, error) {
		var err error
		last, err = w.statuses()
		return fmt.Sprint(last) == fmt.Sprint(want), err // maps print in order
	})
	if err != nil {
		return fmt.Errorf("the accounts are %v and not %v: %w", last, want, err)
	}
	return nil
}

// registrations counts REGISTERs of an account, or of all, repeated ones once: those for a binding, and those that end one.
func (w *World) registrations(account string) (registers, ends int) {
	seen := map[string]bool{}
	for _, m := range w.registers(account) {
		id := m.Header("Call-ID") + " " + m.Header("CSeq")
		if seen[id] {
			continue
		}
		seen[id] = true
		if unregisters(m) {
			ends++
		} else {
			registers++
		}
	}
	return registers, ends
}

func unregisters(m capture.Message) bool {
	return m.Header("Expires") == "0" || strings.Contains(m.Header("Contact"), ";expires=0")
}

// registrarGot counts from the beginning. It waits for as many, and fails at once for more.
func (w *World) registrarGot(registers, ends int) error {
	var r, e int
	err := w.until("they are others", func() (bool, error) {
		r, e = w.registrations("")
		if r > registers || e > ends {
			return false, errors.New("they are more")
		}
		return r == registers && e == ends, nil
	})
	if err != nil {
		return fmt.Errorf("the registrar got %d REGISTERs and %d un-REGISTERs: %w", r, e, err)
	}
	return nil
}

func (w *World) lastRegister(account string, table *godog.Table) error {
	rows, err := w.rows(table, columns{required: []string{"header", "value"}})
	if err != nil {
		return err
	}
	var last error
	err = w.until("the last REGISTER is another one", func() (bool, error) {
		list := w.registers(account)
		if len(list) == 0 {
			last = errors.New("there is none")
			return false, nil
		}
		m := list[len(list)-1]
		last = nil
		for _, r := range rows {
			got := m.Headers(r.text("header"))
			if r.text("header") == "Request-URI" {
				got = []string{m.RequestURI()}
			}
			if err := fits(got, r.text("value")); err != nil {
				last = errors.Join(last, fmt.Errorf("%s: %w", r.text("header"), err))
			}
		}
		return last == nil, nil
	})
	return errors.Join(err, last)
}

// sentRegisters counts those of one account so far, repeated ones once; un-REGISTERs are none.
func (w *World) sentRegisters(account string, want int) error {
	if got, _ := w.registrations(account); got != want {
		return fmt.Errorf("%s sent %d REGISTERs", account, got)
	}
	return nil
}

func (w *World) nobodyRegisteredAs(account string) error {
	if n := len(w.registers(account)); n > 0 {
		return fmt.Errorf("%s sent %d REGISTERs", account, n)
	}
	return nil
}

func (w *World) noBinding(account string) error {
	return w.until(account+" is still registered", func() (bool, error) {
		return len(w.registrar.Contacts("sip:"+account+"@"+jabiru)) == 0, nil
	})
}

// notBeforeHalf looks at the refreshes so far, at least one. There is no upper bound: a loaded machine is late. The lifetime begins when
// b2bua has a 200, which is after the first one was sent: a REGISTER that came late is repeated, and answered twice.
func (w *World) notBeforeHalf(account, lifetime string) error {
	life, err := time.ParseDuration(lifetime)
	if err != nil {
		return err
	}
	return w.until(account+" was not registered again", func() (bool, error) {
		var accepted capture.Message
		for _, m := range w.registrar.Messages() {
			if !strings.HasSuffix(m.Header("CSeq"), " REGISTER") || !strings.Contains(m.Header("To"), account+"@") {
				continue
			}
			switch {
			case accepted.Raw == nil:
				if m.Sent && m.Status() == 200 {
					accepted = m
				}
			case !m.Sent && cseq(m) > cseq(accepted):
				if apart := m.At.Sub(accepted.At); apart < life/2 {
					return false, fmt.Errorf("%s was registered again after %v", account, apart)
				}
				return true, nil
			}
		}
		return false, nil
	})
}

// cseq is the number of the request: one that is repeated keeps it.
func cseq(m capture.Message) uint64 {
	number, _, _ := strings.Cut(m.Header("CSeq"), " ")
	n, _ := strconv.ParseUint(number, 10, 32)
	return n
}
