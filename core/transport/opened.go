package transport

import (
	"errors"
	"time"

	"b2bua/core/sip"
)

// This file is about the connections that we open: how long they stay, and how many there may be.
//
// One without transactions is closed when no message came or went by it for outgoingIdle: whoever has something to say later connects
// again, we as well as the peer, to whom our Contact told where we listen. Two things tie a peer to the connection itself, and it stays
// as long as they last: our registration, as a registrar behind a NAT or a firewall has no other way to us; and, where we do not listen,
// a dialog whose Contact names the connection's own port.
//
// Requests outside dialogs go where we were told to send them. Requests inside dialogs go where peers say, by Contact and Record-Route:
// connections that carried nothing else have a share of their own, so that no stranger's choice takes the place of our proxy's.

// aim is what a connection was opened for.
type aim uint8

const (
	chosen  aim = iota // requests outside dialogs too
	invited            // only requests inside dialogs, to targets that peers named
)

// The share of invited connections, in all and while they are being made.
const (
	invitedShare      = 4 // one in so many
	invitedDialsShare = 2
)

var errCrowded = errors.New("too many connections to targets that peers named, or in all")

func aimOf(req *sip.Message) aim {
	if req.To.Tag() != "" {
		return invited
	}
	return chosen
}

// mayDial tells whether one more connection can be made, after closing one that nobody needs if it must be.
func (s *Stack) mayDial(now time.Time, why aim) error {
	if len(s.dials) >= maxDials || why == invited && s.dialling >= maxDials/invitedDialsShare {
		return errTooMany
	}
	most := s.cfg.Limits.Outgoing
	full := s.opened[chosen]+s.opened[invited] >= most
	switch {
	case why == invited && (full || s.opened[invited] >= max(1, most/invitedShare)):
		full = !s.makeRoom(now, invited)
	case full:
		full = !s.makeRoom(now, invited) && !s.makeRoom(now, chosen)
	}
	if full {
		return errCrowded
	}
	return nil
}

// makeRoom closes the connection of that kind that was not used for longest and that nothing is waited for by.
func (s *Stack) makeRoom(now time.Time, kind aim) bool {
	var oldest *flow
	for _, f := range s.flows {
		if f.life != nil && f.aim == kind && (oldest == nil || f.life.used.Before(oldest.life.used)) &&
			s.engine.On(uint64(f.ID)) == 0 && f.life.free(now) {
			oldest = f
		}
	}
	if oldest == nil {
		return false
	}
	oldest.hangUp("keep", errCrowded)
	s.unregister(oldest, oldest.why.Load())
	return true
}

// carries notes what is to be sent by a connection.
func (s *Stack) carries(now time.Time, f *flow, req *sip.Message) {
	if f.life == nil {
		return
	}
	if f.aim == invited && aimOf(req) == chosen {
		s.opened[invited]--
		s.opened[chosen]++
		f.aim = chosen
	}
	if req.Method == sip.REGISTER {
		f.life.registering(now, req, f.Remote.Addr())
	}
}

// answeredBy notes a response sent or received by a connection.
func (s *Stack) answeredBy(now time.Time, f *flow, resp *sip.Message) {
	if f.life == nil {
		return
	}
	if _, port := s.reachable(f.Network, f.Local); port == int(f.Local.Port()) { // our Contact names the connection
		f.life.answered(now, resp)
	}
}

// unneeded tells whether a connection that we opened can be closed.
func (s *Stack) unneeded(now time.Time, f *flow) bool {
	return f.life.idle(now) && s.engine.On(uint64(f.ID)) == 0
}
