package sipbridge

import (
	"fmt"
	"strings"
	"unicode/utf8"

	"b2bua/core/account"
	"b2bua/core/sip"
	"b2bua/core/suggest"
)

// Template is a text with substitutions (spec 4.13), checked.
type Template struct {
	text   string
	pieces []piece
}

// piece is a literal, or a part of an address.
type piece struct {
	literal string
	address address // none: literal
	part    part
}

type address uint8

const (
	none address = iota
	fromHeader
	toHeader
	requestURI
	accountURI
	accountAlias
)

type part uint8

const (
	whole part = iota
	user
	hostport
	uriParameters
	displayName
)

var parts = map[string]part{"user": user, "hostport": hostport, "uriParameters": uriParameters, "displayName": displayName}

// scope is what names mean: a variable, or a scope of its own.
type scope map[string]entry

type entry struct {
	address address
	scope   scope
}

// The names of spec 4.13, with the spellings of the seed's tables.
var (
	requestNames = scope{
		"from": {address: fromHeader}, "to": {address: toHeader},
		"requestUri": {address: requestURI}, "requestAddress": {address: requestURI},
	}
	accountNames = scope{"uri": {address: accountURI}, "sipIdentity": {address: accountURI}, "alias": {address: accountAlias}}
	inviteNames  = scope{"incoming": {scope: requestNames}, "account": {scope: accountNames}}
)

// TemplateError says where a template is wrong.
type TemplateError struct {
	Text  string
	At    int    // byte offset of the token, or of the opening brace
	Token string // what has no meaning there
	Open  bool   // the brace is not closed
	Fix   string // what to write instead
}

// Error is the message of the original, with the place marked.
func (e *TemplateError) Error() string {
	indent := strings.Repeat(" ", utf8.RuneCountInString(e.Text[:e.At]))
	if e.Open {
		return "Missing closing delimiter. Expected '}' but reached end of string:\n" + e.Text + "\n" + indent + "^substitution template started here"
	}
	return fmt.Sprintf("Token %q is invalid within this context:\n%s\n%s^here", e.Token, e.Text, indent)
}

// Line is the same on one line.
func (e *TemplateError) Line() string {
	place := fmt.Sprintf(" (character %d of %s)", utf8.RuneCountInString(e.Text[:e.At])+1, e.Text)
	if e.Open {
		return "Missing closing delimiter. Expected '}' but reached end of string" + place
	}
	return fmt.Sprintf("Token %q is invalid within this context", e.Token) + place
}

// compile reads a template whose variables are those of names. The error is a *TemplateError.
func compile(text string, names scope) (*Template, *TemplateError) {
	t := &Template{text: text}
	for at := 0; at < len(text); {
		open := strings.IndexByte(text[at:], '{')
		if open < 0 {
			t.pieces = append(t.pieces, piece{literal: text[at:]})
			break
		}
		if open > 0 {
			t.pieces = append(t.pieces, piece{literal: text[at : at+open]})
		}
		at += open
		end := strings.IndexByte(text[at:], '}')
		if end < 0 {
			return nil, &TemplateError{Text: text, At: at, Open: true, Fix: "a } after the name, such as " + example(names)}
		}
		p, err := substitution(text, at+1, at+end, names)
		if err != nil {
			return nil, err
		}
		t.pieces = append(t.pieces, p)
		at += end + 1
	}
	return t, nil
}

// substitution reads what stands between two braces.
func substitution(text string, at, end int, names scope) (piece, *TemplateError) {
	var p piece
	before, began := "", at
	for _, token := range strings.Split(strings.TrimSuffix(text[at:end], "."), ".") {
		var fix string
		switch e, known := names[token]; {
		case names != nil && known:
			p.address, names = e.address, e.scope
		case names != nil:
			fix = otherName(token, names)
		case p.part != whole:
			fix = "nothing after ." + before + ", which has no parts"
		default:
			var ok bool
			if p.part, ok = parts[token]; !ok || p.part == displayName && p.address == accountAlias {
				fix = otherPart(token, p.address)
			}
		}
		if fix != "" {
			return piece{}, &TemplateError{Text: text, At: at, Token: token, Fix: fix}
		}
		before, began = token, at
		at += len(token) + 1
	}
	if names != nil { // a name that stands for several addresses
		return piece{}, &TemplateError{Text: text, At: began, Token: before, Fix: "one of its members: " + before + "." + strings.Join(keys(names), ", "+before+".")}
	}
	return p, nil
}

// otherName is what may stand in place of a name that is not known.
func otherName(token string, names scope) string {
	all := keys(names)
	for _, prefix := range []string{"incoming", "account"} {
		if token == prefix { // the long form where the short one is wanted
			return "the name without " + prefix + ".: " + strings.Join(all, ", ")
		}
	}
	for outer, e := range names { // the short form where the long one is wanted
		if _, ok := e.scope[token]; ok {
			return outer + "." + token
		}
	}
	if guess := suggest.Closest(strings.TrimSpace(token), all); guess != "" {
		return guess
	}
	return "one of " + strings.Join(all, ", ")
}

func otherPart(token string, a address) string {
	all := []string{"user", "hostport", "uriParameters"}
	if a != accountAlias {
		all = append(all, "displayName")
	}
	if guess := suggest.Closest(strings.TrimSpace(token), all); guess != "" {
		return guess
	}
	return "one of " + strings.Join(all, ", ")
}

// keys are the names in the order of the documents.
func keys(names scope) []string {
	var out []string
	for _, name := range []string{"incoming", "account", "from", "to", "requestUri", "uri", "alias"} {
		if _, ok := names[name]; ok {
			out = append(out, name)
		}
	}
	return out
}

// example is a substitution that the names allow.
func example(names scope) string {
	path := ""
	for names != nil {
		first := keys(names)[0]
		path += "." + first
		names = names[first].scope
	}
	return "{" + path[1:] + "}"
}

// values are what a template is filled with.
type values struct {
	from, to *sip.Address
	request  *sip.URI
	account  *account.Account

	identity, alias *sip.URI // of account, parsed when needed
}

// render fills the template.
func (t *Template) render(v *values) string {
	if len(t.pieces) == 1 {
		return v.of(t.pieces[0])
	}
	var b strings.Builder
	b.Grow(96)
	for _, p := range t.pieces {
		b.WriteString(v.of(p))
	}
	return b.String()
}

// String is the template as written.
func (t *Template) String() string { return t.text }

func (v *values) of(p piece) string {
	switch p.address {
	case fromHeader:
		return ofAddress(v.from.Display, &v.from.URI, p.part)
	case toHeader:
		return ofAddress(v.to.Display, &v.to.URI, p.part)
	case requestURI:
		return ofAddress("", v.request, p.part)
	case accountURI:
		return v.ofIdentity(p.part)
	case accountAlias:
		return v.ofAlias(p.part)
	case none:
	}
	return p.literal
}

func ofAddress(display string, u *sip.URI, p part) string {
	switch p {
	case whole:
		return u.Canonical()
	case user:
		return sip.CanonicalUser(u.User)
	case hostport:
		return u.HostPort()
	case uriParameters:
		return u.Params.String()
	case displayName:
		if display == "" {
			return ""
		}
		return sip.Quote(display)
	}
	return ""
}

func (v *values) ofIdentity(p part) string {
	if p == whole {
		return v.account.URI()
	}
	if v.identity == nil {
		u, _ := sip.ParseURI(v.account.URI()) // it was checked when it was loaded
		v.identity = &u
	}
	return ofAddress(v.account.Spec().Display, v.identity, p)
}

// ofAlias gives the alias as it is written, its escapes untouched.
func (v *values) ofAlias(p part) string {
	text := v.account.Alias()
	if p == whole || text == "" {
		return text
	}
	if v.alias == nil {
		u, _ := sip.ParseURI(text)
		v.alias = &u
	}
	if p == user {
		return v.alias.User
	}
	return ofAddress("", v.alias, p)
}
