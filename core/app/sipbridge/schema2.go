package sipbridge

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"b2bua/core/account"
	"b2bua/core/app"
	"b2bua/core/digest"
	"b2bua/core/jsondoc"
	"b2bua/core/suggest"
	"b2bua/media/sdp"
)

// defaultFrom is outgoingInvite.from where there is none.
const defaultFrom = "{account.uri}"

// Parse reads a providers file. The Config is complete as far as the file is; it may be used only if no problem is a Fault.
func Parse(data []byte) (*Config, []Problem) {
	d := &decoder{data: data}
	root, rest, faults := jsondoc.Parse(data)
	for _, f := range faults {
		severity := Fault
		if f.Mild {
			severity = Warning
		}
		d.note(severity, f.Offset, "", "", f.Fix, "%s", f.Problem)
	}
	cfg := &Config{data: data}
	if root == nil {
		return cfg, d.problems
	}
	if rest >= 0 {
		d.note(Warning, rest, "", "", "one document", "what follows the end of the document is ignored")
	}
	switch root.Kind {
	case jsondoc.Array:
		d.version = 1
		d.schema1(cfg, root)
	case jsondoc.Object:
		d.version = 2
		d.schema2(cfg, root)
	case jsondoc.Null, jsondoc.Bool, jsondoc.Number, jsondoc.String:
		d.mistyped(root, "", `an object { "schemaVersion": 2, "providers": [ … ], "accountPools": { … } }`)
	}
	cfg.Version = d.version
	d.crossCheck(cfg)
	return cfg, d.problems
}

func (d *decoder) schema2(cfg *Config, root *jsondoc.Node) {
	o := d.object(root, "")
	if n := o.required("schemaVersion", "2"); n != nil {
		if n.Kind != jsondoc.Number || n.Text != "2" && n.Text != "2.0" {
			d.note(Fault, n.Offset, "schemaVersion", clip(n.Text), "2", "this program knows schema 2, and 1, which is an array of providers without a schemaVersion")
		}
	}
	if n := o.required("providers", "[ … ]"); n != nil {
		if n.Kind != jsondoc.Array {
			d.mistyped(n, "providers", "an array [ … ]")
		}
		for i := range n.Items {
			if p := d.object(&n.Items[i], fmt.Sprintf("providers[%d]", i)); p != nil {
				cfg.Providers = append(cfg.Providers, d.provider(p))
			}
		}
	}
	if n := o.required("accountPools", "{ … }"); n != nil {
		if pools := d.object(n, "accountPools"); pools != nil {
			for i := range n.Members {
				m := &n.Members[i]
				if p := d.object(&m.Value, pools.at(m.Name)); p != nil {
					cfg.Pools = append(cfg.Pools, d.pool(m.Name, p))
				}
			}
		}
	}
	o.done()
}

func (d *decoder) provider(o *object) ProviderConfig {
	var p ProviderConfig
	if name := o.text("name", `"a name for the log"`); name.node != nil {
		p.Name = d.named(o, name)
	}
	p.Pool = o.text("accountPool", `"the name of one of accountPools"`)
	if n := o.required("triggerCondition", `{"strategy": "Always"}`); n != nil {
		d.trigger(&p, d.object(n, o.at("triggerCondition")))
	}
	if n := o.required("accountToUse", `{"strategy": "Random"}`); n != nil {
		d.accountToUse(&p, d.object(n, o.at("accountToUse")))
	}
	notFound := o.text("onAccountNotFound", `"nextProvider" or "decline"`)
	p.Decline = d.choice(notFound, []string{"nextProvider", "decline"}, "it is not known") == "decline"
	if n := o.required("outgoingInvite", `{"to": "{account.alias}"}`); n != nil {
		d.outgoingInvite(&p, d.object(n, o.at("outgoingInvite")))
	}
	if n := o.optional("outgoingNotify"); n != nil {
		if notify := d.object(n, o.at("outgoingNotify")); notify != nil {
			p.NotifyProxy = notify.server(notify.text("outboundProxy", `"<sip:proxy.example.org>"`),
				"invalid outbound proxy SIP URI set in provider configuration for outgoing NOTIFY requests")
			notify.done()
		}
	}
	o.done()
	return p
}

// named tells of a name that says nothing.
func (d *decoder) named(o *object, t Text) string {
	if t.Value == "" {
		offset := o.node.Offset
		if t.node != nil {
			offset = t.node.Offset
		}
		d.note(Fault, offset, t.path, "", `"name": "a name for the log"`, "one of your external SIP providers has an empty `name`")
	}
	return t.Value
}

func (d *decoder) trigger(p *ProviderConfig, o *object) {
	if o == nil {
		return
	}
	known := []string{"MatchRegex", "Always"}
	strategy := o.text("strategy", `"Always" or "MatchRegex"`)
	switch d.choice(strategy, known, "Unknown 'triggerCondition/strategy' found in config. Supported strategies are 'MatchRegex' and 'Always', not: "+clip(strategy.Value)) {
	case "MatchRegex":
		pattern := o.text("pattern", `"sip:\\+33.*"`)
		p.Pattern = &pattern
		d.requestURIOnly(o.text("source", `"{incoming.requestUri}"`))
		o.done()
	case "Always":
		o.optional("source") // harmless
		o.done()
	}
}

// requestURIOnly warns of a source that names something else: it is ignored (spec 4.2).
func (d *decoder) requestURIOnly(source Text) {
	if source.node == nil {
		return
	}
	name := strings.Trim(strings.TrimPrefix(strings.TrimSpace(source.Value), "$"), "{}")
	switch strings.TrimPrefix(strings.TrimSuffix(name, "."), "incoming.") {
	case "requestUri", "requestAddress", "":
	default:
		d.note(Warning, source.node.Offset, source.path, clip(source.Value), `"{incoming.requestUri}"`, "it is ignored: the pattern is always applied to the Request-URI")
	}
}

func (d *decoder) accountToUse(p *ProviderConfig, o *object) {
	if o == nil {
		return
	}
	known := []string{"Random", "FindInPool"}
	strategy := o.text("strategy", `"Random" or "FindInPool"`)
	switch d.choice(strategy, known, "Unknown 'accountToUse/strategy' found in config. Supported strategies are 'Random' and 'FindInPool', not: "+clip(strategy.Value)) {
	case "FindInPool":
		p.Find = &Find{By: o.text("by", `"uri" or "alias"`), Source: o.text("source", `"{from}"`)}
		o.done()
	case "Random":
		o.done()
	}
}

func (d *decoder) outgoingInvite(p *ProviderConfig, o *object) {
	if o == nil {
		return
	}
	p.To = o.text("to", `"sip:{incoming.to.user}@{account.uri.hostport}"`)
	p.From = o.textOr("from")
	if p.From.Value == "" {
		p.From = Text{Value: defaultFrom, path: o.at("from")}
	}
	d.overrides(p, o)
	o.done()
}

// overrides are the members that an outgoing call of both schemas may set; null is as good as absent (spec 4.1).
func (d *decoder) overrides(p *ProviderConfig, o *object) {
	nonNull := func(name string) *jsondoc.Node {
		if n := o.optional(name); n != nil && n.Kind != jsondoc.Null {
			return n
		}
		return nil
	}
	if d.version == 2 { // in schema 1 it belongs to the pool
		p.OutboundProxy = o.server(o.string("outboundProxy", nonNull("outboundProxy")),
			"invalid outbound proxy SIP URI set in provider configuration for outgoing INVITE requests")
	}
	p.AVPF = o.boolean("enableAvpf", nonNull("enableAvpf"), false)
	if n := nonNull("mediaEncryption"); n != nil {
		t := o.string("mediaEncryption", n)
		p.Encryption, p.encryption = d.mode(t), n
	}
}

// mode reads a mediaEncryption. What is near by letters may be far in meaning, so common names of other products come first.
func (d *decoder) mode(t Text) sdp.Encryption {
	meant := map[string]string{"srtp": "sdes", "sdes-srtp": "sdes", "srtp-sdes": "sdes", "dtls": "dtls-srtp", "srtp-dtls": "dtls-srtp", "rtp": "none", "plain": "none", "": "none"}
	if guess, ok := meant[strings.ToLower(t.Value)]; ok && t.node != nil {
		d.note(Fault, t.node.Offset, t.path, clip(t.Value), fmt.Sprintf("%q", guess), "it is no media encryption")
		return sdp.None
	}
	mode, _ := app.ParseMode(d.choice(t, []string{"zrtp", "sdes", "dtls-srtp", "none"}, "it is no media encryption"))
	return mode
}

func (d *decoder) pool(name string, o *object) PoolConfig {
	p := PoolConfig{Name: name, path: o.path, node: o.node}
	p.RegistrationRequired = o.boolean("registrationRequired", o.required("registrationRequired", "true or false"), false)
	p.MaxCallsPerLine = o.number("maxCallsPerLine", o.required("maxCallsPerLine", "20"), 0, 0)
	in := func(what string) string { return fmt.Sprintf("invalid %s set in AccountPool(%s)", what, name) }
	p.OutboundProxy = o.server(o.textOr("outboundProxy"), in("outbound proxy SIP URI"))
	p.Registrar = o.server(o.textOr("registrar"), in("registrar SIP URI"))
	if mwi := o.server(o.textOr("mwiServerUri"), in("MWI server URI")); !mwi.URI.IsZero() {
		p.MWIServer = mwi.URI.String()
	}
	p.Throttle = time.Duration(o.number("registrationThrottlingRateMs", o.optional("registrationThrottlingRateMs"), 0, 0)) * time.Millisecond
	p.UnregisterOnShutdown = o.boolean("unregisterOnServerShutdown", o.optional("unregisterOnServerShutdown"), true)
	if n := o.required("loader", "[ … ]"); n != nil {
		switch n.Kind {
		case jsondoc.Array:
			p.Accounts = d.accounts(n, o.at("loader"))
		case jsondoc.Object:
			p.SQL = d.sqlLoader(d.object(n, o.at("loader")), name)
		case jsondoc.Null, jsondoc.Bool, jsondoc.Number, jsondoc.String:
			d.mistyped(n, o.at("loader"), "an array of accounts, or an object with the SQL loader,")
		}
	}
	o.done()
	return p
}

// accounts are those of a static loader. A URI that cannot be used leaves its account out (spec 4.9.1).
func (d *decoder) accounts(n *jsondoc.Node, path string) []account.Spec {
	list := make([]account.Spec, 0, len(n.Items))
	seen := make(map[string]bool, len(n.Items))
	for i := range n.Items {
		o := d.object(&n.Items[i], fmt.Sprintf("%s[%d]", path, i))
		if o == nil {
			continue
		}
		uri := o.text("uri", `"sip:user@provider.example.com"`)
		text := account.Text{
			URI: uri.Value, UserID: o.textOr("userid").Value, SecretType: o.textOr("secretType").Value,
			Secret: digest.Secret(o.textOr("secret").Value), Realm: o.textOr("realm").Value, Alias: o.textOr("alias").Value,
			OutboundProxy: o.textOr("outboundProxy").Value, Registrar: o.textOr("registrar").Value,
			Protocol: o.textOr("protocol").Value, MWIServer: o.textOr("mwiServerUri").Value,
		}
		o.done("encrypted") // seen in the wild (spec 4.2)
		if uri.node == nil {
			continue
		}
		if s, ok := d.account(o, &text, seen); ok {
			list = append(list, s)
		}
	}
	return list
}

// account checks one, and that it is there once.
func (d *decoder) account(o *object, text *account.Text, seen map[string]bool) (account.Spec, bool) {
	s, problems := text.Check()
	usable := true
	for _, p := range problems {
		severity, offset := Warning, o.node.Offset
		if n := o.node.Get(p.Member); n != nil {
			offset = n.Offset
		}
		switch {
		case p.Fatal && p.Member == "uri":
			usable = false
			p.Problem += ", so the account is left out"
		case p.Fatal:
			severity = Fault
		case p.Member == "outboundProxy" || p.Member == "registrar":
			severity = Skipped
			p.Problem += ", so it is ignored"
		}
		d.note(severity, offset, o.at(p.Member), clip(p.Value), p.Fix, "%s", p.Problem)
	}
	if usable && seen[s.URI] {
		d.note(Warning, o.node.Get("uri").Offset, o.at("uri"), clip(s.URI), "each account once", "the pool has an account of this URI already, so this one is left out")
		return s, false
	}
	if usable {
		seen[s.URI] = true
	}
	return s, usable
}

// maxThreads are the connections that a loader may have.
const maxThreads = 50

func (d *decoder) sqlLoader(o *object, pool string) *SQLLoader {
	l := &SQLLoader{}
	backend := o.text("dbBackend", `"mysql" or "sqlite3"`)
	l.Backend = d.choice(backend, []string{"mysql", "sqlite3"}, "it is no database backend of this program")
	l.InitQuery = o.text("initQuery", `"SELECT username, hostport, user_id, secret_type, secret, alias_username, alias_hostport, outbound_proxy FROM accounts"`).Value
	update := o.text("updateQuery", `"SELECT … FROM accounts WHERE id = :identifier"`)
	l.UpdateQuery = update.Value
	if update.node != nil && !strings.Contains(update.Value, ":identifier") {
		d.note(Warning, update.node.Offset, update.path, "", "… WHERE id = :identifier", "it has no :identifier, so it does not tell which account was updated")
	}
	l.Connection = digest.Secret(o.text("connection", `"db=accounts user='b2bua' password='…' host=db.example.org"`).Value)
	l.ThreadPoolSize = maxThreads
	if n := o.optional("threadPoolSize"); n != nil {
		l.ThreadPoolSize = o.threads(n, pool)
	}
	o.done()
	return l
}

func (o *object) threads(n *jsondoc.Node, pool string) int {
	if n.Kind == jsondoc.Number && strings.HasPrefix(n.Text, "-") || n.Text == "0" {
		o.d.note(Fault, n.Offset, o.at("threadPoolSize"), clip(n.Text), fmt.Sprintf("a number from 1 to %d", maxThreads),
			"invalid thread pool size (%s) set in SQL Account loader of AccountPool(%s)", clip(n.Text), pool)
		return maxThreads
	}
	size := o.number("threadPoolSize", n, 1, maxThreads)
	if size > maxThreads {
		o.d.note(Fault, n.Offset, o.at("threadPoolSize"), n.Text, fmt.Sprint(maxThreads), "a loader has at most %d connections", maxThreads)
	}
	return size
}

// crossCheck looks at what members of different objects have to do with each other.
func (d *decoder) crossCheck(cfg *Config) {
	pools := map[string]bool{}
	for i := range cfg.Pools {
		pools[cfg.Pools[i].Name] = false
	}
	names := slices.Sorted(maps.Keys(pools))
	for i := range cfg.Providers {
		p := &cfg.Providers[i]
		if p.Pool.node == nil && cfg.Version == 2 { // missing, which is told already
			continue
		}
		if _, ok := pools[p.Pool.Value]; ok {
			pools[p.Pool.Value] = true
			continue
		}
		fix := "the name of one of accountPools: " + clip(strings.Join(names, ", "))
		if guess := suggest.Closest(p.Pool.Value, names); guess != "" {
			fix = fmt.Sprintf("%q", guess)
		}
		d.note(Fault, p.Pool.node.Offset, p.Pool.path, clip(p.Pool.Value), fix, "please provide an existing `accountPools` for provider %s", p.Name)
	}
	for i := range cfg.Pools {
		if p := &cfg.Pools[i]; !pools[p.Name] && p.node != nil && cfg.Version == 2 {
			d.note(Warning, p.node.Offset, p.path, "", "its name as accountPool of a provider", "no provider uses this pool; its accounts are loaded and registered all the same")
		}
		if p := &cfg.Pools[i]; p.MaxCallsPerLine == 0 && p.node != nil && p.node.Get("maxCallsPerLine") != nil {
			d.note(Warning, p.node.Get("maxCallsPerLine").Offset, p.path+".maxCallsPerLine", "0", "the number of calls that one account may have at the same time",
				"with 0 calls for each account the pool never takes a call")
		}
	}
}
