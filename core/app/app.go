// Package app is what a bridging application and the call engine have in common: the facts of a call and the decision on it.
//
// An application is a pure function from Facts and its own tables to a Decision with its reason. It sees no transaction, no
// dialog and no packet; core/call knows the Decision and nothing of the tables.
package app

import (
	"b2bua/core/account"
	"b2bua/core/sip"
	"b2bua/media/sdp"
)

// Facts are what an application may look at: leg A's INVITE and what its offer asks for.
type Facts struct {
	To         sip.Address    // leg A's To header (its tag, if any, is in Params)
	From       sip.Address    // leg A's From header
	RequestURI sip.URI        // leg A's Request-URI
	Encryption sdp.Encryption // of leg A's offer; None also for an INVITE without SDP
}

// Decision is how to place leg B, or why not to.
type Decision struct {
	Refusal *Refusal // set: leg A gets this; nothing else is looked at

	Callee     sip.Address // Request-URI (its URI) and To of leg B
	From       sip.Address // From of leg B, without tag
	Proxy      sip.Address // outbound proxy of leg B; zero: the Request-URI is the next hop
	ProxyFrom  string      // the setting that Proxy comes from, for the log
	Encryption sdp.Encryption
	Suites     []sdp.Suite // SDES on leg B: offered in this order, and only these
	AVPF       bool        // offer RTP/AVPF profiles on leg B
	Bundle     bool        // with DTLS-SRTP: propose one transport for all streams of leg B (RFC 9143)

	// Account places leg B: a call is counted on it from the decision to the end of leg A, its credentials answer challenges, and
	// its connection carries leg B. nil: the server's own identity does.
	Account *account.Account
	// Provider is the name of the one that chose Account, for people.
	Provider string
	// OwnHop: Proxy is the provider's and not the account's, so that leg B has neither the account's connection nor its Contact
	// (spec 4.5).
	OwnHop bool

	// Why says which rule of which setting decided, in words for an operator:
	// `outgoing-enc-regex rule 2 (sdes .*@sip\.example\.org)`.
	Why string
}

// Route of leg B: the outbound proxy with ;lr, or nothing when there is none or the Request-URI leads to it anyway (spec 2.3.1). It is
// asked for each INVITE, as a redirection changes the callee and not the proxy.
func (d *Decision) Route() []sip.Address {
	if d.Proxy.URI.IsZero() {
		return nil
	}
	return routeVia(d.Proxy, d.Callee.URI)
}

// Refusal is a final answer for leg A without a leg B.
type Refusal struct {
	Status int    // SIP status, 488 in all documented cases (spec 2.4.7)
	Why    string // for the log: the rule or setting that decided, and what to do
}

// Transfers is an Application that translates the targets of transfers from one leg's world to the other's; where it is none, they stay
// as they are. As pure as Decide.
type Transfers interface {
	// Transfer is where a transfer leads on the other leg. The facts are those of the REFER: To is its Refer-To address without headers, From who
	// sent it, RequestURI that of the leg's INVITE. current is the account of the call. ok is false when the target stays as it is.
	Transfer(f Facts, current *account.Account) (to sip.Address, why string, ok bool)
}

// Application decides what happens to a call. It must be pure: a decision changes nothing, and depends on nothing but the facts,
// the application's own tables with the state of their accounts, and the randomness that it was given. No I/O.
type Application interface {
	Decide(Facts) Decision
}
