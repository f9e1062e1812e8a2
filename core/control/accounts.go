package control

import "time"

// ProviderStanding is a provider with its accounts, in the order of the providers file.
type ProviderStanding struct {
	Name     string            `json:"name"`
	Accounts []AccountStanding `json:"accounts"`
}

// AccountStanding is how an account is, and what is known of its registration.
type AccountStanding struct {
	Address         string    `json:"address"`
	Status          string    `json:"status"`             // as SIP_BRIDGE INFO says it
	FreeSlots       int       `json:"freeSlots"`          // calls that may still be placed
	RegisterEnabled bool      `json:"registerEnabled"`    // it registers
	Failure         string    `json:"failure,omitempty"`  // the last one since the last success
	Failures        int       `json:"failures,omitempty"` // in a row
	Next            time.Time `json:"next,omitzero"`      // refresh, or attempt after a failure; none: one is under way, or the registrar answers nobody
	Until           time.Time `json:"until,omitzero"`     // end of the registration
}
