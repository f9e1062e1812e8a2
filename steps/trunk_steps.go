package steps

import (
	"cmp"
	"crypto/tls"
	"errors"
	"fmt"
	"path/filepath"
	"regexp"
	"strings"

	"github.com/cucumber/godog"

	"b2bua/simulator/capture"
	"b2bua/simulator/endpoint"
	"b2bua/simulator/proxy"
)

// trunkSteps: proxies on both sides of a bridge, and phones at each.
func (w *World) trunkSteps(sc *godog.ScenarioContext) {
	sc.Step(`^the hosts? (\S+)$`, func(host string) error { return w.theHosts(host) })
	sc.Step(`^the hosts (\S+) and (\S+)$`, func(one, other string) error { return w.theHosts(one, other) })
	sc.Step(`^the proxy (\w+) with the file "([^"]+)"$`, w.proxyWithFile)
	sc.Step(`^the proxy (\w+) at (\S+) over tls, that serves (\S+) with the passwords$`, w.proxyOverTLS)
	sc.Step(`^the proxy (\w+) at (\S+) over tls, whose certificate has its name and whose Record-Route its address, that serves (\S+) with the passwords$`, w.proxyByAddress)
	sc.Step(`^the proxy (\w+) drops its connections$`, w.proxyDrops)
	sc.Step(`^the proxy (\w+) is strict, and its nonces are good once$`, w.isStrict)
	sc.Step(`^b2bua bridges by the file "([^"]+)"$`, func(file string) error { return w.bridgesByFile(file, "tcp") })
	sc.Step(`^b2bua bridges by the file "([^"]+)" over (tcp|udp)$`, w.bridgesByFile)
	sc.Step(`^the proxy (\w+) got (\d+) calls? of b2bua$`, w.gotCalls)
	sc.Step(`^the phones of the proxy (\w+)$`, w.phonesOf)
	sc.Step(`^(\S+) is available$`, func(account string) error { return w.statusBecomes(account, "OK") })
	sc.Step(`^(\w+) dials (sip:\S+)$`, w.dialsURI)
	sc.Step(`^(\w+)'s call came from '(.*)'$`, w.cameFrom)
	sc.Step(`^the INVITE that b2bua sent to (\w+) has$`, w.inviteTo)
	sc.Step(`^(\w+) goes on ringing$`, w.goesOnRinging)
	sc.Step(`^b2bua was not called by (\w+)$`, w.notCalledBy)
	sc.Step(`^the proxy (\w+) was asked to un-register (\d+) accounts$`, w.wasAskedToUnregister)
	sc.Step(`^the proxy (\w+) challenged a (\w+) of b2bua$`, w.challenged)
}

// theHosts gives each name an address, {{name}} in texts. b2bua and the proxies are told, nobody asks DNS.
func (w *World) theHosts(names ...string) error {
	for _, name := range names {
		addr, err := w.net.Next()
		if err != nil {
			return err
		}
		w.hosts[name], w.named[name] = addr, addr.String()
	}
	return w.certificate()
}

// proxyWithFile starts a proxy of the domain that a flexisip.conf says.
func (w *World) proxyWithFile(name, file string) error {
	cfg, _, err := proxy.ReadFlexisip(filepath.Join(w.dir, file), w.hosts)
	if err != nil {
		return err
	}
	return w.openProxy(name, cfg)
}

var passwordColumns = columns{required: []string{"user", "password"}}

// proxyOverTLS starts one that trusts nobody: requests from its domain need a password. Its phones may come by TCP.
func (w *World) proxyOverTLS(name, host, domain string, table *godog.Table) error {
	return w.trunk(name, host, domain, "good", table)
}

// proxyByAddress is one whose Record-Route no certificate fits.
func (w *World) proxyByAddress(name, host, domain string, table *godog.Table) error {
	return w.trunk(name, host, domain, "of its names only", table)
}

func (w *World) trunk(name, host, domain, kind string, table *godog.Table) error {
	rows, err := w.rows(table, passwordColumns)
	if err != nil {
		return err
	}
	addr, ok := w.hosts[host]
	if !ok {
		return fmt.Errorf("%s is no host of this scenario", host)
	}
	certificate, err := w.authority.issue(addr, kind, host)
	if err != nil {
		return err
	}
	cfg := proxy.Config{
		Listen: []string{fmt.Sprintf("tls:%s:5061", addr), fmt.Sprintf("tcp:%s:5060", addr)}, Domains: []string{domain}, AuthDomains: []string{domain},
		AddressInRoutes: kind != "good", Passwords: map[string]string{}, TLS: &tls.Config{Certificates: []tls.Certificate{certificate}, MinVersion: tls.VersionTLS12},
	}
	for _, r := range rows {
		cfg.Passwords[r.text("user")+"@"+domain] = r.text("password")
	}
	return w.openProxy(name, cfg)
}

// isStrict stands before the proxy: each request gets a challenge, those inside a call too.
func (w *World) isStrict(name string) { w.strict[name] = true }

func (w *World) openProxy(name string, cfg proxy.Config) error {
	cfg.Name, cfg.Hosts, cfg.Record = name, w.hosts, w.recorder
	cfg.Strict, cfg.NonceOnce = w.strict[name], w.strict[name]
	cfg.TLSClient = &tls.Config{RootCAs: w.authority.pool(), MinVersion: tls.VersionTLS12}
	p, err := proxy.New(cfg)
	if err != nil {
		return err
	}
	w.sides[name] = p
	w.closers = append(w.closers, func() { _ = p.Close() })
	return nil
}

// bridgesByFile starts b2bua, which trusts the scenario's authority and knows its hosts.
func (w *World) bridgesByFile(file, network string) error {
	err := errors.Join(
		w.settings.set("b2bua-server/application", "sip-bridge"),
		w.settings.set("b2bua-server::sip-bridge/providers", file),
		w.settings.set("b2bua-server/transport", fmt.Sprintf("sip:%s;transport=%s", w.b2bua, network)),
	)
	if err != nil {
		return err
	}
	w.knowsHosts()
	return w.start()
}

// knowsHosts tells b2bua the addresses of the scenario's hosts.
func (w *World) knowsHosts() {
	for name, addr := range w.hosts {
		w.arguments += fmt.Sprintf(" --hosts %s=%s", name, addr)
	}
}

var phoneColumns = columns{required: []string{"name"}, optional: []string{"address", "display name", "user", "password", "encryption"}}

func (w *World) proxyDrops(name string) error {
	side, err := w.side(name)
	if err == nil && side.DropConnections() == 0 {
		err = fmt.Errorf("the proxy %s has no connections", name)
	}
	return err
}

// phonesOf makes softphones and registers them at a proxy; without an address they are users of example.org's flexisip.
func (w *World) phonesOf(name string, table *godog.Table) error {
	side, err := w.side(name)
	if err != nil {
		return err
	}
	rows, err := w.rows(table, phoneColumns)
	if err != nil {
		return err
	}
	through, network := side.URI(), "udp"
	for _, u := range side.URIs() {
		if strings.Contains(u, "transport=tcp") {
			through, network = u, "tcp"
		}
	}
	for _, r := range rows {
		addr, err := w.net.Next()
		if err != nil {
			return err
		}
		phone, err := w.openSoftphone(endpoint.Config{
			Name: r.text("name"), AOR: r.text("address"), DisplayName: r.text("display name"), Username: r.text("user"), Password: r.text("password"),
			Listen: fmt.Sprintf("%s:%s:5060", network, addr), Proxy: through, MediaIP: addr.String(), Media: endpoint.Media{Encryption: cmp.Or(r.text("encryption"), "none")},
		})
		if err != nil {
			return err
		}
		if err := w.register(phone); err != nil {
			return err
		}
	}
	return nil
}

func (w *World) side(name string) (*proxy.Proxy, error) {
	if p, ok := w.sides[name]; ok {
		return p, nil
	}
	return nil, fmt.Errorf("there is no proxy %q in this scenario", name)
}

func (w *World) dialsURI(name, uri string) error {
	phone, err := w.softphoneNamed(name)
	if err != nil {
		return err
	}
	call, err := phone.Call(uri, endpoint.CallOptions{})
	w.media[name] = call
	return err
}

func (w *World) cameFrom(name, want string) error {
	call, err := w.mediaCall(name)
	if err != nil {
		return err
	}
	pattern := regexp.QuoteMeta(want)
	if len(want) > 2 && want[0] == '/' && want[len(want)-1] == '/' {
		pattern = "<" + want[1:len(want)-1] + ">"
	}
	return fits(call.Invite().Headers("From"), "/"+pattern+";tag=.+/")
}

func (w *World) goesOnRinging(name string) error {
	call, err := w.mediaCall(name)
	if err == nil && call.State() != endpoint.Ringing {
		err = fmt.Errorf("%s's call is %s", name, call.State())
	}
	return err
}

// fromB2BUA waits for a message of b2bua that a proxy got.
func (w *World) fromB2BUA(name, what string, match func(capture.Message) bool) (capture.Message, error) {
	side, err := w.side(name)
	if err != nil {
		return capture.Message{}, err
	}
	ctx, cancel := w.wait()
	defer cancel()
	m, err := side.WaitMessage(ctx, what, match)
	return m, w.explain(err)
}

func (w *World) inviteTo(name string, table *godog.Table) error {
	m, err := w.fromB2BUA(name, "an INVITE of b2bua", func(m capture.Message) bool {
		return !m.Sent && m.Method() == "INVITE" && m.IsRequest() && m.HasHeader("X-Flexisip-B2BUA")
	})
	if err != nil {
		return err
	}
	return w.carries(m, table)
}

// notCalledBy: what b2bua would have got, its proxy would have sent.
func (w *World) notCalledBy(name string) error {
	side, err := w.side(name)
	if err != nil {
		return err
	}
	for _, m := range side.Messages() {
		if m.Sent && m.IsRequest() && m.Method() == "INVITE" && m.To == w.b2bua {
			return fmt.Errorf("b2bua was sent %s", m.StartLine())
		}
	}
	return nil
}

func (w *World) challenged(name, method string) error {
	_, err := w.fromB2BUA(name, "a challenge", func(m capture.Message) bool {
		return m.Sent && (m.Status() == 401 || m.Status() == 407) && strings.HasSuffix(m.Header("CSeq"), " "+method)
	})
	return err
}

// wasAskedToUnregister counts the accounts whose REGISTER for no time at all the proxy accepted.
func (w *World) wasAskedToUnregister(name string, n int) error {
	side, err := w.side(name)
	if err != nil {
		return err
	}
	ended := map[string]bool{} // by Call-ID, those of b2bua
	for _, m := range side.Messages() {
		if !m.Sent && m.Method() == "REGISTER" && m.Header("Expires") == "0" && strings.HasPrefix(m.Header("User-Agent"), "Flexisip-B2BUA") {
			ended[m.Header("Call-ID")] = false
		}
		if _, asked := ended[m.Header("Call-ID")]; m.Sent && asked && m.Status() == 200 {
			ended[m.Header("Call-ID")] = true
		}
	}
	for _, done := range ended {
		if !done {
			return errors.New("an un-registration was not accepted")
		}
	}
	if len(ended) != n {
		return fmt.Errorf("%d accounts were un-registered", len(ended))
	}
	return nil
}

// gotCalls counts calls, not repetitions.
func (w *World) gotCalls(name string, n int) error {
	side, err := w.side(name)
	if err != nil {
		return err
	}
	ids := map[string]bool{}
	for _, m := range side.Messages() {
		if !m.Sent && m.IsRequest() && m.Method() == "INVITE" && m.HasHeader("X-Flexisip-B2BUA") {
			ids[m.Header("Call-ID")] = true
		}
	}
	if len(ids) != n {
		return fmt.Errorf("it got %d", len(ids))
	}
	return nil
}
