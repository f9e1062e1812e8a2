package steps

import (
	"fmt"
	"regexp"
	"slices"
	"strings"

	"github.com/cucumber/godog"

	"b2bua/steps/wire"
)

// domain is where everybody lives in the scenarios.
const domain = "sip.example.org"

// inviteSteps: placing a call from a literal phone, and what the INVITE of leg B looks like.
func (w *World) inviteSteps(sc *godog.ScenarioContext) {
	sc.Step(`^(\w+) invites (\w+)$`, w.invites)
	sc.Step(`^(\w+) invites (\w+) with$`, w.invitesWith)
	sc.Step(`^(\w+) is invited$`, w.isInvited)
	sc.Step(`^(\w+) was invited (\d+) times? in all$`, w.wasInvited)
	sc.Step(`^the INVITE to (\w+) has$`, w.theInviteHas)
	sc.Step(`^the INVITE to (\w+) has a Call-ID of its own$`, w.ownCallID)
	sc.Step(`^the Call-IDs of all of (\w+)'s calls differ$`, w.callIDsOf)
	sc.Step(`^the offer to (\w+) is$`, w.theOfferIs)
	sc.Step(`^the offer to (\w+) contains neither "([^"]*)" nor "([^"]*)"$`, w.theOfferContainsNeither)
}

func (w *World) invites(caller, callee string) error {
	return w.place(caller, callee, []wire.Header{})
}

func (w *World) invitesWith(caller, callee string, table *godog.Table) error {
	rows, err := w.rows(table, columns{required: []string{"header", "value"}})
	if err != nil {
		return err
	}
	headers := make([]wire.Header, 0, len(rows))
	for _, r := range rows {
		headers = append(headers, wire.Header{Name: r.text("header"), Value: r.text("value")})
	}
	return w.place(caller, callee, headers)
}

// place sends an INVITE. Request-URI, To, From, Call-ID, From-tag and offer are taken out of the headers; the rest is added as it is.
func (w *World) place(caller, callee string, headers []wire.Header) error {
	phone, err := w.literalPhone(caller, "udp")
	if err != nil {
		return err
	}
	setup := wire.Setup{
		RequestURI: fmt.Sprintf("sip:%s@%s", callee, domain),
		To:         fmt.Sprintf("<sip:%s@%s>", callee, domain),
		From:       fmt.Sprintf("<sip:%s@%s>", caller, domain),
	}
	offer := "audio"
	for _, h := range headers {
		switch h.Name {
		case "Request-URI":
			setup.RequestURI = h.Value
		case "To":
			setup.To = h.Value
		case "From":
			setup.From = h.Value
		case "From-tag":
			setup.FromTag = h.Value
		case "Call-ID":
			setup.CallID = h.Value
		case "offer":
			offer = h.Value
		default:
			setup.Headers = append(setup.Headers, h)
		}
	}
	if setup.Body, err = w.describe(phone, offer); err != nil {
		return err
	}
	call, err := phone.Call(w.b2bua, setup)
	w.calls[caller] = call
	return err
}

// describe writes the session description that a few words stand for: `audio`, `audio, video`, `audio sdes SUITE SUITE`, `audio
// sendonly, video off`, `none`, or a literal description that begins with v=.
func (w *World) describe(phone *wire.Phone, words string) (string, error) {
	if words == "none" {
		return "", nil
	}
	if text, ok := strings.CutPrefix(words, "literally "); ok {
		return strings.ReplaceAll(text, `\n`, "\r\n"), nil
	}
	var sections []wire.Section
	for _, part := range strings.Split(words, ",") {
		fields := strings.Fields(part)
		if len(fields) == 0 {
			return "", fmt.Errorf("offer %q has an empty part", words)
		}
		var s wire.Section
		switch fields[0] {
		case "audio":
			s = wire.Audio()
		case "video":
			s = wire.Video()
		case "application":
			s = wire.Application()
		default:
			return "", fmt.Errorf("offer %q: a part is audio, video or application, followed by nothing or by `sdes SUITE …`", words)
		}
		switch {
		case len(fields) == 1:
		case fields[1] == "off":
			s.Port = 0
		case fields[1] == "sdes" && len(fields) > 2:
			s = s.WithSDES(fields[2:]...)
		case fields[1] == "avpf":
			s.Profile = "RTP/AVPF"
		case slices.Contains(wire.Directions, fields[1]):
			s.Attributes = append(s.Attributes, fields[1])
		case fields[1] == "codecs":
			s = s.WithCodecs(fields[2:]...)
		default:
			return "", fmt.Errorf("offer %q: nothing known about %q", words, fields[1])
		}
		if line, ok := w.lines[phone.Name]; ok && s.Kind == "audio" && s.Port != 0 {
			s.Port = int(line.Addr().Port())
		}
		sections = append(sections, s)
	}
	return wire.Describe(phone.Addr().Addr(), 1, sections...), nil
}

func (w *World) isInvited(callee string) error {
	phone, err := w.phone(callee)
	if err != nil {
		return err
	}
	ctx, cancel := w.wait()
	defer cancel()
	call, err := phone.AwaitCall(ctx)
	if err != nil {
		return w.explain(err)
	}
	w.calls[callee] = call
	return nil
}

func (w *World) wasInvited(callee string, times int) error {
	phone, err := w.phone(callee)
	if err != nil {
		return err
	}
	got := len(slices.DeleteFunc(phone.Calls(), func(c *wire.Call) bool { return c.Outgoing }))
	if got != times {
		return fmt.Errorf("%s was invited %d times, not %d; it got: %s", callee, got, times, phone.Heard())
	}
	return nil
}

func (w *World) theInviteHas(callee string, table *godog.Table) error {
	call, err := w.call(callee)
	if err != nil {
		return err
	}
	return w.hasHeaders(call.Invite, table)
}

// hasHeaders compares header fields: a value literally, (absent), (present), or /a regular expression/.
func (w *World) hasHeaders(m *wire.Message, table *godog.Table) error {
	rows, err := w.rows(table, columns{required: []string{"header", "value"}})
	if err != nil {
		return err
	}
	for _, r := range rows {
		name, want := r.text("header"), r.text("value")
		var got []string
		if name == "Request-URI" {
			got = []string{m.RequestURI()}
		} else {
			got = m.Values(name)
		}
		if err := fits(got, want); err != nil {
			return fmt.Errorf("%s of %s: %w", name, m.Summary(), err)
		}
	}
	return nil
}

func fits(got []string, want string) error {
	switch {
	case want == "(absent)":
		if len(got) > 0 {
			return fmt.Errorf("is %q and should not be there", got)
		}
	case len(got) != 1:
		return fmt.Errorf("is there %d times: %q", len(got), got)
	case want == "(present)":
	case len(want) > 2 && want[0] == '/' && want[len(want)-1] == '/':
		re, err := regexp.Compile("^(?:" + want[1:len(want)-1] + ")$")
		if err != nil {
			return err
		}
		if !re.MatchString(got[0]) {
			return fmt.Errorf("is %q and does not match %s", got[0], want)
		}
	case got[0] != want:
		return fmt.Errorf("is %q instead of %q", got[0], want)
	}
	return nil
}

func (w *World) ownCallID(callee string) error {
	call, err := w.call(callee)
	if err != nil {
		return err
	}
	for name, other := range w.calls {
		if other != call && other.ID == call.ID {
			return fmt.Errorf("the Call-ID of %s's INVITE is %q, and so is that of %s", callee, call.ID, name)
		}
	}
	return nil
}

func (w *World) callIDsOf(name string) error {
	phone, err := w.phone(name)
	if err != nil {
		return err
	}
	seen := map[string]bool{}
	for _, call := range phone.Calls() {
		if seen[call.ID] {
			return fmt.Errorf("two calls of %s have the Call-ID %q", name, call.ID)
		}
		seen[call.ID] = true
	}
	return nil
}

func (w *World) theOfferIs(callee string, table *godog.Table) error {
	call, err := w.call(callee)
	if err != nil {
		return err
	}
	return w.describes(call.Invite.Body, table)
}

// describes compares a session description line by line; cells that are empty are not compared.
func (w *World) describes(body string, table *godog.Table) error {
	rows, err := w.rows(table, columns{
		required: []string{"stream"}, optional: []string{"encryption", "suites", "profile", "codecs", "enabled", "direction", "rtcp-mux"},
	})
	if err != nil {
		return err
	}
	sections, err := wire.Sections(body)
	if err != nil {
		return err
	}
	if len(sections) != len(rows) {
		return fmt.Errorf("the description has %d streams instead of %d:\n%s", len(sections), len(rows), body)
	}
	for i, r := range rows {
		if err := fitsSection(sections[i], r); err != nil {
			return fmt.Errorf("stream %d: %w, in\n%s", i+1, err, body)
		}
	}
	return nil
}

func fitsSection(s wire.Section, r row) error {
	if s.Kind != r.text("stream") {
		return fmt.Errorf("is %s instead of %s", s.Kind, r.text("stream"))
	}
	enabled := "yes"
	if s.Port == 0 {
		enabled = "no"
	}
	for _, check := range []struct{ column, got string }{
		{"encryption", s.Encryption()},
		{"suites", strings.Join(s.Suites(), ", ")},
		{"profile", s.Profile},
		{"codecs", strings.Join(s.Codecs(), ", ")},
		{"enabled", enabled},
		{"direction", s.Direction()},
		{"rtcp-mux", map[bool]string{true: "yes", false: "no"}[slices.Contains(s.Attributes, "rtcp-mux")]},
	} {
		want := strings.Join(r.list(check.column), ", ")
		if r.has(check.column) && want != "" && want != check.got {
			return fmt.Errorf("%s is %q instead of %q", check.column, check.got, want)
		}
	}
	return nil
}

func (w *World) theOfferContainsNeither(callee, one, other string) error {
	call, err := w.call(callee)
	if err != nil {
		return err
	}
	for _, text := range []string{one, other} {
		if text, err = w.expand(text); err != nil {
			return err
		}
		if strings.Contains(call.Invite.Body, text) {
			return fmt.Errorf("the offer contains %q:\n%s", text, call.Invite.Body)
		}
	}
	return nil
}

// phone is a literal phone that must be there already.
func (w *World) phone(name string) (*wire.Phone, error) {
	if phone, ok := w.phones[name]; ok {
		return phone, nil
	}
	return nil, fmt.Errorf("there is no phone %q in this scenario", name)
}

// call is the latest call of a literal phone.
func (w *World) call(name string) (*wire.Call, error) {
	if call, ok := w.calls[name]; ok {
		return call, nil
	}
	return nil, fmt.Errorf("%q has no call in this scenario", name)
}

// explain adds the product's last words to an error about something that did not happen.
func (w *World) explain(err error) error {
	if err == nil || w.process == nil {
		return err
	}
	return fmt.Errorf("%w\n  b2bua's last lines:\n%s", err, w.process.Tail(8))
}
