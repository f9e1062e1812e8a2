package redisfeed

import (
	"fmt"
	"strings"
	"time"

	"b2bua/core/event"
)

// outage is what has been told of the time without a subscription.
type outage struct {
	since  time.Time
	told   string
	toldAt time.Time
}

func (o *outage) begin(now time.Time) { *o = outage{since: now} }

func (f *Feed) say(at event.Level, format string, args ...any) {
	f.emit(Happened{Line{at, fmt.Sprintf(format, args...)}})
}

// tellRound tells that no server was found: once, and when the reason changes, and every ten minutes.
func (f *Feed) tellRound(now time.Time) {
	what := strings.Join(f.reasons, "; ")
	o := &f.outage
	switch {
	case o.told == "":
	case o.told != what && now.Sub(o.toldAt) >= tellChange:
	case now.Sub(o.toldAt) >= tellAgain:
	default:
		return
	}
	o.told, o.toldAt = what, now
	level, advice := event.Warning, "check redis-server-domain and redis-server-port in [module::Registrar] and that the server runs"
	switch f.cause {
	case Refused:
		level, advice = event.Error, "correct redis-auth-user and redis-auth-password in [module::Registrar]"
	case Forbidden:
		level, advice = event.Error, "let the user of redis-auth-user subscribe: ACL SETUSER <user> +subscribe +ping +info &"+Channel
	case Unreachable, Busy:
	}
	f.say(level, "Redis: no server to follow for %v (%s): changes of accounts are not seen; tried again by itself; %s",
		now.Sub(o.since).Round(time.Second), what, advice)
}

func (f *Feed) tellBack(now time.Time) {
	replicas := ""
	if n := len(f.replicas); n > 0 && f.cfg.UseReplicas {
		replicas = fmt.Sprintf(", %d replicas known", n)
	}
	again := ""
	if f.everBeen {
		again = fmt.Sprintf(" again, after %v", now.Sub(f.outage.since).Round(time.Millisecond))
	}
	f.everBeen = true
	f.say(event.Message, "Redis %v: changes of accounts are followed%s%s; all accounts are read now", f.at, again, replicas)
}

// badMessages bounds what malformed messages write.
type badMessages struct {
	until   time.Time // end of the window; zero: none
	n       int       // in the window
	lastWhy string
}

func (f *Feed) tellBadMessage(now time.Time, why error) {
	b := &f.bad
	if b.until.IsZero() {
		b.until = now.Add(badWindow)
	}
	b.lastWhy = why.Error()
	if b.n++; b.n <= badLines {
		f.say(event.Error, `Redis %v: message on %s ignored: %v; wanted: {"username":"…","domain":"…","identifier":"…"}`, f.at, Channel, why)
	}
}

// tellBad ends the window.
func (f *Feed) tellBad() {
	if more := f.bad.n - badLines; more > 0 {
		f.say(event.Error, "Redis: %d more messages on %s ignored within %v; the last: %s", more, Channel, badWindow, f.bad.lastWhy)
	}
	f.bad = badMessages{}
}
