package sipbridge

import (
	"fmt"
	"time"

	"b2bua/core/account"
	"b2bua/core/digest"
	"b2bua/core/jsondoc"
	"b2bua/core/sip"
	"b2bua/media/sdp"
)

// Severity of a Problem.
type Severity uint8

// Severities, the mildest first.
const (
	Warning Severity = iota // noted
	Skipped                 // a part is left out; an error in the log
	Fault                   // the file cannot be used
)

// Problem is one thing that is wrong with a providers file, and what to write instead.
type Problem struct {
	Severity     Severity
	Line, Column int    // from 1
	Path         string // providers[0].accountToUse.by
	Ignored      bool   // a member that nothing knows
	Value        string // as written; empty for secrets and where it says nothing
	Problem, Fix string
}

func (p Problem) String() string {
	value := ""
	if p.Value != "" {
		value = fmt.Sprintf(" = %q", p.Value)
	}
	return fmt.Sprintf("%d:%d: %s%s: %s; write %s", p.Line, p.Column, p.Path, value, p.Problem, p.Fix)
}

// Config is a providers file, its addresses checked, its templates and patterns not yet.
type Config struct {
	Version   int // of the schema it was written in
	Providers []ProviderConfig
	Pools     []PoolConfig

	data []byte // for places
}

// Text is a string with its place.
type Text struct {
	Value string
	path  string
	node  *jsondoc.Node // nil: a default
}

// ProviderConfig is one entry of providers.
type ProviderConfig struct {
	Name    string
	Pool    Text
	Pattern *Text // nil: strategy Always
	Find    *Find // nil: strategy Random
	Decline bool  // onAccountNotFound

	To, From      Text
	OutboundProxy sip.Address    // of outgoingInvite; zero: the account's
	AVPF          bool           // enableAvpf
	Encryption    sdp.Encryption // mediaEncryption
	NotifyProxy   sip.Address    // outgoingNotify.outboundProxy; zero: no NOTIFY is sent

	encryption *jsondoc.Node // nil: not written
}

// Find is the strategy FindInPool.
type Find struct{ By, Source Text }

// PoolConfig is one entry of accountPools. It has accounts, or a loader that brings them.
type PoolConfig struct {
	Name                 string
	OutboundProxy        sip.Address // zero: none
	Registrar            sip.Address // zero: none
	MWIServer            string      // URI; "": none
	RegistrationRequired bool
	Throttle             time.Duration // registrationThrottlingRateMs
	UnregisterOnShutdown bool
	MaxCallsPerLine      int

	Accounts []account.Spec
	SQL      *SQLLoader

	path string
	node *jsondoc.Node
}

// SQLLoader is where the accounts of a pool come from. The connection may hold a password and prints redacted.
type SQLLoader struct {
	Backend        string // "mysql" or "sqlite3"
	InitQuery      string
	UpdateQuery    string
	Connection     digest.Secret
	ThreadPoolSize int

	places map[string][2]int
}

// Place is where a member ("connection", "initQuery", "updateQuery") is in the file; 0, 0: nowhere.
func (l *SQLLoader) Place(member string) (line, column int) {
	at := l.places[member]
	return at[0], at[1]
}
