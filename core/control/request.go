package control

import (
	"strings"
)

// Answer is made aside, after the command has taken from the loop what it needs. The nil Answer says that the command is not known.
type Answer func() string

// Text is an answer that is known already.
func Text(s string) Answer {
	return func() string { return s }
}

// Errorf begins as the original's errors do, so that its client ends with status 64.
func errorText(s string) Answer { return Text(errorPrefix + s) }

const errorPrefix = "Error - "

// Handler answers commands of one owner. Handle runs on the loop; it returns nil for what is not its own.
type Handler interface {
	Handle(command string, args []string) Answer
}

// Table is an ordered list of handlers. It belongs to the loop.
type Table struct{ handlers []Handler }

// Register puts a handler first; one that is there already moves to the front.
func (t *Table) Register(h Handler) {
	t.Unregister(h)
	t.handlers = append([]Handler{h}, t.handlers...)
}

// Unregister takes a handler out.
func (t *Table) Unregister(h Handler) {
	kept := make([]Handler, 0, len(t.handlers)+1)
	for _, one := range t.handlers {
		if one != h {
			kept = append(kept, one)
		}
	}
	t.handlers = kept
}

// Handle asks the handlers in their order; nobody's command is an error.
func (t *Table) Handle(command string, args []string) Answer {
	for _, h := range t.handlers {
		if a := h.Handle(command, args); a != nil {
			return a
		}
	}
	return errorText("Unknown command: " + command)
}

// parse cuts a request into its words. The line end that people's tools append is no part of it, see answer.
func parse(request []byte) (command string, args []string) {
	words := strings.Split(string(request), " ")
	return words[0], words[1:]
}
