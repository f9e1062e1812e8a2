package event

import (
	"fmt"
	"time"
)

// quietly is Message, or Debug for what would only repeat itself.
func quietly(quiet bool) Level {
	if quiet {
		return Debug
	}
	return Message
}

// further says how many lines of the kind were left out.
func further(n int) string {
	if n == 0 {
		return ""
	}
	return fmt.Sprintf(" (%d further lines about accounts of this registrar were left out)", n)
}

// Registered is the first registration of an account, or one after a failure.
type Registered struct {
	Account, Registrar string
	For                time.Duration
	Again              bool // it had failed
	Quiet              bool // too many lines of the kind
	Untold             int
}

// Level of Registered.
func (e Registered) Level() Level { return quietly(e.Quiet) }

// Text of Registered.
func (e Registered) Text() string {
	word := "registered"
	if e.Again {
		word = "registered again"
	}
	return fmt.Sprintf("account %s: %s at %s for %s%s", e.Account, word, e.Registrar, e.For, further(e.Untold))
}

// RegistrarBrief is a registrar that grants a very short time only.
type RegistrarBrief struct {
	Registrar  string
	For, Every time.Duration // granted, and by which refreshes go
	Accounts   int
}

// Level of RegistrarBrief.
func (RegistrarBrief) Level() Level { return Message }

// Text of RegistrarBrief.
func (e RegistrarBrief) Text() string {
	text := fmt.Sprintf("registrar %s grants %s only: its %d accounts register again all the time", e.Registrar, e.For, e.Accounts)
	if e.Every > e.For {
		text += fmt.Sprintf("; as that would be too often, they do as if it were %s and are not reachable in between", e.Every)
	}
	return text + "; ask the provider for a longer time"
}

// RegistrationFailed is a REGISTER without success.
type RegistrationFailed struct {
	Account, Registrar, Reason, Why string
	RetryIn                         time.Duration // 0: once the registrar answers
	Quiet                           bool
	Untold                          int
}

// Level of RegistrationFailed.
func (e RegistrationFailed) Level() Level { return quietly(e.Quiet) }

// Text of RegistrationFailed.
func (e RegistrationFailed) Text() string {
	next := "it is tried again once the registrar answers"
	if e.RetryIn > 0 {
		next = fmt.Sprintf("it is tried again in %s", e.RetryIn.Round(time.Second))
	}
	return fmt.Sprintf("account %s: registration at %s failed (%s): %s; calls through it are declined, %s%s",
		e.Account, e.Registrar, e.Reason, e.Why, next, further(e.Untold))
}

// RegistrarDown is a registrar that does not answer any of its accounts.
type RegistrarDown struct {
	Registrar string
	Accounts  int
	Why       string
}

// Level of RegistrarDown.
func (RegistrarDown) Level() Level { return Message }

// Text of RegistrarDown.
func (e RegistrarDown) Text() string {
	return fmt.Sprintf("registrar %s does not answer: %s; its accounts (%d) are registered as soon as it does", e.Registrar, e.Why, e.Accounts)
}

// RegistrarUp is the first answer after RegistrarDown.
type RegistrarUp struct {
	Registrar string
	Accounts  int           // that waited
	After     time.Duration // since RegistrarDown
	Probes    int           // requests that asked whether it is there
}

// Level of RegistrarUp.
func (RegistrarUp) Level() Level { return Message }

// Text of RegistrarUp.
func (e RegistrarUp) Text() string {
	return fmt.Sprintf("registrar %s answers again, %s after it was found silent (asked meanwhile: %d times); accounts that waited for it: %d",
		e.Registrar, rounded(e.After), e.Probes, e.Accounts)
}

// RegistrarRecovered says that all accounts that waited for a registrar had their outcome.
type RegistrarRecovered struct {
	Registrar            string
	Accounts, Registered int
	After                time.Duration // the last registration since RegistrarUp
}

// Level of RegistrarRecovered: what RegistrarUp promised needs no line.
func (e RegistrarRecovered) Level() Level {
	return quietly(e.Registered == e.Accounts && e.After < time.Second)
}

// Text of RegistrarRecovered.
func (e RegistrarRecovered) Text() string {
	return fmt.Sprintf("registrar %s: %d of the %d accounts that waited for it are registered, the last one %s after its first answer",
		e.Registrar, e.Registered, e.Accounts, rounded(e.After))
}

func rounded(d time.Duration) time.Duration {
	if d < 10*time.Second {
		return d.Round(10 * time.Millisecond)
	}
	return d.Round(time.Second)
}

// RegistrationsLost is a lost connection that accounts were registered over.
type RegistrationsLost struct {
	Registrar string
	Accounts  int
}

// Level of RegistrationsLost.
func (RegistrationsLost) Level() Level { return Message }

// Text of RegistrationsLost.
func (e RegistrationsLost) Text() string {
	return fmt.Sprintf("the connection to registrar %s was lost; accounts that register again: %d", e.Registrar, e.Accounts)
}

// UnregisterFailed is an un-registration without success; the binding ends with its time.
type UnregisterFailed struct{ Account, Registrar, Why string }

// Level of UnregisterFailed.
func (UnregisterFailed) Level() Level { return Debug }

// Text of UnregisterFailed.
func (e UnregisterFailed) Text() string {
	return fmt.Sprintf("account %s: un-registration at %s failed: %s", e.Account, e.Registrar, e.Why)
}

// FormerBindings are those of accounts that moved to another registrar, and could not be un-registered at this one.
type FormerBindings struct {
	Registrar string
	Accounts  int
	Why       string
}

// Level of FormerBindings.
func (FormerBindings) Level() Level { return Message }

// Text of FormerBindings.
func (e FormerBindings) Text() string {
	return fmt.Sprintf("registrar %s: accounts that moved away and could not be un-registered: %d; calls to them may come from there until their registration ends by itself: %s",
		e.Registrar, e.Accounts, e.Why)
}

// PoolRegistered says that every account of a pool had its first attempt.
type PoolRegistered struct {
	Pool             string
	Accounts, Failed int
	After            time.Duration
}

// Level of PoolRegistered.
func (PoolRegistered) Level() Level { return Message }

// Text of PoolRegistered.
func (e PoolRegistered) Text() string {
	text := fmt.Sprintf("account pool %s: accounts registered: %d of %d, after %s", e.Pool, e.Accounts-e.Failed, e.Accounts, e.After.Round(time.Millisecond))
	if e.Failed > 0 {
		text += fmt.Sprintf("; failed so far: %d", e.Failed)
	}
	return text
}
