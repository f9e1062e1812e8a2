package steps

import (
	"encoding/json"
	"fmt"
	"os"

	"github.com/cucumber/godog"
)

// infoSteps: what the socket for clients tells, while it changes.
func (w *World) infoSteps(sc *godog.ScenarioContext) {
	sc.Step(`^SIP_BRIDGE INFO becomes exactly$`, w.infoBecomes)
	sc.Step(`^what b2bua holds is noted$`, w.noteHeld)
	sc.Step(`^b2bua holds no more than was noted$`, w.holdsNoMore)
}

// infoBecomes: octet for octet, a tab stands for itself, a blank at the end of a line is written {{space}}.
func (w *World) infoBecomes(want *godog.DocString) error {
	text, err := w.expand(want.Content)
	if err != nil {
		return err
	}
	last := ""
	err = w.until("SIP_BRIDGE INFO did not become what it should", func() (bool, error) {
		var err error
		last, err = w.clientAsks("SIP_BRIDGE INFO")
		return last == text, err
	})
	if err != nil {
		return fmt.Errorf("it says\n%s\nin place of\n%s\n%w", last, text, err)
	}
	return nil
}

// held is what a server that leaks has more and more of.
type held struct {
	Calls, Streams, Connections, Transactions, Goroutines int
	files                                                 int // open ones, sockets included
}

func (w *World) held() (held, error) {
	var h held
	text, err := w.clientAsks("B2BUA STATUS")
	if err != nil {
		return h, err
	}
	if err := json.Unmarshal([]byte(text), &h); err != nil {
		return h, fmt.Errorf("B2BUA STATUS: %w in %s", err, text)
	}
	list, err := os.ReadDir(fmt.Sprintf("/proc/%d/fd", w.process.PID()))
	h.files = len(list)
	return h, err
}

// noteHeld waits until no transaction absorbs repetitions any more, and nobody asks the socket but we.
func (w *World) noteHeld() error {
	return w.until("b2bua does not come to rest", func() (bool, error) {
		var err error
		w.noted, err = w.held()
		return w.noted.Transactions == 0, err
	})
}

func (w *World) holdsNoMore() error {
	var last held
	err := w.until("b2bua holds more than before", func() (bool, error) {
		h, err := w.held()
		last = h
		n := w.noted
		return h.Calls <= n.Calls && h.Streams <= n.Streams && h.Connections <= n.Connections && h.Transactions <= n.Transactions &&
			h.Goroutines <= n.Goroutines && h.files <= n.files, err
	})
	if err != nil {
		return fmt.Errorf("before: %+v, now: %+v: %w", w.noted, last, err)
	}
	return nil
}
