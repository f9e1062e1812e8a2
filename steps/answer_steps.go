package steps

import (
	"fmt"
	"slices"
	"strings"

	"github.com/cucumber/godog"

	"b2bua/steps/wire"
)

// answerSteps: what the called phone answers, and what the caller gets.
func (w *World) answerSteps(sc *godog.ScenarioContext) {
	sc.Step(`^(\w+) answers (\d+)$`, func(name string, status int) error { return w.answers(name, status, "", "", nil) })
	sc.Step(`^(\w+) answers (\d+) "([^"]*)"$`, func(name string, status int, reason string) error {
		return w.answers(name, status, reason, "", nil)
	})
	sc.Step(`^(\w+) answers (\d+) with SDP$`, w.answersWithSDP)
	sc.Step(`^(\w+) answers (\d+) with$`, w.answersWith)
	sc.Step(`^(\w+) accepts$`, func(name string) error { return w.answersWithSDP(name, 200) })
	sc.Step(`^(\w+) accepts without SDP$`, func(name string) error { return w.answers(name, 200, "OK", "", nil) })
	sc.Step(`^(\w+) accepts with the answer$`, w.acceptsWith)
	sc.Step(`^(\w+) accepts with the codecs (.+)$`, w.acceptsWithCodecs)
	sc.Step(`^(\w+) accepts audio only$`, w.acceptsAudioOnly)
	sc.Step(`^(\w+) gets (\d+)$`, func(name string, status int) error { return w.gets(name, status, "") })
	sc.Step(`^(\w+) gets (\d+) with SDP$`, func(name string, status int) error { return w.gets(name, status, "with") })
	sc.Step(`^(\w+) gets (\d+) without SDP$`, func(name string, status int) error { return w.gets(name, status, "without") })
	sc.Step(`^(\w+)'s call fails with (\d+)$`, func(name string, status int) error { return w.fails(name, status, "", nil) })
	sc.Step(`^(\w+)'s call fails with (\d+) "([^"]*)"$`, func(name string, status int, reason string) error {
		return w.fails(name, status, reason, nil)
	})
	sc.Step(`^(\w+)'s call fails with (\d+) and$`, func(name string, status int, table *godog.Table) error {
		return w.fails(name, status, "", table)
	})
	sc.Step(`^(\w+)'s answer is acknowledged$`, w.isAcknowledged)
	sc.Step(`^the call between (\w+) and (\w+) is up$`, w.callIsUp)
	sc.Step(`^the answers that (\w+) saw are (.+)$`, w.answersSeen)
	sc.Step(`^the answer to (\w+) is$`, w.theAnswerIs)
	sc.Step(`^the 200 to (\w+) has$`, w.theAnswerHas)
}

func (w *World) answers(name string, status int, reason, body string, headers []wire.Header) error {
	call, err := w.call(name)
	if err != nil {
		return err
	}
	if reason == "" {
		reason = "Some Reason"
	}
	if err := call.Answer(status, reason, body, headers...); err != nil {
		return err
	}
	if status < 300 {
		return nil
	}
	ctx, cancel := w.wait()
	defer cancel()
	_, err = call.AwaitRequest(ctx, "ACK")
	return w.explain(err)
}

func (w *World) answersWithSDP(name string, status int) error {
	call, phone, err := w.callAndPhone(name)
	if err != nil {
		return err
	}
	body, err := wire.AnswerTo(call.Invite.Body, phone.Addr().Addr())
	if err != nil {
		return err
	}
	if line, ok := w.lines[name]; ok {
		body = strings.Replace(body, " 41000 ", fmt.Sprintf(" %d ", line.Addr().Port()), 1)
	}
	return w.answers(name, status, "", body, nil)
}

func (w *World) callAndPhone(name string) (*wire.Call, *wire.Phone, error) {
	call, err := w.call(name)
	if err != nil {
		return nil, nil, err
	}
	phone, err := w.phone(name)
	return call, phone, err
}

func (w *World) answersWith(name string, status int, table *godog.Table) error {
	rows, err := w.rows(table, columns{required: []string{"header", "value"}})
	if err != nil {
		return err
	}
	var headers []wire.Header
	for _, r := range rows {
		headers = append(headers, wire.Header{Name: r.text("header"), Value: r.text("value")})
	}
	return w.answers(name, status, "", "", headers)
}

func (w *World) acceptsWith(name string, body *godog.DocString) error {
	text, err := w.expand(body.Content)
	if err != nil {
		return err
	}
	return w.answers(name, 200, "OK", strings.ReplaceAll(text, "\n", "\r\n")+"\r\n", nil)
}

func (w *World) acceptsWithCodecs(name, codecs string) error {
	phone, err := w.phone(name)
	if err != nil {
		return err
	}
	body, err := w.describe(phone, "audio codecs "+codecs)
	if err != nil {
		return err
	}
	return w.answers(name, 200, "OK", body, nil)
}

func (w *World) acceptsAudioOnly(name string) error {
	call, phone, err := w.callAndPhone(name)
	if err != nil {
		return err
	}
	sections, err := wire.Sections(call.Invite.Body)
	if err != nil {
		return err
	}
	for i := range sections {
		if sections[i].Kind != "audio" {
			sections[i].Port = 0
		} else {
			sections[i].Port = 41000
		}
		sections[i].Attributes = slices.DeleteFunc(sections[i].Attributes, func(a string) bool { return !strings.HasPrefix(a, "rtpmap:") })
	}
	return w.answers(name, 200, "OK", wire.Describe(phone.Addr().Addr(), 1, sections...), nil)
}

// gets waits for the next answer of that status that no step has looked at.
func (w *World) gets(name string, status int, sdp string) error {
	m, err := w.awaitAnswer(name, fmt.Sprint(status), func(m *wire.Received) bool { return m.Status() == status })
	if err != nil {
		return err
	}
	switch {
	case sdp == "with" && m.Body == "":
		return fmt.Errorf("the %d that %s got has no session description", status, name)
	case sdp == "without" && m.Body != "":
		return fmt.Errorf("the %d that %s got has a session description:\n%s", status, name, m.Body)
	}
	return nil
}

func (w *World) awaitAnswer(name, what string, match func(*wire.Received) bool) (*wire.Received, error) {
	call, err := w.call(name)
	if err != nil {
		return nil, err
	}
	ctx, cancel := w.wait()
	defer cancel()
	m, err := call.AwaitAnswer(ctx, what, match)
	return m, w.explain(err)
}

// fails waits for the final answer, whatever it is, and compares it.
func (w *World) fails(name string, status int, reason string, table *godog.Table) error {
	m, err := w.awaitAnswer(name, "a final answer", func(m *wire.Received) bool { return m.Status() >= 200 })
	if err != nil {
		return err
	}
	if m.Status() != status || reason != "" && m.Reason() != reason {
		return w.explain(fmt.Errorf("%s got %q instead of %d %s", name, strings.TrimPrefix(m.Start, "SIP/2.0 "), status, reason))
	}
	if table == nil {
		return nil
	}
	return w.hasHeaders(m.Message, table)
}

func (w *World) isAcknowledged(name string) error {
	call, err := w.call(name)
	if err != nil {
		return err
	}
	ctx, cancel := w.wait()
	defer cancel()
	_, err = call.AwaitRequest(ctx, "ACK")
	return w.explain(err)
}

// callIsUp: the caller has a 200 with SDP, the callee an ACK.
func (w *World) callIsUp(caller, callee string) error {
	m, err := w.awaitAnswer(caller, "a final answer", func(m *wire.Received) bool { return m.Status() >= 200 })
	if err != nil {
		return err
	}
	if m.Status() != 200 || m.Body == "" {
		return w.explain(fmt.Errorf("%s got %q with %d octets of SDP instead of 200 with SDP", caller, m.Start, len(m.Body)))
	}
	return w.isAcknowledged(callee)
}

// answersSeen compares all answers so far, `100, 180, 183 with SDP`; equal ones in a row count as one, since 180 may be repeated.
func (w *World) answersSeen(name, want string) error {
	call, phone, err := w.callAndPhone(name)
	if err != nil {
		return err
	}
	var seen []string
	for _, m := range phone.All(call.IsAnswer) {
		text := fmt.Sprint(m.Status())
		if m.Body != "" {
			text += " with SDP"
		}
		if len(seen) == 0 || seen[len(seen)-1] != text {
			seen = append(seen, text)
		}
	}
	if got := strings.Join(seen, ", "); got != want {
		return fmt.Errorf("%s saw %s instead of %s", name, got, want)
	}
	return nil
}

// success finds the 200 that a caller got.
func (w *World) success(name string) (*wire.Received, error) {
	call, phone, err := w.callAndPhone(name)
	if err != nil {
		return nil, err
	}
	ctx, cancel := w.wait()
	defer cancel()
	m, err := phone.Find(ctx, "a 200", func(m *wire.Received) bool { return call.IsAnswer(m) && m.Status() == 200 })
	return m, w.explain(err)
}

func (w *World) theAnswerIs(name string, table *godog.Table) error {
	m, err := w.success(name)
	if err != nil {
		return err
	}
	return w.describes(m.Body, table)
}

func (w *World) theAnswerHas(name string, table *godog.Table) error {
	m, err := w.success(name)
	if err != nil {
		return err
	}
	return w.hasHeaders(m.Message, table)
}
