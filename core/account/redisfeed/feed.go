package redisfeed

import (
	"fmt"
	"slices"
	"time"

	"b2bua/core/event"
)

// Config of a Feed.
type Config struct {
	Server      Host          // redis-server-domain, redis-server-port
	CheckPeriod time.Duration // redis-slave-check-period
	UseReplicas bool          // redis-use-slaves-as-backup
	KeepAlive   time.Duration // redis-subscription-keep-alive-check-period, above zero
	Retry       time.Duration // rest after all servers failed; 0: 1 s
}

type state uint8

const (
	resting state = iota
	connecting
	asking
	subscribing
	subscribed
	stopped
)

// Feed listens to the announcements of changes.
type Feed struct {
	cfg   Config
	state state
	link  Link
	at    Host // of link

	timer   time.Time // all states but subscribed: when the rest or the patience ends
	checkAt time.Time // subscribed: next INFO
	pingAt  time.Time // subscribed: next PING
	checkBy time.Time // its answer; zero: none is awaited
	pingBy  time.Time

	good     Host // last server that we were subscribed at; zero: none
	replicas []Host
	blind    bool // INFO is forbidden

	round    []Host // still to be tried
	visited  []Host // tried in this round, in order
	reasons  []string
	cause    Cause // of this round: a refusal, if there was one, else Unreachable
	hasty    int   // refusals and early losses in a row: rests grow
	since    time.Time
	outage   outage
	bad      badMessages
	outputs  []Output
	drained  int
	everBeen bool
}

// NewFeed makes a Feed that does nothing before Start.
func NewFeed(cfg Config) *Feed {
	if cfg.Retry <= 0 {
		cfg.Retry = defaultRetry
	}
	return &Feed{cfg: cfg, state: stopped}
}

// Poll is the next output; false when there is none.
func (f *Feed) Poll() (Output, bool) {
	if f.drained == len(f.outputs) {
		clear(f.outputs)
		f.outputs, f.drained = f.outputs[:0], 0
		return nil, false
	}
	f.drained++
	return f.outputs[f.drained-1], true
}

// Listening says whether the subscription stands, and where.
func (f *Feed) Listening() (Host, bool) { return f.at, f.state == subscribed }

// Start begins to connect.
func (f *Feed) Start(now time.Time) {
	f.outage.begin(now)
	f.begin(now)
}

// Stop closes what is open; nothing follows.
func (f *Feed) Stop() {
	if f.link != 0 {
		f.emit(Close{f.link})
	}
	f.state, f.link = stopped, 0
}

// Deadline is when Advance is due; zero when never.
func (f *Feed) Deadline() time.Time {
	switch f.state {
	case stopped:
		return time.Time{}
	case subscribed:
		return first(f.checkAt, f.pingAt, f.checkBy, f.pingBy, f.bad.until)
	case resting, connecting, asking, subscribing:
	}
	return first(f.timer, f.bad.until)
}

func first(times ...time.Time) time.Time {
	var out time.Time
	for _, t := range times {
		if !t.IsZero() && (out.IsZero() || t.Before(out)) {
			out = t
		}
	}
	return out
}

func due(now, t time.Time) bool { return !t.IsZero() && !now.Before(t) }

// Advance does what is due.
func (f *Feed) Advance(now time.Time) {
	if due(now, f.bad.until) {
		f.tellBad()
	}
	switch f.state {
	case stopped:
	case resting:
		if due(now, f.timer) {
			f.begin(now)
		}
	case connecting, asking, subscribing:
		if due(now, f.timer) {
			f.lost(now, Failure{Unreachable, fmt.Sprintf("no answer within %v", patience)})
		}
	case subscribed:
		f.keep(now)
	}
}

// keep looks after a subscription.
func (f *Feed) keep(now time.Time) {
	if due(now, f.checkBy) || due(now, f.pingBy) {
		f.lost(now, Failure{Unreachable, fmt.Sprintf("no answer within %v", patience)})
		return
	}
	if due(now, f.pingAt) {
		f.emit(Ping{f.link})
		f.pingAt, f.pingBy = time.Time{}, now.Add(patience)
	}
	if due(now, f.checkAt) {
		f.emit(AskRole{f.link})
		f.checkAt, f.checkBy = time.Time{}, now.Add(patience)
	}
}

// begin starts a round: the last good server, the configured one, the replicas.
func (f *Feed) begin(now time.Time) {
	f.round, f.visited, f.reasons, f.cause = f.round[:0], f.visited[:0], f.reasons[:0], Unreachable
	if f.good != (Host{}) {
		f.round = append(f.round, f.good)
	}
	f.round = append(f.round, f.cfg.Server)
	if f.cfg.UseReplicas {
		f.round = append(f.round, f.replicas...)
	}
	f.next(now)
}

// next tries the next server of the round, or ends it.
func (f *Feed) next(now time.Time) {
	for len(f.round) > 0 {
		h := f.round[0]
		f.round = f.round[1:]
		if !slices.Contains(f.visited, h) && len(f.visited) < maxVisits {
			f.dial(now, h)
			return
		}
	}
	if f.cause == Unreachable { // constant, so that an outage ends soon after its cause
		f.state, f.timer = resting, now.Add(f.cfg.Retry)
	} else {
		f.rest(now)
	}
	f.tellRound(now)
}

// rest waits longer each time: a server refuses us or hangs up on us again and again.
func (f *Feed) rest(now time.Time) {
	f.hasty++
	d := f.cfg.Retry
	for i := 1; i < f.hasty && d < maxRest; i++ {
		d *= 2
	}
	f.state, f.timer = resting, now.Add(min(d, max(maxRest, f.cfg.Retry)))
}

func (f *Feed) dial(now time.Time, h Host) {
	f.link++
	f.at, f.state, f.timer = h, connecting, now.Add(patience)
	f.visited = append(f.visited, h)
	f.emit(Connect{f.link, h})
}

// Connected says that the connection for commands stands and that we are let in.
func (f *Feed) Connected(now time.Time, l Link) {
	if l != f.link || f.state != connecting {
		return
	}
	f.state, f.timer = asking, now.Add(patience)
	f.emit(AskRole{l})
}

// Role is an answer to AskRole.
func (f *Feed) Role(now time.Time, l Link, info string) {
	if l != f.link || f.state != asking && f.checkBy.IsZero() {
		return
	}
	r, err := ParseReplication(info)
	if err != nil {
		f.lost(now, Failure{Busy, err.Error()})
		return
	}
	f.blind = false
	if r.Master {
		f.replicas = r.Replicas
		f.master(now)
		return
	}
	where := fmt.Sprintf("it is a replica of %v", r.MasterAt)
	if !r.LinkUp { // what is announced at its master does not come here
		f.lost(now, Failure{Busy, where + " and has lost it"})
		return
	}
	if f.state == subscribed {
		f.drop(now, where+" now")
		f.visited, f.reasons = f.visited[:0], f.reasons[:0]
		f.round = append([]Host{r.MasterAt, f.cfg.Server}, f.replicas...)
	} else {
		f.fail(where)
		f.round = append([]Host{r.MasterAt}, f.round...)
	}
	f.next(now)
}

// master goes on where the role of the server is the right one.
func (f *Feed) master(now time.Time) {
	if f.state == subscribed {
		f.checkAt, f.checkBy = f.nextCheck(now), time.Time{}
		return
	}
	f.state, f.timer = subscribing, now.Add(patience)
	f.emit(Subscribe{f.link})
}

func (f *Feed) nextCheck(now time.Time) time.Time {
	if f.cfg.CheckPeriod <= 0 || f.blind {
		return time.Time{}
	}
	return now.Add(f.cfg.CheckPeriod)
}

// Subscribed confirms the subscription. Whatever was announced before is lost, so everything is read.
func (f *Feed) Subscribed(now time.Time, l Link) {
	if l != f.link || f.state != subscribing {
		return
	}
	f.state, f.since, f.good = subscribed, now, f.at
	f.timer, f.checkBy, f.pingBy = time.Time{}, time.Time{}, time.Time{}
	f.checkAt, f.pingAt = f.nextCheck(now), now.Add(f.cfg.KeepAlive)
	f.emit(Reload{})
	f.tellBack(now)
}

// Pong answers Ping.
func (f *Feed) Pong(now time.Time, l Link) {
	if l == f.link && f.state == subscribed && !f.pingBy.IsZero() {
		f.pingAt, f.pingBy = now.Add(f.cfg.KeepAlive), time.Time{}
	}
}

// Message is an announcement. One that cannot be used is told and changes nothing.
func (f *Feed) Message(now time.Time, l Link, payload []byte) {
	if l != f.link || f.state != subscribed {
		return
	}
	key, err := ParseMessage(payload)
	if err != nil {
		f.tellBadMessage(now, err)
		return
	}
	f.emit(Update{key})
}

// Failed says that a connection broke or could not be made, or that a command was refused.
func (f *Feed) Failed(now time.Time, l Link, failure Failure) {
	if l != f.link || f.state == resting || f.state == stopped {
		return
	}
	asked := f.state == asking || f.state == subscribed && !f.checkBy.IsZero()
	if failure.Cause == Forbidden && asked { // a user that may only subscribe: a single server will do
		if !f.blind {
			f.blind = true
			f.say(event.Warning, "Redis %v: the user may not ask for the server's role (%s), so its replicas stay unknown; allow it +info", f.at, failure.Reason)
		}
		f.master(now)
		return
	}
	f.lost(now, failure)
}

// lost gives a link up and tries the next server: at once, but after a subscription that was short.
func (f *Feed) lost(now time.Time, failure Failure) {
	reason := failure.Reason
	if f.state != subscribed {
		f.fail(reason)
		if failure.Cause == Refused || failure.Cause == Forbidden {
			f.cause = failure.Cause
		}
		f.next(now)
		return
	}
	lived := now.Sub(f.since)
	f.drop(now, reason)
	if lived < stable {
		f.rest(now)
		return
	}
	f.hasty = 0
	f.begin(now)
}

// fail closes the link and notes why.
func (f *Feed) fail(reason string) {
	f.emit(Close{f.link})
	f.reasons = append(f.reasons, fmt.Sprintf("%v: %s", f.at, reason))
	f.link++ // late answers of this one are not ours
}

// drop ends a subscription.
func (f *Feed) drop(now time.Time, reason string) {
	f.emit(Close{f.link})
	f.link++
	f.checkBy, f.pingBy = time.Time{}, time.Time{}
	f.outage.begin(now)
	f.state = resting
	f.say(event.Warning, "Redis %v is lost (%s): accounts stay as they are, changes are not seen until it or another server is found", f.at, reason)
}

func (f *Feed) emit(o Output) { f.outputs = append(f.outputs, o) }
