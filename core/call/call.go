package call

import (
	"net/netip"
	"time"

	"b2bua/core/account"
	"b2bua/core/app"
	"b2bua/core/dialog"
	"b2bua/core/digest"
	"b2bua/core/event"
	"b2bua/core/sip"
	"b2bua/media/sdp"
)

// state of a call; doc.go draws the way through them. The order is used: a call before stConfirming is not answered.
type state uint8

const (
	stLocating state = iota
	stOpening
	stCalling
	stConfirming
	stRunning
	stOver
)

func (s state) String() string {
	return [...]string{"locating", "opening", "calling", "confirming", "running", "over"}[s]
}

// call is two legs and what relates them.
type call struct {
	e        *Engine
	number   uint64
	state    state
	peer     string // where leg A's INVITE came from
	started  time.Time
	answered time.Time // zero: never
	facts    app.Facts
	decision app.Decision
	a, b     *leg
	line     *account.Account // that the call is counted on; nil: none, or not any more

	ringing   *timer // spec 2.4.4
	longest   *timer // spec 2.10
	keyless   *timer // decision 10
	expecting bool   // keys that keyless was not started for
	opening   int    // MediaOpen outputs whose answer is missing
	tries     tries
	streams   []bool    // by m= index: open in the media plane
	through   bool      // the phones agree on ZRTP keys with each other
	asking    *exchange // an offer made in mid-call whose answer waits for the other leg
	transfers []*transfer
	rounds    int // re-INVITEs of ours in a row that no offer of a peer called for
}

// tries counts what was repeated on leg B, each bounded.
type tries struct {
	redirects int
	minSE     string // Min-SE of a 422 that was obeyed
	because   string // of the newest repetition, for the log
}

// legState of one leg.
type legState uint8

const (
	legIdle      legState = iota // B: nothing sent yet
	legInviting                  // INVITE under way
	legEarly                     // B: some 18x came; A: some 18x was sent
	legAnswered                  // 2xx sent (A, no ACK yet) or received (B)
	legUp                        // A: ACK received
	legCancelled                 // B: CANCEL sent or held, no final response yet
	legEnding                    // BYE to be sent when the ACK comes
	legOver                      // nothing more but what an ended dialog answers
)

// leg is one dialog of a call.
type leg struct {
	call  *call
	side  Side
	state legState
	dlg   *dialog.Dialog
	tag   string // ours

	invite *sip.Message // A: as received; B: as sent
	tx     TxID         // A: its server transaction
	ref    Ref          // B: its client transaction
	acks   map[uint32]TxID
	near   Near
	first  sip.URI    // B: next hop of the INVITE
	host   netip.Addr // where leg A's INVITE came from
	local  netip.Addr // our address of its signalling
	media  netip.Addr // our address of its media

	theirs, ours *sdp.Session // last description of each
	undone       *sdp.Session // offer of ours after that
	former       *sdp.Session // ours before the offer in a 2xx to a re-INVITE
	agreed       []sdp.Agreed
	headings     []heading      // by m= index
	mode         sdp.Encryption // the strongest that any stream had
	ports        []sdp.Ports
	earlyTag     string // B: To tag of the branch whose media runs
	forked       bool   // B: another branch than that answers
	heard        int    // B: status of the newest provisional response but 100, else 100; 0: none came
	inEarly      bool   // A: the answer was sent in a 183; B: media of a provisional answer runs
	offered      bool   // A: our offer is in the 2xx, the answer comes with the ACK
	told180      bool
	referred     bool // its peer has sent a REFER

	keyErr    error        // of the newest handshake that goes on nevertheless
	sas       string       // of ZRTP
	suspicion string       // the newest of ZRTP
	secure    map[int]bool // by m= index, of streams whose keys come from a handshake: are they there?
	began     map[int]bool // by m= index, of plain streams: the phone made keys by ZRTP

	auth    *digest.Client // B: answers challenges; nil: there was none yet
	authErr error          // why the last one was not answered

	held  []sip.Header // Reason of the BYE that waits for the ACK
	re    reinvite
	infos infos
}

func (l *leg) callID() string {
	if l.invite == nil {
		return ""
	}
	return l.invite.CallID
}

func (l *leg) other() *leg {
	if l.side == SideA {
		return l.call.b
	}
	return l.call.a
}

func (c *call) name() event.Call {
	return event.Call{Number: c.number, A: c.a.callID(), B: c.b.callID()}
}

func (c *call) note(what string) { c.e.tell(event.Note{Call: c.name(), What: what}) }
func (c *call) peerFault(l *leg, w string) {
	c.e.tell(event.PeerFault{Call: c.name(), Leg: l.side.String(), What: w})
}

// newCall enters a call in the tables; leg A has an early dialog from now on.
func (e *Engine) newCall(now time.Time, tx TxID, invite *sip.Message, from Source) *call {
	e.calledN++
	c := &call{e: e, number: e.calledN, started: now}
	c.a = &leg{call: c, side: SideA, state: legInviting, invite: invite, tx: tx, tag: e.tag(from), host: from.Peer.Addr(), local: from.Local.Addr()}
	c.b = &leg{call: c, side: SideB}
	c.a.secure, c.b.secure = map[int]bool{}, map[int]bool{}
	c.a.began, c.b.began = map[int]bool{}, map[int]bool{}
	c.a.acks, c.b.acks = map[uint32]TxID{}, map[uint32]TxID{}
	c.a.near = nearOf(invite, from)
	c.a.dlg = dialog.NewUAS(invite, c.a.tag)
	c.a.dlg.Contact = contactOf(invite.To)
	e.calls[c.number] = c
	e.dialogs[c.a.dlg.ID()] = c.a
	e.server[tx] = c.a
	return c
}

// contactOf is the Contact for a party: its user, and the address of whatever flow carries the message.
func contactOf(party sip.Address) sip.Address {
	scheme := party.URI.Scheme
	if scheme != "sips" {
		scheme = "sip"
	}
	return sip.Address{URI: sip.URI{Scheme: scheme, User: party.URI.User}}
}

// become is the only way into a state.
func (c *call) become(s state) {
	if s < c.state {
		c.e.tell(event.LocalFault{Call: c.name(), What: "broken invariant: state " + c.state.String() + " cannot become " + s.String()})
		return
	}
	c.state = s
}

// callerGone ends a call whose caller gave up before the answer.
func (c *call) callerGone(now time.Time, status int, why string, reasons []sip.Header) {
	c.end(now, ending{why: why, status: status, reasons: reasons, by: c.a})
}

// mediaLost is spec 2.10: BYE to the silent leg, BYE with a Reason to the other one.
func (c *call) mediaLost(now time.Time, side Side, silent time.Duration) {
	l := c.leg(side)
	why := "no RTP or RTCP on " + side.String() + " for " + silent.Round(100*time.Millisecond).String() + " (b2bua-server/no-rtp-timeout)"
	if l.waitsForKeys() {
		why += ": " + l.keylessness()
	}
	c.end(now, ending{
		why:     why,
		reasons: reasonSIP(503, "Media lost"), silent: l,
	})
}

func (c *call) leg(s Side) *leg {
	if s == SideA {
		return c.a
	}
	return c.b
}
