package steps

import (
	"fmt"
	"regexp"
	"slices"
	"strings"

	"github.com/cucumber/godog"

	"b2bua/steps/product"
	"b2bua/steps/wire"
)

// dialogSteps: requests inside a call, several callees behind one INVITE, lost connections.
func (w *World) dialogSteps(sc *godog.ScenarioContext) {
	sc.Step(`^(\w+) sends a re-INVITE$`, func(name string) error { return w.sendsOffer(name, "INVITE", "audio") })
	sc.Step(`^(\w+) sends a re-INVITE with the offer (.+)$`, func(name, words string) error { return w.sendsOffer(name, "INVITE", words) })
	sc.Step(`^(\w+) sends a re-INVITE without an offer$`, func(name string) error { return w.sendsOffer(name, "INVITE", "none") })
	sc.Step(`^(\w+) sends an UPDATE$`, func(name string) error { return w.sendsOffer(name, "UPDATE", "none") })
	sc.Step(`^(\w+) sends an UPDATE with the offer (.+)$`, func(name, words string) error { return w.sendsOffer(name, "UPDATE", words) })
	sc.Step(`^(\w+) sends (OPTIONS|INFO|NOTIFY|PRACK|REFER|MESSAGE|FROBNICATE) inside the call$`, func(name, method string) error {
		return w.sendsOffer(name, method, "none")
	})
	sc.Step(`^(\w+)'s (?:re-INVITE|UPDATE|OPTIONS|INFO|NOTIFY|PRACK|REFER|MESSAGE|FROBNICATE) is answered (\d+)( with SDP| without SDP)?$`, w.insideAnswered)
	sc.Step(`^the answer to (\w+)'s request is$`, w.insideAnswerIs)
	sc.Step(`^(\w+) got no (re-INVITE|UPDATE|OPTIONS|INFO)$`, w.gotNo)
	sc.Step(`^b2bua's descriptions for (\w+) are versions of one session$`, w.versionsOfOneSession)
	sc.Step(`^b2bua's answer to (\w+) is newer than its first one$`, w.newerThanFirst)

	sc.Step(`^(\w+) gets a re-INVITE$`, w.getsReinvite)
	sc.Step(`^the offer in (\w+)'s re-INVITE is$`, w.reinviteOffers)
	sc.Step(`^(\w+) answers the re-INVITE (\d+)$`, func(name string, status int) error { return w.answersReinvite(name, status, "") })
	sc.Step(`^(\w+) answers the re-INVITE (200) (without video|sendrecv|sendonly|recvonly|inactive|in clear)$`, w.answersReinvite)
	sc.Step(`^(\w+) cancels the re-INVITE$`, w.cancelsReinvite)
	sc.Step(`^(\w+) got (\d+) re-INVITEs? in all$`, w.gotReinvites)

	sc.Step(`^(\w+) is a second callee behind the INVITE to (\w+)$`, w.secondCallee)
	sc.Step(`^(\w+) answers (\d+) with the codecs (.+)$`, w.answersWithCodecs)
	sc.Step(`^(\w+)'s call is also known as (\w+)$`, w.alsoKnownAs)
	sc.Step(`^(\w+)'s call is still up$`, w.isStillUp)
	sc.Step(`^(\w+)'s INVITE is repeated (\d+) times$`, w.repeatsInvite)
	sc.Step(`^(\w+) moves to another media port$`, w.movesMedia)
	sc.Step(`^(\w+) gives up too late$`, w.givesUpTooLate)
	sc.Step(`^(\w+)'s connection breaks$`, w.connectionBreaks)
	sc.Step(`^b2bua has no connection to (\w+) any more$`, w.noConnection)
	sc.Step(`^(\w+)'s media port receives (\d+) more packets$`, w.portReceivesMore)
}

// inside is a request inside a call that waits for its answer.
type inside struct {
	method, branch string
	offer          bool   // it carried a description
	body           string // of the answer
}

func (w *World) sendsOffer(name, method, words string) error {
	call, phone, err := w.callAndPhone(name)
	if err != nil {
		return err
	}
	if words, err = w.expand(words); err != nil {
		return err
	}
	body, err := w.describe(phone, words)
	if err != nil {
		return err
	}
	body = w.newer(name, body)
	branch, err := call.Request(method, body)
	w.inside[name] = &inside{method: method, branch: branch, offer: body != ""}
	return err
}

// insideAnswered waits for the final answer; that to a re-INVITE is acknowledged, with an answer if it brought the offer.
func (w *World) insideAnswered(name string, status int, sdp string) error {
	call, phone, err := w.callAndPhone(name)
	if err != nil {
		return err
	}
	request, ok := w.inside[name]
	if !ok {
		return fmt.Errorf("%s has sent no request inside a call", name)
	}
	ctx, cancel := w.wait()
	defer cancel()
	m, err := call.AwaitResponse(ctx, request.branch)
	if err != nil {
		return w.explain(err)
	}
	request.body = m.Body
	if request.method == "INVITE" {
		answer := ""
		if !request.offer && m.Status() < 300 {
			if answer, err = wire.AnswerTo(m.Body, phone.Addr().Addr()); err != nil {
				return err
			}
			answer = w.newer(name, w.withLine(name, answered(answer, w.manners[name])))
		}
		if err := call.Acknowledge(m, answer); err != nil {
			return err
		}
	}
	switch {
	case m.Status() != status:
		return w.explain(fmt.Errorf("%s's %s was answered %q instead of %d", name, request.method, m.Start, status))
	case sdp == " with SDP" && m.Body == "":
		return fmt.Errorf("the %d that %s got has no session description", status, name)
	case sdp == " without SDP" && m.Body != "":
		return fmt.Errorf("the %d that %s got has a session description:\n%s", status, name, m.Body)
	}
	return nil
}

func (w *World) insideAnswerIs(name string, table *godog.Table) error {
	request, ok := w.inside[name]
	if !ok {
		return fmt.Errorf("%s has sent no request inside a call", name)
	}
	return w.describes(request.body, table)
}

// withLine puts the phone's media port, if it has one, into the first audio section of a description.
func (w *World) withLine(name, body string) string {
	if line, ok := w.lines[name]; ok {
		body = audioPort.ReplaceAllString(body, fmt.Sprintf("m=audio %d ", line.Addr().Port()))
	}
	return body
}

var audioPort = regexp.MustCompile(`m=audio [1-9]\d* `)

func (w *World) gotNo(name, method string) error {
	call, phone, err := w.callAndPhone(name)
	if err != nil {
		return err
	}
	method = strings.TrimPrefix(method, "re-")
	for _, m := range phone.All(call.Is(method)) {
		if wire.Parameter(m.Get("To"), "tag") != "" {
			return fmt.Errorf("%s got a %s inside the call; it got: %s", name, method, phone.Heard())
		}
	}
	return nil
}

// descriptions are b2bua's for one call, in the order in which they came.
func (w *World) descriptions(name string) ([]string, error) {
	call, phone, err := w.callAndPhone(name)
	if err != nil {
		return nil, err
	}
	var bodies []string
	for _, m := range phone.All(func(m *wire.Received) bool { return m.Body != "" && m.Get("Call-ID") == call.ID }) {
		bodies = append(bodies, m.Body)
	}
	if len(bodies) < 2 {
		return nil, fmt.Errorf("%s got %d session descriptions in this call: nothing to compare", name, len(bodies))
	}
	return bodies, nil
}

// versionsOfOneSession is RFC 3264 section 8: the id stays, and a description that differs has a version one higher.
func (w *World) versionsOfOneSession(name string) error {
	bodies, err := w.descriptions(name)
	if err != nil {
		return err
	}
	for i := 1; i < len(bodies); i++ {
		id, version, ok := wire.Origin(bodies[i-1])
		nextID, next, nextOK := wire.Origin(bodies[i])
		grown := uint64(0)
		if bodies[i] != bodies[i-1] {
			grown = 1
		}
		if !ok || !nextOK || id != nextID || next != version+grown {
			return fmt.Errorf("these follow each other:\n%s\n%s", bodies[i-1], bodies[i])
		}
	}
	return nil
}

func (w *World) newerThanFirst(name string) error {
	bodies, err := w.descriptions(name)
	if err != nil {
		return err
	}
	_, first, _ := wire.Origin(bodies[0])
	if _, last, ok := wire.Origin(bodies[len(bodies)-1]); !ok || last <= first {
		return fmt.Errorf("the version did not grow:\n%s\n%s", bodies[0], bodies[len(bodies)-1])
	}
	return nil
}

func (w *World) getsReinvite(name string) error {
	call, err := w.call(name)
	if err != nil {
		return err
	}
	ctx, cancel := w.wait()
	defer cancel()
	m, err := call.AwaitRequest(ctx, "INVITE")
	if err != nil {
		return w.explain(err)
	}
	w.offered[name] = m
	return nil
}

func (w *World) reinvite(name string) (*wire.Received, error) {
	if m, ok := w.offered[name]; ok {
		return m, nil
	}
	return nil, fmt.Errorf("%s got no re-INVITE in this scenario", name)
}

func (w *World) reinviteOffers(name string, table *godog.Table) error {
	m, err := w.reinvite(name)
	if err != nil {
		return err
	}
	return w.describes(m.Body, table)
}

func (w *World) answersReinvite(name string, status int, how string) error {
	m, err := w.reinvite(name)
	if err != nil {
		return err
	}
	call, phone, err := w.callAndPhone(name)
	if err != nil {
		return err
	}
	body := ""
	if status < 300 {
		if body, err = wire.AnswerTo(m.Body, phone.Addr().Addr()); err != nil {
			return err
		}
		body = w.newer(name, w.withLine(name, answered(body, how)))
	}
	if err := call.Reply(m, status, "As Told", body); err != nil {
		return err
	}
	number, _ := m.CSeq()
	ctx, cancel := w.wait()
	defer cancel()
	_, err = phone.Await(ctx, "the ACK for its answer", func(m *wire.Received) bool {
		acknowledged, _ := m.CSeq()
		return call.Is("ACK")(m) && acknowledged == number
	})
	return w.explain(err)
}

func (w *World) secondCallee(name, first string) error {
	call, phone, err := w.callAndPhone(first)
	if err != nil {
		return err
	}
	w.calls[name], w.phones[name] = call.Sibling(), phone
	return nil
}

func (w *World) answersWithCodecs(name string, status int, codecs string) error {
	phone, err := w.phone(name)
	if err != nil {
		return err
	}
	body, err := w.describe(phone, "audio codecs "+codecs)
	if err != nil {
		return err
	}
	return w.answers(name, status, "", w.withLine(name, body), nil)
}

func (w *World) alsoKnownAs(name, other string) error {
	call, phone, err := w.callAndPhone(name)
	if err != nil {
		return err
	}
	w.calls[other], w.phones[other] = call, phone
	return nil
}

func (w *World) isStillUp(name string) error {
	call, phone, err := w.callAndPhone(name)
	if err != nil {
		return err
	}
	if !call.Up() {
		return w.explain(fmt.Errorf("%s's call is not up; it got: %s", name, phone.Heard()))
	}
	return nil
}

func (w *World) connectionBreaks(name string) error {
	phone, err := w.phone(name)
	if err != nil {
		return err
	}
	phone.Hangup()
	return nil
}

// noConnection waits until b2bua has noticed: what is written to a connection in the moment of its end is lost.
func (w *World) noConnection(name string) error {
	phone, err := w.phone(name)
	if err != nil {
		return err
	}
	ctx, cancel := w.wait()
	defer cancel()
	return w.process.AwaitSockets(ctx, "rid of its connections to "+name, func(sockets []product.Socket) bool {
		return !slices.ContainsFunc(sockets, func(s product.Socket) bool {
			return s.Network == "tcp" && s.Remote.Addr() == phone.Addr().Addr()
		})
	})
}

func (w *World) portReceivesMore(name string, n int) error {
	line, err := w.line(name)
	if err != nil {
		return err
	}
	ctx, cancel := w.wait()
	defer cancel()
	return w.explain(line.AwaitMore(ctx, n))
}

// movesMedia closes the media port and opens another one, which sends nothing until it is told to.
func (w *World) movesMedia(name string) error {
	line, err := w.line(name)
	if err != nil {
		return err
	}
	line.Close()
	_, err = w.openLine(name, line.Addr().Addr())
	return err
}

// givesUpTooLate: the CANCEL of an INVITE that was answered has no effect, whatever its own answer (RFC 3261 section 9.2).
func (w *World) givesUpTooLate(name string) error {
	call, phone, err := w.callAndPhone(name)
	if err != nil {
		return err
	}
	if err := call.Cancel(); err != nil {
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
	if m.Status() != 200 && m.Status() != 481 {
		return fmt.Errorf("%s's late CANCEL was answered %q", name, m.Start)
	}
	return nil
}

// repeatsInvite is what a phone does over UDP while it hears nothing (RFC 3261 section 17.1.1.2).
func (w *World) repeatsInvite(name string, times int) error {
	call, phone, err := w.callAndPhone(name)
	if err != nil {
		return err
	}
	for range times {
		if err := phone.Send(w.b2bua, call.Invite.Bytes()); err != nil {
			return err
		}
	}
	return nil
}
