package steps

import (
	"fmt"
	"io"
	"math"
	"sync"
	"time"

	"github.com/cucumber/godog"
	messages "github.com/cucumber/messages/go/v21"
)

// plainFormat is the name of the report for logs and pipes: no colours, every line ends, the last one counts the scenarios.
const plainFormat = "plain"

// dotsPerRow keeps a row with its number within 80 columns.
const dotsPerRow = 70

// plain reports a run for people and machines that read it later. The errors themselves are told by `go test`, each under the
// name of its scenario.
type plain struct {
	out   io.Writer
	quiet bool // go test -v tells every scenario itself
	now   func() time.Time

	mu    sync.Mutex // scenarios run side by side
	begun time.Time
	all   int
	over  map[string]bool // pickle id
	bad   map[string]bool
	notes []string
}

// newPlain makes a report that leaves progress to `go test -v` if quiet.
func newPlain(out io.Writer, quiet bool) *plain {
	return &plain{out: out, quiet: quiet, now: time.Now, over: map[string]bool{}, bad: map[string]bool{}}
}

// TestRunStarted notes the time.
func (p *plain) TestRunStarted() { p.begun = p.now() }

// Feature needs nothing.
func (p *plain) Feature(*messages.GherkinDocument, string, []byte) {}

// Pickle counts a scenario; one without steps gets no other call.
func (p *plain) Pickle(pickle *messages.Pickle) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.all++
	if len(pickle.Steps) == 0 {
		p.fault(pickle, "it has no steps")
	}
}

// Defined needs nothing.
func (p *plain) Defined(*messages.Pickle, *messages.PickleStep, *godog.StepDefinition) {}

// Passed is a step.
func (p *plain) Passed(pickle *messages.Pickle, step *messages.PickleStep, _ *godog.StepDefinition) {
	p.step(pickle, step, "")
}

// Skipped is a step after one that failed.
func (p *plain) Skipped(pickle *messages.Pickle, step *messages.PickleStep, _ *godog.StepDefinition) {
	p.step(pickle, step, "")
}

// Failed is a step, or a hook around it.
func (p *plain) Failed(pickle *messages.Pickle, step *messages.PickleStep, _ *godog.StepDefinition, _ error) {
	p.step(pickle, step, "failed")
}

// Undefined is a step that nobody has written.
func (p *plain) Undefined(pickle *messages.Pickle, step *messages.PickleStep, _ *godog.StepDefinition) {
	p.step(pickle, step, "is undefined")
}

// Pending is a step that is not finished.
func (p *plain) Pending(pickle *messages.Pickle, step *messages.PickleStep, _ *godog.StepDefinition) {
	p.step(pickle, step, "is pending")
}

// Ambiguous is a step that fits two definitions.
func (p *plain) Ambiguous(pickle *messages.Pickle, step *messages.PickleStep, _ *godog.StepDefinition, _ error) {
	p.step(pickle, step, "is ambiguous")
}

func (p *plain) step(pickle *messages.Pickle, step *messages.PickleStep, fault string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if fault != "" {
		p.fault(pickle, fmt.Sprintf("%q %s", step.Text, fault))
	}
	if step.Id == pickle.Steps[len(pickle.Steps)-1].Id {
		p.dot(pickle)
	}
}

// fault notes the first fault of a scenario.
func (p *plain) fault(pickle *messages.Pickle, what string) {
	if !p.bad[pickle.Id] {
		p.bad[pickle.Id] = true
		p.notes = append(p.notes, fmt.Sprintf("FAILED: %s, scenario %q: %s", pickle.Uri, pickle.Name, what))
	}
}

// dot is the progress of one scenario.
func (p *plain) dot(pickle *messages.Pickle) {
	p.over[pickle.Id] = true
	if p.quiet {
		return
	}
	mark, end := ".", ""
	if p.bad[pickle.Id] {
		mark = "F"
	}
	if len(p.over)%dotsPerRow == 0 {
		end = fmt.Sprintf(" %d\n", len(p.over))
	}
	_, _ = fmt.Fprint(p.out, mark, end)
}

// Summary ends the row of dots, names what failed and counts.
func (p *plain) Summary() {
	p.mu.Lock()
	defer p.mu.Unlock()
	if !p.quiet && len(p.over)%dotsPerRow != 0 {
		_, _ = fmt.Fprintf(p.out, " %d\n", len(p.over))
	}
	for _, note := range p.notes {
		_, _ = fmt.Fprintln(p.out, note)
	}
	_, _ = fmt.Fprintf(p.out, "scenarios: %d passed, %d failed (%.0f s)\n", p.all-len(p.bad), len(p.bad), math.Ceil(p.now().Sub(p.begun).Seconds()))
}
