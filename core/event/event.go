// Package event is what happened, as data: one struct per transition that an operator may want to see.
//
// The log, and later metrics, call records and the control API, are printers of it. An event carries no key, password or SDP
// line, so any printer may print all of it.
package event

import (
	"fmt"
	"time"
)

// Level is the log level an event is printed at (spec 1.7).
type Level uint8

// Levels, least urgent first.
const (
	Debug Level = iota
	Message
	Warning
	Error
)

// Event is one transition.
type Event interface {
	Level() Level
	// Text is one line for an operator: what happened, on which call, which setting decided, what to do.
	Text() string
}

// Call names a call in every event about it.
type Call struct {
	Number uint64 // counts from 1 in the life of the process
	A, B   string // Call-IDs of the legs; B is empty until leg B exists
}

func (c Call) String() string {
	switch {
	case c.Number == 0: // refused before it was one
		return fmt.Sprintf("call (leg A %s)", c.A)
	case c.B == "":
		return fmt.Sprintf("call %d (leg A %s)", c.Number, c.A)
	}
	return fmt.Sprintf("call %d (leg A %s, leg B %s)", c.Number, c.A, c.B)
}

// Received is an initial INVITE that was accepted for bridging.
type Received struct {
	Call                       Call
	From, To, RequestURI, Peer string // Peer: the address it came from
	Encryption                 string // of leg A's offer
	Streams                    string // "audio", "audio+video", "no SDP"
}

// Level of Received.
func (Received) Level() Level { return Message }

// Text of Received.
func (e Received) Text() string {
	return fmt.Sprintf("%v: INVITE from %s to %s (%s, %s) received from %s", e.Call, e.From, e.To, e.Streams, e.Encryption, e.Peer)
}

// Refused is a call that ended before leg A was answered, by our own decision.
type Refused struct {
	Call           Call
	From, To, Peer string
	Status         int
	Why            string // cause, deciding setting and remedy
	Line           Line   // that the call was to leave by, if that was decided
}

// Level of Refused.
func (Refused) Level() Level { return Message }

// Text of Refused.
func (e Refused) Text() string {
	return fmt.Sprintf("%v: from %s to %s (received from %s) refused with %d: %s", e.Call, e.From, e.Line.after(e.To), e.Peer, e.Status, e.Why)
}

// Placed is the INVITE of leg B, also a repeated one.
type Placed struct {
	Call       Call
	Callee     string
	Hop        string // where it is sent first
	Encryption string
	Suites     string // SDES only
	Why        string // the rule that chose
	Line       Line
}

// Line is what a bridged call leaves by; the zero value: by no account.
type Line struct {
	Provider string
	Account  string // its URI
}

func (l Line) String() string {
	switch {
	case l.Account == "":
		return ""
	case l.Provider == "":
		return "account " + l.Account
	}
	return fmt.Sprintf("provider %q, account %s", l.Provider, l.Account)
}

// after puts it in brackets behind something.
func (l Line) after(what string) string {
	if s := l.String(); s != "" {
		return what + " (" + s + ")"
	}
	return what
}

// Level of Placed.
func (Placed) Level() Level { return Message }

// Text of Placed.
func (e Placed) Text() string {
	enc := "encryption " + e.Encryption
	if e.Suites != "" {
		enc += " " + e.Suites
	}
	return fmt.Sprintf("%v: leg B to %s by %s with %s, because of %s", e.Call, e.Callee, e.Hop, enc, e.Why)
}

// Progress is a provisional response of leg B that leg A was told.
type Progress struct {
	Call       Call
	Status     int // on leg B
	EarlyMedia bool
}

// Level of Progress.
func (Progress) Level() Level { return Debug }

// Text of Progress.
func (e Progress) Text() string {
	if e.EarlyMedia {
		return fmt.Sprintf("%v: early media (leg B sent %d with SDP)", e.Call, e.Status)
	}
	return fmt.Sprintf("%v: ringing (leg B sent %d)", e.Call, e.Status)
}

// Answered is leg A's 200.
type Answered struct {
	Call           Call
	MediaA, MediaB string // "audio PCMA/8000 sdes AES_CM_128_HMAC_SHA1_80, video refused"
	After          time.Duration
}

// Level of Answered.
func (Answered) Level() Level { return Message }

// Text of Answered.
func (e Answered) Text() string {
	return fmt.Sprintf("%v: answered after %s; leg A: %s; leg B: %s", e.Call, round(e.After), e.MediaA, e.MediaB)
}

// Failed is leg B's failure before the answer, which leg A was told.
type Failed struct {
	Call   Call
	To     string
	Status int // what leg A got
	Why    string
	Line   Line
}

// Level of Failed.
func (Failed) Level() Level { return Message }

// Text of Failed.
func (e Failed) Text() string {
	return fmt.Sprintf("%v: to %s failed, leg A got %d: %s", e.Call, e.Line.after(e.To), e.Status, e.Why)
}

// Transfer is a REFER that one leg's peer sent and the other one's gets.
type Transfer struct {
	Call   Call
	Leg    string // that it came from
	Asked  string // its target
	Target string // the same for the other leg
	Why    string
}

// Level of Transfer.
func (Transfer) Level() Level { return Message }

// Text of Transfer.
func (e Transfer) Text() string {
	if e.Asked == e.Target {
		return fmt.Sprintf("%v: %s transfers the other one to %s (%s)", e.Call, e.Leg, e.Target, e.Why)
	}
	return fmt.Sprintf("%v: %s transfers the other one to %s, which is %s there (%s)", e.Call, e.Leg, e.Asked, e.Target, e.Why)
}

// Transferred is the result of a transfer.
type Transferred struct {
	Call   Call
	Leg    string // that asked
	Result string // status line
	Known  bool   // there is one; else it is the last that was heard
}

// Level of Transferred.
func (Transferred) Level() Level { return Message }

// Text of Transferred.
func (e Transferred) Text() string {
	if !e.Known {
		return fmt.Sprintf("%v: what comes of the transfer that %s asked for was not told, the last was %s", e.Call, e.Leg, e.Result)
	}
	return fmt.Sprintf("%v: the transfer that %s asked for: %s", e.Call, e.Leg, e.Result)
}

// Released is the end of a call in any state.
type Released struct {
	Call     Call
	Why      string // who ended it and how
	Answered bool
	Duration time.Duration // since the answer, or since the INVITE
	LegB     string        // what it had said, where nobody had answered
}

// Level of Released.
func (Released) Level() Level { return Message }

// Text of Released.
func (e Released) Text() string {
	if !e.Answered {
		return fmt.Sprintf("%v: released before the answer, after %s: %s; leg B %s", e.Call, round(e.Duration), e.Why, e.LegB)
	}
	return fmt.Sprintf("%v: released after %s: %s", e.Call, round(e.Duration), e.Why)
}

// Counters are what one leg of a stream received and sent.
type Counters struct {
	Received, Lost, Sent uint64
	Jitter               time.Duration // of what was received
	RoundTrip            time.Duration // between this server and the leg's peer; 0: the peer's reports did not tell
	FarLost              int64         // of what was sent, as the peer reported last
	FarJitter            time.Duration
	NotAuthentic         uint64 // wrong key, or clear where it must not be
	Replayed             uint64
	Late                 uint64 // did not continue the stream
	Strangers            uint64
	Dropped              uint64 // not agreed, malformed, too long or too many
	Tones                uint64 // digits converted from or to INFO
}

// String leaves out what is zero, but for the figures of every call.
func (c Counters) String() string {
	s := fmt.Sprintf("received %d", c.Received)
	if c.Received > 0 {
		s += fmt.Sprintf(", lost %d (%.1f %%), jitter %s", c.Lost, percent(c.Lost, c.Received), fine(c.Jitter))
	}
	s += fmt.Sprintf(", sent %d", c.Sent)
	if c.RoundTrip > 0 {
		s += fmt.Sprintf(", round trip %s, peer reports lost %d, jitter %s", fine(c.RoundTrip), c.FarLost, fine(c.FarJitter))
	}
	for _, x := range []struct {
		n    uint64
		what string
	}{
		{c.NotAuthentic, "not authentic"},
		{c.Replayed, "replayed"},
		{c.Late, "late"},
		{c.Strangers, "from elsewhere"},
		{c.Dropped, "not agreed or malformed"},
		{c.Tones, "digits converted"},
	} {
		if x.n > 0 {
			s += fmt.Sprintf(", %d %s", x.n, x.what)
		}
	}
	return s
}

func percent(lost, received uint64) float64 {
	if lost+received == 0 {
		return 0
	}
	return 100 * float64(lost) / float64(lost+received)
}

// Traffic is what went through one stream of a call, when the stream closes.
type Traffic struct {
	Call   uint64
	Stream int // index of the m= section
	A, B   Counters
}

// Level of Traffic.
func (Traffic) Level() Level { return Message }

// Text of Traffic.
func (e Traffic) Text() string {
	return fmt.Sprintf("call %d: stream %d: leg A %v; leg B %v", e.Call, e.Stream, e.A, e.B)
}

// Media is something seen on one stream of one leg.
type Media struct {
	Call   uint64
	Stream int
	Leg    string
	What   string
	Bad    bool // a peer's fault
	Plain  bool // for the normal level, and nobody's fault
}

// Level of Media.
func (e Media) Level() Level {
	switch {
	case e.Bad:
		return Warning
	case e.Plain:
		return Message
	}
	return Debug
}

// Text of Media.
func (e Media) Text() string {
	return fmt.Sprintf("call %d: stream %d: %s: %s", e.Call, e.Stream, e.Leg, e.What)
}

// MediaMoves is how often the media of a call came from another address, where not each time was told at the normal level.
type MediaMoves struct {
	Call      uint64
	All, Told int
}

// Level of MediaMoves.
func (MediaMoves) Level() Level { return Message }

// Text of MediaMoves.
func (e MediaMoves) Text() string {
	return fmt.Sprintf("call %d: its media changed address %d times, of which the first %d were told", e.Call, e.All, e.Told)
}

// Secured is a stream whose keys are there.
type Secured struct {
	Call Call
	Leg  string
	What string // "audio dtls-srtp AEAD_AES_128_GCM"
	ZRTP *ZRTP  // nil: not by ZRTP
}

// Level of Secured.
func (Secured) Level() Level { return Message }

// Text of Secured.
func (e Secured) Text() string {
	text := fmt.Sprintf("%v: %s: secured: %s", e.Call, e.Leg, e.What)
	if e.ZRTP != nil {
		text += ", " + e.ZRTP.String()
	}
	return text
}

// PeerFault is something a peer did wrong that we survived.
type PeerFault struct {
	Call Call
	Leg  string // "leg A", "leg B"
	What string
}

// Level of PeerFault.
func (PeerFault) Level() Level { return Warning }

// Text of PeerFault.
func (e PeerFault) Text() string { return fmt.Sprintf("%v: %s: %s", e.Call, e.Leg, e.What) }

// LocalFault is something that we or this machine got wrong: no port free, a broken invariant.
type LocalFault struct {
	Call Call
	What string
}

// Level of LocalFault.
func (LocalFault) Level() Level { return Error }

// Text of LocalFault.
func (e LocalFault) Text() string { return fmt.Sprintf("%v: %s", e.Call, e.What) }

// Stray is a request outside any call, and how it was answered.
type Stray struct {
	Method, From, To, Peer string
	Status                 int
	Why                    string
}

// Level of Stray.
func (Stray) Level() Level { return Debug }

// Text of Stray.
func (e Stray) Text() string {
	return fmt.Sprintf("%s from %s to %s (received from %s) answered %d: %s", e.Method, e.From, e.To, e.Peer, e.Status, e.Why)
}

// Note is a step inside a call that matters only when one looks closely.
type Note struct {
	Call Call
	What string
}

// Level of Note.
func (Note) Level() Level { return Debug }

// Text of Note.
func (e Note) Text() string { return fmt.Sprintf("%v: %s", e.Call, e.What) }

func round(d time.Duration) time.Duration { return d.Round(time.Millisecond) }

// fine is for times of packets.
func fine(d time.Duration) time.Duration { return d.Round(100 * time.Microsecond) }
