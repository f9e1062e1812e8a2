package event

import (
	"fmt"
	"time"
)

// Accounts is something about the accounts of a pool that comes from a database.
type Accounts struct {
	At     Level
	Pool   string
	What   string
	Untold int // lines about rows that were left out before
}

// Level of Accounts.
func (e Accounts) Level() Level { return e.At }

// Text of Accounts.
func (e Accounts) Text() string {
	text := "pool " + e.Pool + ": " + e.What
	if e.Untold > 0 {
		text += fmt.Sprintf(" (%d further lines about its rows were left out)", e.Untold)
	}
	return text
}

// AccountsLoading is a load that takes its time.
type AccountsLoading struct {
	Pool, From string
	Rows       int
	After      time.Duration
}

// Level of AccountsLoading.
func (AccountsLoading) Level() Level { return Message }

// Text of AccountsLoading.
func (e AccountsLoading) Text() string {
	return fmt.Sprintf("pool %s: %d accounts read so far from %s, %.0f per second", e.Pool, e.Rows, e.From, float64(e.Rows)/e.After.Seconds())
}

// AccountsLoaded is the end of a full load.
type AccountsLoaded struct {
	Pool, From                               string
	Accounts                                 int // of the pool
	Rows, Created, Updated, Removed, Refused int
	Untold                                   int
	After                                    time.Duration
}

// Level of AccountsLoaded.
func (AccountsLoaded) Level() Level { return Message }

// Text of AccountsLoaded.
func (e AccountsLoaded) Text() string {
	text := fmt.Sprintf("pool %s: loaded from %s in %s: rows=%d created=%d updated=%d removed=%d refused=%d; the pool has %d accounts",
		e.Pool, e.From, e.After.Round(time.Millisecond), e.Rows, e.Created, e.Updated, e.Removed, e.Refused, e.Accounts)
	if e.Untold > 0 {
		text += fmt.Sprintf(" (%d further lines about its rows were left out)", e.Untold)
	}
	return text
}
