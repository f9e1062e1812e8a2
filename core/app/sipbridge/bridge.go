package sipbridge

import (
	"cmp"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"b2bua/core/account"
	"b2bua/core/app"
	"b2bua/core/jsondoc"
	"b2bua/core/pattern"
	"b2bua/core/sip"
	"b2bua/media/sdp"
)

// Options of a Bridge.
type Options struct {
	Supported  []sdp.Encryption // what this build can do on a leg
	Random     func(n int) int  // chooses from 0 to n-1
	RegexLimit time.Duration    // of one match of a pattern with look-ahead or back-reference
	// SQL tells what is wrong with the loader of a pool; nil: nobody looks.
	SQL func(*SQLLoader) []SQLProblem
}

// SQLProblem is what is wrong with one member of a loader.
type SQLProblem struct {
	Field        string // "connection", "initQuery", "updateQuery"
	At           int    // byte of its text, from 1; 0: the whole
	Warning      bool   // else a fault
	Problem, Fix string
}

// Bridge is the application.
type Bridge struct {
	opt       Options
	providers []*Provider
	pools     []*account.Pool
	loaders   map[*account.Pool]*SQLLoader
}

// Provider is one entry of providers, ready to decide.
type Provider struct {
	name    string
	pool    *account.Pool
	trigger *pattern.Pattern // nil: always
	find    *finder          // nil: at random
	decline bool

	to, from   *Template
	proxy      sip.Address // zero: the account's
	avpf       bool
	encryption sdp.Encryption
	notify     sip.Address // zero: no NOTIFY is sent
}

// finder is the strategy FindInPool.
type finder struct {
	by     string // as configured
	source *Template
	index  *account.Index
}

// Name is the provider's.
func (p *Provider) Name() string { return p.name }

// Pool is where its accounts are.
func (p *Provider) Pool() *account.Pool { return p.pool }

// Providers are those of the file, in its order.
func (b *Bridge) Providers() []*Provider { return b.providers }

// Pools are those of the file, in its order, also the ones that no provider uses.
func (b *Bridge) Pools() []*account.Pool { return b.pools }

// Loader is where the accounts of a pool come from, nil for a pool that has its accounts in the file.
func (b *Bridge) Loader(p *account.Pool) *SQLLoader { return b.loaders[p] }

// Load makes a Bridge of a providers file; it is nil when a problem is a Fault.
func Load(data []byte, opt Options) (*Bridge, []Problem) {
	cfg, problems := Parse(data)
	b, more := New(cfg, opt)
	problems = append(problems, more...)
	slices.SortStableFunc(problems, func(a, b Problem) int { return cmp.Or(cmp.Compare(a.Line, b.Line), cmp.Compare(a.Column, b.Column)) })
	for _, p := range problems {
		if p.Severity == Fault {
			return nil, problems
		}
	}
	return b, problems
}

// New compiles a Config. The Bridge may be used only if no problem is a Fault, of Parse or of New.
func New(cfg *Config, opt Options) (*Bridge, []Problem) {
	d := &decoder{data: cfg.data, version: cfg.Version}
	b := &Bridge{opt: opt, loaders: map[*account.Pool]*SQLLoader{}}
	pools := map[string]*account.Pool{}
	var numbers account.Numbers
	for i := range cfg.Pools {
		c := &cfg.Pools[i]
		pool := account.NewPool(c.settings(), &numbers)
		pools[c.Name] = pool
		b.pools = append(b.pools, pool)
		if c.SQL != nil {
			b.loaders[pool] = c.SQL
			d.sqlProblems(c, opt)
		}
	}
	for i := range cfg.Providers {
		b.providers = append(b.providers, d.build(&cfg.Providers[i], pools, opt))
	}
	for i := range cfg.Pools {
		d.fill(&cfg.Pools[i], b.pools[i])
	}
	return b, d.problems
}

// sqlProblems finds the places of what is wrong with a loader whose members are all there.
func (d *decoder) sqlProblems(c *PoolConfig, opt Options) {
	loader := c.node.Get("loader")
	members := map[string]*jsondoc.Node{}
	c.SQL.places = map[string][2]int{}
	for _, name := range []string{"connection", "initQuery", "updateQuery"} {
		n := loader.Get(name)
		if n == nil || n.Kind != jsondoc.String || c.SQL.Backend == "" { // which is told already
			return
		}
		members[name] = n
		line, column := d.position(n.Offset)
		c.SQL.places[name] = [2]int{line, column}
	}
	if opt.SQL == nil {
		return
	}
	for _, p := range opt.SQL(c.SQL) {
		severity, offset := Fault, members[p.Field].Offset
		if p.Warning {
			severity = Warning
		}
		if p.At > 0 {
			offset = jsondoc.Within(d.data, members[p.Field], p.At-1)
		}
		d.note(severity, offset, c.path+".loader."+p.Field, "", p.Fix, "%s", p.Problem)
	}
}

func (c *PoolConfig) settings() account.Settings {
	return account.Settings{
		Name: c.Name, OutboundProxy: c.OutboundProxy, Registrar: c.Registrar, MWIServer: c.MWIServer, RegistrationRequired: c.RegistrationRequired,
		Throttle: c.Throttle, KeepRegistered: !c.UnregisterOnShutdown, MaxCallsPerLine: c.MaxCallsPerLine,
	}
}

func (d *decoder) build(c *ProviderConfig, pools map[string]*account.Pool, opt Options) *Provider {
	p := &Provider{
		name: c.Name, pool: pools[c.Pool.Value], decline: c.Decline, proxy: c.OutboundProxy, avpf: c.AVPF,
		encryption: c.Encryption, notify: c.NotifyProxy,
	}
	if !slices.Contains(opt.Supported, c.Encryption) && c.encryption != nil {
		d.note(Warning, c.encryption.Offset, strings.TrimSuffix(c.To.path, "to")+"mediaEncryption", app.ModeName(c.Encryption), "another mediaEncryption, until then",
			"calls of provider %q are refused with 488: this build does not support mediaEncryption %s", c.Name, app.ModeName(c.Encryption))
	}
	if c.Pattern != nil {
		p.trigger = d.pattern(c, opt.RegexLimit)
	}
	p.to, p.from = d.template(c.To, inviteNames), d.template(c.From, inviteNames)
	d.tried(p.to, c.To, `"sip:{incoming.to.user}@{account.uri.hostport}"`)
	d.tried(p.from, c.From, `"{account.uri}"`)
	if c.Find != nil {
		p.find = &finder{by: c.Find.By.Value, source: d.template(c.Find.Source, requestNames)}
		if by := d.template(byTemplate(c.Find.By), accountNames); by != nil && p.pool != nil {
			p.find.index, _ = p.pool.Index(by.text, func(a *account.Account) string { return by.render(&values{account: a}) })
		}
	}
	return p
}

// tried warns of a template that makes no SIP address whoever calls: each call of its provider would be refused.
func (d *decoder) tried(t *Template, text Text, fix string) {
	if t == nil || text.node == nil {
		return
	}
	spec, _ := (&account.Text{URI: "sip:account@provider.example.com", Alias: "sip:alias@example.org"}).Check()
	caller := sip.Address{Display: "Caller", URI: sip.URI{Scheme: "sip", User: "caller", Host: "example.org"}}
	callee := sip.Address{Display: "Callee", URI: sip.URI{Scheme: "sip", User: "callee", Host: "example.org"}}
	made := t.render(&values{
		from: &caller, to: &callee, request: &callee.URI, account: account.NewPool(account.Settings{}, new(account.Numbers)).Put(spec).Account,
	})
	if _, ok := parseRendered(made); !ok {
		d.note(Warning, text.node.Offset, text.path, clip(text.Value), fix, "every call of the provider is refused with 488: it makes no SIP address, but for example %s", clip(made))
	}
}

// byTemplate: uri and alias stand for {uri} and {alias} (spec 4.6.2).
func byTemplate(t Text) Text {
	if t.Value == "uri" || t.Value == "alias" {
		t.Value = "{" + t.Value + "}"
	}
	return t
}

// template compiles one, nil with a fault when it cannot be.
func (d *decoder) template(t Text, names scope) *Template {
	if t.node == nil && t.Value == "" { // missing, which is told already
		return nil
	}
	compiled, err := compile(t.Value, names)
	if err == nil && t.Value == "" {
		d.note(Fault, t.node.Offset, t.path, "", example(names), "an empty template")
		return nil
	}
	if err == nil && !compiled.varies() && names["uri"].address != none {
		d.note(Warning, t.node.Offset, t.path, clip(t.Value), `"uri" or "alias"`, "it is the same for every account, so only one of them can be found")
	}
	if err != nil {
		d.note(Fault, jsondoc.Within(d.data, t.node, err.At), t.path, "", err.Fix, "%s", err.Line())
		return nil
	}
	return compiled
}

// varies tells whether the template has a substitution.
func (t *Template) varies() bool {
	for _, p := range t.pieces {
		if p.address != none {
			return true
		}
	}
	return false
}

// pattern compiles a trigger.
func (d *decoder) pattern(c *ProviderConfig, limit time.Duration) *pattern.Pattern {
	t := c.Pattern
	if t.node == nil {
		return nil
	}
	if t.Value == "" {
		d.note(Fault, t.node.Offset, t.path, "", `"pattern": "sip:\\+33.*"`, "please provide a `pattern` for provider %s", c.Name)
		return nil
	}
	p, err := pattern.Compile(t.Value, limit)
	if err != nil {
		problem, fix, at := err.Error(), "a valid pattern", 0
		var syntax *pattern.SyntaxError
		if errors.As(err, &syntax) {
			problem, fix, at = fmt.Sprintf("invalid pattern: %s (character %d)", syntax.Problem, syntax.At+1), syntax.Fix, syntax.At
			if better, ok := repaired(t.Value, syntax, limit); ok {
				fix = better
			}
		}
		d.note(Fault, jsondoc.Within(d.data, t.node, at), t.path, clip(t.Value), fix, "%s", problem)
		return nil
	}
	if literal := literalStart(t.Value); !startsLikeURI(literal) {
		d.note(Warning, t.node.Offset, t.path, clip(t.Value), jsonPattern("sip:"+t.Value),
			"it can never match: it is applied to the whole Request-URI, which begins with sip: or sips:")
	}
	return p
}

// repaired is the whole pattern as it was probably meant: the character that cannot stand there escaped, and the scheme that every
// Request-URI begins with.
func repaired(text string, e *pattern.SyntaxError, limit time.Duration) (string, bool) {
	if e.At >= len(text) || strings.IndexByte("+*?{", text[e.At]) < 0 {
		return "", false
	}
	fixed := text[:e.At] + `\` + text[e.At:]
	if !startsLikeURI(literalStart(fixed)) {
		fixed = "sip:" + fixed
	}
	if _, err := pattern.Compile(fixed, limit); err != nil {
		return "", false
	}
	return jsonPattern(fixed), true
}

// jsonPattern is a pattern as it stands in a file.
func jsonPattern(s string) string {
	return `"pattern": "` + strings.NewReplacer(`\`, `\\`, `"`, `\"`).Replace(s) + `"`
}

// literalStart is the text that everything that matches begins with, as far as it is easily seen.
func literalStart(s string) string {
	if strings.ContainsAny(s, "|") {
		return ""
	}
	var out []byte
	for i := 0; i < len(s); i++ {
		c := s[i]
		if c == '\\' && i+1 < len(s) && strings.IndexByte(`.*+?()[]{}^$/\`, s[i+1]) >= 0 {
			i++
			c = s[i]
		} else if strings.IndexByte(`.*+?()[]{}^$\`, c) >= 0 {
			break
		}
		if i+1 < len(s) && strings.IndexByte("*?{", s[i+1]) >= 0 { // may be there no time
			break
		}
		out = append(out, c)
	}
	return string(out)
}

func startsLikeURI(literal string) bool {
	for _, scheme := range []string{"sip:", "sips:", "tel:"} {
		if strings.HasPrefix(literal, scheme) || strings.HasPrefix(scheme, literal) {
			return true
		}
	}
	return false
}

// fill puts the accounts of the file into their pool.
func (d *decoder) fill(c *PoolConfig, pool *account.Pool) {
	pool.Grow(len(c.Accounts))
	const told = 10
	hidden := map[string]int{}
	for _, s := range c.Accounts {
		for _, x := range pool.Put(s).Collisions {
			if hidden[x.Index]++; hidden[x.Index] <= told {
				d.note(Warning, c.node.Offset, c.path, clip(x.Hides.URI()), "accounts that differ in it",
					"account %s has the same %s as account %s (%s), so it is not found by that", x.Hides.URI(), x.Index, x.Has.URI(), clip(x.Key))
			}
		}
	}
	for index, n := range hidden {
		if n > told {
			d.note(Warning, c.node.Offset, c.path, "", "accounts that differ in it", "%d accounts altogether are not found by %s, because others have the same", n, index)
		}
	}
}
