package account

import (
	"fmt"
	"strings"

	"b2bua/core/digest"
	"b2bua/core/sip"
)

// SecretType says how a secret is to be understood.
type SecretType uint8

// Kinds of secrets.
const (
	MD5     SecretType = iota // HA1 by MD5, in hex; the default
	SHA256                    // HA1 by SHA-256, in hex
	Clear                     // the password itself
	unknown                   // taken for MD5
)

// String is the name in a providers file.
func (t SecretType) String() string {
	switch t {
	case SHA256:
		return "sha256"
	case Clear:
		return "clrtxt"
	case MD5, unknown:
	}
	return "md5"
}

// ParseSecretType reads a secretType. Names are compared with their case (spec S-LOAD-1); ok is false for a name that is not
// known, which means MD5, as an empty one does.
func ParseSecretType(s string) (t SecretType, ok bool) {
	switch s {
	case "", "ha1", "md5":
		return MD5, true
	case "sha256", "sha-256":
		return SHA256, true
	case "clrtxt":
		return Clear, true
	}
	return MD5, false
}

// Text is an account as a loader finds it, nothing checked.
type Text struct {
	URI           string
	UserID        string
	SecretType    string
	Secret        digest.Secret
	Realm         string
	Alias         string
	OutboundProxy string
	Registrar     string
	Protocol      string
	MWIServer     string
}

// Spec is what a provider needs to know of an account, checked. It is a value: comparing two tells what an update changed.
type Spec struct {
	URI       string // identity, canonical (sip.URI.Canonical)
	Display   string // display name of the identity, mostly empty
	UserID    string // user name of the digest answer; "": the user part of URI
	Realm     string // "": the domain of URI
	Secret    digest.Secret
	Alias     string // as written; "": none
	MWIServer string // URI; "": that of the pool

	// OutboundProxy and Registrar are addresses as configured, resolved by section 4.4 of the behaviour; "": that of the pool.
	OutboundProxy string
	Registrar     string

	SecretType SecretType
	Protocol   Protocol // of the addresses that name a host alone
}

// Problem is what is wrong with one member of an account, and what to write instead.
type Problem struct {
	Member  string // "uri", "outboundProxy", …: the name in a providers file
	Value   string // as written; never a secret
	Problem string
	Fix     string
	Fatal   bool // the account cannot be used at all
}

func (p Problem) String() string {
	if p.Value == "" {
		return fmt.Sprintf("%s: %s; write %s", p.Member, p.Problem, p.Fix)
	}
	return fmt.Sprintf("%s %q: %s; write %s", p.Member, p.Value, p.Problem, p.Fix)
}

const exampleURI = "sip:user@provider.example.com"

// Check turns the text into a Spec. With a fatal problem the Spec is not usable; any other leaves its member unset.
func (t *Text) Check() (Spec, []Problem) {
	s := Spec{UserID: t.UserID, Realm: t.Realm, Secret: t.Secret}
	var c checker
	c.identity(&s, t.URI)
	s.Protocol = c.protocol(t.Protocol)
	s.OutboundProxy = c.server("outboundProxy", t.OutboundProxy, s.Protocol)
	s.Registrar = c.server("registrar", t.Registrar, s.Protocol)
	c.secret(&s, t)
	if t.Alias != "" {
		u, err := sip.ParseURI(t.Alias)
		if err != nil || u.Scheme != "sip" && u.Scheme != "sips" {
			c.problem("alias", t.Alias, "it is not a bare SIP URI", "sip:user@domain, without display name and < >", true)
		} else {
			s.Alias = t.Alias
		}
	}
	if t.MWIServer != "" {
		if a, err := parseServer(t.MWIServer); err != nil {
			c.problem("mwiServerUri", t.MWIServer, err.Error(), "sip:mwi@provider.example.com", true)
		} else {
			s.MWIServer = a.URI.String()
		}
	}
	return s, c.problems
}

type checker struct{ problems []Problem }

func (c *checker) problem(member, value, problem, fix string, fatal bool) {
	c.problems = append(c.problems, Problem{member, WithoutPassword(value), problem, fix, fatal})
}

func (c *checker) identity(s *Spec, text string) {
	if text == "" {
		c.problem("uri", "", "it is empty", exampleURI, true)
		return
	}
	a, err := sip.ParseAddress(text)
	switch {
	case err != nil:
		c.problem("uri", text, "it is not a SIP address ("+err.Error()+")", exampleURI, true)
		return
	case a.URI.Scheme != "sip" && a.URI.Scheme != "sips":
		c.problem("uri", text, "an account has a sip: or sips: URI", exampleURI, true)
		return
	case a.URI.Password != "":
		c.problem("uri", text, "the password in the URI is ignored", "it as secret, with secretType clrtxt", false)
	}
	if !strings.Contains(text, "<") { // parameters of a bare URI are its own in a providers file, header parameters elsewhere
		a.URI.Params = append(a.URI.Params, a.Params...)
	}
	s.URI, s.Display = a.URI.Canonical(), a.Display
}

// WithoutPassword is a text that may be a URI without what may be its password.
func WithoutPassword(text string) string {
	at := strings.LastIndexByte(text, '@')
	scheme := strings.IndexByte(text, ':')
	if at < 0 || scheme < 0 || scheme > at {
		return text
	}
	switch strings.ToLower(strings.TrimLeft(text[:scheme], `< "`)) {
	case "sip", "sips":
	default:
		if i := strings.Index(text[:at], "sip:"); i >= 0 { // a display name before it
			scheme = i + len("sip:") - 1
		} else if i := strings.Index(text[:at], "sips:"); i >= 0 {
			scheme = i + len("sips:") - 1
		} else { // user:password@host
			return text[:scheme] + ":***" + text[at:]
		}
	}
	if i := strings.IndexByte(text[scheme+1:at], ':'); i >= 0 {
		return text[:scheme+1+i] + ":***" + text[at:]
	}
	return text
}

func (c *checker) protocol(text string) Protocol {
	p, ok := ParseProtocol(text)
	if !ok {
		c.problem("protocol", text, "it is not a transport", "udp, tcp or tls", false)
	}
	return p
}

func (c *checker) server(member, text string, p Protocol) string {
	if text == "" {
		return ""
	}
	a, err := Resolve(text, p)
	if err != nil {
		c.problem(member, text, err.Error(), "sip.provider.example.com, or <sip:sip.provider.example.com;transport=tls>", false)
		return ""
	}
	return serverText(a)
}

// secret warns of what looks like a password where an HA1 is expected: such an account can never authenticate.
func (c *checker) secret(s *Spec, t *Text) {
	kind, ok := ParseSecretType(t.SecretType)
	s.SecretType = kind
	if !ok {
		c.problem("secretType", t.SecretType, "it is not known and taken for md5", "md5 (also ha1), sha256 or clrtxt", false)
	}
	want := map[SecretType]int{MD5: 32, SHA256: 64}[kind]
	if t.Secret == "" || want == 0 {
		return
	}
	if len(t.Secret) != want || strings.Trim(string(t.Secret), "0123456789abcdefABCDEF") != "" {
		c.problem("secret", "", fmt.Sprintf("secretType %v needs a hash of %d hexadecimal digits, and this is something else: no challenge can be answered with it", kind, want),
			`"secretType": "clrtxt" if it is the password itself`, false)
	}
}
