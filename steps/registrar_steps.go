package steps

import (
	"cmp"
	"context"
	"crypto/md5" //nolint:gosec // HA1 of digest authentication is MD5
	"crypto/sha256"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/cucumber/godog"

	"b2bua/simulator/capture"
	"b2bua/simulator/proxy"
)

// jabiru is the domain of the provider that accounts register at.
const jabiru = "jabiru.example.org"

// registrarSteps: accounts of the sip-bridge at their registrar, and the socket that tells about them.
func (w *World) registrarSteps(sc *godog.ScenarioContext) {
	sc.Step(`^the registrar of jabiru over (udp|tcp)$`, func(network string) error { return w.registrarOf(network, nil) })
	sc.Step(`^the registrar of jabiru over (udp|tcp) with$`, w.registrarOf)
	sc.Step(`^the registrar answers (\S+) with (\S+)$`, w.registrarAnswers)
	sc.Step(`^the registrar treats (\S+) well again$`, func(who string) error { return w.registrarAnswers(who, "") })
	sc.Step(`^b2bua has the accounts at jabiru$`, func(table *godog.Table) error { return w.hasAccounts("{}", table) })
	sc.Step(`^b2bua has the accounts at jabiru, in a pool with '(.+)'$`, w.hasAccounts)
	sc.Step(`^the status of (\S+) (?:is|becomes) "([^"]+)"$`, w.statusBecomes)
	sc.Step(`^the status of (\S+) becomes "([^"]+)" within (\S+)$`, w.statusBecomesWithin)
	sc.Step(`^the registrar has (\d+) accounts?$`, w.registrarHas)
	sc.Step(`^the registrar drops its connections$`, w.registrarDrops)
	sc.Step(`^the registrar is gone$`, w.registrarGone)
	sc.Step(`^the registrar is back, over (udp|tcp)$`, w.registrarBack)
	sc.Step(`^(\S+) is registered again by a refresh$`, w.isRefreshed)
	sc.Step(`^the accounts registered from (one port|as many ports)$`, w.registeredFrom)
	sc.Step(`^the registrar was not asked to un-register anybody$`, w.nobodyUnregistered)
	sc.Step(`^the client sends "([^"]*)" and is answered "([^"]*)"$`, w.clientIsAnswered)
	sc.Step(`^the client sends "([^"]*)" and is answered exactly$`, func(request string, want *godog.DocString) error {
		return w.clientIsAnsweredExactly(request, want.Content)
	})
	sc.Step(`^(\d+) clients say nothing$`, w.clientsSayNothing)
	sc.Step(`^there is no socket for clients any more$`, w.noSocket)
}

var registrarColumns = columns{required: []string{"setting", "value"}}

func (w *World) registrarOf(network string, table *godog.Table) error {
	addr, err := w.net.Next()
	if err != nil {
		return err
	}
	cfg := proxy.Config{
		Name: "jabiru", Listen: []string{network + ":" + addr.String() + ":5060"}, Domains: []string{jabiru}, AuthDomains: []string{jabiru},
		SharedPassword: "secret", Record: w.recorder,
	}
	if table != nil {
		rows, err := w.rows(table, registrarColumns)
		if err != nil {
			return err
		}
		for _, r := range rows {
			if err := registrarSetting(&cfg, r.text("setting"), r.text("value")); err != nil {
				return err
			}
		}
	}
	w.registrarConfig = cfg
	return w.openRegistrar()
}

func registrarSetting(cfg *proxy.Config, name, value string) error {
	var err error
	switch name {
	case "algorithms":
		cfg.Algorithms = strings.Split(value, ",")
	case "authentication": // digest, or
		if value == "none" {
			cfg.AuthDomains = nil
		}
	case "further domain": // whose users need no password
		cfg.Domains = append(cfg.Domains, value)
	case "and over":
		_, address, _ := strings.Cut(cfg.Listen[0], ":")
		cfg.Listen = append(cfg.Listen, value+":"+address)
	case "lifetime":
		cfg.MaxExpires, err = time.ParseDuration(value)
	case "shortest lifetime":
		cfg.MinExpires, err = time.ParseDuration(value)
	case "realm":
		cfg.Realm = value
	case "domains":
		cfg.Domains = strings.Split(value, ",")
		cfg.AuthDomains = cfg.Domains
	case "nonces":
		if value != "good once" {
			return fmt.Errorf("nonces of the registrar are %q: write good once", value)
		}
		cfg.NonceOnce = true
	case "lifetime of a nonce":
		cfg.NonceLife, err = time.ParseDuration(value)
	default:
		user, ok := strings.CutPrefix(name, "password of ")
		if !ok {
			return fmt.Errorf("unknown setting of the registrar: %q", name)
		}
		cfg.Passwords = map[string]string{user + "@" + jabiru: value}
	}
	return err
}

func (w *World) openRegistrar() error {
	p, err := proxy.New(w.registrarConfig)
	if err != nil {
		return err
	}
	w.registrar = p
	w.named["jabiru"], w.named["jabiru.hostport"] = p.URI(), strings.SplitN(strings.TrimPrefix(p.URI(), "sip:"), ";", 2)[0]
	w.closers = append(w.closers, func() { _ = p.Close() })
	return nil
}

// registrarAnswers: "everybody" is who has no fault of his own.
func (w *World) registrarAnswers(who, fault string) error {
	aor := "sip:" + who + "@" + jabiru
	if who == "everybody" {
		aor = ""
	}
	if fault == "" {
		w.registrar.SetFault(aor, nil)
		return nil
	}
	f, err := proxy.ParseFault(fault)
	if err != nil {
		return err
	}
	w.registrar.SetFault(aor, &f)
	return nil
}

var accountColumns = columns{required: []string{"account", "secret"}, optional: []string{"type", "userid", "realm", "domain"}}

// hasAccounts starts b2bua with them; pool is an object with further members of the pool.
func (w *World) hasAccounts(pool string, table *godog.Table) error {
	rows, err := w.rows(table, accountColumns)
	if err != nil {
		return err
	}
	members := map[string]any{"registrationRequired": true, "maxCallsPerLine": 2, "outboundProxy": "<" + w.registrar.URI() + ">"}
	if err := json.Unmarshal([]byte(pool), &members); err != nil {
		return fmt.Errorf("members of the pool: %w", err)
	}
	var accounts []map[string]string
	for _, r := range rows {
		a := map[string]string{"uri": "sip:" + r.text("account") + "@" + cmp.Or(r.text("domain"), jabiru)}
		if r.text("secret") != "" {
			a["secretType"], a["secret"] = secretOf(r)
		}
		if a["secretType"] == "(default)" {
			delete(a, "secretType")
		}
		for _, name := range []string{"userid", "realm"} {
			if r.text(name) != "" {
				a[name] = r.text(name)
			}
		}
		accounts = append(accounts, a)
	}
	members["loader"] = accounts
	file := map[string]any{
		"schemaVersion": 2,
		"providers": []any{map[string]any{
			"name": "jabiru", "accountPool": "pool", "triggerCondition": map[string]any{"strategy": "Always"},
			"accountToUse": map[string]any{"strategy": "Random"}, "onAccountNotFound": "decline",
			"outgoingInvite": map[string]any{"to": "sip:{incoming.to.user}@{account.uri.hostport}"},
		}},
		"accountPools": map[string]any{"pool": members},
	}
	text, err := json.MarshalIndent(file, "", " ")
	if err != nil {
		return err
	}
	if err := os.WriteFile(filepath.Join(w.dir, "providers.json"), text, 0o600); err != nil {
		return err
	}
	network, _, _ := strings.Cut(w.registrarConfig.Listen[0], ":")
	network = cmp.Or(w.listening, network)
	err = errors.Join(
		w.settings.set("b2bua-server/application", "sip-bridge"),
		w.settings.set("b2bua-server::sip-bridge/providers", "providers.json"),
		w.settings.set("b2bua-server/transport", fmt.Sprintf("sip:%s;transport=%s", w.b2bua, network)),
	)
	if err != nil {
		return err
	}
	if err := w.start(); err != nil {
		return err
	}
	w.named["pid"] = strconv.Itoa(w.process.PID())
	return nil
}

// secretOf is the secret as its type wants it; an unknown realm is only in a column that tests it.
func secretOf(r row) (kind, secret string) {
	kind = r.text("type")
	user, realm := r.text("account"), jabiru
	if strings.HasPrefix(r.text("realm"), "realm.") {
		realm = r.text("realm")
	}
	if r.text("userid") != "" {
		user = r.text("userid")
	}
	a1 := []byte(user + ":" + realm + ":" + r.text("secret"))
	switch kind {
	case "", "clrtxt":
		return "clrtxt", r.text("secret")
	case "sha-256":
		return kind, fmt.Sprintf("%x", sha256.Sum256(a1))
	}
	return kind, fmt.Sprintf("%x", md5.Sum(a1)) //nolint:gosec // as above
}

// clientAsks does what flexisip_cli.py does.
func (w *World) clientAsks(request string) (string, error) {
	if err := w.running(); err != nil {
		return "", err
	}
	var conn net.Conn
	err := w.until("there is no socket for clients", func() (_ bool, err error) { // it is opened after those for SIP
		conn, err = net.Dial("unix", fmt.Sprintf("/tmp/flexisip-b2bua-%d", w.process.PID()))
		if errors.Is(err, os.ErrNotExist) {
			return false, nil
		}
		return err == nil, err
	})
	if err != nil {
		return "", err
	}
	defer func() { _ = conn.Close() }()
	_ = conn.SetDeadline(time.Now().Add(patience))
	if _, err := conn.Write([]byte(request)); err != nil {
		return "", err
	}
	buf := make([]byte, 65535)
	n, err := conn.Read(buf)
	return string(buf[:n]), err
}

func (w *World) clientIsAnswered(request, want string) error {
	want, err := w.expand(want)
	if err != nil {
		return err
	}
	got, err := w.clientAsks(request)
	if err == nil && got != want {
		err = fmt.Errorf("it was answered %q", got)
	}
	return err
}

// clientIsAnsweredExactly: a tab stands for itself, a blank at the end of a line is written {{space}}.
func (w *World) clientIsAnsweredExactly(request, want string) error {
	want, err := w.expand(want)
	if err != nil {
		return err
	}
	got, err := w.clientAsks(request)
	if err == nil && got != want {
		err = fmt.Errorf("it was answered\n%q\nin place of\n%q", got, want)
	}
	return err
}

// statusOf is what SIP_BRIDGE INFO says.
func (w *World) statusOf(account string) (string, error) {
	text, err := w.clientAsks("SIP_BRIDGE INFO")
	if err != nil {
		return "", err
	}
	var info struct {
		Providers []struct {
			Accounts []struct{ Address, Status string }
		}
	}
	if err := json.Unmarshal([]byte(text), &info); err != nil {
		return "", fmt.Errorf("SIP_BRIDGE INFO: %w in %s", err, text)
	}
	for _, p := range info.Providers {
		for _, a := range p.Accounts {
			if a.Address == "sip:"+account+"@"+jabiru || a.Address == account {
				return a.Status, nil
			}
		}
	}
	return "", fmt.Errorf("SIP_BRIDGE INFO does not list %s: %s", account, text)
}

// until asks again and again; what is asked for cannot be waited for.
func (w *World) until(what string, there func() (bool, error)) error {
	ctx, cancel := w.wait()
	defer cancel()
	for {
		ok, err := there()
		if err != nil || ok {
			return w.explain(err)
		}
		select {
		case <-ctx.Done():
			return w.explain(errors.New(what))
		case <-time.After(5 * time.Millisecond):
		}
	}
}

func (w *World) statusBecomes(account, want string) error {
	last := ""
	err := w.until("the status did not become "+want, func() (bool, error) {
		var err error
		last, err = w.statusOf(account)
		return last == want, err
	})
	if err != nil {
		return fmt.Errorf("%s has status %q: %w", account, last, err)
	}
	return nil
}

// statusBecomesWithin has a shorter deadline than usual, for what another mechanism brings about sooner or later, too.
func (w *World) statusBecomesWithin(account, want, text string) error {
	most, err := time.ParseDuration(text)
	if err != nil {
		return err
	}
	end := time.Now().Add(most)
	return w.until(fmt.Sprintf("the status of %s did not become %s", account, want), func() (bool, error) {
		is, err := w.statusOf(account)
		if err == nil && is != want && time.Now().After(end) {
			err = fmt.Errorf("the status of %s is %q after %v", account, is, most)
		}
		return is == want, err
	})
}

func (w *World) registrarHas(n int) error {
	return w.until(fmt.Sprintf("the registrar does not have %d accounts", n), func() (bool, error) { return w.registrar.Bound() == n, nil })
}

func (w *World) registrarDrops() error {
	if n := w.registrar.DropConnections(); n == 0 {
		return errors.New("nobody is registered by a connection")
	}
	return nil
}

func (w *World) registrarGone() error {
	listen := strings.SplitN(w.registrar.URI(), ":", 3)[1]
	network, _, _ := strings.Cut(w.registrarConfig.Listen[0], ":")
	w.registrarConfig.Listen = []string{network + ":" + listen + ":5060"}
	return w.registrar.Close()
}

func (w *World) registrarBack(string) error { return w.openRegistrar() }

// registers are the REGISTERs that an account sent, challenges included.
func (w *World) registers(account string) []capture.Message {
	var out []capture.Message
	for _, m := range w.registrar.Messages() {
		if !m.Sent && m.Method() == "REGISTER" && (account == "" || strings.Contains(m.Header("To"), account+"@")) {
			out = append(out, m)
		}
	}
	return out
}

// isRefreshed: another REGISTER of the same Call-ID, with the credentials that the registrar asked for once.
func (w *World) isRefreshed(account string) error {
	return w.until(account+" was not registered again", func() (bool, error) {
		list := w.registers(account)
		if len(list) == 0 {
			return false, nil
		}
		last := list[len(list)-1]
		if last.Header("Call-ID") != list[0].Header("Call-ID") {
			return false, errors.New("the refresh has another Call-ID")
		}
		return len(list) >= 3 && last.HasHeader("Authorization"), nil
	})
}

func (w *World) registeredFrom(what string) error {
	ports, contacts, accounts := map[string]bool{}, map[string]bool{}, map[string]bool{}
	for _, m := range w.registers("") {
		ports[m.From.String()] = true
		accounts[m.Header("To")] = true
		_, address, _ := strings.Cut(m.Header("Contact"), "@")
		address, _, _ = strings.Cut(address, ">")
		address, _, _ = strings.Cut(address, ";")
		contacts[address] = true
	}
	want := 1
	if what != "one port" {
		want = len(accounts)
	}
	if len(accounts) < 2 || len(ports) != want || len(contacts) != want {
		return fmt.Errorf("%d accounts came from %d ports, with %d addresses in Contact", len(accounts), len(ports), len(contacts))
	}
	for at := range ports {
		if !contacts[at] {
			return fmt.Errorf("a REGISTER came from %s, which no Contact names", at)
		}
	}
	return nil
}

func (w *World) nobodyUnregistered() error {
	if slices.ContainsFunc(w.registers(""), func(m capture.Message) bool { return m.Header("Expires") == "0" }) {
		return errors.New("somebody was un-registered")
	}
	return nil
}

// clientsSayNothing connects and stays silent until the end of the scenario.
func (w *World) clientsSayNothing(n int) error {
	for range n {
		var d net.Dialer
		conn, err := d.DialContext(context.Background(), "unix", fmt.Sprintf("/tmp/flexisip-b2bua-%d", w.process.PID()))
		if err != nil {
			return err
		}
		w.closers = append(w.closers, func() { _ = conn.Close() })
	}
	return nil
}

func (w *World) noSocket() error {
	path := fmt.Sprintf("/tmp/flexisip-b2bua-%d", w.process.PID())
	if _, err := os.Lstat(path); !errors.Is(err, os.ErrNotExist) {
		return errors.New(path + " is still there")
	}
	return nil
}
