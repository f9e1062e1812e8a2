package steps

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"syscall"
	"time"

	"github.com/cucumber/godog"

	"b2bua/simulator/capture"
	"b2bua/steps/product"
)

// outside is a registrar that runs as a process of its own.
type outside struct {
	arguments []string
	dir       string
	process   *product.Process
}

// faultSteps: registrars that are killed, that refuse for ever, and how often they are asked.
func (w *World) faultSteps(sc *godog.ScenarioContext) {
	sc.Step(`^the registrar of (\w+) is a process of its own, over (udp|tcp)$`, func(name, network string) error {
		return w.registrarProcess(name, network, "1s")
	})
	sc.Step(`^the registrar of (\w+) is a process of its own, over (udp|tcp), where bindings last (\S+)$`, w.registrarProcess)
	sc.Step(`^the registrar of (\w+) is killed$`, w.registrarKilled)
	sc.Step(`^the registrar of (\w+) is started again$`, w.registrarStarted)
	sc.Step(`^the registrar was asked by (\S+) (\d+) times$`, w.askedTimes)
	sc.Step(`^the registrar was asked by (\S+) again, (\S+) after its answer at the soonest$`, w.askedAgainAfter)
	sc.Step(`^the REGISTER of (\S+) had$`, w.registerHad)
	sc.Step(`^the registrar had to un-register (\d+) accounts$`, w.unregistered)
}

// registrarProcess starts one of the domain name.example.org, {{name}} in texts.
func (w *World) registrarProcess(name, network, expires string) error {
	addr, err := w.net.Next()
	if err != nil {
		return err
	}
	dir := filepath.Join(w.dir, name)
	if err := os.Mkdir(dir, 0o700); err != nil {
		return err
	}
	at := addr.String() + ":5060"
	w.named[name] = "sip:" + at + ";transport=" + network
	w.outside[name] = &outside{dir: dir, arguments: []string{
		"proxy", "--listen", network + ":" + at, "--domain", name + ".example.org", "--auth-domain", name + ".example.org", "--max-expires", expires,
	}}
	return w.registrarStarted(name)
}

func (w *World) registrarStarted(name string) error {
	o, ok := w.outside[name]
	if !ok {
		return fmt.Errorf("the registrar of %s is no process", name)
	}
	ctx, cancel := w.wait()
	defer cancel()
	binary, err := w.suite.simulator.Binary(ctx)
	if err != nil {
		return err
	}
	if o.process, err = binary.Start(o.dir, []string{"SIPSIM_ALL_PASSWORD=secret"}, o.arguments...); err != nil {
		return err
	}
	process := o.process
	w.closers = append(w.closers, func() { process.Stop() })
	_, err = process.AwaitLine(ctx, regexp.MustCompile("listens at"))
	return err
}

func (w *World) registrarKilled(name string) error {
	o, ok := w.outside[name]
	if !ok {
		return fmt.Errorf("the registrar of %s is no process", name)
	}
	if err := o.process.Signal(syscall.SIGKILL); err != nil {
		return err
	}
	<-o.process.Exited()
	return nil
}

func (w *World) askedTimes(account string, n int) error {
	return w.until(fmt.Sprintf("%s did not ask %d times", account, n), func() (bool, error) { return len(w.registers(account)) >= n, nil })
}

// askedAgainAfter compares the time of the first failure with that of the next REGISTER: who is told to wait comes no sooner. The same
// REGISTER, repeated because the answer was late, is no next one.
func (w *World) askedAgainAfter(account, text string) error {
	least, err := time.ParseDuration(text)
	if err != nil {
		return err
	}
	var waited time.Duration
	err = w.until(account+" did not ask again", func() (bool, error) {
		var refused capture.Message
		for _, m := range w.registrar.Messages() {
			if !strings.HasSuffix(m.Header("CSeq"), " REGISTER") || !strings.Contains(m.Header("To"), account+"@") {
				continue
			}
			switch {
			case refused.Raw == nil:
				if m.Sent && m.Status() >= 402 {
					refused = m
				}
			case !m.Sent && cseq(m) > cseq(refused):
				waited = m.At.Sub(refused.At)
				return true, nil
			}
		}
		return false, nil
	})
	if err == nil && waited < least {
		err = fmt.Errorf("%s asked again after %v", account, waited)
	}
	return err
}

// registerHad looks at the latest REGISTER.
func (w *World) registerHad(account string, table *godog.Table) error {
	rows, err := w.rows(table, columns{required: []string{"header", "value"}})
	if err != nil {
		return err
	}
	var last capture.Message
	err = w.until(account+" sent no REGISTER", func() (bool, error) {
		list := w.registers(account)
		if len(list) > 0 {
			last = list[len(list)-1]
		}
		return len(list) > 0, nil
	})
	if err != nil {
		return err
	}
	for _, r := range rows {
		got := last.Headers(r.text("header"))
		if r.text("header") == "Request-URI" {
			got = []string{last.RequestURI()}
		}
		if err := fits(got, r.text("value")); err != nil {
			return fmt.Errorf("%s: %w", r.text("header"), err)
		}
	}
	return nil
}

// unregistered counts accounts whose REGISTER for no time at all was accepted.
func (w *World) unregistered(n int) error {
	accounts := map[string]bool{}
	for _, m := range w.registers("") {
		if m.Header("Expires") == "0" {
			accounts[m.Header("Call-ID")] = true
		}
	}
	if len(accounts) != n {
		return errors.New("un-registered: " + fmt.Sprint(len(accounts)))
	}
	return nil
}
