package main

import (
	"cmp"
	"fmt"
	"net/netip"
	"os"
	"strings"
	"time"

	"b2bua/simulator/capture"
	"b2bua/simulator/proxy"
)

type proxyCmd struct {
	outputFlags
	tlsFlags
	Config      string            `placeholder:"FILE" help:"A flexisip.conf: global/transports, module::Registrar, module::B2bua, module::Router's fallback, module::Forward and its routes file. Flags go before it."`
	Hosts       map[string]string `sep:"none" placeholder:"NAME=IP" help:"Address of a name, whatever DNS says. May be repeated."`
	Listen      []string          `placeholder:"NET:ADDR:PORT" help:"Where SIP is received: udp:, tcp: or tls:, address and port. May be repeated. Default: tcp:127.0.0.1:5060."`
	Domain      []string          `placeholder:"NAME" help:"Domains whose users are looked up here; default: all."`
	B2BUA       string            `name:"b2bua" placeholder:"URI" help:"Divert calls to this B2BUA, for example 'sip:127.0.0.1:6067;transport=tcp'; default: no diversion."`
	UserAgent   string            `placeholder:"TEXT" help:"User-Agent by which the B2BUA's own calls are known; default: its header X-Flexisip-B2BUA."`
	MaxContacts int               `default:"10" placeholder:"N" help:"Contacts per user; one more replaces the oldest."`
	AuthDomain  []string          `placeholder:"NAME" help:"From domains that have to authenticate."`
	Password    map[string]string `env:"SIPSIM_PASSWORDS" placeholder:"USER@DOMAIN=TEXT" help:"Passwords for --auth-domain; better in the environment as SIPSIM_PASSWORDS, separated by ;."`
	Bind        []string          `sep:"none" placeholder:"AOR=URI" help:"Contact of a user who does not register, or an address with its q. May be repeated."`
	Filter      string            `placeholder:"EXPRESSION" help:"Only requests that fit are diverted; as in module::B2bua."`
	Routes      string            `placeholder:"FILE" help:"Routes as in module::Forward's routes-config-path: <sip:ADDRESS> CONDITION."`
	Fallback    time.Duration     `placeholder:"TIME" help:"Contacts of lower q are tried after this time, or when those before have refused; default: all at once."`
	Algorithm   []string          `placeholder:"NAME" help:"Digest algorithms of the challenges, the preferred one first: SHA-256, MD5; default: both."`
	AllPassword string            `env:"SIPSIM_ALL_PASSWORD" placeholder:"TEXT" help:"Password of all users of --auth-domain without one of their own."`
	MinExpires  time.Duration     `placeholder:"TIME" help:"Registrations for less get 423."`
	MaxExpires  time.Duration     `placeholder:"TIME" default:"1h" help:"Registrations last no longer."`
	Fault       map[string]string `placeholder:"USER@DOMAIN=WHAT" help:"How REGISTERs fail: silent, hangup, stale, or a status with :SECONDS for Retry-After; *3 behind it for three of them. The user * is everybody else."`
	Quiet       bool              `short:"q" help:"Do not print the messages."`
}

// Help teaches.
func (proxyCmd) Help() string {
	return `A registrar in memory and a proxy with Record-Route. Calls whose User-Agent is not the B2BUA's are sent to the B2BUA: their Route
headers are removed and a Route to it is inserted, as Flexisip's module::B2bua does. Ends on a signal.

  [b2bua-server]                                        of the B2BUA that goes with it
  transport=sip:127.0.0.1:6067;transport=tcp
  outbound-proxy=sip:127.0.0.1:5060;transport=tcp
  user-agent=Flexisip-B2BUA/1.0

  sipsim proxy --b2bua 'sip:127.0.0.1:6067;transport=tcp' --user-agent Flexisip-B2BUA/1.0

The provider's side of a sip-bridge, with an account that is refused and one that is ignored:

  SIPSIM_ALL_PASSWORD=secret sipsim proxy --listen tcp:127.0.0.2:5060 --auth-domain jabiru.example.org \
    --fault account2@jabiru.example.org=403 --fault account3@jabiru.example.org=silent

A number that is called when a phone does not answer within 10 s, by a B2BUA that has a telephone line:

  echo "<sip:127.0.0.1:6067;transport=tcp> request.uri.params contains 'user=phone'" > routes.conf
  sipsim proxy --domain flexisip.example.org --fallback 10s --routes routes.conf \
    --bind 'sip:pauline@flexisip.example.org=<sip:+33612345678@example.net;user=phone>;q=0.5'`
}

// config is what the file says, then what the flags say.
func (c *proxyCmd) config(s *show) (proxy.Config, error) {
	hosts := map[string]netip.Addr{}
	for name, text := range c.Hosts {
		addr, err := netip.ParseAddr(text)
		if err != nil {
			return proxy.Config{}, fmt.Errorf("--hosts=%s=%s: %w", name, text, err)
		}
		hosts[strings.ToLower(name)] = addr
	}
	var cfg proxy.Config
	if c.Config != "" {
		var warnings []string
		var err error
		if cfg, warnings, err = proxy.ReadFlexisip(c.Config, hosts); err != nil {
			return cfg, err
		}
		for _, w := range warnings {
			s.event("proxy", "%s", w)
		}
	}
	cfg.Hosts, cfg.AuthDomains, cfg.Passwords, cfg.SharedPassword, cfg.Algorithms = hosts, c.AuthDomain, c.Password, c.AllPassword, c.Algorithm
	cfg.MinExpires, cfg.MaxExpires = c.MinExpires, c.MaxExpires
	cfg.MaxContacts = cmp.Or(cfg.MaxContacts, c.MaxContacts)
	cfg.Fallback = cmp.Or(c.Fallback, cfg.Fallback)
	cfg.Divert = proxy.Divert{
		URI: cmp.Or(c.B2BUA, cfg.Divert.URI), UserAgent: cmp.Or(c.UserAgent, cfg.Divert.UserAgent), Filter: cmp.Or(c.Filter, cfg.Divert.Filter),
	}
	if len(c.Listen) > 0 {
		cfg.Listen = c.Listen
	}
	if len(cfg.Listen) == 0 {
		cfg.Listen = []string{"tcp:127.0.0.1:5060"}
	}
	if len(c.Domain) > 0 {
		cfg.Domains = c.Domain
	}
	if c.Routes != "" {
		text, err := os.ReadFile(c.Routes)
		if err != nil {
			return cfg, fmt.Errorf("--routes: %w", err)
		}
		if cfg.Routes, err = proxy.ParseRoutes(string(text)); err != nil {
			return cfg, err
		}
	}
	var err error
	cfg.TLS, cfg.TLSClient, err = c.load()
	return cfg, err
}

type proxyResult struct {
	Messages int `json:"messages"`
}

// Run serves until a signal.
func (c *proxyCmd) Run(e *env) error {
	record, s := capture.NewRecorder(), c.show(e)
	cfg, err := c.config(s)
	if err != nil {
		return err
	}
	cfg.Record = record
	p, err := proxy.New(cfg)
	if err != nil {
		return err
	}
	defer func() { _ = p.Close() }() // all was said
	for _, b := range c.Bind {
		aor, uri, ok := strings.Cut(b, "=")
		if !ok {
			return fmt.Errorf("--bind %q: write AOR=URI", b)
		}
		if err := p.Bind(aor, uri); err != nil {
			return err
		}
	}
	for user, what := range c.Fault {
		f, err := proxy.ParseFault(what)
		if err != nil {
			return err
		}
		if user == "*" {
			user = ""
		}
		p.SetFault(user, &f)
	}
	for _, u := range p.URIs() {
		s.event("proxy", "listens at %s", u)
	}
	c.follow(e, p, s)
	return c.finish(e, record, proxyResult{len(p.Messages())})
}

// follow prints the messages until the end.
func (c *proxyCmd) follow(e *env, p *proxy.Proxy, s *show) {
	printed := 0
	for {
		seen := 0
		m, err := p.WaitMessage(e.ctx, "the next message", func(capture.Message) bool {
			seen++
			return seen > printed
		})
		if err != nil {
			return
		}
		printed++
		if c.Quiet {
			continue
		}
		arrow := "->"
		peer := m.To
		if !m.Sent {
			arrow, peer = "<-", m.From
		}
		s.event("proxy", "%s %-21s %s %-60.60s %s", arrow, peer, m.Network, m.StartLine(), m.Header("CSeq"))
	}
}
