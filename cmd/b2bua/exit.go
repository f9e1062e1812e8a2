package main

import "errors"

// Exit statuses, as of the original (spec 1.1.2).
const (
	exitOK      = 0
	exitFailure = 1   // usage, or the start failed for another reason than the configuration
	exitConfig  = 255 // the configuration has faults
)

// errDone ends a command that has done its work while flags were parsed.
var errDone = errors.New("done")

// configError is a configuration that cannot be used. What is wrong has been printed already when text is empty.
type configError struct{ text string }

func (e *configError) Error() string { return e.text }

// status is the exit status for the end of a command.
func status(err error) int {
	var config *configError
	switch {
	case err == nil || errors.Is(err, errDone):
		return exitOK
	case errors.As(err, &config):
		return exitConfig
	default:
		return exitFailure
	}
}
