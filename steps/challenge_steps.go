package steps

import (
	"fmt"
	"strings"

	"github.com/cucumber/godog"

	"b2bua/steps/wire"
)

// challengeSteps: requests inside a call that are answered with headers, as by a proxy that asks for a password.
func (w *World) challengeSteps(sc *godog.ScenarioContext) {
	sc.Step(`^(\w+) answers the (BYE|re-INVITE) with (\d+) and$`, w.answersInside)
	sc.Step(`^(\w+) gets the (BYE|re-INVITE) again, with$`, w.getsAgain)
}

// answersInside answers the latest request of that method that has come, or the next one.
func (w *World) answersInside(name, method string, status int, table *godog.Table) error {
	call, phone, err := w.callAndPhone(name)
	if err != nil {
		return err
	}
	rows, err := w.rows(table, columns{required: []string{"header", "value"}})
	if err != nil {
		return err
	}
	var headers []wire.Header
	for _, r := range rows {
		headers = append(headers, wire.Header{Name: r.text("header"), Value: r.text("value")})
	}
	ctx, cancel := w.wait()
	defer cancel()
	m, err := phone.Await(ctx, "a "+method+" inside its call", call.Is(strings.TrimPrefix(method, "re-")))
	if err != nil {
		return w.explain(err)
	}
	w.offered[name] = m
	if err := call.Reply(m, status, "As Told", "", headers...); err != nil {
		return err
	}
	if method == "BYE" {
		return nil
	}
	number, _ := m.CSeq()
	_, err = phone.Await(ctx, "the ACK for its answer", func(m *wire.Received) bool {
		acknowledged, _ := m.CSeq()
		return call.Is("ACK")(m) && acknowledged == number
	})
	return w.explain(err)
}

// getsAgain waits for a repetition with the next CSeq. A BYE is answered, a re-INVITE is a later step's.
func (w *World) getsAgain(name, method string, table *godog.Table) error {
	call, phone, err := w.callAndPhone(name)
	if err != nil {
		return err
	}
	before, err := w.reinvite(name)
	if err != nil {
		return err
	}
	first, _ := before.CSeq()
	ctx, cancel := w.wait()
	defer cancel()
	m, err := phone.Await(ctx, "the "+method+" again", func(m *wire.Received) bool {
		number, _ := m.CSeq()
		return call.Is(strings.TrimPrefix(method, "re-"))(m) && number > first
	})
	if err != nil {
		return w.explain(err)
	}
	w.offered[name] = m
	if number, _ := m.CSeq(); number != first+1 {
		return fmt.Errorf("its CSeq is %d after %d", number, first)
	}
	if method == "BYE" { // nothing is left to be said
		if err := call.Reply(m, 200, "OK", ""); err != nil {
			return err
		}
	}
	return w.hasHeaders(m.Message, table)
}
