package steps

import (
	"cmp"
	"crypto/tls"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/cucumber/godog"

	"b2bua/simulator/capture"
	"b2bua/simulator/endpoint"
	"b2bua/simulator/proxy"
)

// behindProxy is the environment of the original's tests: one proxy for the domain that diverts every call to b2bua.
func (w *World) behindProxy() error {
	addr, err := w.net.Next()
	if err != nil {
		return err
	}
	agent := cmp.Or(w.settings.values["b2bua-server/user-agent"], "Flexisip-B2BUA/{version}")
	w.proxy, err = proxy.New(proxy.Config{
		Listen: []string{"tcp:" + addr.String() + ":5060"}, Domains: []string{domain}, Record: w.recorder,
		Divert:  proxy.Divert{URI: fmt.Sprintf("sip:%s;transport=tcp", w.b2bua), UserAgent: strings.Replace(agent, "{version}", w.binary.Version, 1)},
		Rewrite: rewriteTo(w.named["rewritten"]),
	})
	if err != nil {
		return err
	}
	w.closers = append(w.closers, func() { _ = w.proxy.Close() })
	err = errors.Join(
		w.settings.set("b2bua-server/transport", fmt.Sprintf("sip:%s;transport=tcp", w.b2bua)),
		w.settings.set("b2bua-server/outbound-proxy", w.proxy.URI()),
	)
	if err != nil {
		return err
	}
	return w.start()
}

func (w *World) proxyRewrites(uri string) error {
	w.named["rewritten"] = uri
	return nil
}

// rewriteTo changes the Request-URI of a caller's INVITE, and leaves alone what comes back from b2bua. It runs in the proxy.
func rewriteTo(uri string) func(capture.Message) string {
	return func(m capture.Message) string {
		if m.Method() != "INVITE" || m.HasHeader("X-Flexisip-B2BUA") || strings.Contains(m.Header("To"), "tag=") {
			return ""
		}
		return uri
	}
}

// betweenSoftphones starts b2bua with the last softphone of the table as outbound proxy; the others call through b2bua.
func (w *World) betweenSoftphones(table *godog.Table) error {
	rows, err := w.rows(table, softphoneColumns)
	if err != nil {
		return err
	}
	err = w.settings.set("b2bua-server/transport", fmt.Sprintf("sip:%s;transport=tcp", w.b2bua))
	if err != nil {
		return err
	}
	for _, r := range rows {
		phone, err := w.softphone(r, fmt.Sprintf("sip:%s;transport=tcp", w.b2bua))
		if err != nil {
			return err
		}
		if err := w.settings.set("b2bua-server/outbound-proxy", withoutUser(phone.URI())); err != nil {
			return err
		}
	}
	return w.start()
}

// overTLS is betweenSoftphones with a certificate for everybody; the last one's may be a bad one.
func (w *World) overTLS(table *godog.Table) error {
	rows, err := w.rows(table, columns{required: []string{"name", "certificate"}})
	if err != nil {
		return err
	}
	if err := w.certificate(); err != nil {
		return err
	}
	if err := w.settings.set("b2bua-server/transport", fmt.Sprintf("sip:%s;transport=tls", w.b2bua)); err != nil {
		return err
	}
	for _, r := range rows {
		addr, err := w.net.Next()
		if err != nil {
			return err
		}
		certificate, err := w.authority.issue(addr, r.text("certificate"))
		if err != nil {
			return err
		}
		phone, err := w.openSoftphone(endpoint.Config{
			Name: r.text("name"), Listen: fmt.Sprintf("tls:%s:5061", addr), Proxy: fmt.Sprintf("sip:%s;transport=tls", w.b2bua),
			MediaIP: addr.String(), TLS: &tls.Config{Certificates: []tls.Certificate{certificate}, MinVersion: tls.VersionTLS12},
			TLSClient: &tls.Config{RootCAs: w.authority.pool(), MinVersion: tls.VersionTLS12},
		})
		if err != nil {
			return err
		}
		if err := w.settings.set("b2bua-server/outbound-proxy", withoutUser(phone.URI())); err != nil {
			return err
		}
	}
	return w.start()
}

func withoutUser(uri string) string {
	if _, rest, ok := strings.Cut(uri, "@"); ok {
		return "sip:" + rest
	}
	return uri
}

var softphoneColumns = columns{required: []string{"name"}, optional: []string{"encryption", "suites", "accepts", "audio", "video", "setup", "profile", "fault", "mux", "network", "sequence", "ssrc", "ice", "avpf", "agreements", "ciphers", "tags", "mtu", "passive", "arriving", "bundle"}}

// registered makes softphones and registers them at the proxy.
func (w *World) registered(table *godog.Table) error {
	rows, err := w.rows(table, softphoneColumns)
	if err != nil {
		return err
	}
	if w.proxy == nil {
		return errors.New("softphones need a proxy: start b2bua behind the proxy first")
	}
	for _, r := range rows {
		phone, err := w.softphone(r, w.proxy.URI())
		if err != nil {
			return err
		}
		if err := w.register(phone); err != nil {
			return err
		}
	}
	return nil
}

// register binds a softphone at its proxy for longer than any scenario.
func (w *World) register(phone *endpoint.Phone) error {
	ctx, cancel := w.wait()
	defer cancel()
	return phone.Register(ctx, time.Hour)
}

func (w *World) isAlsoAPhoneOf(phone, user string) error {
	end, err := w.softphoneNamed(phone)
	if err != nil {
		return err
	}
	return w.proxy.Bind(fmt.Sprintf("sip:%s@%s", user, domain), end.URI())
}

// softphone makes one phone; every phone of a scenario has a tone of its own.
func (w *World) softphone(r row, through string) (*endpoint.Phone, error) {
	addr, err := w.net.Next()
	if err != nil {
		return nil, err
	}
	name := r.text("name")
	media := endpoint.Media{
		Encryption: cmp.Or(r.text("encryption"), "none"), Suites: r.list("suites"), Accept: r.list("accepts"), Video: r.list("video"),
		Setup: r.text("setup"), Profile: r.text("profile"), Fault: r.text("fault"), RTCPMux: r.text("mux") == "yes", Bundle: r.text("bundle"), ICE: r.text("ice") != "" && r.text("ice") != "no",
		AVPF: r.text("avpf") == "yes", NoAVPF: r.text("avpf") == "refused",
	}
	switch r.text("audio") {
	case "":
	case "none":
		media.Audio = []string{}
	default:
		media.Audio = r.list("audio")
	}
	if r.text("video") == "none" {
		media.Video = nil
	}
	bad, err := network(r.text("network"))
	if err != nil {
		return nil, err
	}
	arriving, err := network(r.text("arriving"))
	if err != nil {
		return nil, err
	}
	media.ZRTP = endpoint.ZRTP{Agreements: r.list("agreements"), Ciphers: r.list("ciphers"), Tags: r.list("tags"), Passive: r.text("passive") == "yes"}
	if media.ZRTP.MTU, err = r.numberOr("mtu", 0); err != nil {
		return nil, err
	}
	first, err := r.numberOr("sequence", 0)
	if err != nil {
		return nil, err
	}
	ssrc, err := r.numberOr("ssrc", 0)
	if err != nil {
		return nil, err
	}
	second, favours, err := w.networks(r.text("ice"))
	if err != nil {
		return nil, err
	}
	return w.openSoftphone(endpoint.Config{
		Name: name, Listen: fmt.Sprintf("tcp:%s:5060", addr), Proxy: through, Media: media, MediaIP: addr.String(), SecondIP: second, Favours: favours,
		Impair: bad, Arriving: arriving, Sequence: uint16(first), SSRC: uint32(ssrc),
	})
}

// openSoftphone fills in what is the same for all: address of record, a tone of its own, the recorder.
func (w *World) openSoftphone(cfg endpoint.Config) (*endpoint.Phone, error) {
	cfg.AOR, cfg.Record = cmp.Or(cfg.AOR, fmt.Sprintf("sip:%s@%s", cfg.Name, domain)), w.recorder
	if cfg.Tone == 0 {
		cfg.Tone = tones[len(w.ends)%len(tones)]
	}
	phone, err := endpoint.New(cfg)
	if err != nil {
		return nil, err
	}
	w.ends[cfg.Name], w.kits[cfg.Name] = phone, cfg.Media
	w.closers = append(w.closers, func() { _ = phone.Close() })
	return phone, nil
}

// tones are far apart and known to the detector.
var tones = []float64{400, 1000, 1600, 2200, 760, 1360}
