package call

import (
	"net/netip"

	"b2bua/core/event"
	"b2bua/core/sip"
	"b2bua/core/transaction"
	"b2bua/media/sdp"
)

// Ref names a client transaction of ours. The owner maps it to whatever its transport uses.
type Ref uint64

// TxID names a server transaction, as the transport gave it to us.
type TxID = transaction.ID

// Side of a call.
type Side uint8

// SideA is the leg we answer, SideB the one we place.
const (
	SideA Side = iota
	SideB
)

func (s Side) String() string {
	if s == SideA {
		return "leg A"
	}
	return "leg B"
}

// Hop is where a request goes when its Route and Request-URI do not say it all.
type Hop struct {
	URI  sip.URI // zero: the message decides
	Flow uint64  // preferred live connection, 0: none
	// Account whose own connection is to be used where each has one (b2bua-server/one-connection-per-account), 0: none.
	Account uint64
	// Near is where the peer of the request's dialog last spoke from.
	Near Near
	// First is the next hop of the INVITE that began the dialog, when that was ours: an address of its name is its name in TLS.
	First sip.URI
}

// Near is where a dialog's peer last spoke from, by TCP or TLS. The zero value: nothing is known.
type Near struct {
	Flow    uint64
	Peer    netip.AddrPort
	Name    string // Source.Name
	Listens int    // port where the peer says that it listens, if it may be reached there by this connection as well; 0: it did not say
}

// Source is where a message came from and by what.
type Source struct {
	Peer, Local netip.AddrPort
	Flow        uint64
	Reliable    bool   // TCP or TLS
	Name        string // of the peer, verified in TLS; empty: none, or it opened the connection
	Tag         string // To tag of what the transaction layer answers by itself; empty: any
}

// Output is one effect, to be carried out in the order of Poll.
type Output interface{ output() }

// SendRequest starts client transaction Ref.
type SendRequest struct {
	Ref Ref
	Msg *sip.Message
	Hop Hop
}

// SendResponse answers server transaction Tx.
type SendResponse struct {
	Tx  TxID
	Msg *sip.Message
}

// SendAck acknowledges a 2xx of INVITE Ref, now and for each repetition of that 2xx.
type SendAck struct {
	Ref Ref
	Msg *sip.Message
	Hop Hop
}

// SendCancel cancels INVITE Ref as soon as the protocol allows.
type SendCancel struct {
	Ref     Ref
	Headers []sip.Header
}

// StopRepeating says that the 2xx of INVITE Tx was acknowledged.
type StopRepeating struct{ Tx TxID }

// Forget says that nothing more will be asked about Ref.
type Forget struct{ Ref Ref }

// Locate asks where the next hop of leg B is; the answer is the input Located.
type Locate struct {
	Call uint64
	Hop  Hop
	Peer netip.Addr // where leg A wants its media; invalid: it did not say
}

// Location answers Locate.
type Location struct {
	Local netip.Addr // our address towards the hop
	Route netip.Addr // our address towards Locate.Peer; invalid: unknown
}

// MediaOpen asks for local ports on both legs for one m= section; the answer is the input MediaOpened.
type MediaOpen struct {
	Call uint64
	// Index of the m= section, the same on both legs.
	Index int
	Kind  sdp.Kind
	A, B  netip.Addr
	// Known is the URI by which each leg's far end knows us: some keep the secrets of ZRTP by it.
	Known [2]string
}

// MediaSet tells one side of a stream what was agreed on its leg. Its keys are a copy, which belongs to who polled it: it stays as it is
// when the call ends before that, and wants to be wiped after use.
type MediaSet struct {
	Call   uint64
	Index  int
	Side   Side
	Agreed sdp.Agreed
}

// MediaInherit gives one side of a stream the transport that it has used of another one, which ends or leaves it (RFC 9143): with its
// port, connectivity and keys. The other one gets its own. MediaSet of both follows.
type MediaInherit struct {
	Call  uint64
	Index int
	Side  Side
	From  int
}

// MediaClose ends one stream, or all of the call's when Index is AllStreams.
type MediaClose struct {
	Call  uint64
	Index int
}

// AllStreams is the Index of MediaClose for the whole call.
const AllStreams = -1

// Happened is an event to print.
type Happened struct{ Event event.Event }

func (SendRequest) output()   {}
func (SendResponse) output()  {}
func (SendAck) output()       {}
func (SendCancel) output()    {}
func (StopRepeating) output() {}
func (Forget) output()        {}
func (Locate) output()        {}
func (MediaOpen) output()     {}
func (MediaSet) output()      {}
func (MediaInherit) output()  {}
func (MediaClose) output()    {}
func (Happened) output()      {}
