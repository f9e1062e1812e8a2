package steps

import (
	"errors"
	"fmt"
	"net/netip"
	"regexp"
	"strconv"

	"github.com/cucumber/godog"

	"b2bua/steps/wire"
)

// settingsSteps: what the configuration says, and starting with it.
func (w *World) settingsSteps(sc *godog.ScenarioContext) {
	sc.Step(`^the settings$`, w.theSettings)
	sc.Step(`^b2bua runs between (\w+) and (\w+)$`, w.runsBetween)
	sc.Step(`^b2bua runs between (\w+) and (\w+) over (udp|tcp)$`, w.runsBetweenOver)
	sc.Step(`^b2bua runs between (\w+) and (\w+) with$`, w.runsBetweenWith)
	sc.Step(`^b2bua runs between (\w+) and (\w+) on IPv6 over (udp|tcp)$`, w.runsOnIPv6)
	sc.Step(`^(\w+) also listens over tcp, as (\w+)$`, w.alsoListens)
	sc.Step(`^b2bua listens over (udp|tcp) and calls (\w+) over (udp|tcp)$`, w.listensOverCallsOver)
	sc.Step(`^b2bua runs with an outbound proxy where nobody listens, over (udp|tcp), for (\w+)$`, w.runsTowardsNobody)
	sc.Step(`^the error line /(.+)/ is expected$`, w.expectError)
	sc.Step(`^b2bua logs an? (message|warning|error) /(.+)/$`, w.logs)
	sc.Step(`^b2bua logs a (debug) line /(.+)/$`, w.logs)
	sc.Step(`^b2bua has closed the media ports of the call$`, w.awaitIdle)
}

func (w *World) theSettings(table *godog.Table) error {
	rows, err := w.rows(table, columns{required: []string{"setting", "value"}})
	if err != nil {
		return err
	}
	for _, r := range rows {
		if err := w.settings.set(r.text("setting"), r.text("value")); err != nil {
			return err
		}
	}
	return nil
}

func (w *World) runsBetween(caller, callee string) error {
	return w.runsBetweenOver(caller, callee, "udp")
}

func (w *World) runsBetweenOver(caller, callee, network string) error {
	if err := w.between(caller, callee, network); err != nil {
		return err
	}
	return w.start()
}

func (w *World) runsBetweenWith(caller, callee string, table *godog.Table) error {
	if err := w.between(caller, callee, "udp"); err != nil {
		return err
	}
	if err := w.theSettings(table); err != nil {
		return err
	}
	return w.start()
}

// between puts two literal phones around b2bua: whatever goes out goes to the callee, who is the outbound proxy at once.
func (w *World) between(caller, callee, network string) error {
	if _, err := w.literalPhone(caller, network); err != nil {
		return err
	}
	phone, err := w.literalPhone(callee, network)
	if err != nil {
		return err
	}
	return errors.Join(
		w.settings.set("b2bua-server/transport", fmt.Sprintf("sip:%s;transport=%s", w.b2bua, network)),
		w.settings.set("b2bua-server/outbound-proxy", fmt.Sprintf("sip:%s;transport=%s", phone.Addr(), network)),
	)
}

// listensOverCallsOver: the caller's transport is that of the listener, the callee's another one. The caller is alice.
func (w *World) listensOverCallsOver(listen, callee, network string) error {
	if _, err := w.literalPhone(callee, network); err != nil {
		return err
	}
	if err := w.between("alice", callee, listen); err != nil {
		return err
	}
	proxy := fmt.Sprintf("sip:%s;transport=%s", w.phones[callee].Addr(), network)
	if err := w.settings.set("b2bua-server/outbound-proxy", proxy); err != nil {
		return err
	}
	return w.start()
}

func (w *World) runsTowardsNobody(network, caller string) error {
	if _, err := w.literalPhone(caller, "udp"); err != nil {
		return err
	}
	nobody, err := w.net.Next()
	if err != nil {
		return err
	}
	err = errors.Join(
		w.settings.set("b2bua-server/transport", fmt.Sprintf("sip:%s;transport=udp", w.b2bua)),
		w.settings.set("b2bua-server/outbound-proxy", fmt.Sprintf("sip:%s:5060;transport=%s", nobody, network)),
	)
	if err != nil {
		return err
	}
	return w.start()
}

// runsOnIPv6 uses the one loopback address there is, b2bua with a port that belongs to this scenario.
func (w *World) runsOnIPv6(caller, callee, network string) error {
	port, err := strconv.ParseUint(w.port, 10, 16)
	if err != nil {
		return err
	}
	loopback := netip.IPv6Loopback()
	w.b2bua = netip.AddrPortFrom(loopback, uint16(port))
	for _, name := range []string{caller, callee} {
		if _, err := w.literalPhoneAt(name, name, network, netip.AddrPortFrom(loopback, 0)); err != nil {
			return err
		}
	}
	return w.runsBetweenOver(caller, callee, network)
}

// alsoListens opens the same address over TCP, under a name of its own so that a scenario can tell where a request came.
func (w *World) alsoListens(name, other string) error {
	phone, err := w.phone(name)
	if err != nil {
		return err
	}
	_, err = w.literalPhoneAt(other, name, "tcp", phone.Addr())
	return err
}

// literalPhone opens a phone of that name on an address of its own, or returns the one that is there.
func (w *World) literalPhone(name, network string) (*wire.Phone, error) {
	if phone, ok := w.phones[name]; ok {
		return phone, nil
	}
	addr, err := w.net.Next()
	if err != nil {
		return nil, err
	}
	return w.literalPhoneAt(name, name, network, netip.AddrPortFrom(addr, 5060))
}

func (w *World) literalPhoneAt(name, user, network string, at netip.AddrPort) (*wire.Phone, error) {
	phone, err := wire.NewPhone(name, user, network, at, w.tapOf(name))
	if err != nil {
		return nil, err
	}
	w.recorder.Name(phone.Addr(), name)
	w.phones[name] = phone
	w.closers = append(w.closers, phone.Close)
	return phone, nil
}

func (w *World) expectError(pattern string) error {
	re, err := regexp.Compile(pattern)
	if err != nil {
		return err
	}
	w.announced.Errors = append(w.announced.Errors, re)
	return nil
}

func (w *World) logs(level, pattern string) error {
	re, err := regexp.Compile(`flexisip-` + level + `- .*` + pattern)
	if err != nil {
		return err
	}
	if w.process == nil {
		return errors.New("b2bua was not started in this scenario")
	}
	if level == "error" {
		w.announced.Errors = append(w.announced.Errors, re)
	}
	ctx, cancel := w.wait()
	defer cancel()
	_, err = w.process.AwaitLine(ctx, re)
	return err
}
