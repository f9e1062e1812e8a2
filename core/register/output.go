package register

import (
	"b2bua/core/event"
	"b2bua/core/sip"
)

// ID names an account towards its owner; 0 is none. It is never used again.
type ID uint64

// PoolID names a pool; 0 is none.
type PoolID uint32

// Ref names a request of ours. The owner maps it to whatever its transport uses until its final response or failure.
type Ref uint64

// Hop is where a request goes.
type Hop struct {
	URI  sip.URI
	Key  string // connections and ports of different keys are not shared
	Flow uint64 // this connection if it lives; 0: none
}

// Way is how a response came back.
type Way struct {
	Flow    uint64  // the connection; 0 for UDP, which is never lost
	Contact sip.URI // the Contact of the request as it was sent; zero: not known
}

// Output is one effect, to be carried out in the order of Poll.
type Output interface{ output() }

// SendRequest starts a REGISTER. A Contact without host is filled in by the transport, with the port that it is sent from.
type SendRequest struct {
	Ref Ref
	Msg *sip.Message
	Hop Hop
}

// Changed is a new status of an account, or another Contact by which the registrar knows it.
type Changed struct {
	ID      ID
	Status  Status
	Contact sip.URI // zero: none is known
}

// Gone says that a removed account is un-registered, or that it failed; its ID means nothing any more.
type Gone struct{ ID ID }

// Happened is something that an operator may want to see.
type Happened struct{ Event event.Event }

func (SendRequest) output() {}
func (Changed) output()     {}
func (Gone) output()        {}
func (Happened) output()    {}
