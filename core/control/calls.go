package control

import (
	"cmp"
	"encoding/json"
	"slices"
	"strconv"
	"time"

	"b2bua/core/event"
)

// Leg is one leg of a running call.
type Leg struct {
	CallID   string   `json:"callId"`
	Media    string   `json:"media,omitempty"`    // streams with codec and encryption, from the answer on
	Secured  []string `json:"secured,omitempty"`  // streams whose keys a handshake made
	SAS      string   `json:"sas,omitempty"`      // ZRTP: what the people at both ends of the leg compare
	Verified *bool    `json:"verified,omitempty"` // ZRTP: it was compared, as we and the phone remember
	Phone    string   `json:"phone,omitempty"`    // ZRTP: what the phone calls itself
	ZRTP     *ZRTP    `json:"zrtp,omitempty"`     // how the keys of the first stream were agreed on
}

// ZRTP is how the keys of a leg were agreed on.
type ZRTP struct {
	ZID        string `json:"zid"` // of the phone
	Agreement  string `json:"agreement"`
	Hash       string `json:"hash"`
	Cipher     string `json:"cipher"`
	Continuity bool   `json:"continuity"` // the phone has the secret of its last call
	Mismatch   bool   `json:"mismatch"`   // it has not, although there is one
	// The SAS was compared in an earlier call, as we remember, and as the phone remembers.
	VerifiedHere    bool `json:"verifiedHere"`
	VerifiedByPhone bool `json:"verifiedByPhone"`
	HashVerified    bool `json:"hashVerified"` // a=zrtp-hash was right
}

// Call is one running call.
type Call struct {
	Number uint64 `json:"number"`
	State  string `json:"state"` // "received", "calling", "ringing" or "running"
	From   string `json:"from"`
	To     string `json:"to"`
	Callee string `json:"callee,omitempty"` // of leg B
	Why    string `json:"why,omitempty"`    // the rule that chose leg B
	// Provider and Account that the call leaves by.
	Provider string `json:"provider,omitempty"`
	Account  string `json:"account,omitempty"`

	Since  time.Time `json:"since"` // INVITE received
	Answer time.Time `json:"answer,omitzero"`
	A      Leg       `json:"legA"`
	B      Leg       `json:"legB"`
}

// Calls is the table of running calls, made from events.
type Calls struct {
	Now   func() time.Time
	calls map[uint64]*Call
}

// Len is the number of running calls.
func (c *Calls) Len() int { return len(c.calls) }

// Note takes an event.
func (c *Calls) Note(ev event.Event) {
	switch ev := ev.(type) {
	case event.Received:
		c.of(ev.Call, func(x *Call) { x.State, x.From, x.To, x.Since = "received", ev.From, ev.To, c.Now() })
	case event.Placed:
		c.known(ev.Call, func(x *Call) { x.placed(ev) })
	case event.Progress:
		c.known(ev.Call, func(x *Call) { x.State = "ringing" })
	case event.Answered:
		c.known(ev.Call, func(x *Call) { x.State, x.Answer, x.A.Media, x.B.Media = "running", c.Now(), ev.MediaA, ev.MediaB })
	case event.Secured:
		c.known(ev.Call, func(x *Call) { x.leg(ev.Leg).secure(ev) })
	case event.Compared:
		c.known(ev.Call, func(x *Call) { x.leg(ev.Leg).compare(ev.Same) })
	case event.Failed:
		delete(c.calls, ev.Call.Number)
	case event.Refused:
		delete(c.calls, ev.Call.Number)
	case event.Released:
		delete(c.calls, ev.Call.Number)
	}
}

func (c *Call) placed(ev event.Placed) {
	c.State, c.Callee, c.Why = "calling", ev.Callee, ev.Why
	c.Provider, c.Account = ev.Line.Provider, ev.Line.Account
}

// of begins a call.
func (c *Calls) of(name event.Call, change func(*Call)) {
	if name.Number == 0 {
		return
	}
	if c.calls == nil {
		c.calls = map[uint64]*Call{}
	}
	if c.calls[name.Number] == nil {
		c.calls[name.Number] = &Call{Number: name.Number}
	}
	c.known(name, change)
}

// known changes a call that was seen to begin and not to end.
func (c *Calls) known(name event.Call, change func(*Call)) {
	if x := c.calls[name.Number]; x != nil {
		x.A.CallID, x.B.CallID = name.A, name.B
		change(x)
	}
}

func (c *Call) leg(name string) *Leg {
	if name == "leg B" {
		return &c.B
	}
	return &c.A
}

// maxSecured bounds what is kept of a leg whose keys are made anew again and again.
const maxSecured = 8

func (l *Leg) secure(ev event.Secured) {
	if !slices.Contains(l.Secured, ev.What) && len(l.Secured) < maxSecured {
		l.Secured = append(slices.Clip(l.Secured), ev.What)
	}
	if z := ev.ZRTP; z != nil {
		verified := z.Verified && z.PeerVerified
		l.SAS = z.SAS
		if z.Agreement != event.Multistream { // a further stream says nothing of its own
			l.Verified, l.Phone = &verified, z.Client
			l.ZRTP = &ZRTP{
				ZID: z.ZID, Agreement: z.Agreement, Hash: z.Hash, Cipher: z.Cipher, Continuity: z.Continuity, Mismatch: z.Mismatch,
				VerifiedHere: z.Verified, VerifiedByPhone: z.PeerVerified, HashVerified: z.HashVerified,
			}
		}
	}
}

// compare notes what people found. What was copied for a reader stays as it was.
func (l *Leg) compare(same bool) {
	l.Verified = &same
	if l.ZRTP != nil {
		z := *l.ZRTP
		z.VerifiedHere, z.Mismatch = same, z.Mismatch && !same
		l.ZRTP = &z
	}
}

// List is a copy, oldest first.
func (c *Calls) List() []Call {
	out := make([]Call, 0, len(c.calls))
	for _, x := range c.calls {
		out = append(out, *x)
	}
	slices.SortFunc(out, func(a, b Call) int { return cmp.Compare(a.Number, b.Number) })
	return out
}

// Own answers the commands that the original does not have. All of them begin with B2BUA and are answered in JSON.
type Own struct {
	Calls  *Calls
	Status func() Status
	// Accounts of each provider; nil: the application has none. It is called aside, as Bridge.Providers is.
	Accounts func() []ProviderStanding
	// Retry registers the account of that name at once, or every one that failed with "all"; it tells how many it took.
	// It is called aside.
	Retry func(account string) int
	// Compare notes that people compared the SAS of one leg, "A" or "B", and what they found; it tells which it was.
	Compare func(call uint64, leg string, same bool) (sas string, err error)
}

// Status of the server.
type Status struct {
	Version     string    `json:"version"`
	Application string    `json:"application"`
	PID         int       `json:"pid"`
	Started     time.Time `json:"started"`
	StopsBy     time.Time `json:"stopsBy,omitzero"` // it takes no more calls, and ends those that still run then; zero: it is not stopping
	Calls       int       `json:"calls"`
	Streams     int       `json:"streams"`
	Connections int       `json:"connections"`
	// Transactions are those that are not over (RFC 3261 section 17), those that absorb repetitions included.
	Transactions int            `json:"transactions"`
	Goroutines   int            `json:"goroutines"`
	Accounts     map[string]int `json:"accounts,omitempty"` // number by status; only those that register
	Silent       []Registrar    `json:"silentRegistrars,omitempty"`
	Listening    []string       `json:"listening"`
	Pools        []Pool         `json:"pools,omitempty"` // those that a database fills
	Feed         *Feed          `json:"feed,omitempty"`  // of their changes
}

// Pool is a pool of accounts that a database fills.
type Pool struct {
	Name      string    `json:"name"`
	Loader    string    `json:"loader"` // "sqlite3" or "mysql"
	From      string    `json:"from"`
	State     string    `json:"state"`          // "waiting", "loading", "loaded", or "stale" while the database cannot be asked
	Rows      int       `json:"rows,omitempty"` // read by the load that runs
	Accounts  int       `json:"accounts"`
	Available int       `json:"available"`         // could take a call
	Loaded    time.Time `json:"loaded,omitzero"`   // end of the last complete load
	LastRead  time.Time `json:"lastRead,omitzero"` // of anything
	Stale     time.Time `json:"stale,omitzero"`    // since when
	Error     string    `json:"error,omitempty"`
}

// Feed is where changes of accounts are announced.
type Feed struct {
	Server   string    `json:"server"`
	Followed bool      `json:"followed"`
	Since    time.Time `json:"since,omitzero"` // that it is so
}

const ownUsage = "Valid subcommands for B2BUA:\n  CALLS  lists the running calls.\n  STATUS  shows how the server is.\n  ACCOUNTS  lists the accounts and how their registrations are.\n  REGISTER <account>|all  registers an account, or all that failed, at once." +
	"\n  SAS <call> A|B same|different  notes that the SAS of a leg was compared."

// Handle implements Handler.
func (o *Own) Handle(command string, args []string) Answer {
	if command != "B2BUA" {
		return nil
	}
	switch {
	case len(args) == 1 && args[0] == "CALLS":
		list := o.Calls.List()
		return func() string { return document(map[string]any{"calls": list}) }
	case len(args) == 1 && args[0] == "STATUS":
		status := o.Status()
		return func() string { return document(status) }
	case len(args) == 1 && args[0] == "ACCOUNTS":
		if o.Accounts == nil {
			return errorText("the server has no accounts: its b2bua-server/application is not sip-bridge")
		}
		return func() string { return document(map[string]any{"providers": o.Accounts()}) }
	case len(args) == 2 && args[0] == "REGISTER":
		return func() string { return document(map[string]any{"accounts": o.Retry(args[1])}) }
	case len(args) == 4 && args[0] == "SAS" && o.Compare != nil:
		return o.compare(args[1:])
	}
	return Text(ownUsage)
}

func (o *Own) compare(args []string) Answer {
	number, err := strconv.ParseUint(args[0], 10, 64)
	same := args[2] == "same"
	if err != nil || args[1] != "A" && args[1] != "B" || !same && args[2] != "different" {
		return Text(ownUsage)
	}
	sas, err := o.Compare(number, args[1], same)
	if err != nil {
		return Text(errorPrefix + err.Error())
	}
	return func() string { return document(map[string]any{"sas": sas}) }
}

func document(v any) string {
	text, err := json.Marshal(v)
	if err != nil { // what is marshalled has no cycle and no channel
		return errorPrefix + err.Error()
	}
	return string(text)
}
