package steps

import (
	"fmt"
	"strings"

	"github.com/cucumber/godog"

	"b2bua/steps/wire"
)

// transferSteps: REFER inside calls, and what is told about it.
func (w *World) transferSteps(sc *godog.ScenarioContext) {
	sc.Step(`^(\w+) sends a REFER to "([^"]+)"$`, func(name, target string) error {
		return w.sendsRefer(name, wire.Header{Name: "Refer-To", Value: target})
	})
	sc.Step(`^(\w+) sends a REFER without a target$`, func(name string) error { return w.sendsRefer(name) })
	sc.Step(`^(\w+) gets a REFER with$`, w.getsRefer)
	sc.Step(`^(\w+) answers the REFER (\d+)$`, w.answersRefer)
	sc.Step(`^(\w+) notifies "([^"]+)", and the subscription (goes on|ends)$`, w.notifies)
	sc.Step(`^(\w+) is notified of "([^"]+)", and the subscription (goes on|ends)$`, w.isNotified)
}

func (w *World) sendsRefer(name string, headers ...wire.Header) error {
	call, err := w.call(name)
	if err != nil {
		return err
	}
	for i := range headers {
		if headers[i].Value, err = w.expand(headers[i].Value); err != nil {
			return err
		}
	}
	branch, err := call.Request("REFER", "", headers...)
	w.inside[name] = &inside{method: "REFER", branch: branch}
	return err
}

func (w *World) getsRefer(name string, table *godog.Table) error {
	rows, err := w.rows(table, columns{required: []string{"header", "value"}})
	if err != nil {
		return err
	}
	call, err := w.call(name)
	if err != nil {
		return err
	}
	ctx, cancel := w.wait()
	defer cancel()
	m, err := call.AwaitRequest(ctx, "REFER")
	if err != nil {
		return w.explain(err)
	}
	w.referred[name] = m
	for _, r := range rows {
		if err := fits(m.Values(r.text("header")), r.text("value")); err != nil {
			return fmt.Errorf("%s: %w", r.text("header"), err)
		}
	}
	return nil
}

func (w *World) answersRefer(name string, status int) error {
	call, err := w.call(name)
	if err != nil {
		return err
	}
	m, ok := w.referred[name]
	if !ok {
		return fmt.Errorf("%s got no REFER in this scenario", name)
	}
	return call.Reply(m, status, "Whatever", "")
}

// subscription is the header of a subscription that goes on or not.
func subscription(goes string) string {
	if goes == "ends" {
		return "terminated;reason=noresource"
	}
	return "active;expires=600"
}

func (w *World) notifies(name, line, goes string) error {
	call, err := w.call(name)
	if err != nil {
		return err
	}
	branch, err := call.Request("NOTIFY", line+"\r\n",
		wire.Header{Name: "Event", Value: "refer"}, wire.Header{Name: "Subscription-State", Value: subscription(goes)},
		wire.Header{Name: "Content-Type", Value: "message/sipfrag;version=2.0"})
	w.inside[name] = &inside{method: "NOTIFY", branch: branch}
	if err != nil {
		return err
	}
	return w.insideAnswered(name, 200, "")
}

func (w *World) isNotified(name, line, goes string) error {
	call, err := w.call(name)
	if err != nil {
		return err
	}
	ctx, cancel := w.wait()
	defer cancel()
	m, err := call.AwaitRequest(ctx, "NOTIFY")
	if err != nil {
		return w.explain(err)
	}
	for _, h := range [][2]string{{"Event", "refer"}, {"Content-Type", "message/sipfrag"}, {"Subscription-State", subscription(goes)}} {
		if err := fits(m.Values(h[0]), h[1]); err != nil {
			return fmt.Errorf("%s of the NOTIFY to %s: %w", h[0], name, err)
		}
	}
	if m.Body != line+"\r\n" {
		return fmt.Errorf("%s was notified of %q instead of %q", name, strings.TrimSpace(m.Body), line)
	}
	return call.Reply(m, 200, "OK", "")
}
