package steps

import (
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

	"b2bua/simulator/capture"
	"b2bua/steps/wire"
)

// accountSteps: where accounts send their REGISTERs, when, and from which port; providers files that lack something.
func (w *World) accountSteps(sc *godog.ScenarioContext) {
	sc.Step(`^trunk listens over udp and tcp$`, w.trunkOverBoth)
	sc.Step(`^(\w+) gets a REGISTER with$`, w.getsRegister)
	sc.Step(`^the registrar got the first REGISTERs of (\d+) accounts?$`, w.firstRegisters)
	sc.Step(`^b2bua says that it took at least (\S+) to register (\d+) accounts$`, func(text string, n int) error { return w.poolTook(n, text) })
	sc.Step(`^all (\d+) asked again before one of them was answered$`, w.refreshedTogether)
	sc.Step(`^each account un-registered the Contact that it had registered$`, w.sameContacts)
	sc.Step(`^the INVITE to (\w+) came from the port of (\S+), which its Contact names$`, w.invitedFromPortOf)
	sc.Step(`^b2bua listens over (udp|tcp) and has the accounts at jabiru$`, func(network string, table *godog.Table) error {
		w.listening = network
		return w.hasAccounts("{}", table)
	})
	sc.Step(`^it printed what is in the file "([^"]+)"$`, w.printedTheSame)
	sc.Step(`^a providers file without (\S+) is refused$`, w.lacks)
}

// trunkOverBoth opens it before b2bua starts: what comes by TCP is trunktcp's.
func (w *World) trunkOverBoth() error {
	if _, err := w.literalPhone("trunk", "udp"); err != nil {
		return err
	}
	return w.alsoListens("trunk", "trunktcp")
}

// getsRegister is about a literal phone that stands for a registrar. It does not answer.
func (w *World) getsRegister(name string, table *godog.Table) error {
	phone, err := w.phone(name)
	if err != nil {
		return err
	}
	ctx, cancel := w.wait()
	defer cancel()
	m, err := phone.Await(ctx, "a REGISTER", func(m *wire.Received) bool { return m.Method() == "REGISTER" })
	if err != nil {
		return w.explain(err)
	}
	return w.hasHeaders(m.Message, table)
}

// firstRegisters are those of each account, in order.
func firstRegisters(list []capture.Message) (out []capture.Message) {
	seen := map[string]bool{}
	for _, m := range list {
		if id := m.Header("Call-ID"); !seen[id] {
			seen[id] = true
			out = append(out, m)
		}
	}
	return out
}

func (w *World) firstRegisters(n int) error {
	if list := firstRegisters(w.registers("")); len(list) != n {
		return fmt.Errorf("%d accounts sent a REGISTER", len(list))
	}
	return nil
}

// poolTook goes by the clock of b2bua, from the first account that was added to the last outcome: what a loaded machine delays makes it
// longer, never shorter. When the packets arrived would tell how late the first one was, too.
func (w *World) poolTook(n int, text string) error {
	least, err := time.ParseDuration(text)
	if err != nil {
		return err
	}
	ctx, cancel := w.wait()
	defer cancel()
	told := regexp.MustCompile(fmt.Sprintf(`account pool \S+: accounts registered: %d of %d, after (\S+)$`, n, n))
	line, err := w.process.AwaitLine(ctx, told)
	if err != nil {
		return err
	}
	took, err := time.ParseDuration(told.FindStringSubmatch(line.Text)[1])
	if err != nil {
		return err
	}
	if took < least {
		return fmt.Errorf("they were registered within %v", took)
	}
	return nil
}

// callIDLine is in a message that b2bua logs on one line.
var callIDLine = regexp.MustCompile(`Call-ID: [\w.@-]+`)

// refreshedTogether: those who lost their connection ask again without waiting for one another, hence before anybody is answered. The
// loop of b2bua says in which order it sent and received.
func (w *World) refreshedTogether(n int) error {
	return w.until("no answer came after the loss", func() (bool, error) {
		asked, lost := map[string]bool{}, false
		for _, line := range w.process.Lines() {
			switch {
			case strings.Contains(line.Text, fmt.Sprintf("was lost; accounts that register again: %d", n)):
				lost = true
			case lost && strings.Contains(line.Text, "SIP sent to") && strings.Contains(line.Text, ": REGISTER "):
				asked[callIDLine.FindString(line.Text)] = true
			case lost && strings.Contains(line.Text, "SIP received from") && strings.Contains(line.Text, ": SIP/2.0 "):
				if len(asked) != n {
					return false, fmt.Errorf("%d accounts had asked when the first answer came", len(asked))
				}
				return true, nil
			}
		}
		return false, nil
	})
}

func (w *World) sameContacts() error {
	first, last := map[string]string{}, map[string]string{}
	for _, m := range w.registers("") {
		contact, _, _ := strings.Cut(m.Header("Contact"), ">")
		id := m.Header("To")
		if m.Header("Expires") == "0" {
			last[id] = contact
		} else if first[id] == "" {
			first[id] = contact
		}
	}
	if len(first) == 0 || len(first) != len(last) {
		return fmt.Errorf("%d accounts registered, %d un-registered", len(first), len(last))
	}
	for id, contact := range first {
		if last[id] != contact {
			return fmt.Errorf("%s registered %s and un-registered %s", id, contact, last[id])
		}
	}
	return nil
}

// invitedFromPortOf compares with the Contact that the account registered.
func (w *World) invitedFromPortOf(callee, account string) error {
	call, phone, err := w.callAndPhone(callee)
	if err != nil {
		return err
	}
	invites := phone.All(func(m *wire.Received) bool { return m.Method() == "INVITE" && m.Get("Call-ID") == call.ID })
	list := w.registers(account)
	if len(list) == 0 {
		return fmt.Errorf("%s sent no REGISTER", account)
	}
	port := list[len(list)-1].From.Port()
	if got := invites[0].From.Port(); got != port {
		return fmt.Errorf("it came from port %d, the REGISTER from %d", got, port)
	}
	if contact := call.Invite.Get("Contact"); !strings.Contains(contact, account+"@") || !strings.Contains(contact, ":"+strconv.Itoa(int(port))) {
		return fmt.Errorf("its Contact is %s", contact)
	}
	return nil
}

// whole is a providers file that has all members that must be there.
const whole = `{"schemaVersion": 2,
 "providers": [
  {"name": "one", "accountPool": "pool", "triggerCondition": {"strategy": "MatchRegex", "source": "", "pattern": "sip:.*"}, "onAccountNotFound": "decline",
   "accountToUse": {"strategy": "FindInPool", "by": "uri", "source": "{to}"}, "outgoingInvite": {"to": "{incoming.to}"}},
  {"name": "two", "accountPool": "pool", "triggerCondition": {"strategy": "Always"}, "onAccountNotFound": "decline",
   "accountToUse": {"strategy": "Random"}, "outgoingInvite": {"to": "{incoming.to}"}}],
 "accountPools": {"pool": {"registrationRequired": false, "maxCallsPerLine": 1, "loader": [{"uri": "sip:a@b.org"}]}}}`

// lacks takes a member out of it, "providers[0].outgoingInvite.to".
func (w *World) lacks(path string) error {
	var document any
	if err := json.Unmarshal([]byte(whole), &document); err != nil {
		return err
	}
	at, names := document, strings.FieldsFunc(path, func(r rune) bool { return r == '.' || r == '[' || r == ']' })
	for i, name := range names {
		switch parent := at.(type) {
		case []any:
			n, err := strconv.Atoi(name)
			if err != nil || n >= len(parent) {
				return fmt.Errorf("%s: no element %s", path, name)
			}
			at = parent[n]
		case map[string]any:
			if parent[name] == nil {
				return fmt.Errorf("%s: no member %s", path, name)
			}
			if at = parent[name]; i == len(names)-1 {
				delete(parent, name)
			}
		}
	}
	text, err := json.MarshalIndent(document, "", " ")
	if err != nil {
		return err
	}
	if err := os.WriteFile(filepath.Join(w.dir, "providers.json"), text, 0o600); err != nil {
		return err
	}
	if err := w.run("--check", "-c", filepath.Join(w.dir, "b2bua.conf")); err != nil {
		return err
	}
	return errors.Join(w.exits(255), w.prints(path+": key '"+names[len(names)-1]+"' not found"), w.prints("it cannot be used"))
}

func (w *World) printedTheSame(name string) error {
	text, err := os.ReadFile(filepath.Join(w.dir, name))
	if err == nil && (len(text) == 0 || string(text) != w.ran.Stdout) {
		err = fmt.Errorf("it printed\n%s\nand not\n%s", w.ran.Stdout, text)
	}
	return err
}
