package steps

import (
	"fmt"
	"strings"

	"github.com/cucumber/godog"

	"b2bua/steps/wire"
)

// signallingSteps: giving up, releasing, requests outside a call, phones with bad manners.
func (w *World) signallingSteps(sc *godog.ScenarioContext) {
	sc.Step(`^(\w+) gives up$`, func(name string) error { return w.givesUp(name, "") })
	sc.Step(`^(\w+) gives up with the reason '([^']*)'$`, w.givesUp)
	sc.Step(`^(\w+)'s call ends with 487$`, w.endsWith487)
	sc.Step(`^(\w+)'s call is cancelled$`, func(name string) error { return w.isCancelled(name, "(any)") })
	sc.Step(`^(\w+)'s call is cancelled without a reason$`, func(name string) error { return w.isCancelled(name, "(absent)") })
	sc.Step(`^(\w+)'s call is cancelled with the reason '([^']*)'$`, w.isCancelled)
	sc.Step(`^(\w+)'s call is not cancelled$`, w.isNotCancelled)
	sc.Step(`^(\w+) hangs up$`, func(name string) error { return w.hangsUp(name, "") })
	sc.Step(`^(\w+) hangs up with the reason '([^']*)'$`, w.hangsUp)
	sc.Step(`^(\w+)'s call is released$`, func(name string) error { return w.isReleased(name, "(any)") })
	sc.Step(`^(\w+)'s call is released without a reason$`, func(name string) error { return w.isReleased(name, "(absent)") })
	sc.Step(`^(\w+)'s call is released with the reason '([^']*)'$`, w.isReleased)
	sc.Step(`^(\w+) sends nothing by itself$`, func(name string) error {
		return w.behave(name, func(m *wire.Manners) { m.Trying, m.Cancel = false, false })
	})
	sc.Step(`^(\w+) does not answer a BYE$`, func(name string) error {
		return w.behave(name, func(m *wire.Manners) { m.Bye = false })
	})
	sc.Step(`^(\w+) never acknowledges an answer$`, func(name string) error {
		return w.behave(name, func(m *wire.Manners) { m.Ack = false })
	})
	sc.Step(`^(\w+) redirects every call to "([^"]*)"$`, func(name, contact string) error {
		return w.behave(name, func(m *wire.Manners) { m.Redirect = "<" + contact + ">" })
	})
	sc.Step(`^(\w+) loses the network$`, w.losesNetwork)
	sc.Step(`^(\w+) is the same call as (\w+), forked, to ([^ ]+)$`, w.forks)
	sc.Step(`^(\w+) sends (\w+) outside a call$`, func(name, method string) error { return w.sendsOutside(name, method, nil) })
	sc.Step(`^(\w+) sends (\w+) outside a call with$`, w.sendsOutside)
	sc.Step(`^(\w+) sends the octets$`, w.sendsOctets)
	sc.Step(`^(\w+)'s request is answered (\d+)$`, func(name string, status int) error { return w.requestAnswered(name, status, nil) })
	sc.Step(`^(\w+)'s request is answered (\d+) and$`, w.requestAnswered)
}

func reasonHeader(reason string) []wire.Header {
	if reason == "" {
		return nil
	}
	return []wire.Header{{Name: "Reason", Value: reason}}
}

func (w *World) givesUp(name, reason string) error {
	call, err := w.call(name)
	if err != nil {
		return err
	}
	return call.Cancel(reasonHeader(reason)...)
}

// endsWith487: 200 to the CANCEL, 487 to the INVITE.
func (w *World) endsWith487(name string) error {
	call, phone, err := w.callAndPhone(name)
	if err != nil {
		return err
	}
	ctx, cancel := w.wait()
	defer cancel()
	m, err := phone.Await(ctx, "an answer to its CANCEL", func(m *wire.Received) bool {
		_, method := m.CSeq()
		return method == "CANCEL" && m.Status() >= 200 && m.Get("Call-ID") == call.ID
	})
	if err != nil {
		return w.explain(err)
	}
	if m.Status() != 200 {
		return fmt.Errorf("%s's CANCEL was answered %q", name, m.Start)
	}
	return w.fails(name, 487, "", nil)
}

func (w *World) isCancelled(name, reason string) error {
	call, err := w.call(name)
	if err != nil {
		return err
	}
	ctx, cancel := w.wait()
	defer cancel()
	m, err := call.AwaitRequest(ctx, "CANCEL")
	if err != nil {
		return w.explain(err)
	}
	return reasonFits(m, reason)
}

func reasonFits(m *wire.Received, reason string) error {
	if reason == "(any)" {
		return nil
	}
	if err := fits(m.Values("Reason"), reason); err != nil {
		return fmt.Errorf("the Reason of %s: %w", m.Summary(), err)
	}
	return nil
}

func (w *World) isNotCancelled(name string) error {
	call, phone, err := w.callAndPhone(name)
	if err != nil {
		return err
	}
	if got := phone.All(call.Is("CANCEL")); len(got) > 0 {
		return fmt.Errorf("%s got a CANCEL: %s", name, phone.Heard())
	}
	return nil
}

// hangsUp sends BYE and waits for its 200, which must not depend on the other leg.
func (w *World) hangsUp(name, reason string) error {
	call, err := w.call(name)
	if err != nil {
		return err
	}
	branch, err := call.Request("BYE", "", reasonHeader(reason)...)
	if err != nil {
		return err
	}
	ctx, cancel := w.wait()
	defer cancel()
	m, err := call.AwaitResponse(ctx, branch)
	if err != nil {
		return w.explain(err)
	}
	if m.Status() != 200 {
		return fmt.Errorf("%s's BYE was answered %q", name, m.Start)
	}
	return nil
}

func (w *World) isReleased(name, reason string) error {
	call, err := w.call(name)
	if err != nil {
		return err
	}
	ctx, cancel := w.wait()
	defer cancel()
	m, err := call.AwaitRequest(ctx, "BYE")
	if err != nil {
		return w.explain(err)
	}
	return reasonFits(m, reason)
}

func (w *World) behave(name string, change func(*wire.Manners)) error {
	phone, err := w.phone(name)
	if err != nil {
		return err
	}
	phone.Behave(change)
	return nil
}

func (w *World) losesNetwork(name string) error {
	phone, err := w.phone(name)
	if err != nil {
		return err
	}
	phone.Close()
	return nil
}

// forks sends a second INVITE with the Call-ID and From tag of another one, as a forking proxy does (spec 2.13).
func (w *World) forks(fork, original, target string) error {
	call, err := w.call(original)
	if err != nil {
		return err
	}
	phone, err := w.phone(original)
	if err != nil {
		return err
	}
	w.phones[fork] = phone
	body, err := w.describe(phone, "audio")
	if err != nil {
		return err
	}
	from, _, _ := strings.Cut(call.Invite.Get("From"), ";tag=")
	second, err := phone.Call(w.b2bua, wire.Setup{
		RequestURI: target, To: "<" + target + ">", From: from, CallID: call.ID,
		FromTag: wire.Parameter(call.Invite.Get("From"), "tag"), Body: body,
	})
	w.calls[fork] = second
	return err
}

func (w *World) sendsOutside(name, method string, table *godog.Table) error {
	phone, err := w.literalPhone(name, "udp")
	if err != nil {
		return err
	}
	m := &wire.Message{Start: fmt.Sprintf("%s sip:nobody@%s SIP/2.0", method, domain)}
	branch := "z9hG4bK" + wire.Token()
	m.Add("Via", fmt.Sprintf("SIP/2.0/%s %s;rport;branch=%s", strings.ToUpper(phone.Network), phone.Addr(), branch))
	m.Add("Max-Forwards", "70")
	m.Add("From", fmt.Sprintf("<sip:%s@%s>;tag=%s", name, domain, wire.Token()))
	m.Add("To", fmt.Sprintf("<sip:nobody@%s>", domain))
	m.Add("Call-ID", wire.Token())
	m.Add("CSeq", "1 "+method)
	m.Add("Contact", phone.Contact())
	if table != nil {
		rows, err := w.rows(table, columns{required: []string{"header", "value"}})
		if err != nil {
			return err
		}
		for _, r := range rows {
			if r.text("header") == "Request-URI" {
				m.Start = fmt.Sprintf("%s %s SIP/2.0", method, r.text("value"))
			} else {
				m.Set(r.text("header"), r.text("value"))
			}
		}
	}
	w.pending[name] = branch
	return phone.Send(w.b2bua, m.Bytes())
}

// sendsOctets sends a doc string as it is, lines ended with CRLF. A header of a SIP message needs its empty line written.
func (w *World) sendsOctets(name string, text *godog.DocString) error {
	phone, err := w.literalPhone(name, "udp")
	if err != nil {
		return err
	}
	raw, err := w.expand(text.Content)
	if err != nil {
		return err
	}
	raw = strings.ReplaceAll(raw, "\n", "\r\n")
	if !strings.Contains(raw, "\r\n\r\n") {
		raw = strings.TrimRight(raw, "\r\n") + "\r\n\r\n"
	}
	if _, rest, ok := strings.Cut(raw, "branch="); ok {
		branch, _, _ := strings.Cut(rest, "\r\n")
		w.pending[name], _, _ = strings.Cut(branch, ";")
	}
	return phone.Send(w.b2bua, []byte(raw))
}

func (w *World) requestAnswered(name string, status int, table *godog.Table) error {
	phone, err := w.phone(name)
	if err != nil {
		return err
	}
	ctx, cancel := w.wait()
	defer cancel()
	m, err := phone.Await(ctx, "an answer to its request", func(m *wire.Received) bool {
		return m.Status() >= 200 && wire.Parameter(m.Get("Via"), "branch") == w.pending[name]
	})
	if err != nil {
		return w.explain(err)
	}
	if m.Status() != status {
		return fmt.Errorf("%s's request was answered %q instead of %d", name, m.Start, status)
	}
	if table == nil {
		return nil
	}
	return w.hasHeaders(m.Message, table)
}
