package sqlstore

import (
	"fmt"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	"b2bua/core/account"
	"b2bua/core/digest"
)

// Columns of a query (spec 4.9.2). Their names are compared without case.
const (
	colUsername = iota
	colDomain
	colUserID
	colRealm
	colSecret
	colSecretType
	colAliasUser
	colAliasDomain
	colProxy
	colRegistrar
	colProtocol
	colMWI
	numColumns
)

// column is one that queries have, by either of its names.
type column struct {
	names    [2]string // "": only one
	required bool
	notNull  bool
}

var columns = [numColumns]column{
	colUsername:    {names: [2]string{"username"}, required: true, notNull: true},
	colDomain:      {names: [2]string{"domain", "hostport"}, required: true, notNull: true},
	colUserID:      {names: [2]string{"user_id"}, required: true},
	colRealm:       {names: [2]string{"realm"}},
	colSecret:      {names: [2]string{"secret"}, required: true},
	colSecretType:  {names: [2]string{"secret_type"}, required: true},
	colAliasUser:   {names: [2]string{"alias_username"}, required: true},
	colAliasDomain: {names: [2]string{"alias_domain", "alias_hostport"}, required: true},
	colProxy:       {names: [2]string{"outbound_proxy"}},
	colRegistrar:   {names: [2]string{"registrar"}},
	colProtocol:    {names: [2]string{"protocol"}},
	colMWI:         {names: [2]string{"mwi_server_uri"}},
}

// ColumnError is a column that a query should have.
type ColumnError struct{ Missing [2]string }

func (e *ColumnError) Error() string {
	if e.Missing[1] == "" {
		return fmt.Sprintf("column '%s' does not exist", e.Missing[0])
	}
	return fmt.Sprintf("column '%s' or '%s' do not exist", e.Missing[0], e.Missing[1])
}

// layout says which column of a result is which; -1: the result does not have it.
type layout struct {
	at [numColumns]int
	n  int
}

// layOut finds the columns by name, in any order; others are left alone. Of two with one name the first counts, and of domain and
// hostport the former.
func layOut(names []string) (layout, error) {
	l := layout{n: len(names)}
	for c, want := range columns {
		l.at[c] = -1
		for i := len(want.names) - 1; i >= 0; i-- {
			for at := len(names) - 1; at >= 0 && want.names[i] != ""; at-- {
				if strings.EqualFold(names[at], want.names[i]) {
					l.at[c] = at
				}
			}
		}
		if l.at[c] < 0 && want.required {
			return l, &ColumnError{want.names}
		}
	}
	return l, nil
}

// maxValue bounds a value; a longer one is no part of an account.
const maxValue = 4096

// cell is a value of any type, as text. It keeps the text of the row before: many rows have the same domain, or secret type.
type cell struct {
	text string
	null bool
	bad  string // what is wrong with it
}

// Scan implements sql.Scanner; it does not fail, so that one bad value does not end a load.
func (c *cell) Scan(value any) error {
	c.null, c.bad = false, ""
	switch v := value.(type) {
	case nil:
		c.null = true
	case []byte:
		c.bytes(v)
	case string:
		c.set(v)
	case int64:
		c.set(strconv.FormatInt(v, 10))
	case uint64:
		c.set(strconv.FormatUint(v, 10))
	case float64: // a phone number may be one: no exponent
		c.set(strconv.FormatFloat(v, 'f', -1, 64))
	case float32:
		c.set(strconv.FormatFloat(float64(v), 'f', -1, 32))
	case bool:
		c.set(map[bool]string{false: "0", true: "1"}[v])
	case time.Time:
		c.set(v.Format(time.DateTime))
	default:
		c.bad = fmt.Sprintf("it is of the type %T, which is no text", value)
	}
	return nil
}

func (c *cell) bytes(v []byte) {
	if string(v) == c.text { // compares without allocating
		return
	}
	if len(v) > maxValue {
		c.bad = fmt.Sprintf("it has %d bytes, and %d at most are text of an account", len(v), maxValue)
		return
	}
	c.set(string(v))
}

// set checks what may end up in a SIP message.
func (c *cell) set(v string) {
	switch {
	case len(v) > maxValue:
		c.bad = fmt.Sprintf("it has %d bytes, and %d at most are text of an account", len(v), maxValue)
	case !utf8.ValidString(v):
		c.bad = "it is not UTF-8"
	case strings.ContainsFunc(v, func(r rune) bool { return r < ' ' || r == 0x7f }):
		c.bad = "it has a control character"
	default:
		c.text = v
	}
}

// Row is an account as the database has it.
type Row struct {
	Spec account.Spec
	// Usable is false for a row that is no account. Its Spec.URI, when it is known, names the account that the row should have
	// been: one that exists already is better kept as it is than deleted.
	Usable   bool
	Problems []account.Problem
}

// NullError is a NULL where there must be a value. It ends a whole load (spec 4.9.2).
type NullError struct {
	Row    int
	Column string
}

func (e *NullError) Error() string {
	return fmt.Sprintf("row %d: column '%s' is NULL, which an account cannot have; correct the row, or leave it out by WHERE %s IS NOT NULL", e.Row, e.Column, e.Column)
}

// Problem is the same of a single row.
func (e *NullError) Problem() account.Problem {
	return account.Problem{Member: e.Column, Problem: "it is NULL, which an account cannot have", Fix: "a value", Fatal: true}
}

// rowReader makes accounts of rows.
type rowReader struct {
	layout
	names []string // of the result
	cells []cell
	into  []any
	row   int
}

func newRowReader(names []string) (*rowReader, error) {
	l, err := layOut(names)
	if err != nil {
		return nil, err
	}
	r := &rowReader{layout: l, names: names, cells: make([]cell, l.n), into: make([]any, l.n)}
	used := make([]bool, l.n)
	for _, at := range l.at {
		if at >= 0 {
			used[at] = true
		}
	}
	for i := range r.into {
		if used[i] {
			r.into[i] = &r.cells[i]
		} else {
			r.into[i] = ignored{}
		}
	}
	return r, nil
}

// ignored is a column that nobody asked for.
type ignored struct{}

func (ignored) Scan(any) error { return nil }

func (r *rowReader) value(c int) string {
	at := r.at[c]
	if at < 0 || r.cells[at].null || r.cells[at].bad != "" {
		return ""
	}
	return r.cells[at].text
}

// read makes an account of what was scanned.
func (r *rowReader) read() (Row, error) {
	r.row++
	for c := range columns {
		if at := r.at[c]; at >= 0 && columns[c].notNull && r.cells[at].null {
			return Row{}, &NullError{r.row, r.names[at]}
		}
	}
	t := account.Text{
		URI: "sip:" + r.value(colUsername) + "@" + r.value(colDomain), UserID: r.value(colUserID), Realm: r.value(colRealm),
		Secret: digest.Secret(r.value(colSecret)), SecretType: strings.ToLower(r.value(colSecretType)),
		OutboundProxy: r.value(colProxy), Registrar: r.value(colRegistrar), Protocol: strings.ToLower(r.value(colProtocol)),
		MWIServer: r.value(colMWI),
	}
	if user, domain := r.value(colAliasUser), r.value(colAliasDomain); user != "" && domain != "" {
		t.Alias = "sip:" + user + "@" + domain
	}
	out := Row{Usable: true}
	if p, named := r.badCells(); len(p) > 0 {
		out.Usable, out.Problems = false, p
		if !named {
			return out, nil
		}
	}
	if r.value(colUsername) == "" || r.value(colDomain) == "" {
		out.Usable = false
		out.Problems = append(out.Problems, account.Problem{
			Member: "username", Problem: "it or the domain is empty", Fix: "both, or leave the row out", Fatal: true,
		})
		return out, nil
	}
	var problems []account.Problem
	out.Spec, problems = t.Check()
	for _, p := range problems {
		p.Member = columnOf(p.Member)
		out.Problems = append(out.Problems, p)
		out.Usable = out.Usable && !p.Fatal
	}
	return out, nil
}

// badCells are the values that are no text; named tells whether the account can be named all the same.
func (r *rowReader) badCells() (list []account.Problem, named bool) {
	named = true
	for c, at := range r.at {
		if at < 0 || r.cells[at].null || r.cells[at].bad == "" {
			continue
		}
		list = append(list, account.Problem{Member: r.names[at], Problem: r.cells[at].bad, Fix: "text of one line", Fatal: true})
		named = named && c != colUsername && c != colDomain
	}
	return list, named
}

// memberColumns are the columns behind the members of an account that Check names.
var memberColumns = map[string]string{
	"uri": "username and domain", "alias": "alias_username and alias_domain", "outboundProxy": "outbound_proxy",
	"secretType": "secret_type", "mwiServerUri": "mwi_server_uri",
}

func columnOf(member string) string {
	if c, ok := memberColumns[member]; ok {
		return c
	}
	return member
}

// Describe says what is wrong with a row, for the log: which account, which columns, why.
func (r *Row) Describe() string {
	if len(r.Problems) == 0 {
		return ""
	}
	var text strings.Builder
	name := r.Spec.URI
	if name == "" {
		name = "a row without a name"
	}
	text.WriteString(name)
	for i, p := range r.Problems {
		text.WriteString([2]string{": ", "; "}[min(i, 1)])
		text.WriteString(p.String())
	}
	return text.String()
}
