package sipbridge

import (
	"fmt"
	"math"
	"strconv"
	"strings"

	"b2bua/core/account"
	"b2bua/core/jsondoc"
	"b2bua/core/sip"
	"b2bua/core/suggest"
)

// decoder collects what is wrong while a tree becomes a Config.
type decoder struct {
	data     []byte
	version  int
	problems []Problem
	cursor   struct{ offset, line, column int } // the last place: files are read forwards
}

func (d *decoder) note(s Severity, offset int, path, value, fix, problem string, args ...any) {
	line, column := d.position(offset)
	d.problems = append(d.problems, Problem{
		Severity: s, Line: line, Column: column, Path: path, Value: value, Problem: fmt.Sprintf(problem, args...), Fix: fix,
	})
}

// position goes on from the last one where it can, so that ten thousand warnings do not read the file ten thousand times.
func (d *decoder) position(offset int) (line, column int) {
	c := &d.cursor
	if c.line == 0 || offset < c.offset {
		c.offset, c.line, c.column = 0, 1, 1
	}
	line, column = jsondoc.Position(d.data[c.offset:], offset-c.offset)
	if line == 1 {
		column += c.column - 1
	}
	line += c.line - 1
	c.offset, c.line, c.column = min(offset, len(d.data)), line, column
	return line, column
}

// object is an object under reading. What nobody asked for is unknown.
type object struct {
	d     *decoder
	node  *jsondoc.Node
	path  string
	asked []string
}

// object makes a value one, nil with a fault when it is something else.
func (d *decoder) object(n *jsondoc.Node, path string) *object {
	if n.Kind != jsondoc.Object {
		d.mistyped(n, path, "an object { … }")
		return nil
	}
	return &object{d: d, node: n, path: path}
}

func (d *decoder) mistyped(n *jsondoc.Node, path, wanted string) {
	value := ""
	if n.Kind == jsondoc.Number && !jsondoc.Private(path[strings.LastIndexByte(path, '.')+1:]) {
		value = n.Text
	}
	d.note(Fault, n.Offset, path, value, wanted, "it is %v, and %s is expected", n.Kind, wanted)
}

func (o *object) at(name string) string {
	if o.path == "" {
		return name
	}
	return o.path + "." + name
}

// optional is the value of a member, nil when it is not there.
func (o *object) optional(name string) *jsondoc.Node {
	o.asked = append(o.asked, name)
	return o.node.Get(name)
}

// required is the value of a member, nil with a fault when it is not there.
func (o *object) required(name, example string) *jsondoc.Node {
	n := o.optional(name)
	if n == nil {
		o.d.note(Fault, o.node.Offset, o.at(name), "", fmt.Sprintf("%q: %s", name, example), "key '%s' not found", name)
	}
	return n
}

// done warns of the members that nobody asked for.
func (o *object) done(quiet ...string) {
	known := map[string]bool{}
	for _, name := range append(o.asked, quiet...) {
		known[name] = true
	}
	for i := range o.node.Members {
		m := &o.node.Members[i]
		if known[m.Name] {
			continue
		}
		fix := "nothing, or one of its members"
		if guess := suggest.Closest(m.Name, o.asked); guess != "" {
			fix = fmt.Sprintf("%q", guess)
		}
		o.d.note(Warning, m.Offset, o.at(clip(m.Name)), "", fix, "this member is not known and ignored")
		o.d.problems[len(o.d.problems)-1].Ignored = true
	}
}

func (o *object) string(name string, n *jsondoc.Node) Text {
	t := Text{path: o.at(name), node: n}
	switch {
	case n == nil:
	case n.Kind != jsondoc.String:
		o.d.mistyped(n, t.path, "a string")
		t.node = nil
	default:
		t.Value = n.Text
	}
	return t
}

// text is a string that must be there.
func (o *object) text(name, example string) Text { return o.string(name, o.required(name, example)) }

// textOr is a string that may be there.
func (o *object) textOr(name string) Text { return o.string(name, o.optional(name)) }

func (o *object) boolean(name string, n *jsondoc.Node, otherwise bool) bool {
	switch {
	case n == nil:
		return otherwise
	case n.Kind != jsondoc.Bool:
		o.d.mistyped(n, o.at(name), "true or false")
		return otherwise
	}
	return n.Bool
}

// number is a whole number from least up to what 31 bits hold.
func (o *object) number(name string, n *jsondoc.Node, least, otherwise int) int {
	if n == nil {
		return otherwise
	}
	if n.Kind != jsondoc.Number {
		fix := "a number"
		if _, err := strconv.Atoi(n.Text); err == nil {
			fix = n.Text + " without quotes"
		}
		o.d.mistyped(n, o.at(name), fix)
		return otherwise
	}
	i, err := strconv.Atoi(n.Text)
	if err == nil && i >= least && i <= math.MaxInt32 {
		return i
	}
	fix := fmt.Sprintf("a whole number from %d to %d", least, math.MaxInt32)
	if f, ferr := strconv.ParseFloat(n.Text, 64); err != nil && ferr == nil && f >= float64(least) && f <= math.MaxInt32 {
		fix = strconv.Itoa(int(f))
	}
	o.d.note(Fault, n.Offset, o.at(name), clip(n.Text), fix, "a whole number from %d is expected", least)
	return otherwise
}

// server is the SIP address of a server, or nothing. problem is what the original says of a text that is none.
func (o *object) server(t Text, problem string) sip.Address {
	if t.Value == "" {
		return sip.Address{}
	}
	a, err := account.ParseServer(t.Value)
	if err != nil {
		o.d.note(Fault, t.node.Offset, t.path, clip(account.WithoutPassword(t.Value)), "<sip:proxy.example.org;transport=tls>",
			"%s: %s", problem, clip(account.WithoutPassword(t.Value)))
		return sip.Address{}
	}
	return a
}

// choice is one of several words.
func (d *decoder) choice(t Text, words []string, problem string) string {
	for _, w := range words {
		if t.Value == w {
			return w
		}
	}
	if t.node == nil { // missing or mistyped, which is told already
		return ""
	}
	fix := oneOf(words)
	if guess := suggest.Closest(t.Value, words); guess != "" {
		fix = fmt.Sprintf("%q", guess)
	}
	d.note(Fault, t.node.Offset, t.path, clip(t.Value), fix, "%s", problem)
	return ""
}

func oneOf(words []string) string {
	out := ""
	for i, w := range words {
		switch {
		case i > 0 && i == len(words)-1:
			out += " or "
		case i > 0:
			out += ", "
		}
		out += fmt.Sprintf("%q", w)
	}
	return out
}

// clip keeps messages short.
func clip(s string) string {
	const most = 120
	if len(s) > most {
		return s[:most] + "…"
	}
	return s
}
