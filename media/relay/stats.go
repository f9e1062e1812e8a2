package relay

import (
	"net/netip"
	"time"

	"b2bua/media/dtmf"
	"b2bua/media/sdp"
)

// Stats of one side. Packets are counted where the reason lies: what came from the peer, and what was to go to it.
type Stats struct {
	Packets, Octets  uint64 // RTP accepted from the peer; octets with header, without SRTP's tag
	RTCP             uint64 // compound packets accepted
	Sent, SentOctets uint64 // RTP to the peer
	SentRTCP         uint64

	Lost   int64         // RTP that never came, by extended sequence numbers; negative: duplicates
	Jitter time.Duration // RFC 3550 section 6.4.1
	// RoundTrip is from here to the peer and back, smoothed: from the relay of a sender report to the peer's report about it, less
	// the time that the peer says it kept it (RFC 3550 section 6.4.1). The sum of both sides is what the phones see end to end.
	// 0: not known.
	RoundTrip time.Duration
	FarLost   int64          // what the peer reports about the stream that we send it, by its newest RTCP report
	FarJitter time.Duration  // the same
	SSRC      uint32         // of the newest source
	Last      time.Time      // newest valid packet, RTP or RTCP
	LastRTP   time.Time      // newest RTP accepted
	Wanted    time.Time      // since when the peer is to send RTP; zero: it is not, or the side is on hold
	Remote    netip.AddrPort // where the media comes from; invalid: nothing came yet
	Checked   netip.AddrPort // where the newest valid check of ICE came from; invalid: none, or the transport is another stream's
	Nominated bool           // the peer has nominated a pair

	AuthFailed uint64 // SRTP or SRTCP that did not authenticate: clear packets on a secured leg, too
	Replayed   uint64 // seen already, or older than the window
	Evicted    uint64 // SSRCs whose SRTP state made room for newer ones
	Unmapped   uint64 // payload types that were not negotiated here or have no counterpart on the other leg
	Malformed  uint64
	Oversized  uint64
	Flooded    uint64 // more than one port may take at a time, from the peer or from others
	Strangers  uint64 // sources that may not speak
	Checks     uint64 // of ICE, valid
	Other      uint64 // STUN, DTLS, ZRTP, unknown
	NotReady   uint64 // came before the side was set or had its keys
	Held       uint64 // not relayed because of the direction
	Late       uint64 // numbers that do not continue, or were sent already
	Unsent     uint64 // for this side, which was not set, without keys or address
	SendFailed uint64 // the system refused
	Tones      uint64 // digits told, and digits played to this side
}

// Stats is a snapshot.
func (r *Relay) Stats(on Side) Stats {
	s := &r.sides[on]
	out := s.stats
	out.Lost, out.Jitter, out.RoundTrip = s.reception.Lost(), s.reception.Jitter(), s.trip.Smoothed()
	out.SSRC, _ = s.reception.SSRC()
	if s.rides() && out.Packets > 0 {
		out.Remote = s.latch.source
	}
	out.Wanted = s.wanted
	if p := s.own.path; p != nil {
		if n := len(p.checked[RTP]); n > 0 {
			out.Checked = p.checked[RTP][n-1]
		}
		out.Nominated = p.selected[RTP].IsValid()
	}
	for i := range s.own.keys {
		if recv := s.own.keys[i].recv; recv != nil {
			out.Evicted += recv.Evicted()
		}
	}
	return out
}

// EventKind is what happened.
type EventKind uint8

// Events. NoMedia comes again each time the same silence has lasted once more the configured time; it is for the consumer to
// know whether the call is old enough for it to matter.
const (
	Latched      EventKind = iota // Addr: the peer's media comes from there; the first packet, or a move
	NoMedia                       // For: nothing valid came for so long
	Flooded                       // Addr, Count: more came from there than any stream has; told once
	AuthFailures                  // Count failed in a short time
	Unroutable                    // Addr, Count: the system knows no way there for so many datagrams
	Secured                       // Channel, Suite, Addr: the peer's certificate is the right one, and the keys are in force
	SecureFailed                  // Channel, Err, Retried: the channel has no keys, or only those of a former handshake
	PathSelected                  // Channel, Addr: the peer has nominated a pair of ICE candidates; packets go there
	PictureLost                   // the peer asks for a whole picture by feedback, which the other side has not agreed on
	ToneHeard                     // Tone: a digit came as a telephone event that the other side has no format for
	Suspicious                    // Err: what somebody in the middle may have caused, in an exchange of ZRTP; it ends nothing
	Unsecured                     // the peer of a Secured side is another one, or begins anew: until the next Secured the keys are those of the former one
)

// Event is told to Config.Notify.
type Event struct {
	Kind    EventKind
	Side    Side
	Addr    netip.AddrPort
	For     time.Duration
	Count   uint64
	Channel Channel
	Suite   sdp.Suite
	Err     error
	Retried bool // of a SecureFailed: the peer may still succeed, and Secured follow; keys that its certificate proved stay in force
	Tone    dtmf.Tone
}

// String is for logs.
func (k EventKind) String() string {
	switch k {
	case Latched:
		return "media latched"
	case NoMedia:
		return "no media"
	case Flooded:
		return "media flood"
	case AuthFailures:
		return "media authentication failures"
	case Unroutable:
		return "media address unroutable"
	case Secured:
		return "media secured"
	case SecureFailed:
		return "media handshake failed"
	case PathSelected:
		return "media path selected"
	case PictureLost:
		return "whole picture asked for"
	case ToneHeard:
		return "digit heard"
	case Suspicious:
		return "media key agreement suspicious"
	case Unsecured:
		return "media secured with a former peer"
	}
	return "unknown"
}

// Authentication failures are told once burstSize of them came within burstTime: a peer with a wrong key sends 50 a second,
// line noise none.
const (
	burstSize = 50
	burstTime = 10 * time.Second
)

// Tick supervises both sides. It is due a few times a second.
func (r *Relay) Tick(now time.Time) {
	for i := range r.sides {
		s := &r.sides[i]
		s.own.path.tick(now)
		for k := range s.own.keys {
			if key := &s.own.keys[k]; key.old != nil && now.After(key.oldUntil) {
				s.stats.Evicted += key.dropOld(&s.own.formers)
			}
		}
		if !s.enabled {
			continue
		}
		r.superviseSilence(now, Side(i), s)
		r.superviseAuth(now, Side(i), s)
		r.superviseWay(Side(i), s)
	}
	r.superviseFlood()
}

func (r *Relay) superviseFlood() {
	for i := range r.sides {
		s := &r.sides[i]
		clear(s.own.taken[:])
		if s.stats.Flooded > 0 && !s.floodTold {
			s.floodTold = true
			r.notify(Event{Kind: Flooded, Side: Side(i), Addr: s.flooder, Count: s.stats.Flooded})
		}
	}
}

func (r *Relay) superviseSilence(now time.Time, on Side, s *side) {
	limit := r.cfg.NoMedia
	if s.held() {
		limit = r.cfg.Hold
	}
	silent := now.Sub(s.last)
	if limit <= 0 || silent < limit*time.Duration(s.silences+1) {
		return
	}
	s.silences++
	r.notify(Event{Kind: NoMedia, Side: on, For: silent})
}

// expectMedia notes since when the peer is to send: a silence on hold is none.
func (s *side) expectMedia(now time.Time) {
	switch {
	case !s.enabled || s.held(): // most phones send nothing on hold, even where they said sendonly
		s.wanted = time.Time{}
	case s.wanted.IsZero():
		s.wanted = now
	}
}

func (r *Relay) superviseWay(on Side, s *side) {
	if s.unroutable > 0 && !s.wayTold {
		s.wayTold = true
		r.notify(Event{Kind: Unroutable, Side: on, Addr: s.wayless, Count: s.unroutable})
	}
}

func (r *Relay) superviseAuth(now time.Time, on Side, s *side) {
	if now.Sub(s.burstFrom) > burstTime {
		s.burstFrom, s.burst, s.burstTold = now, s.stats.AuthFailed, false
	}
	if n := s.stats.AuthFailed - s.burst; n >= burstSize && !s.burstTold {
		s.burstTold = true
		r.notify(Event{Kind: AuthFailures, Side: on, Count: n})
	}
}
