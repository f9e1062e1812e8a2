package steps

import (
	"crypto/md5" //nolint:gosec // an algorithm of digest authentication
	"crypto/sha256"
	"errors"
	"fmt"
	"net/netip"
	"regexp"
	"slices"
	"strings"

	"github.com/cucumber/godog"

	"b2bua/steps/wire"
)

// lineSteps: calls by which a scenario sees what an account is, placed by alice and refused by whom they reach.
func (w *World) lineSteps(sc *godog.ScenarioContext) {
	sc.Step(`^the phones (\w+) and (\w+)$`, w.twoPhones)
	sc.Step(`^the phone (\w+) at (\S+)$`, w.phoneAt)
	sc.Step(`^a call from (sip:\S+) is of (sip:[^ ,]+)(?: by (\w+))?$`, w.isOf)
	sc.Step(`^a call from (sip:\S+) is of (sip:[^ ,]+)(?: by (\w+))?, who is "([^"]*)" in the realm "([^"]*)" with the password "([^"]*)"$`, w.isOfUser)
	sc.Step(`^a call from (sip:\S+) is of (sip:[^ ,]+), who has no password$`, w.isOfNobody)
	sc.Step(`^a call to (sip:\S+) is for (sip:[^ ,]+)(?: by (\w+))?$`, w.isFor)
	sc.Step(`^a call (from|to) (sip:\S+) finds no account$`, w.findsNoAccount)
}

func (w *World) twoPhones(one, other string) error {
	_, err := w.literalPhone(one, "udp")
	if err == nil {
		_, err = w.literalPhone(other, "udp")
	}
	return err
}

// phoneAt is one at a host name that b2bua is told.
func (w *World) phoneAt(name, host string) error {
	addr, err := w.net.Next()
	if err != nil {
		return err
	}
	w.hosts[host] = addr
	_, err = w.literalPhoneAt(name, name, "udp", netip.AddrPortFrom(addr, 5060))
	return err
}

// callFrom places a call of alice under another address.
func (w *World) callFrom(from, to string) error {
	return w.place("alice", "somebody", []wire.Header{
		{Name: "From", Value: "<" + from + ">"}, {Name: "To", Value: "<" + to + ">"}, {Name: "Request-URI", Value: to},
	})
}

// reaches places a call and waits until a phone is invited; "" is trunk. The INVITE must have the address in a header field.
func (w *World) reaches(phone, from, to, header, want string) (string, error) {
	if phone == "" {
		phone = "trunk"
	}
	if err := w.callFrom(from, to); err != nil {
		return phone, err
	}
	if err := w.isInvited(phone); err != nil {
		return phone, err
	}
	return phone, fits(w.calls[phone].Invite.Values(header), "/<"+regexp.QuoteMeta(want)+">(;.*)?/")
}

// refused ends the call that a step made.
func (w *World) refused(phone string) error {
	if err := w.answers(phone, 486, "Busy Here", "", nil); err != nil {
		return err
	}
	return w.fails("alice", 486, "", nil)
}

func (w *World) isOf(from, account, phone string) error {
	phone, err := w.reaches(phone, from, "sip:somebody@"+domain, "From", account)
	if err != nil {
		return err
	}
	return w.refused(phone)
}

func (w *World) isFor(account, alias, phone string) error {
	phone, err := w.reaches(phone, "sip:stranger@elsewhere.example.org", account, "To", alias)
	if err != nil {
		return err
	}
	return w.refused(phone)
}

// challenge answers 407 with both algorithms.
func (w *World) challenge(phone, realm string) error {
	var list []wire.Header
	for _, algorithm := range []string{"SHA-256", "MD5"} {
		list = append(list, wire.Header{Name: "Proxy-Authenticate", Value: fmt.Sprintf(`Digest realm=%q, nonce="abc", qop="auth", algorithm=%s`, realm, algorithm)})
	}
	return w.answers(phone, 407, "", "", list)
}

func (w *World) isOfUser(from, account, phone, user, realm, password string) error {
	phone, err := w.reaches(phone, from, "sip:somebody@"+domain, "From", account)
	if err != nil {
		return err
	}
	if err := w.challenge(phone, realm); err != nil {
		return err
	}
	if err := w.isInvited(phone); err != nil {
		return err
	}
	invite := w.calls[phone].Invite
	wrong := verify(invite.Values("Proxy-Authorization"), "INVITE", user, realm, password)
	return errors.Join(wrong, w.refused(phone))
}

// parameter is one of a digest answer.
var parameter = regexp.MustCompile(`(\w+)=("[^"]*"|[^", ]+)`)

// verify checks a digest answer (RFC 7616 section 3.4).
func verify(fields []string, method, user, realm, password string) error {
	if len(fields) != 1 {
		return fmt.Errorf("there are %d answers to the challenge", len(fields))
	}
	p := map[string]string{}
	for _, m := range parameter.FindAllStringSubmatch(fields[0], -1) {
		p[m[1]] = strings.Trim(m[2], `"`)
	}
	h := func(parts ...string) string {
		text := []byte(strings.Join(parts, ":"))
		if p["algorithm"] == "SHA-256" {
			return fmt.Sprintf("%x", sha256.Sum256(text))
		}
		return fmt.Sprintf("%x", md5.Sum(text)) //nolint:gosec // as above
	}
	if p["username"] != user || p["realm"] != realm {
		return fmt.Errorf("the answer to the challenge is of %q in the realm %q", p["username"], p["realm"])
	}
	if p["response"] != h(h(user, realm, password), p["nonce"], p["nc"], p["cnonce"], p["qop"], h(method, p["uri"])) {
		return fmt.Errorf("the answer to the challenge is made with another password: %s", fields[0])
	}
	return nil
}

// isOfNobody: the challenge cannot be answered.
func (w *World) isOfNobody(from, account string) error {
	phone, err := w.reaches("", from, "sip:somebody@"+domain, "From", account)
	if err != nil {
		return err
	}
	return errors.Join(w.challenge(phone, jabiru), w.fails("alice", 407, "", nil))
}

func (w *World) findsNoAccount(direction, uri string) error {
	from, to := uri, "sip:nobody@elsewhere.example.org"
	if direction == "to" {
		from, to = "sip:stranger@elsewhere.example.org", uri
	}
	if err := errors.Join(w.callFrom(from, to), w.fails("alice", 488, "", nil)); err != nil {
		return err
	}
	for name, phone := range w.phones {
		if slices.ContainsFunc(phone.Calls(), func(c *wire.Call) bool { return !c.Outgoing && !c.Over() }) {
			return fmt.Errorf("the call reached %s all the same", name)
		}
	}
	return nil
}
