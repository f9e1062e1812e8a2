package transaction

import (
	"fmt"
	"time"

	"b2bua/core/sip"
)

// TimeoutError says that a peer did not do its part in time.
type TimeoutError struct {
	Method sip.Method
	After  time.Duration
	Waited string // what was waited for
}

// Error names the method, the time and what was missing.
func (e *TimeoutError) Error() string {
	return fmt.Sprintf("%s: waited %s %s", e.Method, e.After, e.Waited)
}

// Timeout marks the error as a timeout.
func (e *TimeoutError) Timeout() bool { return true }
