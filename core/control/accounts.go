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
	WaitsFor        string    `json:"waitsFor,omitempty"` // "answer": its request is under way; "registrar": that one answers nobody; "turn": others are first
	Next            time.Time `json:"next,omitzero"`      // refresh, or attempt after a failure; if it waits for its registrar, when that one is asked
	Until           time.Time `json:"until,omitzero"`     // end of the registration
}

// Registrar is one that does not answer.
type Registrar struct {
	Registrar string    `json:"registrar"`
	Accounts  int       `json:"accounts"`
	Waiting   int       `json:"waiting"` // accounts that are registered as soon as it answers
	Since     time.Time `json:"since"`
	Failure   string    `json:"failure"`
	Next      time.Time `json:"next,omitzero"` // when it is asked; none: it is being asked
}
