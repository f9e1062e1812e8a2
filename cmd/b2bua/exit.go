package main

import (
	"errors"

	"b2bua/core/control"
	"b2bua/core/server"
)

// Exit statuses, as of the original (spec 1.1.2).
const (
	exitOK      = 0
	exitFailure = 1   // usage, or the start failed for another reason than the configuration
	exitRefused = 2   // explain: the call would be refused
	exitConfig  = 255 // the configuration has faults, or --check found rules that a start skips
)

// errDone ends a command that has done its work while flags were parsed.
var errDone = errors.New("done")

// configError is a configuration that cannot be used. What is wrong has been printed already when text is empty.
type configError struct{ text string }

func (e *configError) Error() string { return e.text }

// errRefused ends an explanation of a call that would be refused; it has been printed.
var errRefused = toldError{errors.New("the call would be refused")}

// status is the exit status for the end of a command.
func status(err error) int {
	var config *configError
	var unusable *server.ConfigError
	var refused control.RefusedError
	var silent *silentError
	switch {
	case err == nil || errors.Is(err, errDone):
		return exitOK
	case errors.As(err, &config), errors.As(err, &unusable):
		return exitConfig
	case errors.Is(err, errRefused):
		return exitRefused
	case errors.As(err, &refused):
		return exitRefusedByServer
	case errors.As(err, &silent):
		return exitNoAnswer
	default:
		return exitFailure
	}
}
