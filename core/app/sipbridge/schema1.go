package sipbridge

import (
	"fmt"

	"b2bua/core/account"
	"b2bua/core/digest"
	"b2bua/core/jsondoc"
)

// What schema 1 says without words (spec 4.3).
const (
	to1       = "sip:{incoming.requestUri.user}@{account.uri.hostport}{incoming.requestUri.uriParameters}"
	maxCalls1 = 65535
)

// schema1 converts an array of providers, each with its accounts. Two of one name share the pool of the first.
func (d *decoder) schema1(cfg *Config, root *jsondoc.Node) {
	pools := map[string]bool{}
	for i := range root.Items {
		o := d.object(&root.Items[i], fmt.Sprintf("[%d]", i))
		if o == nil {
			continue
		}
		p, pool := d.provider1(o)
		cfg.Providers = append(cfg.Providers, p)
		if pools[pool.Name] {
			d.note(Warning, o.node.Offset, o.at("name"), clip(p.Name), "another name, unless that is what you want",
				"another provider has this name: both use the accounts and the outboundProxy of the first")
			continue
		}
		pools[pool.Name] = true
		cfg.Pools = append(cfg.Pools, pool)
	}
}

func (d *decoder) provider1(o *object) (ProviderConfig, PoolConfig) {
	p := ProviderConfig{Decline: true, To: Text{Value: to1, path: o.at("to")}, From: Text{Value: defaultFrom, path: o.at("from")}}
	p.Name = d.named(o, o.textOr("name"))
	p.Pool = Text{Value: "Account pool - " + p.Name, path: o.at("name")}
	pattern := o.textOr("pattern")
	if pattern.node == nil {
		pattern.node = o.node
	}
	p.Pattern = &pattern
	d.overrides(&p, o)

	pool := PoolConfig{Name: p.Pool.Value, path: o.path, node: o.node, UnregisterOnShutdown: true}
	pool.OutboundProxy = o.server(o.textOr("outboundProxy"), fmt.Sprintf("invalid outbound proxy SIP URI set in AccountPool(%s)", pool.Name))
	pool.RegistrationRequired = o.boolean("registrationRequired", o.optional("registrationRequired"), false)
	pool.MaxCallsPerLine = o.number("maxCallsPerLine", o.optional("maxCallsPerLine"), 0, maxCalls1)
	if n := o.optional("accounts"); n != nil {
		if n.Kind != jsondoc.Array {
			d.mistyped(n, o.at("accounts"), "an array of accounts [ … ]")
		}
		pool.Accounts = d.accounts1(n, o.at("accounts"))
	}
	o.done()
	return p, pool
}

func (d *decoder) accounts1(n *jsondoc.Node, path string) []account.Spec {
	var list []account.Spec
	seen := map[string]bool{}
	for i := range n.Items {
		o := d.object(&n.Items[i], fmt.Sprintf("%s[%d]", path, i))
		if o == nil {
			continue
		}
		text := account.Text{
			URI: o.textOr("uri").Value, UserID: o.textOr("userid").Value,
			SecretType: account.Clear.String(), Secret: digest.Secret(o.textOr("password").Value),
		}
		o.done()
		if s, ok := d.account(o, &text, seen); ok {
			list = append(list, s)
		}
	}
	return list
}
