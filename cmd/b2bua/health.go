package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"b2bua/core/control"
)

// ctlHealthCmd is what a supervisor asks: a container's health check knows the statuses 0 and 1 only.
type ctlHealthCmd struct{}

// Help is shown by b2bua ctl health --help.
func (ctlHealthCmd) Help() string {
	return `One line for a supervisor: the server answers, or it does not, or it takes no more calls as it is stopping (b2bua/drain-timeout). Accounts that are not registered do not count as ill: a new start would not help
them; b2bua ctl accounts --failed lists them.

Examples:
  b2bua ctl health
  HEALTHCHECK CMD ["b2bua", "ctl", "health", "--timeout", "4s"]

Exit status: 0 it answers; 1 it does not, or it is stopping.`
}

// illError is the answer that nobody gives. It wraps none of the errors that have a status of their own.
type illError struct{ error }

// answer is one line. The question goes through the loop that owns all calls, so an answer means that it turns.
func (*ctlHealthCmd) answer(ask asked) (string, error) {
	text, err := ask("B2BUA", "STATUS")
	if err != nil {
		return "", err
	}
	var s control.Status
	if err := json.Unmarshal([]byte(text), &s); err != nil {
		return "", unreadable(err)
	}
	if !s.StopsBy.IsZero() {
		return "", errors.New(stopping(&s))
	}
	what := []string{fmt.Sprintf("calls: %d", s.Calls)}
	for _, name := range slices.Sorted(maps.Keys(s.Accounts)) {
		what = append(what, fmt.Sprintf("accounts %s: %d", name, s.Accounts[name]))
	}
	return fmt.Sprintf("healthy: b2bua %s answers (%s)", s.Version, strings.Join(what, ", ")), nil
}

// stopping says how long a server that takes no more calls may still run.
func stopping(s *control.Status) string {
	noun := "calls"
	if s.Calls == 1 {
		noun = "call"
	}
	return fmt.Sprintf("stopping: %d %s until %s", s.Calls, noun, s.StopsBy.Local().Format(time.TimeOnly))
}

// judged makes every failure of ctl health the same status.
func judged(command string, err error) error {
	if err == nil || command != "ctl health" {
		return err
	}
	return &illError{fmt.Errorf("unhealthy: %v", err)} //nolint:errorlint // the statuses of what it is made of are not wanted
}
