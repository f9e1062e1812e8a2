package transport

import (
	"net/netip"
	"strconv"
	"strings"
	"time"

	"b2bua/core/sip"
)

// This file is about UDP sockets that nobody configured: they are opened when no listener suits a destination, on the address by which
// the kernel reaches it. They are no listening addresses, so they take only what we asked for, by giving their port to a peer:
//
//   - responses, by our Via;
//   - requests with a To tag, by our Contact in a dialog;
//   - other requests from an address where our Contact is registered by way of this socket.
//
// All else is dropped without an answer. A socket is closed when nothing came or went for outgoingIdle, no transaction is on it,
// and nobody can have a reason left to write to its port: a dialog or a registration that our Contact told about it.

const (
	// outgoingIdle outlives every repetition (32 s) by far, so that no late one meets a closed port, and is no shorter than
	// what a NAT keeps for a silent port (RFC 4787 section 4.3).
	outgoingIdle = 5 * time.Minute
	// dialogLife is for how long a dialog in which nothing was said can still bring a request: a call may last a day without one.
	dialogLife = 24 * time.Hour
	// subscriptionLife stands in for an Expires that a 2xx does not tell.
	subscriptionLife = time.Hour
	// reasonsKept bounds what is remembered per socket; a socket with more is not closed.
	reasonsKept = 20000
	// registrarsKept bounds the addresses where we registered by one socket; further ones can't reach us there.
	registrarsKept = 1000
)

// outgoing is what a socket that nobody configured needs to know about who may write to it, and until when. Loop only.
type outgoing struct {
	used       time.Time
	reasons    map[string]time.Time     // dialogs and subscriptions
	registrars map[netip.Addr]time.Time // where our Contact is registered
	crowded    bool                     // more reasons than are kept
}

func newOutgoing(now time.Time) *outgoing {
	return &outgoing{used: now, reasons: map[string]time.Time{}, registrars: map[netip.Addr]time.Time{}}
}

// admits tells whether a message may come to this socket.
func (o *outgoing) admits(now time.Time, in *inbound) bool {
	switch {
	case in.fault != nil:
		return false
	case !in.msg.IsRequest(), in.msg.To.Tag() != "":
		return true
	default:
		return o.registrars[in.flow.Remote.Addr()].After(now)
	}
}

// registering notes a REGISTER that gives our port to a registrar.
func (o *outgoing) registering(now time.Time, m *sip.Message, registrar netip.Addr) {
	life := time.Hour // the usual life of a binding when nothing is said (RFC 3261 section 10.3)
	if d, ok := seconds(headerOf(m, "Expires")); ok {
		life = d
	}
	for _, c := range m.Contact {
		if v, ok := c.Params.Get("expires"); ok {
			if d, ok := seconds(v); ok {
				life = d
			}
		}
	}
	until := now.Add(life + time.Minute) // requests that were sent before it expired
	if _, known := o.registrars[registrar]; known || len(o.registrars) < registrarsKept {
		o.registrars[registrar] = until
	}
}

// answered notes what a 2xx, sent or received, begins or prolongs.
func (o *outgoing) answered(now time.Time, m *sip.Message) {
	if m.Status < 200 || m.Status > 299 {
		return
	}
	switch m.CSeq.Method { //nolint:exhaustive // no other method makes or prolongs a dialog
	case sip.INVITE, sip.UPDATE:
		o.keep(dialogOf(m), now.Add(dialogLife))
	case sip.SUBSCRIBE, sip.REFER:
		life, ok := seconds(headerOf(m, "Expires"))
		if !ok {
			life = subscriptionLife
		}
		o.keep(dialogOf(m), now.Add(life))
	case sip.BYE:
		delete(o.reasons, dialogOf(m))
	}
}

func (o *outgoing) keep(reason string, until time.Time) {
	if _, known := o.reasons[reason]; !known && len(o.reasons) >= reasonsKept {
		o.crowded = true
		return
	}
	o.reasons[reason] = until
}

// idle tells whether nobody can have a reason to write to this socket any more.
func (o *outgoing) idle(now time.Time) bool {
	return now.Sub(o.used) >= outgoingIdle && o.free(now)
}

// free tells whether nothing ties a peer to this socket or connection.
func (o *outgoing) free(now time.Time) bool {
	if o.crowded {
		return false
	}
	for k, until := range o.reasons {
		if !until.After(now) {
			delete(o.reasons, k)
		}
	}
	for k, until := range o.registrars {
		if !until.After(now) {
			delete(o.registrars, k)
		}
	}
	return len(o.reasons)+len(o.registrars) == 0
}

// dialogOf names a dialog the same way for messages of both directions.
func dialogOf(m *sip.Message) string {
	a, b := m.From.Tag(), m.To.Tag()
	return m.CallID + " " + min(a, b) + " " + max(a, b)
}

func headerOf(m *sip.Message, name string) string {
	v, _ := m.Header(name)
	return v
}

func seconds(s string) (time.Duration, bool) {
	n, err := strconv.ParseUint(strings.TrimSpace(s), 10, 32)
	return time.Duration(n) * time.Second, err == nil
}

// admitted tells whether a datagram may be looked at. It is dropped without an answer when it came to a socket
// that is no listening address and nobody there was asked for it.
func (s *Stack) admitted(now time.Time, in *inbound) bool {
	u := s.udpByID(in.flow.ID)
	switch {
	case u == nil: // closed meanwhile
		return false
	case u.outgoing == nil:
		return true
	case u.outgoing.admits(now, in):
		u.outgoing.used = now
		if in.msg.Status != 0 {
			u.outgoing.answered(now, in.msg)
		}
		return true
	}
	s.faults.warn("request to a port that is not listened on: dropped", "udp", in.flow.Remote, "not of a call of ours")
	return false
}

// closeOutgoing closes the sockets that have nothing to wait for.
func (s *Stack) closeOutgoing(now time.Time) (left bool) {
	for _, u := range s.udp.outgoing {
		if s.engine.On(uint64(u.id)) == 0 && u.outgoing.idle(now) {
			_ = u.conn.Close() // ends its reader
			s.udp.remove(u)
		}
	}
	return len(s.udp.outgoing) > 0
}
